"""Orders that creators brought in, with the commission that the books pay: estimated, then as it was settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import REFUND, RETURN
from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import GRANTED_STATUSES
from mcp_server_tiktok_shop.sandbox.analytics.tally import CARD, attribute_order
from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.finance.ledger import build_ledger
from mcp_server_tiktok_shop.sandbox.finance.settlement import settle_lines, sum_earnings
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.marketing.creators import COMMISSION_RATE, find_creator
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

# Three months, the longest of them.
MAX_RANGE_S = 92 * DAY_S
BASIS_POINTS = 10_000
CONTENT_TYPES = {CARD: "SHOP"}


def search_seller_affiliate_orders(call: Call) -> Json:
    """The newest first. No partner's campaign ever brought an order."""
    start, end = _parse_range(call)
    orders = call.shop.list_orders_by_creation(call.now).items if not call.arguments.get("program_id") else []
    found = [order for order in orders if start <= order.create_time < end and order.paid_time and find_creator(order)]
    matches = SortedItems.sort(found, lambda order: (order.create_time, order.id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=True)
    return pages.render_page(page, "orders", lambda order: _render_order(call, order))


def _parse_range(call: Call) -> tuple[int, int]:
    end = call.arguments.get("create_time_lt", call.now + 1)
    opened = call.shop.since if "create_time_lt" in call.arguments else end - MAX_RANGE_S
    start = call.arguments.get("create_time_ge", opened)
    if "create_time_ge" in call.arguments and end - start > MAX_RANGE_S:
        raise RefusalError(98001004, "Invalid time range: 'create_time_lt' is at most 3 months after 'create_time_ge'.")
    return start, end


def _render_order(call: Call, order: Order) -> Json:
    is_settled = bool(build_ledger(call.shop, call.now).find_settlements(order))
    status = "CANCELLED" if order.is_cancelled(call.now) else "COMPLETED" if is_settled else "PROCESSING"
    lines_by_sku: dict[str, list[Line]] = {}
    for line in order.lines:
        lines_by_sku.setdefault(line.sku.id, []).append(line)
    payload: Json = {
        "id": order.id,
        "create_time": order.create_time,
        "status": status,
        "skus": [_render_sku(call, order, lines, status) for lines in lines_by_sku.values()],
    }
    if 0 < order.delivered_time <= call.now:
        payload["delivery_time"] = order.delivered_time
    return payload


def _render_sku(call: Call, order: Order, lines: list[Line], status: str) -> Json:
    creator = find_creator(order)
    _, content = attribute_order(order)
    first = lines[0]
    ids = {line.id for line in lines if not order.cancel_time}
    estimate = sum_earnings(earned for line, earned in settle_lines(order, call.shop.region) if line.id in ids)
    refunded, returned = _count_lines(call, order, ids, REFUND), _count_lines(call, order, ids, RETURN)
    payload: Json = {
        "sku_id": first.sku.id,
        "product_id": first.product.id,
        "creator_username": creator.username if creator else "",
        "open_collaboration_id": make_id("73", call.shop.id, "open collaboration", first.product.id)[:11],
        "price": _render_money(call, first.original_price - first.seller_discount),
        "quantity": len(lines),
        "content_type": CONTENT_TYPES.get(content, content),
        "content_id": make_id("74", call.shop.id, "content", creator and creator.open_id, content),
        "commission_model": "Fixed commission",
        "commission_rate": str(int(COMMISSION_RATE * BASIS_POINTS)),
        "estimated_commission_base": _render_money(call, estimate.revenue),
        "estimated_paid_commission": _render_money(call, -estimate.affiliate),
        "refunded_quantity": refunded,
        "returned_quantity": returned,
        "fully_return": "Yes" if ids and refunded + returned == len(ids) else "No",
    }
    if status == "CANCELLED":
        return payload | {"settlement_status": "INELIGIBLE"}
    return payload | (_render_settled(call, order, ids) if status == "COMPLETED" else {})


def _render_settled(call: Call, order: Order, ids: set[str]) -> Json:
    """What the statements hold of it, refunds taken back."""
    settlements = build_ledger(call.shop, call.now).find_settlements(order)
    actual = sum_earnings(earned for _, entry in settlements for line, earned in entry.lines if line.id in ids)
    return {
        "settlement_status": "SETTLED" if actual.affiliate else "INELIGIBLE",
        "actual_commission_base": _render_money(call, actual.revenue),
        "actual_paid_commission": _render_money(call, -actual.affiliate),
        "actual_paid_partner_commission": _render_money(call, ZERO),
        "actual_paid_shop_ads_commission": _render_money(call, ZERO),
    }


def _count_lines(call: Call, order: Order, ids: set[str], kind: str) -> int:
    requests: list[Any] = call.shop.aftersales.by_order.get(order.id, [])
    granted = (r for r in requests if r.kind == kind and r.status in GRANTED_STATUSES)
    return len({line.id for request in granted for line in request.lines} & ids)


def _render_money(call: Call, amount: Decimal) -> Json:
    return {"amount": format_amount(amount), "currency": call.shop.currency}
