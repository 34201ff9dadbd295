"""What can be drawn of a report: its rows, and the period they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.report_files import TIME_GROUPINGS
from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
from mcp_server_tiktok_shop.tools.charts.drawn_period import DrawnPeriod
from mcp_server_tiktok_shop.tools.reports.requests import PERIOD_SUFFIXES
from mcp_server_tiktok_shop.tools.reports.row_cuts import is_cut
from mcp_server_tiktok_shop.tools.reports.saved_reports import make_report_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest
    from mcp_server_tiktok_shop.tools.reports.shop_answers import ShopAnswer


def make_chart_source(request: ReportRequest, answers: Sequence[ShopAnswer]) -> ChartSource:
    """The rows to draw: by time each has one, and where there is none nothing was, if no row was left out."""
    is_of_time = request.grouping is not None and request.grouping.name in TIME_GROUPINGS
    has_all_rows = all(
        not is_cut(answer.rows) and answer.coverage is not None and answer.coverage.find_known_start(0) is not None
        for answer in answers
        if answer.rows is not None
    )
    return ChartSource(
        make_report_table(request, answers, [answer.brief_label for answer in answers]),
        request.report.title,
        _find_period(answers),
        asked=[f"{name}{end}" for name in request.columns for end in ("", *PERIOD_SUFFIXES)],
        measures=(request.order.column, *request.report.compare),
        title_measure=request.report.compare[0] if request.report.compare else "",
        has_zero_gaps=is_of_time and has_all_rows and not request.has_joined_periods,
    )


def _find_period(answers: Sequence[ShopAnswer]) -> DrawnPeriod | None:
    """The one that the shops' rows are of; None where the report is of now."""
    return DrawnPeriod.unite(
        DrawnPeriod.find(answer.periods.period, answer.coverage, answer.zone, answer.periods.suffix)
        for answer in answers
        if answer.periods is not None
        and answer.periods.period is not None
        and answer.coverage is not None
        and answer.zone is not None
    )
