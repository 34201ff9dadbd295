"""Saves the data of a result, or a list in it, to a file: a table where the form asks for one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.answer_tables import SHOP_COLUMN
from mcp_server_tiktok_shop.calls.results.chunks import ChunkRequest, read_chunk
from mcp_server_tiktok_shop.calls.results.tabular import is_table
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.table_files.column_kinds import infer_columns
from mcp_server_tiktok_shop.table_files.nested_rows import NestedRows
from mcp_server_tiktok_shop.table_files.tables import FileTable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder, SavedFile
    from mcp_server_tiktok_shop.table_files.file_names import FileName

UNLIMITED_BYTES = 2**40  # bytes: all of a list at once
WHOLE = ChunkRequest()
SHOPS_NAME = "shops"  # of the list of blocks, where they have no list in common
REST_NAME = "other"  # of the sheet that holds what stands beside several lists


async def save_data(
    folder: ExportFolder, name: FileName, data: Json, request: ChunkRequest = WHOLE, zone: ZoneInfo | None = None
) -> SavedFile:
    """Save what is requested of the data of a result; all of it by default.

    A list, or the only one in it, becomes a table; without any the whole is one row. Of several an .xlsx file has a
    sheet for each. JSON is as the data is. `zone` is the time zone of the times in it, where it has one.

    Raises:
        ShopError: `invalid_arguments`: a wrong path, or several lists for one CSV; else as `ExportFolder.save_tables`.

    """
    if name.format == "json":
        is_whole = request.path is None and not request.fields
        return await folder.save_json(name, data if is_whole else _read(data, request))
    value = _read(data, request)
    if not isinstance(value, dict | list):
        problem = Problem("path", "is not a list", "the path of a list, such as orders")
        raise ShopError("invalid_arguments", "path: is not a list that could become rows", problems=(problem,))
    with ExitStack() as stack:
        parts = _split_lists(value) if request.path is None and isinstance(value, dict) else {}
        if len(parts) > 1 and name.format == "csv":
            names = ", ".join(parts)
            problem = Problem("save_as", f"holds one table, and there are several lists: {names}", ".xlsx or .json")
            message = f"{problem.argument} {problem.message}"
            raise ShopError("invalid_arguments", message, hint="Nothing was saved.", problems=(problem,))
        tables = [
            _to_table(stack, folder, part, zone, part_name, has_chosen_fields=bool(request.fields))
            for part_name, part in (parts or {name.stem: value}).items()
        ]
        return await folder.save_tables(name, tables)


def join_blocks(blocks: Json) -> Json:
    """The data of several shops as that of one: the rows of the list that they have, each with its shop, or theirs."""
    lists = {
        name
        for block in blocks.values()
        for name, part in block.items()
        if is_table(part) or (isinstance(part, list) and any(isinstance(item, dict) for item in part))
    }
    if len(lists) != 1:
        return {SHOPS_NAME: [{SHOP_COLUMN: shop} | block for shop, block in blocks.items()]}
    (name,) = lists
    parts = [(shop, block[name]) for shop, block in blocks.items() if name in block]
    if all(is_table(part) and part["columns"] == parts[0][1]["columns"] for _, part in parts):
        rows = [[shop, *row] for shop, part in parts for row in part["rows"]]
        return {name: {"columns": [SHOP_COLUMN, *parts[0][1]["columns"]], "rows": rows}}
    return {name: [{SHOP_COLUMN: shop} | item for shop, part in parts for item in _list_items(part)]}


def _list_items(part: Any) -> list[Json]:
    """The items of a list as objects, also where it is a table."""
    if is_table(part):
        return [dict(zip(part["columns"], row, strict=True)) for row in part["rows"]]
    return [item if isinstance(item, dict) else {"value": item} for item in part]


def _read(data: Json, request: ChunkRequest) -> Any:
    """What is requested: a list, a table or an object; of a path left away, the only list that there is."""
    chunk = read_chunk(data, request, UNLIMITED_BYTES)
    if "rows" in chunk:
        return {"columns": chunk["columns"], "rows": chunk["rows"]}
    return next(chunk[name] for name in ("items", "value", "text") if name in chunk)


def _split_lists(value: Json) -> Json:
    """The lists and tables of an object that has several, by name, and what stands beside them; empty where not."""
    if is_table(value):
        return {}
    lists = {name: part for name, part in value.items() if is_table(part) or (isinstance(part, list) and part)}
    rest = {name: part for name, part in value.items() if name not in lists and part != []}
    return lists | ({REST_NAME: [rest]} if rest else {}) if len(lists) > 1 else {}


def _to_table(
    stack: ExitStack, folder: ExportFolder, value: Any, zone: ZoneInfo | None, name: str, *, has_chosen_fields: bool
) -> FileTable:
    if is_table(value):
        return FileTable(infer_columns(value["columns"], value["rows"]), value["rows"], zone, name)
    rows = stack.enter_context(NestedRows(folder.path, has_chosen_fields=has_chosen_fields))
    rows.add(value if isinstance(value, list) else [value])
    return rows.to_table(zone, name)
