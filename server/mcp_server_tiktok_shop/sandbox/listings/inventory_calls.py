"""Stock and prices of SKUs: how many are there and how many are promised, set anew, and what they cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings.listing_checks import list_selling_warehouses, parse_price
from mcp_server_tiktok_shop.sandbox.listings.product_calls import require_product
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

COMMITTED_STATUSES = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
STOCK_LOCKED_STATUSES = ("FREEZE", "DELETED")


def inventory_search(call: Call) -> Json:
    """By SKU where SKUs are named, by product otherwise; unknown ids are simply not in the answer."""
    skus, products = call.arguments.get("sku_ids") or [], call.arguments.get("product_ids") or []
    if not skus and not products:
        raise RefusalError(12019008, "Invalid param: 'product_ids' or 'sku_ids' is needed.")
    found = []
    for product in call.shop.products.values():
        matches = [sku for sku in product.skus if (sku.id in skus if skus else product.id in products)]
        if matches:
            found.append({"product_id": product.id, "skus": [_render_stock(call, sku) for sku in matches]})
    return {"inventory": found}


def _render_stock(call: Call, sku: Sku) -> Json:
    """What is promised to orders stands in the first warehouse, the one that orders are sent from."""
    committed: int = call.shop.get_or_build("promised", call.now, lambda: _count_committed(call))[sku.id]
    total = sum(sku.stock.values())
    return {
        "id": sku.id,
        "seller_sku": sku.seller_sku,
        "total_available_quantity": total,
        "total_committed_quantity": committed,
        "warehouse_inventory": [
            {"warehouse_id": warehouse, "available_quantity": quantity, "committed_quantity": 0 if place else committed}
            for place, (warehouse, quantity) in enumerate(sku.stock.items())
        ],
        "total_available_inventory_distribution": {"in_shop_inventory": {"quantity": total}},
    }


def _count_committed(call: Call) -> Counter[str]:
    counts: Counter[str] = Counter()
    for order in call.shop.orders.values():
        if order.get_status(call.now) in COMMITTED_STATUSES:
            counts.update(
                line.sku.id
                for line in order.lines
                if not line.cancel_time and (line.package is None or line.package.get_status(call.now) == "TO_FULFILL")
            )
    return counts


def update_inventory(call: Call) -> Json:
    """The absolute count for each warehouse; a SKU with any fault keeps its stock, the others are changed."""
    product = require_product(call, call.arguments["product_id"])
    status = product.get_status(call.now)
    if status in STOCK_LOCKED_STATUSES:
        raise RefusalError(12052901, f"The product '{product.id}' is {status}: its stock cannot be changed.")
    errors, named_ids = [], set()
    for item in call.arguments["skus"]:
        sku = product.find_sku(item["id"])
        if sku is None or sku.id in named_ids:
            words = f"The SKU '{item['id']}' is named twice, or is not one of this product."
            errors.append({"code": 12052036, "message": words, "detail": {"sku_id": item["id"], "extra_errors": []}})
            continue
        named_ids.add(sku.id)
        problems = _set_stock(call, sku, item["inventory"])
        if problems:
            detail = {"sku_id": sku.id, "extra_errors": problems}
            errors.append({"code": problems[0]["code"], "message": problems[0]["message"], "detail": detail})
    product.update_time = call.now
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}


def _set_stock(call: Call, sku: Sku, inventory: list[Json]) -> list[Json]:
    warehouses = list_selling_warehouses(call)
    quantities: dict[str, int] = {}
    problems = []
    for item in inventory:
        warehouse = item.get("warehouse_id") or next(iter(sku.stock or warehouses))
        code, message = 0, ""
        if warehouse not in warehouses:
            code, message = 12052097, f"The shop does not sell from the warehouse '{warehouse}'."
        elif warehouse in quantities:
            code, message = 12052037, f"The warehouse '{warehouse}' is named twice."
        if code:
            problems.append({"warehouse_id": warehouse, "code": code, "message": message})
        quantities[warehouse] = item["quantity"]
    problems += [
        {"warehouse_id": missing, "code": 12052037, "message": f"The SKU's warehouse '{missing}' is not named."}
        for missing in sku.stock
        if missing not in quantities
    ]
    if not problems:
        sku.stock = quantities
    return problems


def update_price(call: Call) -> Json:
    """All or nothing: one fault, and every price stays as it is."""
    product = require_product(call, call.arguments["product_id"])
    _refuse_locked(call, product)
    prices: list[tuple[Sku, Decimal, Json | None]] = []
    for item in call.arguments["skus"]:
        sku = product.find_sku(item["id"])
        if sku is None or any(sku is other for other, _, _ in prices):
            raise RefusalError(12052036, f"The SKU '{item['id']}' is named twice, or is not one of this product.")
        prices.append((sku, parse_price(call, item["price"]), item.get("list_price")))
    for sku, price, list_price in prices:
        sku.price = price
        if list_price:
            sku.extras = sku.extras | {"list_price": list_price}
    product.update_time = call.now
    call.shop.mark_changed()
    return {}


def _refuse_locked(call: Call, product: Product) -> None:
    status = product.get_status(call.now)
    if status != "ACTIVATE":
        raise RefusalError(12052901, f"The product '{product.id}' is {status}: only live products take a new price.")
    if call.shop.promotions.find_by_product(product.id, call.now):
        raise RefusalError(12019045, f"A running promotion holds the price of the product '{product.id}'.")
