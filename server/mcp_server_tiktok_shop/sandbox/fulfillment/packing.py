"""Packing: lines put into new parcels, whole orders, parts of them or several together, and labels bought for them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import arrange_shipment, refuse_unshippable, select_lines
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import DELIVERY_OPTIONS, EXPRESS_DELIVERY, STANDARD_DELIVERY
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import format_amount
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.ordering.order_json import choose_delivery_option
from mcp_server_tiktok_shop.sandbox.ordering.orders import Package
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import DeliveryOption
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line

WHOLE_ORDER, PART_OF_ORDER, ORDERS_TOGETHER = "1", "2", "3"
BUYABLE_SERVICES = (STANDARD_DELIVERY, EXPRESS_DELIVERY)
SERVICE_PRICES = {
    option.id: Decimal(price) for option, price in zip(DELIVERY_OPTIONS.values(), ("2.89", "4.79", "0.00"), strict=True)
}
PACKAGE_SIZE: Json = {"length": "20", "width": "15", "height": "10", "unit": "CM"}


def create_packages(call: Call) -> Json:
    """Pack lines into a new parcel and buy its label, from the service that is named or the usual one.

    Every seeded market buys labels, so the shipment is arranged with it.
    """
    lines = _select_lines(call)
    service = _select_service(call, lines)
    for line in lines:
        if line.package is not None:
            refuse_unshippable(call, line.package, already_code=21011006)
    package = Package(make_id("1153", call.shop.id, "packed", call.shop.version, lines[0].id), call.now, tuple(lines))
    move_lines(call, package)
    arrange_shipment(package, call.now, provider_id=service.carriers[0].id)
    call.shop.mark_changed()
    return {
        "package_id": package.id,
        "create_time": call.now,
        "weight": call.arguments.get("weight", render_weight(lines)),
        "dimension": call.arguments.get("dimension", PACKAGE_SIZE),
        "shipping_service_info": {
            "id": service.id,
            "name": service.name,
            "price": format_amount(SERVICE_PRICES[service.id]),
            "currency": call.shop.currency,
            "earliest_delivery_days": service.days[0],
            "latest_delivery_days": service.days[1],
            "shipping_provider_id": service.carriers[0].id,
            "shipping_provider_name": service.carriers[0].name,
        },
    }


def _select_lines(call: Call) -> list[Line]:
    kind = call.arguments["ship_type"]
    if kind == ORDERS_TOGETHER:
        order_ids = list(dict.fromkeys(call.arguments.get("order_list_ids", ())))
        if len(order_ids) < 2:  # noqa: PLR2004  (combining takes two)
            raise RefusalError(21001001, "Invalid param 'order_list_ids': 'ship_type' 3 takes two orders or more.")
        orders = [require_order(call, order_id) for order_id in order_ids]
        if len({order.buyer for order in orders}) > 1:
            raise RefusalError(21011029, "The orders go to different recipients and cannot be combined.")
        return [line for order in orders for line in order.lines if not line.cancel_time]
    if not call.arguments.get("order_id"):
        raise RefusalError(21001001, f"Invalid param 'order_id': 'ship_type' {kind} needs it.")
    order = require_order(call, call.arguments["order_id"])
    if kind == WHOLE_ORDER:
        return [line for line in order.lines if not line.cancel_time]
    items = call.arguments.get("order_line_item")
    if not items:
        raise RefusalError(21001001, "Invalid param 'order_line_item': 'ship_type' 2 needs it.")
    return select_lines(order, items)


def _select_service(call: Call, lines: list[Line]) -> DeliveryOption:
    if any(line.order.shipping_type == "SELLER" for line in lines):
        raise RefusalError(21008106, "The order is shipped by the seller: no label can be bought for it.")
    service_id = call.arguments.get("shipping_service_id") or choose_delivery_option(lines[0].order).id
    service = next((option for option in BUYABLE_SERVICES if option.id == service_id), None)
    if service is None:
        raise RefusalError(11003011, "Invalid 'shipping_service_id': not a service for this order.")
    return service


def move_lines(call: Call, package: Package) -> None:
    """Lines leave their old parcels; what is left of those stays, what is empty goes."""
    moved_lines = set(package.lines)
    for old in {line.package.id: line.package for line in package.lines if line.package}.values():
        old.lines, old.touched_time = tuple(line for line in old.lines if line not in moved_lines), call.now
        if not old.lines:
            del call.shop.packages[old.id]
    for line in package.lines:
        line.package = package
    call.shop.packages[package.id] = package
    orders = package.orders
    for order in orders:
        order.touched_time = call.now
        if len(orders) > 1:
            order.split = "COMBINED"
        elif len(order.packages) > 1:
            order.split = "SPLIT"


def render_weight(lines: list[Line]) -> Json:
    grams = sum((Decimal(line.sku.weight or "0.2") for line in lines), Decimal(0)) * 1000
    return {"value": str(int(grams)), "unit": "GRAM"}
