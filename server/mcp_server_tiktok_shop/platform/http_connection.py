"""One HTTP/1.1 connection over asyncio's transport, with one exchange at a time."""

from __future__ import annotations

import asyncio
import re
import select
import socket
import time
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, cast

import httptools
import httpx2
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_HEAD_BYTES = 100 * 1024  # of a head, or of anything else that comes in a row and is no body
FIRST_FINAL_STATUS = 200  # below it an answer is a hint: another follows
# Without either of these a body ends with its connection; where both came, something on the way has mixed up two.
FRAMING_HEADERS = frozenset((b"content-length", b"transfer-encoding"))
# What servers send and every client reads: folded headers and padded sizes of chunks, both of which RFC 9112 wants
# accepted, lines that end in LF alone, and a length beside chunks, which does not count.
LENIENCIES = {
    "lenient_headers": True,
    "lenient_spaces_after_chunk_size": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_chunked_length": True,
}
MAX_KNOWN_HEADS = 32  # mostly an account's own, for each way of asking
TARGET = re.compile(rb"[\x21-\x7e]+")
CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
MAX_BUFFER_BYTES = 256 * 1024  # of a body that nobody has read yet; then the sender waits, too
# A network that forgets an idle connection, or a host that is gone, shows while nothing is asked, or soon after.
PROBE_AFTER_S, PROBE_EVERY_S, MAX_LOST_PROBES, MAX_UNCONFIRMED_MS = 30, 10, 3, 20_000
SOCKET_OPTIONS = {
    "TCP_KEEPIDLE": PROBE_AFTER_S,
    "TCP_KEEPALIVE": PROBE_AFTER_S,  # the same, as macOS calls it
    "TCP_KEEPINTVL": PROBE_EVERY_S,
    "TCP_KEEPCNT": MAX_LOST_PROBES,
    "TCP_USER_TIMEOUT": MAX_UNCONFIRMED_MS,
}


class ResponseHead(Struct, frozen=True):
    """The head of an answer; its headers as they came."""

    status_code: int
    headers: Sequence[tuple[bytes, bytes]]


class _RequestWriter(HTTPConnection):
    """Writes a request into memory, checked as the standard library checks it."""

    def __init__(self) -> None:
        super().__init__("localhost")  # which is not looked at: the headers tell the host
        self.pieces: list[bytes] = []

    def send(self, data: Any) -> None:
        self.pieces.append(data)


def write_request(method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A request as it goes over the wire.

    Raises:
        httpx2.LocalProtocolError: It is none that HTTP can carry.

    """
    if TARGET.fullmatch(target) is None:
        raise httpx2.LocalProtocolError("a target with characters that none has")
    before, after = _write_head(method, tuple(headers))
    return b"".join((before, target, after, body))


@lru_cache(maxsize=MAX_KNOWN_HEADS)
def _write_head(method: str, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[bytes, bytes]:
    """What stands before and after the target. Raises as `write_request`."""
    writer = _RequestWriter()
    try:
        if CONTROL_CHARACTERS.search(b"".join([value for _, value in headers])):
            raise httpx2.LocalProtocolError("a header with control characters in it")
        writer.putrequest(method, "/", skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            writer.putheader(name, value)
        writer.endheaders()
    except (HTTPException, ValueError) as error:
        raise httpx2.LocalProtocolError(str(error)) from error
    before, _, after = b"".join(writer.pieces).partition(b"/")
    return before, after


class HttpConnection(asyncio.Protocol):
    """A connection; `handle_loss` is called with it once, when it has ended."""

    def __init__(self, handle_loss: Callable[[HttpConnection], None]) -> None:
        self._handle_loss = handle_loss
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**LENIENCIES)
        self._transport: asyncio.Transport = asyncio.Transport()  # until it is connected
        self._waiter: asyncio.Future[None] | None = None
        self._error: httpx2.TransportError | None = None
        self._is_busy = False
        self._is_paused = False
        self._is_whole = False
        self._is_reusable = False
        self._head: ResponseHead | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._framing: frozenset[bytes] = frozenset()  # of the final head
        self._pieces: list[bytes] = []
        self._buffer_bytes = 0
        self._bytes_without_body = 0  # in a row
        self._idle_since = (0.0, 0.0)
        self.closed = asyncio.get_running_loop().create_future()

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.pause_reading()  # until something is sent: what comes is the answer to that
        self._is_paused = True
        raw_socket = transport.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in SOCKET_OPTIONS.items():
            if (option := getattr(socket, name, None)) is not None:
                with suppress(OSError):  # a system that knows the name need not have the option
                    raw_socket.setsockopt(socket.IPPROTO_TCP, option, value)

    def data_received(self, data: bytes) -> None:
        if not self._is_busy:  # an answer to nothing, which the next request would take for its own
            self._transport.abort()
            return
        self._bytes_without_body += len(data)  # which `on_body` takes back
        self._parse(data)
        if self._bytes_without_body > MAX_HEAD_BYTES and not self._is_whole and self._error is None:
            self._error = httpx2.RemoteProtocolError("a head without an end")
            self._wake()

    def eof_received(self) -> None:
        self._end_input()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end_input()
        elif self._is_busy and not self._is_whole and self._error is None:
            self._error = httpx2.ReadError(str(exc))
            self._error.__cause__ = exc
        self._wake()
        self._handle_loss(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def _end_input(self) -> None:
        """An end that the answer needs, as one without a length does, or that cuts it."""
        if self._is_busy and not self._is_whole and self._error is None:
            if self._head is None or self._framing:
                self._error = httpx2.RemoteProtocolError("the connection ended before the answer did")
            self._is_whole = self._error is None
            self._wake()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_reusable = False
            if not self._is_whole:  # else it is what came after the answer
                self._error = httpx2.RemoteProtocolError(str(error))
        if self._has_news:
            self._wake()
        if self._buffer_bytes >= MAX_BUFFER_BYTES and not self._is_whole and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    # ---- what the parser calls

    def on_message_begin(self) -> None:
        if self._is_whole:
            raise httpx2.RemoteProtocolError("an answer to nothing")
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if b"\0" in value:
            raise httpx2.RemoteProtocolError("a header with a NUL in it")
        if self._head is None:  # else it is part of a trailer
            self._headers.append((name, value.rstrip()))

    def on_headers_complete(self) -> None:
        if (status_code := self._parser.get_status_code()) >= FIRST_FINAL_STATUS:
            self._head = ResponseHead(status_code, self._headers)
            self._framing = FRAMING_HEADERS.intersection([name.lower() for name, _ in self._headers])
            self._bytes_without_body = 0

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffer_bytes += len(body)
        self._bytes_without_body = 0

    def on_message_complete(self) -> None:
        if self._head is not None:
            self._is_whole = True
            self._is_reusable = self._parser.should_keep_alive() and self._framing != FRAMING_HEADERS

    @property
    def _has_news(self) -> bool:
        return self._is_whole or self._error is not None or self._buffer_bytes >= MAX_BUFFER_BYTES

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ---- an exchange

    def send(self, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a request whole.

        Raises:
            httpx2.ConnectError: The connection has ended, and nothing was sent.
            httpx2.LocalProtocolError: It is none that HTTP can carry, and nothing was sent.

        """
        if self._transport.is_closing():
            raise httpx2.ConnectError("the connection ended before anything was sent")
        request = write_request(method, target, headers, body)
        self._is_busy = True
        self._transport.write(request)

    async def receive_head(self) -> ResponseHead:
        """The head of the answer, when the body is there too, or so much of it that it should be read.

        Raises:
            httpx2.ReadError: The connection broke.
            httpx2.RemoteProtocolError: It ended, or what came is not HTTP.

        """
        await self._wait()
        if self._head is None:
            raise self._error or httpx2.RemoteProtocolError("a body came without a head")
        return self._head

    async def read_piece(self) -> bytes:
        """What came of the body since, at most about `MAX_BUFFER_BYTES`; empty at its end. Raises as `receive_head`."""
        if not self._pieces:
            await self._wait()
        if not self._pieces and self._error is not None:
            raise self._error
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._buffer_bytes = 0
        return piece

    async def _wait(self) -> None:
        """Wait until the answer is whole, or cut, or has so much of a body that it should be read."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        if not self._has_news:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    # ---- between exchanges

    def finish_exchange(self) -> bool:
        """Whether another exchange may follow the last one: not where anything of it is left over."""
        is_sent = not self._transport.get_write_buffer_size()
        if not self._is_whole or not self._is_reusable or not is_sent or self._transport.is_closing():
            return False
        self._is_busy = self._is_whole = self._is_reusable = False
        self._head = None
        self._pieces.clear()
        self._buffer_bytes = self._bytes_without_body = 0
        self._idle_since = (time.monotonic(), time.time())
        return True

    def is_expired(self, keep_alive_s: float) -> bool:
        """Whether it was idle for so long, also by a clock that a sleep of the computer does not stop."""
        monotonic, clock = self._idle_since
        return max(time.monotonic() - monotonic, time.time() - clock) >= keep_alive_s

    def is_usable(self, keep_alive_s: float) -> bool:
        """Whether an idle connection can carry another exchange."""
        return not self.is_expired(keep_alive_s) and not self._transport.is_closing() and not self._is_readable()

    def _is_readable(self) -> bool:
        """Whether something came that the event loop has not seen yet: an end, mostly."""
        raw_socket = self._transport.get_extra_info("socket")
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([raw_socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(raw_socket, select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """End the connection at once, with whatever is under way."""
        self._transport.abort()
