"""HTTP transport: one client, opened at the first request and closed with the server; it follows no redirect."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import HTTP_CLIENT_ERROR, HTTP_SERVER_ERROR
from mcp_server_tiktok_shop.platform.envelope import ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.http_answers import send_by_client, send_directly
from mcp_server_tiktok_shop.platform.network_environment import find_environment_fault
from mcp_server_tiktok_shop.platform.transport_errors import MESSAGE_BY_ERROR_NAME, describe_transport_error
from mcp_server_tiktok_shop.proxies import parse_proxy

if TYPE_CHECKING:
    import httpx2
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.direct_transport import DirectRequest, DirectTransport
    from mcp_server_tiktok_shop.platform.envelope import HttpAnswer
    from mcp_server_tiktok_shop.proxies import Proxy

CONNECT_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 64
MAX_DIRECT_BODY_BYTES = 64 * 1024  # of a request: what a socket takes at once
KEEP_ALIVE_S = 90.0  # of a connection that nothing is asked over: to open one over TLS takes three round trips
HTTP_PROXY_AUTH_REQUIRED = 407
CREDENTIALS_MESSAGE = "the proxy wants other credentials"
PROXY_STATUS_PATTERN = re.compile(r"\d{3}(?= |$)")  # how the HTTP client begins what a proxy answered to CONNECT
SOCKS_REFUSAL_PATTERN = re.compile(r"username/password|not allowed|from proxy server", re.IGNORECASE)
PROXY_SCHEMES = ("http", "https", "all")  # of the variables that name one

# What httpx2 sends as it stands: an address and a query that need no escapes, and headers that it has none of itself.
PLAIN_URL_PATTERN = re.compile(
    r"(https?://[a-z0-9.-]+(?::\d{1,5})?)((?:/[A-Za-z0-9_-]+)+(?:\?(?:[A-Za-z0-9._~=&-]|%[0-9A-F]{2})+)?)"
)
PLAIN_HEADERS = frozenset(("x-tts-access-token", "content-type"))


class HttpTransport:
    """Requests over one connection pool.

    `application` is an ASGI application that answers instead of a network (the simulated shop in this process).
    Without a `proxy` the usual proxy variables count, but never for a host on this machine.
    """

    def __init__(
        self,
        *,
        proxy: Proxy | None = None,
        loopback: bool = False,
        application: Any = None,
        max_connections: int = MAX_CONNECTIONS,
        pool: HttpTransport | None = None,
    ) -> None:
        self.proxy = proxy
        self._pool = pool or self  # whose connections are used
        self._max_connections = max_connections
        self._loopback = loopback
        self._application = application
        self._client: httpx2.AsyncClient | None = None
        self._direct_transport: DirectTransport | None = None
        self._is_direct: bool | None = None  # once it is known
        self._default_headers: dict[str, str] = {}
        self._models_by_base: dict[str, DirectRequest] = {}  # by scheme, host and port
        self._by_proxy: dict[str, HttpTransport] = {}

    def share_pool(self) -> HttpTransport:
        """A transport over the connections of this one, which outlive it; those by proxies of accounts are its own."""
        return HttpTransport(proxy=self.proxy, loopback=self._loopback, application=self._application, pool=self._pool)

    def for_proxy(self, proxy: SecretStr | None) -> HttpTransport:
        """The transport of an account: through its own proxy, or this one where it has none.

        Raises:
            ShopError: `not_configured`: the proxy is not one. To go without it is not what the account's owner wants.

        """
        text = proxy.get_secret_value() if proxy is not None else ""
        if not text or self.simulated:
            return self
        if text not in self._by_proxy:
            try:
                account_proxy = parse_proxy(text)
            except ValueError as error:
                message = f"The proxy that is stored for this account can't be followed: it {error}."
                hint = "Sign in again with that account: `mcp-server-tiktok-shop login --proxy ...` in a terminal."
                raise ShopError("not_configured", message, hint=hint) from None
            self._by_proxy[text] = HttpTransport(proxy=account_proxy, loopback=self._loopback)
        return self._by_proxy[text]

    @property
    def simulated(self) -> bool:
        """Whether an application in this process answers in the place of a network."""
        return self._application is not None

    def describe_proxy(self, url: str) -> str:
        """The proxy that a request to this address goes through, without its credentials; empty where there is none."""
        if self.proxy is not None:
            return str(self.proxy)
        try:
            return self._describe_environment_proxy(urlsplit(url))
        except ValueError:  # what `get_client` refuses
            return ""

    def _describe_environment_proxy(self, parts: SplitResult) -> str:
        if self.simulated or self._loopback or proxy_bypass(parts.netloc):
            return ""
        proxies = getproxies()
        proxy_url = proxies.get(parts.scheme) or proxies.get("all") or ""
        if not proxy_url:
            return ""
        proxy_parts = urlsplit(proxy_url if "://" in proxy_url else f"http://{proxy_url}")
        credentials_note = " (with credentials)" if proxy_parts.username else ""
        return f"{proxy_parts.scheme}://{proxy_parts.netloc.rpartition('@')[2]}{credentials_note}, from the environment"

    def get_client(self) -> httpx2.AsyncClient:
        """The HTTP client, made when it is first needed.

        Raises:
            ShopError: `not_configured` where a variable of the environment can't be followed.

        """
        if self._pool is not self:
            return self._pool.get_client()
        if self._client is None:
            from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 - not before the first call

            import httpx2  # noqa: PLC0415

            self._check_environment()
            # Accounts and tenants share the client: what one was given to know it by is not sent for the next.
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            options: dict[str, Any] = {
                "cookies": no_cookies,
                "follow_redirects": False,
                "timeout": CONNECT_TIMEOUT_S,
                "trust_env": False,
            }
            if self._application is not None:
                options["transport"] = httpx2.ASGITransport(self._application, raise_app_exceptions=False)
            else:
                options["limits"] = httpx2.Limits(
                    max_connections=self._max_connections,
                    # Where only uploads and documents come this way, each has a connection of its own: whose label
                    # an answer is hangs on nothing that was left of the one before.
                    max_keepalive_connections=0 if self._get_direct_transport() is not None else None,
                    keepalive_expiry=KEEP_ALIVE_S,
                )
                options["trust_env"] = not self._loopback  # certificates of the house count with a proxy of ours too
            if self.proxy is not None and self._application is None:
                auth = (self.proxy.user, self.proxy.password.get_secret_value()) if self.proxy.user else None
                options["proxy"] = httpx2.Proxy(self.proxy.url, auth=auth)
            self._client = httpx2.AsyncClient(**options)
        return self._client

    def _check_environment(self) -> None:
        if not self.simulated and not self._loopback and (fault := find_environment_fault()):
            hint = "It is a variable of the environment that this server was started with: start it anew then."
            raise ShopError("not_configured", fault, hint=hint)

    def _get_direct_transport(self) -> DirectTransport | None:
        """The way of plain requests where none goes through a proxy; None where any may. Raises as `get_client`."""
        if self._is_direct is None:
            is_network = not self.simulated and self.proxy is None
            self._is_direct = is_network and (self._loopback or not any(map(getproxies().get, PROXY_SCHEMES)))
        if self._direct_transport is None and self._is_direct:
            import httpx2  # noqa: PLC0415

            from mcp_server_tiktok_shop.platform.direct_transport import DirectTransport  # noqa: PLC0415

            self._check_environment()
            self._direct_transport = DirectTransport(
                max_connections=self._max_connections, keep_alive_s=KEEP_ALIVE_S, trust_env=not self._loopback
            )
            self._default_headers = dict(httpx2.AsyncClient(transport=self._direct_transport, trust_env=False).headers)
        return self._direct_transport

    def _build_direct_request(
        self,
        method: str,
        url: str,
        timeout_s: float,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> DirectRequest:
        """The request that httpx2 would send; taken apart by httpx2 itself where it is no plain one."""
        import httpx2  # noqa: PLC0415

        from mcp_server_tiktok_shop.platform.direct_transport import DirectRequest  # noqa: PLC0415

        headers = headers or {}
        match = PLAIN_URL_PATTERN.fullmatch(url)
        if (
            match is None
            or not (method == "POST" or (method == "GET" and content is None))
            or not PLAIN_HEADERS.issuperset(headers)
            or not "".join(headers.values()).isascii()
        ):
            limits = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=timeout_s)
            all_headers = httpx2.Headers(self._default_headers)
            all_headers.update(headers)
            extensions = {"timeout": limits.as_dict()}
            request = httpx2.Request(method, url, headers=all_headers, content=content, extensions=extensions)
            return DirectRequest.from_request(request)
        base, target = match.groups()
        if (model := self._models_by_base.get(base)) is None:
            model = DirectRequest.from_request(httpx2.Request("GET", base, headers=self._default_headers))
            self._models_by_base[base] = model
        raw_headers = [*model.headers, *((name.encode(), value.encode()) for name, value in headers.items())]
        body = content or b""
        if method == "POST":
            raw_headers.append((b"Content-Length", b"%d" % len(body)))
        connect_timeout_s = min(CONNECT_TIMEOUT_S, timeout_s)
        return DirectRequest(method, model.origin, target.encode(), raw_headers, body, connect_timeout_s, timeout_s)

    async def request(self, method: str, url: str, *, timeout: float, **parts: Any) -> HttpAnswer:  # noqa: ASYNC109
        """One exchange, body included, within `timeout` seconds.

        Raises:
            ConnectError: No connection came about, so nothing was sent.
            UnknownOutcomeError: Anything later went wrong.
            UnusableAnswerError: Its body has more than `MAX_ANSWER_BYTES`.
            ShopError: As `get_client`.

        """
        import httpx2  # noqa: PLC0415

        pool = self._pool
        direct = pool._get_direct_transport() if _is_plain(parts) else None  # noqa: SLF001 - one of its own kind
        request = pool._build_direct_request(method, url, timeout, **parts) if direct is not None else None  # noqa: SLF001
        try:
            async with asyncio.timeout(timeout):  # an answer that drips is never late in a single read
                if direct is not None and request is not None:
                    answer = await send_directly(direct, request, url)
                else:
                    limits = httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT_S, timeout), pool=timeout)
                    answer = await send_by_client(self.get_client(), method, url, timeout=limits, **parts)
        except TimeoutError:
            if request is None or request.is_sent:
                raise UnknownOutcomeError(MESSAGE_BY_ERROR_NAME["TimeoutError"]) from None
            raise ConnectError(MESSAGE_BY_ERROR_NAME["ConnectTimeout"]) from None
        except httpx2.ProxyError as error:
            raise self._proxy_error(error, url) from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ConnectError(self._describe_failure(error, url)) from None
        except (httpx2.HTTPError, OSError) as error:  # a record that TLS can't read leaves httpx2 as ssl names it
            if request is not None and not request.is_sent:
                raise ConnectError(self._describe_failure(error, url)) from None
            raise UnknownOutcomeError(self._describe_failure(error, url)) from None
        except self._list_socks_faults() as error:  # looked up when something failed
            raise ConnectError(self._describe_failure(error, url)) from None
        if answer.status_code == HTTP_PROXY_AUTH_REQUIRED:
            message = f"{CREDENTIALS_MESSAGE} (HTTP {answer.status_code}): {self.describe_proxy(url)}"
            raise ConnectError(message, is_transient=False)
        return answer

    def list_faults(self) -> tuple[type[Exception], ...]:
        """How a fault on the way shows where the client itself is used."""
        import httpx2  # noqa: PLC0415

        return httpx2.HTTPError, OSError, *self._list_socks_faults()

    def _list_socks_faults(self) -> tuple[type[Exception], ...]:
        """How a SOCKS server that talks nonsense shows, where there is one."""
        if self.proxy is None or not self.proxy.scheme.startswith("socks"):
            return ()
        from socksio.exceptions import ProtocolError  # noqa: PLC0415 - comes with httpx2's socks extra

        return ProtocolError, AssertionError

    def _proxy_error(self, error: httpx2.ProxyError, url: str) -> ConnectError:
        """What a proxy said instead of connecting; a refusal is one that it would repeat."""
        text = str(error)
        if match := PROXY_STATUS_PATTERN.match(text):
            status = int(match[0])
            is_refusal = HTTP_CLIENT_ERROR <= status < HTTP_SERVER_ERROR
            reason = CREDENTIALS_MESSAGE if status == HTTP_PROXY_AUTH_REQUIRED else "the proxy does not let it through"
            message = f"{reason} (HTTP {status}): {self.describe_proxy(url)}"
            return ConnectError(message, is_transient=not is_refusal)
        is_refusal = SOCKS_REFUSAL_PATTERN.search(text) is not None
        return ConnectError(self._describe_failure(error, url), is_transient=not is_refusal)

    async def close(self) -> None:
        """Close the client, and those of accounts' own proxies; a later request opens it again."""
        for transport in self._by_proxy.values():
            await transport.close()
        if self._direct_transport is not None:
            await self._direct_transport.aclose()
            self._direct_transport = None
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _describe_failure(self, error: Exception, url: str) -> str:
        """A transport fault in our words: its own may hold a URL with credentials."""
        proxy = self.describe_proxy(url)
        return (
            f"{describe_transport_error(error)}, through the proxy {proxy}"
            if proxy
            else describe_transport_error(error)
        )


def _is_plain(parts: dict[str, Any]) -> bool:
    """Whether what is sent is short and no form: an upload may be refused, and that read, before all of it is sent."""
    return parts.keys() <= {"headers", "content"} and len(parts.get("content") or b"") <= MAX_DIRECT_BODY_BYTES
