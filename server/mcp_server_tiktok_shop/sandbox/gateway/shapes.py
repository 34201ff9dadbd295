"""Answers for operations without a state of their own: shaped as the facts say, the same every time.

Ids of orders, products, SKUs, packages, warehouses and shops are ids that the seeded shop knows; ids that were
asked for come back; the rest is made up from the field's name and place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.gateway import bounds, pages
from mcp_server_tiktok_shop.sandbox.ids import make_id, number
from mcp_server_tiktok_shop.sandbox.money import text
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.pages import Page
    from mcp_server_tiktok_shop.sandbox.json_types import Json

from decimal import Decimal

PAGED_TOTAL = 45
LISTED = 2
DAY = 24 * 3600
DATES = {
    "iso-date": "%Y-%m-%d",
    "yyyymmdd": "%Y%m%d",
    "yyyy_mm_dd": "%Y_%m_%d",
    "iso-datetime": "%Y-%m-%dT%H:%M:%SZ",
    "rfc3339": "%Y-%m-%dT%H:%M:%SZ",
}
# A field of this name, or an `id` in a list of that name, is one of the shop's own.
NOUNS = ("order", "product", "sku", "package", "warehouse", "shop", "line_item")


@dataclass(frozen=True)
class Spot:
    """Where a value stands: the names on the way and the places in lists."""

    call: Call
    names: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    def at(self, name: str) -> Spot:
        return Spot(self.call, (*self.names, name), self.places)

    def item(self, place: int) -> Spot:
        return Spot(self.call, self.names, (*self.places, place))

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    def draw(self, below: int, *more: object) -> int:
        return number(self.call.operation.name, self.names, self.places, *more) % below

    @property
    def seed(self) -> tuple[object, ...]:
        """What the things in one list item have in common: an item's order and product fit together."""
        return (self.call.operation.name, self.places)


def answer(call: Call) -> Json:
    shape, spot = call.operation.answer, Spot(call)
    told: Json = _value(shape, spot) if shape else {}
    if call.operation.paging:
        _page(call, shape, told, spot)
    return told


def _page(call: Call, shape: Json, told: Json, spot: Spot) -> None:
    """Lays one page into the first list of objects, with token and count where the shape has a place for them."""
    properties: Json = shape.get("properties", {})
    listed = next((name for name, schema in properties.items() if _is_list_of_objects(schema)), "")
    page = _cut(call)
    if listed:
        within = spot.at(listed)
        told[listed] = [_value(properties[listed]["items"], within.item(place)) for place in page.items]
    else:
        inner = next((name for name, schema in properties.items() if schema["type"] == "object"), "")
        if inner:
            _page(call, properties[inner], told[inner], spot.at(inner))
    if "next_page_token" in properties:
        told["next_page_token"] = page.next_token
    if "total_count" in properties:
        told["total_count"] = page.total


def _cut(call: Call) -> Page[int]:
    query, operation = call.arguments, call.operation
    argument = operation.in_query.get("page_token") or operation.in_body.get("page_token") or {}
    if ("page_token" in operation.required or "default" in argument) and not pages.is_token(query["page_token"]):
        # Some operations name their first page too: "1", or whatever is no token of ours.
        query = {name: value for name, value in query.items() if name != "page_token"}
    view = View.of(range(PAGED_TOTAL), lambda place: (place, ""))
    return pages.cut(view, query, f"{call.operation.name}/{call.shop.id}", descending=False)


def _is_list_of_objects(schema: Json) -> bool:
    return bool(schema["type"] == "array" and schema.get("items", {}).get("type") == "object")


def _value(schema: Json, spot: Spot) -> Any:
    if schema["type"] == "object":
        told = {name: _value(member, spot.at(name)) for name, member in schema.get("properties", {}).items()}
        bounds.put_in_order(told)
        return told
    if schema["type"] == "array":
        return _list(schema, spot)
    if "enum" in schema:
        return schema["enum"][spot.draw(len(schema["enum"]))]
    if schema["type"] == "boolean":
        return spot.draw(2) == 1
    return _text(schema, spot) if schema["type"] == "string" else _number(schema, spot)


def _list(schema: Json, spot: Spot) -> list[Any]:
    if spot.name in ("errors", "warnings"):  # nothing failed
        return []
    asked = spot.call.arguments.get(spot.name)
    if isinstance(asked, list) and schema["items"]["type"] == "string" and isinstance(asked[0], str):
        return asked
    return [_value(schema["items"], spot.item(place)) for place in range(LISTED)]


def _number(schema: Json, spot: Spot) -> int:
    unit = schema.get("x-unit", "")
    if unit.startswith("unix-"):
        time = _time(spot)
        return time * 1000 if unit == "unix-milliseconds" else time
    low = schema.get("minimum", 0)
    return int(low + spot.draw(max(1, int(schema.get("maximum", 50)) - int(low) + 1)))


def _time(spot: Spot) -> int:
    """Some time in the last month; names that tell of an end lie ahead."""
    ahead = any(word in spot.name for word in ("end", "expire", "due", "deadline"))
    away = spot.draw(28 * DAY)
    return spot.call.now + away if ahead else spot.call.now - away


def _text(schema: Json, spot: Spot) -> str:
    asked = spot.call.arguments.get(spot.name)
    if isinstance(asked, str) and asked:
        return asked
    if "example" not in schema and "x-unit" not in schema and bounds.is_bound(spot.name):
        return str(spot.draw(100))
    return (
        _own_id(spot)
        or _of_unit(schema.get("x-unit", ""), spot)
        or _of_name(spot)
        or str(schema.get("example") or f"Sample {spot.name.replace('_', ' ')} {1 + spot.draw(9)}")
    )


def _of_unit(unit: str, spot: Spot) -> str:
    shop = spot.call.shop
    if unit in DATES:
        return datetime.fromtimestamp(_time(spot), UTC).strftime(DATES[unit])
    if unit.startswith("unix-"):
        return str(_time(spot))
    fixed = {"iso-4217": shop.currency, "iso-3166-1-alpha-2": shop.region}
    if unit == "decimal-string":
        return text(Decimal(spot.draw(10_000)) / 100)
    return str(spot.draw(1_000)) if unit == "integer-string" else fixed.get(unit, "")


def _of_name(spot: Spot) -> str:
    name, call = spot.name, spot.call
    if name.endswith("url"):
        return f"{call.base_url}/images/{next(iter(call.state.uploads))}"
    if name in ("id", "ids") or name.endswith(("_id", "_ids")):
        return make_id("7", call.shop.id, *spot.seed, spot.names)
    return {"currency": call.shop.currency, "region": call.shop.region}.get(name, "")


def _own_id(spot: Spot) -> str:
    """An id of the seeded shop, where the name says that it is one."""
    name = spot.name.removesuffix("s") if spot.name.endswith("_ids") else spot.name
    if name == "id" and len(spot.names) > 1:
        name = f"{spot.names[-2].removesuffix('s')}_id"
    noun = next((noun for noun in NOUNS if name == f"{noun}_id"), "")
    return _of_shop(noun, spot) if noun else ""


def _of_shop(noun: str, spot: Spot) -> str:
    shop = spot.call.shop
    if noun == "shop":
        return shop.id
    if noun == "warehouse":
        return shop.warehouses[0].id
    chosen = number(*spot.seed)
    if noun in ("product", "sku"):
        products = list(shop.products.values())
        product = products[chosen % len(products)]
        return product.id if noun == "product" else product.skus[0].id
    orders = shop.orders_by_creation(spot.call.now).items
    if not orders:
        return ""
    order = orders[chosen % len(orders)]
    line = order.lines[0]
    return {"order": order.id, "line_item": line.id, "package": line.package.id if line.package else ""}[noun]
