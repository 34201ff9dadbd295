"""Says which of the parcels that are about to go apart TikTok would let go as one: each costs postage of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.jobs.shipments import BUY_OPERATION, LABEL_MARKETS, ORDERS_TOGETHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.tools.jobs.parcels import Parcel

SEARCH_OPERATION = "search_combinable_packages"
MERGE_WORDS = "combine_package"
BUY_WORDS = f"{BUY_OPERATION} with ship_type {ORDERS_TOGETHER}"  # where labels are bought
PAGE_SIZE = 50
MAX_NAMED_GROUPS = 5


async def find_separate_parcels(parcels: Sequence[Parcel], context: JobContext) -> list[str]:
    """A warning where several of the parcels are one buyer's and may be merged; TikTok is asked only if one has two.

    Where it can't be asked, nothing is said: a merge is a saving, and no reason to keep parcels back.
    """
    buyers = Counter(str(parcel.orders[0].get("user_id") or "") for parcel in parcels)
    if not any(count > 1 for buyer, count in buyers.items() if buyer):
        return []
    (answer,) = await context.read_each(SEARCH_OPERATION, [{"page_size": PAGE_SIZE}])
    if isinstance(answer, ShopError):
        return []
    going = {order_id for parcel in parcels for order_id in parcel.order_ids}
    rows = [row for row in answer.get("combinable_packages") or () if isinstance(row, dict)]
    groups = [[str(i) for i in row.get("order_ids") or () if str(i) in going] for row in rows]
    texts = [" and ".join(group) for group in groups if len(group) > 1]
    if not texts:
        return []
    more = f"; and {len(texts) - MAX_NAMED_GROUPS} more" if len(texts) > MAX_NAMED_GROUPS else ""
    named = "; ".join(texts[:MAX_NAMED_GROUPS]) + more
    region = context.target.shop.region if context.target.shop else ""
    words = BUY_WORDS if region in LABEL_MARKETS else MERGE_WORDS
    return [f"One buyer's orders go apart that {words} can put into one parcel instead: {named}"]
