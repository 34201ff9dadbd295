"""Serves a sandbox over real HTTP in the running loop, with connections that can be cut."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .sandbox import Sandbox

BACKLOG = 2048


class Quiet(uvicorn.Server):
    """Leaves signals to the program around it."""

    def install_signal_handlers(self) -> None:
        """Whoever runs the loop decides what an interrupt means."""


def _cuttable() -> tuple[type[H11Protocol], dict[Any, asyncio.Transport]]:
    """A protocol that keeps its transports by the client's address, so that the app can close one."""
    transports: dict[Any, asyncio.Transport] = {}

    class Cuttable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.client, None)
            super().connection_lost(exc)

    return Cuttable, transports


@asynccontextmanager
async def serve_on(sandbox: Sandbox, host: str, port: int) -> AsyncIterator[str]:
    protocol, transports = _cuttable()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await sandbox.app(scope, receive, send)
        # After a cut the server must see the closed connection before it sees the missing answer.
        while (transport := transports.get(tuple(scope["client"]))) is not None and transport.is_closing():
            await asyncio.sleep(0)

    def cut_off(scope: Any) -> bool:
        transport = transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()
        return transport is not None

    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
    )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server = Quiet(config)
    try:
        listener.bind((host, port))
        sandbox.base_url = f"http://{host}:{listener.getsockname()[1]}"
        sandbox.app.cut_off = cut_off
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        try:
            yield sandbox.base_url
        finally:
            server.should_exit = True
            await serving
    finally:
        listener.close()
