"""Makes tables for files from the answers of the shops' local copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.table_files.column_kinds import infer_columns, make_sql_columns
from mcp_server_tiktok_shop.table_files.tables import FileColumn, FileTable

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.table_files.file_names import FileName

SHOP_COLUMN = "shop"
SAMPLE_ROWS = 3  # that are shown where all are in a file


async def save_answer_table(
    export_folder: ExportFolder, name: FileName, data: Json, place: str, zones: Sequence[ZoneInfo]
) -> Json:
    """Save the table that stands at a place in an answer's data, and leave its first rows there.

    Returns what tells of the file. `zones` are those of the shops that it is of.

    Raises:
        ShopError: As `ExportFolder.save_tables`.

    """
    columns, rows = data[place]["columns"], data[place]["rows"]
    table = FileTable(infer_columns(columns, rows), rows, choose_zone(zones), place)
    saved = await export_folder.save_table(name, table)
    data[place] = {"columns": columns, "rows": rows[:SAMPLE_ROWS]}
    return {key: value for key, value in saved.to_json().items() if key != "columns"}


def choose_zone(zones: Sequence[ZoneInfo | None]) -> ZoneInfo | None:
    """The zone of all shops; None where they have several: each time is then written in its own."""
    return zones[0] if len({zone and zone.key for zone in zones}) == 1 else None


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
    shop_columns = (FileColumn(SHOP_COLUMN),) if is_labelled else ()
    zone = choose_zone([result.zone for _, result in results])
    return FileTable((*shop_columns, *make_sql_columns(names_and_types)), rows, zone, sheet_name)
