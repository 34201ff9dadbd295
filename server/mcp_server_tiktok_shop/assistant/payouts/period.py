"""A stand-in for `assistant.period`, with the same call: which moments a period's words mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FORMS = "today, yesterday, last 7 days, 2026-10, 2026-10-05 or 2026-10-01/2026-10-15 (last day included)"


@dataclass(frozen=True, slots=True)
class Period:
    """Unix seconds from `start`, included, to `end`, not included; `told` is how to name it."""

    start: int
    end: int
    told: str


def period(text: str, zone: ZoneInfo, now: float) -> Period:
    """The days that the words mean in a zone; `now` is Unix seconds.

    Raises:
        ShopError: `invalid_arguments`, where they mean none.

    """
    words = " ".join(text.casefold().split())
    today = datetime.fromtimestamp(now, zone).date()
    try:
        first, last = _days(words, today)
    except (ValueError, OverflowError):
        problem = Problem("period", f"{text[:40]!r} is not a period", FORMS)
        told = "The period can't be read."
        raise ShopError("invalid_arguments", told, hint=f"Give {FORMS}.", problems=(problem,)) from None
    return Period(_midnight(first, zone), _midnight(last + timedelta(days=1), zone), words)


def _days(words: str, today: date) -> tuple[date, date]:
    if words == "today":
        return today, today
    if words == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    if counted := re.fullmatch(r"last ([1-9]\d{0,3}) days", words):
        return today - timedelta(days=int(counted[1]) - 1), today
    if month := re.fullmatch(r"(\d{4})-(\d\d)", words):
        first = date(int(month[1]), int(month[2]), 1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    start, _, end = words.partition("/")
    first, last = date.fromisoformat(start), date.fromisoformat(end or start)
    if last < first:
        raise ValueError(words)
    return first, last


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
