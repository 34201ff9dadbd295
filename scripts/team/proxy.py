"""The proxy before replicas: sends each message to the next of them in turn, and says which one answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import httpx2
from scripts.team.web_servers import run_web_server
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.requests import Request

METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]
REPLICA_HEADER = "X-Replica"
HOP_HEADERS = frozenset(("connection", "content-length", "keep-alive", "transfer-encoding"))  # each way has its own
TIMEOUT_S = 60.0  # longer than any call may take


class RoundRobin:
    """Passes requests on to replicas, by their names, with the `Host` that the client sent."""

    def __init__(self, origins: Mapping[str, str], client: httpx2.AsyncClient) -> None:
        self._count = len(origins)
        self._turns: Iterator[tuple[str, str]] = cycle(origins.items())
        self._client = client

    async def pass_request(self, request: Request) -> Response:
        body = await request.body()
        headers = [(name, text) for name, text in request.headers.items() if name not in HOP_HEADERS]
        for _ in range(self._count):
            name, origin = next(self._turns)
            try:
                answer = await self._client.request(
                    request.method, f"{origin}{request.url.path}", headers=headers, content=body
                )
            except httpx2.ConnectError:  # it is gone, and got nothing of this: the next one may have it
                continue
            kept = {name: text for name, text in answer.headers.items() if name not in HOP_HEADERS}
            return Response(answer.content, answer.status_code, kept | {REPLICA_HEADER: name})
        return Response("No replica answers.", 502)


@asynccontextmanager
async def run_proxy(listener: socket.socket, origins: Mapping[str, str]) -> AsyncIterator[None]:
    async with httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as client:
        proxy = RoundRobin(origins, client)
        app = Starlette(routes=[Route("/{path:path}", proxy.pass_request, methods=METHODS)])
        async with run_web_server(app, listener):
            yield
