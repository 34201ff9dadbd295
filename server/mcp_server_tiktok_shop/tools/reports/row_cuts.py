"""Says where a report's limit left out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.mirror.query import QueryResult


def is_cut(result: QueryResult) -> bool:
    """Whether rows were left out by the limit."""
    return bool(result.cells) and sum_column(result, ROWS_IN_ALL) // len(result.cells) > len(result.cells)


def sum_column(result: QueryResult, name: str) -> int:
    places = [place for place, column in enumerate(result.columns) if column.name == name]
    return sum(int(row[place] or 0) for row in result.cells for place in places)


def describe_cuts(labels: Sequence[str], results: Iterable[QueryResult | None]) -> list[str]:
    """Where rows were left out by the limit; totals are of all of them."""
    cuts = []
    for label, result in zip(labels, results, strict=True):
        if result is not None and is_cut(result):
            in_all = sum_column(result, ROWS_IN_ALL) // len(result.cells)
            cuts.append(f"{len(result.cells)} of {in_all} rows" + (f" of {label}" if label else ""))
    return [f"{', '.join(cuts)} are shown, totals are of all: limit (rows of each shop) for more."] if cuts else []
