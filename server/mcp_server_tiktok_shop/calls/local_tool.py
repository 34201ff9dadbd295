"""Declares the interface of the tools that this server answers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json


class LocalTool(Protocol):
    """From checked arguments to the `data` of a result; `shop` is the caller's choice, not resolved yet.

    Raises:
        ShopError: Every way in which it can fail that is not a fault of this program.

    """

    async def __call__(self, values: Json, shop: str | None, caller: Caller, /) -> Json: ...
