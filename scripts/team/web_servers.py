"""An application that is served on a port of this computer, in this process, for as long as a block lasts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.protocol.web_server import build_web_server

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp


@asynccontextmanager
async def run_web_server(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    web_server = build_web_server(app)
    task = asyncio.create_task(web_server.serve(sockets=[listener]))
    try:
        yield
    finally:
        web_server.should_exit = True
        await task
