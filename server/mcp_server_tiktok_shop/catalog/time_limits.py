"""Refuses times too far from now or from one another, or in the wrong order, as the records limit them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import encode_times
from mcp_server_tiktok_shop.catalog.dates import DAY_UNITS, is_date
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, is_time
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

START_WORDS = ("begin", "start")
FROM_NOW_BOUNDS = ("days_from_now_min", "days_from_now_max")
# Of a distance to the neighbour that `after` names: the keys of both bounds, by the unit that they count.
DISTANCE_BOUNDS = {
    "days": (timedelta(days=1), "days_after_min", "days_after_max"),
    "minutes": (timedelta(minutes=1), "minutes_after_min", "minutes_after_max"),
}


def validate_times(operation: Operation, values: Json, zone: ZoneInfo, now: float) -> None:
    """Refuse times beyond their limits and, of a write, an end before its beginning.

    Times without offset are read in `zone`; `now` is in Unix seconds.

    Raises:
        ShopError: `invalid_arguments`.

    """
    if not operation.takes_times:
        return
    moment = datetime.fromtimestamp(now, zone)
    schema = {"properties": operation.arguments}
    by_argument: dict[str, Problem] = {}
    for problem in _iter_problems(schema, values, moment, "", is_write=operation.effect != "read"):
        by_argument.setdefault(problem.argument, problem)
    if problems := tuple(by_argument.values()):
        message = "; ".join(f"{problem.argument} {problem.message}" for problem in problems)
        hint = "Correct the times named and call again; nothing was sent."
        raise ShopError("invalid_arguments", message, hint=hint, problems=problems)


def describe_time_limits(schema: Json) -> list[str]:
    """The limits of a time in words, a phrase each."""
    return [phrase for rule in schema.get("x-limits-when", ()) for _, _, phrase in _iter_bounds(rule)]


def _iter_bounds(rule: Json) -> Iterator[tuple[timedelta, tuple[Any, Any], str]]:
    """The bounds in a rule of `x-limits-when`: what they count, both ends, and the words for them."""
    low, high = (rule.get(key) for key in FROM_NOW_BOUNDS)
    if low is not None or high is not None:
        yield timedelta(days=1), (low, high), _describe_from_now(low, high)
    for unit, (length, low_key, high_key) in DISTANCE_BOUNDS.items():
        low, high = rule.get(low_key), rule.get(high_key)
        if low is not None or high is not None:
            yield length, (low, high), f"{_describe_count(low, high, unit)} after {rule['after']}"


def _describe_count(low: Any, high: Any, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low}-{high} {unit}"
    word, number = ("at most", high) if high is not None else ("at least", low)
    return f"{word} {number} {unit if number != 1 else unit.removesuffix('s')}"


def _describe_from_now(low: Any, high: Any) -> str:
    if high == 0:
        return "not in the future" if low is None else f"not in the future, at most {-low} days ago"
    if low is not None and low <= 0 and high is None:
        return f"at most {-low} days ago" if low else "not in the past"
    return f"{_describe_count(low, high, 'days')} from now"


def _iter_problems(schema: Json, value: Any, now: datetime, path: str, *, is_write: bool) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _iter_problems(schema.get("items", {}), item, now, f"{path}[{index}]", is_write=is_write)
    if not isinstance(value, dict):
        return
    fields = schema.get("properties", {})
    for name, inner in value.items():
        inner_path = f"{path}.{name}" if path else name
        yield from _iter_problems(fields.get(name, {}), inner, now, inner_path, is_write=is_write)
        yield from _iter_limit_problems(fields, value, name, inner_path, now)
        end_name = _find_end_name(name)
        if is_write and end_name in value and all(is_time(fields.get(each, {})) for each in (name, end_name)):
            start, end = (_read_moment(fields[each], value[each], now) for each in (name, end_name))
            if start is not None and end is not None and end.timestamp() < start.timestamp():
                end_path = f"{path}.{end_name}" if path else end_name
                yield Problem(end_path, f"lies before {name}", f"a time after {name}")


def _find_end_name(name: str) -> str:
    """The argument with the end of what begins at the one of this name; empty where it is no beginning."""
    word = next((word for word in START_WORDS if word in name.split("_")), "")
    return name.replace(word, "end", 1) if word else ""


def _iter_limit_problems(fields: Json, values: Json, name: str, path: str, now: datetime) -> Iterator[Problem]:
    schema = fields.get(name, {})
    for rule in schema.get("x-limits-when", ()):
        for length, bounds, phrase in _iter_bounds(rule):
            neighbour = rule.get("after", "")
            origin = _read_moment(fields.get(neighbour, {}), values.get(neighbour), now) if neighbour else now
            moment = _read_moment(schema, values[name], now)
            if origin is None or moment is None:
                continue
            counts = _count(moment, origin, length, is_day=schema.get("x-unit") in DAY_UNITS)
            if not _is_within(counts, *bounds):
                text = moment.date().isoformat() if schema.get("x-unit") in DAY_UNITS else moment.isoformat()
                yield Problem(path, f"is {text}, out of range: {phrase}", phrase)


def _read_moment(schema: Json, value: Any, now: datetime) -> datetime | None:
    """The moment that a value is, in the zone of `now`; None of 0, which stands for none, and of what is no time."""
    zone: Any = now.tzinfo
    if value is None:
        return None
    if is_time(schema):
        seconds = int(encode_times(schema, value, zone)) / TIME_UNITS_PER_SECOND[schema["x-unit"]]
        return datetime.fromtimestamp(seconds, zone) if seconds > 0 else None
    if not is_date(schema):
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _count(moment: datetime, origin: datetime, length: timedelta, *, is_day: bool) -> tuple[float, ...]:
    """How many units lie between two moments, in each way that the platform may count them: by the clock, by days."""
    # Of moments of one zone, whose clock shows an hour twice or not at all, their difference is what it shows.
    elapsed = (moment.timestamp() - origin.timestamp()) / length.total_seconds()
    if length < timedelta(days=1):
        return (elapsed,)
    by_calendar = float((moment.date() - origin.date()).days)
    return (by_calendar,) if is_day else (elapsed, by_calendar)


def _is_within(counts: tuple[float, ...], low: float | None, high: float | None) -> bool:
    """Whether any way of counting keeps both bounds; a bound of 0 is now itself, which the clock alone tells."""
    if low is not None and (counts[0] if low == 0 else max(counts)) < low:
        return False
    return high is None or (counts[0] if high == 0 else min(counts)) <= high
