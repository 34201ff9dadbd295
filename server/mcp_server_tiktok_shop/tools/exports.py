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

from mcp_server_tiktok_shop.calls.results.chunks import Wish, part
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.state.account_store import write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import Keeping
    from mcp_server_tiktok_shop.catalog.operation import Json

NO_LIMIT = 2**40  # bytes: all of a list at once
NUMBER = re.compile(r"-?\d+([.,]\d+)?")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NOTE = "Open the id columns as text: spreadsheets round numbers of more than 15 digits."


@dataclass(frozen=True, slots=True)
class Spreadsheets:
    """Files are named by what they hold and by `clock`, in a folder of this server's own."""

    kept: Keeping
    folder: Path
    clock: Callable[[], float]

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        content = await self.kept.opened(values["id"])
        columns, rows = await asyncio.to_thread(_table, content, values)
        stamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"result-{stamp}-{secrets.token_hex(3)}.csv"
        try:
            await asyncio.to_thread(write_private, path, _written(columns, rows))
        except OSError as error:
            told = f"{self.folder} can't be written: {error.strerror}."
            raise ShopError("not_configured", told, hint="Make room, or mend the folder's permissions.") from None
        return {"path": str(path), "rows": len(rows), "columns": columns, "advice": NOTE}


def _table(content: bytes, values: Json) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of the list that is meant; fields of fields are columns of their own, lists are JSON."""
    data = json.loads(content)["data"]
    told = part(data, Wish(values.get("path"), values.get("fields", ())), NO_LIMIT)
    if "rows" in told:
        return told["columns"], told["rows"]
    if not isinstance(told.get("items"), list):
        problem = Problem("path", "is no list", "the path of a list, such as orders")
        raise ShopError("invalid_arguments", "path: is no list that could become rows", problems=(problem,))
    flat = [_flat(item) for item in told["items"]]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return columns, [[row.get(name) for name in columns] for row in flat]


def _flat(item: Any, path: str = "") -> Json:
    if not isinstance(item, dict):
        return {path or "value": json.dumps(item, ensure_ascii=False) if isinstance(item, list) else item}
    made: Json = {}
    for name, inner in item.items():
        made |= _flat(inner, f"{path}.{name}" if path else name)
    return made


def _written(columns: list[str], rows: list[list[Any]]) -> bytes:
    """CSV as every spreadsheet reads it: with a mark that it is UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    """A text that begins like a formula must not become one: others may have written it."""
    if isinstance(value, str) and value.startswith(FORMULA) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value
