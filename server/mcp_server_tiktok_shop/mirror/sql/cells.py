"""Converts result values to what JSON can hold, and back by their SQL type."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

SIGNIFICANT_DIGITS = 15  # decimal digits that a DOUBLE surely holds
CENT = Decimal("0.01")
MAX_EXACT_INTEGER = 2**53 - 1  # beyond it a number in JSON is rounded by many readers
ZONED_TYPE = "TIMESTAMP WITH TIME ZONE"


def to_json_cell(value: Any) -> Any:
    """A value of DuckDB's as JSON: decimals, dates, times and large numbers as text; what is no number is null."""
    writer = WRITERS.get(type(value))
    return writer(value) if writer is not None else str(value)


def to_cents(value: Any) -> Any:
    """An amount of money rounded to the cent, half a cent away from zero; null where it is no number."""
    if isinstance(value, float):
        value = Decimal(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, list):
        return [to_cents(each) for each in value]
    return value.quantize(CENT, ROUND_HALF_UP) if isinstance(value, Decimal) else value


def from_json_cell(value: Any, sql_type: str, zone: ZoneInfo | None) -> Any:
    """The value of a cell as Python has it: Decimal, date, datetime in the zone; without such a type, as it is.

    Without a zone a datetime keeps the offset that its text has.
    """
    if value is None:
        return None
    if sql_type == ZONED_TYPE:
        moment = datetime.fromisoformat(value)
        return moment if zone is None else moment.astimezone(zone)
    reader = None if sql_type.endswith("]") else READERS.get(sql_type.partition("(")[0])
    return reader(value) if reader is not None else value


def _write_number(value: float) -> float | None:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


def _write_integer(value: int) -> int | str:
    return value if abs(value) <= MAX_EXACT_INTEGER else str(value)


def _write_decimal(value: Decimal) -> str | None:
    return format(value, "f") if value.is_finite() else None


def _write_moment(value: date | time) -> str:
    return value.isoformat()


def _write_list(values: Iterable[Any]) -> list[Any]:
    return [to_json_cell(value) for value in values]


def _write_object(values: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): to_json_cell(value) for key, value in values.items()}


def _format_duration(duration: timedelta) -> str:
    sign = "-" if duration < timedelta() else ""
    seconds = abs(round(duration.total_seconds()))
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{sign}{days} days {clock}" if days else f"{sign}{clock}"


def _keep(value: Any) -> Any:
    return value


WRITERS: dict[type, Callable[[Any], Any]] = {
    type(None): _keep,
    bool: _keep,
    str: _keep,
    int: _write_integer,
    float: _write_number,
    Decimal: _write_decimal,
    datetime: _write_moment,
    date: _write_moment,
    time: _write_moment,
    timedelta: _format_duration,
    list: _write_list,
    tuple: _write_list,
    dict: _write_object,
    bytes: bytes.hex,
}
READERS: dict[str, Callable[[Any], Any]] = {
    "DECIMAL": Decimal,
    "TIMESTAMP": datetime.fromisoformat,
    "DATE": date.fromisoformat,
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UINTEGER"), int),
}
