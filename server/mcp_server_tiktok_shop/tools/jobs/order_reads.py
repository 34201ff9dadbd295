"""Reads orders by their ids, and the buyers' open wishes to cancel them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.jobs.context import MAX_READS_AT_ONCE
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.jobs.refusals import is_of_other_shop

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
    for chunk in split_into_batches(_drop_foreign(distinct_ids, context), MAX_IDS_PER_READ):
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
    """The answers about these orders: one, or where one order of another shop refuses all of it, one for each here."""
    try:
        return [_enter_owner(await context.read("get_order_detail", {"ids": ids}), context)]
    except ShopError as error:
        if not is_of_other_shop(error, context):
            raise
    if len(ids) == 1:
        return []
    # Each shop begins elsewhere: what one finds meanwhile, the others need not ask for.
    start = zlib.crc32(_get_shop_id(context).encode()) % len(ids)
    found: list[Json] = []
    for chunk in split_into_batches(ids[start:] + ids[:start], MAX_READS_AT_ONCE):
        argument_sets: list[Json] = [{"ids": [order_id]} for order_id in _drop_foreign(chunk, context)]
        for answer in await context.read_each("get_order_detail", argument_sets):
            if not isinstance(answer, ShopError):
                found.append(_enter_owner(answer, context))
            elif not is_of_other_shop(answer, context):
                raise answer
    return found


def _drop_foreign(ids: Sequence[str], context: JobContext) -> list[str]:
    """The ids but for those that are known to be of other shops, where the call is for such as well."""
    shop_id = _get_shop_id(context)
    return [i for i in ids if not (context.has_other_shops and context.order_owners.is_elsewhere(i, shop_id))]


def _enter_owner(data: Json, context: JobContext) -> Json:
    context.order_owners.enter((str(o["id"]) for o in data.get("orders") or () if has_id(o)), _get_shop_id(context))
    return data


def _get_shop_id(context: JobContext) -> str:
    return context.target.shop.id if context.target.shop else ""
