"""Tells the differences: as a table for people, as JSON for programs."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scripts.published.comparing import KINDS, Difference, Json

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDEST = 60


def table(differences: list[Difference]) -> str:
    """One row a place; values of one field side by side."""
    rows = [("what", "operation", "place", "catalog", "description"), *_rows(differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _rows(differences: list[Difference]) -> Iterator[tuple[str, ...]]:
    for (kind, operation, place), group in groupby(
        differences, key=lambda each: (each.kind, each.operation, each.place)
    ):
        found = list(group)
        yield kind, operation, place, _short(each.ours for each in found), _short(each.theirs for each in found)


def _short(values: Iterator[Any]) -> str:
    words = [", ".join(value) if isinstance(value, list) else str(value) for value in values if value is not None]
    text = ", ".join(words)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def counts(differences: list[Difference]) -> dict[str, int]:
    found = Counter(each.kind for each in differences)
    return {kind: found[kind] for kind in KINDS if found[kind]}


def as_json(differences: list[Difference], summary: Json) -> Json:
    told = ("kind", "operation", "place", "ours", "theirs")
    return summary | {"differences": [{key: getattr(each, key) for key in told} for each in differences]}
