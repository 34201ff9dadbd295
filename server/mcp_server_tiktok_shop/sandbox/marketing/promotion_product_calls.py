"""Products in promotions: entered with their price or discount, and taken out again."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.marketing.promotion_calls import require_activity
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.marketing.promotions import Activity

PRICE_KINDS = ("FIXED_PRICE", "FLASHSALE")
MAX_PRODUCTS = 10_000
HUNDRED_PERCENT = 100


def update_promotion_activity_products(call: Call) -> Json:
    """New products are added, those that take part already get their new terms; one fault, and nothing is done."""
    arguments = call.arguments
    activity = require_activity(call, arguments["activity_id"])
    if activity.level == "SHOP" and arguments.get("products"):
        raise RefusalError(17029069, "The promotion is for the whole shop: it takes no products.")
    entries = arguments.get("products", [])
    for entry in entries:
        _check_entry(call, activity, entry)
    for product_id in arguments.get("benefit_product_ids", ()):
        _require_product(call, product_id)
    if len({*activity.products, *(entry["id"] for entry in entries)}) > MAX_PRODUCTS:
        raise RefusalError(17029001, f"A promotion holds at most {MAX_PRODUCTS} products.")
    for entry in entries:
        activity.products[entry["id"]] = _merge_entry(activity.products.get(entry["id"]), entry)
    for product_id in arguments.get("benefit_product_ids", ()):
        if product_id not in activity.benefit_products:
            activity.benefit_products.append(product_id)
    for product_id in arguments.get("exclude_product_ids", ()):
        activity.products.pop(product_id, None)
    activity.update_time = call.now
    call.shop.mark_changed()
    return {
        "activity_id": activity.id,
        "title": activity.title,
        "update_time": call.now,
        "status": activity.get_status(call.now),
        "total_count": len(activity.products),
    }


def _merge_entry(old: Json | None, new: Json) -> Json:
    """A product keeps the SKUs that a call doesn't name."""
    if old is None or "skus" not in old or "skus" not in new:
        return new
    named = {sku["id"] for sku in new["skus"]}
    return new | {"skus": [sku for sku in old["skus"] if sku["id"] not in named] + new["skus"]}


def _require_product(call: Call, product_id: str) -> Product:
    product = call.shop.products.get(product_id)
    if product is None:
        raise RefusalError(17029028, f"The shop has no product '{product_id}'.")
    return product


def _check_entry(call: Call, activity: Activity, entry: Json) -> None:
    product = _require_product(call, entry["id"])
    other = call.shop.promotions.find_by_product(
        product.id, call.now, except_id=activity.id, statuses=("ONGOING", "NOT_START")
    )
    if other and _is_overlapping(activity, other):
        raise RefusalError(17029022, f"The product '{product.id}' takes part in the promotion '{other.id}'.")
    priced = [(entry, min(sku.price for sku in product.skus))] if activity.level == "PRODUCT" else []
    for item in entry.get("skus", ()):
        sku = product.find_sku(item["id"])
        if sku is None:
            raise RefusalError(17029028, f"The product '{product.id}' has no SKU '{item['id']}'.")
        if activity.level == "VARIATION":
            priced.append((item, sku.price))
    if not priced:
        raise RefusalError(17029001, "Invalid param 'skus': the promotion is by variation and needs them.")
    for item, price in priced:
        _check_terms(activity, item, price)


def _is_overlapping(activity: Activity, other: Activity) -> bool:
    return activity.begin_time < other.end_time and other.begin_time < activity.end_time


def _check_terms(activity: Activity, item: Json, price: Decimal) -> None:
    if activity.kind in PRICE_KINDS:
        amount = item.get("activity_price_amount")
        if not amount or not 0 < Decimal(amount) < price:
            raise RefusalError(
                17029001, f"Invalid 'activity_price_amount': more than 0 and less than {price} is expected."
            )
    elif activity.kind == "DIRECT_DISCOUNT":
        try:
            percent = Decimal(item.get("discount", ""))
        except InvalidOperation:
            percent = Decimal(0)
        if not 0 < percent < HUNDRED_PERCENT:
            raise RefusalError(17029001, "Invalid 'discount': a percentage between 0 and 100 is expected.")


def remove_promotion_activity_products(call: Call) -> Json:
    arguments = call.arguments
    activity = require_activity(call, arguments["activity_id"])
    product_ids, sku_ids = arguments.get("product_ids", []), arguments.get("sku_ids", [])
    entered_ids = {sku["id"] for entry in activity.products.values() for sku in entry.get("skus", ())}
    unknown_ids = [one for one in product_ids if one not in activity.products] + [
        one for one in sku_ids if one not in entered_ids
    ]
    if unknown_ids:
        raise RefusalError(17029028, f"'{unknown_ids[0]}' does not take part in the promotion '{activity.id}'.")
    for product_id in product_ids:
        activity.products.pop(product_id, None)
    _remove_skus(activity, sku_ids)
    removed_ids = set(arguments.get("benefit_product_ids", ()))
    activity.benefit_products = [one for one in activity.benefit_products if one not in removed_ids]
    activity.update_time = call.now
    call.shop.mark_changed()
    return {"activity_id": activity.id, "status": activity.get_status(call.now), "update_time": call.now}


def _remove_skus(activity: Activity, sku_ids: Iterable[str]) -> None:
    """With its last SKU a product is out."""
    removed_ids = set(sku_ids)
    for product_id, entry in list(activity.products.items()):
        if "skus" in entry and removed_ids:
            remaining = [sku for sku in entry["skus"] if sku["id"] not in removed_ids]
            if not remaining and entry["skus"]:
                del activity.products[product_id]
            else:
                activity.products[product_id] = entry | {"skus": remaining}
