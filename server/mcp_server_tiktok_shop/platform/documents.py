"""Document downloads: from public addresses alone, whatever the link says and wherever it redirects to."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import (
    HTTP_OK,
    HTTP_REQUEST_TIMEOUT,
    HTTP_SERVER_ERROR,
    HTTP_TOO_MANY_REQUESTS,
)
from mcp_server_tiktok_shop.platform.http_transport import describe_transport_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport

DOCUMENT_URL_FIELD = "doc_url"  # of an answer that hands out a document
MAX_DOCUMENT_BYTES = 20 * 2**20
MAX_REDIRECTS = 3
HTTP_TIMEOUT_S = 30.0
FETCH_TIMEOUT_S = 45.0
NEW_LINK_HINT = "Get a new link with get_package_shipping_document: each lives 24 hours."
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Address ranges that lead to an IPv4 address written inside them, which may be a private one.
IPV4_EMBEDDING_NETWORKS = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2002::/16", "2001::/32"))
)

log = logging.getLogger(__name__)


class DocumentFetcher:
    """Downloads from public addresses; with `loopback`, where the API itself is on this machine, from there as well."""

    def __init__(self, transport: HttpTransport, *, loopback: bool) -> None:
        self._transport = transport
        self._loopback = loopback

    async def fetch(self, url: str, proxy: SecretStr | None = None) -> bytes:
        """The document's bytes, at most MAX_DOCUMENT_BYTES, within FETCH_TIMEOUT_S and without any header of ours.

        `proxy` is an account's own.

        Raises:
            ShopError: `not_permitted` for an address that is not public, `not_found`, `network` or `platform`.

        """
        import httpx2  # noqa: PLC0415

        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return await self._fetch(url, self._transport.for_proxy(proxy))
        except (httpx2.HTTPError, TimeoutError) as error:
            message = f"The document could not be fetched: {describe_transport_error(error)}."
            raise ShopError("network", message, hint="Try again in a moment.", retryable=True) from None

    async def _fetch(self, url: str, transport: HttpTransport) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._open(url, transport) as response:
                if response.is_redirect:
                    url = _join_redirect(url, response.headers.get("location", ""))
                    continue
                if response.status_code != HTTP_OK:
                    raise _make_status_error(response.status_code, urlsplit(url).hostname or "")
                return await _read_limited(response)
        raise ShopError("platform", "The document's link leads from one redirect to the next.", hint=NEW_LINK_HINT)

    @asynccontextmanager
    async def _open(self, url: str, transport: HttpTransport) -> AsyncIterator[Any]:
        import httpx2  # noqa: PLC0415

        address, extensions, headers = await self._pin_address(url, transport)
        client = transport.get_client()
        try:
            request = client.build_request("GET", address, extensions=extensions, timeout=HTTP_TIMEOUT_S)
        except httpx2.InvalidURL:
            raise _forbidden_error("it is not a plain web address") from None
        request.headers = httpx2.Headers({**headers, "accept": "*/*"})
        response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _pin_address(self, url: str, transport: HttpTransport) -> tuple[str, dict[str, Any], dict[str, str]]:
        """The URL with its host replaced by an address that may be connected to; the host stands in a header."""
        parts, host, port = _parse_web_url(url)
        secure = parts.scheme == "https"
        if transport.simulated:
            return url, {}, {"host": parts.netloc}
        if secure and not _is_literal_host(host) and transport.describe_proxy(url):
            return url, {}, {"host": parts.netloc}  # the proxy resolves the name and connects, not this computer
        addresses = await _resolve_host(host, port or (443 if secure else 80))
        for address in addresses:
            if not (_is_public(address) or (self._loopback and address.is_loopback)):
                raise _forbidden_error("its host is not on the public internet")
            if not secure and not address.is_loopback:
                raise _forbidden_error("it is not https")
        chosen = addresses[0]
        address_text = f"[{chosen}]" if isinstance(chosen, ipaddress.IPv6Address) else str(chosen)
        netloc = f"{address_text}:{port}" if port else address_text
        pinned_url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
        return pinned_url, {"sni_hostname": host}, {"host": parts.netloc}


def _parse_web_url(url: str) -> tuple[SplitResult, str, int | None]:
    """The parts of a web address that holds no credentials and nothing else unusual."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _forbidden_error("it is not a plain web address") from None
    if not host or "@" in parts.netloc or parts.scheme not in ("http", "https"):
        raise _forbidden_error("it is not a plain web address")
    return parts, host, port


def _join_redirect(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _forbidden_error("it leads to what is not a web address") from None


def _is_literal_host(host: str) -> bool:
    """Whether a host is an address, in any notation, or this computer: a proxy must not be asked for those."""
    host = host.casefold().rstrip(".")
    if host == "localhost" or host.endswith(".localhost") or ":" in host:
        return True
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet, and so is the one it may carry inside."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    if address.is_site_local or any(address in network for network in IPV4_EMBEDDING_NETWORKS):
        return False
    return address.sixtofour is None and address.teredo is None


async def _resolve_host(host: str, port: int) -> list[IpAddress]:
    loop = asyncio.get_running_loop()
    try:
        address_infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise _forbidden_error("it is not a plain web address") from None
    except OSError:
        message = "The document's host has no address."
        raise ShopError("network", message, hint="Try again in a moment.", retryable=True) from None
    addresses = [ipaddress.ip_address(item[4][0]) for item in address_infos]
    mapped = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    return list(dict.fromkeys(mapped))


def _make_status_error(status: int, host: str) -> ShopError:
    """Why a document did not come: its host is not able to just now, or does not have it any more."""
    if status >= HTTP_SERVER_ERROR or status in (HTTP_REQUEST_TIMEOUT, HTTP_TOO_MANY_REQUESTS):
        message = f"The document's host can't give it just now: {host} answered HTTP {status}."
        return ShopError("network", message, hint="Try again in a moment: the link is still good.", retryable=True)
    message = f"The document is not to be had: {host} answered HTTP {status}."
    return ShopError("not_found", message, hint=NEW_LINK_HINT)


async def _read_limited(response: Any) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise ShopError(
                "platform", f"The document is larger than {MAX_DOCUMENT_BYTES // 2**20} MB.", hint=NEW_LINK_HINT
            )
    return bytes(content)


def _forbidden_error(reason: str) -> ShopError:
    return ShopError("not_permitted", f"The document's link is not followed: {reason}.", hint=NEW_LINK_HINT)
