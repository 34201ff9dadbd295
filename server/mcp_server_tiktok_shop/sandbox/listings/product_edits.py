"""Changes to listings: edited as a whole, or property by property; every change goes to the audit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.listings.listing_checks import (
    check_category,
    check_details,
    check_pictures,
    check_seller_skus,
    check_stock,
    check_variants,
    check_version,
    image,
    price_of,
)
from mcp_server_tiktok_shop.sandbox.listings.product_calls import product_of
from mcp_server_tiktok_shop.sandbox.listings.product_creation import (
    KEPT_OF_SKU,
    attributes_of,
    kept,
    new_sku,
    stock_of,
    told_skus,
)
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

PLAIN = ("title", "description", "category_id")


def edit_product(call: Call) -> Json:
    """The listing as it is given: what is left out is gone."""
    return _edit(call, whole=True)


def partial_edit_product(call: Call) -> Json:
    """Each property that is given takes the place of the old one, whole; the others stay."""
    return _edit(call, whole=False)


def _edit(call: Call, *, whole: bool) -> Json:
    asked = call.arguments
    old = product_of(call, asked["product_id"])
    status = old.status_at(call.now)
    if status in ("FREEZE", "DELETED"):
        raise Refusal(12052901, f"The product '{old.id}' is {status} and cannot be edited.")
    if "category_id" in asked:
        check_category(asked["category_id"])
    check_pictures(call, asked)
    is_draft = asked["save_mode"] == "AS_DRAFT"
    if not is_draft:
        _check_listing(call, old, whole=whole)
    changes: dict[str, Any] = {name: asked[name] for name in PLAIN if name in asked}
    if asked.get("skus"):
        changes["skus"] = _skus(call, old)
        if not is_draft:
            check_seller_skus([sku.seller_sku for sku in changes["skus"]])
    if asked.get("main_images"):
        changes["images"] = [image(call, picture["uri"]) for picture in asked["main_images"]]
    if whole or "package_weight" in asked:
        changes["weight"] = asked.get("package_weight", {})
    category_id = asked.get("category_id", old.category_id)
    changes["extras"] = ({} if whole else old.extras) | kept(asked, category_id)
    # Orders keep the listing that they were placed on, so a change makes a new one in its place.
    new = replace(old, **changes, status=status)
    if is_draft:
        new.update_time = call.now
    else:
        new.submit(call.now)
    call.shop.products[new.id] = new
    call.shop.changed()
    return {
        "product_id": new.id,
        "skus": told_skus(new),
        "audit": {"status": "NONE" if is_draft else "AUDITING"},
    }


def _check_listing(call: Call, old: Product, *, whole: bool) -> None:
    """The listing as it would be after the change has to be one that could be created."""
    asked = call.arguments
    if whole:
        check_version(call)
        check_details(call, asked)
        return
    before = {
        "category_id": old.category_id,
        "package_weight": old.weight,
        "package_dimensions": old.extras.get("package_dimensions"),
        "product_attributes": old.extras.get("product_attributes", []),
        "skus": [],
    }
    check_details(call, before | asked | {"skus": [_weighed(old, given) for given in asked.get("skus", ())]})


def _weighed(old: Product, given: Json) -> Json:
    """A SKU keeps the weight that it was created with."""
    sku = old.sku(given.get("id", ""))
    if sku is None or not sku.weight or given.get("sku_weight"):
        return given
    return given | {"sku_weight": {"value": sku.weight, "unit": "KILOGRAM"}}


def _skus(call: Call, product: Product) -> list[Sku]:
    given = call.arguments["skus"]
    ids = [item["id"] for item in given if item.get("id")]
    strange = next((sku_id for sku_id in ids if product.sku(sku_id) is None), None)
    if strange is not None or len(set(ids)) < len(ids):
        raise Refusal(12052036, f"Invalid 'skus': '{strange or ids[0]}' is doubled, or not a SKU of this product.")
    named = [item for item in given if not item.get("id") or item.get("sales_attributes")]
    if len(given) > 1:
        check_variants(named)
    return [_sku(call, product, place, item) for place, item in enumerate(given)]


def _sku(call: Call, product: Product, place: int, given: Json) -> Sku:
    old = product.sku(given.get("id", ""))
    if old is None:
        check_stock(call, given.get("inventory", []))
        if "price" not in given:
            raise Refusal(12052092, "A new SKU has no price: 'price.amount' is missing.")
        return new_sku(call, product.id, len(product.skus) + place + call.shop.version, given)
    changes: dict[str, Any] = {}
    if given.get("inventory"):
        check_stock(call, given["inventory"])
        changes["stock"] = stock_of(given)
    if "price" in given:
        changes["price"] = price_of(call, given["price"])
    if given.get("sales_attributes"):
        changes["attributes"] = attributes_of(product.id, place, given)
    if "seller_sku" in given:
        changes["seller_sku"] = given["seller_sku"]
    extras = old.extras | {name: given[name] for name in KEPT_OF_SKU if name in given}
    return replace(old, **changes, extras=extras)
