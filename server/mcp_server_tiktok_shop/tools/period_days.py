"""Finds the days that words mean, such as `last week`, `october` or `3 days ago`, in a shop's calendar."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DayRange = tuple[date, date]  # the first day, and the day after the last
SUPPORTED_YEARS = range(1971, 3000)
MAX_DAYS = 3660  # of a period that is counted back from today
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august")
MONTH_NAMES = (*MONTHS, "september", "october", "november", "december")
WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TO_DATE_SHORTHANDS = {
    short: f"this {unit}" for unit in ("week", "month", "quarter", "year") for short in (unit, f"{unit[0]}td")
}
FILLERS = re.compile(r"\b(?:the|in|on|of|during|for)\b")
SO_FAR = re.compile(r"\b(?:so far|to date|until now|up to now|till now)\b")
COUNTED_DAYS = re.compile(r"(?:last )?(\d{1,4}) ?(d|w|day|week|month|quarter|year)s?")
MONTHS_BY_UNIT = {"month": 1, "quarter": 3, "year": 12}


def normalize_words(text: str) -> str:
    """The words in lower case, single-spaced and without those that say nothing; numbers as digits.

    `so far` says nothing beside a period, which ends now where it is not over; alone it is today's.
    """
    words = " ".join(re.sub(r"[_\s]+", " ", text).casefold().split())
    if SO_FAR.fullmatch(words):
        return "today"
    words = " ".join(FILLERS.sub(" ", SO_FAR.sub(" ", words)).split())
    words = re.sub(r"\b(?:current)\b", "this", words)
    words = re.sub(r"^(?:past|previous)\b", "last", words)
    words = re.sub(r"\b(?:a|an) (?=\w+ ago\b)", "1 ", words)
    for number, word in enumerate(NUMBER_WORDS, 1):
        words = re.sub(rf"\b{word}\b", str(number), words)
    return TO_DATE_SHORTHANDS.get(words, words)


def parse_days(words: str, today: date) -> DayRange | None:
    """The days that normalized words mean; None where they mean none.

    Weeks begin on Monday. A month, quarter or weekday without a year is the last one that has begun.

    Raises:
        ValueError, OverflowError: There is no such day.

    """
    readers: tuple[Callable[[str, date], DayRange | None], ...] = (
        _parse_named_days,
        _parse_counted_days,
        _parse_days_ago,
        _parse_weekday,
        _parse_month_name,
        _parse_quarter,
        _parse_numbers,
    )
    return next((days for reader in readers if (days := reader(words, today)) is not None), None)


def add_months(day: date, count: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    index = day.year * 12 + day.month - 1 + count
    first = date(index // 12, index % 12 + 1, 1)
    return first + timedelta(min(day.day, (_get_next_month(first) - first).days) - 1)


def _parse_named_days(words: str, today: date) -> DayRange | None:
    monday, month = today - timedelta(today.weekday()), today.replace(day=1)
    quarter, year = add_months(month, -((month.month - 1) % 3)), month.replace(month=1)
    saturday = monday + timedelta(5)
    ranges: dict[str, Callable[[], DayRange]] = {
        "today": lambda: _make_days(today, 1),
        "yesterday": lambda: _make_days(today - timedelta(1), 1),
        "day before yesterday": lambda: _make_days(today - timedelta(2), 1),
        "this week": lambda: _make_days(monday, 7),
        "last week": lambda: _make_days(monday - timedelta(7), 7),
        "week before last": lambda: _make_days(monday - timedelta(14), 7),
        "this weekend": lambda: _make_days(saturday, 2),
        "weekend": lambda: _make_days(saturday if today >= saturday else saturday - timedelta(7), 2),
        "last weekend": lambda: _make_days(saturday - timedelta(7), 2),
        "this month": lambda: (month, add_months(month, 1)),
        "last month": lambda: (add_months(month, -1), month),
        "month before last": lambda: (add_months(month, -2), add_months(month, -1)),
        "this quarter": lambda: (quarter, add_months(quarter, 3)),
        "last quarter": lambda: (add_months(quarter, -3), quarter),
        "this year": lambda: (year, add_months(year, 12)),
        "last year": lambda: (add_months(year, -12), year),
    }
    return ranges[words]() if words in ranges else None


def _parse_counted_days(words: str, today: date) -> DayRange | None:
    """`last 7 days`, `4 weeks`, `last 3 months`: up to today, which is the last of them."""
    match = COUNTED_DAYS.fullmatch(words)
    if match is None or not 0 < int(match[1]) <= MAX_DAYS:
        return None
    count, tomorrow = int(match[1]), today + timedelta(1)
    if match[2] in MONTHS_BY_UNIT:
        return add_months(tomorrow, -count * MONTHS_BY_UNIT[match[2]]), tomorrow
    return tomorrow - timedelta(count * (7 if match[2].startswith("w") else 1)), tomorrow


def describe_whole_units(words: str, today: date) -> str:
    """How whole weeks, months, quarters or years are asked for, where normalized words count them back from today."""
    match = COUNTED_DAYS.fullmatch(words)
    if match is None or match[2].startswith("d") or not 0 < int(match[1]) <= MAX_DAYS:
        return ""
    count, unit = int(match[1]), "week" if match[2] == "w" else match[2]
    ends = [_parse_days_ago(f"{number} {unit} ago", today) for number in (count, 1)]
    first, last = (_name_unit(days[0], unit) for days in ends if days is not None)
    span = first if first == last else f"{first}/{last}"
    return f"last {count} {unit}s are counted back from today; whole {unit}s: {span}."


def _name_unit(first: date, unit: str) -> str:
    """The week, month, quarter or year that begins on a day, as `parse_days` reads it."""
    forms = {"week": "%G-W%V", "month": "%Y-%m", "quarter": f"%Y-Q{(first.month + 2) // 3}", "year": "%Y"}
    return first.strftime(forms[unit])


def _parse_days_ago(words: str, today: date) -> DayRange | None:
    """`3 days ago` is that day, `2 weeks ago` or `1 month ago` the week or month that it was in."""
    match = re.fullmatch(r"(\d{1,4}) (day|week|month|quarter|year)s? ago", words)
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    if unit == "day":
        return _make_days(today - timedelta(count), 1)
    if unit == "week":
        return _make_days(today - timedelta(today.weekday() + 7 * count), 7)
    length = MONTHS_BY_UNIT[unit]
    first = today.replace(day=1)
    first = add_months(first, -((first.month - 1) % length) - count * length)
    return first, add_months(first, length)


def _parse_weekday(words: str, today: date) -> DayRange | None:
    match = re.fullmatch(r"(last )?(\w+)", words)
    if match is None:
        return None
    number = _find_name(match[2], WEEKDAY_NAMES)
    if number is None:
        return None
    distance = (today.weekday() - number) % 7
    return _make_days(today - timedelta(7 if match[1] and distance == 0 else distance), 1)


def _parse_month_name(words: str, today: date) -> DayRange | None:
    """`october`, `last oct`, `october 2026`, `31 october`, `oct 31 2026`."""
    parts = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|,", "", words.removeprefix("last ")).split()
    numbers = [int(part) for part in parts if re.fullmatch(r"\d{1,4}", part)]
    months = [month for part in parts if (month := _find_name(part, MONTH_NAMES)) is not None]
    years = [number for number in numbers if number in SUPPORTED_YEARS]
    days = [number for number in numbers if number not in SUPPORTED_YEARS]
    if len(months) != 1 or len(years) > 1 or len(days) > 1 or len(parts) != 1 + len(years) + len(days):
        return None
    year = years[0] if years else today.year
    first = date(year, months[0] + 1, days[0] if days else 1)
    is_this = not days and (first.year, first.month) == (today.year, today.month)
    if not years and (first > today or (is_this and words.startswith("last "))):
        first = first.replace(year=year - 1)
    return _make_days(first, 1) if days else (first, add_months(first, 1))


def _parse_quarter(words: str, today: date) -> DayRange | None:
    match = re.fullmatch(r"q([1-4])(?:[ -]?(\d{4}))?", words) or re.fullmatch(r"(\d{4})[ -]?q([1-4])", words)
    if match is None:
        return None
    number, year = (match[1], match[2]) if words.startswith("q") else (match[2], match[1])
    first = date(_check_year(int(year)) if year else today.year, 3 * int(number) - 2, 1)
    if not year and first > today:
        first = first.replace(year=first.year - 1)
    return first, add_months(first, 3)


def _parse_numbers(words: str, _today: date) -> DayRange | None:
    """A year, month, ISO week or day written in numbers."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|-?w(\d{1,2}))?", words)
    if match is None:
        return None
    year = _check_year(int(match[1]))
    if match[4]:
        return _make_days(date.fromisocalendar(year, int(match[4]), 1), 7)
    if match[3]:
        return _make_days(date(year, int(match[2]), int(match[3])), 1)
    if match[2]:
        first = date(year, int(match[2]), 1)
        return first, _get_next_month(first)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _make_days(first: date, count: int) -> DayRange:
    return first, first + timedelta(count)


def _find_name(word: str, names: tuple[str, ...]) -> int | None:
    """The place of a name that is written out or shortened to three or four letters."""
    stems = (word, word.removesuffix("s")) if len(word) > 4 else (word,)  # noqa: PLR2004 - mondays
    matches = [
        place for place, name in enumerate(names) if name in stems or (len(word) in (3, 4) and name.startswith(word))
    ]
    return matches[0] if len(matches) == 1 else None


def _check_year(year: int) -> int:
    if year not in SUPPORTED_YEARS:
        raise ValueError(year)
    return year


def _get_next_month(first: date) -> date:
    return (first + timedelta(31)).replace(day=1)
