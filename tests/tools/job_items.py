"""Reads the items of a job's preview or answer, which are a list of few and a table of many."""

from __future__ import annotations

from typing import Any


def to_items(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Each item with what it has; values that all have in common among them."""
    items = data.get("items", [])
    if isinstance(items, list):
        return items
    shared = data.get("same_in_all_rows", {})
    rows = [shared | dict(zip(items["columns"], row, strict=True)) for row in items["rows"]]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
