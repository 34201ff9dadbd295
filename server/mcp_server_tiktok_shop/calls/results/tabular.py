"""Turns a list whose items are plain values into a table, which names each field once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.field_paths import normalize_field_path
from mcp_server_tiktok_shop.calls.results.projection import parse_field_paths
from mcp_server_tiktok_shop.json_paths import format_path, replace_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.json_paths import FieldPath


class _NestedValueError(Exception):
    """A list or an object stands where a table has a cell."""


def to_table(data: Json, fields: Sequence[str]) -> Json | None:
    """Write the projected `data` with its one list as `{"columns": [...], "rows": [[...], ...]}` in the list's place.

    `fields` are the dotted paths that were projected. Columns are their rest from an item on, in that order; null is
    what an item does not have. Plain values beside the list stay as they are. None where this is no table: no list or
    several, or something nested in it.

    Raises:
        ShopError: `invalid_arguments`: one of the fields is no path.

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
    except _NestedValueError:
        return None
    result: Json = replace_value(
        data, list_path, {"columns": [format_path(column) for column in columns], "rows": rows}
    )
    return result


def is_table(value: Any) -> bool:
    """Whether a value is a table as `to_table` writes it."""
    if not isinstance(value, dict) or list(value) != ["columns", "rows"]:
        return False
    columns, rows = value.values()
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        return False
    return isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(columns) for row in rows)


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
            raise _NestedValueError
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict | list):
        raise _NestedValueError
    return item
