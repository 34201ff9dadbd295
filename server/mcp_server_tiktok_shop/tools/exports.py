"""Saves a stored result to a file for a person, so that its rows need not pass through a model."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.results.chunks import ChunkRequest
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder

DEFAULT_FILE_NAME = "result.csv"


class SaveResultTool(Struct, frozen=True):
    """The tool `save_result`."""

    result_store: ScopedResultStore
    export_folder: ExportFolder

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """Save the stored result `id`, or a list in it: where the file is, its columns and how many rows.

        Raises:
            ShopError: `not_found`, `invalid_arguments` of a name, path or fields, `not_configured` where the folder
                can't be written.

        """
        from mcp_server_tiktok_shop.calls.results.saved_data import join_blocks, save_data  # noqa: PLC0415 - seldom asked for

        name = parse_file_name(values.get("save_as", DEFAULT_FILE_NAME))
        stored = await self.result_store.get_or_raise(values["id"])
        result = await asyncio.to_thread(json.loads, stored.content)
        data = result["data"]
        if "path" not in values and name.format != "json" and isinstance(result.get("shops"), dict):
            data = join_blocks(data)
        request = ChunkRequest(values.get("path"), values.get("fields", ()))
        return (await save_data(self.export_folder, name, data, request, stored.zone)).to_json()
