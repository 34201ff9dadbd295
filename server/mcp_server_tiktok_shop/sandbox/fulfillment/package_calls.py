"""Parcels as they are searched and read, with the orders in them and where they go."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.packing import PACKAGE_SIZE, render_weight
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import require_package
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS, SALES_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ordering.order_json import choose_delivery_option, render_recipient
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order, Package

PACKAGE_FILTERS = (
    "package_status",
    "create_time_ge",
    "create_time_lt",
    "update_time_ge",
    "update_time_lt",
    "sort_field",
)
SUB_STATUSES = {
    "TO_FULFILL": "CREATED",
    "PROCESSING": "RTS",
    "FULFILLING": "TTS",
    "COMPLETED": "DELIVERED",
    "CANCELLED": "CANCELLED",
}
SPLIT_TAGS = {"SPLIT": "SPLIT", "COMBINED": "COMBINE"}


def search_package(call: Call) -> Json:
    arguments = call.arguments
    filters = tuple((name, str(arguments[name])) for name in PACKAGE_FILTERS if name in arguments)
    matches: SortedItems[Package] = call.shop.get_or_build(
        ("packages", filters), call.now, partial(_match_packages, call)
    )
    page = pages.paginate(matches, arguments, call.page_scope, descending=arguments["sort_order"] == "DESC")
    return pages.render_page(page, "packages", lambda package: _render_package(call, package))


def _match_packages(call: Call) -> SortedItems[Package]:
    """Parcels of orders that are still on hold are not there yet."""
    arguments, now = call.arguments, call.now
    found: Iterable[Package] = (p for p in call.shop.packages.values() if p.create_time <= now)
    if "package_status" in arguments:
        found = (package for package in found if package.get_status(now) == arguments["package_status"])
    for field in ("create_time", "update_time"):
        if f"{field}_ge" in arguments or f"{field}_lt" in arguments:
            low, high = arguments.get(f"{field}_ge", 0), arguments.get(f"{field}_lt", now + 1)
            found = [package for package in found if low <= _get_time(package, field, now) < high]
    return SortedItems.sort(found, lambda package: (_get_time(package, arguments["sort_field"], now), package.id))


def _get_time(package: Package, field: str, now: int) -> int:
    if field == "update_time":
        return package.get_update_time(now)
    return package.create_time if field == "create_time" else package.lines[0].order.paid_time


def _render_package(call: Call, package: Package) -> Json:
    payload: Json = {
        "id": package.id,
        "orders": _render_orders(call, package),
        "create_time": package.create_time,
        "update_time": package.get_update_time(call.now),
        "status": package.get_status(call.now),
        "tracking_number": package.tracking_number,
        "order_line_item_ids": [line.id for line in package.lines],
    }
    return payload | _render_carrier(package)


def _render_carrier(package: Package) -> Json:
    if not package.shipped_time:
        return {}
    carrier = CARRIERS[package.provider_id]
    return {"shipping_provider_id": carrier.id, "shipping_provider_name": carrier.name}


def _render_orders(call: Call, package: Package) -> list[Json]:
    return [{"id": order.id, "skus": _render_skus(call, package, order)} for order in package.orders]


def _render_skus(call: Call, package: Package, order: Order) -> list[Json]:
    lines_by_sku: dict[str, list[Line]] = {}
    for line in package.lines:
        if line.order is order:
            lines_by_sku.setdefault(line.sku.id, []).append(line)
    return [
        {
            "id": sku_id,
            "name": f"{lines[0].product.title} {lines[0].sku.name}",
            "image_url": f"{call.base_url}/images/{lines[0].product.images[0].uri}",
            "quantity": len(lines),
        }
        for sku_id, lines in lines_by_sku.items()
    ]


def get_package_detail(call: Call) -> Json:
    package = require_package(call, call.arguments["package_id"])
    order = package.orders[0]
    option = choose_delivery_option(order)
    status = package.get_status(call.now)
    payload: Json = {
        "package_id": package.id,
        "orders": _render_orders(call, package),
        "package_status": status,
        "package_sub_status": SUB_STATUSES[status],
        "split_and_combine_tag": SPLIT_TAGS.get(order.split, "DEFAULT"),
        "has_multi_skus": len({line.sku.id for line in package.lines}) > 1,
        "note_tag": "BUYER_NOTED" if order.buyer_message else "BUYER_UNNOTED",
        "shipping_type": order.shipping_type,
        "delivery_option_id": option.id,
        "delivery_option_name": option.name,
        "tracking_number": package.tracking_number,
        "create_time": package.create_time,
        "update_time": package.get_update_time(call.now),
        "order_line_item_ids": [line.id for line in package.lines],
        "recipient_address": _render_recipient(call, order),
        "weight": _render_weight(call, package),
        "dimension": PACKAGE_SIZE,
        "warehouse_id": next((w.id for w in call.shop.warehouses if w.kind == SALES_WAREHOUSE), ""),
    }
    if package.shipped_time and order.shipping_type == "TIKTOK":
        payload["handover_method"] = "PICKUP"
    return payload | _render_carrier(package)


def _render_weight(call: Call, package: Package) -> Json:
    grams = render_weight(list(package.lines))
    if call.shop.region == "US":
        pounds = (Decimal(grams["value"]) / Decimal("453.592")).quantize(Decimal("0.01"))
        return {"value": str(pounds), "unit": "POUND"}
    return grams


def _render_recipient(call: Call, order: Order) -> Json:
    address = render_recipient(order, call.shop.region, call.now)
    names = ("full_address", "phone_number", "name", "postal_code", "address_detail", "region_code", "address_line1")
    return {name: address[name] for name in names if name in address}
