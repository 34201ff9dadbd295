"""Writes tables in the format that a file's name asks for."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mcp_server_tiktok_shop.table_files.csv_files import write_csv
from mcp_server_tiktok_shop.table_files.json_files import write_json
from mcp_server_tiktok_shop.table_files.xlsx_files import write_xlsx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mcp_server_tiktok_shop.table_files.file_names import FileName
    from mcp_server_tiktok_shop.table_files.tables import FileTable


def write_tables(
    tables: Sequence[FileTable], name: FileName, file: IO[bytes], folder: Path, created_at: datetime
) -> tuple[str, ...]:
    """Write them, a sheet for each in .xlsx, the first alone elsewhere; the notes that a reader should have.

    What a workbook needs meanwhile is laid into `folder`.
    """
    if name.format == "xlsx":
        return write_xlsx(tables, file, folder, created_at)
    if name.format == "csv":
        return write_csv(tables[0], file)
    write_json(tables[0], file)
    return ()
