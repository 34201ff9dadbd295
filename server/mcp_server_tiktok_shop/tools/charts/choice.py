"""Chooses what a chart shows: its kind and points, or says why there is nothing to draw."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mcp_server_tiktok_shop.money import ZERO
from mcp_server_tiktok_shop.tools.charts.chart import Chart, NoChartError
from mcp_server_tiktok_shop.tools.charts.columns import ColumnChoice
from mcp_server_tiktok_shop.tools.charts.points import (
    WEEKDAYS,
    Point,
    list_steps,
    part_line,
    sort_labels,
    to_first_day,
    to_label,
    to_local_time,
    to_number,
    to_step_label,
    to_step_start,
)
from mcp_server_tiktok_shop.tools.charts.requests import refuse_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
    from mcp_server_tiktok_shop.tools.charts.columns import Roles
    from mcp_server_tiktok_shop.tools.charts.points import Step
    from mcp_server_tiktok_shop.tools.charts.requests import ChartKind, ChartRequest

MAX_BARS = 20  # names that are still legible one below the other
MAX_SERIES = 8  # colours that everybody can tell apart
MAX_POINTS = 2_000
MIN_LINE_POINTS = 3
MIDNIGHT = "T00:00:00"
HOUR, WEEKDAY = "hour", "weekday"
AMOUNT = "value"  # what is measured, and
OTHERS = "(others)"
GAP_NOTES = {
    "line": "Rows are missing for {count} steps of {x} between others: the line breaks there.",
    "area": "Rows are missing for {count} steps of {x} between others: the area goes straight over them.",
}
MEASURE = "measure"  # what tells measures apart, where several columns are drawn


def choose_chart(request: ChartRequest, source: ChartSource, clean_text: Callable[[str], str]) -> Chart:
    """The chart that was asked for, with what was left open chosen by what the columns are.

    Raises:
        ShopError: `invalid_arguments`: a column that is not there, or is not of a kind to be drawn so.
        NoChartError: Nothing is there to be drawn.

    """
    return _Chooser(request, source, clean_text).choose()


class _Chooser:
    """One choice: first the columns, then the points in them."""

    def __init__(self, request: ChartRequest, source: ChartSource, clean_text: Callable[[str], str]) -> None:
        self._request, self._source, self._clean_text = request, source, clean_text
        self._columns = ColumnChoice(request, source)
        self._rows, self._names = self._columns.rows, self._columns.names

    def choose(self) -> Chart:
        given = {role: self._columns.find_columns(role) for role in ("x", "y", "series")}
        if not self._rows:
            raise NoChartError("There is no row to draw.")
        if self._request.kind == "scatter":
            return self._choose_scatter(given)
        if self._request.kind == "heat" and (clock := self._columns.find_clock(given)) is not None:
            return self._choose_clock_heat(clock, given)
        roles = self._columns.choose_roles(given)
        if self._request.kind == "heat" and roles.series is None:
            raise NoChartError("A heat map needs two columns that name a cell, such as hour and weekday: x and series.")
        return self._draw(roles)

    def _draw(self, roles: Roles) -> Chart:
        unit, currency = self._columns.find_unit(roles.y)
        is_time = self._columns.is_time(roles.x)
        kind = self._choose_kind(roles, is_time=is_time)
        points, missing = self._read_points(roles, is_time=is_time)
        notes = [*self._columns.notes, *([f"Without a number or a time, and not drawn: {missing}."] if missing else [])]
        repeated = [key for key, count in Counter((point.x, point.series) for point in points).items() if count > 1]
        if repeated:
            column = self._names[roles.x]
            message = f"{column} {repeated[0][0]} stands in several rows: group by it, or name the series they are of."
            raise NoChartError(message)
        step = self._columns.steps.get(roles.x)
        period_words = self._source.period.words if self._source.period is not None else ""
        if is_time and step is not None:
            points = self._fill_gaps(points, step) if self._source.has_zero_gaps else points
            period_words = self._name_period(points, step)
            if kind not in ("line", "area"):
                points = [replace(point, x=to_step_label(str(point.x), step)) for point in points]
        series_labels = sort_labels(point.series for point in points) if roles.series is not None else []
        if len(roles.y) > 1:
            series_labels = [self._clean_text(self._names[place]) for place in roles.y]
        if len(series_labels) > MAX_SERIES and kind in ("stacked", "area") and unit in ("money", "count"):
            points = _fold_series(points)
            series_labels = list(dict.fromkeys(point.series for point in points))
        if len(series_labels) > MAX_SERIES and kind != "heat":
            column = self._names[roles.series] if roles.series is not None else MEASURE
            message = (
                f"{column} has {len(series_labels)} values, and {MAX_SERIES} colours can be told apart: choose fewer."
            )
            raise NoChartError(message)
        x_labels: list[str] = [] if is_time and kind in ("line", "area") else self._order_x(points, is_time=is_time)
        # Of hours or days of a month none is left out: it is not the last of them that matter least.
        is_named = not is_time and not self._columns.is_place_number(roles.x)
        if len(x_labels) > MAX_BARS and is_named and kind != "heat":
            notes.append(f"The first {MAX_BARS} of {len(x_labels)} are drawn.")
            x_labels = x_labels[:MAX_BARS]
            points = [point for point in points if point.x in set(x_labels)]
        if is_time:
            points.sort(key=lambda point: str(point.x))
        _check_count(points)
        pieces, gap_count = part_line(points, step) if is_time and kind in ("line", "area") else ([], 0)
        if gap_count:
            notes.append(GAP_NOTES[kind].format(count=gap_count, x=self._clean_text(self._names[roles.x])))
        has_several = len(roles.y) > 1
        series = MEASURE if has_several else "" if roles.series is None else self._names[roles.series]
        chart = Chart(
            kind=kind,
            title="",
            x=self._clean_text(self._names[roles.x]),
            x_type="time" if is_time else "category",
            y=AMOUNT if has_several else self._clean_text(self._names[roles.y[0]]),
            series=self._clean_text(series),
            unit=unit,
            currency=self._clean_text(currency),
            points=tuple(points),
            pieces=tuple(pieces) if gap_count and kind == "line" else (),
            x_labels=tuple(x_labels),
            series_labels=tuple(series_labels),
            has_clock_times=any("T" in str(point.x) for point in points) if is_time else False,
            notes=tuple(notes),
        )
        return self._name_chart(chart, period_words)

    def _name_chart(self, chart: Chart, period_words: str = "") -> Chart:
        place = f"{chart.x} and {chart.series}" if chart.kind == "heat" else chart.x
        title = self._source.title or f"{chart.y} by {place}".replace("_", " ")
        if self._source.title and chart.y not in (self._source.title_measure or chart.y, AMOUNT):
            title = f"{title}: {chart.y.replace('_', ' ')}"
        return replace(chart, title=to_label(", ".join(filter(None, (title, period_words))), self._clean_text))

    def _fill_gaps(self, points: list[Point], step: Step) -> list[Point]:
        """The points, with a zero for each day, week or month of the period that has none.

        Where that would be too many, for those between the first and the last point alone.
        """
        days = [str(point.x) for point in points]
        period = self._source.period
        if period is not None:
            edges = [to_step_start(day, step) for day in (period.first_day, period.last_day)]
            filled = _fill_span(points, step, min(*days, *edges), max(*days, *edges))
            if len(filled) <= MAX_POINTS:
                return filled
        return _fill_span(points, step, min(days), max(days))

    def _name_period(self, points: Sequence[Point], step: Step) -> str:
        """What the title calls the period of points in time: what is drawn of it, where that begins later."""
        period = self._source.period
        if period is None:
            return ""
        first, last = min(str(point.x) for point in points), max(str(point.x) for point in points)
        if first <= to_step_start(period.first_day, step):
            return period.words
        return f"{to_step_label(first, step)} to {to_step_label(last, step)}"

    def _choose_kind(self, roles: Roles, *, is_time: bool) -> ChartKind:
        if self._request.kind:
            return self._request.kind
        names = {self._names[place].casefold() for place in (roles.x, roles.series) if place is not None}
        if names == {HOUR, WEEKDAY}:
            return "heat"
        if self._source.has_parts and roles.series is not None:
            return "stacked"
        is_long = len({str(row[roles.x]) for row in self._rows}) >= MIN_LINE_POINTS
        return "line" if is_time and is_long else "bar"

    def _read_points(self, roles: Roles, *, is_time: bool) -> tuple[list[Point], int]:
        """The points, and how many were passed over."""
        points, missing = [], 0
        for row in self._rows:
            x = self._read_time(roles.x, row) if is_time else to_label(row[roles.x], self._clean_text)
            for place in roles.y:
                y = to_number(row[place])
                if x is None or y is None:
                    missing += 1
                    continue
                label = "" if roles.series is None else to_label(row[roles.series], self._clean_text)
                points.append(Point(x, y, self._clean_text(self._names[place]) if len(roles.y) > 1 else label))
        if not points:
            columns = ", ".join(self._names[place] for place in roles.y)
            raise NoChartError(f"{columns} holds no number that can be drawn.")
        if is_time and all(str(point.x).endswith(MIDNIGHT) for point in points):
            points = [replace(point, x=str(point.x).removesuffix(MIDNIGHT)) for point in points]
        return points, missing

    def _read_time(self, place: int, row: Sequence[Any]) -> str | None:
        if self._columns.get_kind(place) == "time":
            return to_local_time(row[place], self._source.table.zone)
        return None if row[place] is None else to_first_day(row[place])

    def _order_x(self, points: Sequence[Point], *, is_time: bool) -> list[str]:
        labels = [str(point.x) for point in points]
        return sorted(set(labels)) if is_time else sort_labels(labels)

    def _choose_scatter(self, given: Mapping[str, tuple[int, ...]]) -> Chart:
        """Two numbers of each row against each other."""
        measures = [place for place in range(len(self._names)) if self._columns.is_measure(place)]
        y = given["y"][:1] or tuple(place for place in measures if place not in given["x"])[-1:]
        x = given["x"] or tuple(place for place in measures if place not in y)[:1]
        if not x or not y:
            raise NoChartError("A scatter chart needs two columns of numbers.")
        if not self._columns.is_measure(x[0]):
            allowed = ", ".join(self._names[place] for place in measures)
            raise refuse_column("x", f"{self._names[x[0]]} is no number, and a scatter chart has two", allowed)
        series = given["series"][0] if given["series"] else None
        unit, currency = self._columns.find_unit(y)
        self._columns.find_unit(x)
        points: list[Point] = []
        for row in self._rows:
            pair = to_number(row[x[0]]), to_number(row[y[0]])
            if pair[0] is not None and pair[1] is not None:
                label = "" if series is None else to_label(row[series], self._clean_text)
                points.append(Point(pair[0], pair[1], label))
        if not points:
            raise NoChartError("No row has both numbers.")
        _check_count(points)
        missing = len(self._rows) - len(points)
        chart = Chart(
            kind="scatter",
            title="",
            x=self._clean_text(self._names[x[0]]),
            x_type="number",
            y=self._clean_text(self._names[y[0]]),
            series="" if series is None else self._clean_text(self._names[series]),
            unit=unit,
            currency=self._clean_text(currency),
            points=tuple(points),
            series_labels=tuple(sort_labels(point.series for point in points)) if series is not None else (),
            notes=(f"Without both numbers, and not drawn: {missing}.",) if missing else (),
        )
        if len(chart.series_labels) > MAX_SERIES:
            message = (
                f"{chart.series} has {len(chart.series_labels)} values, and {MAX_SERIES} colours can be told apart."
            )
            raise NoChartError(message)
        return self._name_chart(chart)

    def _choose_clock_heat(self, clock: int, given: Mapping[str, tuple[int, ...]]) -> Chart:
        """What was in each hour of the week, by the shop's clock; without a number to add up rows are counted."""
        unit, currency = self._columns.find_unit(given["y"][:1]) if given["y"] else ("count", "")
        sums = {(hour, day): ZERO for day in range(len(WEEKDAYS)) for hour in range(24)}
        count = 0
        for row in self._rows:
            text = to_local_time(row[clock], self._source.table.zone)
            amount = to_number(row[given["y"][0]]) if given["y"] else ZERO + 1
            if text is not None and amount is not None:
                moment = datetime.fromisoformat(text)
                sums[moment.hour, moment.weekday()] += amount
                count += 1
        if not count:
            raise NoChartError(f"{self._names[clock]} holds no time that can be drawn.")
        names = [name.capitalize() for name in WEEKDAYS]
        missing = len(self._rows) - count
        chart = Chart(
            kind="heat",
            title="",
            x=HOUR,
            x_type="category",
            y=self._clean_text(self._names[given["y"][0]]) if given["y"] else "rows",
            series=WEEKDAY,
            unit=unit,
            currency=self._clean_text(currency),
            points=tuple(Point(str(hour), amount, names[day]) for (hour, day), amount in sums.items()),
            x_labels=tuple(map(str, range(24))),
            series_labels=tuple(names),
            notes=(f"Without a time or a number, and not drawn: {missing}.",) if missing else (),
        )
        return self._name_chart(chart)


def _check_count(points: Sequence[Point]) -> None:
    if len(points) > MAX_POINTS:
        message = f"{len(points):,} points are more than can be seen: group them, at most {MAX_POINTS:,} are drawn."
        raise NoChartError(message)


def _fold_series(points: Sequence[Point]) -> list[Point]:
    """The points, those of the smallest series added up as one where there are more than colours."""
    weights: dict[str, Decimal] = {}
    for point in points:
        weights[point.series] = weights.get(point.series, ZERO) + abs(point.y)
    large = set(sorted(weights, key=lambda label: -weights[label])[: MAX_SERIES - 1])
    sums: dict[tuple[str | Decimal, str], Decimal] = {}
    for point in points:
        key = (point.x, point.series if point.series in large else OTHERS)
        sums[key] = sums.get(key, ZERO) + point.y
    folded = [Point(x, y, label) for (x, label), y in sums.items()]
    return sorted(folded, key=lambda point: point.series == OTHERS)


def _fill_span(points: Sequence[Point], step: Step, first: str, last: str) -> list[Point]:
    """The points, with a zero for each day, week or month from one to another that has none."""
    taken = {(point.x, point.series) for point in points}
    labels = dict.fromkeys(point.series for point in points)
    gaps = [
        Point(day, ZERO, label)
        for day in list_steps(first, last, step)
        for label in labels
        if (day, label) not in taken
    ]
    return [*points, *gaps]
