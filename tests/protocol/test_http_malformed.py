"""Malformed requests over HTTP: none of them reaches a handler or ends in a 500, and the server answers afterwards.

With SOAK set there are 10,000 of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.protocol import http
from mcp_server_tiktok_shop.protocol.address import make_url
from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app
from tests.protocol.conformance_server import build_conformance_server
from tests.protocol.test_http import BEARER, CONTENT, LIST_TOOLS, TOKEN
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

REQUESTS = 10_000 if os.environ.get("SOAK") else 600
SEED = os.environ.get("SOAK_SEED", "5")
AT_ONCE = 16
MAX_GROWTH_MB = 24  # in which a body of 4 MiB or more, a few times at once, comes and goes
BODY = json.dumps(LIST_TOOLS).encode()
HEADERS = {
    "Host": "127.0.0.1:{port}",
    "Authorization": f"Bearer {TOKEN}",
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "Connection": "close",
}


@dataclass
class Served:
    """A server that keeps the methods of the requests which reach its handlers."""

    port: int
    reached: list[str] = field(default_factory=list)

    async def connect(self, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which the bytes were sent, with this server as their host."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request.replace(b"{port}", str(self.port).encode()))
        return reader, writer

    async def send(self, request: bytes, *, is_cut_off: bool) -> int:
        """The status of the answer; 0 where the connection ends without one, or is reset before it can be read."""
        reader, writer = await self.connect(request)
        with suppress(ConnectionError):
            await writer.drain()
            if is_cut_off:
                writer.write_eof()
        answer = b""
        with suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0

    async def is_answering(self) -> bool:
        async with httpx2.AsyncClient(headers=CONTENT | BEARER, timeout=PATIENCE_S) as client:
            response = await client.post(make_url("127.0.0.1", self.port), json=LIST_TOOLS)
        return response.status_code == 200 and bool(response.json()["result"]["tools"])


@asynccontextmanager
async def serve() -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(listener.getsockname()[1])
    server = build_conformance_server()

    async def note(ctx: Any, call_next: Any) -> Any:
        served.reached.append(ctx.method)
        return await call_next(ctx)

    server.middleware.append(note)
    async with run_web_server(build_http_app(server, SharedToken(TOKEN), served.port), listener):
        yield served


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as it:
        yield it


def make_request(
    body: bytes = BODY, line: bytes = b"POST /mcp HTTP/1.1", headers: Mapping[str, str | None] = MappingProxyType({})
) -> bytes:
    """The bytes of a request, right but for what is asked for; a header that is None is left out."""
    lines = {**HEADERS, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items() if text is not None)
    return line + b"\r\n" + head.encode("latin-1") + b"\r\n" + body


def make_chunked(chunks: bytes) -> bytes:
    head, _, _ = make_request(headers={"Transfer-Encoding": "chunked", "Content-Length": None}).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + chunks


def spoil_body(draw: random.Random) -> bytes:
    bodies = (
        b"",
        BODY[: draw.randrange(len(BODY))],
        BODY + b"}",
        b"[" + BODY + b"]",
        b"[" * draw.randrange(1, 60_000),
        draw.randbytes(draw.randrange(1, 3_000)),
        b'{"jsonrpc": "2.0", "id": 1, "method": ' + b"9" * draw.randrange(1, 9_000) + b"}",
        BODY.replace(b"2.0", b"1.0"),
        BODY.replace(b'"params": {}', b'"params": 4'),
        BODY.replace(b'"id": 7', b'"id": {}'),
        BODY.decode().encode("utf-16"),
    )
    return make_request(draw.choice(bodies))


def spoil_size(draw: random.Random) -> bytes:
    if draw.random() < 0.1:
        return make_request(b" " * (4 * 2**20 + draw.randrange(1, 9)))
    lengths = ("-1", "x", "", "0x20", "1e3", "+5", "9" * 30, f"{len(BODY)}, 3", str(len(BODY) + draw.randrange(1, 999)))
    return make_request(headers={"Content-Length": draw.choice(lengths)})


def spoil_chunks(draw: random.Random) -> bytes:
    size = f"{len(BODY):x}".encode()
    return make_chunked(
        draw.choice(
            (
                b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
                b"-5\r\n" + BODY + b"\r\n0\r\n\r\n",
                size + b"\r\n" + BODY,
                size + b"\r\n" + BODY + b"\r\n",
                b"f" * 40 + b"\r\n" + BODY,
                b"5\r\n" + BODY + b"\r\n0\r\n\r\n",
                b"0\r\n\r\n",
            )
        )
    )


def spoil_headers(draw: random.Random) -> bytes:
    word = "".join(draw.choices("abcdefgh", k=draw.randrange(1, 20)))
    headers: tuple[dict[str, str | None], ...] = (
        {"Authorization": None},
        {"Authorization": f"Bearer {word}"},
        {"Authorization": f"Bearer {TOKEN}\xff"},
        {"Host": None},
        {"Host": f"{word}.example"},
        {"Host": ""},
        {"Origin": f"https://{word}.example"},
        {"Content-Type": f"text/{word}"},
        {"Content-Type": None},
        {"Accept": f"text/{word}"},
        {"MCP-Protocol-Version": word},
        {"MCP-Protocol-Version": "2026-07-28"},
        {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": word},
        {"X-Long": "x" * draw.randrange(300_000, 400_000)},
        {f"bad {word}": "x"},
        {f"{word}\x00": "x"},
        {word: "x\x00y"},
        {word: f"x\r\n{word}"},
        {f"({word})": "x"},
        {"Transfer-Encoding": word},
    )
    return make_request(headers=draw.choice(headers))


def spoil_line(draw: random.Random) -> bytes:
    word = bytes(draw.choices(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=draw.randrange(3, 12)))
    return make_request(
        line=draw.choice(
            (
                b"POST /mcp",
                b"POST /mcp HTTP/9.9",
                b"POST  /mcp HTTP/1.1",
                b"POST /mcp HTTP/1.1 x",
                b"POST /\x00mcp HTTP/1.1",
                b"POST /" + b"a" * draw.randrange(100, 90_000) + b" HTTP/1.1",
                b"POST /%zz/../mcp/x HTTP/1.1",
                b"PRI * HTTP/2.0",
                b"OPTIONS * HTTP/1.1",
                b"CONNECT 127.0.0.1:1 HTTP/1.1",
                word + b" /mcp HTTP/1.1",
                b"GET /mcp HTTP/1.1",
                b"DELETE /mcp HTTP/1.1",
                b"PUT /mcp HTTP/1.1",
                b"TRACE /mcp HTTP/1.1",
                b"post /mcp HTTP/1.1",
            )
        )
    )


def cut_off(draw: random.Random) -> bytes:
    request = make_request()
    return request[: draw.randrange(1, len(request))]


def make_junk(draw: random.Random) -> bytes:
    return draw.choice((b"", b"\r\n" * draw.randrange(1, 9), b"\x16\x03\x01\x02\x00\x01")) + draw.randbytes(
        draw.randrange(1, 5_000)
    )


def lead_with_junk(draw: random.Random) -> bytes:
    """A good request behind bytes that are none: where one ends can't be known any more."""
    return draw.choice(
        (
            draw.randbytes(20).replace(b"\n", b"") + b"\r\n\r\n",
            make_request(headers={"Content-Length": "x"}),
            make_chunked(b"zz\r\n"),
            make_request(headers={"bad name": "x"}),
        )
    ) + make_request(headers={"Connection": "keep-alive"})


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    spoil_body,
    spoil_size,
    spoil_chunks,
    spoil_headers,
    spoil_line,
    cut_off,
    make_junk,
    lead_with_junk,
)


# After these a server may wait for more: the sender goes away.
CUT_OFF_KINDS = (spoil_size, spoil_chunks, cut_off, make_junk)


def read_memory_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def test_no_malformed_request_reaches_a_handler(served: Served) -> None:
    draw = random.Random(SEED)
    statuses: Counter[int] = Counter()

    def draw_requests(count: int) -> Iterator[tuple[bytes, bool]]:
        for _ in range(count):
            kind = draw.choice(KINDS)
            yield kind(draw), kind in CUT_OFF_KINDS

    async def send_all(requests: Iterator[tuple[bytes, bool]]) -> None:
        for request, is_cut_off in requests:
            status = await served.send(request, is_cut_off=is_cut_off)
            assert status in (0, 505) or 400 <= status < 500, (status, request[:600])
            assert served.reached == [], (status, request[:600])
            statuses[status] += 1

    async def send_at_once(count: int) -> None:
        requests = draw_requests(count)
        await asyncio.gather(*(send_all(requests) for _ in range(AT_ONCE)))

    await send_at_once(REQUESTS // 4)
    memory_mb = read_memory_mb()
    await send_at_once(REQUESTS - REQUESTS // 4)
    growth_mb = read_memory_mb() - memory_mb
    assert statuses.total() == REQUESTS
    assert statuses.keys() >= {400, 401, 404, 405, 413, 421}, statuses
    assert growth_mb < MAX_GROWTH_MB, f"{growth_mb:.1f} MB more"
    assert await served.is_answering()


async def test_a_message_that_its_sender_did_not_finish_is_not_acted_on(served: Served) -> None:
    for request in (
        make_request(headers={"Content-Length": str(len(BODY) + 1)}),
        make_chunked(f"{len(BODY):x}\r\n".encode() + BODY),
    ):
        await served.send(request, is_cut_off=True)
    assert await served.is_answering()
    assert served.reached == ["tools/list"]


async def test_slow_senders_keep_nobody_waiting(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_TIMEOUT_S", 0.5)
    request = make_request()
    head_bytes = request.index(b"\r\n\r\n") + 4
    senders = [
        await served.connect(request[: head_bytes + 3 if number % 2 else number % head_bytes]) for number in range(200)
    ]
    assert await served.is_answering()
    for number, (reader, writer) in enumerate(senders):
        if number % 2:
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
            assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()
    assert served.reached == ["tools/list"]


async def test_requests_in_one_piece_are_each_answered(served: Served) -> None:
    reader, writer = await served.connect(
        make_request(headers={"Connection": "keep-alive"}) * 5 + make_request(BODY[:-1])
    )
    answers = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    assert answers.count(b"HTTP/1.1 200 ") == 5
    assert answers.count(b"HTTP/1.1 400 ") == 1
    assert len(served.reached) == 5
