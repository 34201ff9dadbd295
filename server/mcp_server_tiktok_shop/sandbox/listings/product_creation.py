"""New listings: the product that comes of one, and its SKUs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.listings import attributes
from mcp_server_tiktok_shop.sandbox.listings.brands import BRANDS
from mcp_server_tiktok_shop.sandbox.listings.listing_checks import draft_faults, image, listing_faults, price_of
from mcp_server_tiktok_shop.sandbox.listings.products import VARIANT_ATTRIBUTE, Product, Sku

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# What the platform keeps of a listing and shows again as it was given.
KEPT = (
    "package_dimensions",
    "external_product_id",
    "certifications",
    "key_product_features",
    "search_terms",
    "minimum_order_quantity",
    "is_pre_owned",
    "shipping_insurance_requirement",
)
KEPT_OF_SKU = ("external_sku_id", "identifier_code", "list_price", "external_urls", "sku_unit_count")


def create_product(call: Call) -> Json:
    """Audited for a minute, then live; as a draft, kept. The same idempotency key gives the same product."""
    key = call.arguments.get("idempotency_key", "")
    if key in call.shop.created_by_key:
        return call.shop.created_by_key[key]
    asked = call.arguments
    is_draft = asked["save_mode"] == "AS_DRAFT"
    for fault in draft_faults(call, asked) if is_draft else listing_faults(call, asked):
        raise fault
    product_id = make_id("1729", call.shop.id, "created", len(call.shop.products), asked["title"])
    skus = [new_sku(call, product_id, place, given) for place, given in enumerate(asked["skus"])]
    product = Product(
        id=product_id,
        title=asked["title"],
        description=asked["description"],
        category_id=asked["category_id"],
        status="DRAFT",
        create_time=call.now,
        update_time=call.now,
        skus=skus,
        images=[image(call, picture["uri"]) for picture in asked["main_images"]],
        currency=call.shop.currency,
        region=call.shop.region,
        weight=asked.get("package_weight", {}),
        extras=kept(asked, asked["category_id"]),
    )
    if not is_draft:
        product.submit(call.now)
    call.shop.products[product_id] = product
    told: Json = {"product_id": product_id, "skus": told_skus(product)}
    if key:
        call.shop.created_by_key[key] = told
    call.shop.changed()
    return told


def kept(asked: Json, category_id: str) -> Json:
    """What is shown again of a listing: as it was given, but for names that the platform puts to ids."""
    told: Json = {name: asked[name] for name in KEPT if name in asked}
    if "product_attributes" in asked:
        told["product_attributes"] = attributes.named(category_id, asked["product_attributes"])
    brand = BRANDS.get(asked.get("brand_id", ""))
    return told | ({"brand": {"id": brand.id, "name": brand.name}} if brand else {})


def new_sku(call: Call, product_id: str, place: int, given: Json) -> Sku:
    return Sku(
        id=make_id("1729", call.shop.id, product_id, "sku", place),
        product_id=product_id,
        seller_sku=given.get("seller_sku", ""),
        price=Decimal(price_of(call, given["price"])),
        stock=stock_of(given),
        attributes=attributes_of(product_id, place, given),
        weight=given.get("sku_weight", {}).get("value", ""),
        extras={name: given[name] for name in KEPT_OF_SKU if name in given},
    )


def stock_of(given: Json) -> dict[str, int]:
    return {stock["warehouse_id"]: stock.get("quantity", 0) for stock in given["inventory"]}


def attributes_of(product_id: str, place: int, given: Json) -> list[Json]:
    return [
        {
            "id": a.get("id", VARIANT_ATTRIBUTE[0]),
            "name": a.get("name", VARIANT_ATTRIBUTE[1]),
            "value_id": a.get("value_id") or make_id("17", product_id, "value", place, number),
            "value_name": a.get("value_name", a.get("value_id", "")),
        }
        for number, a in enumerate(given.get("sales_attributes", ()))
    ]


def told_skus(product: Product) -> list[Json]:
    """A listing's SKUs as its writes answer them."""
    return [
        {
            "id": sku.id,
            "seller_sku": sku.seller_sku,
            "sales_attributes": [{"id": a["id"], "value_id": a["value_id"]} for a in sku.attributes],
        }
        | {name: sku.extras[name] for name in ("external_sku_id",) if name in sku.extras}
        for sku in product.skus
    ]
