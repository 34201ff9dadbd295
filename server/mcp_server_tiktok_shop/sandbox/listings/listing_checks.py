"""What the platform checks before it takes a listing or a change to one; drafts are held to less."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES
from mcp_server_tiktok_shop.sandbox.gateway.markets import allowed
from mcp_server_tiktok_shop.sandbox.listings import attributes
from mcp_server_tiktok_shop.sandbox.listings.brands import check_brand
from mcp_server_tiktok_shop.sandbox.listings.categories import CATEGORIES, LEAVES
from mcp_server_tiktok_shop.sandbox.listings.package_checks import check_package
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.uploads import Upload

PRICES = {
    "GBP": (Decimal("0.01"), Decimal(5600)),
    "EUR": (Decimal("0.01"), Decimal(6300)),
    "USD": (Decimal("0.01"), Decimal(7600)),
}


def draft_faults(call: Call, asked: Json) -> Iterator[Refusal]:
    """What even a draft is refused for, one after the other."""
    checks: list[Callable[[], object]] = [
        partial(check_category, asked["category_id"]),
        partial(check_pictures, call, asked),
    ]
    for given in asked["skus"]:
        checks += [partial(check_stock, call, given["inventory"]), partial(price_of, call, given["price"])]
    checks.append(partial(check_variants, asked["skus"]))
    return _faults(checks)


def listing_faults(call: Call, asked: Json) -> Iterator[Refusal]:
    """What a listing is refused for; a draft must hold none of it to go live."""
    yield from draft_faults(call, asked)
    yield from _faults(
        [
            partial(check_version, call),
            *_detail_checks(call, asked),
            *(partial(_check_counted, given) for given in asked["skus"]),
            partial(check_seller_skus, [given.get("seller_sku", "") for given in asked["skus"]]),
        ]
    )


def _faults(checks: Iterable[Callable[[], object]]) -> Iterator[Refusal]:
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            yield refusal


def check_details(call: Call, asked: Json) -> None:
    """What a listing says of the product as a whole."""
    for check in _detail_checks(call, asked):
        check()


def _detail_checks(call: Call, asked: Json) -> list[Callable[[], object]]:
    return [
        partial(check_brand, asked.get("brand_id", "")),
        partial(check_package, call, asked),
        partial(attributes.check_attributes, asked["category_id"], asked.get("product_attributes", [])),
        partial(_check_sales_attributes, asked["skus"]),
    ]


def check_version(call: Call) -> None:
    """The category tree that the market is on, where the operation takes a version at all."""
    schema = call.operation.in_body.get("category_version") or call.operation.in_query.get("category_version")
    version = call.arguments.get("category_version", "v1")
    if schema is None:
        return
    versions = allowed(schema, call.shop.region)
    if version not in versions:
        code = 12052217 if versions == ["v2"] else 12052230
        words = f"Invalid 'category_version': shops in {call.shop.region} use {' or '.join(versions)}, not {version}."
        raise Refusal(code, words)


def check_category(category_id: str) -> None:
    if category_id not in CATEGORIES:
        raise Refusal(12052023, f"Invalid 'category_id': there is no category '{category_id}'.")
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
        raise Refusal(12052560, "Two SKUs have the same 'sales_attributes'.")


def _check_sales_attributes(given: list[Json]) -> None:
    known = {attribute.id: attribute for attribute in attributes.SALES}
    for sku in given:
        for answer in sku.get("sales_attributes", ()):
            if not answer.get("id"):
                continue
            if answer["id"] not in known:
                raise Refusal(12052527, f"There is no sales attribute '{answer['id']}'; a 'name' of your own will do.")


def check_seller_skus(names: list[str]) -> None:
    """Within one product; another product may have the same."""
    given = [name for name in names if name]
    doubled = next((name for name in given if given.count(name) > 1), None)
    if doubled is not None:
        raise Refusal(12019059, f"Invalid 'seller_sku': two SKUs of the product are called '{doubled}'.")


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


def _check_counted(given: Json) -> None:
    for stock in given["inventory"]:
        if "quantity" not in stock:
            words = f"The stock in the warehouse '{stock['warehouse_id']}' has no 'quantity'."
            raise Refusal(12052055, words)


def selling_warehouses(call: Call) -> list[str]:
    return [warehouse.id for warehouse in call.shop.warehouses if warehouse.kind == SALES]


def price_of(call: Call, price: Json) -> Decimal:
    """The amount of a price, in the shop's currency and range; `sale_price` is for cross-border sellers."""
    currency = call.shop.currency
    if price["currency"] != currency:
        raise Refusal(12052084, f"Invalid 'currency': this shop sells in '{currency}'.")
    abroad = call.shop.seller_type == "CROSS_BORDER"
    amount = price.get("amount") or (price.get("sale_price") if abroad else None)
    if not amount:
        raise Refusal(12052092, "A SKU has no price: 'price.amount' is missing.")
    low, high = PRICES[currency]
    if not low <= Decimal(amount) <= high:
        raise Refusal(12052073, f"Invalid 'price.amount': {low} to {high} {currency} are accepted.")
    return Decimal(amount)
