"""Fetches documents that the platform handed out, and nothing else: what a model names is not fetched."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tiktok.store import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.tiktok.network import Network

LIFETIME = 24 * 3600
LARGEST = 20 * 2**20
REDIRECTS = 3
TIMEOUT = 30.0
REMEMBERED = 2000
OK = 200


class HandedOut:
    """Remembers, as fingerprints, which document URLs the platform gave out in the last 24 hours."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def remember(self, url: str) -> None:
        await asyncio.to_thread(self._remember, url)

    def _remember(self, url: str) -> None:
        private_folder(self._path.parent)
        line = f"{int(self._clock()) + LIFETIME} {_fingerprint(url)}\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
        if self._path.stat().st_size > REMEMBERED * len(line):
            kept = "".join(line for line in self._lines() if int(line.split()[0]) > self._clock())
            write_private(self._path, kept.encode())

    async def knows(self, url: str) -> bool:
        wanted = _fingerprint(url)
        lines = await asyncio.to_thread(self._lines)
        return any(line.split()[1] == wanted and int(line.split()[0]) > self._clock() for line in lines)

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="ascii").splitlines(keepends=True)
        except FileNotFoundError:
            return []


def _fingerprint(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


class Documents:
    """Downloads with the caller's address checks: public addresses only, loopback where the API itself is there."""

    def __init__(self, network: Network, *, loopback: bool) -> None:
        self._network = network
        self._loopback = loopback

    async def fetch(self, url: str) -> bytes:
        """The document's bytes, at most 20 MB, asked for without any header of ours.

        Raises:
            ShopError: `not_permitted`, `not_found`, `network` or `platform`.

        """
        for _ in range(REDIRECTS + 1):
            async with self._opened(url) as response:
                if response.is_redirect:
                    url = urljoin(url, response.headers.get("location", ""))
                    continue
                if response.status_code != OK:
                    told = f"The document is not to be had: HTTP {response.status_code}."
                    hint = "Its link lives 24 hours: get a new one with get_package_shipping_document."
                    raise ShopError("not_found", told, hint=hint)
                return await _bounded(response)
        raise ShopError("platform", "The document's link leads from one redirect to the next.")

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[Any]:
        import httpx2  # noqa: PLC0415

        address, extensions, headers = await self._checked(url)
        client = self._network.client()
        request = client.build_request("GET", address, extensions=extensions, timeout=TIMEOUT)
        request.headers = httpx2.Headers({"host": headers["host"], "accept": "*/*"})
        try:
            response = await client.send(request, stream=True)
        except httpx2.HTTPError as error:
            told = f"The document could not be fetched: {type(error).__name__}."
            raise ShopError("network", told, retryable=True) from None
        try:
            yield response
        finally:
            await response.aclose()

    async def _checked(self, url: str) -> tuple[str, dict[str, Any], dict[str, str]]:
        """The URL with its host replaced by an address that may be connected to."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        secure = parts.scheme == "https"
        if not host or parts.username or parts.scheme not in ("http", "https"):
            raise _forbidden("it is not a plain web address")
        if self._network.simulated:
            return url, {}, {"host": parts.netloc}
        if self._network.proxy is not None and not _literal(host) and secure:
            return url, {}, {"host": parts.netloc}  # the proxy resolves the name and connects, not this computer
        addresses = await _resolved(host, port or (443 if secure else 80))
        for address in addresses:
            if not (address.is_global or (self._loopback and address.is_loopback)):
                raise _forbidden("its host is not on the public internet")
            if not secure and not address.is_loopback:
                raise _forbidden("it is not https")
        chosen = addresses[0]
        literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)  # noqa: PLR2004
        place = f"{literal}:{port}" if port else literal
        pinned = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
        return pinned, {"sni_hostname": host}, {"host": parts.netloc}


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.casefold() == "localhost" or host.casefold().endswith(".localhost")
    return True


async def _resolved(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ShopError("network", "The document's host has no address.", retryable=True) from None
    addresses = [ipaddress.ip_address(item[4][0]) for item in found]
    mapped = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    return list(dict.fromkeys(mapped))


async def _bounded(response: Any) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST:
            raise ShopError("platform", f"The document is larger than {LARGEST // 2**20} MB.")
    return bytes(content)


def _forbidden(why: str) -> ShopError:
    return ShopError("not_permitted", f"The document's link is not followed: {why}.")
