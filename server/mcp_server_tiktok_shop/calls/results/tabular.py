"""Writes a list whose items are all plain values as a table, which names each field once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.json_paths import write_path
from mcp_server_tiktok_shop.calls.results.projection import plain_names, written_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

Names = tuple[str, ...]


class _NotPlainError(Exception):
    """A list or an object stands where a table has a cell."""


def as_table(data: Json, fields: Sequence[str]) -> Json | None:
    """The selected `data` with its one list as `{"columns": [...], "rows": [[...], ...]}` in the list's place.

    Columns are the paths from an item on, in the order asked; null is what an item does not have. Plain values asked
    for beside the list stay as they are. None where this is no table: no list or several, or something nested in it.
    """
    lists: dict[Names, list[Names]] = {}
    for names in dict.fromkeys(plain_names(names, {}, data) for names in written_paths(fields)):
        above, value = _list_on_the_way(data, names)
        if isinstance(value, dict) or (isinstance(value, list) and above == names):
            return None
        if isinstance(value, list):
            lists.setdefault(above, []).append(names[len(above) :])
    if len(lists) != 1:
        return None
    ((above, columns),) = lists.items()
    _, items = _list_on_the_way(data, above)
    if not all(isinstance(item, dict) for item in items):
        return None
    try:
        rows = [[_cell(item, column) for column in columns] for item in items]
    except _NotPlainError:
        return None
    made: Json = _put(data, above, {"columns": [write_path(column) for column in columns], "rows": rows})
    return made


def is_table(value: Any) -> bool:
    """Whether a value is a table as `as_table` writes it."""
    if not isinstance(value, dict) or list(value) != ["columns", "rows"]:
        return False
    columns, rows = value.values()
    texts = isinstance(columns, list) and all(isinstance(column, str) for column in columns)
    return texts and isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(columns) for row in rows)


def _list_on_the_way(data: Any, names: Names) -> tuple[Names, Any]:
    """The first list along the names, and the names that lead to it; else what is at their end, None if nothing."""
    at = data
    for depth, name in enumerate(names):
        if isinstance(at, list):
            return names[:depth], at
        at = at.get(name) if isinstance(at, dict) else None
    return names, at


def _cell(item: Any, column: Names) -> Any:
    for name in column:
        if isinstance(item, list):
            raise _NotPlainError
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict | list):
        raise _NotPlainError
    return item


def _put(data: Json, names: Names, value: Any) -> Any:
    """A copy of the data with a value in place of what stands at the names."""
    if not names:
        return value
    return {n: _put(inner, names[1:], value) if n == names[0] else inner for n, inner in data.items()}
