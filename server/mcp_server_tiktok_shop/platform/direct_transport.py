"""HTTP without a proxy, over connections of asyncio's own: behind httpx2's transport interface, without its layers."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING

import httpx2

from mcp_server_tiktok_shop.platform.host_sockets import open_socket
from mcp_server_tiktok_shop.platform.http_connection import HttpConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

DEFAULT_PORTS = {"http": 80, "https": 443}
SENT_EXTENSION = "is_sent"  # of a request, from when it may have arrived

Origin = tuple[str, str, int]


class DirectTransport(httpx2.AsyncBaseTransport):
    """A pool of at most `max_connections` exchanges at a time, whose idle connections are kept for `keep_alive_s`.

    Of a request's timeouts `connect` and `pool` count; how long an answer may take is its caller's to say.
    """

    def __init__(self, *, max_connections: int, keep_alive_s: float, trust_env: bool) -> None:
        self._keep_alive_s = keep_alive_s
        self._trust_env = trust_env
        self._permits = asyncio.Semaphore(max_connections)
        self._idle: defaultdict[Origin, deque[HttpConnection]] = defaultdict(deque)
        self._connections: dict[HttpConnection, Origin] = {}
        self._ssl_context: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request once; the body of its response must be closed.

        Raises:
            httpx2.PoolTimeout: No connection was free in time.
            httpx2.ConnectTimeout: None came about in time.
            httpx2.ConnectError: None came about.
            httpx2.LocalProtocolError: It is none that HTTP can carry.
            httpx2.ReadError: The connection broke after the request was sent.
            httpx2.RemoteProtocolError: What came, if anything, is not HTTP.

        """
        body = await request.aread()
        timeouts = request.extensions.get("timeout", {})
        origin = (request.url.scheme, request.url.raw_host.decode("ascii"), _get_port(request.url))
        await self._acquire(timeouts.get("pool"))
        connection: HttpConnection | None = None
        try:
            connection = self._take_idle(origin) or await self._connect(origin, timeouts.get("connect"))
            connection.send(request, body)
            request.extensions[SENT_EXTENSION] = True
            head = await connection.receive_head()
        except BaseException:
            self._release(connection)
            raise
        stream = _Body(connection, self._release)
        return httpx2.Response(head.status_code, headers=head.headers.raw_items(), stream=stream)

    @staticmethod
    def is_sent(request: httpx2.Request) -> bool:
        """Whether a request may have arrived."""
        return SENT_EXTENSION in request.extensions

    async def _acquire(self, timeout: float | None) -> None:  # noqa: ASYNC109
        if self._permits.locked():
            try:
                async with asyncio.timeout(timeout):
                    await self._permits.acquire()
            except TimeoutError as error:
                raise httpx2.PoolTimeout("no connection was free") from error
        else:
            await self._permits.acquire()

    def _take_idle(self, origin: Origin) -> HttpConnection | None:
        """The connection that was used last, if it still can be; those that can't are ended."""
        idle = self._idle[origin]
        connection: HttpConnection | None = None
        while idle and connection is None:
            candidate = idle.pop()
            if candidate.is_usable(self._keep_alive_s):
                connection = candidate
            else:
                candidate.abort()
        while idle and idle[0].is_expired(self._keep_alive_s):
            idle.popleft().abort()
        return connection

    async def _connect(self, origin: Origin, timeout: float | None) -> HttpConnection:  # noqa: ASYNC109
        scheme, host, port = origin
        is_secure = scheme == "https"
        try:
            async with asyncio.timeout(timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: HttpConnection(self._forget),
                    sock=await open_socket(host, port),
                    ssl=self._get_ssl_context() if is_secure else None,
                    server_hostname=host if is_secure else None,
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        if connection.closed.done():
            raise httpx2.ConnectError("the connection ended at once")
        self._connections[connection] = origin
        return connection

    def _get_ssl_context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = httpx2.create_ssl_context(trust_env=self._trust_env)
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context

    def _release(self, connection: HttpConnection | None) -> None:
        """Keep a connection whose exchange is over, or end it; then the next may begin."""
        if connection is not None:
            if connection.finish_exchange():
                self._idle[self._connections[connection]].append(connection)
            else:
                connection.abort()
        self._permits.release()

    def _forget(self, connection: HttpConnection) -> None:
        origin = self._connections.pop(connection, None)
        if origin is not None and connection in self._idle[origin]:
            self._idle[origin].remove(connection)

    async def aclose(self) -> None:
        """End every connection."""
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.closed for connection in connections))


class _Body(httpx2.AsyncByteStream):
    """The body of a response; closing it hands the connection back, once."""

    def __init__(self, connection: HttpConnection, release: Callable[[HttpConnection], None]) -> None:
        self._connection: HttpConnection | None = connection
        self._release = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (piece := await self._connection.read_piece()):
            yield piece

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._release(connection)


def _get_port(url: httpx2.URL) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]
