"""Reads a stretch of time as people name it, such as `last week`, in a shop's own days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

FORMS = (
    "today, yesterday, this week, last week, this month, last month, this year, last year, last 7 days (today "
    "included), last 24 hours, 2026-10-31, 2026-10, 2026, 2026-W44, 2026-10-01/2026-10-15 (both days included) or "
    "2026-10-01T09:00/2026-10-01T17:00"
)
YEARS = range(1971, 3000)
MOST = {"day": 3660, "hour": 87_840}
SHOWN = 60
Days = tuple[date, date]  # the first day, and the day after the last


@dataclass(frozen=True, slots=True)
class Period:
    """Unix seconds from `start`, included, to `end`, not included; `told` is what was asked, made definite."""

    start: int
    end: int
    told: str


def period(text: str, zone: ZoneInfo, now: float) -> Period:
    """The period a text names; weeks begin on Monday, and days at midnight in `zone`. `now` is Unix seconds.

    Periods of days are whole: `last 7 days` is today and the six days before, `this month` ends with the month.

    Raises:
        ShopError: `invalid_arguments` of the argument `period`, with the forms that can be read.

    """
    words = " ".join(re.sub(r"[_\s]+", " ", text).strip().casefold().split())
    try:
        found = _hours(words, zone, now) or _named(words, zone, now) or _range(words, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise _refused(f"{text[:SHOWN]!r} is not a period that can be read")
    if found.start >= found.end:
        raise _refused(f"{text[:SHOWN]!r} ends before it begins")
    return found


def _refused(message: str) -> ShopError:
    problem = Problem("period", message, FORMS)
    return ShopError("invalid_arguments", f"period: {message}", hint=f"Give one of: {FORMS}.", problems=(problem,))


def _hours(words: str, zone: ZoneInfo, now: float) -> Period | None:
    match = re.fullmatch(r"(?:the )?(?:last|past) (\d{1,5}) ?(?:hours?|h)", words)
    if match is None or not 0 < int(match[1]) <= MOST["hour"]:
        return None
    end = int(now)
    return _exact(end - int(match[1]) * 3600, end, zone)


def _named(words: str, zone: ZoneInfo, now: float) -> Period | None:
    days = _relative(words, datetime.fromtimestamp(now, zone).date()) or _written(words)
    return None if days is None else _whole(*days, zone)


def _range(words: str, zone: ZoneInfo) -> Period | None:
    first, mark, last = re.sub(r"\.\.+| to ", "/", words).partition("/")
    if not mark:
        return None
    begins, ends = _written(first.strip()), _written(last.strip())
    if begins is not None and ends is not None:
        return _whole(begins[0], ends[1], zone)
    start = _midnight(begins[0], zone) if begins is not None else _moment(first, zone)
    end = _midnight(ends[1], zone) if ends is not None else _moment(last, zone)
    return _exact(start, end, zone)


def _relative(words: str, today: date) -> Days | None:
    monday, month, year = today - timedelta(today.weekday()), today.replace(day=1), today.replace(month=1, day=1)
    named: dict[str, Callable[[], Days]] = {
        "today": lambda: (today, today + timedelta(1)),
        "yesterday": lambda: (today - timedelta(1), today),
        "this week": lambda: (monday, monday + timedelta(7)),
        "last week": lambda: (monday - timedelta(7), monday),
        "this month": lambda: (month, _next_month(month)),
        "last month": lambda: ((month - timedelta(1)).replace(day=1), month),
        "this year": lambda: (year, year.replace(year=year.year + 1)),
        "last year": lambda: (year.replace(year=year.year - 1), year),
    }
    if words in named:
        return named[words]()
    match = re.fullmatch(r"(?:the )?(?:last|past) (\d{1,4}) ?(?:days?|d)", words)
    if match is None or not 0 < int(match[1]) <= MOST["day"]:
        return None
    return today - timedelta(int(match[1]) - 1), today + timedelta(1)


def _written(words: str) -> Days | None:
    """A year, month, ISO week or day written in numbers."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|-?w(\d{1,2}))?", words)
    if match is None:
        return None
    year = int(match[1])
    if year not in YEARS:
        raise ValueError(year)
    if match[4]:
        monday = date.fromisocalendar(year, int(match[4]), 1)
        return monday, monday + timedelta(7)
    if match[3]:
        day = date(year, int(match[2]), int(match[3]))
        return day, day + timedelta(1)
    if match[2]:
        first = date(year, int(match[2]), 1)
        return first, _next_month(first)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _next_month(first: date) -> date:
    return (first + timedelta(31)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The first second of a day, also of one whose midnight the clocks skip."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _moment(words: str, zone: ZoneInfo) -> int:
    moment = datetime.fromisoformat(words.strip().upper())
    if moment.year not in YEARS:
        raise ValueError(moment.year)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _whole(first: date, after: date, zone: ZoneInfo) -> Period:
    last = after - timedelta(1)
    told = f"{first}" if first == last else f"{first} to {last}"
    return Period(_midnight(first, zone), _midnight(after, zone), told)


def _exact(start: int, end: int, zone: ZoneInfo) -> Period:
    begins, ends = (datetime.fromtimestamp(moment, zone).isoformat() for moment in (start, end))
    return Period(start, end, f"{begins} to {ends}")
