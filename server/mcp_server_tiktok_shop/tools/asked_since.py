"""Finds how far back a statement asks, from the dates, years and intervals in it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

DATE_PATTERN = re.compile(r"'(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?=[T ']|$)")
YEAR_PATTERN = re.compile(r"\byear\b[^'\d]{0,60}?\b(20\d\d)\b", re.IGNORECASE)
SPAN_PATTERN = re.compile(
    r"-\s*INTERVAL\s*\(?\s*'?(\d{1,6})\)?\s*'?\s*(day|week|month|quarter|year)s?\b", re.IGNORECASE
)
TRUNCATION_PATTERN = re.compile(r"date_trunc\(\s*'(year|quarter|month)'\s*,\s*(?:now|today|current_)", re.IGNORECASE)
DAYS_BY_UNIT = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
MONTHS_BY_UNIT = {"month": 1, "quarter": 3, "year": 12}


def find_earliest_moment(sql: str, now: int, zone: ZoneInfo) -> int | None:
    """The earliest moment that a statement writes down or counts back to, in Unix seconds; None where it names none.

    It is read from the text, so a date that bounds nothing counts too: what is made of it is a note, never a sum.
    """
    return min(
        (int(moment.timestamp()) for moment in _iter_moments(sql, datetime.fromtimestamp(now, zone))), default=None
    )


def _iter_moments(sql: str, now: datetime) -> Iterator[datetime]:
    written = [(match[1], match[2] or "1", match[3] or "1") for match in DATE_PATTERN.finditer(sql)]
    for year, month, day in [*written, *((match[1], "1", "1") for match in YEAR_PATTERN.finditer(sql))]:
        try:
            yield datetime(int(year), int(month), int(day), tzinfo=now.tzinfo)
        except ValueError:  # no date, but a text of this form
            continue
    for match in SPAN_PATTERN.finditer(sql):
        yield now - timedelta(days=min(int(match[1]) * DAYS_BY_UNIT[match[2].lower()], (now.year - 1) * 365))
    for match in TRUNCATION_PATTERN.finditer(sql):
        months = MONTHS_BY_UNIT[match[1].lower()]
        yield datetime(now.year, (now.month - 1) // months * months + 1, 1, tzinfo=now.tzinfo)
