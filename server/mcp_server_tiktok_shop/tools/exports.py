"""Saves a kept result as a file that a spreadsheet opens, so that its rows need not pass through a model."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.chunks import ChunkRequest, read_chunk
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.state.files.private_files import write_private_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation import Json

UNLIMITED_BYTES = 2**40  # bytes: all of a list at once
NUMBER_PATTERN = re.compile(r"-?\d+([.,]\d+)?")
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
ID_COLUMNS_ADVICE = "Open the id columns as text: spreadsheets round numbers of more than 15 digits."


@dataclass(frozen=True, slots=True)
class SaveResultTool:
    """Files are named by what they hold and by `clock`, in a folder of this server's own."""

    result_store: ScopedResultStore
    folder: Path
    clock: Callable[[], float]

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        content = await self.result_store.get_or_raise(values["id"])
        columns, rows = await asyncio.to_thread(_extract_table, content, values)
        timestamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"result-{timestamp}-{secrets.token_hex(3)}.csv"
        try:
            await asyncio.to_thread(write_private_file, path, _to_csv(columns, rows))
        except OSError as error:
            message = f"{self.folder} can't be written: {error.strerror}."
            raise ShopError("not_configured", message, hint="Make room, or mend the folder's permissions.") from None
        return {"path": str(path), "rows": len(rows), "columns": columns, "advice": ID_COLUMNS_ADVICE}


def _extract_table(content: bytes, values: Json) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of the list that is meant; fields of fields are columns of their own, lists are JSON."""
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
    if not isinstance(item, dict):
        return {path or "value": json.dumps(item, ensure_ascii=False) if isinstance(item, list) else item}
    flattened: Json = {}
    for name, value in item.items():
        flattened |= _flatten(value, f"{path}.{name}" if path else name)
    return flattened


def _to_csv(columns: list[str], rows: list[list[Any]]) -> bytes:
    """CSV as every spreadsheet reads it: with a mark that it is UTF-8."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    writer.writerows([_escape_formula(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig", "replace")


def _escape_formula(value: Any) -> Any:
    """A text that begins like a formula must not become one: others may have written it."""
    if isinstance(value, str) and value.startswith(FORMULA_PREFIXES) and not NUMBER_PATTERN.fullmatch(value):
        return f"'{value}"
    return value
