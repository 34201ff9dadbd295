"""Formats a report of differences: as a table for people, as JSON for programs."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scripts.published.comparison import DIFFERENCE_KINDS, Difference, Json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CELL_CHARS = 60


def format_table(differences: list[Difference]) -> str:
    """A table in plain text, with one row for each kind, operation and place; values of one field side by side."""
    rows = [("what", "operation", "place", "catalog", "description"), *_iter_rows(differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _iter_rows(differences: list[Difference]) -> Iterator[tuple[str, ...]]:
    for (kind, operation, place), group in groupby(
        differences, key=lambda each: (each.kind, each.operation, each.place)
    ):
        members = list(group)
        yield kind, operation, place, _shorten(each.ours for each in members), _shorten(each.theirs for each in members)


def _shorten(values: Iterator[Any]) -> str:
    words = [", ".join(value) if isinstance(value, list) else str(value) for value in values if value is not None]
    text = ", ".join(words)
    return text if len(text) <= MAX_CELL_CHARS else f"{text[: MAX_CELL_CHARS - 1]}…"


def count_by_kind(differences: list[Difference]) -> dict[str, int]:
    """The number of differences of each kind that there is."""
    counter = Counter(each.kind for each in differences)
    return {kind: counter[kind] for kind in DIFFERENCE_KINDS if counter[kind]}


def to_json(differences: list[Difference], summary: Json) -> Json:
    """The summary, with every difference under `differences`."""
    keys = ("kind", "operation", "place", "ours", "theirs")
    return summary | {"differences": [{key: getattr(each, key) for key in keys} for each in differences]}
