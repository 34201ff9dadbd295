"""Finds products of a promotion that are in another one at the same time, which the platform refuses."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.current_state import READ_STATE_TIMEOUT_S
from mcp_server_tiktok_shop.calls.new_prices import get_rows
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line
from mcp_server_tiktok_shop.errors import ShopError, contain_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader, Item
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import Target

PARTICIPATION_OPERATION = "update_promotion_activity_products"
SEARCH_OPERATION, DETAIL_OPERATION = "search_promotion_activities", "get_activity"
LASTING_STATUSES = ("ONGOING", "NOT_START")
PRICE_FIELDS = ("activity_price", "discount")  # of an entry of a promotion that sets a price, and not postage, say
PAGE_SIZE, MAX_PROMOTIONS = 100, 20
MAX_NAMED_PRODUCTS, MAX_TITLE_CHARS = 5, 60

log = logging.getLogger(__name__)


class PromotionOverlaps(Struct, frozen=True):
    """Warns before products are put into a promotion; the others are read by `reader`."""

    reader: CurrentStateReader

    async def find_warnings(self, values: Json, items: Sequence[Item], target: Target) -> list[str]:
        """A sentence on each promotion of the same time that sets a price of one of the products."""
        own = next((item for item in items if item.noun == "activity" and not item.problem), None)
        titles = {
            str(row.get("id")): next((str(i.data.get("title")) for i in items if i.id == str(row.get("id"))), "")
            for row in get_rows(values, "products")
        }
        if own is None or not titles:
            return []
        with contain_faults(log, "%s can't be looked up", "other promotions"):
            try:
                async with asyncio.timeout(READ_STATE_TIMEOUT_S):
                    others = await self._find_others(own, target)
                    details = await asyncio.gather(*(self._read(other, target) for other in others[:MAX_PROMOTIONS]))
            except (TimeoutError, ShopError):
                return ["Whether the products take part in another promotion could not be looked up"]
            cut = [f"{MAX_PROMOTIONS} of {len(others)} promotions of that time were looked through for the products"]
            overlaps = [text for other in details for text in _describe_overlap(other, titles)]
            return overlaps + (cut if len(others) > MAX_PROMOTIONS else [])
        return []

    async def _find_others(self, own: Item, target: Target) -> list[Json]:
        """The promotions that last and share a moment with this one."""
        lists = await asyncio.gather(
            *(
                self.reader.call(SEARCH_OPERATION, {"status": status, "page_size": PAGE_SIZE}, target)
                for status in LASTING_STATUSES
            )
        )
        rows = [row for answer in lists for row in get_rows((answer or {}).get("data", {}), "activities")]
        return [row for row in rows if str(row.get("id")) != own.id and _shares_moment(row, own.data)]

    async def _read(self, promotion: Json, target: Target) -> Json:
        """The promotion with its products."""
        detail = await self.reader.call(DETAIL_OPERATION, {"activity_id": str(promotion["id"])}, target)
        data: Json = (detail or {}).get("data", {})
        return promotion | data


def sets_price(entry: Json) -> bool:
    """Whether the entry of a product in a promotion sets a price: of it, or of one of its SKUs."""
    return any(part.get(name) for part in (entry, *get_rows(entry, "skus")) for name in PRICE_FIELDS)


def _shares_moment(one: Json, other: Json) -> bool:
    """Whether two promotions overlap; of one whose times are not told that is not known."""
    times = [str(each.get(name) or "") for each in (one, other) for name in ("begin_time", "end_time")]
    if not all(times):
        return False
    begin, end, other_begin, other_end = map(datetime.fromisoformat, times)
    return begin < other_end and other_begin < end


def _describe_overlap(promotion: Json, titles: dict[str, str]) -> Iterator[str]:
    taking_part = [str(entry.get("id")) for entry in get_rows(promotion, "products") if sets_price(entry)]
    named = [quote(titles[i], MAX_TITLE_CHARS) if titles[i] else to_single_line(i) for i in taking_part if i in titles]
    if named:
        more = f" and {len(named) - MAX_NAMED_PRODUCTS} more" if len(named) > MAX_NAMED_PRODUCTS else ""
        verb = "takes" if len(named) == 1 else "take"
        title = quote(str(promotion.get("title") or promotion.get("id")), MAX_TITLE_CHARS)
        span = f"{promotion.get('begin_time')} to {promotion.get('end_time')}"
        names = ", ".join(named[:MAX_NAMED_PRODUCTS])
        consequence = "TikTok refuses a product that is in two at a time"
        yield f"{names}{more} {verb} part in the promotion {title}, {span}: {consequence}"
