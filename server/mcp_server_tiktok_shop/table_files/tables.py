"""Tables to be written to files: typed columns, and the exact values of their cells."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.money import format_amount, parse_amount

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from zoneinfo import ZoneInfo

# id: digits that are no number; money: an amount in a currency; time: a moment; date: a day; count: a whole number;
# number: any other (a rate, a share, an average); boolean; text: all else, lists and objects as JSON text.
ColumnKind = Literal["id", "text", "money", "time", "date", "count", "number", "boolean"]
MAX_EXACT_DIGITS = 15  # of a number in a spreadsheet: beyond them it is no longer the one that was written
MAX_UNIX_S = 32_503_680_000  # the year 3000: a larger number is no time in seconds
NUMBER_PATTERN = re.compile(r"-?\d{1,38}(\.\d{1,18})?", re.ASCII)


class FileColumn(Struct, frozen=True):
    """One column. The amounts of a money column are in `currency`, or each in what `currency_column` of its row says.

    Where neither is given the currency is not known, and amounts are written without one.
    """

    name: str
    kind: ColumnKind = "text"
    currency: str = ""
    currency_column: str = ""


class FileTable(Struct, frozen=True):
    """Columns and rows. A cell is what its column's kind says, as Python's value or as the text of a result.

    Times may be datetimes with a zone, ISO texts with an offset or Unix seconds; amounts Decimals or texts. What can't
    be read as its column's kind stays the text that it is. `zone` is the time zone in which moments are written as
    local times; None where rows are of several zones: each moment is then written in its own.
    `rows` are gone through more than once. `is_for_import` is for a table that another program reads, not a person.
    """

    columns: tuple[FileColumn, ...]
    rows: Collection[Sequence[Any]]
    zone: ZoneInfo | None = None
    sheet_name: str = "Table"
    notes: tuple[str, ...] = ()
    is_for_import: bool = False

    def find_currency_indexes(self) -> dict[int, int]:
        """For each money column whose currency stands in another: the index of that one."""
        indexes = {column.name: index for index, column in enumerate(self.columns)}
        return {
            index: indexes[column.currency_column]
            for index, column in enumerate(self.columns)
            if column.kind == "money" and column.currency_column in indexes
        }


def make_names_unique(columns: Iterable[FileColumn]) -> tuple[FileColumn, ...]:
    """The columns, a later one of the same name with a number behind it; names differ by more than case."""
    taken_names: set[str] = set()
    unique_columns = []
    for column in columns:
        name, number = column.name, 1
        while name.casefold() in taken_names:
            number += 1
            name = f"{column.name}_{number}"
        taken_names.add(name.casefold())
        unique_columns.append(replace(column, name=name))
    return tuple(unique_columns)


def parse_number(value: Any) -> Decimal | None:
    """A number that a spreadsheet holds exactly, of a number or its text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        return None
    text = str(value) if not isinstance(value, float) else repr(value)
    number = Decimal(text) if NUMBER_PATTERN.fullmatch(text) else None
    if number is None and not isinstance(value, str):
        number = Decimal(text)
        number = number if number.is_finite() else None
    if number is None:
        return None
    digits = len(number.normalize().as_tuple().digits)
    return number if isinstance(value, float) or digits <= MAX_EXACT_DIGITS else None


def parse_money(value: Any) -> Decimal | None:
    """An amount that a spreadsheet holds exactly; None for all else."""
    amount = value if isinstance(value, Decimal) and value.is_finite() else parse_amount(value)
    if amount is None or len(amount.normalize().as_tuple().digits) > MAX_EXACT_DIGITS:
        return None
    return amount


def parse_moment(value: Any) -> datetime | None:
    """A moment, with its zone; None for what is none, a time without a zone among it."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else None
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC) if 0 < value < MAX_UNIX_S else None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo is not None else None
    return None


def parse_date(value: Any) -> date | None:
    """A day; None for what is none, and for a moment, which is a day in a zone alone."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def to_plain_value(column: FileColumn, value: Any, zone: ZoneInfo | None) -> Any:
    """The cell as JSON can hold it, exactly: amounts, numbers with a fraction and times as text, ids as text."""
    if column.kind == "time" and (moment := parse_moment(value)) is not None:
        return (moment if zone is None else moment.astimezone(zone)).isoformat()
    if isinstance(value, Decimal):
        return format_amount(value) if value.is_finite() else str(value)
    if isinstance(value, date):
        return value.isoformat()
    is_plain = value is None or isinstance(value, bool | str | list | dict)
    is_number = isinstance(value, int | float) and column.kind not in ("id", "text", "money")
    return value if is_plain or is_number else str(value)


def to_text(column: FileColumn, value: Any, zone: ZoneInfo | None) -> str:
    """The cell as text; nothing of no value, and lists and objects as JSON text."""
    plain_value = to_plain_value(column, value, zone)
    if plain_value is None:
        return ""
    if isinstance(plain_value, bool):
        return "true" if plain_value else "false"
    if isinstance(plain_value, list | dict):
        return json.dumps(plain_value, ensure_ascii=False, default=str)
    return str(plain_value)
