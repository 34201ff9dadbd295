"""The records of tables hold to the catalog: every operation, argument and field that they name is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.mirror.column_paths import DATA_LEVEL, compile_path
from mcp_server_tiktok_shop.mirror.tables import SQL_TYPES, TableCatalog
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.mirror.tables import Column, Source, Table

TABLES = TableCatalog()
UNDESCRIBED = {("payments", "reserve_amount")}  # told by the platform's older answers only
NAMES = (
    *("affiliate_orders", "audit_failures", "cancellations", "conversations", "inventory", "messages"),
    *("order_fees", "order_lines", "orders"),
    *(
        "packages",
        "payments",
        "product_details",
        "products",
        "promotions",
        "return_lines",
        "returns",
        "sample_applications",
        "skus",
    ),
    *("statement_fees", "statement_transactions", "statements", "unsettled_fees", "unsettled_transactions"),
    *("warehouses", "withdrawals"),
)


def field_at(shape: dict[str, Any], names: list[str]) -> dict[str, Any] | None:
    """The schema of a field in a response shape; lists are gone through."""
    for name in names:
        while "items" in shape:
            shape = shape["items"]
        if name not in shape.get("properties", {}):
            return None
        shape = shape["properties"][name]
    return shape


def names_of(table: Table, column: Column) -> list[str]:
    """The fields on the way from the answer's data to a column."""
    path = compile_path(column.path)
    steps = [step for step in path.steps if step.isidentifier()]
    return steps if path.level == DATA_LEVEL else [*table.rows[: len(table.rows) - path.level], *steps]


def test_the_tables_are_those_that_are_promised() -> None:
    assert tuple(sorted(TABLES.tables)) == NAMES


@pytest.mark.parametrize("source", TABLES.sources.values(), ids=lambda source: source.name)
def test_a_source_names_what_the_catalog_has(source: Source) -> None:
    operation = CATALOG.operations[source.operation]
    assert operation.effect == "read"
    values = dict(source.arguments)
    for each in (source.history, source.changes):
        if each is None:
            continue
        for name in filter(None, (each.from_argument, each.until_argument)):
            assert operation.arguments[name]["x-unit"] == "unix-seconds"
            values[name] = 1_790_000_000
        if each.sort_field:
            assert each.sort_field in operation.arguments["sort_field"]["enum"]
            values |= {"sort_field": each.sort_field, "sort_order": "DESC"}
        assert source.main_table.columns[each.column].type == "TIME"
    if source.for_each is not None:
        parent = TABLES.tables[source.for_each.table]
        assert source.for_each.column in parent.columns
        assert all(source.for_each.stored_as in table.columns for table in source.tables)
        if source.for_each.changed_at:
            assert parent.columns[source.for_each.changed_at].type == "TIME"
        limit = operation.arguments[source.for_each.argument].get("maxItems", 0)
        assert source.for_each.batch <= (limit or source.for_each.batch)
        values[source.for_each.argument] = ["1729000000000000001"] if source.for_each.batch else "1729000000000000001"
    validate(operation, values)


@pytest.mark.parametrize("table", TABLES.tables.values(), ids=lambda table: table.name)
def test_a_table_is_made_of_fields_that_the_answer_has(table: Table) -> None:
    shape = CATALOG.get_response_shape(CATALOG.operations[TABLES.sources[table.source].operation])
    for name in table.key:
        assert table.columns[name].type in ("VARCHAR", "BIGINT")
    if table.parent_table:
        assert TABLES.sources[table.source].main_table.name == table.parent_table
        assert table.parent_column in table.columns
    for path in table.unpivot:
        assert field_at(shape, [*table.rows, *path.split(".")]) is not None, path
    for column in table.columns.values():
        assert column.type in SQL_TYPES
        assert column.meaning, column.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        if (table.name, column.name) in UNDESCRIBED or column.path.startswith(("=", "@")):
            continue
        assert field_at(shape, names_of(table, column)) is not None, f"{column.name}: {column.path}"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("a", {"a": 1}, 1),
        ("a.b", {"a": {"b": 2}}, 2),
        ("a.b", {"a": "odd"}, None),
        ("a.0.b", {"a": [{"b": 3}, {"b": 4}]}, 3),
        ("a.0.b", {"a": []}, None),
        ("a.*.b", {"a": [{"b": 3}, {}, {"b": 4}]}, [3, 4]),
        ("a.*", {"a": ["x", "y"]}, ["x", "y"]),
        ("a.+.b", {"a": [{"b": 3}, {"b": "4"}, {"b": "odd"}]}, 7),
        ("a.+.b", {"a": []}, None),
        ("a.?role=BUYER.b", {"a": [{"role": "SHOP", "b": 1}, {"role": "BUYER", "b": 2}]}, 2),
        ("a.?role=BUYER.b", {"a": {"role": "BUYER"}}, None),
        ("a.0", {"a": {"0": 1}}, None),
    ],
)
def test_a_path_leads_to_its_value(path: str, value: Any, expected: Any) -> None:
    assert compile_path(path).read(value) == expected
