"""Parcels handed to carriers: when that may be, and what follows from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import move
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS, COURIER, PARCEL
from mcp_server_tiktok_shop.sandbox.ids import make_id, number
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order, Package


HOUR = 3600
TRACKING = re.compile(r"[A-Za-z0-9\-_./]{4,50}\Z")


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
        raise Refusal(21001001, f"Invalid param 'package_id': there is no package '{package_id}' in this shop.")
    return package


def ship_package(call: Call) -> Json:
    package = package_of(call, call.arguments["package_id"])
    refuse_unshippable(call, package, already=21008099)
    ship(call, package, call.arguments)
    call.shop.changed()
    return {}


def ship(call: Call, package: Package, asked: Json) -> None:
    """Arrange the shipment as asked for: with the seller's own tracking number, or with the platform's carrier."""
    if any(order.shipping_type == "SELLER" for order in package.orders):
        if "self_shipment" not in asked:
            raise Refusal(21001001, "Invalid param 'self_shipment': the seller ships this package.")
        provider_id, tracking_number = own_shipment(call, asked["self_shipment"])
        arrange(package, call.now, tracking_number, provider_id)
    elif "self_shipment" in asked:
        raise Refusal(21011004, "This package is shipped by the platform: 'self_shipment' is not accepted.")
    else:
        _check_slot(call, asked.get("pickup_slot"))
        express = package.orders[0].number % 7 == 0
        arrange(package, call.now, provider_id=COURIER.id if express else PARCEL.id)


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


def own_shipment(call: Call, given: Json) -> tuple[str, str]:
    """Provider and tracking number of a parcel that the seller sends."""
    provider_id, tracking_number = given.get("shipping_provider_id", ""), given.get("tracking_number", "")
    if provider_id not in CARRIERS:
        raise Refusal(21004016, "Invalid 'shipping_provider_id': not a provider of this delivery option.")
    if not TRACKING.match(tracking_number):
        raise Refusal(21004012, "Invalid 'tracking_number': 4 to 50 letters, digits and '-_./' are accepted.")
    if any(p.tracking_number == tracking_number for p in call.shop.packages.values()):
        raise Refusal(21011025, "The 'tracking_number' is already used by another package.")
    return provider_id, tracking_number


def _check_slot(call: Call, slot: Json | None) -> None:
    if slot and not call.now < slot.get("end_time", 0):
        raise Refusal(21011053, "The 'pickup_slot' is over; choose another one.")


def part(order: Order, items: Iterable[Json]) -> list[Line]:
    """The lines that are named, or all that are left where none is."""
    left = [line for line in order.lines if not line.cancel_time]
    wanted = {item.get("order_line_id", "") for item in items}
    strange = wanted - {line.id for line in left}
    if strange:
        raise Refusal(21001001, f"Invalid param: the order '{order.id}' has no line '{min(strange)}' to ship.")
    return [line for line in left if line.id in wanted] if wanted else left
