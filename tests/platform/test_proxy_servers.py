"""Through real proxies on loopback: traffic goes where it was told to, with the credentials as they were written."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gc
import ipaddress
import socket
import ssl
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.proxies import parse_proxy
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_commands import signed_in
from tests.cli.test_login import app, run
from tests.keys import reply
from tests.platform.test_tokens import bad, good
from tests.platform.worker import all_stored, keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Connect

READ, ORDERS, SHOPS = "get_warehouse_list", "get_order_detail", "get_authorized_shops"
HOST = "api.shop.test"  # no name server knows it: only a proxy gets there
USER, PASSWORD = "Bob-SELLER", "P@ss:Word/#?%41&=+ Üñ"
CREDENTIALS = [
    (USER, PASSWORD),
    ("BOB", "secret-one"),
    ("bob", "SECRET-one"),
    ("b%62b", "q\"u\\o'te;<>|`$"),
    ("me", "@"),
]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # see `leaks`
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=["auto"])
def era(request: pytest.FixtureRequest) -> str:
    """Proxies lie below the protocol: one era is enough."""
    return str(request.param)


# ---- the proxies


@dataclass
class Seen:
    """A running proxy: the credentials it wants, those it was given, and where it was asked to go."""

    kind: str
    wanted: tuple[str, str] | None
    port: int = 0
    given: list[tuple[str, str] | None] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)  # the ports of hosts that only it knows

    @property
    def place(self) -> str:
        return f"{self.kind}://127.0.0.1:{self.port}"

    def trailing(self) -> str:
        return self.place + (":".join(("", *self.wanted)) if self.wanted else "")

    def leading(self) -> str:
        if self.wanted is None:
            return self.place
        user, password = (quote(part, safe="") for part in self.wanted)
        return f"{self.kind}://{user}:{password}@127.0.0.1:{self.port}"

    async def connected(self, host: str, port: int) -> Streams:
        self.targets.append(f"{host}:{port}")
        if host in self.names:
            host, port = "127.0.0.1", self.names[host]
        return await asyncio.open_connection(host, port)


async def piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def http_proxy(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 9110: absolute-form requests are passed on, CONNECT makes a tunnel; Basic credentials (RFC 7617)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.rstrip("\r\n").split("\r\n")
    method, target, version = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    scheme, _, encoded = headers.get("proxy-authorization", "").partition(" ")
    if scheme.lower() == "basic":
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        seen.given.append((user, password))
    else:
        seen.given.append(None)
    if seen.wanted is not None and seen.given[-1] != seen.wanted:
        refusal = b"Proxy-Authenticate: Basic realm=proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n" + refusal)
        return
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        there, onward = await seen.connected(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        parts = urlsplit(target)
        assert parts.scheme == "http", target
        assert parts.hostname
        there, onward = await seen.connected(parts.hostname, parts.port or 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        passed = [f for f in fields if not f.lower().startswith(("proxy-", "connection:"))]
        onward.write(
            "\r\n".join([f"{method} {path} {version}", *passed, "Connection: close", "", ""]).encode("latin-1")
        )
    await asyncio.gather(piped(there, writer), piped(reader, onward))


async def socks_proxy(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 1928 with user name and password as RFC 1929 has them."""
    version, count = await reader.readexactly(2)
    assert version == 5
    methods = await reader.readexactly(count)
    wanted = 0 if seen.wanted is None else 2
    if wanted not in methods:
        seen.given.append(None)
        writer.write(b"\x05\xff")
        return
    writer.write(bytes([5, wanted]))
    if wanted:
        assert (await reader.readexactly(1)) == b"\x01"
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        seen.given.append((user.decode(), password.decode()))
        accepted = seen.given[-1] == seen.wanted
        writer.write(bytes([1, 0 if accepted else 1]))
        if not accepted:
            return
    else:
        seen.given.append(None)
    _, command, _, kind = await reader.readexactly(4)
    assert command == 1
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = str(ipaddress.ip_address(await reader.readexactly({1: 4, 4: 16}[kind])))
    port = int.from_bytes(await reader.readexactly(2), "big")
    there, onward = await seen.connected(host, port)
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    await asyncio.gather(piped(there, writer), piped(reader, onward))


@asynccontextmanager
async def listening(handler: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of streams on a free port; what is open when it ends is ended with it."""
    running: set[asyncio.Task[None]] = set()

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            running.discard(task)

    server = await asyncio.start_server(whole, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def proxying(
    kind: str, wanted: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Seen]:
    seen = Seen(kind, wanted)
    serve = socks_proxy if kind.startswith("socks") else http_proxy

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(seen, reader, writer)

    async with listening(handler, tls) as seen.port:
        yield seen


@dataclass(frozen=True)
class Tls:
    """A certificate for this computer and for `HOST`, trusted by this process."""

    server: ssl.SSLContext


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(HOST), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("httpcore2.default_ssl_context", lambda **_: ssl.create_default_context(cafile=certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return Tls(context)


@asynccontextmanager
async def secured(url: str, tls: Tls) -> AsyncIterator[int]:
    """The port at which the sandbox answers over TLS."""
    port = urlsplit(url).port

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(piped(there, writer), piped(reader, onward))

    async with listening(handler, tls.server) as secure:
        yield secure


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


async def instantly(_seconds: float) -> None:
    await asyncio.sleep(0)


IMPATIENT = Runtime(time.time, time.monotonic, sleep=instantly)


def order(sandbox: Sandbox) -> dict[str, Any]:
    return {"ids": [next(iter(sandbox.state.main.orders))]}


def dead_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def named(told: dict[str, Any], place: str, *secrets: str) -> None:
    """A network error that names the proxy and shows none of its credentials."""
    assert told["error"] == "network", told
    assert place in told["message"], told
    for secret in secrets:
        assert secret not in str(told)


@pytest.fixture
def leaks() -> Iterator[None]:
    """httpcore2 leaves a connection open whose SOCKS handshake failed: let it go before the test ends."""
    yield
    gc.collect()


# ---- through them


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
async def test_an_order_is_read_through_a_proxy_with_odd_credentials(
    connect: Connect, sandbox: Sandbox, url: str, kind: str
) -> None:
    for number, credentials in enumerate(CREDENTIALS):
        async with proxying(kind, credentials) as seen:
            text = seen.trailing() if number % 2 else seen.leading()
            async with connect(proxy=text, **keys(sandbox, url)) as client:
                sandbox.log.clear()
                told = good(await client.call_tool(ORDERS, order(sandbox)))
                assert told["data"]["orders"]
                checked = await client.call_tool("check_connection", {})
        assert set(seen.given) == {credentials}
        assert len(seen.targets) >= 2
        assert set(seen.targets) == {urlsplit(url).netloc}
        connection = good(checked)["data"]
        assert connection["platform"]["reached"]
        for host in ("platform", "auth_host"):
            assert connection[host]["proxy"] == f"{seen.place} (with credentials)"
        for part in {credentials[1], quote(credentials[1], safe="")} - {"@"}:
            assert part not in str(reply(checked))


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_without_credentials_is_sent_none(
    connect: Connect, sandbox: Sandbox, url: str, kind: str
) -> None:
    async with proxying(kind) as seen, connect(proxy=seen.place.upper(), **keys(sandbox, url)) as client:
        good(await client.call_tool(ORDERS, order(sandbox)))
        told = good(await client.call_tool("check_connection", {}))["data"]
    assert set(seen.given) == {None}
    assert told["platform"]["proxy"] == seen.place


@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h"])
async def test_a_host_that_only_the_proxy_knows_is_reached_over_tls(
    connect: Connect, sandbox: Sandbox, url: str, tls: Tls, kind: str
) -> None:
    """CONNECT through HTTP proxies, the name left to the proxy; `https` speaks TLS to the proxy itself."""
    front = tls.server if kind == "https" else None
    async with secured(url, tls) as secure, proxying(kind, (USER, PASSWORD), front) as seen:
        seen.names[HOST] = secure
        hosts = {"api_url": f"https://{HOST}", "auth_url": f"https://{HOST}"}
        async with connect(proxy=seen.leading(), **(keys(sandbox, url) | hosts)) as client:
            assert good(await client.call_tool(ORDERS, order(sandbox)))["data"]["orders"]
    assert set(seen.given) == {(USER, PASSWORD)}
    assert set(seen.targets) == {f"{HOST}:443"}


@pytest.mark.usefixtures("leaks")
@pytest.mark.parametrize("form", ["plain http", "over tls"])
@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_wrong_credentials_are_a_network_error_that_names_the_proxy(
    connect: Connect, sandbox: Sandbox, url: str, tls: Tls, kind: str, form: str
) -> None:
    async with secured(url, tls) as secure, proxying(kind, (USER, PASSWORD)) as seen:
        seen.names[HOST] = secure
        wrong = replace(seen, wanted=(USER.swapcase(), PASSWORD)).leading()
        hosts = dict.fromkeys(("api_url", "auth_url"), f"https://{HOST}") if form == "over tls" else {}
        settings = keys(sandbox, url) | hosts | {"proxy": wrong}
        async with connect(**settings, runtime=IMPATIENT, call_timeout_s=2.0) as client:
            for tool in ("list_shops", "refresh_access_token"):
                result = await client.call_tool(tool, {})
                named(bad(result), seen.place, PASSWORD, quote(PASSWORD, safe=""), USER.swapcase())
            told = good(await client.call_tool("check_connection", {}))["data"]
            assert told["platform"]["reached"] is False
            assert told["platform"]["proxy"].startswith(seen.place)
    assert sandbox.log == []
    assert set(seen.given) == {(USER.swapcase(), PASSWORD)}


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_a_dead_proxy_is_a_network_error_that_names_it(
    connect: Connect, sandbox: Sandbox, url: str, kind: str
) -> None:
    dead = Seen(kind, (USER, PASSWORD), dead_port())
    async with connect(proxy=dead.leading(), **keys(sandbox, url), runtime=IMPATIENT) as client:
        told = bad(await client.call_tool(ORDERS, order(sandbox)))
        named(told, dead.place, PASSWORD, quote(PASSWORD, safe=""), USER)
        assert told["retryable"]
        assert "check_connection" in told["hint"]
        told = good(await client.call_tool("check_connection", {}))["data"]
        assert told["platform"]["proxy"] == f"{dead.place} (with credentials)"
        assert told["platform"]["reached"] is False
        assert PASSWORD not in str(told)
    assert sandbox.log == []  # nothing goes around it


@pytest.mark.usefixtures("leaks")
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("said", [b"", b"\x00\x01nonsense\r\n\r\n", b"\x05\x02\x07\x07", b"\x05\x02\x01\x00nonsense"])
async def test_a_proxy_that_talks_nonsense_is_a_network_error(
    connect: Connect, sandbox: Sandbox, url: str, kind: str, said: bytes
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(said)

    async with listening(handler) as port:
        text = Seen(kind, (USER, PASSWORD), port).leading()
        async with connect(proxy=text, **keys(sandbox, url), runtime=IMPATIENT, call_timeout_s=1.0) as client:
            told = bad(await client.call_tool(ORDERS, order(sandbox)))
    named(told, f"{kind}://127.0.0.1:{port}", PASSWORD)


@pytest.mark.usefixtures("leaks")
@pytest.mark.parametrize("said", [b"", b"\x00\x01nonsense\r\n\r\n", b"\x05\x02\x07\x07", b"\x05\x02\x01\x00nonsense"])
async def test_a_document_behind_a_proxy_that_talks_nonsense_is_a_network_error(said: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(said)

    async with listening(handler) as port:
        transport = HttpTransport(loopback=True, proxy=parse_proxy(Seen("socks5", (USER, PASSWORD), port).leading()))
        with pytest.raises(ShopError, match="The document could not be fetched") as caught:
            await DocumentFetcher(transport, loopback=True).fetch("http://127.0.0.1:9/label.pdf")
        await transport.close()
    assert caught.value.kind == "network"
    assert PASSWORD not in caught.value.message


async def test_a_password_that_socks_can_not_carry_is_refused_at_the_start(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    async with proxying("socks5", (USER, "x" * 300)) as seen:
        with pytest.raises(SettingsError, match="SOCKS") as refused:
            async with connect(proxy=seen.leading(), **keys(sandbox, url)):
                pass
    assert "xxxxxx" not in str(refused.value)


# ---- an account's own


async def test_an_accounts_own_proxy_is_typed_at_login_and_used_for_it_alone(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url, proxying("http", (USER, PASSWORD)) as seen:
        await signed_in(home, sandbox, url, 0)
        typed = f"{seen.leading()}\n{sandbox.authorization_code(1)}\n"
        ran = await run(home, "login", "--own-proxy", typed=typed, **app(sandbox, url))
        assert ran.code == 0, ran.shown
        assert PASSWORD not in ran.shown
        assert quote(PASSWORD, safe="") not in ran.shown
        assert len(seen.targets) >= 2  # the code and the shops
        assert [bool(account["proxy"]) for account in all_stored(home)] == [False, True]
        settings = app(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**settings) as client:
            before = len(seen.targets)
            good(await client.call_tool(READ, {"shop": "GB"}))
            assert len(seen.targets) == before
            good(await client.call_tool(READ, {"shop": "US"}))
            good(await client.call_tool("refresh_access_token", {"shop": "US"}))
            assert len(seen.targets) == before + 2
            good(await client.call_tool("refresh_access_token", {"shop": "DE"}))
            assert len(seen.targets) == before + 2


async def test_an_accounts_own_proxy_that_is_dead_stops_that_account_alone(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        await signed_in(home, sandbox, url, 0)
        async with proxying("socks5", (USER, PASSWORD)) as seen:
            await signed_in(home, sandbox, url, 1, proxy=seen.trailing())
        settings = app(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**settings, runtime=IMPATIENT) as client:
            sandbox.log.clear()
            named(bad(await client.call_tool(READ, {"shop": "US"})), seen.place, PASSWORD, USER)
            assert sandbox.log == []
            good(await client.call_tool(READ, {"shop": "GB"}))


async def test_the_check_goes_an_accounts_own_way_and_names_it(
    connect: Connect, sandbox: Sandbox, url: str, home: Path
) -> None:
    """Where every account has a proxy of its own there may be no other way out, or none that may be used."""
    async with proxying("http", (USER, PASSWORD)) as seen:
        await signed_in(home, sandbox, url, 0, proxy=seen.leading())
        sandbox.log.clear()
        seen.targets.clear()
        settings = app(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**settings) as client:
            result = await client.call_tool("check_connection", {})
    assert seen.place in str(good(result)["data"])
    assert PASSWORD not in str(reply(result))
    assert len(seen.targets) == len(sandbox.log)  # nothing went around it


async def test_an_own_proxy_that_is_none_is_refused_without_its_password(
    sandbox: Sandbox, url: str, home: Path
) -> None:
    code = sandbox.authorization_code()
    typed = f"ftp://bob:{PASSWORD}@127.0.0.1:1\n{code}\n"
    ran = await run(home, "login", "--own-proxy", typed=typed, **app(sandbox, url))
    assert ran.code == 1
    assert "scheme" in ran.err
    assert PASSWORD not in ran.shown
    assert "Traceback" not in ran.err
    assert sandbox.log == []


# ---- the usual variables

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
API = "https://open-api.example"


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the usual proxy variables, and no others."""

    def given(**values: str) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    given()
    return given


@pytest.mark.parametrize(
    ("values", "way"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://bob:s3cret-word@proxy.example:3128"}, "http://proxy.example:3128 (with credentials)"),
        ({"https_proxy": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": "socks5://proxy.example:1080"}, "socks5://proxy.example:1080"),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, ""),  # for plain http alone
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "open-api.example"}, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "other.example, .example"}, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "other.example"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),  # as curl and httpx2 read it
        ({"HTTPS_PROXY": "http://proxy.example"}, "http://proxy.example"),
    ],
)
def test_the_usual_variables_name_the_way_where_none_is_set(
    usual: Callable[..., None], values: dict[str, str], way: str
) -> None:
    usual(**values)
    told = HttpTransport().describe_proxy(API)
    assert told.partition(", ")[0].startswith(way)
    assert bool(told) == bool(way)
    assert not way or "environment" in told
    assert "s3cret" not in told


def test_a_proxy_that_is_set_wins_and_this_computer_needs_none(usual: Callable[..., None]) -> None:
    usual(HTTPS_PROXY="http://proxy.example:3128", HTTP_PROXY="http://proxy.example:3128", NO_PROXY="*")
    own = parse_proxy("socks5://own.example:1080")
    assert HttpTransport(proxy=own).describe_proxy(API) == "socks5://own.example:1080"
    usual(HTTPS_PROXY="http://proxy.example:3128", HTTP_PROXY="http://proxy.example:3128")
    assert HttpTransport(loopback=True).describe_proxy("http://127.0.0.1:8000") == ""
    assert HttpTransport(application=object()).describe_proxy(API) == ""


async def test_traffic_goes_the_way_of_the_usual_variables(
    connect: Connect, sandbox: Sandbox, url: str, tls: Tls, usual: Callable[..., None]
) -> None:
    hosts = {"api_url": f"https://{HOST}", "auth_url": f"https://{HOST}"}
    async with AsyncExitStack() as stack:
        secure = await stack.enter_async_context(secured(url, tls))
        seen = await stack.enter_async_context(proxying("http", (USER, PASSWORD)))
        seen.names[HOST] = secure
        usual(HTTPS_PROXY=seen.leading())
        client = await stack.enter_async_context(connect(**(keys(sandbox, url) | hosts)))
        good(await client.call_tool(ORDERS, order(sandbox)))
        result = await client.call_tool("check_connection", {})
        assert good(result)["data"]["platform"]["proxy"].startswith(seen.place)
        assert PASSWORD not in str(reply(result))
        assert set(seen.given) == {(USER, PASSWORD)}
        # A host on this computer is reached straight, whatever the variables say.
        before = len(seen.targets)
        usual(HTTP_PROXY=seen.leading(), HTTPS_PROXY=seen.leading(), ALL_PROXY=seen.leading())
        near = await stack.enter_async_context(connect(**keys(sandbox, url)))
        good(await near.call_tool(ORDERS, order(sandbox)))
        assert len(seen.targets) == before


async def test_a_dead_proxy_of_the_usual_variables_is_named(
    connect: Connect, sandbox: Sandbox, url: str, usual: Callable[..., None]
) -> None:
    dead = Seen("http", (USER, PASSWORD), dead_port())
    usual(HTTPS_PROXY=dead.leading())
    hosts = {"api_url": f"https://{HOST}", "auth_url": f"https://{HOST}"}
    async with connect(**(keys(sandbox, url) | hosts), runtime=IMPATIENT) as client:
        named(bad(await client.call_tool(ORDERS, order(sandbox))), dead.place, PASSWORD, USER)
