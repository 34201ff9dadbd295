"""Parcels on their way: arranging shipment, and packing orders whole, in parts or together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import aftersales
from .aftersale_reasons import CANCEL
from .aftersale_steps import move
from .ids import make_id, number
from .money import text
from .order_calls import order_of
from .orders import Package
from .warehouses import CARRIERS, COURIER, OPTIONS, PARCEL, STANDARD
from .wire import Refusal

if TYPE_CHECKING:
    from .call import Call
    from .orders import Line, Order
    from .warehouses import DeliveryOption
    from .wire import Json

from decimal import Decimal

HOUR = 3600
TRACKING = re.compile(r"[A-Za-z0-9\-_./]{4,50}\Z")
WHOLE_ORDER, PART_OF_ORDER, ORDERS_TOGETHER = "1", "2", "3"
SERVICE_PRICES = {
    option.id: Decimal(price) for option, price in zip(OPTIONS.values(), ("2.89", "4.79", "0.00"), strict=True)
}


def arrange(package: Package, now: int, tracking_number: str = "", provider_id: str = "") -> None:
    """Hand the parcel to a carrier; when it is collected and delivered follows from its id."""
    package.shipped_time = now
    package.collected_time = now + (6 + number("collect", package.id) % 14) * HOUR
    package.delivered_time = package.collected_time + (22 + number("deliver", package.id) % 44) * HOUR
    package.provider_id = provider_id or PARCEL.id
    package.tracking_number = tracking_number or f"SBX{make_id('7', 'tracking', package.id)[:14]}"


def package_of(call: Call, package_id: str) -> Package:
    package = call.shop.packages.get(package_id)
    if package is None:
        if call.state.owner_of_package(package_id) is not None:
            raise Refusal(21008111, f"The package '{package_id}' does not belong to this shop.")
        raise Refusal(21001001, f"Invalid param 'package_id': there is no package '{package_id}'.")
    return package


def ship_package(call: Call) -> Json:
    package = package_of(call, call.arguments["package_id"])
    refuse_unshippable(call, package, already=21008099)
    if any(order.shipping_type == "SELLER" for order in package.orders):
        provider_id, tracking_number = _own_shipment(call)
        arrange(package, call.now, tracking_number, provider_id)
    elif "self_shipment" in call.arguments:
        raise Refusal(21011004, "This package is shipped by the platform: 'self_shipment' is not accepted.")
    else:
        _check_slot(call)
        express = package.orders[0].number % 7 == 0
        arrange(package, call.now, provider_id=COURIER.id if express else PARCEL.id)
    call.shop.changed()
    return {}


def refuse_unshippable(call: Call, package: Package, *, already: int) -> None:
    for order in package.orders:
        status = order.status(call.now)
        if status == "CANCELLED":
            raise Refusal(21011041, f"The order '{order.id}' is cancelled.")
        if status in ("UNPAID", "ON_HOLD"):
            raise Refusal(21011003, f"The order '{order.id}' is {status}: its package cannot be shipped yet.")
    if package.cancelled:
        raise Refusal(21011041, f"The package '{package.id}' is cancelled.")
    if package.shipped_time:
        raise Refusal(already, f"The package '{package.id}' is already shipped.")
    for order in package.orders:
        _settle_request(call, order)


def _settle_request(call: Call, order: Order) -> None:
    """A buyer who wants to cancel holds up the parcel; in the US shipping it turns the buyer down."""
    request = call.shop.aftersales.open_of(order)
    if request is None:
        return
    if call.shop.region != "US" or request.kind != CANCEL:
        raise Refusal(21008044, f"The order '{order.id}' has an open request '{request.id}': decide it first.")
    move(call.shop, request, aftersales.CANCEL_WITHDRAWN, call.now, "SYSTEM")


def _own_shipment(call: Call) -> tuple[str, str]:
    given = call.arguments.get("self_shipment")
    if given is None:
        raise Refusal(21001001, "Invalid param 'self_shipment': the seller ships this package.")
    if given["shipping_provider_id"] not in CARRIERS:
        raise Refusal(21004016, "Invalid 'shipping_provider_id': not a provider of this delivery option.")
    tracking_number = given["tracking_number"]
    if not TRACKING.match(tracking_number):
        raise Refusal(21004012, "Invalid 'tracking_number': 4 to 50 letters, digits and '-_./' are accepted.")
    if any(p.tracking_number == tracking_number for p in call.shop.packages.values()):
        raise Refusal(21011025, "The 'tracking_number' is already used by another package.")
    return given["shipping_provider_id"], tracking_number


def _check_slot(call: Call) -> None:
    slot = call.arguments.get("pickup_slot")
    if slot and not call.now < slot.get("end_time", 0):
        raise Refusal(21011053, "The 'pickup_slot' is over; choose another one.")


def create_packages(call: Call) -> Json:
    """Pack lines into a new parcel. With a shipping service its label is bought and shipment is arranged."""
    lines = _chosen_lines(call)
    service = _service(call, lines)
    for line in lines:
        if line.package is not None:
            refuse_unshippable(call, line.package, already=21011006)
    package = Package(make_id("1153", call.shop.id, "packed", call.shop.version, lines[0].id), call.now, tuple(lines))
    _move(call, package)
    if "shipping_service_id" in call.arguments:
        arrange(package, call.now, provider_id=service.carriers[0].id)
    call.shop.changed()
    return {
        "package_id": package.id,
        "create_time": call.now,
        "weight": call.arguments.get("weight", _weight(lines)),
        "dimension": call.arguments.get("dimension", {"length": "20", "width": "15", "height": "10", "unit": "CM"}),
        "shipping_service_info": {
            "id": service.id,
            "name": service.name,
            "price": text(SERVICE_PRICES[service.id]),
            "currency": call.shop.currency,
            "earliest_delivery_days": service.days[0],
            "latest_delivery_days": service.days[1],
            "shipping_provider_id": service.carriers[0].id,
            "shipping_provider_name": service.carriers[0].name,
        },
    }


def _chosen_lines(call: Call) -> list[Line]:
    kind = call.arguments["ship_type"]
    if kind == ORDERS_TOGETHER:
        order_ids = list(dict.fromkeys(call.arguments.get("order_list_ids", ())))
        if len(order_ids) < 2:  # noqa: PLR2004  (combining takes two)
            raise Refusal(21001001, "Invalid param 'order_list_ids': 'ship_type' 3 takes two orders or more.")
        orders = [order_of(call, order_id) for order_id in order_ids]
        if len({order.buyer for order in orders}) > 1:
            raise Refusal(21011029, "The orders go to different recipients and cannot be combined.")
        return [line for order in orders for line in order.lines if not line.cancel_time]
    if not call.arguments.get("order_id"):
        raise Refusal(21001001, f"Invalid param 'order_id': 'ship_type' {kind} needs it.")
    order = order_of(call, call.arguments["order_id"])
    if kind == WHOLE_ORDER:
        return [line for line in order.lines if not line.cancel_time]
    return _part(call, order)


def _part(call: Call, order: Order) -> list[Line]:
    wanted = {item.get("order_line_id", "") for item in call.arguments.get("order_line_item", ())}
    if not wanted:
        raise Refusal(21001001, "Invalid param 'order_line_item': 'ship_type' 2 needs it.")
    strange = wanted - {line.id for line in order.lines if not line.cancel_time}
    if strange:
        raise Refusal(21001001, f"Invalid param 'order_line_item': the order has no line '{min(strange)}'.")
    return [line for line in order.lines if line.id in wanted]


def _service(call: Call, lines: list[Line]) -> DeliveryOption:
    if any(line.order.shipping_type == "SELLER" for line in lines):
        raise Refusal(21008106, "The order is shipped by the seller: no label can be bought for it.")
    service_id = call.arguments.get("shipping_service_id", STANDARD.id)
    if service_id not in OPTIONS:
        raise Refusal(11003011, "Invalid 'shipping_service_id': not a service for this order.")
    return OPTIONS[service_id]


def _move(call: Call, package: Package) -> None:
    """Lines leave their old parcels; what is left of those stays, what is empty goes."""
    moved = set(package.lines)
    for old in {line.package.id: line.package for line in package.lines if line.package}.values():
        old.lines = tuple(line for line in old.lines if line not in moved)
        if not old.lines:
            del call.shop.packages[old.id]
    for line in package.lines:
        line.package = package
    call.shop.packages[package.id] = package
    orders = package.orders
    for order in orders:
        if len(orders) > 1:
            order.split = "COMBINED"
        elif len(order.packages) > 1:
            order.split = "SPLIT"


def _weight(lines: list[Line]) -> Json:
    grams = sum((Decimal(line.sku.weight or "0.2") for line in lines), Decimal(0)) * 1000
    return {"value": str(int(grams)), "unit": "GRAM"}
