"""Reads on in a result that was too large for one answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.assistant.parts import Wish, part
from mcp_server_tiktok_shop.assistant.paths import read_path
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.assistant.caller import Caller
    from mcp_server_tiktok_shop.assistant.kept import Kept
    from mcp_server_tiktok_shop.catalog.operation import Json

SPARE = 800  # bytes for what stands beside `data` in a result


@dataclass(frozen=True, slots=True)
class ReadResult:
    """`kept` holds the JSON of whole answers' `data`; a part is at most `budget` bytes with all that is beside it.

    A `next_page_token` at the top of a kept answer is told where one of its lists is at its end: before that, the
    next page would skip what was not read yet.
    """

    kept: Kept
    budget: int

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        content = await self.kept.get(values["id"])
        if content is None:
            told = f"There is no kept result {values['id'][:60]!r}: they live for one day, the newest hundred of them."
            problem = Problem("id", "is not the result_id of a result that is still kept")
            raise ShopError("not_found", told, hint="Call the tool again that gave it.", problems=(problem,))
        wish = Wish(values.get("path"), values.get("fields", ()), values.get("offset", 0), values.get("limit"))
        return await asyncio.to_thread(self._part, content, wish)

    def _part(self, content: bytes, wish: Wish) -> Json:
        data = json.loads(content)
        token = data.pop("next_page_token", None) if isinstance(data, dict) else None
        told = part(data, wish, self.budget - SPARE - (len(json.dumps(token)) if token else 0))
        steps = [step for step in read_path(wish.path or "") or () if step not in ("data", "rows")]
        at_end = "next_offset" not in told and ("items" in told or "rows" in told) and len(steps) <= 1
        return told | {"next_page_token": token} if token and at_end else told

    async def text(self, name: str) -> str | None:
        """The whole of a kept result, as JSON text; None where there is none, or no longer."""
        content = await self.kept.get(name)
        return None if content is None else content.decode()
