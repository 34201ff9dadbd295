"""Adds up over several shops what may be added up: units and orders, never money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.tools.reports.requests import ReportRequest

RANKING, SUMS = "ranking", "in_all_shops"
MAX_RANKED = 5  # that are told
MAX_UNTOLD_ROWS = 10_000  # of a shop, that are added up for them
RANKING_NOTE = "ranking adds up {measure} by {name} over the shops, of all rows."


def describe_over_shops(
    request: ReportRequest, totals: Mapping[str, QueryResult | None], ranked: Mapping[str, QueryResult | None]
) -> Json:
    """The sums of `report.adds` over all shops, and what of a grouping is first in them by what it `ranks`.

    Totals and rows are by what a shop is called. Nothing where one was asked. Money is in no sum.
    """
    if request.shop_count == 1 or request.has_comparison:
        return {}
    shown = request.shown_columns
    names = [name for name in request.report.adds if not shown or name in shown]
    sums = {name: sum(_sum_cells(result, name) for result in totals.values()) for name in names}
    data: Json = {SUMS: sums} if sums else {}
    if request.grouping is None or not request.grouping.ranks:
        return data
    name, measure = request.grouping.ranks
    counts: dict[str, dict[str, int]] = {}
    for shop, result in ranked.items():
        for label, count in _iter_counts(result, name, measure):
            by_shop = counts.setdefault(label, {})
            by_shop[shop] = by_shop.get(shop, 0) + count
    first = sorted(counts.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))[:MAX_RANKED]
    rows = [[label, sum(by_shop.values()), _describe_shops(by_shop)] for label, by_shop in first]
    return data | ({RANKING: {"columns": [name, measure, "by_shop"], "rows": rows}} if rows else {})


def describe_ranking(request: ReportRequest) -> str:
    """What a ranking is of."""
    name, measure = request.grouping.ranks if request.grouping else ("", "")
    return RANKING_NOTE.format(measure=measure, name=name)


def _describe_shops(by_shop: dict[str, int]) -> str:
    return ", ".join(f"{shop} {count}" for shop, count in sorted(by_shop.items(), key=lambda pair: -pair[1]))


def _sum_cells(result: QueryResult | None, name: str) -> int:
    return sum(count for _, count in _iter_counts(result, name, name))


def _iter_counts(result: QueryResult | None, name: str, measure: str) -> list[tuple[str, int]]:
    """What each row is called, and its count."""
    if result is None:
        return []
    columns = [column.name for column in result.columns]
    places = columns.index(name), columns.index(measure)
    return [(str(row[places[0]] or ""), _to_count(row[places[1]])) for row in result.cells]


def _to_count(value: Any) -> int:
    return int(value or 0)
