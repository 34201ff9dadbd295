"""Lays out a report: its days, how far the copy reaches, totals and rows, labelled by shop if there are several."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.results.answer_tables import (
    SHARED_VALUES,
    SHOP_COLUMN,
    find_shared_values,
    is_name_enough,
    remove_columns,
)
from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL, list_columns, list_compared_measures
from mcp_server_tiktok_shop.platform.shop_choice import group_by_value
from mcp_server_tiktok_shop.tools.reports.empty_times import list_empty_times
from mcp_server_tiktok_shop.tools.reports.over_shops import RANKING, describe_over_shops, describe_ranking
from mcp_server_tiktok_shop.tools.reports.requests import ALL_COLUMNS, PERIOD_SUFFIXES
from mcp_server_tiktok_shop.tools.reports.row_cuts import describe_cuts, is_cut, sum_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.mirror.report_files import Grouping
    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest
    from mcp_server_tiktok_shop.tools.reports.shop_answers import ShopAnswer

CURRENCY_COLUMN = "currency"


def build_answer(request: ReportRequest, answers: Sequence[ShopAnswer]) -> Json:
    """The `data` of a report. Sums are by shop and currency: of several shops counts alone are added up."""
    report = request.report
    data: Json = {"report": report.name}
    if request.grouping is not None:
        data["group_by"] = request.grouping.name
    data["complete"] = all(answer.is_complete for answer in answers)
    data |= describe_shops(answers)
    keys = {*report.keys, *(request.grouping.keys if request.grouping else ())}
    labels = [answer.brief_label for answer in answers]
    totals = [answer.totals for answer in answers]
    sums = _merge(labels, totals, {*report.warnings, ROWS_IN_ALL, *report.without}, keys)
    data["totals"] = _choose_columns(sums, request.shown_columns, (SHOP_COLUMN, *report.keys))
    ranked = {answer.brief_label: answer.ranked for answer in answers}
    over_shops = describe_over_shops(request, dict(zip(labels, totals, strict=True)), ranked)
    data |= over_shops
    hidden = {*report.warnings, ROWS_IN_ALL, *(() if _has_mixed_currencies(totals) else (CURRENCY_COLUMN,))}
    unequal = next((each.periods.inequality for each in answers if each.periods and each.periods.inequality), "")
    notes = [unequal, *_describe_edges(answers), *_describe_nothing(answers), *_describe_warnings(request, answers)]
    if request.grouping is not None:
        rows = [answer.rows for answer in answers]
        table = _choose_rows_columns(
            request, request.grouping, _merge(labels, rows, hidden, keys), request.shown_columns
        )
        has_cuts = any(is_cut(result) for result in rows if result is not None)
        shared = find_shared_values(table, {*keys, request.order.column, SHOP_COLUMN}, is_cut=has_cuts)
        data["table"] = remove_columns(table, shared)
        if shared:
            data[SHARED_VALUES] = shared
        notes += describe_cuts(labels, rows)
        notes += [_describe_order(request), _describe_missing_columns(request)]
        if empty := list_empty_times(request.grouping, answers):
            data["left_out_empty"] = empty
        notes.append(request.grouping.note)
    for name in dict.fromkeys(name for answer in answers for name in answer.beside):
        results = [answer.beside.get(name) for answer in answers]
        grouping = report.group_by[name]
        merged = _merge(labels, results, hidden, {*report.keys, *grouping.keys})
        if merged["rows"]:
            data[f"by_{name}"] = _choose_rows_columns(request, grouping, merged, grouping.shows)
            notes += describe_cuts(labels, results)
    notes += [describe_ranking(request)] if RANKING in over_shops else []
    places = {
        RANKING: over_shops.get(RANKING, {}).get("columns", ()),
        "table": data.get("table", {}).get("columns", ()),
        SHARED_VALUES: data.get(SHARED_VALUES, ()),
    }
    data["untrusted"] = [
        f"{place}.{name}" for place, names in places.items() for name in report.untrusted if name in names
    ]
    compared = _describe_comparison(request, sums["columns"])
    words = next((answer.periods.note for answer in answers if answer.periods is not None), "")
    return data | {"note": " ".join(filter(None, (*notes, compared, words, report.note)))}


def _describe_comparison(request: ReportRequest, columns: Collection[str]) -> str:
    """Of which measure a change is told in percent, as rows may lack what totals have; or that nothing is compared.

    `columns` are all that totals have.
    """
    if request.has_comparison and columns and not any(name.endswith(PERIOD_SUFFIXES) for name in columns):
        return "Nothing of the period to compare with was read: what stands here is of the first alone."
    if not request.has_joined_periods:
        return ""
    of_totals, of_rows = (list_compared_measures(request.report, each)[0] for each in (None, request.grouping))
    of_which = f"change_percent is of {of_totals}{f', in rows of {of_rows}' if of_rows != of_totals else ''}."
    return f"{of_which} {request.report.compare_note}".rstrip()


def describe_shops(answers: Sequence[ShopAnswer]) -> Json:
    """The shops by what their rows are labelled, and what is of each of them; what holds for all stands once."""
    told: Json = {}
    if any(answer.brief_label for answer in answers):
        told["shops"] = {answer.brief_label: answer.label for answer in answers}
    else:
        told["shop"] = answers[0].label
    for name in answers[0].list_facts():
        told |= _gather_fact(name, answers)
    moments = [(each.coverage.as_of, each.zone) for each in answers if each.coverage is not None and each.zone]
    if moments:
        told["as_of"] = _format_moment(min(moment for moment, _ in moments), moments[0][1])
    return told


def _gather_fact(name: str, answers: Sequence[ShopAnswer]) -> Json:
    """A fact as all shops that were asked have it, or by the shops that have it, with commas between."""
    told = [answer for answer in answers if name == "problem" or not answer.problem]
    by_shops = group_by_value((answer.brief_label, answer.list_facts()[name]) for answer in told)
    if len(by_shops) == 1 and (value := next(iter(by_shops.values()))) and (name != "problem" or len(answers) == 1):
        return {name: value}
    by_shops = {shops: value for shops, value in by_shops.items() if value}
    return {name: by_shops} if by_shops else {}


def _has_mixed_currencies(totals: Iterable[QueryResult | None]) -> bool:
    """Whether the sums of a shop are in several currencies, so that each row must tell its own."""
    return any(len(result.cells) > 1 for result in totals if result is not None)


def _merge(
    labels: Sequence[str], results: Sequence[QueryResult | None], hidden: Collection[str], keys: Iterable[str]
) -> Json:
    """One table of the shops' rows, each with its shop's label where there are several.

    A column that is empty in all rows is left out, unless it is one of the keys, which tell rows apart.
    """
    found = [(label, result) for label, result in zip(labels, results, strict=True) if result is not None]
    cells = [(label, row) for label, result in found for row in result.cells]
    if not cells:
        return {"columns": [], "rows": []}
    is_labelled = any(labels)
    lasting = {*keys}
    places = [
        place
        for place, column in enumerate(found[0][1].columns)
        if column.name not in hidden and (column.name in lasting or any(row[place] is not None for _, row in cells))
    ]
    names = [found[0][1].columns[place].name for place in places]
    rows = [[*([label] if is_labelled else ()), *(row[place] for place in places)] for label, row in cells]
    return {"columns": [*([SHOP_COLUMN] if is_labelled else ()), *names], "rows": rows}


def _choose_columns(table: Json, shown: Collection[str], lasting: Collection[str]) -> Json:
    """The table with the columns that are meant to be shown, all where none are named, and the `lasting` ones."""
    if not shown:
        return table
    return remove_columns(table, {name for name in table["columns"] if name not in shown and name not in lasting})


def _choose_rows_columns(request: ReportRequest, grouping: Grouping, table: Json, shown: Collection[str]) -> Json:
    """The rows so grouped with the columns that are to be shown; a key is left out where its stand-in is enough."""
    names = [*grouping.keys, *grouping.labels]
    lasting = {SHOP_COLUMN, *request.report.keys, *names, *(f"{name}_before" for name in grouping.keys)}
    spare = {
        key
        for key, label in grouping.stand_ins.items()
        if key not in request.columns and is_name_enough(table, key, label)
    }
    return _choose_columns(remove_columns(table, () if request.is_whole else spare), shown, lasting)


def _describe_edges(answers: Sequence[ShopAnswer]) -> list[str]:
    """What is lacking, by shop in `part_only` or by itself; and what says how far back a copy is read."""
    parts = [
        f"PART ONLY: nothing of {answer.label} is in here: {answer.problem}" for answer in answers if answer.problem
    ]
    lacking = [each for each in answers if not each.problem and each.coverage is not None and each.coverage.part_only]
    if lacking:
        names = ", ".join(filter(None, (each.brief_label for each in lacking)))
        of_shops = f" of {names}" if names else ""
        parts.append(
            f"PART ONLY{of_shops}: part_only says how far the copy reaches, nothing beyond that is in these sums. "
            "Whoever runs the server sets with --mirror-days how far back it is read."
        )
    return parts


def _describe_nothing(answers: Sequence[ShopAnswer]) -> list[str]:
    """Where there was nothing to count: such a shop has no row, which might be taken for not knowing."""
    empty = [each.brief_label for each in answers if each.is_complete and each.totals and not each.totals.cells]
    place = f"in {', '.join(empty)}" if any(empty) else "there"
    return [f"Nothing of the kind was {place}: all counts and sums are zero."] if empty else []


def _describe_warnings(request: ReportRequest, answers: Sequence[ShopAnswer]) -> list[str]:
    notes = []
    for name, text in request.report.warnings.items():
        count = sum(sum_column(answer.totals, name) for answer in answers if answer.totals is not None)
        if count:
            notes.append(f"{count} {text}.")
    return notes


def _describe_order(request: ReportRequest) -> str:
    if not request.unmet_order:
        return ""
    return f"Rows have no {request.unmet_order}: they stand by {request.order.column}."


def _describe_missing_columns(request: ReportRequest) -> str:
    """Which of the columns that were asked for rows so grouped do not have."""
    has_comparison = request.has_comparison
    of_rows = list_columns(request.report, request.grouping, with_comparison=has_comparison)
    missing = [name for name in request.columns if name not in {*of_rows, ALL_COLUMNS}]
    return f"Rows have no {', '.join(missing)}: totals alone tell that." if missing else ""


def _format_moment(moment: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="minutes")
