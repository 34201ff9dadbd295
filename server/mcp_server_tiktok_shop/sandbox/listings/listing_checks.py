"""What the platform checks before it takes a listing or a change to one: category, pictures, prices, warehouses."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES
from mcp_server_tiktok_shop.sandbox.gateway.wire import Refusal
from mcp_server_tiktok_shop.sandbox.seeding.assortment import CATEGORIES, LEAVES

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Json
    from mcp_server_tiktok_shop.sandbox.listings.uploads import Upload

PRICES = {
    "GBP": (Decimal("0.01"), Decimal(5600)),
    "EUR": (Decimal("0.01"), Decimal(6300)),
    "USD": (Decimal("0.01"), Decimal(7600)),
}


def check_category(category_id: str) -> None:
    if category_id not in CATEGORIES:
        raise Refusal(12052220, f"Invalid 'category_id': there is no category '{category_id}'.")
    if category_id not in LEAVES:
        raise Refusal(12052024, f"Invalid 'category_id': '{category_id}' is not a leaf category.")


def check_pictures(call: Call, asked: Json) -> None:
    for picture in asked.get("main_images", ()):
        image(call, picture["uri"])
    for given in asked.get("skus", ()):
        for attribute in given.get("sales_attributes", ()):
            if "sku_img" in attribute:
                image(call, attribute["sku_img"]["uri"])


def image(call: Call, uri: str) -> Upload:
    """Only what was uploaded before may be shown."""
    upload = call.state.uploads.get(uri)
    if upload is None or upload.owner not in ("", call.account.open_id):
        raise Refusal(12052300, f"Invalid image 'uri': '{uri}' was not uploaded by this seller.")
    return upload


def check_variants(given: list[Json]) -> None:
    names = [_variant(sku) for sku in given]
    if len(set(names)) < len(names):
        raise Refusal(12052144, "Two SKUs have the same 'sales_attributes'.")


def _variant(given: Json) -> str:
    attributes = given.get("sales_attributes", ())
    return "/".join(f"{a.get('id') or a.get('name')}:{a.get('value_id') or a.get('value_name')}" for a in attributes)


def check_stock(call: Call, inventory: list[Json]) -> None:
    if not inventory:
        raise Refusal(12052115, "A SKU has no 'inventory': name a warehouse.")
    own = selling_warehouses(call)
    for stock in inventory:
        if stock["warehouse_id"] not in own:
            raise Refusal(12052097, f"Invalid 'warehouse_id': the shop does not sell from '{stock['warehouse_id']}'.")


def selling_warehouses(call: Call) -> list[str]:
    return [warehouse.id for warehouse in call.shop.warehouses if warehouse.kind == SALES]


def price_of(call: Call, price: Json) -> Decimal:
    """The amount of a price, in the shop's currency and range."""
    currency = call.shop.currency
    if price["currency"] != currency:
        raise Refusal(12052084, f"Invalid 'currency': this shop sells in '{currency}'.")
    amount = price.get("amount") or price.get("sale_price")
    if not amount:
        raise Refusal(12052092, "A SKU has no price: 'price.amount' is missing.")
    low, high = PRICES[currency]
    if not low <= Decimal(amount) <= high:
        raise Refusal(12052073, f"Invalid 'price.amount': {low} to {high} {currency} are accepted.")
    return Decimal(amount)
