"""Lets a kept result be read only where it might have been told: of the same shop, and no more open than here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.calls.redaction.redactor import Mode
    from mcp_server_tiktok_shop.state.result_store import Kept

STRICTNESS: tuple[Mode, ...] = ("full", "masked", "none")


@dataclass(frozen=True, slots=True)
class Keeping:
    """Kept results of this server, and of others that share its folder, each behind a line that tells whose it is.

    `pinned` tells the id of the one shop that this server is for, if it is for one. `buyer_data` is how buyers' data
    may be shown here: what another server kept with more of it is not given.
    """

    kept: Kept
    pinned: Callable[[], Awaitable[str | None]]
    buyer_data: Mode

    async def put(self, content: bytes, shop_id: str | None) -> str:
        """Keep the content of a shop, None where it is of none or of several; answers its id.

        Raises:
            ShopError: As `Kept.put`.

        """
        head = {"shop": await self.pinned() or shop_id, "buyer_data": self.buyer_data}
        return await self.kept.put(b"%s\n%s" % (json.dumps(head).encode(), content))

    async def opened(self, name: str) -> bytes:
        """The content of an id that somebody was given.

        Raises:
            ShopError: `not_found` where there is none, or no longer. As `get`.

        """
        content = await self.get(name)
        if content is None:
            told = f"There is no kept result {name[:60]!r}: they live for one day, the newest hundred of them."
            problem = Problem("id", "is not the result_id of a result that is still kept")
            raise ShopError("not_found", told, hint="Call the tool again that gave it.", problems=(problem,))
        return content

    async def get(self, name: str) -> bytes | None:
        """The content of an id; None where there is none, no longer, or of another shop than a server is pinned to.

        Raises:
            ShopError: `not_permitted`: it shows more of buyers than this server may. As `Kept.get`.

        """
        found = await self.kept.get(name)
        if found is None:
            return None
        line, _, content = found.partition(b"\n")
        head = json.loads(line)
        pinned = await self.pinned()
        if pinned is not None and head.get("shop") != pinned:
            return None
        shown = head.get("buyer_data", "full")
        if STRICTNESS.index(shown) < STRICTNESS.index(self.buyer_data):
            told = f"That result was kept by a server that shows more of buyers' data ({shown}) than this one."
            raise ShopError("not_permitted", told, hint="Call the tool again that gave it.")
        return content
