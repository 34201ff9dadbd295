"""Collects the warnings before a write, including those that need costs or pictures in use."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.cost_book import CurrentCosts
from mcp_server_tiktok_shop.calls.listings_abroad import REPLICATION_OPERATION
from mcp_server_tiktok_shop.calls.new_prices import has_prices
from mcp_server_tiktok_shop.calls.product_pictures import collect_pictures, find_picture_uses
from mcp_server_tiktok_shop.calls.promotion_overlaps import PARTICIPATION_OPERATION
from mcp_server_tiktok_shop.calls.warnings import find_warnings
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.cost_book import CostBook
    from mcp_server_tiktok_shop.calls.current_state import CurrentState
    from mcp_server_tiktok_shop.calls.listings_abroad import ListingsAbroad
    from mcp_server_tiktok_shop.calls.product_pictures import PictureUse
    from mcp_server_tiktok_shop.calls.promotion_overlaps import PromotionOverlaps
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

log = logging.getLogger(__name__)


class WarningFinder(Struct, frozen=True):
    """Warnings of single writes and of those of a job; `cost_book` is read for prices, `audit_log` for pictures.

    `clock` gives Unix seconds.
    """

    cost_book: CostBook
    audit_log: AuditLog
    listings_abroad: ListingsAbroad
    promotion_overlaps: PromotionOverlaps
    clock: Callable[[], float]

    async def find(
        self, operation: Operation, values: Json, state: CurrentState, target: Target, zone: ZoneInfo
    ) -> list[str]:
        """As `calls.warnings.find_warnings`; costs are those of today in this zone."""
        costs = await self.cost_book.load_current(zone) if has_prices(values) else CurrentCosts()
        uses: tuple[PictureUse, ...] = ()
        if target.shop and collect_pictures(values):
            uses = find_picture_uses(await self._read_entries(), values, target.shop.id)
        warnings = find_warnings(operation, values, state, target.shop, costs, zone, self.clock(), uses)
        if operation.name == REPLICATION_OPERATION:
            warnings += await self.listings_abroad.find_warnings(values, state.items, target)
        if operation.name == PARTICIPATION_OPERATION:
            warnings += await self.promotion_overlaps.find_warnings(values, state.items, target)
        return warnings

    async def _read_entries(self) -> list[Record]:
        """The entries of the audit log; none where it can't be read, which must not stop a write."""
        try:
            return await self.audit_log.read_entries()
        except ShopError as error:
            log.warning("pictures that are in use can't be looked for: %s", error.message)
            return []
