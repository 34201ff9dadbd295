"""Exports a stored result as a CSV file for a spreadsheet, so that its rows need not pass through a model."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.chunks import ChunkRequest, read_chunk
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.table_files.spreadsheet_cells import defuse_formulas

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.output_files import OutputFolder

UNLIMITED_BYTES = 2**40  # bytes: all of a list at once
ID_COLUMNS_ADVICE = "Open the id columns as text: spreadsheets round numbers of more than 15 digits."


@dataclass(frozen=True, slots=True)
class SaveResultTool:
    """The tool `save_result`."""

    result_store: ScopedResultStore
    output_folder: OutputFolder

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """Save a list of the stored result `id`: where the file is, its columns and how many rows.

        Raises:
            ShopError: `not_found`, `invalid_arguments` where `path` leads to no list, `not_configured` where the
                folder can't be written.

        """
        content = await self.result_store.get_or_raise(values["id"])
        columns, rows = await asyncio.to_thread(_extract_table, content, values)
        path = await self.output_folder.save("result", "csv", _to_csv(columns, rows))
        return {"path": str(path), "rows": len(rows), "columns": columns, "advice": ID_COLUMNS_ADVICE}


def _extract_table(content: bytes, values: Json) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of the list at `path`; nested fields are columns of their own, lists are JSON text."""
    data = json.loads(content)["data"]
    chunk = read_chunk(data, ChunkRequest(values.get("path"), values.get("fields", ())), UNLIMITED_BYTES)
    if "rows" in chunk:
        return chunk["columns"], chunk["rows"]
    if not isinstance(chunk.get("items"), list):
        problem = Problem("path", "is no list", "the path of a list, such as orders")
        raise ShopError("invalid_arguments", "path: is no list that could become rows", problems=(problem,))
    flat_rows = [_flatten(item) for item in chunk["items"]]
    columns = list(dict.fromkeys(name for row in flat_rows for name in row))
    return columns, [[row.get(name) for name in columns] for row in flat_rows]


def _flatten(item: Any, path: str = "") -> Json:
    """The fields of an item by their paths; lists as JSON text."""
    if not isinstance(item, dict):
        return {path or "value": json.dumps(item, ensure_ascii=False) if isinstance(item, list) else item}
    flattened: Json = {}
    for name, value in item.items():
        flattened |= _flatten(value, f"{path}.{name}" if path else name)
    return flattened


def _to_csv(columns: list[str], rows: list[list[Any]]) -> bytes:
    """CSV as every spreadsheet reads it: UTF-8 with a byte order mark."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([_to_cell(value) for value in row] for row in (columns, *rows))
    return buffer.getvalue().encode("utf-8-sig", "replace")


def _to_cell(value: Any) -> Any:
    """A value as a cell's: a text by others must not become a formula."""
    return defuse_formulas(value) if isinstance(value, str) else value
