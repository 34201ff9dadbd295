"""What the platform checks before it takes a listing or a change to one; drafts are held to less."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway.markets import list_allowed_values
from mcp_server_tiktok_shop.sandbox.listings import attributes
from mcp_server_tiktok_shop.sandbox.listings.brands import check_brand
from mcp_server_tiktok_shop.sandbox.listings.categories import CATEGORIES, LEAVES
from mcp_server_tiktok_shop.sandbox.listings.package_checks import check_package
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.uploads import UploadedFile

PRICE_RANGES = {
    "GBP": (Decimal("0.01"), Decimal(5600)),
    "EUR": (Decimal("0.01"), Decimal(6300)),
    "USD": (Decimal("0.01"), Decimal(7600)),
}


def iter_draft_refusals(call: Call, listing: Json) -> Iterator[RefusalError]:
    """What even a draft is refused for, one after the other."""
    checks: list[Callable[[], object]] = [
        partial(check_category, listing["category_id"]),
        partial(check_pictures, call, listing),
    ]
    for sku in listing["skus"]:
        checks += [partial(check_stock, call, sku["inventory"]), partial(parse_price, call, sku["price"])]
    checks.append(partial(check_variants, listing["skus"]))
    return _iter_refusals(checks)


def iter_listing_refusals(call: Call, listing: Json) -> Iterator[RefusalError]:
    """What a listing is refused for; a draft must hold none of it to go live."""
    yield from iter_draft_refusals(call, listing)
    yield from _iter_refusals(
        [
            partial(check_version, call),
            *_list_detail_checks(call, listing),
            *(partial(_check_quantities, sku) for sku in listing["skus"]),
            partial(check_seller_skus, [sku.get("seller_sku", "") for sku in listing["skus"]]),
        ]
    )


def _iter_refusals(checks: Iterable[Callable[[], object]]) -> Iterator[RefusalError]:
    for check in checks:
        try:
            check()
        except RefusalError as refusal:
            yield refusal


def check_details(call: Call, listing: Json) -> None:
    """What a listing says of the product as a whole."""
    for check in _list_detail_checks(call, listing):
        check()


def _list_detail_checks(call: Call, listing: Json) -> list[Callable[[], object]]:
    return [
        partial(check_brand, listing.get("brand_id", "")),
        partial(check_package, call, listing),
        partial(attributes.check_attributes, listing["category_id"], listing.get("product_attributes", [])),
        partial(_check_sales_attributes, listing["skus"]),
    ]


def check_version(call: Call) -> None:
    """The category tree that the market is on, where the operation takes a version at all."""
    schema = call.operation.in_body.get("category_version") or call.operation.in_query.get("category_version")
    version = call.arguments.get("category_version", "v1")
    if schema is None:
        return
    versions = list_allowed_values(schema, call.shop.region)
    if version not in versions:
        code = 12052217 if versions == ["v2"] else 12052230
        words = f"Invalid 'category_version': shops in {call.shop.region} use {' or '.join(versions)}, not {version}."
        raise RefusalError(code, words)


def check_category(category_id: str) -> None:
    if category_id not in CATEGORIES:
        raise RefusalError(12052023, f"Invalid 'category_id': there is no category '{category_id}'.")
    if category_id not in LEAVES:
        raise RefusalError(12052024, f"Invalid 'category_id': '{category_id}' is not a leaf category.")


def check_pictures(call: Call, listing: Json) -> None:
    for picture in listing.get("main_images", ()):
        require_image(call, picture["uri"])
    for sku in listing.get("skus", ()):
        for attribute in sku.get("sales_attributes", ()):
            if "sku_img" in attribute:
                require_image(call, attribute["sku_img"]["uri"])


def require_image(call: Call, uri: str) -> UploadedFile:
    """Only what was uploaded before may be shown."""
    upload = call.state.uploads.get(uri)
    if upload is None or upload.owner not in ("", call.account.open_id):
        raise RefusalError(12052300, f"Invalid image 'uri': '{uri}' was not uploaded by this seller.")
    return upload


def check_variants(skus: list[Json]) -> None:
    names = [_make_variant_key(sku) for sku in skus]
    if len(set(names)) < len(names):
        raise RefusalError(12052560, "Two SKUs have the same 'sales_attributes'.")


def _check_sales_attributes(skus: list[Json]) -> None:
    known_ids = {attribute.id: attribute for attribute in attributes.SALES_ATTRIBUTES}
    for sku in skus:
        for answer in sku.get("sales_attributes", ()):
            if not answer.get("id"):
                continue
            if answer["id"] not in known_ids:
                raise RefusalError(
                    12052527, f"There is no sales attribute '{answer['id']}'; a 'name' of your own will do."
                )


def check_seller_skus(names: list[str]) -> None:
    """Within one product; another product may have the same."""
    seller_skus = [name for name in names if name]
    doubled = next((name for name in seller_skus if seller_skus.count(name) > 1), None)
    if doubled is not None:
        raise RefusalError(12019059, f"Invalid 'seller_sku': two SKUs of the product are called '{doubled}'.")


def _make_variant_key(sku: Json) -> str:
    attributes = sku.get("sales_attributes", ())
    return "/".join(f"{a.get('id') or a.get('name')}:{a.get('value_id') or a.get('value_name')}" for a in attributes)


def check_stock(call: Call, inventory: list[Json]) -> None:
    if not inventory:
        raise RefusalError(12052115, "A SKU has no 'inventory': name a warehouse.")
    warehouses = list_selling_warehouses(call)
    for stock in inventory:
        if stock["warehouse_id"] not in warehouses:
            raise RefusalError(
                12052097, f"Invalid 'warehouse_id': the shop does not sell from '{stock['warehouse_id']}'."
            )


def _check_quantities(sku: Json) -> None:
    for stock in sku["inventory"]:
        if "quantity" not in stock:
            words = f"The stock in the warehouse '{stock['warehouse_id']}' has no 'quantity'."
            raise RefusalError(12052055, words)


def list_selling_warehouses(call: Call) -> list[str]:
    return [warehouse.id for warehouse in call.shop.warehouses if warehouse.kind == SALES_WAREHOUSE]


def parse_price(call: Call, price: Json) -> Decimal:
    """The amount of a price, in the shop's currency and range; `sale_price` is for cross-border sellers."""
    currency = call.shop.currency
    if price["currency"] != currency:
        raise RefusalError(12052084, f"Invalid 'currency': this shop sells in '{currency}'.")
    abroad = call.shop.seller_type == "CROSS_BORDER"
    amount = price.get("amount") or (price.get("sale_price") if abroad else None)
    if not amount:
        raise RefusalError(12052092, "A SKU has no price: 'price.amount' is missing.")
    low, high = PRICE_RANGES[currency]
    if not low <= Decimal(amount) <= high:
        raise RefusalError(12052073, f"Invalid 'price.amount': {low} to {high} {currency} are accepted.")
    return Decimal(amount)
