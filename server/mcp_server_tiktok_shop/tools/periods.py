"""Parses periods as people name them, such as `last week`, in a shop's own days."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.period_days import (
    SUPPORTED_YEARS,
    WEEKDAY_NAMES,
    DayRange,
    add_months,
    describe_whole_units,
    normalize_words,
    parse_days,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

PERIOD_FORMS = (
    "today, yesterday, 3 days ago, this week, last week, last weekend, monday, this month so far, last month, october, "
    "this quarter, 2026-Q3, this year, last year, last 7 days (today included), last 4 weeks, last 24 hours, since "
    "2026-10-15, 2026-10-31, 2026-10, 2026, 2026-W44, 2026-10-01/2026-10-15 (both days included) or "
    "2026-10-01T09:00/2026-10-01T17:00"
)
COMPARISON_FORMS = (
    "previous period, week before (same day last week), last year (the same a year before), or " + PERIOD_FORMS
)
PREVIOUS_PERIOD = frozenset(("previous period", "last period", "previous", "before", "period before"))
YEAR_BEFORE = frozenset(
    ("last year", "same period last year", "year before", "1 year ago", "year ago", "1 year before")
)
WEEK_BEFORE = re.compile(
    r"(?:1 |one )?week (?:before|ago|earlier)|same (?:(?:week)?days?|times?|period) (?:(?:of|in) )?(?:the )?"
    r"(?:(?:last|previous) week|(?:1 |one )?week (?:before|ago|earlier))"
)
OWN_WEEKDAY_BEFORE = re.compile(rf"(?:previous )?({'|'.join(WEEKDAY_NAMES)})(?: (?:before|earlier|prior))?")
MAX_HOURS = 87_840
MAX_QUOTED_CHARS = 60
MONTHS_PER_YEAR = 12
SATURDAY = 5  # as date.weekday() counts
DAY, WEEKEND, WEEK = timedelta(1), timedelta(2), timedelta(7)
ALIKE_UP_TO = 1.2  # times as long: months, and days on which the clocks change, are not quite equal


class Period(Struct, frozen=True):
    """Unix seconds from `start`, included, to `end`, not included; `description` names its days or moments exactly.

    `days` are those of a period of whole days.
    """

    start: int
    end: int
    description: str
    days: DayRange | None = None


def parse_period(text: str, zone: ZoneInfo, now: float, argument: str = "period") -> Period:
    """The period a text names; weeks begin on Monday, and days at midnight in `zone`. `now` is Unix seconds.

    Periods of days are whole: `last 7 days` is today and the six days before, `this month` ends with the month.

    Raises:
        ShopError: `invalid_arguments` of the argument, with the forms that can be read.

    """
    words = normalize_words(text)
    today = datetime.fromtimestamp(now, zone).date()
    try:
        parsed = (
            _parse_last_hours(words, zone, now)
            or _build_days(parse_days(words, today), zone)
            or _parse_open_end(words, zone, now)
            or _parse_span(words, zone, today)
        )
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise _period_error(argument, f"{text[:MAX_QUOTED_CHARS]!r} is not a period that can be read")
    if parsed.start >= parsed.end:
        raise _period_error(argument, f"{text[:MAX_QUOTED_CHARS]!r} ends before it begins")
    return parsed


def describe_period_words(text: str, zone: ZoneInfo, now: float) -> str:
    """A sentence on words that may be meant otherwise than they are read, as `last 2 months`; empty of others."""
    return describe_whole_units(normalize_words(text), datetime.fromtimestamp(now, zone).date())


def parse_comparison(text: str, period: Period, zone: ZoneInfo, now: float) -> Period:
    """The period that stands beside `period`: the one before it, the same a week or a year before, or one in words.

    Of a single day its own weekday is named for the one before. Months have a month before them, a weekend has the
    weekend before, other days as many days; between moments there are as many seconds, a year before as well. Beside a
    period that is not over the other ends as early, at the same day and time of day, also one that words name where it
    is as many months or days: 29 days are not held against a whole month.

    Raises:
        ShopError: `invalid_arguments` of the argument `compare_with`.

    """
    words = " ".join(re.sub(r"[_\s]+", " ", text).casefold().split())
    words = words.removeprefix("the ").removeprefix("a ")
    if words in YEAR_BEFORE:
        return _shift_months(period, -MONTHS_PER_YEAR, zone, now)
    if WEEK_BEFORE.fullmatch(words) or _names_own_weekday(words, period):
        return _shift_week(period, zone, now)
    if words not in PREVIOUS_PERIOD:
        return _end_as_early(parse_period(text, zone, now, "compare_with"), period, zone, now)
    if period.days is None:
        return _build_exact_period(period.start - (period.end - period.start), period.start, zone)
    if months := _count_months(period.days):
        return _shift_months(period, -months, zone, now)
    first, after = period.days
    is_weekend = first.weekday() == SATURDAY and after - first == WEEKEND
    distance = WEEK if is_weekend else after - first
    moment = _to_local(now, zone) - distance
    return _shorten(_build_day_period(first - distance, after - distance, zone), period, moment, zone, now)


def describe_unequal_lengths(period: Period, other: Period, now: float) -> str:
    """That a period and the one beside it are not as long, so that no change between them tells much; else empty."""
    if period.days and other.days and _count_months(period.days) == _count_months(other.days) > 0:
        return ""
    lengths = [min(each.end, int(now)) - each.start for each in (period, other)]
    if min(lengths) <= 0 or max(lengths) <= ALIKE_UP_TO * min(lengths):
        return ""
    own, others = (_describe_length(length) for length in lengths)
    return (
        f"NOT ALIKE: the period is {own}, compared_with {others}: what changed is mostly that. "
        "Alike are previous period, week before (same day last week), last year."
    )


def _describe_length(seconds: int) -> str:
    days = round(seconds / DAY.total_seconds())
    hours = max(1, round(seconds / 3600))
    if days > 1:
        return f"{days} days"
    return "1 day" if days and abs(hours - 24) <= 1 else f"{hours} hour{'s' if hours > 1 else ''}"


def _names_own_weekday(words: str, period: Period) -> bool:
    match = OWN_WEEKDAY_BEFORE.fullmatch(words)
    if match is None or period.days is None:
        return False
    first, after = period.days
    return after - first == DAY and WEEKDAY_NAMES[first.weekday()] == match[1]


def _shift_week(period: Period, zone: ZoneInfo, now: float) -> Period:
    if period.days is None:
        first, last = (_to_unix(_to_local(moment, zone) - WEEK, zone) for moment in (period.start, period.end))
        return _build_exact_period(first, last, zone)
    shifted = _build_day_period(period.days[0] - WEEK, period.days[1] - WEEK, zone)
    return _shorten(shifted, period, _to_local(now, zone) - WEEK, zone, now)


def _end_as_early(other: Period, period: Period, zone: ZoneInfo, now: float) -> Period:
    """The other period, up to the point that `period` has come to where both are as many months or days."""
    if period.days is None or other.days is None or other.start >= period.start:
        return other
    local = _to_local(now, zone)
    (first, after), (other_first, other_after) = period.days, other.days
    if (months := _count_months(period.days)) and months == _count_months(other.days):
        return _shorten(other, period, _shift_moment(local, -_count_months((other_first, first))), zone, now)
    if after - first == other_after - other_first:
        return _shorten(other, period, local - (first - other_first), zone, now)
    return other


def _count_months(days: DayRange) -> int:
    """How many whole months the days are; 0 where they are none."""
    first, after = days
    return (after.year - first.year) * MONTHS_PER_YEAR + after.month - first.month if first.day == after.day == 1 else 0


def _shift_months(period: Period, count: int, zone: ZoneInfo, now: float) -> Period:
    if period.days is None:
        end = _to_unix(_shift_moment(_to_local(period.end, zone), count), zone)
        return _build_exact_period(end - (period.end - period.start), end, zone)
    shifted = _build_day_period(add_months(period.days[0], count), add_months(period.days[1], count), zone)
    moment = _shift_moment(_to_local(now, zone), count)
    return _shorten(shifted, period, moment, zone, now)


def _shorten(shifted: Period, period: Period, moment: datetime, zone: ZoneInfo, now: float) -> Period:
    """The shifted period, up to `moment` where the first one is not over."""
    end = _to_unix(moment, zone)
    if not period.start <= now < period.end or not shifted.start < end < shifted.end:
        return shifted
    until = datetime.fromtimestamp(end, zone).isoformat(timespec="minutes")
    return Period(shifted.start, end, f"{shifted.description}, up to {until}")


def _shift_moment(moment: datetime, months: int) -> datetime:
    return datetime.combine(add_months(moment.date(), months), moment.time())


def _to_local(moment: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def _to_unix(moment: datetime, zone: ZoneInfo) -> int:
    return int(moment.replace(tzinfo=zone).timestamp())


def _period_error(argument: str, message: str) -> ShopError:
    forms = PERIOD_FORMS if argument == "period" else COMPARISON_FORMS
    problem = Problem(argument, message, forms)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=f"Give one of: {forms}.", problems=(problem,))


def _parse_last_hours(words: str, zone: ZoneInfo, now: float) -> Period | None:
    match = re.fullmatch(r"last (?:(\d{1,5}) ?(?:hours?|h)|hour)", words)
    if match is None or not 0 < int(match[1] or 1) <= MAX_HOURS:
        return None
    end = int(now)
    return _build_exact_period(end - int(match[1] or 1) * 3600, end, zone)


def _build_days(days: DayRange | None, zone: ZoneInfo) -> Period | None:
    return None if days is None else _build_day_period(*days, zone)


def _parse_open_end(words: str, zone: ZoneInfo, now: float) -> Period | None:
    """From a day or moment until the end of today."""
    if not words.startswith("since "):
        return None
    tomorrow = datetime.fromtimestamp(now, zone).date() + timedelta(1)
    beginning = words.removeprefix("since ")
    days = parse_days(beginning, tomorrow - timedelta(1))
    if days is not None:
        return _build_day_period(days[0], tomorrow, zone)
    return _build_exact_period(_parse_moment(beginning, zone), _to_midnight(tomorrow, zone), zone)


def _parse_span(words: str, zone: ZoneInfo, today: date) -> Period | None:
    words = words.removeprefix("from ").removeprefix("between ")
    first, separator, last = re.sub(r"\.\.+| (?:to|and|until|till|through|-|\u2013) ", "/", words, count=1).partition(
        "/"
    )
    if not separator:
        return None
    start_days, end_days = parse_days(first.strip(), today), parse_days(last.strip(), today)
    if start_days is not None and end_days is not None:
        return _build_day_period(start_days[0], end_days[1], zone)
    start = _to_midnight(start_days[0], zone) if start_days is not None else _parse_moment(first, zone)
    end = _to_midnight(end_days[1], zone) if end_days is not None else _parse_moment(last, zone)
    return _build_exact_period(start, end, zone)


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
    return Period(_to_midnight(first, zone), _to_midnight(after, zone), description, (first, after))


def _build_exact_period(start: int, end: int, zone: ZoneInfo) -> Period:
    start_text, end_text = (datetime.fromtimestamp(moment, zone).isoformat() for moment in (start, end))
    return Period(start, end, f"{start_text} to {end_text}")
