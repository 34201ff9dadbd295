"""Determines what a table's columns hold: by SQL type, or by their names and cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.money import AMOUNT_PATTERN
from mcp_server_tiktok_shop.table_files.tables import ColumnKind, FileColumn, make_names_unique, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# Last words of names, as the platform writes them and as people name sums of them.
MONEY_WORDS = frozenset(
    (
        *("amount", "balance", "commission", "cost", "credit", "debit", "discount", "earnings", "fee", "fees", "gmv"),
        *("gross", "net", "payout", "price", "profit", "refund", "refunds", "revenue", "sales", "settlement"),
        *("subtotal", "tax", "total", "turnover", "value"),
    )
)
NUMBER_WORDS = frozenset(("margin", "percent", "rate", "ratio", "share"))  # of numbers that are no amounts
CENTS_PATTERN = re.compile(r"\.\d{2}$", re.ASCII)
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
# The first that all cells pass is what they are.
CELL_TESTS: dict[ColumnKind, Callable[[Any], bool]] = {
    "count": lambda cell: isinstance(cell, int) and not isinstance(cell, bool),
    "boolean": lambda cell: isinstance(cell, bool),
    "number": lambda cell: isinstance(cell, int | float) and not isinstance(cell, bool),
    "time": lambda cell: isinstance(cell, str) and "T" in cell and parse_moment(cell) is not None,
    "date": lambda cell: isinstance(cell, str) and DATE_PATTERN.fullmatch(cell) is not None,
    "money": lambda cell: isinstance(cell, str) and AMOUNT_PATTERN.fullmatch(cell) is not None,
}


def make_sql_columns(names_and_types: Iterable[tuple[str, str]]) -> tuple[FileColumn, ...]:
    """The columns of a query's result, by the names and types that DuckDB tells; names are made unique.

    Amounts are DECIMAL with two decimals; they are in the currency of the column that is named after them
    (`amount_currency`) or simply `currency`, where there is one.
    """
    columns = [FileColumn(name, _get_sql_kind(name, sql_type)) for name, sql_type in names_and_types]
    return connect_currencies(make_names_unique(columns))


def infer_columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[FileColumn, ...]:
    """The columns of a table of a result, whose cells are JSON: by their names, and what all their cells are."""
    observations = [CellObservation() for _ in names]
    for row in rows:
        for observation, cell in zip(observations, row, strict=True):
            observation.add(cell)
    return describe_columns(zip(names, observations, strict=True))


def describe_columns(observations: Iterable[tuple[str, CellObservation]]) -> tuple[FileColumn, ...]:
    """The columns of these names, by what was observed of their cells; names are made unique."""
    pairs = list(observations)
    names = {name for name, _ in pairs}
    columns = [FileColumn(name, observation.choose_kind(name, names)) for name, observation in pairs]
    return connect_currencies(make_names_unique(columns))


def connect_currencies(columns: Sequence[FileColumn]) -> tuple[FileColumn, ...]:
    """The columns, each amount's currency found in the nearest column that can hold it.

    Of `payment.total_amount` that is `payment.total_currency`, then `payment.currency`, then `currency`.
    """
    names = {column.name for column in columns}
    return tuple(
        column
        if column.kind != "money" or column.currency or column.currency_column
        else FileColumn(column.name, "money", currency_column=_find_currency_column(column.name, names))
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


class CellObservation(Struct):
    """What all cells of a column could be, as far as they were seen; empty ones could be anything."""

    kinds: set[ColumnKind] = field(default_factory=lambda: set(CELL_TESTS))
    is_empty: bool = True
    has_fraction: bool = False
    has_cents: bool = True  # two decimals in every cell

    def add(self, cell: Any) -> None:
        if cell is None or cell == "":
            return
        self.is_empty = False
        self.kinds = {kind for kind in self.kinds if CELL_TESTS[kind](cell)}
        self.has_fraction = self.has_fraction or (isinstance(cell, str) and "." in cell)
        self.has_cents = self.has_cents and isinstance(cell, str) and CENTS_PATTERN.search(cell) is not None

    def choose_kind(self, name: str, names: set[str]) -> ColumnKind:
        """The kind of the column `name`, one of `names`.

        An amount is named so and has a fraction or a currency near, or has a currency near and cents in every cell.
        """
        kind: ColumnKind = next((kind for kind in CELL_TESTS if kind in self.kinds), "text")
        if not self.is_empty and kind not in ("text", "money"):
            return kind
        if ID_NAME.search(name) or self.is_empty or kind == "text":
            return "id" if ID_NAME.search(name) else "text"
        words = set(re.split(r"[._\s]+", name.casefold()))
        if words & NUMBER_WORDS:
            return "number"
        has_currency = bool(_find_currency_column(name, names))
        is_named_so = bool(words & MONEY_WORDS) and (self.has_fraction or has_currency)
        return "money" if is_named_so or (has_currency and self.has_cents) else "text"


def _find_currency_column(name: str, names: set[str]) -> str:
    parents = [part for part in name.rpartition(".")[0].split(".") if part]
    leaf = name.rpartition(".")[2]
    candidates = [
        ".".join([*parents, leaf.rpartition("_")[0] + f"_{CURRENCY}"]),
        ".".join([*parents, f"{leaf}_{CURRENCY}"]),
    ]
    candidates += [".".join([*parents[:depth], CURRENCY]) for depth in range(len(parents), -1, -1)]
    return next((candidate for candidate in candidates if candidate in names), "")
