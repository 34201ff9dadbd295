"""Products in promotions: entered with their price or discount, and taken out again."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.marketing.promotion_calls import activity_of
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.marketing.promotions import Activity

BY_PRICE = ("FIXED_PRICE", "FLASHSALE")
MOST_PRODUCTS = 10_000
HUNDRED = 100


def update_promotion_activity_products(call: Call) -> Json:
    """New products are added, those that take part already get their new terms; one fault, and nothing is done."""
    asked = call.arguments
    activity = activity_of(call, asked["activity_id"])
    if activity.level == "SHOP" and asked.get("products"):
        raise Refusal(17029069, "The promotion is for the whole shop: it takes no products.")
    entries = asked.get("products", [])
    for entry in entries:
        _check(call, activity, entry)
    for product_id in asked.get("benefit_product_ids", ()):
        _product(call, product_id)
    if len({*activity.products, *(entry["id"] for entry in entries)}) > MOST_PRODUCTS:
        raise Refusal(17029001, f"A promotion holds at most {MOST_PRODUCTS} products.")
    for entry in entries:
        activity.products[entry["id"]] = _merged(activity.products.get(entry["id"]), entry)
    for product_id in asked.get("benefit_product_ids", ()):
        if product_id not in activity.benefit_products:
            activity.benefit_products.append(product_id)
    for product_id in asked.get("exclude_product_ids", ()):
        activity.products.pop(product_id, None)
    activity.update_time = call.now
    call.shop.changed()
    return {
        "activity_id": activity.id,
        "title": activity.title,
        "update_time": call.now,
        "status": activity.status(call.now),
        "total_count": len(activity.products),
    }


def _merged(old: Json | None, new: Json) -> Json:
    """A product keeps the SKUs that a call doesn't name."""
    if old is None or "skus" not in old or "skus" not in new:
        return new
    named = {sku["id"] for sku in new["skus"]}
    return new | {"skus": [sku for sku in old["skus"] if sku["id"] not in named] + new["skus"]}


def _product(call: Call, product_id: str) -> Product:
    product = call.shop.products.get(product_id)
    if product is None:
        raise Refusal(17029028, f"The shop has no product '{product_id}'.")
    return product


def _check(call: Call, activity: Activity, entry: Json) -> None:
    product = _product(call, entry["id"])
    other = call.shop.promotions.find_by_product(
        product.id, call.now, besides=activity.id, among=("ONGOING", "NOT_START")
    )
    if other and _meet(activity, other):
        raise Refusal(17029022, f"The product '{product.id}' takes part in the promotion '{other.id}'.")
    priced = [(entry, min(sku.price for sku in product.skus))] if activity.level == "PRODUCT" else []
    for given in entry.get("skus", ()):
        sku = product.sku(given["id"])
        if sku is None:
            raise Refusal(17029028, f"The product '{product.id}' has no SKU '{given['id']}'.")
        if activity.level == "VARIATION":
            priced.append((given, sku.price))
    if not priced:
        raise Refusal(17029001, "Invalid param 'skus': the promotion is by variation and needs them.")
    for given, price in priced:
        _check_terms(activity, given, price)


def _meet(one: Activity, other: Activity) -> bool:
    return one.begin_time < other.end_time and other.begin_time < one.end_time


def _check_terms(activity: Activity, given: Json, price: Decimal) -> None:
    if activity.kind in BY_PRICE:
        amount = given.get("activity_price_amount")
        if not amount or not 0 < Decimal(amount) < price:
            raise Refusal(17029001, f"Invalid 'activity_price_amount': more than 0 and less than {price} is expected.")
    elif activity.kind == "DIRECT_DISCOUNT":
        try:
            percent = Decimal(given.get("discount", ""))
        except InvalidOperation:
            percent = Decimal(0)
        if not 0 < percent < HUNDRED:
            raise Refusal(17029001, "Invalid 'discount': a percentage between 0 and 100 is expected.")


def remove_promotion_activity_products(call: Call) -> Json:
    asked = call.arguments
    activity = activity_of(call, asked["activity_id"])
    product_ids, sku_ids = asked.get("product_ids", []), asked.get("sku_ids", [])
    held = {sku["id"] for entry in activity.products.values() for sku in entry.get("skus", ())}
    strange = [one for one in product_ids if one not in activity.products] + [one for one in sku_ids if one not in held]
    if strange:
        raise Refusal(17029028, f"'{strange[0]}' does not take part in the promotion '{activity.id}'.")
    for product_id in product_ids:
        activity.products.pop(product_id, None)
    _take_out(activity, sku_ids)
    gone = set(asked.get("benefit_product_ids", ()))
    activity.benefit_products = [one for one in activity.benefit_products if one not in gone]
    activity.update_time = call.now
    call.shop.changed()
    return {"activity_id": activity.id, "status": activity.status(call.now), "update_time": call.now}


def _take_out(activity: Activity, sku_ids: Iterable[str]) -> None:
    """With its last SKU a product is out."""
    gone = set(sku_ids)
    for product_id, entry in list(activity.products.items()):
        if "skus" in entry and gone:
            left = [sku for sku in entry["skus"] if sku["id"] not in gone]
            if not left and entry["skus"]:
                del activity.products[product_id]
            else:
                activity.products[product_id] = entry | {"skus": left}
