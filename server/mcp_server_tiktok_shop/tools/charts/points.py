"""Converts cells to positions in a drawing: times in the table's zone, numbers, names of categories."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from mcp_server_tiktok_shop.table_files.tables import parse_date, parse_moment, parse_money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

Step = Literal["day", "week", "month"]
AxisType = Literal["time", "category", "number"]
MAX_LABEL_CHARS = 60
NOTHING = "(none)"
WEEK_PATTERN = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
MIDNIGHT_PATTERN = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]00:00:00", re.ASCII)  # of a day that SQL has cut a time to
MONTH_PATTERN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT_NAME_CHARS = 3
DAYS_OF_LONGEST_MONTH = 31
DAYS_OF_WEEK = 7
MONTHS_OF_YEAR = 12


class Point(Struct, frozen=True):
    """One mark of a drawing: where it stands, how high, and whose it is; `series` is empty where there is none."""

    x: str | Decimal
    y: Decimal
    series: str = ""


def to_number(value: Any) -> Decimal | None:
    """A number that can be drawn; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    return parse_money(value)


def to_local_time(value: Any, zone: ZoneInfo | None) -> str | None:
    """A day as ISO text, or a moment as ISO text of the zone's clock; None of what is neither.

    The offset stands only where the clock, set back, shows a time for the second time: that is another one.
    """
    if (moment := parse_moment(value)) is not None and not isinstance(value, int):
        local = moment if zone is None else moment.astimezone(zone)
        return (local if local.fold else local.replace(tzinfo=None)).isoformat(timespec="seconds")
    if (day := parse_date(value)) is not None:
        return day.isoformat()
    return None


def find_step(values: Iterable[Any]) -> Step | None:
    """Of which step of the calendar all values are, as reports write them; None where they are something else."""
    steps = {_get_step(value) for value in values if value is not None}
    return steps.pop() if len(steps) == 1 else None


def _get_step(value: Any) -> Step | None:
    if isinstance(value, date) and not (isinstance(value, datetime) and value.tzinfo):
        value = value.isoformat()
    if not isinstance(value, str):
        return None
    if WEEK_PATTERN.fullmatch(value):
        return "week"
    if MONTH_PATTERN.fullmatch(value):
        return "month"
    return "day" if parse_date(MIDNIGHT_PATTERN.sub(r"\1", value)) is not None else None


def to_first_day(value: Any) -> str | None:
    """The day on which a day, week or month begins, as ISO text; None of a week that its year has not."""
    text = MIDNIGHT_PATTERN.sub(r"\1", value.isoformat() if isinstance(value, date) else str(value))
    if match := WEEK_PATTERN.fullmatch(text):
        try:
            return date.fromisocalendar(int(match[1]), int(match[2]), 1).isoformat()
        except ValueError:
            return None
    return f"{text}-01" if MONTH_PATTERN.fullmatch(text) else text


def to_step_start(day: str, step: Step) -> str:
    """The first day of the day, week or month that a day lies in."""
    if step == "week":
        year, week, _ = date.fromisoformat(day).isocalendar()
        return date.fromisocalendar(year, week, 1).isoformat()
    return f"{day[: len('2026-10')]}-01" if step == "month" else day


def to_step_label(day: str, step: Step) -> str:
    """A day, week or month by its first day, as reports write it."""
    if step == "week":
        year, week, _ = date.fromisoformat(day).isocalendar()
        return f"{year}-W{week:02}"
    return day[: len("2026-10")] if step == "month" else day


def list_steps(first: str, last: str, step: Step) -> list[str]:
    """The first days of all days, weeks or months from one to another, both among them."""
    day, end, found = date.fromisoformat(first), date.fromisoformat(last), []
    while day <= end:
        found.append(day.isoformat())
        if step == "month":
            day = (day.replace(day=1) + timedelta(days=DAYS_OF_LONGEST_MONTH + 1)).replace(day=1)
        else:
            day += timedelta(days=7 if step == "week" else 1)
    return found


def part_line(points: Sequence[Point], step: Step | None) -> tuple[list[int], int]:
    """For each point in time the number of the unbroken piece that it is of, and how many steps are missing between.

    Points are in the order of time. Their `step` is the one that their texts name, else the largest number of days or
    months that leads to each. Of hours within days no step is known: they are one piece.
    """
    places = _count_steps(sorted({str(point.x) for point in points}), step)
    pieces, missing = [0] * len(points), 0
    indexes: dict[str, list[int]] = {}
    for index, point in enumerate(points if places else ()):
        indexes.setdefault(point.series, []).append(index)
    for of_series in indexes.values():
        for before, after in pairwise(of_series):
            steps = places[str(points[after].x)] - places[str(points[before].x)]
            pieces[after] = pieces[before] + (steps > 1)
            missing += max(steps - 1, 0)
    return pieces, missing


def _count_steps(days: Sequence[str], step: Step | None) -> dict[str, int]:
    """How many steps each day is from the first; nothing where one is no day."""
    if any(len(day) != len("2026-10-01") for day in days):
        return {}
    found = [date.fromisoformat(day) for day in days]
    if all(day.day == 1 for day in found):
        places = [day.year * MONTHS_OF_YEAR + day.month for day in found]
    else:
        places = [day.toordinal() for day in found]
    size = {"week": DAYS_OF_WEEK, "month": 1}.get(step or "", 0) or gcd(*(place - places[0] for place in places)) or 1
    return {day: (place - places[0]) // size for day, place in zip(days, places, strict=True)}


def to_label(value: Any, clean_text: Callable[[str], str]) -> str:
    """The name of a category: a text, whatever it was, so that no id is rounded; a long one is cut."""
    if value is None or value == "":
        return NOTHING
    text = clean_text("yes" if value is True else "no" if value is False else str(value))
    text = " ".join(text.split())
    return text if len(text) <= MAX_LABEL_CHARS else text[: MAX_LABEL_CHARS - 1] + "…"


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Numbers by size, weekdays from Monday on, all else as it came."""
    unique = list(dict.fromkeys(labels))
    if all(re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", label, re.ASCII) for label in unique):
        return sorted(unique, key=Decimal)
    places = {name[:length]: place for place, name in enumerate(WEEKDAYS) for length in (SHORT_NAME_CHARS, len(name))}
    if all(label.casefold() in places for label in unique):
        return sorted(unique, key=lambda label: places[label.casefold()])
    return unique
