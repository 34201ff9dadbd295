"""Parcels put together and taken apart before they are shipped: combined, uncombined, split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.packing import move_lines
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import refuse_unshippable, require_package
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.ordering.orders import Package
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order


def search_combinable_packages(call: Call) -> Json:
    """Orders to be shipped that go to the same buyer in the same way."""
    matches = SortedItems.sort(_find_combinable_orders(call).items(), lambda group: (group[1][0].create_time, group[0]))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=False)
    return pages.render_page(page, "combinable_packages", lambda group: _render_package(group[0], group[1]))


def _render_package(group_id: str, orders: Sequence[Order]) -> Json:
    return {"id": group_id, "order_ids": [order.id for order in orders]}


def _find_combinable_orders(call: Call) -> dict[str, list[Order]]:
    by_buyer: dict[tuple[int, str], list[Order]] = {}
    for order in call.shop.orders.values():
        ready = order.paid_time and not order.cancel_time and order.get_status(call.now) == "AWAITING_SHIPMENT"
        if ready and len(order.packages) == 1 and not call.shop.aftersales.find_open(order):
            by_buyer.setdefault((order.buyer, order.shipping_type), []).append(order)
    groups = {}
    for orders in by_buyer.values():
        # Orders that share a parcel already are together.
        if len({order.packages[0].id for order in orders}) > 1:
            groups[make_id("1154", call.shop.id, "group", *sorted(order.id for order in orders))] = orders
    return groups


def combine_package(call: Call) -> Json:
    """Each group by itself; what fails is told per item."""
    packages, errors = [], []
    for item in call.arguments["combinable_packages"]:
        orders = _find_combinable_orders(call).get(item["id"], [])
        order_ids = item.get("order_ids") or [order.id for order in orders]
        chosen = [order for order in orders if order.id in order_ids]
        if len(chosen) < 2 or len(chosen) != len(set(order_ids)):  # noqa: PLR2004  (combining takes two)
            words = f"'{item['id']}' is no group of combinable packages with these orders."
            errors.append({"code": 21011031, "message": words, "detail": {"package_id": item["id"]}})
            continue
        lines = [line for order in chosen for line in order.lines if not line.cancel_time]
        packages.append(_render_package(_pack(call, lines).id, chosen))
    call.shop.mark_changed()
    return {"packages": packages} | ({"errors": errors} if errors else {})


def _pack(call: Call, lines: list[Line]) -> Package:
    origin = (call.shop.id, "packed", call.shop.version, lines[0].id, len(lines))
    package = Package(make_id("1153", *origin), call.now, tuple(lines))
    move_lines(call, package)
    return package


def uncombine_packages(call: Call) -> Json:
    """The orders that are named, or all, get parcels of their own."""
    package = require_package(call, call.arguments["package_id"])
    orders = package.orders
    if len(orders) == 1:
        raise RefusalError(21011029, f"The package '{package.id}' holds one order: there is nothing to take apart.")
    refuse_unshippable(call, package, already_code=21011006)
    order_ids = call.arguments.get("order_ids") or [order.id for order in orders]
    unknown_ids = [order_id for order_id in order_ids if order_id not in {order.id for order in orders}]
    if unknown_ids:
        raise RefusalError(21011005, f"The package '{package.id}' does not hold the order '{unknown_ids[0]}'.")
    packages = []
    for order in orders:
        if order.id in order_ids:
            new = _pack(call, [line for line in package.lines if line.order is order])
            order.split = ""
            packages.append(_render_package(new.id, [order]))
    for order in package.orders if package.id in call.shop.packages else ():
        order.touched_time = call.now
        order.split = "COMBINED" if len(package.orders) > 1 else ""
    call.shop.mark_changed()
    return {"packages": packages}


def get_order_split_attributes(call: Call) -> Json:
    rows = []
    for order_id in dict.fromkeys(call.arguments["order_ids"]):
        problem = _find_split_obstacle(call, require_order(call, order_id))
        rows.append({"order_id": order_id, "can_split": not problem, "reason": problem, "must_split": False})
    return {"split_attributes": rows}


def _find_split_obstacle(call: Call, order: Order) -> str:
    lines = [line for line in order.lines if not line.cancel_time]
    status = order.get_status(call.now)
    if status != "AWAITING_SHIPMENT":
        return f"The order is {status}."
    if len(lines) == 1:
        return "The order has one item."
    return "The order is combined with another." if order.split == "COMBINED" else ""


def confirm_order_split(call: Call) -> Json:
    """Every line in one group, two groups or more, each of which becomes a parcel."""
    order = require_order(call, call.arguments["order_id"])
    problem = _find_split_obstacle(call, order)
    if problem:
        raise RefusalError(21011035, f"The order '{order.id}' cannot be split: {problem}")
    groups = call.arguments["splittable_groups"]
    line_ids = [line_id for group in groups for line_id in group["order_line_item_ids"]]
    lines_by_id = {line.id: line for line in order.lines if not line.cancel_time}
    if sorted(line_ids) != sorted(lines_by_id) or len(groups) < 2:  # noqa: PLR2004  (splitting makes two)
        raise RefusalError(21011005, "Invalid 'splittable_groups': each line must be in one of two or more groups.")
    for package in order.packages:
        refuse_unshippable(call, package, already_code=21011006)
    packages = []
    for group in groups:
        package = _pack(call, [lines_by_id[line_id] for line_id in group["order_line_item_ids"]])
        packages.append({"splittable_group_id": group["id"], "id": package.id})
    call.shop.mark_changed()
    return {"packages": packages}
