"""External order references: what a shop's orders are called in another system, added, read and found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# The documents' sample of a failed item carries this code, and as text.
UNKNOWN_ORDER_CODE = "36020001"


def add_external_order_references(call: Call) -> Json:
    """Each order on its own: what fails is told per item, the rest is kept."""
    errors = []
    for item in call.arguments["orders"]:
        external = item["external_order"]
        problem = _find_problem(call, item)
        if problem:
            reference = {"id": external["id"], "platform": external["platform"]}
            detail = {"order_id": item["id"], "external_order": reference}
            errors.append({"code": UNKNOWN_ORDER_CODE, "message": problem, "detail": detail})
        else:
            call.shop.references[(item["id"], external["platform"])] = external
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}


def _find_problem(call: Call, item: Json) -> str:
    order = call.shop.orders.get(item["id"])
    if order is None:
        return f"There is no order '{item['id']}' in this shop."
    line_ids = {line.id for line in order.lines}
    unknown_ids = [
        line["origin_id"] for line in item["external_order"]["line_items"] if line["origin_id"] not in line_ids
    ]
    return f"The order has no line item '{unknown_ids[0]}'." if unknown_ids else ""


def get_external_order_references(call: Call) -> Json:
    order = require_order(call, call.arguments["order_id"])
    found = call.shop.references.get((order.id, call.arguments["platform"]))
    return {"external_orders": [found] if found else []}


def search_orders_by_external_reference(call: Call) -> Json:
    platform, reference_id = call.arguments["platform"], call.arguments["external_order_id"]
    return {
        "orders": [
            {"id": order_id, "external_order": external}
            for (order_id, order_platform), external in call.shop.references.items()
            if order_platform == platform and external["id"] == reference_id
        ]
    }
