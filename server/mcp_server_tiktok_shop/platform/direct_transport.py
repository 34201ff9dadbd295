"""HTTP without a proxy, over connections of asyncio's own: behind httpx2's transport interface, without its layers."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING

import httpx2
from msgspec import Struct

from mcp_server_tiktok_shop.platform.host_sockets import open_socket
from mcp_server_tiktok_shop.platform.http_connection import HttpConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence

    from mcp_server_tiktok_shop.platform.http_connection import ResponseHead


DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


class DirectRequest(Struct):
    """A request as it goes out, and how long a connection for it may take; `is_sent` from when it may have arrived."""

    method: str
    origin: Origin
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    connect_timeout_s: float | None
    pool_timeout_s: float | None
    is_sent: bool = False

    @classmethod
    def from_request(cls, request: httpx2.Request) -> DirectRequest:
        """The same as httpx2's request, whose body was read."""
        url, timeouts = request.url, request.extensions.get("timeout", {})
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme])
        connect_timeout_s, pool_timeout_s = timeouts.get("connect"), timeouts.get("pool")
        headers = request.headers.raw
        return cls(request.method, origin, url.raw_path, headers, request.content, connect_timeout_s, pool_timeout_s)


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
        """Send a request once; the body of its response must be closed. Raises as `send`."""
        await request.aread()
        head, body = await self.send(DirectRequest.from_request(request))
        return httpx2.Response(head.status_code, headers=list(head.headers), stream=body)

    async def send(self, request: DirectRequest) -> tuple[ResponseHead, DirectBody]:
        """Send a request once: the head of its answer, and the body, which must be closed.

        Raises:
            httpx2.PoolTimeout: No connection was free in time.
            httpx2.ConnectTimeout: None came about in time.
            httpx2.ConnectError: None came about.
            httpx2.LocalProtocolError: It is none that HTTP can carry.
            httpx2.ReadError: The connection broke after the request was sent.
            httpx2.RemoteProtocolError: What came, if anything, is not HTTP.

        """
        await self._acquire(request.pool_timeout_s)
        connection: HttpConnection | None = None
        try:
            connection = self._take_idle(request.origin) or await self._connect(
                request.origin, request.connect_timeout_s
            )
            connection.send(request.method, request.target, request.headers, request.body)
            request.is_sent = True
            head = await connection.receive_head()
        except BaseException:
            self._release(connection)
            raise
        return head, DirectBody(connection, self._release)

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


class DirectBody(httpx2.AsyncByteStream):
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
