"""Lays out a report: whose days and how far, sums, and rows, each labelled by its shop where there are several."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.tools.periods import Period
    from mcp_server_tiktok_shop.tools.reports.coverage import Coverage
    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest

SHOP_COLUMN = "shop"


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
    totals = _merge([(answer.label, answer.totals) for answer in answers], hidden, is_labelled=is_labelled)
    data["totals"] = totals
    notes = [*_describe_edges(answers), *_describe_warnings(request, answers)]
    if request.grouping is not None:
        data["table"] = _merge([(answer.label, answer.rows) for answer in answers], hidden, is_labelled=is_labelled)
        notes += _describe_cuts([(answer.label, answer.rows) for answer in answers], is_labelled=is_labelled)
    for name in dict.fromkeys(name for answer in answers for name in answer.beside):
        table = [(answer.label, answer.beside.get(name)) for answer in answers]
        merged = _merge(table, hidden, is_labelled=is_labelled)
        if merged["rows"]:
            data[f"by_{name}"] = merged
            notes += _describe_cuts(table, is_labelled=is_labelled)
    shown = data.get("table", {}).get("columns", ())
    data["untrusted"] = [f"table.{name}" for name in report.untrusted if name in shown]
    return data | {"note": " ".join(filter(None, (*notes, report.note)))}


def _merge(results: Iterable[tuple[str, QueryResult | None]], hidden: Iterable[str], *, is_labelled: bool) -> Json:
    """One table of the shops' rows, each with its shop's label where there are several."""
    columns: list[str] = []
    rows: list[list[Any]] = []
    for label, result in results:
        if result is None:
            continue
        places = [place for place, column in enumerate(result.columns) if column.name not in hidden]
        columns = [result.columns[place].name for place in places]
        rows += [[*([label] if is_labelled else ()), *(row[place] for place in places)] for row in result.cells]
    return {"columns": [*([SHOP_COLUMN] if is_labelled else ()), *columns], "rows": rows}


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


def _format_moment(moment: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
