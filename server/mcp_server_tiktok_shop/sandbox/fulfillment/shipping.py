"""Parcels handed to carriers: when that may be, and what follows from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import move_request
from mcp_server_tiktok_shop.sandbox.durations import HOUR_S
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS, COURIER_CARRIER, PARCEL_CARRIER
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order, Package


TRACKING_PATTERN = re.compile(r"[A-Za-z0-9\-_./]{4,50}\Z")


def arrange_shipment(package: Package, now: int, tracking_number: str = "", provider_id: str = "") -> None:
    """Hand the parcel to a carrier; when it is collected and delivered follows from its id."""
    package.shipped_time = now
    package.collected_time = now + (6 + draw_number("collect", package.id) % 14) * HOUR_S
    package.delivered_time = package.collected_time + (22 + draw_number("deliver", package.id) % 44) * HOUR_S
    package.provider_id = provider_id or PARCEL_CARRIER.id
    package.tracking_number = tracking_number or f"SBX{make_id('7', 'tracking', package.id)[:14]}"


def require_package(call: Call, package_id: str) -> Package:
    package = call.shop.packages.get(package_id)
    if package is None:
        if call.state.find_package_owner(package_id) is not None:
            raise RefusalError(21008111, f"The package '{package_id}' does not belong to this shop.")
        raise RefusalError(21001001, f"Invalid param 'package_id': there is no package '{package_id}' in this shop.")
    return package


def ship_package(call: Call) -> Json:
    package = require_package(call, call.arguments["package_id"])
    refuse_unshippable(call, package, already_code=21008099)
    ship(call, package, call.arguments)
    call.shop.mark_changed()
    return {}


def ship(call: Call, package: Package, arguments: Json) -> None:
    """Arrange the shipment as asked for: with the seller's own tracking number, or with the platform's carrier."""
    if any(order.shipping_type == "SELLER" for order in package.orders):
        if "self_shipment" not in arguments:
            raise RefusalError(21001001, "Invalid param 'self_shipment': the seller ships this package.")
        provider_id, tracking_number = parse_self_shipment(call, arguments["self_shipment"])
        arrange_shipment(package, call.now, tracking_number, provider_id)
    elif "self_shipment" in arguments:
        raise RefusalError(21011004, "This package is shipped by the platform: 'self_shipment' is not accepted.")
    else:
        _check_slot(call, arguments.get("pickup_slot"))
        express = package.orders[0].number % 7 == 0
        arrange_shipment(package, call.now, provider_id=COURIER_CARRIER.id if express else PARCEL_CARRIER.id)


def refuse_unshippable(call: Call, package: Package, *, already_code: int) -> None:
    for order in package.orders:
        status = order.get_status(call.now)
        if status == "CANCELLED":
            raise RefusalError(21011041, f"The order '{order.id}' is cancelled.")
        if status in ("UNPAID", "ON_HOLD"):
            raise RefusalError(21011003, f"The order '{order.id}' is {status}: its package cannot be shipped yet.")
    if package.cancelled:
        raise RefusalError(21011041, f"The package '{package.id}' is cancelled.")
    if package.shipped_time:
        raise RefusalError(already_code, f"The package '{package.id}' is already shipped.")
    for order in package.orders:
        _settle_request(call, order)


def _settle_request(call: Call, order: Order) -> None:
    """A buyer who wants to cancel holds up the parcel; in the US shipping it turns the buyer down."""
    request = call.shop.aftersales.find_open(order)
    if request is None:
        return
    if call.shop.region != "US" or request.kind != CANCEL:
        raise RefusalError(21008044, f"The order '{order.id}' has an open request '{request.id}': decide it first.")
    move_request(call.shop, request, aftersales.CANCEL_WITHDRAWN, call.now, "SYSTEM")


def parse_self_shipment(call: Call, shipment: Json) -> tuple[str, str]:
    """Provider and tracking number of a parcel that the seller sends."""
    provider_id, tracking_number = shipment.get("shipping_provider_id", ""), shipment.get("tracking_number", "")
    if provider_id not in CARRIERS:
        raise RefusalError(21004016, "Invalid 'shipping_provider_id': not a provider of this delivery option.")
    if not TRACKING_PATTERN.match(tracking_number):
        raise RefusalError(21004012, "Invalid 'tracking_number': 4 to 50 letters, digits and '-_./' are accepted.")
    if any(p.tracking_number == tracking_number for p in call.shop.packages.values()):
        raise RefusalError(21011025, "The 'tracking_number' is already used by another package.")
    return provider_id, tracking_number


def _check_slot(call: Call, slot: Json | None) -> None:
    if slot and not call.now < slot.get("end_time", 0):
        raise RefusalError(21011053, "The 'pickup_slot' is over; choose another one.")


def select_lines(order: Order, items: Iterable[Json]) -> list[Line]:
    """The lines that are named, or all that are left where none is."""
    remaining_lines = [line for line in order.lines if not line.cancel_time]
    line_ids = {item.get("order_line_id", "") for item in items}
    unknown_ids = line_ids - {line.id for line in remaining_lines}
    if unknown_ids:
        raise RefusalError(21001001, f"Invalid param: the order '{order.id}' has no line '{min(unknown_ids)}' to ship.")
    return [line for line in remaining_lines if line.id in line_ids] if line_ids else remaining_lines
