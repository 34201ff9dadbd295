"""Provides resources, prompts and completions: shops, toolsets, stored results, a seller's routines."""

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

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.prompts import PERIOD_COMPLETIONS, PROMPT_TEMPLATES, render_prompt

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import (
        CompleteRequestParams,
        GetPromptRequestParams,
        PaginatedRequestParams,
        ReadResourceRequestParams,
    )

    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.logs import SecretRedactor

    Context = ServerRequestContext[Any, Any]

URI_SCHEME = "tiktok-shop://"
RESULTS_URI_PREFIX = f"{URI_SCHEME}results/"
JSON_MEDIA_TYPE = "application/json"
MAX_COMPLETIONS = 100  # completions that the protocol allows


@dataclass(frozen=True, slots=True)
class ResourceProvider:
    """The handlers of resources, prompts and completions.

    A `ShopError` becomes a protocol error (invalid params) with its message and hint.
    """

    operations: OperationDirectory
    result_store: ScopedResultStore
    list_shops: LocalTool
    secrets: SecretRedactor

    async def list_resources(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        shops = Resource(
            uri=f"{URI_SCHEME}shops",
            name="shops",
            title="Shops",
            description="The shops to act on.",
            mime_type=JSON_MEDIA_TYPE,
        )
        toolsets = Resource(
            uri=f"{URI_SCHEME}toolsets",
            name="toolsets",
            title="Toolsets",
            description="The areas of operations, with what each holds; --toolsets lists them as tools.",
            mime_type=JSON_MEDIA_TYPE,
        )
        return ListResourcesResult(resources=[shops, toolsets])

    async def list_resource_templates(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        results = ResourceTemplate(
            uri_template=RESULTS_URI_PREFIX + "{id}",
            name="results",
            title="Kept results",
            description="A result that was too large for one answer, whole, by its result_id; for a day.",
            mime_type=JSON_MEDIA_TYPE,
        )
        return ListResourceTemplatesResult(resource_templates=[results])

    async def read_resource(self, _ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        text = self.secrets.redact_secrets(await self._read_text(uri))
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=JSON_MEDIA_TYPE)])

    async def _read_text(self, uri: str) -> str:
        try:
            if uri == f"{URI_SCHEME}shops":
                shops = await self.list_shops({}, None, NON_INTERACTIVE_CALLER)
                return json.dumps(shops, ensure_ascii=False)
            if uri == f"{URI_SCHEME}toolsets":
                return json.dumps(self._group_by_toolset(), ensure_ascii=False)
            if uri.startswith(RESULTS_URI_PREFIX):
                content = await self.result_store.get(uri.removeprefix(RESULTS_URI_PREFIX))
                if content is not None:
                    return content.decode()
        except ShopError as error:
            raise _to_mcp_error(error) from None
        message = "There is no such resource, or no longer: results are kept for a day."
        raise MCPError(INVALID_PARAMS, message, {"uri": uri})

    def _group_by_toolset(self) -> dict[str, Any]:
        """The names of the operations that this server does, by toolset."""
        areas: dict[str, list[str]] = {}
        for operation in self.operations.list_available():
            areas.setdefault(operation.area, []).append(operation.name)
        default = [name for names in areas.values() for name in names if name in DEFAULT_TOOLS]
        return {"default": default} | areas

    async def list_prompts(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(
            prompts=[
                Prompt(
                    name=name,
                    title=template.title,
                    description=template.description,
                    arguments=[
                        PromptArgument(name=n, description=description, required=n in template.required_arguments)
                        for n, description in template.arguments.items()
                    ],
                )
                for name, template in PROMPT_TEMPLATES.items()
                if self.operations.are_available(template.required_tools)
            ]
        )

    async def get_prompt(self, _ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
        try:
            text = render_prompt(params.name, params.arguments or {})
        except ShopError as error:
            raise _to_mcp_error(error) from None
        message = PromptMessage(role="user", content=TextContent(text=text))
        return GetPromptResult(description=PROMPT_TEMPLATES[params.name].description, messages=[message])

    async def complete(self, _ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        prefix = params.argument.value.casefold()
        candidates = await self._list_completions(params.argument.name) if params.ref.type == "ref/prompt" else []
        values = [value for value in candidates if value.casefold().startswith(prefix)]
        return CompleteResult(completion=Completion(values=values[:MAX_COMPLETIONS], total=len(values), has_more=False))

    async def _list_completions(self, argument: str) -> list[str]:
        """The values that an argument of a prompt may be completed with."""
        if argument == "period":
            return list(PERIOD_COMPLETIONS)
        if argument == "below":
            return ["5", "10", "20", "50"]
        if argument != "shop":
            return []
        try:
            shops = await self.list_shops({}, None, NON_INTERACTIVE_CALLER)
        except ShopError:  # nobody has signed in: there is nothing to complete with
            return []
        return [str(shop["name"]) for shop in shops["shops"]]


def _to_mcp_error(error: ShopError) -> MCPError:
    return MCPError(INVALID_PARAMS, " ".join(filter(None, (error.message, error.hint))))
