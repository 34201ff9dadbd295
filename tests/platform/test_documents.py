"""Documents are fetched from public addresses alone, bounded, without a header of ours, wherever a link leads."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.proxies import parse_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MB = 2**20
PDF = b"%PDF-1.4 not much of one"


@dataclass
class DocumentHost:
    """A host of documents on loopback that keeps the head of every request; it answers CONNECT with a refusal."""

    answers: dict[str, tuple[str, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, body: bytes = PDF, status: str = "200 OK", **headers: str) -> str:
        """Answer this path so; gives its URL."""
        self.answers[path] = (status, headers, body)
        return self.url + path

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(head)
            path = head.split(" ")[1].partition("?")[0]
            status, headers, body = self.answers.get(path, ("404 Not Found", {}, b"nothing here"))
            told = {"content-length": str(len(body)), "connection": "close"}
            told |= {name.replace("_", "-"): value for name, value in headers.items()}
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in told.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def document_host() -> AsyncIterator[DocumentHost]:
    host = DocumentHost()
    server = await asyncio.start_server(host.converse, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def documents(*, loopback: bool = False, **more: Any) -> AsyncIterator[DocumentFetcher]:
    network = HttpTransport(loopback=loopback, **more)
    try:
        yield DocumentFetcher(network, loopback=loopback)
    finally:
        await network.close()


async def refused(url: str, kind: str = "not_permitted", **more: Any) -> str:
    async with documents(**more) as fetcher:
        with pytest.raises(ShopError) as caught:
            await fetcher.fetch(url)
    assert caught.value.kind == kind, caught.value.message
    return caught.value.message


# ---- addresses


PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",  # carriers' own
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",  # where clouds keep credentials
    "0.0.0.0",  # noqa: S104
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
    "255.255.255.255",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[ff02::1]",
]
HIDDEN_PRIVATE = [
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::10.0.0.1]",  # translated to 10.0.0.1 by a NAT64
    "[64:ff9b::7f00:1]",
    "[2002:a00:1::]",  # tunnelled to 10.0.0.1
    "[2002:7f00:1::]",
    "[::10.0.0.1]",
    "[fec0::1]",
]


LOOPBACK = ["127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", [*PRIVATE, *HIDDEN_PRIVATE])
@pytest.mark.parametrize("port", ["", ":8443"])
async def test_an_address_that_is_not_public_is_not_connected_to(host: str, port: str) -> None:
    assert "not on the public internet" in await refused(f"https://{host}{port}/label.pdf")


@pytest.mark.parametrize("host", [host for host in (*PRIVATE, *HIDDEN_PRIVATE) if host not in LOOPBACK])
async def test_an_api_on_loopback_opens_loopback_and_nothing_else(host: str) -> None:
    await refused(f"http://{host}/label.pdf", loopback=True)


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.01", "localhost", "LocalHost"]
)
async def test_a_name_that_leads_to_this_computer_is_refused_however_it_is_written(host: str) -> None:
    async with document_host() as server:
        server.answer("/label.pdf")
        for scheme in ("http", "https"):
            message = await refused(f"{scheme}://{host}:{server.port}/label.pdf")
            assert "not on the public internet" in message
        assert server.requests == []


async def test_this_computers_own_name_is_refused() -> None:
    try:
        own = socket.gethostbyname(socket.gethostname())
    except OSError:
        pytest.skip("it has none")
    if own.startswith(("127.", "10.", "172.", "192.168.")):
        await refused(f"https://{socket.gethostname()}/label.pdf")


async def test_plain_http_is_for_loopback_alone() -> None:
    assert "https" in await refused("http://8.8.8.8/label.pdf")
    assert "https" in await refused("http://8.8.8.8/label.pdf", loopback=True)
    assert "https" in await refused("http://[2001:4860:4860::8888]/label.pdf")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@8.8.8.8/label.pdf",
        "https://user@8.8.8.8/label.pdf",
        "https://:password@8.8.8.8/label.pdf",
        "https://@8.8.8.8/label.pdf",
        "ftp://8.8.8.8/label.pdf",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "data:application/pdf,hello",
        "gopher://8.8.8.8/",
        "javascript:alert(1)",
        "//8.8.8.8/label.pdf",
        "label.pdf",
        "https:///label.pdf",
        "https://",
        "",
        "https://8.8.8.8:99999/label.pdf",
        "https://8.8.8.8:port/label.pdf",
        "https://[8.8.8.8/label.pdf",
        "https://[::1",
    ],
)
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    await refused(url)


async def test_every_address_of_a_name_must_be_public(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert "not on the public internet" in await refused("https://documents.example/label.pdf")


async def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time must not lead anywhere else."""
    asked: list[bytes] = []

    def rebinding(host: Any, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        ip = "8.8.8.8" if asked.count(host) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with documents() as fetcher:
        address, extensions, headers = await fetcher._pin_address(
            "https://documents.example/a/label.pdf?x=1", fetcher._transport
        )
    assert address == "https://8.8.8.8/a/label.pdf?x=1"
    assert extensions == {"sni_hostname": "documents.example"}  # so that the certificate is still the name's
    assert headers == {"host": "documents.example"}
    assert asked == [b"documents.example"]


async def test_a_name_without_an_address_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", none)
    assert "no address" in await refused("https://documents.example/label.pdf", "network")
    await refused(f"https://{'a' * 70}.example/label.pdf", "network")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "..", "a..b", "xn--", "é" * 70])
async def test_a_name_that_can_be_no_name_is_refused(host: str) -> None:
    async with documents() as fetcher:
        with pytest.raises(ShopError):
            await fetcher.fetch(f"https://{host}/label.pdf")


# ---- redirects


async def test_a_document_is_fetched_without_any_header_of_ours() -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        url = host.answer("/label.pdf", set_cookie="session=1; Path=/")
        assert await fetcher.fetch(url + "?signature=a%2Fb") == PDF
        assert await fetcher.fetch(url) == PDF
    for head in host.requests:
        names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
        assert names <= {"host", "accept", "connection", "accept-encoding"}, head
    assert host.requests[0].startswith("GET /label.pdf?signature=a%2Fb HTTP/1.1\r\n")
    assert f"127.0.0.1:{host.port}" in host.requests[0]


async def test_a_redirect_is_followed_to_where_a_document_may_be() -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        host.answer("/label.pdf")
        first = host.answer("/first", b"", "302 Found", location="/label.pdf")
        assert await fetcher.fetch(first) == PDF


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/label.pdf",
        "https://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://user:password@8.8.8.8/",
        "http://8.8.8.8/label.pdf",
        "file:///etc/passwd",
        "//10.0.0.1/label.pdf",
        "https://8.8.8.8:99999/",
        "https://[",
        "gopher://8.8.8.8/",
    ],
)
async def test_a_redirect_to_anywhere_else_is_refused(location: str) -> None:
    async with document_host() as host:
        first = host.answer("/first", b"", "302 Found", location=location)
        await refused(first, loopback=True)


async def test_redirects_come_to_an_end() -> None:
    async with document_host() as host:
        loop = host.answer("/loop", b"", "302 Found", location="/loop")
        assert "redirect" in await refused(loop, "platform", loopback=True)
        assert len(host.requests) <= 5
        nowhere = host.answer("/nowhere", b"", "302 Found")  # no location at all
        async with documents(loopback=True) as fetcher:
            with pytest.raises(ShopError):
                await fetcher.fetch(nowhere)


# ---- what comes


async def test_twenty_megabytes_are_fetched_and_one_byte_more_is_not() -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        assert len(await fetcher.fetch(host.answer("/fits", b"x" * (20 * MB)))) == 20 * MB
        url = host.answer("/large", b"x" * (20 * MB + 1))
        with pytest.raises(ShopError, match="larger than 20 MB"):
            await fetcher.fetch(url)


async def test_what_unpacks_to_more_than_twenty_megabytes_is_not_fetched() -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        url = host.answer("/bomb", gzip.compress(b"\0" * (64 * MB)), content_encoding="gzip")
        with pytest.raises(ShopError):
            await fetcher.fetch(url)


@pytest.mark.parametrize(
    "status", ["408 Request Timeout", "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"]
)
async def test_a_document_whose_host_is_not_able_to_just_now_may_be_asked_for_again(status: str) -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        url = host.answer("/label.pdf", b"<html>busy</html>", status)
        with pytest.raises(ShopError, match=f"127.0.0.1 answered HTTP {status[:3]}") as caught:
            await fetcher.fetch(url)
        assert (caught.value.kind, caught.value.retryable) == ("network", True)
        assert await fetcher.fetch(host.answer("/label.pdf", b"%PDF-")) == b"%PDF-"


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
async def test_a_document_that_is_not_to_be_had_says_how_to_get_another(status: str) -> None:
    async with document_host() as host, documents(loopback=True) as fetcher:
        with pytest.raises(ShopError, match=status[:3]) as caught:
            await fetcher.fetch(host.answer("/gone", b"<secret>internal</secret>", status))
    assert caught.value.kind == "not_found"
    assert "get_package_shipping_document" in caught.value.hint
    assert "internal" not in str(caught.value.to_json())


async def test_a_host_that_hangs_up_is_a_network_error() -> None:
    async with document_host() as host:
        short = host.answer("/short", b"abc", content_length="1000")
        await refused(short, "network", loopback=True)
        garbled = host.answer("/garbled", b"not gzip", content_encoding="gzip")
        await refused(garbled, "network", loopback=True)
        port = host.port
    await refused(f"http://127.0.0.1:{port}/label.pdf", "network", loopback=True)


# ---- behind a proxy


async def test_behind_a_proxy_the_proxy_is_asked_by_name() -> None:
    async with document_host() as proxy:
        url = "https://documents.example/label.pdf?signature=1"
        await refused(url, "network", proxy=parse_proxy(proxy.url))
        assert proxy.requests[0].startswith("CONNECT documents.example:443 ")


async def test_behind_a_proxy_of_the_environment_the_proxy_is_asked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, names may not resolve on this computer, and a certificate belongs to a name, not to an address."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with document_host() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with documents() as fetcher:
            with pytest.raises(ShopError) as caught:
                await fetcher.fetch("https://documents.example/label.pdf")
    assert caught.value.kind == "network"
    assert [head.split(" HTTP")[0] for head in proxy.requests] == ["CONNECT documents.example:443"]


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "a.localhost",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.1",
    ],
)
async def test_behind_a_proxy_nobodys_own_address_is_asked_for(host: str) -> None:
    async with document_host() as proxy:
        async with documents(proxy=parse_proxy(proxy.url)) as fetcher:
            with pytest.raises(ShopError):
                await fetcher.fetch(f"https://{host}/label.pdf")
        assert proxy.requests == []
