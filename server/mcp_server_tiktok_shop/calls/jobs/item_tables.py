"""Lays out the items of a long job as a table, with values common to all of them beside it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.answer_tables import (
    SHARED_VALUES,
    SHOP_COLUMN,
    find_shared_values,
    is_name_enough,
    remove_columns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

MIN_TABLE_ITEMS = 10  # from which on a table is shorter and no harder to read
ITEMS, WILL_BE, SKIPPED = "items", "will_be", "skipped"
REASONS, REASON_NAMES = "reasons", ("skipped", "reason")
MIN_SAME_REASONS, MIN_REASON_CHARS = 3, 30  # from which on one that several have is told once
SEE_REASONS = "see reasons"
SHORT_NAME = "seller_sku"  # it stands for a SKU's id where it tells all apart


def lay_out_items(items: Sequence[Json]) -> Json:
    """The entries of an answer that tell the items: a list of few, a table of many.

    What all of them are to be stands once, as `will_be`, whatever is skipped; other values that all have in
    `SHARED_VALUES`. Values within a value have columns of their own, such as `now.status`. A reason that several have
    stands once in `reasons`, with the ids of those.
    """
    if len(items) < MIN_TABLE_ITEMS:
        entries, result = _tell_reasons_once(items, "", len(items))
        return {ITEMS: entries} | result if items else {}
    rows = [dict(_iter_cells(item)) for item in items]
    key = next(iter(rows[0]))
    # Several shops may use one seller SKU: then what is said of a SKU elsewhere in the answer goes by its id.
    is_short = is_name_enough(_make_table(rows), key, SHORT_NAME) and _are_distinct(rows, SHORT_NAME)
    rows, result = _tell_reasons_once(rows, SHORT_NAME if is_short else "", len(rows) - 1)
    table = _make_table(rows)
    targets = {str(row[WILL_BE]) for row in rows if WILL_BE in row}
    if len(targets) == 1 and all(WILL_BE in row or SKIPPED in row for row in rows):
        result[WILL_BE] = targets.pop()
        table = remove_columns(table, (WILL_BE,))
    if is_short:
        table = remove_columns(table, (key,))
    if shared := find_shared_values(table, ()):
        result[SHARED_VALUES] = shared
    return result | {ITEMS: remove_columns(table, shared)}


def _are_distinct(rows: Sequence[Json], name: str) -> bool:
    """Whether no two rows of several shops have the same value."""
    values = [row[name] for row in rows]
    return SHOP_COLUMN not in rows[0] or len(set(values)) == len(values)


def _make_table(rows: Sequence[Json]) -> Json:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]}


def _tell_reasons_once(items: Sequence[Json], id_name: str, max_count: int) -> tuple[list[Json], Json]:
    """The items, with a hint for each reason that several have, and those `reasons` if any, each with the ids.

    An id is the value of `id_name`, or else an item's first. What more than `max_count` have is told otherwise.
    """
    counts = Counter(str(item[name]) for item in items for name in REASON_NAMES if name in item)
    ids: dict[str, list[Any]] = {}
    entries = []
    for item in items:
        hints: Json = {}
        for name in REASON_NAMES:
            text = str(item.get(name, ""))
            if MIN_SAME_REASONS <= counts[text] <= max_count and len(text) >= MIN_REASON_CHARS:
                ids.setdefault(text, []).append(item.get(id_name) or next(iter(item.values())))
                hints[name] = SEE_REASONS
        entries.append(item | hints)
    reasons = [{"reason": text, "ids": some} for text, some in ids.items()]
    return entries, {REASONS: reasons} if reasons else {}


def _iter_cells(item: Json) -> list[tuple[str, Any]]:
    return [
        cell
        for name, value in item.items()
        for cell in (
            [(f"{name}.{inner}", cell) for inner, cell in value.items()] if isinstance(value, dict) else [(name, value)]
        )
    ]
