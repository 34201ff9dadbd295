"""Says what stands in the columns of a table: by their SQL types, or by their names and the cells themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.money import AMOUNT_PATTERN
from mcp_server_tiktok_shop.table_files.tables import Column, make_names_unique, parse_date, parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.table_files.tables import ColumnKind

# Last words of names, as the platform writes them and as people name sums of them.
MONEY_WORDS = frozenset(
    (
        *("amount", "balance", "commission", "cost", "credit", "debit", "discount", "earnings", "fee", "fees", "gmv"),
        *("gross", "margin", "net", "payout", "price", "profit", "refund", "refunds", "revenue", "sales", "settlement"),
        *("subtotal", "tax", "total", "turnover", "value"),
    )
)
ID_NAME = re.compile(r"(^|[._])(ids?|sku|code|number|phone|zip|postal_code|gtin|barcode)$", re.IGNORECASE)
DECIMAL_TYPE = re.compile(r"DECIMAL\((?P<width>\d+),\s*(?P<scale>\d+)\)")
MONEY_SCALE = 2  # decimals of the money columns of the local copy
WHOLE_TYPES = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
KINDS_BY_TYPE: dict[str, ColumnKind] = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "number",
    "FLOAT": "number",
    "TIMESTAMP WITH TIME ZONE": "time",
    "TIMESTAMPTZ": "time",
}
CURRENCY = "currency"


def make_sql_columns(names_and_types: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    """The columns of a query's result, by the names and types that DuckDB tells; names are made unique.

    Amounts are DECIMAL with two decimals; they are in the currency of the column that is named after them
    (`amount_currency`) or simply `currency`, where there is one.
    """
    columns = [Column(name, _get_sql_kind(name, sql_type)) for name, sql_type in names_and_types]
    return connect_currencies(make_names_unique(columns))


def infer_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Column, ...]:
    """The columns of a table of a result, whose cells are JSON: by their names, and what all their cells are."""
    columns = [Column(name, _infer_kind(name, [row[index] for row in rows])) for index, name in enumerate(names)]
    return connect_currencies(make_names_unique(columns))


def connect_currencies(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, each amount's currency found in the nearest column that can hold it.

    Of `payment.total_amount` that is `payment.total_currency`, then `payment.currency`, then `currency`.
    """
    names = {column.name for column in columns}
    return tuple(
        column
        if column.kind != "money" or column.currency or column.currency_column
        else Column(column.name, "money", currency_column=_find_currency_column(column.name, names))
        for column in columns
    )


def _get_sql_kind(name: str, sql_type: str) -> ColumnKind:
    if sql_type == "VARCHAR":
        return "id" if ID_NAME.search(name) else "text"
    if sql_type in WHOLE_TYPES:
        return "count"
    if match := DECIMAL_TYPE.fullmatch(sql_type):
        scale = int(match["scale"])
        return "money" if scale == MONEY_SCALE else "count" if scale == 0 else "number"
    return KINDS_BY_TYPE.get(sql_type, "text")


def _infer_kind(name: str, cells: Iterable[Any]) -> ColumnKind:
    values = [cell for cell in cells if cell is not None and cell != ""]
    if not values:
        return "text"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "count"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    if ID_NAME.search(name):
        return "id"
    if not all(isinstance(value, str) for value in values):
        return "text"
    if _is_money_name(name) and all(AMOUNT_PATTERN.fullmatch(value) for value in values):
        return "money"
    if all("T" in value and parse_moment(value) is not None for value in values):
        return "time"
    return "date" if all(parse_date(value) is not None and "-" in value for value in values) else "text"


def _is_money_name(name: str) -> bool:
    words = re.split(r"[._\s]+", name.casefold())
    return any(word in MONEY_WORDS for word in words) and not {CURRENCY, "rate", "percent", "share"} & set(words)


def _find_currency_column(name: str, names: set[str]) -> str:
    parents = name.split(".")[:-1]
    leaf = name.split(".")[-1]
    candidates = [
        ".".join([*parents, leaf.rpartition("_")[0] + f"_{CURRENCY}"]),
        ".".join([*parents, f"{leaf}_{CURRENCY}"]),
    ]
    candidates += [".".join([*parents[:depth], CURRENCY]) for depth in range(len(parents), -1, -1)]
    return next((candidate for candidate in candidates if candidate in names), "")
