"""Parcels as they are searched and read, with the orders in them and where they go."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.packing import SIZE, weight
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import package_of
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS, SALES
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ordering.order_views import delivery_option, recipient
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order, Package

FILTERS = ("package_status", "create_time_ge", "create_time_lt", "update_time_ge", "update_time_lt", "sort_field")
SUB_STATUS = {
    "TO_FULFILL": "CREATED",
    "PROCESSING": "RTS",
    "FULFILLING": "TTS",
    "COMPLETED": "DELIVERED",
    "CANCELLED": "CANCELLED",
}
TAGS = {"SPLIT": "SPLIT", "COMBINED": "COMBINE"}


def search_package(call: Call) -> Json:
    asked = call.arguments
    filters = tuple((name, str(asked[name])) for name in FILTERS if name in asked)
    view: View[Package] = call.shop.kept(("packages", filters), call.now, partial(_matching, call))
    page = pages.cut(view, asked, f"{call.operation.name}/{call.shop.id}", descending=asked["sort_order"] == "DESC")
    return pages.answer(page, "packages", lambda package: _listed(call, package))


def _matching(call: Call) -> View[Package]:
    """Parcels of orders that are still on hold are not there yet."""
    asked, now = call.arguments, call.now
    found: Iterable[Package] = (p for p in call.shop.packages.values() if p.create_time <= now)
    if "package_status" in asked:
        found = (package for package in found if package.status(now) == asked["package_status"])
    for field in ("create_time", "update_time"):
        if f"{field}_ge" in asked or f"{field}_lt" in asked:
            low, high = asked.get(f"{field}_ge", 0), asked.get(f"{field}_lt", now + 1)
            found = [package for package in found if low <= _time(package, field, now) < high]
    return View.of(found, lambda package: (_time(package, asked["sort_field"], now), package.id))


def _time(package: Package, field: str, now: int) -> int:
    if field == "update_time":
        return package.update_time(now)
    return package.create_time if field == "create_time" else package.lines[0].order.paid_time


def _listed(call: Call, package: Package) -> Json:
    told: Json = {
        "id": package.id,
        "orders": _orders(call, package),
        "create_time": package.create_time,
        "update_time": package.update_time(call.now),
        "status": package.status(call.now),
        "tracking_number": package.tracking_number,
        "order_line_item_ids": [line.id for line in package.lines],
    }
    return told | _carrier(package)


def _carrier(package: Package) -> Json:
    if not package.shipped_time:
        return {}
    carrier = CARRIERS[package.provider_id]
    return {"shipping_provider_id": carrier.id, "shipping_provider_name": carrier.name}


def _orders(call: Call, package: Package) -> list[Json]:
    return [{"id": order.id, "skus": _skus(call, package, order)} for order in package.orders]


def _skus(call: Call, package: Package, order: Order) -> list[Json]:
    held: dict[str, list[Line]] = {}
    for line in package.lines:
        if line.order is order:
            held.setdefault(line.sku.id, []).append(line)
    return [
        {
            "id": sku_id,
            "name": f"{lines[0].product.title} {lines[0].sku.name}",
            "image_url": f"{call.base_url}/images/{lines[0].product.images[0].uri}",
            "quantity": len(lines),
        }
        for sku_id, lines in held.items()
    ]


def get_package_detail(call: Call) -> Json:
    package = package_of(call, call.arguments["package_id"])
    order = package.orders[0]
    option = delivery_option(order)
    status = package.status(call.now)
    told: Json = {
        "package_id": package.id,
        "orders": _orders(call, package),
        "package_status": status,
        "package_sub_status": SUB_STATUS[status],
        "split_and_combine_tag": TAGS.get(order.split, "DEFAULT"),
        "has_multi_skus": len({line.sku.id for line in package.lines}) > 1,
        "note_tag": "BUYER_NOTED" if order.buyer_message else "BUYER_UNNOTED",
        "shipping_type": order.shipping_type,
        "delivery_option_id": option.id,
        "delivery_option_name": option.name,
        "tracking_number": package.tracking_number,
        "create_time": package.create_time,
        "update_time": package.update_time(call.now),
        "order_line_item_ids": [line.id for line in package.lines],
        "recipient_address": _recipient(call, order),
        "weight": _weight(call, package),
        "dimension": SIZE,
        "warehouse_id": next((w.id for w in call.shop.warehouses if w.kind == SALES), ""),
    }
    if package.shipped_time and order.shipping_type == "TIKTOK":
        told["handover_method"] = "PICKUP"
    return told | _carrier(package)


def _weight(call: Call, package: Package) -> Json:
    found = weight(list(package.lines))
    if call.shop.region == "US":
        pounds = (Decimal(found["value"]) / Decimal("453.592")).quantize(Decimal("0.01"))
        return {"value": str(pounds), "unit": "POUND"}
    return found


def _recipient(call: Call, order: Order) -> Json:
    shown = recipient(order, call.shop.region, call.now)
    wanted = ("full_address", "phone_number", "name", "postal_code", "address_detail", "region_code", "address_line1")
    return {name: shown[name] for name in wanted if name in shown}
