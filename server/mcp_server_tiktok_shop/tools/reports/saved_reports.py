"""Saves a report's rows: as a table, or as journals for an accounting program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.results.answer_tables import SHARED_VALUES
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL
from mcp_server_tiktok_shop.money import ZERO, format_amount
from mcp_server_tiktok_shop.tools.journals.settlement_lines import read_settlement_lines
from mcp_server_tiktok_shop.tools.journals.writer import ShopSettlements
from mcp_server_tiktok_shop.tools.query_tables import make_shops_table
from mcp_server_tiktok_shop.tools.reports.answers import describe_shops

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from decimal import Decimal

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.table_files.tables import FileTable
    from mcp_server_tiktok_shop.tools.journals.writer import JournalWriter
    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest
    from mcp_server_tiktok_shop.tools.reports.shop_answers import ShopAnswer

SAMPLE_ROWS = 3  # that are shown where all are in a file
# Of journals: amounts by which those of a month are not the month's, by the column of totals that tells them.
MONTH_EDGES = {
    "in_later_payouts": "{amounts} that the period's statements settled is in no journal here: it comes with the "
    "journals of later payouts, dated in this period. The month's books are whole only with them.",
    "dated_before": "{amounts} is of statements dated before the period, and so are its journals: that month may be "
    "closed already.",
}


async def save_rows(
    export_folder: ExportFolder, request: ReportRequest, answers: Sequence[ShopAnswer], data: Json
) -> Json:
    """The `data` of a report whose table, or totals where it is not grouped, is in a file: the first rows are shown.

    Raises:
        ShopError: As `ExportFolder.save_tables`.

    """
    if request.save_as is None:
        return data
    place = "totals" if request.grouping is None else "table"
    shown = {*data[place]["columns"], *data.get(SHARED_VALUES, ()), *request.report.keys, *request.columns}
    table = make_report_table(
        request, answers, [answer.label for answer in answers], None if request.is_whole else shown
    )
    saved = await export_folder.save_table(request.save_as, table)
    told = {key: value for key, value in saved.to_json().items() if key != "columns"}
    return data | {"saved": told, place: data[place] | {"rows": data[place]["rows"][:SAMPLE_ROWS]}}


def make_report_table(
    request: ReportRequest,
    answers: Sequence[ShopAnswer],
    labels: Sequence[str],
    shown: Collection[str] | None = None,
) -> FileTable:
    """All rows of a report, or its totals where it is not grouped, with their types, and the label of their shop.

    Of the columns those that are `shown`; all where it is None.
    """
    found = [
        (label, answer.totals if request.grouping is None else answer.rows)
        for label, answer in zip(labels, answers, strict=True)
    ]
    results = [(label, result) for label, result in found if result is not None]
    hidden = {*request.report.warnings, ROWS_IN_ALL}
    if shown is not None:
        hidden |= {column.name for _, result in results for column in result.columns}.difference(shown)
    return make_shops_table(results, request.report.name, hidden, is_labelled=len(answers) > 1)


async def write_journals(
    writer: JournalWriter, request: ReportRequest, targets: Sequence[Target], answers: Sequence[ShopAnswer]
) -> Json:
    """The `data` that tells of the journals of all shops whose copies hold the whole period.

    Raises:
        ShopError: `platform`, to be asked again, where that is none of them; else as `JournalWriter.write`.

    """
    settlements = [
        ShopSettlements(
            answer.label,
            target.shop.region if target.shop is not None else "",
            read_settlement_lines([column.name for column in answer.rows.columns], answer.rows.rows),
        )
        for target, answer in zip(targets, answers, strict=True)
        if answer.is_complete and answer.rows is not None and not answer.rows.is_truncated
    ]
    if not settlements:
        facts = [answer.list_facts() for answer in answers]
        reasons = "; ".join(each["problem"] or each["part_only"] or "too many lines" for each in facts)
        message = f"The copy does not hold the whole period yet, and half a journal is none: {reasons}."
        raise ShopError("platform", message, hint="Ask again in a minute, or for a shorter period.", retryable=True)
    journals = await writer.write(request.format, request.save_as, settlements)
    booked = {each.label for each in settlements}
    edges = _sum_month_edges([answer.totals for answer in answers if answer.label in booked])
    warnings = [*journals.get("warnings", ()), *_warn_of_month_edges(edges)]
    journals |= edges | ({"warnings": warnings} if warnings else {})
    data = {"report": request.report.name} | describe_shops(answers) | journals
    left_out = [answer.label for answer in answers if answer.label not in booked]
    return data | ({"left_out_shops": left_out} if left_out else {})


def _sum_month_edges(totals: Sequence[QueryResult | None]) -> Json:
    """The amounts of `MONTH_EDGES` by currency, of all shops; those that come to nothing are left out."""
    sums: dict[str, dict[str, Decimal]] = {name: {} for name in MONTH_EDGES}
    for result in filter(None, totals):
        for row in result.rows:
            cells = dict(zip((column.name for column in result.columns), row, strict=True))
            for name, by_currency in sums.items():
                currency = str(cells["currency"] or "")
                by_currency[currency] = by_currency.get(currency, ZERO) + cells[name]
    told = {
        name: {currency: format_amount(amount) for currency, amount in sorted(by_currency.items()) if amount}
        for name, by_currency in sums.items()
    }
    return {name: amounts for name, amounts in told.items() if amounts}


def _warn_of_month_edges(edges: Json) -> list[str]:
    """Why the journals of a month are not all of that month's, or not its alone."""
    return [
        text.format(amounts=", ".join(f"{currency} {amount}" for currency, amount in edges[name].items()))
        for name, text in MONTH_EDGES.items()
        if name in edges
    ]
