"""Finds what to warn of before a write, with what goods cost where the write sets prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.cost_book import CurrentCosts
from mcp_server_tiktok_shop.calls.new_prices import has_prices
from mcp_server_tiktok_shop.calls.warnings import find_warnings

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.cost_book import CostBook
    from mcp_server_tiktok_shop.calls.current_state import CurrentState
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target


class WarningFinder(Struct, frozen=True):
    """Warnings of single writes and of those of a job; `cost_book` is read for prices alone. `clock`: Unix seconds."""

    cost_book: CostBook
    clock: Callable[[], float]

    async def find(
        self, operation: Operation, values: Json, state: CurrentState, target: Target, zone: ZoneInfo
    ) -> list[str]:
        """As `calls.warnings.find_warnings`; costs are those of today in this zone."""
        costs = await self.cost_book.load_current(zone) if has_prices(values) else CurrentCosts()
        return find_warnings(operation, values, state, target.shop, costs, zone, self.clock())
