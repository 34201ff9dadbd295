"""The tool that runs reports: brings the tables up to date, asks for each shop in its own days, lays out what comes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.mirror.query import DamagedCopyError
from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.mirror.report_queries import find_parameters
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets, name_briefly
from mcp_server_tiktok_shop.tools.journals.writer import choose_file_name
from mcp_server_tiktok_shop.tools.periods import (
    describe_period_words,
    describe_unequal_lengths,
    parse_comparison,
    parse_period,
)
from mcp_server_tiktok_shop.tools.reports.answers import build_answer
from mcp_server_tiktok_shop.tools.reports.chart_source import make_chart_source
from mcp_server_tiktok_shop.tools.reports.coverage import Coverage
from mcp_server_tiktok_shop.tools.reports.over_shops import MAX_UNTOLD_ROWS
from mcp_server_tiktok_shop.tools.reports.requests import PERIOD_SUFFIXES, ReportRequest, read_request
from mcp_server_tiktok_shop.tools.reports.saved_reports import save_rows, write_journals
from mcp_server_tiktok_shop.tools.reports.shop_answers import ShopAnswer, ShopPeriods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.query import QueryResult, QueryRunner
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.tools.charts.maker import ChartMaker
    from mcp_server_tiktok_shop.tools.journals.writer import JournalWriter
    from mcp_server_tiktok_shop.tools.periods import Period

# What is asked again within a minute is answered from the same copy: a report is often asked for in several cuts.
DEADLINE_MARGIN_S = 5.0  # to ask the copy and lay out the answer in
SO_FAR = ", so far"
CHANGE_PERCENT = "change_percent"


class GetReportTool(Struct, frozen=True):
    """`zone` is the time zone set for all shops, if one is; `clock` gives Unix seconds."""

    mirror: Mirror
    queries: QueryRunner
    platform: PlatformClient
    export_folder: ExportFolder
    chart_maker: ChartMaker
    journal_writer: JournalWriter
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """The `data` of a report: the shops with their periods, totals, a table of rows, and what stands beside it.

        Raises:
            ShopError: `invalid_arguments`, or why not one of the shops can be answered for.

        """
        request = read_request(load_reports(), values)
        if request.format:
            choose_file_name(request.format, request.save_as)  # a wrong one is refused before the shop is asked
        targets = await choose_targets(self.platform.shops, shop)
        request = request.share_limit(len(targets))
        periods = [self._resolve_periods(request, target) for target in targets]
        if all(each.problem for each in periods):
            raise _build_not_begun_error(periods[0])
        self.queries.prepare()
        self.chart_maker.prepare(request.chart)
        answers = await self._ask_shops(request, targets, periods, caller)
        if request.format:
            return await write_journals(self.journal_writer, request, targets, answers)
        data = await save_rows(self.export_folder, request, answers, build_answer(request, answers))
        return await self.chart_maker.add(data, request.chart, make_chart_source(request, answers), caller)

    def _resolve_periods(self, request: ReportRequest, target: Target) -> ShopPeriods:
        """A period that is not over ends now: what is to come is no part of a pace or an average."""
        if not request.period:
            return ShopPeriods(None, None)
        now, zone = self.clock(), target.resolve_zone(self.zone)
        period = parse_period(request.period, zone, now)
        compared = parse_comparison(request.compare_with, period, zone, now) if request.compare_with else None
        suffix = SO_FAR if period.end > now else ""
        problem = f"{period.description} has not begun yet" if period.start > now else ""
        words = describe_period_words(request.period, zone, now)
        inequality = describe_unequal_lengths(period, compared, now) if compared is not None else ""
        return ShopPeriods(period, compared, suffix, words, problem, inequality)

    async def _ask_shops(
        self, request: ReportRequest, targets: Sequence[Target], periods: Sequence[ShopPeriods], caller: Caller
    ) -> list[ShopAnswer]:
        deadline = self.platform.new_deadline() - DEADLINE_MARGIN_S
        progress = SharedProgress(caller, len(targets))
        asked = [
            self._ask_shop(request, target, each, deadline, progress.create_reporter(place))
            for place, (target, each) in enumerate(zip(targets, periods, strict=True))
        ]
        answers: list[ShopAnswer] = []
        errors: list[ShopError] = []
        for target, outcome in zip(targets, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(outcome, ShopError) and target.shop is not None:
                errors.append(outcome)
                answers.append(ShopAnswer(target.shop.label, problem=outcome.message))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                answers.append(outcome)
        if len(errors) == len(answers):
            raise errors[0]
        shops = [target.shop for target in targets if target.shop is not None]
        if len(answers) == 1 or len(shops) < len(answers):
            return answers
        return [replace(each, brief_label=name) for each, name in zip(answers, name_briefly(shops), strict=True)]

    async def _ask_shop(
        self,
        request: ReportRequest,
        target: Target,
        periods: ShopPeriods,
        deadline: float,
        report_progress: ProgressReporter,
    ) -> ShopAnswer:
        if periods.problem:  # a day begins in other shops before it does in this one
            raise _build_not_begun_error(periods)
        tables = request.report.list_tables(request.grouping)
        snapshot = await self.mirror.refresh(target, tables, deadline=deadline, report_progress=report_progress)
        try:
            return await self._ask_copy(request, snapshot, periods)
        except DamagedCopyError:
            await self.mirror.discard(target, snapshot)
            raise

    async def _ask_copy(self, request: ReportRequest, snapshot: ShopSnapshot, periods: ShopPeriods) -> ShopAnswer:
        tables = request.report.list_tables(request.grouping)
        coverage = Coverage.measure(snapshot, tables, periods.first_moment, request.report.recent_tables)
        parameters = self._list_parameters(request, periods, coverage)
        unfiltered = parameters | dict.fromkeys(request.report.filters)
        rows = None
        if request.grouping is not None:
            rows = await self._run(snapshot, request.compose_rows(), parameters)
        totals = await self._run(snapshot, request.compose_totals(), unfiltered)
        ranking = request.compose_ranking()
        ranked = await self._run(snapshot, ranking, parameters | {"limit": MAX_UNTOLD_ROWS}) if ranking else None
        beside = {
            name: await self._run(snapshot, sql, parameters | {"limit": request.report.limit})
            for name, sql in request.compose_further_rows().items()
        }
        if _is_unread(periods.compared, coverage):
            totals, rows = _blank_comparison(totals), _blank_comparison(rows) if rows is not None else None
        return ShopAnswer(
            snapshot.shop.label,
            zone=snapshot.zone,
            periods=periods,
            coverage=coverage,
            totals=totals,
            rows=rows,
            ranked=ranked,
            beside=beside,
        )

    def _list_parameters(self, request: ReportRequest, periods: ShopPeriods, coverage: Coverage) -> dict[str, Any]:
        """All that a report's SQL may name with `$`; moments are those of the shop's days."""
        now = int(self.clock())
        moments: dict[str, int | None] = {"now": now, "history_from": coverage.history_from}
        for prefix, each in (("", periods.period), ("before_", periods.compared)):
            moments[f"{prefix}from"] = each.start if each is not None else None
            moments[f"{prefix}until"] = min(each.end, now + 1) if each is not None else None
        values: dict[str, Any] = dict(request.parameters)
        values |= {name: None if moment is None else _to_datetime(moment) for name, moment in moments.items()}
        return values | {"limit": request.limit, "lacking_tables": list(coverage.lacking_tables)}

    async def _run(self, snapshot: ShopSnapshot, sql: str, parameters: Mapping[str, Any]) -> QueryResult:
        named = {name: parameters[name] for name in find_parameters(sql)}
        return await self.queries.run(sql, [snapshot], zone=snapshot.zone, parameters=named)


def _build_not_begun_error(periods: ShopPeriods) -> ShopError:
    problem = Problem("period", periods.problem, "a period that has begun")
    message = f"period: {periods.problem}."
    return ShopError("invalid_arguments", message, hint="Give an earlier one.", problems=(problem,))


def _is_unread(period: Period | None, coverage: Coverage) -> bool:
    """Whether all of a period lies before what the copy holds."""
    return period is not None and (coverage.find_known_start(period.start) or 0) >= period.end


def _blank_comparison(result: QueryResult) -> QueryResult:
    """The rows without what stands there for the period before, which was not read: nothing is not zero."""
    is_compared = [each.name.endswith((*PERIOD_SUFFIXES, CHANGE_PERCENT)) for each in result.columns]
    cells = [[None if blank else cell for cell, blank in zip(row, is_compared, strict=True)] for row in result.cells]
    return replace(result, cells=cells)


def _to_datetime(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
