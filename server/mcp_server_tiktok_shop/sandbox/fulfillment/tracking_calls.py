"""Where parcels are: their way so far, tracking numbers put right, and deliveries that the seller reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import HOUR_S
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import parse_self_shipment, require_package
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Package

EDIT_WINDOW_S = 72 * HOUR_S
# Code of the step and its words; the times are the parcel's own.
TRACKING_STEPS = (
    (10, "ARRANGED", "Shipment arranged; the carrier is told."),
    (20, "COLLECTED", "The carrier has collected the parcel."),
    (30, "IN_TRANSIT", "The parcel has left the sorting centre."),
    (50, "DELIVERED", "The parcel was delivered."),
)


def _list_steps(package: Package, now: int) -> list[tuple[int, str, str, int]]:
    """The steps up to now, the newest first."""
    if not package.shipped_time:
        return []
    middle = (package.collected_time + package.delivered_time) // 2
    times = (package.shipped_time, package.collected_time, middle, package.delivered_time)
    steps = [(*step, time) for step, time in zip(TRACKING_STEPS, times, strict=True) if time <= now]
    return steps[::-1]


def get_order_tracking(call: Call) -> Json:
    order = require_order(call, call.arguments["order_id"])
    steps = sorted((s for p in order.packages for s in _list_steps(p, call.now)), key=lambda s: s[3], reverse=True)
    return {
        "tracking": [
            {"description": words, "update_time_millis": time * 1000, "action_code": code}
            for code, _, words, time in steps
        ]
    }


def get_logistics_tracking(call: Call) -> Json:
    order = require_order(call, call.arguments["order_id"])
    return {
        "order_id": order.id,
        "logistics_details": [
            {
                "newest_tracking_no": package.tracking_number,
                "carrier_name": CARRIERS[package.provider_id].name,
                "track_list": [
                    {
                        "description": words,
                        "tracking_no": package.tracking_number,
                        "update_time_millis": time * 1000,
                        "action_code": code,
                        "action_code_name": name,
                    }
                    for code, name, words, time in _list_steps(package, call.now)
                ],
            }
            for package in order.packages
            if package.shipped_time
        ],
    }


def update_package_shipping_info(call: Call) -> Json:
    package = require_package(call, call.arguments["package_id"])
    _change_tracking(call, package, call.arguments["shipping_info_list"][0])
    return {}


def update_order_shipping_info(call: Call) -> Json:
    """Of an order with one parcel."""
    order = require_order(call, call.arguments["order_id"])
    if len(order.packages) != 1:
        raise RefusalError(
            21011046, f"The order '{order.id}' has {len(order.packages)} packages: update them one by one."
        )
    _change_tracking(call, order.packages[0], call.arguments)
    return {}


def _change_tracking(call: Call, package: Package, shipment: Json) -> None:
    if any(order.shipping_type != "SELLER" for order in package.orders):
        raise RefusalError(21011004, f"The package '{package.id}' is shipped by the platform.")
    if package.cancelled or any(order.is_cancelled(call.now) for order in package.orders):
        raise RefusalError(21011042, f"The package '{package.id}' is cancelled.")
    if not package.shipped_time:
        raise RefusalError(21011043, f"The package '{package.id}' is not shipped yet.")
    if package.get_status(call.now) == "COMPLETED":
        raise RefusalError(21011030, f"The package '{package.id}' is delivered.")
    if call.shop.region == "US" and call.now > package.shipped_time + EDIT_WINDOW_S:
        raise RefusalError(21011050, f"The package '{package.id}' was shipped more than 72 hours ago.")
    if shipment.get("tracking_number") == package.tracking_number:
        package.provider_id = shipment.get("shipping_provider_id", package.provider_id)
    else:
        package.provider_id, package.tracking_number = parse_self_shipment(call, shipment)
    package.touched_time = call.now
    for order in package.orders:
        order.touched_time = call.now
    call.shop.mark_changed()


def update_package_delivery_status(call: Call) -> Json:
    """What the seller's own carrier did: each parcel by itself."""
    errors = []
    for item in call.arguments["packages"]:
        try:
            _report_delivery(call, item)
        except RefusalError as refusal:
            errors.append({"code": refusal.code, "message": refusal.message, "detail": {"package_id": item["id"]}})
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}


def _report_delivery(call: Call, item: Json) -> None:
    package = require_package(call, item["id"])
    if any(order.shipping_type != "SELLER" for order in package.orders):
        raise RefusalError(21011004, f"The package '{package.id}' is shipped by the platform.")
    status = package.get_status(call.now)
    if status == "COMPLETED" and item["delivery_type"] != "UPDATE_POD":
        raise RefusalError(21011030, f"The package '{package.id}' is delivered already.")
    if status in ("TO_FULFILL", "CANCELLED"):
        raise RefusalError(21011003, f"The package '{package.id}' is {status}: it is not on its way.")
    if item["delivery_type"] == "DELIVERY_FAILED" and not item.get("fail_delivery_reason"):
        raise RefusalError(21001001, "Invalid param 'fail_delivery_reason': a failed delivery needs one.")
    if item["delivery_type"] == "DELIVERY_SUCCESS":
        package.collected_time = min(package.collected_time, call.now)
        package.delivered_time = call.now
