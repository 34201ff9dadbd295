"""Says what stands in the columns of a table: by their SQL types, or by their names and the cells themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.money import AMOUNT_PATTERN
from mcp_server_tiktok_shop.table_files.tables import Column, make_names_unique, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mcp_server_tiktok_shop.table_files.tables import ColumnKind

# Last words of names, as the platform writes them and as people name sums of them.
MONEY_WORDS = frozenset(
    (
        *("amount", "balance", "commission", "cost", "credit", "debit", "discount", "earnings", "fee", "fees", "gmv"),
        *("gross", "margin", "net", "payout", "price", "profit", "refund", "refunds", "revenue", "sales", "settlement"),
        *("subtotal", "tax", "total", "turnover", "value"),
    )
)
NO_MONEY_WORDS = frozenset(("count", "currency", "percent", "rate", "share"))
DATE_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
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
    taken_names = set(names)
    columns = []
    for index, name in enumerate(names):
        cells = [row[index] for row in rows if row[index] is not None and row[index] != ""]
        columns.append(Column(name, _infer_kind(name, cells, taken_names) if cells else "text"))
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


def _infer_kind(name: str, cells: list[Any], names: set[str]) -> ColumnKind:
    """What all cells of a column are, of which there are some, none of them empty."""
    if all(isinstance(cell, int) and not isinstance(cell, bool) for cell in cells):
        return "count"
    tests: dict[ColumnKind, Callable[[Any], bool]] = {
        "boolean": lambda cell: isinstance(cell, bool),
        "number": lambda cell: isinstance(cell, int | float) and not isinstance(cell, bool),
        "time": lambda cell: isinstance(cell, str) and "T" in cell and parse_moment(cell) is not None,
        "date": lambda cell: isinstance(cell, str) and DATE_PATTERN.fullmatch(cell) is not None,
    }
    if kind := next((kind for kind, test in tests.items() if all(map(test, cells))), None):
        return kind
    if ID_NAME.search(name) or not all(isinstance(cell, str) for cell in cells):
        return "id" if ID_NAME.search(name) else "text"
    return "money" if _are_amounts(name, cells, names) else "text"


def _are_amounts(name: str, texts: list[str], names: set[str]) -> bool:
    """Whether texts are amounts: named so, written so, and with a fraction or a currency near them."""
    words = set(re.split(r"[._\s]+", name.casefold()))
    if not words & MONEY_WORDS or words & NO_MONEY_WORDS or not all(map(AMOUNT_PATTERN.fullmatch, texts)):
        return False
    return any("." in text for text in texts) or bool(_find_currency_column(name, names))


def _find_currency_column(name: str, names: set[str]) -> str:
    parents = [part for part in name.rpartition(".")[0].split(".") if part]
    leaf = name.rpartition(".")[2]
    candidates = [
        ".".join([*parents, leaf.rpartition("_")[0] + f"_{CURRENCY}"]),
        ".".join([*parents, f"{leaf}_{CURRENCY}"]),
    ]
    candidates += [".".join([*parents[:depth], CURRENCY]) for depth in range(len(parents), -1, -1)]
    return next((candidate for candidate in candidates if candidate in names), "")
