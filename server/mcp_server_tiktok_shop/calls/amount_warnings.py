"""Warns of amounts in another currency than what a write is about, or larger than it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.value_texts import to_single_line
from mcp_server_tiktok_shop.catalog.amounts import is_money
from mcp_server_tiktok_shop.json_paths import find_values
from mcp_server_tiktok_shop.money import get_region_currency, parse_amount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.accounts import Shop

CURRENCY_FIELD = "currency"
ELSEWHERE = "external"  # what this is part of a name of stands at another shop, in its currency


class _Total(Struct, frozen=True):
    """What a thing comes to in all: a return, a cancellation, an order. Prices stand in its rows."""

    name: str
    amount: Decimal
    currency: str

    @property
    def text(self) -> str:
        return f"{self.amount:f} {self.currency}"


class _Given(Struct, frozen=True):
    """An amount among the arguments, with the ids that stand around it, the row that it is of, and a currency.

    `region` is that of the country for which it is given, where it is for another than the shop's.
    """

    title: str
    amount: str
    currency: str
    ids: frozenset[str]
    row_id: str
    region: str


def warn_of_amounts(operation: Operation, values: Json, items: list[Item], shop: Shop | None) -> Iterator[str]:
    """Of each amount given in another currency than the thing's, or the shop's where that has none; and of excess."""
    totals = {item.id: total for item in items if (total := _find_total(item))}
    row_currencies = dict(pair for item in items for pair in _iter_row_currencies(item.data))
    given_amounts = dict.fromkeys(_iter_amounts(operation.arguments, values, _Given("", "", "", frozenset(), "", "")))
    for given in given_amounts:
        named = [total for thing_id, total in totals.items() if thing_id in given.ids] or list(totals.values())
        largest = max(named, key=lambda total: total.amount, default=None)
        known = row_currencies.get(given.row_id) or (largest.currency if largest else "")
        abroad = get_region_currency(given.region)
        known = abroad or known or (shop.currency if shop else "") or ""
        amount = parse_amount(given.amount)
        if given.currency and known and given.currency != known:
            place = f"prices in {to_single_line(given.region)} are in {known}" if abroad else f"is in {known} now"
            yield f"{given.title} is given in {to_single_line(given.currency)}, and {place}"
        elif largest and amount is not None and amount > largest.amount:
            yield f"{given.title} of {amount:f} is more than {largest.name} is about: {largest.text}"


def _find_total(item: Item) -> _Total | None:
    """The largest of the amounts that are shown of a thing with their currency."""
    paths = [path.rpartition(".") for path in item.facts]
    groups = {group for group, _, name in paths if name == CURRENCY_FIELD}
    found = [
        (amount, str(item.facts[f"{group}.{CURRENCY_FIELD}"]))
        for group, _, name in paths
        if group in groups
        if (amount := _to_amount(item.facts[f"{group}.{name}"])) is not None
    ]
    if not found:
        return None
    amount, currency = max(found)
    return _Total(f"{item.noun} {to_single_line(item.id)}", amount, currency)


def _to_amount(value: Any) -> Decimal | None:
    return parse_amount(value) if isinstance(value, str) else None


def _iter_row_currencies(data: Json) -> Iterator[tuple[str, str]]:
    """By the id of each row of a thing, such as a SKU, the currency of its price."""
    for row in data.get("skus") or ():
        if isinstance(row, dict) and (currencies := find_values(row, ["price", CURRENCY_FIELD])):
            yield str(row.get("id")), str(currencies[0])


def _iter_amounts(fields: Json, values: Json, around: _Given) -> Iterator[_Given]:
    ids = {str(v) for n, v in values.items() if (n == "id" or n.endswith("_id")) and isinstance(v, str | int)}
    region = values.get("region")
    row_id = str(values["id"]) if isinstance(values.get("id"), str) else around.row_id
    currency = values.get(CURRENCY_FIELD)
    here = _Given(
        around.title,
        "",
        currency.upper() if isinstance(currency, str) else "",
        around.ids | ids,
        row_id,
        region if isinstance(region, str) else around.region,
    )
    for name, value in values.items():
        schema = fields.get(name, {})
        if ELSEWHERE in name:
            continue
        if isinstance(value, str) and is_money(schema, name, fields) and (CURRENCY_FIELD in fields or "amount" in name):
            yield _Given(_make_title(around.title or name, row_id), value, here.currency, here.ids, row_id, here.region)
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                inner_fields = schema.get("items", schema).get("properties", {})
                yield from _iter_amounts(inner_fields, inner, _Given(name, "", "", here.ids, row_id, here.region))


def _make_title(name: str, row_id: str) -> str:
    of_row = f" of SKU {to_single_line(row_id)}" if row_id else ""
    return f"the {name.replace('_', ' ')}{of_row}"
