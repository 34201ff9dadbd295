"""Writes a table as JSON for programs: one object per row, all values exact."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import to_json_bytes
from mcp_server_tiktok_shop.table_files.tables import to_plain_value

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.table_files.tables import FileTable


def write_json(table: FileTable, file: IO[bytes]) -> None:
    """Write a list of objects, a line each; amounts, ids and times are text."""
    separator = b"[\n"
    for row in table.rows:
        cells = {
            column.name: to_plain_value(column, value, table.zone)
            for column, value in zip(table.columns, row, strict=True)
        }
        file.write(separator + to_json_bytes(cells))
        separator = b",\n"
    file.write(b"\n]\n" if table.rows else b"[]\n")
