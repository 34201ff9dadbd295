"""Runs a sandbox by itself until it is interrupted, for the command line and for clients in other processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable


def run(
    port: int,
    *,
    on_ready: Callable[[str, Sandbox], None] | None = None,
    host: str = "127.0.0.1",
    redirect_url: str = "",
    **options: Any,
) -> None:
    """Block while serving on `port`; `on_ready(base_url, sandbox)` is called once it listens.

    `redirect_url` is where its consent page leads, if not to a page of its own; `options` are the Sandbox's own. Prints
    nothing.
    """

    async def forever() -> None:
        sandbox = Sandbox(**options)
        if redirect_url:
            sandbox.redirect_url = redirect_url
        async with sandbox.serve(port, host) as base_url:
            if on_ready is not None:
                on_ready(base_url, sandbox)
            await asyncio.Event().wait()

    asyncio.run(forever())
