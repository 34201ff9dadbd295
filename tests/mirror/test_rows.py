"""Every table holds what the platform's answers say, column by column, computed here in another way."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.time_zones import parse_zone
from tests.mirror.shops import only_target, open_app, refreshed, rows_of
from tests.sandbox.client import list_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.mirror.tables import Column, Source, Table

TABLES = TableCatalog()
UNSEEN = re.compile(r"\\u[0-9a-f]{4}|[^ -~\n]")  # what is stripped, and more: other tests tell what stays
NOW = time.time()
SECTIONS = {
    "revenue_breakdown": "revenue",
    "shipping_cost_breakdown": "shipping_cost",
    "fee_tax_breakdown.fee": "fee",
    "fee_tax_breakdown.tax": "tax",
}


async def pages_of(app: App, source: Source, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The platform's answers as they are, page by page."""
    target = await only_target(app)
    operation = app.operations.get(source.operation)
    values = {**source.arguments, **arguments}
    pages = []
    while True:
        response = await app.platform.call(bind(operation, values, parse_zone("UTC")), target)
        pages.append(response.data)
        if not response.data.get("next_page_token"):
            return pages
        values["page_token"] = response.data["next_page_token"]


async def calls_of(app: App, source: Source) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every call that it takes to have all of a source, with its answers."""
    each = source.for_each
    if each is None:
        return [({}, await pages_of(app, source, {}))]
    parents = TABLES.sources[TABLES.tables[each.table].source]
    values = []
    for arguments, pages in await calls_of(app, parents):
        for page in pages:
            values += [row[each.column] for row in rows_in(page, TABLES.tables[each.table], arguments)]
    values = list(dict.fromkeys(value for value in values if value))
    starts = range(0, len(values), each.batch or 1)
    asked = [values[start : start + each.batch] if each.batch else values[start] for start in starts]
    return [({each.argument: value}, await pages_of(app, source, {each.argument: value})) for value in asked]


def objects_at(data: Any, names: list[str], above: list[Any]) -> Iterator[list[Any]]:
    if not names:
        yield above
        return
    for item in data.get(names[0]) or []:
        yield from objects_at(item, names[1:], [item, *above])


def value_at(data: Any, path: str) -> Any:
    name, _, rest = path.partition(".")
    if data is None:
        return None
    if name == "+":
        return sum(int(value_at(item, rest)) for item in data) if data else None
    if name == "*":
        return [value_at(item, rest) if rest else item for item in data]
    if name.startswith("?"):
        key, wanted = name[1:].split("=")
        matches = [item for item in data if item.get(key) == wanted]
        return value_at(matches[0], rest) if matches else None
    inner = (data[int(name)] if int(name) < len(data) else None) if name.isdigit() else data.get(name)
    return value_at(inner, rest) if rest else inner


def rows_in(page: dict[str, Any], table: Table, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a table in an answer, raw."""
    for place, levels in enumerate(objects_at(page, list(table.rows), [])):
        amounts: list[dict[str, Any]] = [{}]
        if table.unpivot:
            amounts = [
                {"place": place, "section": SECTIONS[path], "kind": name.removesuffix("_amount"), "amount": value}
                for path in table.unpivot
                for name, value in list_parts(value_at(levels[0], path)).items()
                if Decimal(value) != 0
            ]
        for amount in amounts:
            row = {}
            for name, column in table.columns.items():
                path = column.path
                places = {"/": page, "=": arguments, "@": amount}
                if path[0] in places:
                    row[name] = value_at(places[path[0]], path[1:])
                else:
                    above = len(path) - len(path.lstrip("^"))
                    row[name] = value_at(levels[above], path[above:])
            yield row


def typed(value: Any, column: Column) -> Any:  # noqa: PLR0911 - one for each type
    if column.type == "VARCHAR[]":
        return list(value) if value else None
    if value in (None, "", [], {}):
        return None
    if column.type in ("MONEY", "RATE"):
        return Decimal(value)
    if column.type == "TIME":
        return datetime.fromtimestamp(int(value), UTC) if int(value) else None
    if column.type == "TIME_MS":
        return datetime.fromtimestamp(int(value) / 1000, UTC) if int(value) else None
    if column.type == "BIGINT":
        return int(value)
    if column.type == "BOOLEAN":
        return value if isinstance(value, bool) else value == "true"
    return UNSEEN.sub("", value) if isinstance(value, str) else str(value)


def comparable(row: dict[str, Any]) -> tuple[Any, ...]:
    values = (UNSEEN.sub("", value) if isinstance(value, str) else value for value in row.values())
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(orders=120, clock=lambda: NOW)


@pytest.mark.parametrize("name", TABLES.sources)
async def test_a_table_holds_what_the_platform_says(name: str, sandbox: Sandbox, home: Path) -> None:
    source = TABLES.sources[name]
    async with sandbox.serve() as url, open_app(home, sandbox, url, lambda: NOW, buyer_data="full") as app:
        snapshot = await refreshed(app, [table.name for table in source.tables])
        calls = await calls_of(app, source)
    for table in source.tables:
        said = [
            {column: typed(row[column], table.columns[column]) for column in row}
            for arguments, pages in calls
            for page in pages
            for row in rows_in(page, table, arguments)
        ]
        there = rows_of(snapshot, table.name)
        if name == "affiliate_orders":  # the simulated shop invents them, and may invent two of one id
            times = Counter(each["id"] for _, pages in calls for page in pages for each in page["orders"])
            said = [row for row in said if times[row["order_id"]] == 1]
            there = [row for row in there if times[row["order_id"]] == 1]
        for row in said:
            row.update({column: row[column] or "" for column in table.key if row[column] is None})
        assert there, f"{table.name} is empty, and proves nothing"
        missing = Counter(map(comparable, said)) - Counter(map(comparable, there))
        surplus = Counter(map(comparable, there)) - Counter(map(comparable, said))
        assert (sorted(map(repr, missing)), sorted(map(repr, surplus))) == ([], [])
        assert len({tuple(row[column] for column in table.key) for row in there}) == len(there)
        state = snapshot.tables[table.name]
        assert (state.is_complete, state.problem, state.unreadable_count) == (True, "", 0)
