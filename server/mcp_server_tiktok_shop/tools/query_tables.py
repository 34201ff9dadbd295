"""Makes tables for files of what was asked of the shops' local copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.table_files.column_kinds import make_sql_columns
from mcp_server_tiktok_shop.table_files.tables import FileColumn, FileTable

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from mcp_server_tiktok_shop.mirror.query import QueryResult

SHOP_COLUMN = "shop"


def make_result_table(result: QueryResult, sheet_name: str) -> FileTable:
    """A result as a table, its times in its zone."""
    return make_shops_table([("", result)], sheet_name)


def make_shops_table(
    results: Sequence[tuple[str, QueryResult]],
    sheet_name: str,
    hidden_columns: Container[str] = (),
    *,
    is_labelled: bool = False,
) -> FileTable:
    """The results of one question to several shops as one table, each row labelled by its shop where they are several.

    Times are in the zone of each shop; columns are those of the first, and a shop that has others is passed over.
    """
    columns = results[0][1].columns if results else ()
    places = [place for place, column in enumerate(columns) if column.name not in hidden_columns]
    names_and_types = [(columns[place].name, columns[place].sql_type) for place in places]
    rows = [
        [*([label] if is_labelled else ()), *(row[place] for place in places)]
        for label, result in results
        if [column.name for column in result.columns] == [column.name for column in columns]
        for row in result.rows
    ]
    zones = {result.zone.key: result.zone for _, result in results}
    shop_columns = (FileColumn(SHOP_COLUMN),) if is_labelled else ()
    zone = next(iter(zones.values())) if len(zones) == 1 else None
    return FileTable((*shop_columns, *make_sql_columns(names_and_types)), rows, zone, sheet_name)
