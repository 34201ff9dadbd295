"""New listings: what the platform checks before it takes one, and the product that comes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from .assortment import CATEGORIES, LEAVES
from .ids import make_id
from .products import VARIANT_ATTRIBUTE, Product, Sku
from .warehouses import SALES
from .wire import Refusal

if TYPE_CHECKING:
    from .call import Call
    from .uploads import Upload
    from .wire import Json

PRICES = {
    "GBP": (Decimal("0.01"), Decimal(5600)),
    "EUR": (Decimal("0.01"), Decimal(6300)),
    "USD": (Decimal("0.01"), Decimal(7600)),
}
# What the platform keeps of a listing and shows again as it was given.
KEPT = (
    "product_attributes",
    "package_dimensions",
    "external_product_id",
    "certifications",
    "key_product_features",
    "search_terms",
    "minimum_order_quantity",
    "is_pre_owned",
    "shipping_insurance_requirement",
)


def create_product(call: Call) -> Json:
    """Audited for a minute, then live; as a draft, kept. The same idempotency key gives the same product."""
    key = call.arguments.get("idempotency_key", "")
    if key in call.shop.created_by_key:
        return call.shop.created_by_key[key]
    _check(call)
    asked = call.arguments
    product_id = make_id("1729", call.shop.id, "created", len(call.shop.products), asked["title"])
    skus = [_sku(call, product_id, place, given) for place, given in enumerate(asked["skus"])]
    product = Product(
        id=product_id,
        title=asked["title"],
        description=asked["description"],
        category_id=asked["category_id"],
        status="DRAFT" if asked["save_mode"] == "AS_DRAFT" else "PENDING",
        create_time=call.now,
        update_time=call.now,
        skus=skus,
        images=[_image(call, image["uri"]) for image in asked["main_images"]],
        currency=call.shop.currency,
        region=call.shop.region,
        weight=asked.get("package_weight", {}),
        extras={name: asked[name] for name in KEPT if name in asked},
    )
    call.shop.products[product_id] = product
    told: Json = {"product_id": product_id, "skus": [_told(sku) for sku in skus]}
    if key:
        call.shop.created_by_key[key] = told
    call.shop.changed()
    return told


def _check(call: Call) -> None:
    asked = call.arguments
    if asked["category_id"] not in CATEGORIES:
        raise Refusal(12052220, f"Invalid 'category_id': there is no category '{asked['category_id']}'.")
    if asked["category_id"] not in LEAVES:
        raise Refusal(12052024, f"Invalid 'category_id': '{asked['category_id']}' is not a leaf category.")
    pictures = [image["uri"] for image in asked["main_images"]]
    for given in asked["skus"]:
        pictures += [a["sku_img"]["uri"] for a in given.get("sales_attributes", ()) if "sku_img" in a]
    for uri in pictures:
        _image(call, uri)
    for given in asked["skus"]:
        _check_sku(call, given)
    names = [_variant(given) for given in asked["skus"]]
    if len(set(names)) < len(names):
        raise Refusal(12052144, "Two SKUs have the same 'sales_attributes'.")


def _variant(given: Json) -> str:
    attributes = given.get("sales_attributes", ())
    return "/".join(f"{a.get('id') or a.get('name')}:{a.get('value_id') or a.get('value_name')}" for a in attributes)


def _check_sku(call: Call, given: Json) -> None:
    own = {warehouse.id for warehouse in call.shop.warehouses if warehouse.kind == SALES}
    if not given["inventory"]:
        raise Refusal(12052115, "A SKU has no 'inventory': name a warehouse.")
    for stock in given["inventory"]:
        if stock["warehouse_id"] not in own:
            raise Refusal(12052097, f"Invalid 'warehouse_id': the shop does not sell from '{stock['warehouse_id']}'.")
    price, currency = given["price"], call.shop.currency
    if price["currency"] != currency:
        raise Refusal(12052084, f"Invalid 'currency': this shop sells in '{currency}'.")
    if not price.get("amount"):
        raise Refusal(12052092, "A SKU has no price: 'price.amount' is missing.")
    low, high = PRICES[currency]
    if not low <= Decimal(price["amount"]) <= high:
        raise Refusal(12052073, f"Invalid 'price.amount': {low} to {high} {currency} are accepted.")


def _image(call: Call, uri: str) -> Upload:
    """Only what was uploaded before may be shown."""
    upload = call.state.uploads.get(uri)
    if upload is None or upload.owner not in ("", call.account.open_id):
        raise Refusal(12052300, f"Invalid image 'uri': '{uri}' was not uploaded by this seller.")
    return upload


def _sku(call: Call, product_id: str, place: int, given: Json) -> Sku:
    attributes = [
        {
            "id": a.get("id", VARIANT_ATTRIBUTE[0]),
            "name": a.get("name", VARIANT_ATTRIBUTE[1]),
            "value_id": a.get("value_id") or make_id("17", product_id, "value", place, number),
            "value_name": a.get("value_name", a.get("value_id", "")),
        }
        for number, a in enumerate(given.get("sales_attributes", ()))
    ]
    kept = ("external_sku_id", "identifier_code", "list_price", "external_urls", "sku_unit_count")
    return Sku(
        id=make_id("1729", call.shop.id, product_id, "sku", place),
        product_id=product_id,
        seller_sku=given.get("seller_sku", ""),
        price=Decimal(given["price"]["amount"]),
        stock={stock["warehouse_id"]: stock.get("quantity", 0) for stock in given["inventory"]},
        attributes=attributes,
        weight=given.get("sku_weight", {}).get("value", ""),
        extras={name: given[name] for name in kept if name in given},
    )


def _told(sku: Sku) -> Json:
    told: Json = {
        "id": sku.id,
        "seller_sku": sku.seller_sku,
        "sales_attributes": [{"id": a["id"], "value_id": a["value_id"]} for a in sku.attributes],
    }
    return told | {name: sku.extras[name] for name in ("external_sku_id",) if name in sku.extras}
