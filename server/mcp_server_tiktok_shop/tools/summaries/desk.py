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
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.state.result_store import Kept

NAMES = ("summarize_orders", "summarize_finance", "summarize_inventory")


@dataclass(frozen=True)
class Desk:
    """`offers` says which operations this server does at all; `clock` gives Unix seconds."""

    catalog: Catalog
    platform: Platform
    zone: ZoneInfo | None
    kept: Kept
    clock: Callable[[], float]
    offers: Callable[[Operation], bool]

    def tools(self) -> dict[str, LocalTool]:
        return {name: self._tool(name) for name in NAMES}

    def _tool(self, name: str) -> LocalTool:
        async def summarize(values: Json, shop: str | None, caller: Caller) -> Json:
            return await self._loaded[name](values, shop, caller)

        return summarize

    @cached_property
    def _loaded(self) -> dict[str, LocalTool]:
        # A server that is never asked for a sum starts without all this.
        from mcp_server_tiktok_shop.calls.paging import Walker  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.course import Course  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.finance import FINANCE  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.inventory import INVENTORY  # noqa: PLC0415
        from mcp_server_tiktok_shop.tools.summaries.orders import ORDERS  # noqa: PLC0415

        walker = Walker(self.catalog, self.platform, self.zone)
        course = Course(walker, self.platform, self.kept, self.clock, self.offers)
        return {kind.name: course.tool(kind) for kind in (ORDERS, FINANCE, INVENTORY)}
