"""Reads further chunks of a stored result that was too large for one answer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.page_tokens import is_joined_token, select_page_token
from mcp_server_tiktok_shop.calls.results.chunks import MAX_PATH_CHARS, ChunkRequest, read_chunk
from mcp_server_tiktok_shop.json_paths import parse_path

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation import Json

EXTRA_LISTS = ("failed", "not_found", "done")  # which can be read like lists within `data`
RESERVED_BYTES = 800  # bytes for what stands beside `data` in a result


class ReadResultTool(Struct, frozen=True):
    """The tool `read_result`; a chunk takes at most `max_bytes`.

    A stored result is an object of `data`, `untrusted` (paths of text by others in it) and the `next_page_token` that
    follows it. The token is given only where one of its lists is at its end: before that, the next page would skip
    what was not read yet. Of several shops each has its own part of the token, for the list in its block.
    """

    result_store: ScopedResultStore
    max_bytes: int

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """A chunk of the stored result `id`: of the list or object at `path`, from `offset`, `limit` items at most.

        Raises:
            ShopError: `not_found`, `not_permitted`, or `invalid_arguments` of a path or fields that are not there.

        """
        content = (await self.result_store.get_or_raise(values["id"])).content
        request = ChunkRequest(
            values.get("path"), values.get("fields", ()), values.get("offset", 0), values.get("limit")
        )
        return await asyncio.to_thread(self._read_chunk, content, request)

    def _read_chunk(self, content: bytes, request: ChunkRequest) -> Json:
        stored_result = json.loads(content)
        token, untrusted = stored_result.get("next_page_token"), stored_result.get("untrusted", [])
        extra_bytes = len(json.dumps([token, untrusted]))
        steps = parse_path((request.path or "")[:MAX_PATH_CHARS]) or ()
        names = [step for step in steps if isinstance(step, str) and step != "data"]
        data = stored_result["data"]
        if steps and steps[0] in EXTRA_LISTS and steps[0] in stored_result and steps[0] not in data:
            data = {str(steps[0]): stored_result[steps[0]]}
        result = read_chunk(data, request, self.max_bytes - RESERVED_BYTES - extra_bytes)
        if untrusted_paths := [path for path in untrusted if _is_overlapping(path.split("."), names)]:
            result["untrusted"] = untrusted_paths
        is_at_end = "next_offset" not in result and ("items" in result or "rows" in result)
        is_at_end = is_at_end and not any(isinstance(step, int) for step in steps)
        if token and is_joined_token(token) and names:
            token, names = select_page_token(token, names[0]), names[1:]
        return result | {"next_page_token": token} if token and is_at_end and len(names) <= 1 else result


def _is_overlapping(first: list[str], second: list[str]) -> bool:
    """Whether one of the paths begins with the other; `*` is any name."""
    return all("*" in (a, b) or a == b for a, b in zip(first, second, strict=False))
