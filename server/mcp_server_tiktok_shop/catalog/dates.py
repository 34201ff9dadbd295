"""Reads dates and times that the platform takes as text or digits, in any unambiguous form."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

MIN_YEAR, MAX_YEAR = 1970, 5000
MAX_QUOTED_CHARS = 40
DAY_UNITS = ("iso-date", "yyyymmdd")
FORMS_BY_UNIT = {  # what is asked for where a value can't be read
    "iso-date": "a day such as 2026-11-01",
    "yyyymmdd": "a day such as 20261101",
    "iso-datetime": "ISO 8601 such as 2026-11-01T09:30:00Z",
    "rfc3339": "ISO 8601 with offset, such as 2026-11-01T09:30:00Z",
}


def is_date(schema: Json) -> bool:
    """Whether a schema's values are days, or moments that do not become Unix time."""
    return schema.get("x-unit") in FORMS_BY_UNIT


def parse_moment(text: str) -> datetime | None:
    """The moment of a text in ISO 8601; None where it is none, or not of these years."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if MIN_YEAR < moment.year < MAX_YEAR else None


def read_date(schema: Json, value: Any) -> str | int | None:
    """A day or moment as its unit writes it; None where it can't be read, or its meaning depends on a zone."""
    unit = schema["x-unit"]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    moment = parse_moment(str(value)) if is_number or isinstance(value, str) else None
    if moment is None or (unit == "rfc3339" and moment.tzinfo is None):
        return None
    if unit not in DAY_UNITS:
        return moment.isoformat().replace("+00:00", "Z")
    if moment.timetz() != time():
        return None
    day = moment.date()
    return day.isoformat() if unit == "iso-date" else int(day.strftime("%Y%m%d"))
