"""What travels over a connection without a proxy: each answer to its own request, whole, bounded, or a plain error."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.errors import RequestError
from mcp_server_tiktok_shop.platform import direct_transport, http_answers, http_transport
from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
from mcp_server_tiktok_shop.platform.envelope import ConnectError, UnknownOutcomeError, UnusableAnswerError
from mcp_server_tiktok_shop.platform.http_connection import HttpConnection
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from tests.platform.test_proxy_servers import Tls, dead_port, listening, piped, tls
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["tls"]

JSON = b'{"code":0}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWER = HEAD + b"content-length: 10\r\n\r\n" + JSON
LIMIT = 300_000


@dataclass
class Platform:
    """A server of raw bytes: what it was asked, over how many connections, and how many of them are open."""

    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]
    url: str = ""
    paths: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while head := await read_head(reader):
                self.paths.append(head.split(" ")[1])
                await self.answer(reader, writer, self.paths[-1])
                await writer.drain()
        finally:
            self.open -= 1


async def read_head(reader: asyncio.StreamReader) -> str:
    """The head of a request whose body has been read too; empty where the client has gone."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
    await reader.readexactly(int(lengths[0]) if lengths else 0)
    return head


@asynccontextmanager
async def serving(answer: Any, scheme: str = "http", context: Any = None) -> AsyncIterator[Platform]:
    platform = Platform(answer)
    async with listening(platform.handle, context) as port:
        platform.url = f"{scheme}://127.0.0.1:{port}"
        yield platform


async def answer_well(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
    writer.write(ANSWER)


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(loopback=True)
    yield transport
    await transport.close()


async def ask(transport: HttpTransport, url: str, seconds: float = 30.0) -> bytes:
    response = await transport.request("POST", url, timeout=seconds, content=b"{}")
    assert response.status_code == 200
    return response.content


# ---- one after the other


async def test_calls_in_a_row_share_one_connection(transport: HttpTransport) -> None:
    async with serving(answer_well) as platform:
        for _ in range(20):
            assert await ask(transport, platform.url) == JSON
        assert platform.connections == 1


async def test_transports_that_share_a_pool_share_its_connections_and_one_that_is_closed_leaves_them(
    transport: HttpTransport,
) -> None:
    async with serving(answer_well) as platform:
        for _ in range(5):
            shared = transport.share_pool()
            assert await ask(shared, platform.url) == JSON
            await shared.close()
        assert await ask(transport, platform.url) == JSON
        assert platform.connections == platform.open == 1


async def test_an_answer_is_to_its_own_request_however_many_are_asked_at_once(transport: HttpTransport) -> None:
    """No request is sent over a connection before the answer to the last one is whole."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(HEAD + f"content-length: {len(path)}\r\n\r\n".encode())
        await asyncio.sleep(0.002)
        writer.write(path[:3].encode())
        await asyncio.sleep(0.002)
        assert not reader._buffer  # type: ignore[attr-defined] # nothing came meanwhile
        writer.write(path[3:].encode())

    async with serving(echo) as platform:
        paths = [f"/path/{number:04}" for number in range(300)]
        answers = await asyncio.gather(*(ask(transport, platform.url + path) for path in paths))
        assert [answer.decode() for answer in answers] == paths
        assert platform.connections == http_transport.MAX_CONNECTIONS


@pytest.mark.parametrize("more", [b"x", ANSWER, b"\r\n"])
@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_what_comes_unasked_is_never_taken_for_the_next_answer(
    transport: HttpTransport, more: bytes, pause: float
) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        text = path.encode()
        writer.write(HEAD + f"content-length: {len(text)}\r\n\r\n".encode() + text)
        if pause:
            await writer.drain()
            await asyncio.sleep(pause)
        writer.write(more)

    async with serving(answer) as platform:
        for number in range(4):
            assert await ask(transport, f"{platform.url}/{number}") == f"/{number}".encode()
            if pause or more.strip():  # an empty line that comes with an answer is nothing
                await until(lambda: platform.open == 0)
                assert platform.connections == number + 1


@pytest.mark.parametrize("way", ["upload", "document"])
async def test_what_comes_unasked_is_taken_for_no_upload_or_document_either(transport: HttpTransport, way: str) -> None:
    """A label must not be another parcel's."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(HEAD + f"content-length: {len(path)}\r\n\r\n".encode() + path.encode() + ANSWER)

    async with serving(answer) as platform:
        for number in range(4):
            url = f"{platform.url}/{number}"
            if way == "document":
                content = await DocumentFetcher(transport, loopback=True).fetch(url)
            else:
                file = {"data": ("a.png", b"x", "image/png")}
                content = (await transport.request("POST", url, timeout=30.0, files=file)).content
            assert content == f"/{number}".encode()


async def test_a_connection_whose_answer_had_two_framings_is_not_used_again(transport: HttpTransport) -> None:
    """Who mixed up two lengths may have mixed up two answers."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        writer.write(HEAD + b"content-length: 10\r\ntransfer-encoding: chunked\r\n\r\na\r\n" + JSON + b"\r\n0\r\n\r\n")

    async with serving(answer) as platform:
        for _ in range(3):
            assert await ask(transport, platform.url) == JSON
        assert len(platform.paths) == platform.connections == 3


async def test_a_connection_that_the_platform_ended_is_not_used_again(transport: HttpTransport) -> None:
    """A write that is sent into it would have an unknown outcome."""

    async def answer_and_end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(ANSWER if path == "/told" else ANSWER.replace(b"200 OK\r\n", b"200 OK\r\nconnection: close\r\n"))
        await writer.drain()
        writer.close()

    async with serving(answer_and_end) as platform:
        for path in ["/told", "/untold"] * 5:
            assert await ask(transport, platform.url + path) == JSON
            await asyncio.sleep(0.01)
        assert len(platform.paths) == platform.connections == 10


async def test_an_idle_connection_is_kept_for_90_seconds_also_over_a_sleep_of_the_computer(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    clock, monotonic = time.time, time.monotonic
    async with serving(answer_well) as platform:
        for name, real, seconds, connections in [
            ("monotonic", monotonic, 80, 1),
            ("monotonic", monotonic, 180, 2),
            ("time", clock, 100, 3),
        ]:
            await ask(transport, platform.url)
            monkeypatch.setattr(time, name, lambda real=real, seconds=seconds: real() + seconds)
            await ask(transport, platform.url)
            assert platform.connections == connections
            await until(lambda: platform.open == 1)


# ---- one that is given up


async def test_a_call_that_is_given_up_ends_its_connection_and_leaves_room_for_others(transport: HttpTransport) -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(ANSWER if path == "/quick" else ANSWER[:-3])
        if path != "/quick":
            await reader.read()

    async with serving(begin) as platform:
        for steps in (1, 2, 3, 4, 5, 8, 0, 0):  # of the event loop, or until all wait for the rest of their answers
            platform.paths.clear()
            calls = [asyncio.create_task(ask(transport, platform.url)) for _ in range(http_transport.MAX_CONNECTIONS)]
            for _ in range(steps):
                await asyncio.sleep(0)
            if not steps:
                await until(lambda: len(platform.paths) == http_transport.MAX_CONNECTIONS)
            for call in calls:
                call.cancel()
            told = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in told)
            await until(lambda: platform.open == 0)
        assert await ask(transport, platform.url + "/quick") == JSON


async def test_nothing_is_open_when_the_server_has_ended() -> None:
    async def dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        if path == "/slow":
            await reader.read()
        writer.write(ANSWER)

    transport = HttpTransport(loopback=True)
    async with serving(dawdle) as platform:
        await asyncio.gather(*(ask(transport, platform.url) for _ in range(5)))
        slow = asyncio.create_task(ask(transport, platform.url + "/slow"))
        await until(lambda: "/slow" in platform.paths)
        await transport.close()
        with pytest.raises(UnknownOutcomeError):
            await slow
        await until(lambda: platform.open == 0)
        assert await ask(transport, platform.url) == JSON  # and it opens again where it is asked
        await transport.close()


# ---- what was surely not sent


async def test_a_write_that_waited_for_a_connection_in_vain_was_not_sent() -> None:
    transport, given_up = HttpTransport(loopback=True, max_connections=1), asyncio.Event()

    async def dawdle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        await given_up.wait()
        writer.write(ANSWER)

    async with serving(dawdle) as platform:
        first = asyncio.create_task(ask(transport, platform.url))
        await until(lambda: platform.paths)
        with pytest.raises(ConnectError):
            await ask(transport, platform.url, seconds=0.2)
        given_up.set()
        assert await first == JSON
        assert len(platform.paths) == 1
        await transport.close()


async def test_what_is_no_http_was_not_sent(transport: HttpTransport) -> None:
    async with serving(answer_well) as platform:
        with pytest.raises(ConnectError, match="what should go out is not HTTP"):
            await transport.request("POST", platform.url, timeout=30.0, content=b"{}", headers={"x-a": "b\nc: d"})
        assert platform.paths == []
        assert await ask(transport, platform.url) == JSON


async def test_a_handshake_that_does_not_end_sends_nothing(transport: HttpTransport) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(say_nothing) as port:
        with pytest.raises(ConnectError, match="no connection in time"):
            await ask(transport, f"https://127.0.0.1:{port}", seconds=0.3)


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", b"", b"\x15\x03\x03\x00\x02\x02\x28"]
)
async def test_a_handshake_that_fails_sends_nothing(transport: HttpTransport, said: bytes) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(said)

    async with listening(refuse) as port:
        with pytest.raises(ConnectError):
            await ask(transport, f"https://127.0.0.1:{port}")


async def test_nobody_at_the_address_is_named(transport: HttpTransport) -> None:
    with pytest.raises(ConnectError, match="the connection was refused"):
        await ask(transport, f"http://127.0.0.1:{dead_port()}")
    with pytest.raises(ConnectError, match="its name can't be resolved"):
        await ask(transport, "http://nobody.invalid")


# ---- over TLS


async def test_over_tls_a_connection_is_kept_and_a_stranger_is_not_trusted(
    transport: HttpTransport, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(answer_well, "https", tls.server) as platform:
        for _ in range(5):
            assert await ask(transport, platform.url) == JSON
        await asyncio.gather(*(ask(transport, platform.url) for _ in range(8)))
        assert platform.connections == 8
        with pytest.raises(ConnectError, match="its certificate is not trusted"):
            await ask(transport, platform.url.replace("127.0.0.1", "127.1"))
        monkeypatch.undo()
        stranger = HttpTransport(loopback=True)
        with pytest.raises(ConnectError, match="its certificate is not trusted"):
            await ask(stranger, platform.url)
        await stranger.close()
        assert len(platform.paths) == 13


@pytest.mark.parametrize("way", ["ours", "httpx2's"])
async def test_a_record_that_can_not_be_read_is_told_in_plain_words(
    transport: HttpTransport, tls: Tls, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Uploads go over httpx2's connections, and may be done when the answer is garbled."""
    if way == "httpx2's":
        monkeypatch.setattr(transport, "_get_direct_transport", lambda: None)
    garbled = asyncio.Event()

    async def answer_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        writer.write(ANSWER[:-3])
        await writer.drain()
        garbled.set()
        await reader.read()

    async with serving(answer_half, "https", tls.server) as platform:

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(platform.url.split(":")[-1]))
            pipes = [
                asyncio.create_task(piped(reader, inner_writer)),
                asyncio.create_task(piped(inner_reader, writer)),
            ]
            await garbled.wait()
            await asyncio.sleep(0.05)
            writer.write(b"\x17\x03\x03\x00\x20" + b"A" * 32)
            await asyncio.gather(*pipes)

        async with listening(relay) as port:
            with pytest.raises(UnknownOutcomeError, match="the secure connection failed"):
                await ask(transport, f"https://127.0.0.1:{port}", seconds=30.0)


@pytest.mark.parametrize("way", ["ours", "httpx2's"])
async def test_no_cookie_is_kept(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Accounts share connections: what the platform gave one to know it by is not sent for another."""
    if way == "httpx2's":
        monkeypatch.setattr(transport, "_get_direct_transport", lambda: None)
    heads: list[str] = []

    async def bake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            heads.append(head.lower())
            writer.write(ANSWER.replace(b"200 OK\r\n", b"200 OK\r\nset-cookie: seller=one; path=/\r\n"))

    async with listening(bake) as port:
        for _ in range(3):
            await ask(transport, f"http://127.0.0.1:{port}")
    assert len(heads) == 3
    assert not any("cookie" in head for head in heads)


# ---- the same as over httpx2's own connections

ZIPPED = gzip.compress(JSON * 1000)
LONG = b"y" * 200_000
GOOD_ANSWERS: dict[str, list[bytes]] = {
    "a length": [ANSWER],
    "byte by byte": [bytes([byte]) for byte in ANSWER],
    "chunks": [HEAD + b"transfer-encoding: chunked\r\n\r\n", b'4\r\n{"co\r\n', b'6\r\nde":0}\r\n0\r\n', b"\r\n"],
    "chunks with a trailer": [HEAD + b"transfer-encoding: chunked\r\n\r\na;x=1\r\n" + JSON + b"\r\n0\r\na: b\r\n\r\n"],
    "no length": [HEAD + b"connection: close\r\n\r\n" + JSON],
    "HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\n" + JSON],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "nothing": [HEAD + b"content-length: 0\r\n\r\n"],
    "a hint before": [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", ANSWER],
    "go on before": [b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER],
    "a redirect": [b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"],
    "too many": [b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 10\r\n\r\n" + JSON],
    "gzip": [HEAD + f"content-encoding: gzip\r\ncontent-length: {len(ZIPPED)}\r\n\r\n".encode() + ZIPPED],
    "gzip in chunks": [
        HEAD + f"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n{len(ZIPPED):x}\r\n".encode(),
        *(ZIPPED, b"\r\n0\r\n\r\n"),
    ],
    "deflate": [HEAD + b"content-encoding: deflate\r\nconnection: close\r\n\r\n" + zlib.compress(JSON)],
    "what can't be unpacked is left": [HEAD + b"content-encoding: rot13\r\ncontent-length: 10\r\n\r\n" + JSON],
    "long": [HEAD + b"content-length: 200000\r\n\r\n", *([LONG[:50_000]] * 4)],
    "a head twice": [HEAD + b"x-a: 1\r\nx-a: 2\r\nset-cookie: a=b\r\ncontent-length: 10\r\n\r\n" + JSON],
    "a header of nothing, and spaces": [HEAD + b"x-a:\r\nx-b: \t b \t \r\ncontent-length: 10\r\n\r\n" + JSON],
    "an offer to upgrade": [HEAD + b"upgrade: h2\r\nconnection: upgrade\r\ncontent-length: 10\r\n\r\n" + JSON],
    "a folded header": [HEAD + b"x-a: b\r\n c\r\ncontent-length:\r\n 10\r\n\r\n" + JSON],
    "lines that end in LF": [ANSWER.replace(b"\r\n", b"\n")],
    "padded sizes of chunks": [HEAD + b"transfer-encoding: chunked\r\n\r\na   \r\n" + JSON + b"\r\n0  \r\n\r\n"],
    "chunks and a length that is not theirs": [
        HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\na\r\n" + JSON + b"\r\n0\r\n\r\n"
    ],
    "a length for chunks that is not theirs": [
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 99\r\n\r\na\r\n" + JSON + b"\r\n0\r\n\r\n"
    ],
    "a second answer": [ANSWER + ANSWER],
    "half a second answer": [ANSWER + ANSWER[:5]],
    "nonsense after it": [ANSWER + b"\x00"],
}
BAD_ANSWERS: dict[str, list[bytes]] = {
    "an end": [b""],
    "half a head": [HEAD],
    "half a body": [ANSWER[:-4]],
    "half a chunk": [HEAD + b"transfer-encoding: chunked\r\n\r\na\r\n{"],
    "no chunk": [HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"],
    "no HTTP": [b"\x00\x01nonsense\r\n\r\n"],
    "another protocol": [b"SSH-2.0-OpenSSH_9.6\r\n\r\n"],
    "HTTP/2": [b"HTTP/2 200 OK\r\n\r\n"],
    "two lengths": [HEAD + b"content-length: 10\r\ncontent-length: 11\r\n\r\n" + JSON],
    "a length that is none": [HEAD + b"content-length: ten\r\n\r\n" + JSON],
    "a header with a NUL": [HEAD + b"x-a: \0\r\ncontent-length: 10\r\n\r\n" + JSON],
    "a head without end": [b"HTTP/1.1 200 OK\r\n", *([b"x-a: " + b"a" * 50_000 + b"\r\n"] * 4)],
    "no gzip": [HEAD + b"content-encoding: gzip\r\ncontent-length: 10\r\n\r\n" + JSON],
    "another protocol after": [b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"],
    "too long": [HEAD + b"content-length: 400000\r\n\r\n", LONG, LONG],
    "too long, and endless": [HEAD + b"connection: close\r\n\r\n", *([LONG] * 20)],
    "too long when it is unpacked": [HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 10**8)],
    "too long when it is unpacked, in chunks": [
        HEAD + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        *(b"%x\r\n" % len(part) + part + b"\r\n" for part in [gzip.compress(b"x" * 10**8)]),
    ],
}


async def outcome(transport: HttpTransport, url: str) -> tuple[Any, ...]:
    """All that the rest of the server can know of an exchange."""
    try:
        response = await transport.request("POST", url, timeout=30.0, content=b"{}", headers={"x-test": "1"})
    except RequestError as error:
        return type(error), str(error)
    return response.status_code, response.headers.multi_items(), response.content, str(response.url)


@pytest.mark.parametrize("name", [*GOOD_ANSWERS, *BAD_ANSWERS])
async def test_an_answer_is_read_as_httpx2_reads_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(http_answers, "MAX_ANSWER_BYTES", LIMIT)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        for piece in (GOOD_ANSWERS | BAD_ANSWERS)[name]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    ours, theirs = HttpTransport(loopback=True), HttpTransport(loopback=True)
    monkeypatch.setattr(theirs, "_get_direct_transport", lambda: None)
    async with serving(answer) as platform:
        for _ in range(2):
            known = await outcome(ours, platform.url)
            assert known == await outcome(theirs, platform.url)
            assert (name in GOOD_ANSWERS) == isinstance(known[0], int), known
            if name.startswith("too long"):
                assert known[0] is UnusableAnswerError
        await ours.close()
        await theirs.close()
        await until(lambda: platform.open == 0)


@pytest.mark.parametrize(
    "rest",
    [
        "/order/202507/orders?ids=1%2C2&sign=a0~&x=",
        "/api/v2/token/get",
        "/a%20b/%C3%BC?x=%2F%3D&y=a%2Cb&z=",
        "/a/../b?x=1",
        "/a?x=%zz",
        "/a?x=\u00fc",
        "/",
    ],
)
@pytest.mark.parametrize("headers", [{}, {"x-tts-access-token": "t"}, {"content-type": "a/b"}, {"Accept": "a/b"}])
async def test_a_request_is_the_one_that_httpx2_sends(
    transport: HttpTransport, rest: str, headers: dict[str, str]
) -> None:
    heads: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.read(5000))
        writer.write(ANSWER)

    client = HttpTransport(loopback=True)
    client._is_direct = False
    async with listening(keep) as port:
        url = f"http://127.0.0.1:{port}{rest}"
        for way in (transport, client):
            await way.request("GET", url, timeout=30.0, headers=headers)
            await way.request("POST", url, timeout=30.0, headers=headers, content=b"{}")
            await way.request("POST", url, timeout=30.0, headers=headers)
    assert [sorted(head.lower().split(b"\r\n")) for head in heads[:3]] == [
        sorted(head.lower().split(b"\r\n")) for head in heads[3:]
    ]
    await client.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n"])
@pytest.mark.parametrize("line", [b"x-a: 1\r\n", b"a"])
async def test_a_head_or_a_trailer_without_end_is_given_up(transport: HttpTransport, head: bytes, line: bytes) -> None:
    sent = 0

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        nonlocal sent
        writer.write(head)
        while not writer.is_closing():
            writer.write(line * 10_000)
            sent += len(line) * 10_000
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(pour) as platform:
        with pytest.raises(UnknownOutcomeError, match="what came is not HTTP"):
            await ask(transport, platform.url)
        await until(lambda: platform.open == 0)
        assert sent < 50 * 10**6


@pytest.mark.parametrize("token", ["a\r\nx: 1", "a\nb", "a\r\n b", "a\x00b", "a\x1bb"])
async def test_a_header_that_would_be_two_is_not_sent(transport: HttpTransport, token: str) -> None:
    async with serving(answer_well) as platform:
        with pytest.raises(RequestError):
            await transport.request("GET", platform.url, timeout=30.0, headers={"x-tts-access-token": token})
        assert not platform.paths


async def test_an_answer_that_nobody_reads_makes_its_sender_wait() -> None:
    """However much comes, what lies here unread stays small."""
    import httpx2

    sent = 0

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str) -> None:
        nonlocal sent
        writer.write(HEAD + b"content-length: 1000000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"z" * 10**6)
            await writer.drain()
            sent += 10**6

    pool = direct_transport.DirectTransport(max_connections=1, keep_alive_s=1.0, trust_env=False)
    async with serving(pour) as platform:
        response = await pool.handle_async_request(httpx2.Request("GET", platform.url))
        await asyncio.sleep(0.3)
        connection = next(iter(pool._connections))
        assert isinstance(connection, HttpConnection)
        assert connection._buffer_bytes < 10**6
        assert sent < 50 * 10**6
        await response.aclose()
        await pool.aclose()
