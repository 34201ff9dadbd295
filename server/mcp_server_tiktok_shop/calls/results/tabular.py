"""Writes a list whose items are all plain values as a table, which names each field once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.json_paths import format_path
from mcp_server_tiktok_shop.calls.results.projection import normalize_field_path, parse_field_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

FieldPath = tuple[str, ...]


class _NotPlainError(Exception):
    """A list or an object stands where a table has a cell."""


def to_table(data: Json, fields: Sequence[str]) -> Json | None:
    """The selected `data` with its one list as `{"columns": [...], "rows": [[...], ...]}` in the list's place.

    Columns are the paths from an item on, in the order asked; null is what an item does not have. Plain values asked
    for beside the list stay as they are. None where this is no table: no list or several, or something nested in it.
    """
    lists: dict[FieldPath, list[FieldPath]] = {}
    for names in dict.fromkeys(normalize_field_path(names, {}, data) for names in parse_field_paths(fields)):
        list_path, value = _find_list(data, names)
        if isinstance(value, dict) or (isinstance(value, list) and list_path == names):
            return None
        if isinstance(value, list):
            lists.setdefault(list_path, []).append(names[len(list_path) :])
    if len(lists) != 1:
        return None
    ((list_path, columns),) = lists.items()
    _, items = _find_list(data, list_path)
    if not all(isinstance(item, dict) for item in items):
        return None
    try:
        rows = [[_get_cell(item, column) for column in columns] for item in items]
    except _NotPlainError:
        return None
    table: Json = _replace_value(
        data, list_path, {"columns": [format_path(column) for column in columns], "rows": rows}
    )
    return table


def is_table(value: Any) -> bool:
    """Whether a value is a table as `as_table` writes it."""
    if not isinstance(value, dict) or list(value) != ["columns", "rows"]:
        return False
    columns, rows = value.values()
    texts = isinstance(columns, list) and all(isinstance(column, str) for column in columns)
    return texts and isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(columns) for row in rows)


def _find_list(data: Any, names: FieldPath) -> tuple[FieldPath, Any]:
    """The first list along the names, and the names that lead to it; else what is at their end, None if nothing."""
    value = data
    for depth, name in enumerate(names):
        if isinstance(value, list):
            return names[:depth], value
        value = value.get(name) if isinstance(value, dict) else None
    return names, value


def _get_cell(item: Any, column: FieldPath) -> Any:
    for name in column:
        if isinstance(item, list):
            raise _NotPlainError
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict | list):
        raise _NotPlainError
    return item


def _replace_value(data: Json, names: FieldPath, value: Any) -> Any:
    """A copy of the data with a value in place of what stands at the names."""
    if not names:
        return value
    return {n: _replace_value(inner, names[1:], value) if n == names[0] else inner for n, inner in data.items()}
