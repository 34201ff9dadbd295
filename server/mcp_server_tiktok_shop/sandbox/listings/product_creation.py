"""New listings: the product that comes of one, and its SKUs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.listings import attributes
from mcp_server_tiktok_shop.sandbox.listings.brands import BRANDS
from mcp_server_tiktok_shop.sandbox.listings.listing_checks import (
    iter_draft_refusals,
    iter_listing_refusals,
    parse_price,
    require_image,
)
from mcp_server_tiktok_shop.sandbox.listings.products import VARIANT_ATTRIBUTE, Product, Sku

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# What the platform keeps of a listing and shows again as it was given.
ECHOED_FIELDS = (
    "package_dimensions",
    "external_product_id",
    "certifications",
    "key_product_features",
    "search_terms",
    "minimum_order_quantity",
    "is_pre_owned",
    "shipping_insurance_requirement",
)
ECHOED_SKU_FIELDS = ("external_sku_id", "identifier_code", "list_price", "external_urls", "sku_unit_count")


def create_product(call: Call) -> Json:
    """Audited for a minute, then live; as a draft, kept. The same idempotency key gives the same product."""
    key = call.arguments.get("idempotency_key", "")
    if key in call.shop.created_by_key:
        return call.shop.created_by_key[key]
    arguments = call.arguments
    is_draft = arguments["save_mode"] == "AS_DRAFT"
    for fault in iter_draft_refusals(call, arguments) if is_draft else iter_listing_refusals(call, arguments):
        raise fault
    product_id = make_id("1729", call.shop.id, "created", len(call.shop.products), arguments["title"])
    skus = [make_sku(call, product_id, place, item) for place, item in enumerate(arguments["skus"])]
    product = Product(
        id=product_id,
        title=arguments["title"],
        description=arguments["description"],
        category_id=arguments["category_id"],
        status="DRAFT",
        create_time=call.now,
        update_time=call.now,
        skus=skus,
        images=[require_image(call, picture["uri"]) for picture in arguments["main_images"]],
        currency=call.shop.currency,
        region=call.shop.region,
        weight=arguments.get("package_weight", {}),
        extras=select_extras(arguments, arguments["category_id"]),
    )
    if not is_draft:
        product.submit(call.now)
    call.shop.products[product_id] = product
    payload: Json = {"product_id": product_id, "skus": render_written_skus(product)}
    if key:
        call.shop.created_by_key[key] = payload
    call.shop.mark_changed()
    return payload


def select_extras(listing: Json, category_id: str) -> Json:
    """What is shown again of a listing: as it was given, but for names that the platform puts to ids."""
    payload: Json = {name: listing[name] for name in ECHOED_FIELDS if name in listing}
    if "product_attributes" in listing:
        payload["product_attributes"] = attributes.add_names(category_id, listing["product_attributes"])
    brand = BRANDS.get(listing.get("brand_id", ""))
    return payload | ({"brand": {"id": brand.id, "name": brand.name}} if brand else {})


def make_sku(call: Call, product_id: str, place: int, item: Json) -> Sku:
    return Sku(
        id=make_id("1729", call.shop.id, product_id, "sku", place),
        product_id=product_id,
        seller_sku=item.get("seller_sku", ""),
        price=Decimal(parse_price(call, item["price"])),
        stock=read_stock(item),
        attributes=make_attributes(product_id, place, item),
        weight=item.get("sku_weight", {}).get("value", ""),
        extras={name: item[name] for name in ECHOED_SKU_FIELDS if name in item},
    )


def read_stock(item: Json) -> dict[str, int]:
    return {stock["warehouse_id"]: stock.get("quantity", 0) for stock in item["inventory"]}


def make_attributes(product_id: str, place: int, item: Json) -> list[Json]:
    return [
        {
            "id": a.get("id", VARIANT_ATTRIBUTE[0]),
            "name": a.get("name", VARIANT_ATTRIBUTE[1]),
            "value_id": a.get("value_id") or make_id("17", product_id, "value", place, number),
            "value_name": a.get("value_name", a.get("value_id", "")),
        }
        for number, a in enumerate(item.get("sales_attributes", ()))
    ]


def render_written_skus(product: Product) -> list[Json]:
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
