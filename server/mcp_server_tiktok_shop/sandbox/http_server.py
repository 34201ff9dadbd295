"""Serves the simulated shop over real HTTP in the running loop, with connections that can be cut."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_server_tiktok_shop.sandbox.gateway.asgi_app import AsgiApp

MAX_WAITING_CONNECTIONS = 2048
CUT_KEY = "sandbox.cut"


class CuttableConnection(H11Protocol):
    """A connection that tells when it is gone."""

    closed: asyncio.Event

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.closed = asyncio.Event()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set()


@asynccontextmanager
async def serve_app(app: AsgiApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve on a port, of the system's choice where it is 0; gives the base URL.

    Uvicorn's protocol without uvicorn's server: that one takes the program's signals and stops in its own time.
    """
    state = ServerState()

    def cut_off(scope: Any) -> bool:
        client = tuple(scope["client"])
        for connection in state.connections:
            if isinstance(connection, CuttableConnection) and connection.client == client:
                connection.transport.abort()
                scope[CUT_KEY] = connection.closed
                return True
        return False

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if CUT_KEY in scope:
            # Once it knows that the connection is gone, the protocol doesn't miss the answer.
            await scope[CUT_KEY].wait()

    config = uvicorn.Config(
        answer,
        http=CuttableConnection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
    )
    config.load()
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: CuttableConnection(config, state, {}), sock=listener, backlog=MAX_WAITING_CONNECTIONS
        )
        app.cut_off = cut_off
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.close()
            await _close_connections(state)


async def _close_connections(state: ServerState) -> None:
    """End what is under way and see every connection off."""
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    connections = [connection for connection in state.connections if isinstance(connection, CuttableConnection)]
    for connection in connections:
        connection.transport.abort()
    for connection in connections:
        await connection.closed.wait()
