"""Chooses the columns of a chart: those that were named, otherwise by what they hold."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.tools.charts.chart import NoChartError
from mcp_server_tiktok_shop.tools.charts.points import find_step
from mcp_server_tiktok_shop.tools.charts.requests import refuse_column

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mcp_server_tiktok_shop.table_files.tables import ColumnKind, FileColumn
    from mcp_server_tiktok_shop.tools.charts.chart import ChartSource, Unit
    from mcp_server_tiktok_shop.tools.charts.points import Step
    from mcp_server_tiktok_shop.tools.charts.requests import ChartRequest

MEASURES: tuple[Unit, ...] = ("money", "count", "number")  # in the order in which one is chosen
# Whole numbers of these names, or made by functions of these names, name a place and measure nothing.
PLACE_NAME = re.compile(
    r"(day|dayofmonth|dayofweek|dow|hour|isodow|minute|month|quarter|week|weekday|year)(_number|\(.*\))?", re.IGNORECASE
)
NUMBER_SUFFIX = "_number"
MAX_QUOTED_CHARS = 60
MAX_NAMED_COUNTS = 4


class Roles(Struct, frozen=True):
    """The places of the columns that were chosen."""

    x: int
    y: tuple[int, ...]
    series: int | None


class ColumnChoice:
    """The columns of one table, and what of a chart each can be."""

    def __init__(self, request: ChartRequest, source: ChartSource) -> None:
        self._request, self._source = request, source
        self._columns: Sequence[FileColumn] = source.table.columns
        self.rows = [tuple(row) for row in source.table.rows]
        self.names = [column.name for column in self._columns]
        self.steps: dict[int, Step | None] = {}
        self.notes: list[str] = []  # on what was chosen in the place of something else

    def get_kind(self, place: int) -> ColumnKind:
        return self._columns[place].kind

    def find_columns(self, role: str) -> tuple[int, ...]:
        """The places of the columns that were named for a role; several with commas for y alone."""
        text = str(getattr(self._request, role)).strip()
        if not text:
            return ()
        folded = {name.casefold(): place for place, name in enumerate(self.names)}
        is_one = text.casefold() in folded or role != "y"
        names = [text] if is_one else [name.strip() for name in text.split(",")]
        for name in names:
            if name.casefold() not in folded:
                near = get_close_matches(name.casefold(), folded, n=1)
                suggestion = f"; did you mean {self.names[folded[near[0]]]}?" if near else ""
                message = f"the result has no column {name[:MAX_QUOTED_CHARS]!r}{suggestion}"
                raise refuse_column(role, message, ", ".join(self.names))
        places = tuple(folded[name.casefold()] for name in names)
        for place in places if role == "y" else ():
            if not self.is_measure(place):
                measures = [self.names[each] for each in range(len(self.names)) if self.is_measure(each)]
                raise refuse_column(role, f"{self.names[place]} is no number", ", ".join(measures) or "a number")
        return places

    def is_measure(self, place: int) -> bool:
        return self._columns[place].kind in MEASURES

    def is_place_number(self, place: int) -> bool:
        """Whether a whole number names an hour or a weekday, and measures nothing."""
        return self._columns[place].kind == "count" and PLACE_NAME.fullmatch(self.names[place]) is not None

    def _is_count(self, place: int) -> bool:
        """Whether it counts something, which is of no currency."""
        return self._columns[place].kind == "count" and not self.is_place_number(place)

    def is_time(self, place: int) -> bool:
        if self._columns[place].kind == "time":
            return True
        if place not in self.steps:
            is_text = self._columns[place].kind in ("date", "text", "id")
            self.steps[place] = find_step(row[place] for row in self.rows) if is_text else None
        return self.steps[place] is not None

    def choose_roles(self, given: Mapping[str, tuple[int, ...]]) -> Roles:
        x = given["x"][0] if given["x"] else self._choose_x({*given["y"], *given["series"]})
        y = given["y"] or self._choose_y({x, *given["series"]})
        series = given["series"][0] if given["series"] else None
        if series is None and len(y) == 1:
            series = self._choose_series(x, y)
        if series in (x, *y) or x in y:
            raise refuse_column("series" if series is not None else "x", "one column stands twice", "another column")
        return Roles(x, y, series)

    def _choose_x(self, taken: Collection[int]) -> int:
        """A time before all else, then what names the rows: a text that is different in each before one that is not."""
        free = [place for place in range(len(self._columns)) if place not in taken]
        if times := [place for place in free if self.is_time(place)]:
            return times[0]
        if numbers := [place for place in free if self.is_place_number(place)]:
            named = [place for place in free if self.names[place] + NUMBER_SUFFIX == self.names[numbers[0]]]
            return (named or numbers)[0]
        labels = [place for place in free if not self.is_measure(place) and not self._is_currency(place)]
        labels.sort(key=lambda place: self._columns[place].kind == "id")
        unique = [place for place in labels if self._is_unique((place,))]
        if not labels:
            raise NoChartError(
                "No column names the rows: a chart needs one, such as a day or a product, beside a number."
            )
        return (unique or labels)[0]

    def _choose_y(self, taken: Collection[int]) -> tuple[int, ...]:
        free = [
            place
            for place in range(len(self._columns))
            if place not in taken and self.is_measure(place) and not self.is_place_number(place)
        ]
        preferred = [place for name in self._source.measures for place in free if self.names[place] == name]
        by_kind = sorted(free, key=lambda place: MEASURES.index(self._columns[place].kind))
        has_values = [place for place in (*preferred, *by_kind) if any(row[place] is not None for row in self.rows)]
        if not has_values:
            raise NoChartError("No column holds numbers to draw.")
        asked = [place for name in self._source.asked for place in has_values if self.names[place] == name]
        on_one_axis = [place for place in asked if len(self._find_currencies(place)) <= 1]
        if on_one_axis or asked:
            return ((on_one_axis or asked)[0],)
        return (self._prefer_count(has_values),)

    def _prefer_count(self, places: Sequence[int]) -> int:
        """The first of the places; where it holds amounts of several currencies, the first that counts something."""
        first = places[0]
        if len(currencies := self._find_currencies(first)) <= 1:
            return first
        counts = [place for place in places if self._is_count(place)]
        if counts:
            names = ", ".join(sorted(currencies))
            self.notes.append(
                f"{self.names[counts[0]]} is drawn: {self.names[first]} in {names} can't stand on one axis; "
                "one shop's can."
            )
        return (counts or places)[0]

    def _choose_series(self, x: int, y: Collection[int]) -> int | None:
        """What tells rows of the same x apart; None where no two have the same, or nothing does."""
        is_split = self._request.kind in ("stacked", "heat")
        if self._is_unique((x,)) and not is_split:
            return None
        labels = [
            place
            for place in range(len(self._columns))
            if place not in (x, *y) and (not self.is_measure(place) or self.is_place_number(place))
        ]
        return next((place for place in labels if self._is_unique((x, place)) and not self._is_unique((place,))), None)

    def _is_unique(self, places: tuple[int, ...]) -> bool:
        return len({tuple(str(row[place]) for place in places) for row in self.rows}) == len(self.rows)

    def _is_currency(self, place: int) -> bool:
        return any(column.currency_column == self.names[place] for column in self._columns)

    def find_unit(self, places: Sequence[int]) -> tuple[Unit, str]:
        """The unit and currency of what is drawn on one axis.

        Raises:
            NoChartError: There are several.

        """
        kinds = {self._columns[place].kind for place in places}
        if len(kinds) > 1:
            names = ", ".join(self.names[place] for place in places)
            raise NoChartError(f"{names} are not of one unit: one axis can't hold them. Name one of them as y.")
        unit: Unit = next(each for each in MEASURES if each in kinds)
        if unit != "money":
            return unit, ""
        currencies = {currency for place in places for currency in self._find_currencies(place)}
        if len(currencies) > 1:
            names = ", ".join(sorted(currencies))
            counts = [self.names[place] for place in range(len(self.names)) if self._is_count(place)]
            others = f", or counts as y: {', '.join(counts[:MAX_NAMED_COUNTS])}" if counts else ""
            raise NoChartError(f"Amounts in {names} can't stand on one axis: choose one shop, or one currency{others}.")
        return unit, currencies.pop() if currencies else ""

    def _find_currencies(self, place: int) -> set[str]:
        """The currencies of the amounts in a column; none of what is no amount."""
        column = self._columns[place]
        if column.kind != "money":
            return set()
        if column.currency:
            return {column.currency}
        if column.currency_column in self.names:
            currency_place = self.names.index(column.currency_column)
            return {str(row[currency_place]) for row in self.rows if row[currency_place]}
        return set(self._source.currencies)

    def find_clock(self, given: Mapping[str, tuple[int, ...]]) -> int | None:
        """The column of moments whose hours and weekdays are to be laid out; None where columns name the cells."""
        if given["series"]:
            return None
        places = given["x"] or range(len(self.names))
        return next((place for place in places if self._columns[place].kind == "time"), None)
