"""Serves a sandbox over real HTTP in the running loop, with connections that can be cut."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .sandbox import Sandbox

BACKLOG = 2048
CUT = "sandbox.cut"


class Quiet(uvicorn.Server):
    """Leaves signals to the program around it: whoever runs the loop decides what an interrupt means."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Cuttable(H11Protocol):
    """A connection that tells when it is gone."""

    gone: asyncio.Event

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.gone = asyncio.Event()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.gone.set()


@asynccontextmanager
async def serve_on(sandbox: Sandbox, host: str, port: int) -> AsyncIterator[str]:
    def cut_off(scope: Any) -> bool:
        client = tuple(scope["client"])
        for connection in server.server_state.connections:
            if isinstance(connection, Cuttable) and connection.client == client:
                connection.transport.abort()
                scope[CUT] = connection.gone
                return True
        return False

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await sandbox.app(scope, receive, send)
        if CUT in scope:
            # Once it knows that the connection is gone, the server doesn't miss the answer.
            await scope[CUT].wait()

    server = Quiet(
        uvicorn.Config(
            app,
            http=Cuttable,
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
        )
    )
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From here on callers are queued, so nobody has to wait for the server to start.
        listener.listen(BACKLOG)
        sandbox.base_url = f"http://{host}:{listener.getsockname()[1]}"
        sandbox.app.cut_off = cut_off
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield sandbox.base_url
        finally:
            server.should_exit = True
            await serving
