"""Reading orders: the search with its filters, details by id, and what a price is made of."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_user_id
from mcp_server_tiktok_shop.sandbox.ordering.order_json import render_order
from mcp_server_tiktok_shop.sandbox.ordering.order_prices import render_price_detail
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order

ORDER_FILTERS = (
    "order_status",
    "create_time_ge",
    "create_time_lt",
    "update_time_ge",
    "update_time_lt",
    "shipping_type",
    "buyer_user_id",
    "is_buyer_request_cancel",
    "warehouse_ids",
)


def get_order_list(call: Call) -> Json:
    query, now = call.arguments, call.now
    filters = tuple((name, str(query[name])) for name in (*ORDER_FILTERS, "sort_field") if name in query)
    matches: SortedItems[Order] = call.shop.get_or_build(("orders", filters), now, partial(_match_orders, call))
    page = pages.paginate(matches, query, call.page_scope, descending=query["sort_order"] == "DESC")
    return pages.render_page(page, "orders", lambda order: render_order(order, call.shop, now, call.base_url))


def _match_orders(call: Call) -> SortedItems[Order]:
    query, now = call.arguments, call.now
    everything = call.shop.list_orders_by_creation(now)
    start = bisect_left(everything.keys, (query.get("create_time_ge", 0), ""))
    end = len(everything.keys)
    if "create_time_lt" in query:
        end = bisect_left(everything.keys, (query["create_time_lt"], ""))
    found: Iterable[Order] = everything.items[start:end]
    if "order_status" in query:
        found = (order for order in found if order.get_status(now) == query["order_status"])
    if "shipping_type" in query:
        found = (order for order in found if order.shipping_type == query["shipping_type"])
    if "is_buyer_request_cancel" in query:
        found = (order for order in found if bool(order.request_cancel_time) == query["is_buyer_request_cancel"])
    if "buyer_user_id" in query:
        found = (order for order in found if make_user_id(call.shop.region, order.buyer) == query["buyer_user_id"])
    if "warehouse_ids" in query and not any(
        warehouse.id in query["warehouse_ids"] and warehouse.kind == SALES_WAREHOUSE
        for warehouse in call.shop.warehouses
    ):
        found = ()
    if "update_time_ge" in query or "update_time_lt" in query:
        low, high = query.get("update_time_ge", 0), query.get("update_time_lt", now + 1)
        found = (order for order in found if low <= order.get_update_time(now) < high)
    if query["sort_field"] == "update_time":
        return SortedItems.sort(found, lambda order: (order.get_update_time(now), order.id))
    return SortedItems.sort(found, lambda order: (order.create_time, order.id))


def get_order_detail(call: Call) -> Json:
    """Unknown ids are simply not in the answer; those of another shop refuse the whole call."""
    found = []
    for order_id in dict.fromkeys(call.arguments["ids"]):
        order = call.shop.orders.get(order_id)
        if order is not None:
            found.append(render_order(order, call.shop, call.now, call.base_url))
        else:
            refuse_foreign(call, order_id)
    return {"orders": found}


def get_price_detail(call: Call) -> Json:
    return render_price_detail(require_order(call, call.arguments["order_id"]), call.shop.currency)


def require_order(call: Call, order_id: str, unknown_code: int = 21001001) -> Order:
    """The shop's order with this id, or the platform's refusal; `unknown_code` is that of the operation's own area."""
    order = call.shop.orders.get(order_id)
    if order is None:
        refuse_foreign(call, order_id)
        raise RefusalError(unknown_code, f"Invalid param 'order_id': there is no order '{order_id}' in this shop.")
    return order


def refuse_foreign(call: Call, order_id: str) -> None:
    if call.state.find_order_owner(order_id) is not None:
        raise RefusalError(21008111, f"The order '{order_id}' does not belong to this shop.")
