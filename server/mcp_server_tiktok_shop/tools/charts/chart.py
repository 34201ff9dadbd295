"""A chart: a table and what is drawn of it, or why nothing can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from mcp_server_tiktok_shop.errors import TikTokShopServerError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.tables import FileTable
    from mcp_server_tiktok_shop.tools.charts.drawn_period import DrawnPeriod
    from mcp_server_tiktok_shop.tools.charts.points import AxisType, Point
    from mcp_server_tiktok_shop.tools.charts.requests import ChartKind

Unit = Literal["money", "count", "number"]


class NoChartError(TikTokShopServerError):
    """There is nothing to draw of this data, or nothing that would not mislead; its words say why."""


class ChartSource(Struct, frozen=True):
    """A table to draw. `currencies` are those of the shops whose amounts stand in it, `period` is that of its rows.

    `title` names a drawing of `title_measure`, and of others with their names; of any where that is empty.
    `measures` are columns to choose before others, and before those what was `asked` for: what of it can stand on one
    axis, or the first. Where `has_zero_gaps`, a day, week or month without a row is one in
    which nothing was; where it `has_parts`, rows of one place are parts of one sum.
    """

    table: FileTable
    title: str = ""
    period: DrawnPeriod | None = None
    currencies: Collection[str] = ()
    measures: Sequence[str] = ()
    title_measure: str = ""
    asked: Sequence[str] = ()
    has_zero_gaps: bool = False
    has_parts: bool = False


class Chart(Struct, frozen=True):
    """What is drawn. Where a line has gaps, `pieces` numbers for each point the piece it is of.

    Of a scatter `x` is a number, else a text: an ISO time of the shop's clock, or a category.
    `x_labels` and `series_labels` are the categories in the order in which they stand. In a heat map `series` goes
    down, and `y` is what a cell is worth.
    """

    kind: ChartKind
    title: str
    x: str
    x_type: AxisType
    y: str
    series: str
    unit: Unit
    currency: str
    points: tuple[Point, ...]
    pieces: tuple[int, ...] = ()
    x_labels: tuple[str, ...] = ()
    series_labels: tuple[str, ...] = ()
    has_clock_times: bool = False
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """All that is to be known to draw it elsewhere; rows are x, y and, where there is one, series."""
        rows = [
            [
                point.x if isinstance(point.x, str) else float(point.x),
                float(point.y),
                *([point.series] if self.series else ()),
            ]
            for point in self.points
        ]
        return {
            "kind": self.kind,
            "x": self.x,
            "y": self.y,
            "series": self.series,
            "title": self.title,
            "unit": self.unit,
            "currency": self.currency,
            "x_type": self.x_type,
            "rows": rows,
        } | ({"pieces": list(self.pieces)} if self.pieces else {})

    def describe(self) -> Json:
        """What a model is to know of the picture beside the rows."""
        names = {"kind": self.kind, "x": self.x, "y": self.y, "series": self.series, "currency": self.currency}
        return {name: value for name, value in names.items() if value} | {"points": len(self.points)}
