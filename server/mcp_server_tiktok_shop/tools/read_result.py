"""Reads on in a result that was too large for one answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.results.chunks import Wish, part
from mcp_server_tiktok_shop.calls.results.json_paths import read_path

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.scoped_results import Keeping
    from mcp_server_tiktok_shop.catalog.operation import Json

LISTS_BESIDE = ("failed", "not_found", "done")  # which can be read like lists within `data`
SPARE = 800  # bytes for what stands beside `data` in a result


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A part of a kept result in at most `budget` bytes, with all that is beside it.

    A kept result is an object of `data`, `untrusted` (paths of text by others in it) and the `next_page_token` that
    follows it, which is told where one of its lists is at its end: before that, the next page would skip what was not
    read yet.
    """

    kept: Keeping
    budget: int

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        content = await self.kept.opened(values["id"])
        wish = Wish(values.get("path"), values.get("fields", ()), values.get("offset", 0), values.get("limit"))
        return await asyncio.to_thread(self._part, content, wish)

    def _part(self, content: bytes, wish: Wish) -> Json:
        whole = json.loads(content)
        token, untrusted = whole.get("next_page_token"), whole.get("untrusted", [])
        beside = len(json.dumps([token, untrusted]))
        steps = read_path(wish.path or "") or ()
        names = [step for step in steps if isinstance(step, str) and step != "data"]
        data = whole["data"]
        if steps and steps[0] in LISTS_BESIDE and steps[0] in whole and steps[0] not in data:
            data, untrusted = {str(steps[0]): whole[steps[0]]}, []
        told = part(data, wish, self.budget - SPARE - beside)
        if there := [path for path in untrusted if _meet(path.split("."), names)]:
            told["untrusted"] = there
        at_end = "next_offset" not in told and ("items" in told or "rows" in told) and len(names) <= 1
        at_end = at_end and not any(isinstance(step, int) for step in steps)
        return told | {"next_page_token": token} if token and at_end else told


def _meet(one: list[str], other: list[str]) -> bool:
    """Whether one path leads through the other, or the other way round."""
    return all("*" in (a, b) or a == b for a, b in zip(one, other, strict=False))
