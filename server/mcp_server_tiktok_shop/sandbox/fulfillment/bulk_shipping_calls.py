"""Many parcels shipped by one call, and parcels that the seller has sent and now tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.packing import move_lines
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import (
    arrange_shipment,
    parse_self_shipment,
    refuse_unshippable,
    require_package,
    select_lines,
    ship,
)
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.ordering.orders import Package
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line

UNREADY_STATUSES = ("UNPAID", "ON_HOLD")


def batch_ship_packages(call: Call) -> Json:
    """A parcel that can't be meant refuses the whole call; what else is wrong is told parcel by parcel."""
    items = call.arguments["packages"]
    _check_packages(call, items)
    errors = []
    for item in items:
        package = call.shop.packages[item["id"]]
        try:
            refuse_unshippable(call, package, already_code=21011020)
            ship(call, package, item)
        except RefusalError as refusal:
            errors.append({"code": refusal.code, "message": refusal.message, "detail": {"package_id": package.id}})
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}


def _check_packages(call: Call, items: list[Json]) -> None:
    ids = [item["id"] for item in items]
    for package_id in ids:
        package = call.shop.packages.get(package_id)
        unready = package and any(order.get_status(call.now) in UNREADY_STATUSES for order in package.orders)
        if package is None or unready or ids.count(package_id) > 1:
            raise RefusalError(
                98001004, f"Invalid FulfillUnit '{package_id}': unknown, named twice, or not to be shipped."
            )


def mark_package_as_shipped(call: Call) -> Json:
    """For orders that the seller ships; lines that are named leave the others in their parcel."""
    order = require_order(call, call.arguments["order_id"])
    if order.shipping_type != "SELLER":
        raise RefusalError(21011004, f"The order '{order.id}' is shipped by the platform.")
    lines = select_lines(order, call.arguments.get("order_line_list", ()))
    infos = call.arguments.get("shipping_info_list") or [{}]
    provider_id, tracking_number = parse_self_shipment(call, infos[0])
    package = _require_one_package(call, lines)
    refuse_unshippable(call, package, already_code=21011006)
    if set(lines) != set(package.lines):
        package = Package(
            make_id("1153", call.shop.id, "marked", call.shop.version, lines[0].id), call.now, tuple(lines)
        )
        move_lines(call, package)
    arrange_shipment(package, call.now, tracking_number, provider_id)
    call.shop.mark_changed()
    return {"order_id": order.id, "order_line_item_ids": [line.id for line in lines], "package_id": package.id}


def _require_one_package(call: Call, lines: list[Line]) -> Package:
    packages = {line.package.id: line.package for line in lines if line.package}
    if not packages:
        raise RefusalError(21011041, "Nothing of the order is left to ship.")
    if len(packages) > 1:
        raise RefusalError(21011046, "The order has several packages: name the lines of one in 'order_line_list'.")
    return require_package(call, next(iter(packages)))
