"""Tells the things of a long job in a table: each name once, and what all of them have in common beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.answer_tables import (
    SHARED_VALUES,
    find_shared_values,
    is_name_enough,
    remove_columns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

MIN_TABLE_ITEMS = 10  # from which on a table is shorter and no harder to read
ITEMS, WILL_BE, SKIPPED = "items", "will_be", "skipped"
SHORT_NAME = "seller_sku"  # it stands for a SKU's id where it tells all apart


def lay_out_items(items: Sequence[Json]) -> Json:
    """The entries of an answer that tell the items: a list of few, a table of many.

    What all of them are to be stands once, as `will_be`, whatever is skipped; other values that all have in
    `SHARED_VALUES`. Values within a value have columns of their own, such as `now.status`.
    """
    if len(items) < MIN_TABLE_ITEMS:
        return {ITEMS: list(items)} if items else {}
    rows = [dict(_iter_cells(item)) for item in items]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table: Json = {"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]}
    result: Json = {}
    targets = {str(row[WILL_BE]) for row in rows if WILL_BE in row}
    if len(targets) == 1 and all(WILL_BE in row or SKIPPED in row for row in rows):
        result[WILL_BE] = targets.pop()
        table = remove_columns(table, (WILL_BE,))
    key = next(iter(rows[0]))
    if is_name_enough(table, key, SHORT_NAME):
        table = remove_columns(table, (key,))
    if shared := find_shared_values(table, ()):
        result[SHARED_VALUES] = shared
    return result | {ITEMS: remove_columns(table, shared)}


def _iter_cells(item: Json) -> list[tuple[str, Any]]:
    return [
        cell
        for name, value in item.items()
        for cell in (
            [(f"{name}.{inner}", cell) for inner, cell in value.items()] if isinstance(value, dict) else [(name, value)]
        )
    ]
