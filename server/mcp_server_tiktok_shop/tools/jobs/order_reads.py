"""Reads orders by their ids, and the buyers' open wishes to cancel them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.own_orders import OwnOrdersReader, list_ids
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_IDS_PER_READ = 50  # of orders, by the platform


def split_into_batches(ids: Sequence[str], size: int) -> list[list[str]]:
    return [list(ids[start : start + size]) for start in range(0, len(ids), size)]


def has_id(row: object) -> bool:
    return isinstance(row, dict) and bool(row.get("id"))


async def read_orders(ids: Iterable[str], context: JobContext) -> dict[str, Json]:
    """The orders of this shop among the ids, by id.

    Raises:
        ShopError: An id is of another shop, and the call is for this one alone; or what a read was refused with.

    """
    orders: dict[str, Json] = {}
    distinct_ids = list(dict.fromkeys(ids))
    likely_ids = distinct_ids
    if context.has_other_shops:
        likely_ids = context.order_owners.drop_foreign(distinct_ids, context.shop_id)
    for chunk in split_into_batches(likely_ids, MAX_IDS_PER_READ):
        for data in await _read_details(chunk, context):
            orders |= {str(order["id"]): order for order in data.get("orders") or () if has_id(order)}
    return {order_id: orders[order_id] for order_id in distinct_ids if order_id in orders}


async def read_open_cancellations(order_ids: Iterable[str], context: JobContext) -> dict[str, str]:
    """The id of each order's cancellation request that waits for the seller, by order id."""
    cancel_ids: dict[str, str] = {}
    for chunk in split_into_batches(list(order_ids), MAX_IDS_PER_READ):
        arguments: Json = {"order_ids": chunk, "cancel_status": ["CANCELLATION_REQUEST_PENDING"]}
        rows = await context.read_rows("search_cancellations", arguments | {"page_size": "50"})
        cancel_ids |= {str(row.get("order_id")): str(row.get("cancel_id")) for row in rows}
    return cancel_ids


async def _read_details(ids: list[str], context: JobContext) -> list[Json]:
    """The answers about those of the ids that are this shop's; where the call is for it alone, all of them must be."""

    async def read(some: list[str]) -> Json:
        return await context.read("get_order_detail", {"ids": some})

    if not context.has_other_shops:
        return [await read(ids)]
    reader = OwnOrdersReader(read, lambda data: list_ids(data.get("orders")), context.shop_id, context.order_owners)
    try:
        return await reader.read_own(ids)
    except ShopError as error:
        if not error.is_not_here:
            raise
        return []
