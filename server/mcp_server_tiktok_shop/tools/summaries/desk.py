"""Hands out the summaries as tools; what they are made of is loaded when the first of them is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.dispatch import LocalTool
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.state.stores import ResultStore

SUMMARY_TOOLS = ("summarize_orders", "summarize_finance", "summarize_inventory")


@dataclass(frozen=True)
class SummaryTools:
    """`offers` says which operations this server does at all; `clock` gives Unix seconds."""

    catalog: Catalog
    platform: PlatformClient
    zone: ZoneInfo | None
    state_store: ResultStore
    clock: Callable[[], float]
    is_available: Callable[[Operation], bool]

    def create_tools(self) -> dict[str, LocalTool]:
        return {name: self._create_lazy_tool(name) for name in SUMMARY_TOOLS}

    def _create_lazy_tool(self, name: str) -> LocalTool:
        async def summarize(values: Json, shop: str | None, caller: Caller) -> Json:
            return await self._implementations[name](values, shop, caller)

        return summarize

    @cached_property
    def _implementations(self) -> dict[str, LocalTool]:
        # A server that is never asked for a sum starts without all this.
        from mcp_server_tiktok_shop.calls.paging import Paginator  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.course import SummaryRunner  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.finance import FINANCE  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.inventory import INVENTORY  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.orders import ORDERS  # noqa: PLC0415

        paginator = Paginator(self.catalog, self.platform, self.zone)
        runner = SummaryRunner(paginator, self.platform, self.state_store, self.clock, self.is_available)
        return {definition.name: runner.create_tool(definition) for definition in (ORDERS, FINANCE, INVENTORY)}
