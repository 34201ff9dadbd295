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
    parse_price,
    require_image,
)
from mcp_server_tiktok_shop.sandbox.listings.product_calls import require_product
from mcp_server_tiktok_shop.sandbox.listings.product_creation import (
    ECHOED_SKU_FIELDS,
    make_attributes,
    make_sku,
    read_stock,
    render_written_skus,
    select_extras,
)
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

PLAIN_FIELDS = ("title", "description", "category_id")


def edit_product(call: Call) -> Json:
    """The listing as it is given: what is left out is gone."""
    return _edit(call, whole=True)


def partial_edit_product(call: Call) -> Json:
    """Each property that is given takes the place of the old one, whole; the others stay."""
    return _edit(call, whole=False)


def _edit(call: Call, *, whole: bool) -> Json:
    arguments = call.arguments
    old = require_product(call, arguments["product_id"])
    status = old.get_status(call.now)
    if status in ("FREEZE", "DELETED"):
        raise RefusalError(12052901, f"The product '{old.id}' is {status} and cannot be edited.")
    if "category_id" in arguments:
        check_category(arguments["category_id"])
    check_pictures(call, arguments)
    is_draft = arguments["save_mode"] == "AS_DRAFT"
    if not is_draft:
        _check_listing(call, old, whole=whole)
    changes: dict[str, Any] = {name: arguments[name] for name in PLAIN_FIELDS if name in arguments}
    if arguments.get("skus"):
        changes["skus"] = _edit_skus(call, old)
        if not is_draft:
            check_seller_skus([sku.seller_sku for sku in changes["skus"]])
    if arguments.get("main_images"):
        changes["images"] = [require_image(call, picture["uri"]) for picture in arguments["main_images"]]
    if whole or "package_weight" in arguments:
        changes["weight"] = arguments.get("package_weight", {})
    category_id = arguments.get("category_id", old.category_id)
    changes["extras"] = ({} if whole else old.extras) | select_extras(arguments, category_id)
    # Orders keep the listing that they were placed on, so a change makes a new one in its place.
    new = replace(old, **changes, status=status)
    if is_draft:
        new.update_time = call.now
    else:
        new.submit(call.now)
    call.shop.products[new.id] = new
    call.shop.mark_changed()
    return {
        "product_id": new.id,
        "skus": render_written_skus(new),
        "audit": {"status": "NONE" if is_draft else "AUDITING"},
    }


def _check_listing(call: Call, old: Product, *, whole: bool) -> None:
    """The listing as it would be after the change has to be one that could be created."""
    arguments = call.arguments
    if whole:
        check_version(call)
        check_details(call, arguments)
        return
    listing = {
        "category_id": old.category_id,
        "package_weight": old.weight,
        "package_dimensions": old.extras.get("package_dimensions"),
        "product_attributes": old.extras.get("product_attributes", []),
        "skus": [],
    }
    check_details(
        call, listing | arguments | {"skus": [_add_known_weight(old, item) for item in arguments.get("skus", ())]}
    )


def _add_known_weight(old: Product, item: Json) -> Json:
    """A SKU keeps the weight that it was created with."""
    sku = old.find_sku(item.get("id", ""))
    if sku is None or not sku.weight or item.get("sku_weight"):
        return item
    return item | {"sku_weight": {"value": sku.weight, "unit": "KILOGRAM"}}


def _edit_skus(call: Call, product: Product) -> list[Sku]:
    items = call.arguments["skus"]
    ids = [item["id"] for item in items if item.get("id")]
    unknown_id = next((sku_id for sku_id in ids if product.find_sku(sku_id) is None), None)
    if unknown_id is not None or len(set(ids)) < len(ids):
        raise RefusalError(
            12052036, f"Invalid 'skus': '{unknown_id or ids[0]}' is doubled, or not a SKU of this product."
        )
    named_items = [item for item in items if not item.get("id") or item.get("sales_attributes")]
    if len(items) > 1:
        check_variants(named_items)
    return [_edit_sku(call, product, place, item) for place, item in enumerate(items)]


def _edit_sku(call: Call, product: Product, place: int, item: Json) -> Sku:
    old = product.find_sku(item.get("id", ""))
    if old is None:
        check_stock(call, item.get("inventory", []))
        if "price" not in item:
            raise RefusalError(12052092, "A new SKU has no price: 'price.amount' is missing.")
        return make_sku(call, product.id, len(product.skus) + place + call.shop.version, item)
    changes: dict[str, Any] = {}
    if item.get("inventory"):
        check_stock(call, item["inventory"])
        changes["stock"] = read_stock(item)
    if "price" in item:
        changes["price"] = parse_price(call, item["price"])
    if item.get("sales_attributes"):
        changes["attributes"] = make_attributes(product.id, place, item)
    if "seller_sku" in item:
        changes["seller_sku"] = item["seller_sku"]
    extras = old.extras | {name: item[name] for name in ECHOED_SKU_FIELDS if name in item}
    return replace(old, **changes, extras=extras)
