"""Parses periods as people name them, such as `last week`, in a shop's own days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

PERIOD_FORMS = (
    "today, yesterday, this week, last week, this month, last month, this year, last year, last 7 days (today "
    "included), last 24 hours, 2026-10-31, 2026-10, 2026, 2026-W44, 2026-10-01/2026-10-15 (both days included) or "
    "2026-10-01T09:00/2026-10-01T17:00"
)
SUPPORTED_YEARS = range(1971, 3000)
MAX_COUNT_BY_UNIT = {"day": 3660, "hour": 87_840}
MAX_QUOTED_CHARS = 60
DayRange = tuple[date, date]  # the first day, and the day after the last


@dataclass(frozen=True, slots=True)
class Period:
    """Unix seconds from `start`, included, to `end`, not included; `description` names its days or moments exactly."""

    start: int
    end: int
    description: str


def parse_period(text: str, zone: ZoneInfo, now: float) -> Period:
    """The period a text names; weeks begin on Monday, and days at midnight in `zone`. `now` is Unix seconds.

    Periods of days are whole: `last 7 days` is today and the six days before, `this month` ends with the month.

    Raises:
        ShopError: `invalid_arguments` of the argument `period`, with the forms that can be read.

    """
    words = " ".join(re.sub(r"[_\s]+", " ", text).strip().casefold().split())
    try:
        parsed = _parse_last_hours(words, zone, now) or _parse_day_range(words, zone, now) or _parse_span(words, zone)
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise _period_error(f"{text[:MAX_QUOTED_CHARS]!r} is not a period that can be read")
    if parsed.start >= parsed.end:
        raise _period_error(f"{text[:MAX_QUOTED_CHARS]!r} ends before it begins")
    return parsed


def _period_error(message: str) -> ShopError:
    problem = Problem("period", message, PERIOD_FORMS)
    return ShopError(
        "invalid_arguments", f"period: {message}", hint=f"Give one of: {PERIOD_FORMS}.", problems=(problem,)
    )


def _parse_last_hours(words: str, zone: ZoneInfo, now: float) -> Period | None:
    match = re.fullmatch(r"(?:the )?(?:last|past) (\d{1,5}) ?(?:hours?|h)", words)
    if match is None or not 0 < int(match[1]) <= MAX_COUNT_BY_UNIT["hour"]:
        return None
    end = int(now)
    return _build_exact_period(end - int(match[1]) * 3600, end, zone)


def _parse_day_range(words: str, zone: ZoneInfo, now: float) -> Period | None:
    days = _parse_relative_days(words, datetime.fromtimestamp(now, zone).date()) or _parse_calendar_days(words)
    return None if days is None else _build_day_period(*days, zone)


def _parse_span(words: str, zone: ZoneInfo) -> Period | None:
    first, separator, last = re.sub(r"\.\.+| to ", "/", words).partition("/")
    if not separator:
        return None
    start_days, end_days = _parse_calendar_days(first.strip()), _parse_calendar_days(last.strip())
    if start_days is not None and end_days is not None:
        return _build_day_period(start_days[0], end_days[1], zone)
    start = _to_midnight(start_days[0], zone) if start_days is not None else _parse_moment(first, zone)
    end = _to_midnight(end_days[1], zone) if end_days is not None else _parse_moment(last, zone)
    return _build_exact_period(start, end, zone)


def _parse_relative_days(words: str, today: date) -> DayRange | None:
    monday, month, year = today - timedelta(today.weekday()), today.replace(day=1), today.replace(month=1, day=1)
    day_ranges: dict[str, Callable[[], DayRange]] = {
        "today": lambda: (today, today + timedelta(1)),
        "yesterday": lambda: (today - timedelta(1), today),
        "this week": lambda: (monday, monday + timedelta(7)),
        "last week": lambda: (monday - timedelta(7), monday),
        "this month": lambda: (month, _get_next_month(month)),
        "last month": lambda: ((month - timedelta(1)).replace(day=1), month),
        "this year": lambda: (year, year.replace(year=year.year + 1)),
        "last year": lambda: (year.replace(year=year.year - 1), year),
    }
    if words in day_ranges:
        return day_ranges[words]()
    match = re.fullmatch(r"(?:the )?(?:last|past) (\d{1,4}) ?(?:days?|d)", words)
    if match is None or not 0 < int(match[1]) <= MAX_COUNT_BY_UNIT["day"]:
        return None
    return today - timedelta(int(match[1]) - 1), today + timedelta(1)


def _parse_calendar_days(words: str) -> DayRange | None:
    """A year, month, ISO week or day written in numbers."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|-?w(\d{1,2}))?", words)
    if match is None:
        return None
    year = int(match[1])
    if year not in SUPPORTED_YEARS:
        raise ValueError(year)
    if match[4]:
        monday = date.fromisocalendar(year, int(match[4]), 1)
        return monday, monday + timedelta(7)
    if match[3]:
        day = date(year, int(match[2]), int(match[3]))
        return day, day + timedelta(1)
    if match[2]:
        first = date(year, int(match[2]), 1)
        return first, _get_next_month(first)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _get_next_month(first: date) -> date:
    return (first + timedelta(31)).replace(day=1)


def _to_midnight(day: date, zone: ZoneInfo) -> int:
    """The first second of a day in Unix seconds, also of one whose midnight the clocks skip."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _parse_moment(words: str, zone: ZoneInfo) -> int:
    moment = datetime.fromisoformat(words.strip().upper())
    if moment.year not in SUPPORTED_YEARS:
        raise ValueError(moment.year)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _build_day_period(first: date, after: date, zone: ZoneInfo) -> Period:
    last = after - timedelta(1)
    description = f"{first}" if first == last else f"{first} to {last}"
    return Period(_to_midnight(first, zone), _to_midnight(after, zone), description)


def _build_exact_period(start: int, end: int, zone: ZoneInfo) -> Period:
    start_text, end_text = (datetime.fromtimestamp(moment, zone).isoformat() for moment in (start, end))
    return Period(start, end, f"{start_text} to {end_text}")
