"""Stock and prices of SKUs: how many are there and how many are promised, set anew, and what they cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings.listing_checks import price_of, selling_warehouses
from mcp_server_tiktok_shop.sandbox.listings.product_calls import product_of
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

PROMISED = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
STOCK_LOCKED = ("FREEZE", "DELETED")


def inventory_search(call: Call) -> Json:
    """By SKU where SKUs are named, by product otherwise; unknown ids are simply not in the answer."""
    skus, products = call.arguments.get("sku_ids") or [], call.arguments.get("product_ids") or []
    if not skus and not products:
        raise Refusal(12019008, "Invalid param: 'product_ids' or 'sku_ids' is needed.")
    found = []
    for product in call.shop.products.values():
        held = [sku for sku in product.skus if (sku.id in skus if skus else product.id in products)]
        if held:
            found.append({"product_id": product.id, "skus": [_stock(call, sku) for sku in held]})
    return {"inventory": found}


def _stock(call: Call, sku: Sku) -> Json:
    """What is promised to orders stands in the first warehouse, the one that orders are sent from."""
    promised: int = call.shop.kept("promised", call.now, lambda: _promised(call))[sku.id]
    total = sum(sku.stock.values())
    return {
        "id": sku.id,
        "seller_sku": sku.seller_sku,
        "total_available_quantity": total,
        "total_committed_quantity": promised,
        "warehouse_inventory": [
            {"warehouse_id": warehouse, "available_quantity": quantity, "committed_quantity": 0 if place else promised}
            for place, (warehouse, quantity) in enumerate(sku.stock.items())
        ],
        "total_available_inventory_distribution": {"in_shop_inventory": {"quantity": total}},
    }


def _promised(call: Call) -> Counter[str]:
    counts: Counter[str] = Counter()
    for order in call.shop.orders.values():
        if order.status(call.now) in PROMISED:
            counts.update(
                line.sku.id
                for line in order.lines
                if not line.cancel_time and (line.package is None or line.package.status(call.now) == "TO_FULFILL")
            )
    return counts


def update_inventory(call: Call) -> Json:
    """The absolute count for each warehouse; a SKU with any fault keeps its stock, the others are changed."""
    product = product_of(call, call.arguments["product_id"])
    status = product.status_at(call.now)
    if status in STOCK_LOCKED:
        raise Refusal(12052901, f"The product '{product.id}' is {status}: its stock cannot be changed.")
    errors, seen = [], set()
    for given in call.arguments["skus"]:
        sku = product.sku(given["id"])
        if sku is None or sku.id in seen:
            words = f"The SKU '{given['id']}' is named twice, or is not one of this product."
            errors.append({"code": 12052036, "message": words, "detail": {"sku_id": given["id"], "extra_errors": []}})
            continue
        seen.add(sku.id)
        problems = _set_stock(call, sku, given["inventory"])
        if problems:
            detail = {"sku_id": sku.id, "extra_errors": problems}
            errors.append({"code": problems[0]["code"], "message": problems[0]["message"], "detail": detail})
    product.update_time = call.now
    call.shop.changed()
    return {"errors": errors} if errors else {}


def _set_stock(call: Call, sku: Sku, inventory: list[Json]) -> list[Json]:
    own = selling_warehouses(call)
    wanted: dict[str, int] = {}
    problems = []
    for item in inventory:
        warehouse = item.get("warehouse_id") or next(iter(sku.stock or own))
        code, message = 0, ""
        if warehouse not in own:
            code, message = 12052097, f"The shop does not sell from the warehouse '{warehouse}'."
        elif warehouse in wanted:
            code, message = 12052037, f"The warehouse '{warehouse}' is named twice."
        if code:
            problems.append({"warehouse_id": warehouse, "code": code, "message": message})
        wanted[warehouse] = item["quantity"]
    problems += [
        {"warehouse_id": missing, "code": 12052037, "message": f"The SKU's warehouse '{missing}' is not named."}
        for missing in sku.stock
        if missing not in wanted
    ]
    if not problems:
        sku.stock = wanted
    return problems


def update_price(call: Call) -> Json:
    """All or nothing: one fault, and every price stays as it is."""
    product = product_of(call, call.arguments["product_id"])
    _refuse_locked(call, product)
    prices: list[tuple[Sku, Decimal, Json | None]] = []
    for given in call.arguments["skus"]:
        sku = product.sku(given["id"])
        if sku is None or any(sku is other for other, _, _ in prices):
            raise Refusal(12052036, f"The SKU '{given['id']}' is named twice, or is not one of this product.")
        prices.append((sku, price_of(call, given["price"]), given.get("list_price")))
    for sku, price, list_price in prices:
        sku.price = price
        if list_price:
            sku.extras = sku.extras | {"list_price": list_price}
    product.update_time = call.now
    call.shop.changed()
    return {}


def _refuse_locked(call: Call, product: Product) -> None:
    status = product.status_at(call.now)
    if status != "ACTIVATE":
        raise Refusal(12052901, f"The product '{product.id}' is {status}: only live products take a new price.")
    if call.shop.promotions.find_by_product(product.id, call.now):
        raise Refusal(12019045, f"A running promotion holds the price of the product '{product.id}'.")
