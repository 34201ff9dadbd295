"""Names the days, weeks or months of a period without a row, leaving out those that were not read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.report_files import TIME_GROUPINGS
from mcp_server_tiktok_shop.tools.reports.row_cuts import is_cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.report_files import Grouping
    from mcp_server_tiktok_shop.tools.reports.shop_answers import ShopAnswer

HOUR_FORM = "%H"
# The times that a grouping tells apart: in which column, and how reports name them.
TIME_FORMS = {
    "day": ("day", "%Y-%m-%d"),
    "week": ("week", "%G-W%V"),
    "month": ("month", "%Y-%m"),
    "weekday": ("weekday", "%A"),
    "hour": ("hour", HOUR_FORM),
    "weekday_hour": ("hour", HOUR_FORM),
}
MAX_EMPTY_TIMES = 12
HOUR_S, DAY_S = 3_600, 86_400


def list_empty_times(grouping: Grouping, answers: Sequence[ShopAnswer]) -> list[str]:
    """The times of which there is no row, since nothing was in them: of what was not read nobody knows that."""
    if grouping.name not in TIME_FORMS:
        return []
    name, form = TIME_FORMS[grouping.name]
    empty: list[str] = []
    for answer in answers:
        result, period = answer.rows, answer.periods.period if answer.periods is not None else None
        if result is None or period is None or answer.zone is None or answer.coverage is None:
            continue
        first = answer.coverage.find_known_start(period.start)
        if first is None or (first > period.start and grouping.name not in TIME_GROUPINGS):
            continue  # an hour or a weekday comes again and again, in what was not read, too
        columns = [column.name for column in result.columns]
        if name not in columns or is_cut(result) or f"{name}_before" in columns:
            continue
        place = columns.index(name)
        end = min(period.end - 1, answer.coverage.as_of)
        times = _list_times(first, end, answer.zone, form)
        if first > period.start:
            times = times[1:]  # what the copy begins within is known in part
        found = {_name_time(row[place]) for row in result.cells}
        empty += [f"{answer.brief_label} {each}".lstrip() for each in times if each not in found]
    if len(empty) > MAX_EMPTY_TIMES:
        return [*empty[:MAX_EMPTY_TIMES], f"and {len(empty) - MAX_EMPTY_TIMES} more"]
    return empty


def _name_time(value: Any) -> str:
    return f"{value:02}" if isinstance(value, int) else str(value)


def _list_times(start: int, end: int, zone: ZoneInfo, form: str) -> list[str]:
    if form == HOUR_FORM:
        last = min(end, start + DAY_S)
        return sorted(
            {datetime.fromtimestamp(each, zone).strftime(form) for each in (*range(start, last, HOUR_S), last)}
        )
    first, last_day = (datetime.fromtimestamp(moment, zone).date() for moment in (start, end))
    days = (first + timedelta(days=number) for number in range((last_day - first).days + 1))
    return list(dict.fromkeys(day.strftime(form) for day in days))
