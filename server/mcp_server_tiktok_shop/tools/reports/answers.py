"""Lays out a report: whose days and how far, sums, and rows, each labelled by its shop where there are several."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.mirror.report_files import Grouping
    from mcp_server_tiktok_shop.tools.periods import Period
    from mcp_server_tiktok_shop.tools.reports.coverage import Coverage
    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest

SHOP_COLUMN = "shop"
TIME_FORMS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}  # as reports name them
MAX_EMPTY_TIMES = 12


@dataclass(frozen=True, slots=True)
class ShopPeriods:
    """The periods of a request in the days of one shop; None where the report is of now, or has no second one."""

    period: Period | None
    compared: Period | None
    suffix: str

    @property
    def first_moment(self) -> int | None:
        return min((each.start for each in (self.period, self.compared) if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class ShopAnswer:
    """What one shop's copy answers; where it could not be asked, `problem` says why and nothing else is there."""

    label: str
    zone: ZoneInfo | None = None
    periods: ShopPeriods | None = None
    coverage: Coverage | None = None
    totals: QueryResult | None = None
    rows: QueryResult | None = None
    beside: Mapping[str, QueryResult] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        return not self.problem and self.coverage is not None and not self.coverage.part_only

    def to_json(self) -> Json:
        """The shop, its period in its own days, and how far its copy reaches."""
        told: Json = {"shop": self.label}
        if self.problem:
            return told | {"problem": self.problem}
        if self.periods is None or self.coverage is None or self.zone is None:
            return told
        for name, each in (("period", self.periods.period), ("compared_with", self.periods.compared)):
            if each is not None:
                told[name] = each.description + (self.periods.suffix if name == "period" else "")
        told |= {"time_zone": self.zone.key, "as_of": _format_moment(self.coverage.as_of, self.zone)}
        if self.coverage.part_only:
            told["part_only"] = self.coverage.part_only
        if self.coverage.stale:
            told["not_up_to_date"] = self.coverage.stale
        return told


def build_answer(request: ReportRequest, answers: Sequence[ShopAnswer]) -> Json:
    """The `data` of a report. Sums are by shop and currency: nothing of several is added up."""
    report = request.report
    hidden = {*report.warnings, ROWS_IN_ALL}
    is_labelled = len(answers) > 1
    data: Json = {"report": report.name}
    if request.grouping is not None:
        data["group_by"] = request.grouping.name
    data["complete"] = all(answer.is_complete for answer in answers)
    data["shops"] = [answer.to_json() for answer in answers]
    keys = {*report.keys, *(request.grouping.keys if request.grouping else ())}
    totals = [(answer.label, answer.totals) for answer in answers]
    data["totals"] = _merge(totals, hidden, keys, is_labelled=is_labelled)
    notes = [*_describe_edges(answers), *_describe_warnings(request, answers)]
    if request.grouping is not None:
        rows = [(answer.label, answer.rows) for answer in answers]
        data["table"] = _merge(rows, hidden, keys, is_labelled=is_labelled)
        notes += _describe_cuts(rows, is_labelled=is_labelled)
        notes.append(_describe_order(request))
        if empty := _list_empty_times(request.grouping, answers, is_labelled=is_labelled):
            data["left_out_empty"] = empty
        notes.append(request.grouping.note)
    for name in dict.fromkeys(name for answer in answers for name in answer.beside):
        table = [(answer.label, answer.beside.get(name)) for answer in answers]
        merged = _merge(table, hidden, {*report.keys, *report.group_by[name].keys}, is_labelled=is_labelled)
        if merged["rows"]:
            data[f"by_{name}"] = merged
            notes += _describe_cuts(table, is_labelled=is_labelled)
    shown = data.get("table", {}).get("columns", ())
    data["untrusted"] = [f"table.{name}" for name in report.untrusted if name in shown]
    return data | {"note": " ".join(filter(None, (*notes, report.note)))}


def _merge(
    results: Iterable[tuple[str, QueryResult | None]], hidden: Iterable[str], keys: Iterable[str], *, is_labelled: bool
) -> Json:
    """One table of the shops' rows, each with its shop's label where there are several.

    A column that is empty in all rows is left out, unless it is one of the keys, which tell rows apart.
    """
    found = [(label, result) for label, result in results if result is not None]
    if not found:
        return {"columns": [SHOP_COLUMN] if is_labelled else [], "rows": []}
    names = [column.name for column in found[0][1].columns]
    cells = [(label, row) for label, result in found for row in result.cells]
    lasting = {*keys} if cells else {*names}
    places = [
        place
        for place, name in enumerate(names)
        if name not in hidden and (name in lasting or any(row[place] is not None for _, row in cells))
    ]
    rows = [[*([label] if is_labelled else ()), *(row[place] for place in places)] for label, row in cells]
    return {"columns": [*([SHOP_COLUMN] if is_labelled else ()), *(names[place] for place in places)], "rows": rows}


def _describe_edges(answers: Sequence[ShopAnswer]) -> list[str]:
    parts = []
    for answer in answers:
        if answer.problem:
            parts.append(f"PART ONLY: nothing of {answer.label} is in here: {answer.problem}")
        elif answer.coverage is not None and answer.coverage.part_only:
            parts.append(
                f"PART ONLY, {answer.label}: {answer.coverage.part_only}. Nothing beyond that is in these sums."
            )
    return parts


def _describe_warnings(request: ReportRequest, answers: Sequence[ShopAnswer]) -> list[str]:
    notes = []
    for name, text in request.report.warnings.items():
        count = sum(_sum_column(answer.totals, name) for answer in answers if answer.totals is not None)
        if count:
            notes.append(f"{count} {text}.")
    return notes


def _sum_column(result: QueryResult, name: str) -> int:
    places = [place for place, column in enumerate(result.columns) if column.name == name]
    return sum(int(row[place] or 0) for row in result.cells for place in places)


def _describe_cuts(results: Iterable[tuple[str, QueryResult | None]], *, is_labelled: bool) -> list[str]:
    """Where rows were left out by the limit; totals are of all of them."""
    notes = []
    for label, result in results:
        if result is None or not result.cells:
            continue
        in_all = _sum_column(result, ROWS_IN_ALL) // len(result.cells)
        if in_all > len(result.cells):
            whose = f" of {label}" if is_labelled else ""
            notes.append(
                f"{len(result.cells)} of {in_all} rows{whose} are shown, totals are of all: give limit for more."
            )
    return notes


def _describe_order(request: ReportRequest) -> str:
    if not request.unmet_order:
        return ""
    return f"Rows have no {request.unmet_order}: they stand by {request.order.column}."


def _list_empty_times(grouping: Grouping, answers: Sequence[ShopAnswer], *, is_labelled: bool) -> list[str]:
    """The days, weeks or months of the periods of which there is no row, since nothing was in them."""
    form = TIME_FORMS.get(grouping.name)
    if form is None:
        return []
    empty: list[str] = []
    for answer in answers:
        result, period = answer.rows, answer.periods.period if answer.periods is not None else None
        if result is None or period is None or answer.zone is None or answer.coverage is None:
            continue
        columns = [column.name for column in result.columns]
        if grouping.name not in columns or _is_cut(result) or f"{grouping.name}_before" in columns:
            continue
        place = columns.index(grouping.name)
        end = min(period.end - 1, answer.coverage.as_of)
        times = _list_times(period.start, end, answer.zone, form)
        found = {str(row[place]) for row in result.cells}
        empty += [f"{answer.label} {each}" if is_labelled else each for each in times if each not in found]
    if len(empty) > MAX_EMPTY_TIMES:
        return [*empty[:MAX_EMPTY_TIMES], f"and {len(empty) - MAX_EMPTY_TIMES} more"]
    return empty


def _list_times(start: int, end: int, zone: ZoneInfo, form: str) -> list[str]:
    first, last = (datetime.fromtimestamp(moment, zone).date() for moment in (start, end))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return list(dict.fromkeys(day.strftime(form) for day in days))


def _is_cut(result: QueryResult) -> bool:
    return bool(result.cells) and _sum_column(result, ROWS_IN_ALL) // len(result.cells) > len(result.cells)


def _format_moment(moment: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
