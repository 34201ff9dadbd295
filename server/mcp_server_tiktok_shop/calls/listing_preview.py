"""Previews a product to be listed as a person looks at it: title, category, prices, stock, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.new_prices import get_rows
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

LISTING_OPERATION = "create_product"
# What lies around such a write, by its name in `looks.json`.
CATEGORIES, WAREHOUSES, LISTED_PRODUCTS = "categories", "warehouses", "listed_products"
MAX_CATEGORY_LEVELS = 20  # a tree that names itself as its parent would have no end
MAX_NAMED_TWINS, MAX_TITLE_CHARS = 3, 80
DELETED_STATUS = "DELETED"
HEAD_ARGUMENTS = ("title", "category_id", "main_images", "skus")
SKU_ARGUMENTS = ("seller_sku", "sales_attributes", "price", "inventory")


class Listing(Struct, frozen=True):
    """A product as a person reads it: `facts` for the head, `skus` one by one, `rest` what else is sent."""

    facts: Json
    skus: list[Json]
    rest: Json

    def to_json(self) -> Json:
        return self.facts | {"skus": self.skus}

    def to_lines(self) -> list[str]:
        """A fact on a line, then a SKU on a line, the values quoted."""
        facts = [f"{name}: {quote(value)}" for name, value in self.facts.items()]
        skus = [f"SKU {', '.join(f'{name} {quote(value)}' for name, value in sku.items())}" for sku in self.skus]
        return facts + skus


def describe_listing(values: Json, surroundings: Mapping[str, Json]) -> Listing:
    """The listing that these values make; categories and warehouses go by their names where they could be read."""
    skus = get_rows(values, "skus")
    warehouses = {str(row.get("id")): str(row.get("name") or "") for row in _read_rows(surroundings, WAREHOUSES)}
    pictures = values.get("main_images")
    facts = {
        "title": values.get("title"),
        "category": _describe_category(str(values.get("category_id", "")), _read_rows(surroundings, CATEGORIES)),
        "pictures": len(pictures) if isinstance(pictures, list) else 0,
    }
    rest = {name: value for name, value in values.items() if name not in HEAD_ARGUMENTS}
    details = [{name: value for name, value in sku.items() if name not in SKU_ARGUMENTS} for sku in skus]
    if any(details):
        rest |= {"skus": details}
    return Listing(facts, [_describe_sku(sku, warehouses) for sku in skus], rest)


def warn_of_twins(values: Json, surroundings: Mapping[str, Json]) -> Iterator[str]:
    """Of products that the shop has under the same title already, whatever its case, signs and spaces."""
    title = _simplify(values.get("title"))
    twins = [
        row
        for row in _read_rows(surroundings, LISTED_PRODUCTS)
        if title and _simplify(row.get("title")) == title and row.get("status") != DELETED_STATUS
    ]
    if twins:
        named = ", ".join(
            f"{to_single_line(str(row.get('id')))} ({to_single_line(str(row.get('status')))})"
            for row in twins[:MAX_NAMED_TWINS]
        )
        more = f" and {len(twins) - MAX_NAMED_TWINS} more" if len(twins) > MAX_NAMED_TWINS else ""
        yield f"the shop has a product of this title already: {quote(values['title'], MAX_TITLE_CHARS)}, {named}{more}"


def _describe_sku(sku: Json, warehouses: Mapping[str, str]) -> Json:
    price: Json = sku["price"] if isinstance(sku.get("price"), dict) else {}
    amounts = [
        ("" if name == "amount" else f"{name} ") + f"{value} {price.get('currency', '')}".strip()
        for name, value in price.items()
        if name != "currency"
    ]
    facts = {
        "seller_sku": sku.get("seller_sku"),
        "variant": ", ".join(
            f"{row.get('name') or row.get('id')} {row.get('value_name') or row.get('value_id')}"
            for row in get_rows(sku, "sales_attributes")
        ),
        "price": ", ".join(amounts),
        "stock": ", ".join(_describe_stock(row, warehouses) for row in get_rows(sku, "inventory")),
    }
    return {name: value for name, value in facts.items() if value}


def _describe_stock(row: Json, warehouses: Mapping[str, str]) -> str:
    warehouse_id = str(row.get("warehouse_id", ""))
    name = warehouses.get(warehouse_id)
    place = f"{name} ({warehouse_id})" if name else f"warehouse {warehouse_id}"
    extra = ", ".join(f"{field} {value}" for field, value in row.items() if field not in ("warehouse_id", "quantity"))
    return f"{row.get('quantity', 0)} in {place}" + (f", {extra}" if extra else "")


def _describe_category(category_id: str, rows: Sequence[Json]) -> str:
    """The category with all above it, `Food > Drinks > Tea (600002)`."""
    by_id = {str(row.get("id")): row for row in rows}
    names: list[str] = []
    next_id = category_id
    while (row := by_id.get(next_id)) is not None and len(names) < MAX_CATEGORY_LEVELS:
        names.insert(0, to_single_line(str(row.get("local_name") or next_id)))
        next_id = str(row.get("parent_id") or "")
    return f"{' > '.join(names)} ({category_id})" if names else category_id


def _read_rows(surroundings: Mapping[str, Json], name: str) -> list[Json]:
    return get_rows(surroundings.get(name, {}), "rows")


def _simplify(title: Any) -> str:
    return "".join(character for character in str(title or "").casefold() if character.isalnum())
