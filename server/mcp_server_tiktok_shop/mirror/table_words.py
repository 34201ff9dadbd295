"""Describes the tables of the local copy: briefly in a tool's description, fully on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.mirror.tables import Column, Table, TableCatalog

SHOP_COLUMNS = {
    "shop": ("VARCHAR", "name of the shop, as list_shops gives it"),
    "region": ("VARCHAR", "market of the shop, such as GB"),
    "zone": ("VARCHAR", "time zone of the shop, such as Europe/London"),
}
UNITS = {"MONEY": "in currency"}
RULES = (
    "A row of order_lines is one unit; orders hold unpaid and cancelled ones, too (status UNPAID, CANCELLED). Ids are "
    "text ('123'), amounts DECIMAL, x/0 is NULL. Tables begin with shop, region, zone: of several shops join on shop, "
    "too, and group by currency. Days are the shop's; of shops in several zones UTC's: there write "
    "timezone(zone, create_time)::DATE, timezone(zone, create_time) >= '2026-10-01'."
)


def describe_main_columns(catalog: TableCatalog) -> str:
    """The tables with their main columns, and what holds for all: part of the description of `query_shop`."""
    tables = "; ".join(
        f"{table.name}({','.join(column.name for column in table.columns.values() if column.is_main)})"
        for table in catalog.tables.values()
    )
    return f"Main columns (describe_tables tells all): {tables}. {RULES} shop may be all, or several with commas."


def describe_table(table: Table) -> dict[str, Any]:
    """A table in full: its meaning, key, columns with types, units and meanings, and a question to it as an example."""
    rows = [[name, *texts] for name, texts in SHOP_COLUMNS.items()]
    rows += [[column.name, column.sql_type, _describe_column(column)] for column in table.columns.values()]
    return {
        "meaning": _describe_meaning(table),
        "key": ", ".join(table.key),
        "columns": {"columns": ["name", "type", "meaning"], "rows": rows},
        "example": table.example,
    }


def outline_table(table: Table) -> dict[str, Any]:
    """A table in short: its meaning, and the names of its columns."""
    columns = ", ".join([*SHOP_COLUMNS, *table.columns])
    return {"meaning": _describe_meaning(table), "columns": columns, "example": table.example}


def _describe_meaning(table: Table) -> str:
    return f"{table.meaning}. {table.note}" if table.note else table.meaning


def _describe_column(column: Column) -> str:
    unit = UNITS.get(column.type)
    return f"{column.meaning} ({unit})" if unit else column.meaning
