"""Reads the items of a job's preview or answer, which are a list of few and a table of many."""

from __future__ import annotations

from typing import Any


def to_items(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Each item with what it has; values that all have in common among them, and reasons that stand elsewhere."""
    items = data.get("items", [])
    if isinstance(items, dict):
        shared = data.get("same_in_all_rows", {})
        rows = [shared | dict(zip(items["columns"], row, strict=True)) for row in items["rows"]]
        items = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [item | _find_reasons(item, data.get("reasons", [])) for item in items]


def _find_reasons(item: dict[str, Any], reasons: list[dict[str, Any]]) -> dict[str, str]:
    texts = {value for value in item.values() if isinstance(value, str)}
    return {
        name: next(each["reason"] for each in reasons if texts & {*each["ids"]})
        for name in ("skipped", "reason")
        if item.get(name) == "see reasons"
    }
