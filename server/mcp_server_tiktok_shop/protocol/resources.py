"""Provides resources, prompts and completions: shops, toolsets, stored results, skills."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from mcp.types import (
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    Prompt,
    PromptArgument,
    Resource,
    ResourceTemplate,
)
from msgspec import Struct

from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.board.page import BOARD_MEDIA_TYPE, BOARD_META, BOARD_URI, read_page
from mcp_server_tiktok_shop.protocol.edge import (
    JSON_MEDIA_TYPE,
    MARKDOWN_MEDIA_TYPE,
    to_completions,
    to_prompt,
    to_protocol_error,
    to_resource,
)
from mcp_server_tiktok_shop.protocol.prompts import PERIOD_COMPLETIONS, render_prompt
from mcp_server_tiktok_shop.protocol.skills import SKILL_URI_PREFIX, find_skill, load_skills

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import (
        CompleteRequestParams,
        CompleteResult,
        GetPromptRequestParams,
        GetPromptResult,
        PaginatedRequestParams,
        PromptReference,
        ReadResourceRequestParams,
        ReadResourceResult,
        ResourceTemplateReference,
    )

    from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
    from mcp_server_tiktok_shop.calls.local_tool import LocalToolRunner
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard, SafeText
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.protocol.skills import Skill

    Context = ServerRequestContext[Any, Any]

URI_SCHEME = "tiktok-shop://"
RESULTS_URI_PREFIX = f"{URI_SCHEME}results/"
SHOPS_TOOL, RESULTS_TOOL = "list_shops", "read_result"  # the tools whose rules hold for the resources
MAX_COMPLETIONS = 100  # completions that the protocol allows


class ResourceProvider(Struct, frozen=True):
    """The handlers of resources, prompts and completions: other doors to what tools do, under the same rules.

    A `ShopError` of theirs becomes a protocol error (invalid params) with its message and hint.
    """

    operations: OperationDirectory
    result_store: ScopedResultStore
    local_tools: LocalToolRunner
    guard: OutgoingGuard
    limiter: CallLimiter

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
        skills = [
            Resource(
                uri=skill.uri,
                name=skill.name,
                title=skill.title,
                description=skill.description,
                mime_type=MARKDOWN_MEDIA_TYPE,
            )
            for skill in self._list_skills()
        ]
        own = [shops, toolsets] if self._is_available(SHOPS_TOOL) else [toolsets]
        return ListResourcesResult(resources=own + skills)

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
        return ListResourceTemplatesResult(resource_templates=[results] if self._is_available(RESULTS_TOOL) else [])

    async def read_resource(self, _ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        if uri == BOARD_URI:  # unlisted: hosts find it by the tools that name it, and no person has a use for its text
            page = self.guard.guard_text(read_page())
            return to_resource(self.guard.guard_text(uri), page, BOARD_MEDIA_TYPE, BOARD_META)
        if uri.startswith(SKILL_URI_PREFIX):
            return to_resource(self.guard.guard_text(uri), self._read_skill(uri), MARKDOWN_MEDIA_TYPE)
        return to_resource(self.guard.guard_text(uri), await self._read_text(uri), JSON_MEDIA_TYPE)

    def _read_skill(self, uri: str) -> SafeText:
        for skill in load_skills().values():
            if skill.uri == uri:
                self._ensure_allowed(skill)
                return self.guard.guard_text(skill.text)
        message = "There is no such skill: resources/list names those that exist."
        raise to_protocol_error(self.guard.guard_text(message), self.guard.guard_text(uri))

    async def _read_text(self, uri: str) -> SafeText:
        """What a tool would answer; it counts as a call."""
        await self.limiter.admit()
        if uri == f"{URI_SCHEME}shops":
            return self.guard.guard_json(await self.local_tools.read(SHOPS_TOOL))
        if uri == f"{URI_SCHEME}toolsets":
            return self.guard.guard_json(self._group_by_toolset())
        if uri.startswith(RESULTS_URI_PREFIX):
            self.operations.policy.ensure_allowed(self.operations.get(RESULTS_TOOL))
            content = await self.result_store.get(uri.removeprefix(RESULTS_URI_PREFIX))
            if content is not None:
                return await asyncio.to_thread(self._guard_stored_result, content)
        message = "There is no such resource, or no longer: results are kept for a day."
        raise to_protocol_error(self.guard.guard_text(message), self.guard.guard_text(uri))

    def _guard_stored_result(self, content: bytes) -> SafeText:
        return self.guard.guard_json(json.loads(content))

    def _is_available(self, tool: str) -> bool:
        return self.operations.are_available([tool])

    def _list_skills(self) -> list[Skill]:
        """The skills whose tools this server does."""
        return [s for s in load_skills().values() if self.operations.are_available(s.required_tools)]

    def _ensure_allowed(self, skill: Skill) -> None:
        for name in skill.required_tools:
            self.operations.policy.ensure_allowed(self.operations.get(name))

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
                    name=skill.name,
                    title=skill.title,
                    description=skill.description,
                    arguments=[
                        PromptArgument(name=n, description=description, required=n in skill.required_arguments)
                        for n, description in skill.arguments.items()
                    ],
                )
                for skill in self._list_skills()
            ]
        )

    async def get_prompt(self, _ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
        skill = find_skill(params.name)
        self._ensure_allowed(skill)
        text = render_prompt(skill.name, params.arguments or {})
        return to_prompt(self.guard.guard_text(skill.description), self.guard.guard_text(text))

    async def complete(self, _ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        prefix = params.argument.value.casefold()
        candidates = await self._list_completions(params.argument.name) if self._is_offered(params.ref) else []
        values = [self.guard.guard_text(value) for value in candidates if value.casefold().startswith(prefix)]
        return to_completions(values[:MAX_COMPLETIONS], len(values))

    def _is_offered(self, ref: PromptReference | ResourceTemplateReference) -> bool:
        """Whether it is a prompt that this server does: no other has arguments to complete."""
        if ref.type != "ref/prompt":
            return False
        try:
            skill = find_skill(ref.name)
        except ShopError:
            return False
        return self.operations.are_available(skill.required_tools)

    async def _list_completions(self, argument: str) -> list[str]:
        """The values that an argument of a prompt may be completed with."""
        if argument == "period":
            return list(PERIOD_COMPLETIONS)
        if argument != "shop":
            return []
        try:
            shops = await self.local_tools.read(SHOPS_TOOL)
        except ShopError:  # nobody has signed in, or shops are not named here: there is nothing to complete with
            return []
        return [str(shop["name"]) for shop in shops.get("shops", ())]
