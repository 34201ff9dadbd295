"""Writes a table as CSV for any spreadsheet, with nothing that one would execute."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING

from mcp_server_tiktok_shop.table_files.spreadsheet_cells import defuse_formulas
from mcp_server_tiktok_shop.table_files.tables import to_text

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.table_files.tables import FileTable

ID_ADVICE = "Open the id columns of a CSV as text, or save as .xlsx: spreadsheets round numbers of over 15 digits."


def write_csv(table: FileTable, file: IO[bytes]) -> tuple[str, ...]:
    """Write a table as comma-separated UTF-8; the notes that a reader of the file should have.

    Spreadsheets know UTF-8 by its byte order mark; programs that import may stumble over it.
    """
    text_file = io.TextIOWrapper(
        file, "utf-8" if table.is_for_import else "utf-8-sig", errors="replace", newline="", write_through=True
    )
    writer = csv.writer(text_file)
    writer.writerow([defuse_formulas(column.name) for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [
                defuse_formulas(to_text(column, value, table.zone))
                for column, value in zip(table.columns, row, strict=True)
            ]
        )
    text_file.flush()
    text_file.detach()
    return (ID_ADVICE,) if any(column.kind == "id" for column in table.columns) else ()
