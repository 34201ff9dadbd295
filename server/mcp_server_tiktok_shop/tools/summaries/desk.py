"""Hands out the summaries as tools; what they are made of is loaded when the first of them is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.state.stores import ResultStore

SUMMARY_TOOLS = ("summarize_orders", "summarize_finance", "summarize_inventory")


@dataclass(frozen=True)
class SummaryTools:
    """`policy` says which operations may be read from; `clock` gives Unix seconds."""

    paginator: Paginator
    platform: PlatformClient
    state_store: ResultStore
    clock: Callable[[], float]
    policy: AccessPolicy

    def create_tools(self) -> dict[str, LocalTool]:
        return {name: self._create_lazy_tool(name) for name in SUMMARY_TOOLS}

    def _create_lazy_tool(self, name: str) -> LocalTool:
        async def summarize(values: Json, shop: str | None, caller: Caller) -> Json:
            return await self._implementations[name](values, shop, caller)

        return summarize

    @cached_property
    def _implementations(self) -> dict[str, LocalTool]:
        # A server that is never asked for a sum starts without all this.
        from mcp_server_tiktok_shop.tools.summaries.course import SummaryRunner  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.finance import FINANCE  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.inventory import INVENTORY  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.orders import ORDERS  # noqa: PLC0415

        runner = SummaryRunner(self.paginator, self.platform, self.state_store, self.clock, self.policy)
        return {definition.name: runner.create_tool(definition) for definition in (ORDERS, FINANCE, INVENTORY)}
