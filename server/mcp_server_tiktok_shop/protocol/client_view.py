"""What one tenant's clients see before they call a tool: instructions, tools, skills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.types import ListToolsResult
from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from mcp_server_tiktok_shop.calls.redaction.outgoing import SafeText
    from mcp_server_tiktok_shop.catalog.operation import CallerScope, Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.protocol.grants import Grant
    from mcp_server_tiktok_shop.protocol.skill_extension import SkillExtension

MAX_LISTINGS = 32  # of tools, of which most tenants have one in common; each is some hundred kB
INTRODUCING_METHODS = ("initialize", "server/discover")


class ToolListing(Struct, frozen=True):
    """The tools as they are listed, of which each grant sees those that it allows; tenants may share one."""

    tools: Sequence[Json]
    operations: OperationDirectory
    _results: dict[frozenset[CallerScope], ListToolsResult] = field(default_factory=dict)

    def list_for(self, grant: Grant) -> ListToolsResult:
        """The answer of `tools/list`; one for all grants of the same scopes."""
        if grant.scopes not in self._results:
            tools = [tool for tool in self.tools if grant.allows(self.operations.get(tool["name"]))]
            self._results[grant.scopes] = ListToolsResult.model_validate({"tools": tools}, by_name=False)
        return self._results[grant.scopes]


class CommonListings(Struct, frozen=True):
    """Listings by what makes them what they are: one object for all tenants that list the same."""

    _listings: dict[Hashable, ToolListing] = field(default_factory=dict)

    def get(self, key: Hashable, make: Callable[[], ToolListing]) -> ToolListing:
        if key not in self._listings:
            if len(self._listings) >= MAX_LISTINGS:
                self._listings.clear()
            self._listings[key] = make()
        return self._listings[key]


class ClientView(Struct, frozen=True):
    """What a client sees that is let in for one tenant."""

    instructions: SafeText
    tool_listing: ToolListing
    skill_extension: SkillExtension


class TenantInstructions(Struct, frozen=True):
    """The SDK's middleware: puts the instructions of the request's tenant in the place of the server's.

    Where a tenant's can't be had the server's stay: its client connects, and the first thing it asks for says why.
    """

    read_instructions: Callable[[ServerRequestContext[Any, Any]], Awaitable[SafeText]]

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method not in INTRODUCING_METHODS or not isinstance(result, dict):
            return result
        try:
            instructions = await self.read_instructions(ctx)
        except ShopError:
            return result
        return {**result, "instructions": instructions.text}
