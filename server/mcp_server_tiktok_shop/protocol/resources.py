"""What a client can read beside calling tools: shops, toolsets, kept results, prompts and what completes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteResult,
    Completion,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)

from mcp_server_tiktok_shop.calls.caller import NOBODY
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.prompts import PERIODS, ROUTINES, filled

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import (
        CompleteRequestParams,
        GetPromptRequestParams,
        PaginatedRequestParams,
        ReadResourceRequestParams,
    )

    from mcp_server_tiktok_shop.calls.dispatch import Assistant
    from mcp_server_tiktok_shop.logs import Secrets

    Context = ServerRequestContext[Any, Any]

SCHEME = "tiktok-shop://"
RESULTS = f"{SCHEME}results/"
JSON = "application/json"
MOST = 100  # completions that the protocol allows


@dataclass(frozen=True, slots=True)
class Shelf:
    """The handlers of resources, prompts and completions; faults become protocol errors that tell what was wrong."""

    assistant: Assistant
    secrets: Secrets

    async def resources(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        shops = Resource(
            uri=f"{SCHEME}shops", name="shops", title="Shops", description="The shops to act on.", mime_type=JSON
        )
        toolsets = Resource(
            uri=f"{SCHEME}toolsets",
            name="toolsets",
            title="Toolsets",
            description="The areas of operations, with what each holds; --toolsets lists them as tools.",
            mime_type=JSON,
        )
        return ListResourcesResult(resources=[shops, toolsets])

    async def templates(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        results = ResourceTemplate(
            uri_template=RESULTS + "{id}",
            name="results",
            title="Kept results",
            description="A result that was too large for one answer, whole, by its result_id; for a day.",
            mime_type=JSON,
        )
        return ListResourceTemplatesResult(resource_templates=[results])

    async def read(self, _ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        text = self.secrets.hide(await self._text(uri))
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=JSON)])

    async def _text(self, uri: str) -> str:
        try:
            if uri == f"{SCHEME}shops":
                shops = await self.assistant.local["list_shops"]({}, None, NOBODY)
                return json.dumps(shops, ensure_ascii=False)
            if uri == f"{SCHEME}toolsets":
                return json.dumps(self._toolsets(), ensure_ascii=False)
            if uri.startswith(RESULTS):
                kept = await self.assistant.kept.get(uri.removeprefix(RESULTS))
                if kept is not None:
                    return kept.decode()
        except ShopError as error:
            raise _told(error) from None
        told = "There is no such resource, or no longer: results are kept for a day."
        raise MCPError(INVALID_PARAMS, told, {"uri": uri})

    def _toolsets(self) -> dict[str, Any]:
        areas: dict[str, list[str]] = {}
        for operation in filter(self.assistant.offers, self.assistant.catalog.operations.values()):
            areas.setdefault(operation.area, []).append(operation.name)
        default = [name for names in areas.values() for name in names if name in DEFAULT]
        return {"default": default} | areas

    async def prompts(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(
            prompts=[
                Prompt(
                    name=name,
                    title=routine.title,
                    description=routine.description,
                    arguments=[
                        PromptArgument(name=n, description=told, required=n in routine.required)
                        for n, told in routine.arguments.items()
                    ],
                )
                for name, routine in ROUTINES.items()
                if self._done_here(routine.tools)
            ]
        )

    def _done_here(self, tools: tuple[str, ...]) -> bool:
        return all(self.assistant.offers(self.assistant.catalog.operations[name]) for name in tools)

    async def prompt(self, _ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
        try:
            text = filled(params.name, params.arguments or {})
        except ShopError as error:
            raise _told(error) from None
        message = PromptMessage(role="user", content=TextContent(text=text))
        return GetPromptResult(description=ROUTINES[params.name].description, messages=[message])

    async def complete(self, _ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        begun = params.argument.value.casefold()
        known = await self._known(params.argument.name) if params.ref.type == "ref/prompt" else []
        values = [value for value in known if value.casefold().startswith(begun)]
        return CompleteResult(completion=Completion(values=values[:MOST], total=len(values), has_more=False))

    async def _known(self, argument: str) -> list[str]:
        if argument == "period":
            return list(PERIODS)
        if argument == "below":
            return ["5", "10", "20", "50"]
        if argument != "shop":
            return []
        try:
            shops = await self.assistant.local["list_shops"]({}, None, NOBODY)
        except ShopError:  # nobody has signed in: there is nothing to complete with
            return []
        return [str(shop["name"]) for shop in shops["shops"]]


def _told(error: ShopError) -> MCPError:
    return MCPError(INVALID_PARAMS, " ".join(filter(None, (error.message, error.hint))))
