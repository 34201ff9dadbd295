"""Lays out tables without repetition: values common to all rows are given beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json

MIN_ROWS = 5  # from which on a value that all rows have is told beside them
SHARED_VALUES = "same_in_all_rows"  # where in the data of an answer
SHOP_COLUMN = "shop"  # by which rows of several shops are labelled


def find_shared_values(table: Json, lasting: Iterable[str], *, is_cut: bool = False) -> dict[str, Any]:
    """By column, the value that all rows of a table of some length have in it, but for the `lasting` columns.

    What is empty in all of them is no value. Of a table that `is_cut` the rows left out may have others: none is found.
    """
    rows = table["rows"]
    if is_cut or len(rows) < MIN_ROWS:
        return {}
    kept = {*lasting}
    return {
        name: rows[0][place]
        for place, name in enumerate(table["columns"])
        if name not in kept and rows[0][place] not in (None, "") and all(row[place] == rows[0][place] for row in rows)
    }


def remove_columns(table: Json, names: Collection[str]) -> Json:
    """The table without the columns of these names."""
    places = [place for place, name in enumerate(table["columns"]) if name not in names]
    return {
        "columns": [table["columns"][place] for place in places],
        "rows": [[row[place] for place in places] for row in table["rows"]],
    }


def is_name_enough(table: Json, key: str, name: str) -> bool:
    """Whether rows of a table, of each shop, differ in the column `name` as they do in the key, and none lacks it."""
    columns = table["columns"]
    if key not in columns or name not in columns:
        return False
    shops = [place for place, column in enumerate(columns) if column == SHOP_COLUMN]
    by_key, by_name = ([*shops, columns.index(column)] for column in (key, name))
    keys = {tuple(row[place] for place in by_key) for row in table["rows"]}
    names = {tuple(row[place] for place in by_name) for row in table["rows"]}
    return len(names) == len(keys) and all(row[by_name[-1]] for row in table["rows"])
