"""Parses a report request: which report, grouped and ordered by what, refusing what it does not have."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.mirror.report_files import REQUIRED_PERIOD, TIME_GROUPINGS
from mcp_server_tiktok_shop.mirror.report_queries import (
    ReportOrder,
    compose_rows,
    compose_totals,
    is_self_comparing,
    list_columns,
    list_total_columns,
)
from mcp_server_tiktok_shop.tools.charts.requests import read_output
from mcp_server_tiktok_shop.tools.periods import PERIOD_FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.report_files import Grouping, Report
    from mcp_server_tiktok_shop.table_files.file_names import FileName
    from mcp_server_tiktok_shop.tools.charts.requests import ChartRequest

UNGROUPED = "none"
ALL_COLUMNS = "all"
PERIOD_SUFFIXES = ("_before", "_change")  # of a column that stands there for two periods
LINE_GROUPING = "line"  # of reports that have formats
OTHER_PROGRAMS_HINT = f"; for another program leave format away: group_by {LINE_GROUPING} with save_as is each amount"
MAX_SAVED_ROWS = 50_000  # of a shop, in a file
MAX_CHART_TIMES = 400  # days, weeks or months of a shop, in a chart
MAX_QUOTED_CHARS = 60
MIN_SHARED_LIMIT = 5
FILTERED_LIMIT = 100  # rows of a shop that a filter was given for
DESCENDING_WORDS = frozenset(("desc", "descending", "down"))
ASCENDING_WORDS = frozenset(("asc", "ascending", "up"))


class ReportRequest(Struct, frozen=True):
    """A report as it was asked for. `period` and `compare_with` are in words, empty where there is none.

    `columns` are those that were asked for, empty where none were, and those of all rows where it is all.
    `limit` counts rows of each shop where it `is_limit_given`, else rows of all. `unmet_order` is the column to sort
    by that rows so grouped do not have, where another was taken.

    `save_as` is the file that its rows go to, `chart` what is to be drawn of them, and `format` the form of
    another program, empty where they are a table.
    """

    report: Report
    grouping: Grouping | None
    order: ReportOrder
    limit: int
    period: str
    compare_with: str
    parameters: Mapping[str, Any]
    save_as: FileName | None = None
    chart: ChartRequest | None = None
    format: str = ""
    columns: tuple[str, ...] = ()
    unmet_order: str = ""
    is_limit_given: bool = True
    shop_count: int = 1

    @property
    def has_comparison(self) -> bool:
        return bool(self.compare_with)

    @property
    def has_joined_periods(self) -> bool:
        """Whether each column to compare stands there for two periods."""
        return self.has_comparison and not is_self_comparing(self.report)

    @property
    def is_whole(self) -> bool:
        """Whether every column is meant: all were asked for, or none were and rows go to a file."""
        return ALL_COLUMNS in self.columns or (self.save_as is not None and not self.columns)

    @property
    def shown_columns(self) -> frozenset[str]:
        """The columns that rows and totals have beside what names them; all of them where it is empty."""
        if self.is_whole:
            return frozenset()
        if self.has_joined_periods:
            return frozenset(f"{name}{end}" for name in self.columns for end in ("", *PERIOD_SUFFIXES))
        if self.columns or self.grouping is None:
            return frozenset(self.columns)
        return frozenset((*self.grouping.shows, self.order.column) if self.grouping.shows else ())

    @property
    def is_filtered(self) -> bool:
        return any(self.parameters[name] is not None for name in self.report.filters)

    def share_limit(self, shops: int) -> ReportRequest:
        """The request with its limit shared by so many shops, where it was neither given nor rows are few by nature.

        Days, weeks and months are not cut, nor what a filter was given for.
        """
        limit = max(self.limit // shops, MIN_SHARED_LIMIT)
        if self.is_filtered and not self.is_limit_given:
            limit = FILTERED_LIMIT
        elif self.is_limit_given or (self.grouping is not None and self.grouping.name in TIME_GROUPINGS):
            limit = self.limit
        return replace(self, limit=limit, shop_count=shops)

    def compose_rows(self) -> str:
        return compose_rows(self.report, self.grouping, self.order, with_comparison=self.has_comparison)

    def compose_ranking(self) -> str:
        """The SELECT of the rows that are ranked over several shops; empty where none are."""
        grouping = self.grouping
        if self.shop_count == 1 or self.has_comparison or grouping is None or not grouping.ranks:
            return ""
        return compose_rows(self.report, grouping, ReportOrder(grouping.ranks[1], is_descending=True))

    def compose_totals(self) -> str:
        return compose_totals(self.report, with_comparison=self.has_comparison)

    def compose_further_rows(self) -> dict[str, str]:
        """The SELECT of each grouping that is told beside the one that was asked for."""
        own_name, own_names = (self.grouping.name, self.grouping.beside) if self.grouping is not None else ("", ())
        names = [name for name in (*self.report.beside, *own_names) if name != own_name]
        groupings = [self.report.group_by[name] for name in names]
        orders = [choose_default_order(self.report, each, list_columns(self.report, each)) for each in groupings]
        return {
            grouping.name: compose_rows(self.report, grouping, order)
            for grouping, order in zip(groupings, orders, strict=True)
        }


def read_request(reports: Mapping[str, Report], values: Json) -> ReportRequest:
    """The request that checked arguments make.

    Raises:
        ShopError: `invalid_arguments`: which one means nothing here, and what it may be.

    """
    report = reports[values["report"]]
    save_as, chart = read_output(values)
    form = _read_format(report, values.get("format"))
    if form and chart is not None:
        raise _refuse("chart", "a journal is not drawn", ())
    grouping = report.group_by[LINE_GROUPING] if form else _read_grouping(report, values.get("group_by"))
    default_limit = MAX_SAVED_ROWS if form or save_as else report.limit
    if chart is not None and grouping is not None and grouping.name in TIME_GROUPINGS:
        default_limit = max(default_limit, MAX_CHART_TIMES)
    period, compare_with = _read_periods(report, values)
    known = {**report.parameters, **report.filters}
    parameters: dict[str, Any] = dict.fromkeys(known)
    for name, value in (values.get("parameters") or {}).items():
        if name not in known:
            raise _refuse("parameters", f"{report.name} has none called {name[:MAX_QUOTED_CHARS]!r}", known)
        parameters[name] = value
    columns = _read_columns(report, grouping, values.get("columns") or (), with_comparison=bool(compare_with))
    order, unmet_order = _read_order(report, grouping, values.get("order"), with_comparison=bool(compare_with))
    return ReportRequest(
        report=report,
        grouping=grouping,
        order=order,
        columns=columns,
        unmet_order=unmet_order,
        is_limit_given=bool(form or save_as or "limit" in values),
        limit=MAX_SAVED_ROWS if form else values.get("limit", default_limit),
        period=period,
        compare_with=compare_with,
        parameters=parameters,
        save_as=save_as,
        chart=chart,
        format=form,
    )


def _choose(choices: Mapping[str, Any], name: Any, argument: str, kind: str, suffix: str = "") -> Any:
    words = str(name).strip().casefold().replace(" ", "_").replace("-", "_")
    if words in choices:
        return choices[words]
    nearest = get_close_matches(words, choices, n=1)
    suggestion = f"; did you mean {nearest[0]}?" if nearest else ""
    raise _refuse(argument, f"{str(name)[:MAX_QUOTED_CHARS]!r} is none of the {kind}{suggestion}", choices, suffix)


def _read_grouping(report: Report, name: Any) -> Grouping | None:
    if name is None:
        return report.group_by.get(report.default_group)
    if str(name).strip().casefold() == UNGROUPED:
        return None
    if not report.group_by:
        raise _refuse("group_by", f"{report.name} is not grouped", (UNGROUPED,))
    found: Grouping = _choose({**report.group_by, UNGROUPED: None}, name, "group_by", f"groupings of {report.name}")
    return found


def _read_columns(
    report: Report, grouping: Grouping | None, names: Iterable[str], *, with_comparison: bool
) -> tuple[str, ...]:
    """The columns of these names, those of two periods by the name that both have."""
    of_rows = list_columns(report, grouping, with_comparison=with_comparison)
    known = dict.fromkeys((ALL_COLUMNS, *of_rows, *list_total_columns(report)))
    return tuple(
        dict.fromkeys(
            _choose(dict(zip(known, known, strict=True)), name, "columns", "columns")
            for text in names
            for name in text.split(",")
        )
    )


def _read_format(report: Report, name: Any) -> str:
    if name is None:
        return ""
    if not report.formats:
        raise _refuse("format", f"{report.name} has none: save_as makes a table of it", ())
    choices = {form: form for form in report.formats}
    return str(_choose(choices, name, "format", f"formats of {report.name}", OTHER_PROGRAMS_HINT))


def _read_periods(report: Report, values: Json) -> tuple[str, str]:
    period, compare_with = values.get("period", ""), values.get("compare_with", "")
    if not report.period:
        for name, value in (("period", period), ("compare_with", compare_with)):
            if value:
                raise _refuse(name, f"{report.name} is of now and has none", (), hint=_describe_times(report, name))
        return "", ""
    if compare_with and not (report.compare or is_self_comparing(report)):
        raise _refuse("compare_with", f"{report.name} can't be held against another period", ())
    if not period and report.period == REQUIRED_PERIOD:
        raise _refuse("period", "is missing", (PERIOD_FORMS,))
    return period or report.period, compare_with or report.compare_with


def _read_order(
    report: Report, grouping: Grouping | None, text: Any, *, with_comparison: bool
) -> tuple[ReportOrder, str]:
    """The order, and the column that was named where only totals have it: that of the report's own order is taken."""
    columns = list_columns(report, grouping, with_comparison=with_comparison)
    default = choose_default_order(report, grouping, columns)
    if text is None:
        return default, ""
    words = str(text).replace(":", " ").split()
    is_reversed = bool(words) and words[0].startswith("-")
    name = words[0].lstrip("-") if words else ""
    direction = words[1].casefold() if len(words) > 1 else ""
    folded = {column.casefold(): column for column in columns}
    unmet = "" if name.casefold() in folded or name.casefold() not in report.columns else name.casefold()
    name = default.column if unmet else name
    if name.casefold() not in folded or len(words) > 2 or direction not in {"", *DESCENDING_WORDS, *ASCENDING_WORDS}:  # noqa: PLR2004 - a column and a direction
        raise _refuse(
            "order",
            f"{str(text)[:MAX_QUOTED_CHARS]!r} is no column of this report",
            columns,
            " (desc or asc behind it)",
        )
    column = folded[name.casefold()]
    if is_reversed or direction:
        return ReportOrder(column, is_reversed or direction in DESCENDING_WORDS), unmet
    if column == default.column:
        return default, unmet
    names = {*(grouping.keys if grouping else ()), *(grouping.labels if grouping else ()), *report.keys}
    return ReportOrder(column, column not in names), ""


def choose_default_order(report: Report, grouping: Grouping | None, columns: list[str]) -> ReportOrder:
    for text in (grouping.order if grouping else "", report.order):
        if text and (order := ReportOrder.parse(text)).column in columns:
            return order
    measures = [name for name in (*report.compare, *report.columns) if name in columns]
    return ReportOrder(measures[0], is_descending=True)


def _describe_times(report: Report, argument: str) -> str:
    """What to do instead of naming a period: rows may be laid out by the days of what they are of."""
    times = [name for name in TIME_GROUPINGS if name in report.group_by]
    by_time = f"; group_by {' or '.join(times)} tells the days of what stands there now" if times else ""
    return f"Leave {argument} away{by_time}."


def _refuse(argument: str, message: str, choices: Iterable[str], suffix: str = "", hint: str = "") -> ShopError:
    allowed = ", ".join(choices)
    hint = hint or (f"Give one of: {allowed}{suffix}." if allowed else f"Leave {argument} away.")
    problem = Problem(argument, message, allowed or None)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))
