"""A document's host is judged in the form that will be connected to, however it is written, behind a proxy too."""

from __future__ import annotations

import ipaddress
import random
import socket
from itertools import product
from typing import Any

import pytest

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.document_hosts import is_public, parse_web_address
from mcp_server_tiktok_shop.proxies import parse_proxy
from tests.platform.test_documents import document_host, documents, refused

PRIVATE = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.5.4", "100.64.0.1", "0.0.0.0"]  # noqa: S104
FULL_WIDTH = str.maketrans("0123456789abcdefx", "０１２３４５６７８９ａｂｃｄｅｆｘ")  # noqa: RUF001


def write_in_every_way(address: str) -> set[str]:
    """An IPv4 address in the forms that systems connect to."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = (a << 24) | (b << 16) | (c << 8) | d
    tail, half = (b << 16) | (c << 8) | d, (c << 8) | d
    ways = {
        address,
        f"{a}.{tail}",
        f"{a}.{b}.{half}",
        str(number),
        hex(number),
        hex(number).upper().replace("0X", "0x"),
        f"0{number:o}",
        ".".join(f"{part:#x}" for part in (a, b, c, d)),
        ".".join(f"0{part:o}" for part in (a, b, c, d)),
        ".".join(f"000{part:o}" for part in (a, b, c, d)),
        f"{a:#x}.{tail:#x}",
        f"0{a:o}.{b}.{half:#x}",
        f"[::ffff:{address}]",
        f"[::ffff:{a << 8 | b:x}:{half:x}]",
        f"[0:0:0:0:0:ffff:{a << 8 | b:04x}:{half:04x}]",
        f"[64:ff9b::{address}]",
        f"[::{address}]",
        f"[2002:{a << 8 | b:x}:{half:x}::]",
    }
    plain = {way for way in ways if "[" not in way}
    ways |= {f"{way}." for way in plain}
    ways |= {way.translate(FULL_WIDTH) for way in plain}
    ways |= {way.replace(".", stop) for way in plain for stop in "。．｡"}  # noqa: RUF001
    ways |= {"".join(f"%{ord(character):02X}" for character in way) for way in plain}
    ways |= {way[:1] + "\u00ad" + way[1:] for way in plain}  # a soft hyphen, which mapping takes away
    ways |= {way[:1] + "\u200b" + way[1:] for way in plain}
    return ways


NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ｌｏｃａｌｈｏｓｔ",  # noqa: RUF001
    "a.localhost",
    "localhost.localdomain",
    "router",
    "router.lan",
    "nas.local",
    "metadata.google.internal",
    "metadata.google.internal.",
    "wiki.corp",
    "printer.home.arpa",
    "intranet",
    "ⓛocalhost",
    "x.ⓁOCAL",
]
UNREADABLE = [
    "10.0.0.1\\@documents.example",
    "documents.example\\@10.0.0.1",
    "documents.example%00.10.0.0.1",
    "documents.example%2f@10.0.0.1",
    "10.0.0.1%09",
    "10.0.0.1\t",
    "10.0.0.1 ",
    "\n10.0.0.1",
    "[fe80::1%25eth0]",
    "[::1%lo]",
    "10.0.0.0.1",
    "256.256.256.256",
    "0x",
    "0x1ffffffff",
    "4294967296",
    "09.1.1.1",
    "1.2.3.0x100",
    "a..b.example",
    ".documents.example",
    "documents.example..",
    "documents_.example:80:80",
    "documents.example:port",
    "-" * 300 + ".example",
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_no_way_of_writing_a_private_address_leads_to_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise AssertionError("nothing of this is a name")

    ways = write_in_every_way(address)
    assert len(ways) > 90
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with document_host() as proxy:
        for way in sorted(ways):
            for port in ("", ":8443"):
                await refused(f"https://{way}{port}/label.pdf")
            await refused(f"https://{way}/label.pdf", proxy=parse_proxy(proxy.url))
        assert proxy.requests == []


@pytest.mark.parametrize("name", NAMES)
async def test_behind_a_proxy_no_name_of_a_private_network_is_asked_for(name: str) -> None:
    async with document_host() as proxy:
        message = await refused(f"https://{name}/label.pdf", proxy=parse_proxy(proxy.url))
        assert "not on the public internet" in message
        assert proxy.requests == []


@pytest.mark.parametrize("host", UNREADABLE)
@pytest.mark.parametrize("proxied", [False, True])
async def test_what_can_be_read_in_two_ways_is_not_followed(host: str, *, proxied: bool) -> None:
    async with document_host() as proxy:
        more: dict[str, Any] = {"proxy": parse_proxy(proxy.url)} if proxied else {}
        await refused(f"https://{host}/label.pdf", **more)
        assert proxy.requests == []


async def test_a_redirect_is_judged_in_the_same_way() -> None:
    async with document_host() as host:
        for way in sorted(write_in_every_way("10.0.0.1")):
            if way.isascii():
                await refused(host.answer("/first", b"", "302 Found", location=f"https://{way}/"), loopback=True)


async def test_a_name_in_any_writing_is_asked_of_the_proxy_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment excepts hosts from its proxy: the exception holds for the plain name."""
    ways = [
        "documents.example",
        "DOCUMENTS.example",
        "documents.example.",
        "\uff44ocuments\u3002example",
        "documents\u00ad.example",
    ]
    async with document_host() as proxy:
        for way in ways:
            await refused(f"https://{way}/label.pdf", "network", proxy=parse_proxy(proxy.url))
        assert {request.partition(" HTTP")[0] for request in proxy.requests} == {"CONNECT documents.example:443"}
        proxy.requests.clear()
        for name in ("NO_PROXY", "ALL_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("no_proxy", "documents.example")

        def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1" if "doc" in str(host) else host, port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        for way in ways:
            assert "not on the public internet" in await refused(f"https://{way}/label.pdf")
        assert proxy.requests == []


def test_an_address_that_is_accepted_is_the_one_that_systems_would_connect_to() -> None:
    drawn = random.Random(9)
    signs = [
        "0",
        "1",
        "7",
        "8",
        "10",
        "127",
        "255",
        "256",
        "0x7f",
        "0x",
        ".",
        ".",
        "\uff10",
        "。",
        ":",
        "[",
        "]",
        "%31",
        "a",
    ]
    accepted = 0
    for _ in range(20_000):
        host = "".join(drawn.choice(signs) for _ in range(drawn.randint(1, 7)))
        try:
            target = parse_web_address(f"https://{host}/x")
        except ValueError:
            continue
        if target.address is None:
            assert not target.host.rpartition(".")[2].isdigit(), host
            continue
        accepted += 1
        assert ipaddress.ip_address(target.host) == target.address
        if target.address.version == 4 and host.isascii():
            written = host.rpartition(":")[0] if ":" in host else host
            assert socket.inet_ntoa(socket.inet_aton(written.removesuffix("."))) == target.host, host
    assert accepted > 300


async def test_a_public_address_in_any_writing_is_connected_to_as_it_is() -> None:
    for way, port in product(("8.8.8.8", "0x8080808", "010.8.2056", "８.８.８.８"), ("", ":8443")):  # noqa: RUF001
        async with documents() as fetcher:
            address, extensions, headers = await fetcher._pin_address(f"https://{way}{port}/a?x=1", fetcher._transport)
        assert address == f"https://8.8.8.8{port}/a?x=1"
        assert headers == {"host": f"8.8.8.8{port}"}
        assert extensions == {"sni_hostname": "8.8.8.8"}
    assert is_public(ipaddress.ip_address("8.8.8.8"))


async def test_a_url_of_absurd_length_is_refused_at_once() -> None:
    async with documents() as fetcher:
        with pytest.raises(ShopError, match="not a plain web address"):
            await fetcher.fetch("https://documents.example/" + "a" * 1_000_000)
