"""Answers for operations without a state of their own: shaped as the facts say, the same every time, and told as such.

Ids of orders, products, SKUs, packages, warehouses and shops are ids that the seeded shop knows, but where the answer
is about goods or sales of others; ids that were asked for come back, and no others; times lie in the period that was
asked for, and currency, country and units are the shop's. The rest is made up from the field's name and place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.gateway import asked_values, bounds, pages
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.money import format_amount
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.asked_values import AskedIds, AskedPeriod
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.pages import ResponsePage
    from mcp_server_tiktok_shop.sandbox.json_types import Json

from decimal import Decimal

PAGED_ITEMS = 45
LIST_ITEMS = 2
DATE_FORMATS = {
    "iso-date": "%Y-%m-%d",
    "yyyymmdd": "%Y%m%d",
    "yyyy_mm_dd": "%Y_%m_%d",
    "iso-datetime": "%Y-%m-%dT%H:%M:%SZ",
    "rfc3339": "%Y-%m-%dT%H:%M:%SZ",
}
# A field of this name, or an `id` in a list of that name, is one of the shop's own.
OWN_ID_NOUNS = ("order", "product", "sku", "package", "warehouse", "shop", "line_item")
# Global products have ids apart from those of the shops' listings; creators and partners earn with any shop's orders.
FOREIGN_AREAS = ("affiliate_creator", "affiliate_partner", "global_service_")
PLACEHOLDER_FIELD = "placeholder"


@dataclass(frozen=True)
class Field:
    """Where a value stands: the names on the way and the places in lists."""

    call: Call
    period: AskedPeriod | None = None
    ids: AskedIds | None = None
    names: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    def get_member(self, name: str) -> Field:
        return replace(self, names=(*self.names, name))

    def get_item(self, place: int) -> Field:
        return replace(self, places=(*self.places, place))

    @property
    def asked_id(self) -> str:
        """The id that was asked for, where one of its kind stands here: an item's own, or that of what is in it."""
        if self.ids is None or not self.places or self.places[0] >= len(self.ids.ids) or any(self.places[1:]):
            return ""
        nouns = (self.name.removesuffix("_id"), *([self.parent_noun] if self.name == "id" else []))
        is_item_itself = self.name == "id" and len(self.places) == 1 and self.ids.noun in ("", self.parent_noun)
        return self.ids.ids[self.places[0]] if self.ids.noun in nouns or is_item_itself else ""

    @property
    def parent_noun(self) -> str:
        return self.names[-2].removesuffix("s") if len(self.names) > 1 else ""

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    def draw(self, below: int, *more: object) -> int:
        return draw_number(self.call.operation.name, self.names, self.places, *more) % below

    @property
    def seed(self) -> tuple[object, ...]:
        """What the things in one list item have in common: an item's order and product fit together."""
        return (self.call.operation.name, self.places)


def make_answer(call: Call) -> Json:
    shape = call.operation.answer
    field = Field(call, asked_values.find_period(call), asked_values.find_ids(call) if call.operation.is_read else None)
    payload: Json = _make_value(shape, field) if shape else {}
    if call.operation.paging:
        _fill_page(call, shape, payload, field)
    return payload | {PLACEHOLDER_FIELD: True}


def _fill_page(call: Call, shape: Json, payload: Json, field: Field) -> None:
    """Lays one page into the first list of objects, with token and count where the shape has a place for them."""
    properties: Json = shape.get("properties", {})
    list_name = next((name for name, schema in properties.items() if _is_list_of_objects(schema)), "")
    page = _paginate(call, len(field.ids.ids) if field.ids else PAGED_ITEMS)
    if list_name:
        list_field = field.get_member(list_name)
        payload[list_name] = [
            _make_value(properties[list_name]["items"], list_field.get_item(place)) for place in page.items
        ]
    else:
        object_name = next((name for name, schema in properties.items() if schema["type"] == "object"), "")
        if object_name:
            _fill_page(call, properties[object_name], payload[object_name], field.get_member(object_name))
    if "next_page_token" in properties:
        payload["next_page_token"] = page.next_token
    if "total_count" in properties:
        payload["total_count"] = page.total


def _paginate(call: Call, count: int) -> ResponsePage[int]:
    query, operation = call.arguments, call.operation
    argument = operation.in_query.get("page_token") or operation.in_body.get("page_token") or {}
    if ("page_token" in operation.required or "default" in argument) and not pages.is_token(query["page_token"]):
        # Some operations name their first page too: "1", or whatever is no token of ours.
        query = {name: value for name, value in query.items() if name != "page_token"}
    matches = SortedItems.sort(range(count), lambda place: (place, ""))
    return pages.paginate(matches, query, call.page_scope, descending=False)


def _is_list_of_objects(schema: Json) -> bool:
    return bool(schema["type"] == "array" and schema.get("items", {}).get("type") == "object")


def _make_value(schema: Json, field: Field) -> Any:
    if schema["type"] == "object":
        payload = {
            name: _make_value(member, field.get_member(name)) for name, member in schema.get("properties", {}).items()
        }
        bounds.order_bounds(payload)
        return payload
    if schema["type"] == "array":
        return _make_list(schema, field)
    if "enum" in schema:
        choice = asked_values.choose_for_market(field.name, schema["enum"], field.call)
        if choice is not None:
            return choice
        return schema["enum"][field.draw(len(schema["enum"]))]
    if schema["type"] == "boolean":
        return field.draw(2) == 1
    return _make_text(schema, field) if schema["type"] == "string" else _make_number(schema, field)


def _make_list(schema: Json, field: Field) -> list[Any]:
    if field.name in ("errors", "warnings"):  # nothing failed
        return []
    argument = field.call.arguments.get(field.name)
    if isinstance(argument, list) and schema["items"]["type"] == "string" and isinstance(argument[0], str):
        return argument
    is_of_asked = field.ids is not None and field.ids.noun == field.name.removesuffix("s") and field.places
    count = 1 if asked_values.is_region(field.name) or is_of_asked else LIST_ITEMS
    return [_make_value(schema["items"], field.get_item(place)) for place in range(count)]


def _make_number(schema: Json, field: Field) -> int:
    unit = schema.get("x-unit", "")
    if unit.startswith("unix-"):
        time = _make_time(field)
        return time * 1000 if unit == "unix-milliseconds" else time
    low = schema.get("minimum", 0)
    return int(low + field.draw(max(1, int(schema.get("maximum", 50)) - int(low) + 1)))


def _make_time(field: Field) -> int:
    """Some time in the period asked for, or in the last month, where names that tell of an end lie ahead."""
    if field.period is not None and field.name.startswith("latest_"):
        return field.period.end - 1
    if field.period is not None:
        return field.period.start + field.draw(field.period.end - field.period.start)
    ahead = any(word in field.name for word in ("end", "expire", "due", "deadline"))
    distance = field.draw(28 * DAY_S)
    return field.call.now + distance if ahead else field.call.now - distance


def _make_text(schema: Json, field: Field) -> str:
    argument = field.call.arguments.get(field.name)
    if isinstance(argument, str) and argument not in ("", asked_values.LOCAL_CURRENCY):
        return argument
    if field.asked_id:
        return field.asked_id
    if "example" not in schema and "x-unit" not in schema and bounds.is_bound(field.name):
        return str(field.draw(100))
    return (
        _find_own_id(field)
        or _make_text_by_unit(schema.get("x-unit", ""), field)
        or _make_text_by_name(field)
        or str(schema.get("example") or f"Sample {field.name.replace('_', ' ')} {1 + field.draw(9)}")
    )


def _make_text_by_unit(unit: str, field: Field) -> str:
    shop = field.call.shop
    if unit in DATE_FORMATS:
        return datetime.fromtimestamp(_make_time(field), UTC).strftime(DATE_FORMATS[unit])
    if unit.startswith("unix-"):
        return str(_make_time(field))
    shop_values = {"iso-4217": shop.currency, "iso-3166-1-alpha-2": shop.region}
    if unit == "decimal-string":
        return format_amount(Decimal(field.draw(10_000)) / 100)
    return str(field.draw(1_000)) if unit == "integer-string" else shop_values.get(unit, "")


def _make_text_by_name(field: Field) -> str:
    name, call = field.name, field.call
    if name.endswith("url"):
        return f"{call.base_url}/images/{next(iter(call.state.uploads))}"
    if name in ("id", "ids") or name.endswith(("_id", "_ids")):
        return make_id("7", call.shop.id, *field.seed, field.names)
    if name.endswith("currency"):
        return call.shop.currency
    return call.shop.region if asked_values.is_region(name) else ""


def _find_own_id(field: Field) -> str:
    """An id of the seeded shop, where the name says that it is one."""
    operation = field.call.operation
    if operation.area.startswith(FOREIGN_AREAS) or "global" in operation.name:
        return ""
    name = field.name.removesuffix("s") if field.name.endswith("_ids") else field.name
    if name == "id" and len(field.names) > 1:
        name = f"{field.names[-2].removesuffix('s')}_id"
    noun = next((noun for noun in OWN_ID_NOUNS if name == f"{noun}_id"), "")
    return _pick_shop_id(noun, field) if noun else ""


def _pick_shop_id(noun: str, field: Field) -> str:
    shop = field.call.shop
    if noun == "shop":
        return shop.id
    if noun == "warehouse":
        return shop.warehouses[0].id
    draw = draw_number(*field.seed)
    if noun in ("product", "sku"):
        products = list(shop.products.values())
        product = products[draw % len(products)]
        return product.id if noun == "product" else product.skus[0].id
    orders = shop.list_orders_by_creation(field.call.now).items
    if not orders:
        return ""
    order = orders[draw % len(orders)]
    line = order.lines[0]
    return {"order": order.id, "line_item": line.id, "package": line.package.id if line.package else ""}[noun]
