"""Fetches documents that the platform handed out, and nothing else: what a model names is not fetched."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.http_transport import said
from mcp_server_tiktok_shop.state.account_store import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.http_transport import Network

LIFETIME = 24 * 3600
LARGEST = 20 * 2**20
REDIRECTS = 3
TIMEOUT = 30.0
REMEMBERED = 2000
OK = 200
PATIENCE = 45.0
ANEW = "Get a new link with get_package_shipping_document: each lives 24 hours."
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Address ranges that lead to an IPv4 address written inside them, which may be a private one.
CARRIERS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2002::/16", "2001::/32")))


class HandedOut:
    """Remembers, as fingerprints, which document URLs the platform gave out in the last 24 hours."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def remember(self, url: str) -> None:
        await asyncio.to_thread(self._remember, url)

    def _remember(self, url: str) -> None:
        from filelock import FileLock  # noqa: PLC0415 - only when a document was handed out

        private_folder(self._path.parent)
        with FileLock(self._path.with_suffix(".lock"), timeout=PATIENCE):
            now = self._clock()
            kept = {mark: until for mark, until in self._known().items() if until > now}
            kept[_fingerprint(url)] = int(now) + LIFETIME
            lines = (f"{until} {mark}\n" for mark, until in list(kept.items())[-REMEMBERED:])
            write_private(self._path, "".join(lines).encode())

    async def knows(self, url: str) -> bool:
        known = await asyncio.to_thread(self._known)
        return known.get(_fingerprint(url), 0) > self._clock()

    def _known(self) -> dict[str, int]:
        """Fingerprints and when they end; what is no such line is passed over."""
        try:
            rows = [line.split() for line in self._path.read_text(encoding="ascii", errors="replace").splitlines()]
        except FileNotFoundError:
            return {}
        return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdecimal()}  # noqa: PLR2004


def _fingerprint(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


class Documents:
    """Downloads with the caller's address checks: public addresses only, loopback where the API itself is there."""

    def __init__(self, network: Network, *, loopback: bool) -> None:
        self._network = network
        self._loopback = loopback

    async def fetch(self, url: str, proxy: SecretStr | None = None) -> bytes:
        """The document's bytes, at most 20 MB, asked for without any header of ours; `proxy` is an account's own.

        Raises:
            ShopError: `not_permitted`, `not_found`, `network` or `platform`.

        """
        import httpx2  # noqa: PLC0415

        try:
            async with asyncio.timeout(PATIENCE):
                return await self._fetched(url, self._network.through(proxy))
        except (httpx2.HTTPError, TimeoutError) as error:
            told = f"The document could not be fetched: {said(error)}."
            raise ShopError("network", told, hint="Try again in a moment.", retryable=True) from None

    async def _fetched(self, url: str, network: Network) -> bytes:
        for _ in range(REDIRECTS + 1):
            async with self._opened(url, network) as response:
                if response.is_redirect:
                    url = _joined(url, response.headers.get("location", ""))
                    continue
                if response.status_code != OK:
                    told = f"The document is not to be had: HTTP {response.status_code}."
                    raise ShopError("not_found", told, hint=ANEW)
                return await _bounded(response)
        raise ShopError("platform", "The document's link leads from one redirect to the next.", hint=ANEW)

    @asynccontextmanager
    async def _opened(self, url: str, network: Network) -> AsyncIterator[Any]:
        import httpx2  # noqa: PLC0415

        address, extensions, headers = await self._checked(url, network)
        client = network.client()
        request = client.build_request("GET", address, extensions=extensions, timeout=TIMEOUT)
        request.headers = httpx2.Headers({**headers, "accept": "*/*"})
        response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _checked(self, url: str, network: Network) -> tuple[str, dict[str, Any], dict[str, str]]:
        """The URL with its host replaced by an address that may be connected to; the host stands in a header."""
        parts, host, port = _plain(url)
        secure = parts.scheme == "https"
        if network.simulated:
            return url, {}, {"host": parts.netloc}
        if secure and not _literal(host) and network.way(url):
            return url, {}, {"host": parts.netloc}  # the proxy resolves the name and connects, not this computer
        addresses = await _resolved(host, port or (443 if secure else 80))
        for address in addresses:
            if not (_public(address) or (self._loopback and address.is_loopback)):
                raise _forbidden("its host is not on the public internet")
            if not secure and not address.is_loopback:
                raise _forbidden("it is not https")
        chosen = addresses[0]
        literal = f"[{chosen}]" if isinstance(chosen, ipaddress.IPv6Address) else str(chosen)
        place = f"{literal}:{port}" if port else literal
        pinned = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
        return pinned, {"sni_hostname": host}, {"host": parts.netloc}


def _plain(url: str) -> tuple[SplitResult, str, int | None]:
    """The parts of a web address that holds no credentials and nothing else unusual."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _forbidden("it is not a plain web address") from None
    if not host or "@" in parts.netloc or parts.scheme not in ("http", "https"):
        raise _forbidden("it is not a plain web address")
    return parts, host, port


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _forbidden("it leads to what is not a web address") from None


def _literal(host: str) -> bool:
    """Whether a host is an address, however it is written, or this computer: a proxy must not be asked for those."""
    host = host.casefold().rstrip(".")
    if host == "localhost" or host.endswith(".localhost") or ":" in host:
        return True
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _public(address: Address) -> bool:
    """Whether an address is on the public internet, and so is the one it may carry inside."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    if address.is_site_local or any(address in carrier for carrier in CARRIERS):
        return False
    return address.sixtofour is None and address.teredo is None


async def _resolved(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise _forbidden("it is not a plain web address") from None
    except OSError:
        told = "The document's host has no address."
        raise ShopError("network", told, hint="Try again in a moment.", retryable=True) from None
    addresses = [ipaddress.ip_address(item[4][0]) for item in found]
    mapped = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    return list(dict.fromkeys(mapped))


async def _bounded(response: Any) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST:
            raise ShopError("platform", f"The document is larger than {LARGEST // 2**20} MB.", hint=ANEW)
    return bytes(content)


def _forbidden(why: str) -> ShopError:
    return ShopError("not_permitted", f"The document's link is not followed: {why}.", hint=ANEW)
