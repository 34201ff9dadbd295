"""Downloads documents, from public addresses only, whatever the link says or redirects to."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import (
    HTTP_OK,
    HTTP_REQUEST_TIMEOUT,
    HTTP_SERVER_ERROR,
    HTTP_TOO_MANY_REQUESTS,
)
from mcp_server_tiktok_shop.platform.document_hosts import is_public, parse_web_address
from mcp_server_tiktok_shop.platform.host_names import look_up_host
from mcp_server_tiktok_shop.platform.http_answers import read_body
from mcp_server_tiktok_shop.platform.transport_errors import describe_transport_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.document_hosts import IpAddress, WebAddress
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport

DOCUMENT_URL_FIELD = "doc_url"  # of an answer that hands out a document
MAX_DOCUMENT_BYTES = 20 * 2**20
MAX_REDIRECTS = 3
HTTP_TIMEOUT_S = 30.0
FETCH_TIMEOUT_S = 45.0
NEW_LINK_HINT = "Get a new link with get_package_shipping_document: each lives 24 hours."

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
        transport = self._transport.for_proxy(proxy)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return await self._fetch(url, transport)
        except transport.list_faults() as error:
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
                return await _read_document(response)
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
        target = _parse_document_url(url)
        if transport.simulated:
            return url, {}, {"host": target.netloc}
        plain_url = _build_url(target, target.netloc)  # also to find out about proxies: exceptions go by the plain name
        if target.is_secure and target.address is None and transport.describe_proxy(plain_url):
            if target.is_private_name:
                raise _forbidden_error("its host is not on the public internet")
            return plain_url, {}, {"host": target.netloc}  # the proxy resolves the name and connects
        addresses = [target.address] if target.address else await _resolve_host(target)
        for address in addresses:
            if not (is_public(address) or (self._loopback and address.is_loopback)):
                raise _forbidden_error("its host is not on the public internet")
            if not target.is_secure and not address.is_loopback:
                raise _forbidden_error("it is not https")
        pinned_target = replace(target, host=str(addresses[0]), address=addresses[0])
        return _build_url(target, pinned_target.netloc), {"sni_hostname": target.host}, {"host": target.netloc}


def _parse_document_url(url: str) -> WebAddress:
    try:
        return parse_web_address(url)
    except ValueError:
        raise _forbidden_error("it is not a plain web address") from None


def _build_url(target: WebAddress, netloc: str) -> str:
    return urlunsplit((target.scheme, netloc, target.path, target.query, ""))


def _join_redirect(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _forbidden_error("it leads to what is not a web address") from None


async def _resolve_host(target: WebAddress) -> list[IpAddress]:
    port = target.port or (443 if target.is_secure else 80)
    try:
        address_infos = await look_up_host(target.host, port)
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


async def _read_document(response: Any) -> bytes:
    content = await read_body(response, MAX_DOCUMENT_BYTES)
    if content is None:
        message = f"The document is larger than {MAX_DOCUMENT_BYTES // 2**20} MB."
        raise ShopError("platform", message, hint=NEW_LINK_HINT)
    return content


def _forbidden_error(reason: str) -> ShopError:
    return ShopError("not_permitted", f"The document's link is not followed: {reason}.", hint=NEW_LINK_HINT)
