"""Serves MCP over HTTP, to any number of assistants: without sessions, each request with a token."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings
from msgspec import Struct, field
from starlette.responses import JSONResponse, Response

from mcp_server_tiktok_shop.protocol.address import MCP_PATH, join_address
from mcp_server_tiktok_shop.protocol.client_departure import ClientDeparture, cancels_by_leaving
from mcp_server_tiktok_shop.protocol.grants import Grant, attach_grant
from mcp_server_tiktok_shop.protocol.lines import EDGE_BYTES, MAX_LINE_BYTES, LongLine
from mcp_server_tiktok_shop.protocol.messages import read_message
from mcp_server_tiktok_shop.protocol.operating import Operating, OperatorGate
from mcp_server_tiktok_shop.protocol.request_body import RequestBody
from mcp_server_tiktok_shop.protocol.tenancy import attach_tenant
from mcp_server_tiktok_shop.setting_texts import CALLBACK_PATH, LOOPBACK_HOSTS, WEBHOOK_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.types import JSONRPCError
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.server import McpServer

DISCOVERY_PATH = "/.well-known/"
PORT_BY_SCHEME = {"http": 80, "https": 443}
HTTP_VERSIONS = ("1.0", "1.1")  # h11 lets any number pass
BODY_TIMEOUT_S = 30.0  # for a request's body to arrive
UNAUTHORIZED_TEXT = (
    "This server requires the bearer token that it printed when it was started: `Authorization: Bearer …`."
)


class Authorizer(Protocol):
    """Says what the bearer of a request may do; each has routes that are open to all."""

    @property
    def open_paths(self) -> frozenset[str]: ...

    async def authorize(self, credentials: bytes | None) -> Grant | Response:
        """What an `Authorization` header lets do, or the answer where it lets do nothing. None: there is not one."""
        ...

    def refuse_scope(self, grant: Grant) -> Response:
        """The answer to a call that wants the grant's missing scope."""
        ...

    def make_routes(self) -> list[Route]: ...

    async def find_fault(self) -> str:
        """Why nobody can be let in now; empty where who has a good token can."""
        ...

    async def close(self) -> None: ...


class SharedToken(Struct, frozen=True):
    """Lets in who bears the token that this server made, to do everything."""

    token: str

    open_paths: frozenset[str] = frozenset()

    async def authorize(self, credentials: bytes | None) -> Grant | Response:
        scheme, _, token = (credentials or b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self.token.encode()):
            return Grant()
        challenge = {"WWW-Authenticate": 'Bearer realm="mcp-server-tiktok-shop"'}
        return JSONResponse({"error": UNAUTHORIZED_TEXT}, 401, challenge)

    def refuse_scope(self, _grant: Grant) -> Response:
        return Response(status_code=403)

    def make_routes(self) -> list[Route]:
        return []

    async def find_fault(self) -> str:
        return ""

    async def close(self) -> None:
        return


class RequestGate(Struct, frozen=True):
    """Lets through to `app` what is authorized and one message of JSON-RPC; refuses all else in words.

    Nothing of a request is read before its token was found right. Streams that a client opens to be told of changes
    (GET) are refused, as the protocol allows: nothing would ever be sent on them. `doors` are by their paths, and let
    in by rules of their own.
    """

    app: ASGIApp
    authorizer: Authorizer
    metrics: Metrics
    doors: Mapping[str, ASGIApp] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.doors:
            await self.doors[scope["path"]](scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in self.authorizer.open_paths:
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(DISCOVERY_PATH):  # what clients look for before they have a token
            await JSONResponse({"error": "There is nothing here."}, 404)(scope, receive, send)
            return
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        grant = await self.authorizer.authorize(credentials[0] if len(credentials) == 1 else None)
        if isinstance(grant, Response):
            self.metrics.record_refusal(grant.status_code)
            await grant(scope, receive, send)
            return
        refusing_send = ScopeRefusal(self.authorizer, grant, scope, receive, send).send_message
        granted_scope = attach_grant(scope, grant)
        if grant.tenant_id is not None:
            granted_scope = attach_tenant(granted_scope, grant.tenant_id)
        await self._pass_request(granted_scope, receive, refusing_send)

    async def _pass_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["http_version"] not in HTTP_VERSIONS:
            await JSONResponse({"error": "Send HTTP/1.1."}, 505)(scope, receive, send)
        elif scope["path"].rstrip("/") != MCP_PATH:
            await JSONResponse({"error": f"MCP is served at {MCP_PATH}."}, 404)(scope, receive, send)
        elif scope["method"] == "GET":
            await JSONResponse({"error": "Send messages by POST."}, 405, {"Allow": "POST"})(scope, receive, send)
        elif scope["method"] == "POST":
            await self._pass_message(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _pass_message(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(receive, MAX_LINE_BYTES, BODY_TIMEOUT_S)
        end = await body.read()
        if end == "cut_off":  # what its sender was sending is no message, even where it reads like one
            return
        if end == "too_slow":
            await body.refuse_slow()(scope, receive, send)
            return
        is_whole = end == "whole"
        message, faults = read_message(
            bytes(body.content) if is_whole else LongLine(bytes(body.content[:EDGE_BYTES]), b"")
        )
        if faults or message is None:
            status = 400 if is_whole else 413
            await _make_error_response(faults[0] if faults else None, status)(scope, receive, send)
            return
        if cancels_by_leaving(scope):
            await ClientDeparture(self.app, scope, body, send).serve()
        else:
            await self.app(scope, body.receive_again, send)


class ScopeRefusal(Struct):
    """Sends an answer on, or in its place the refusal of a call that turned out to want a scope more.

    Which operation a call comes to is known where it is decided, behind everything that may be named in it.
    """

    authorizer: Authorizer
    grant: Grant
    scope: Scope
    receive: Receive
    send: Send
    is_refused: bool = False

    async def send_message(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.grant.missing_scope is not None:
            self.is_refused = True
            await self.authorizer.refuse_scope(self.grant)(self.scope, self.receive, self.send)
        elif not self.is_refused:
            await self.send(message)


def build_http_app(
    server: McpServer,
    authorizer: Authorizer,
    port: int,
    public_url: str = "",
    operating: Operating | None = None,
    webhooks: ASGIApp | None = None,
    callback: ASGIApp | None = None,
) -> ASGIApp:
    """The server as an application for a web server, which also closes it.

    `port` is the one that it listens on, `public_url` what clients elsewhere reach it by; `webhooks` takes what the
    platform notifies of, `callback` sellers who come back from its page.
    """
    operating = operating or Operating()
    addresses = [join_address(host, port) for host in LOOPBACK_HOSTS]
    public_hosts = list_hosts(public_url)
    scheme = urlsplit(public_url).scheme
    security = TransportSecuritySettings(
        allowed_hosts=addresses + public_hosts,
        allowed_origins=[f"http://{address}" for address in addresses]
        + [f"{scheme}://{host}" for host in public_hosts],
    )
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        json_response=True,  # a stream is cut off when the process is told to end, with the call that it belongs to
        transport_security=security,
        max_request_body_size=MAX_LINE_BYTES,
        custom_starlette_routes=authorizer.make_routes(),
    )
    doors = {path: door for path, door in ((WEBHOOK_PATH, webhooks), (CALLBACK_PATH, callback)) if door is not None}
    return OperatorGate(RequestGate(app, authorizer, operating.metrics, doors), operating)


def list_hosts(url: str) -> list[str]:
    """The `Host` headers that an address leads to: a port that its scheme implies may stand there."""
    parts = urlsplit(url)
    if not parts.netloc:
        return []
    default_port = PORT_BY_SCHEME[parts.scheme]
    bare_host = parts.netloc.removesuffix(f":{default_port}")
    return [bare_host, f"{bare_host}:{default_port}"] if parts.port in (None, default_port) else [parts.netloc]


def _make_error_response(error: JSONRPCError | None, status: int) -> Response:
    """An error of JSON-RPC as a response; without one, an empty response."""
    if error is None:
        return Response(status_code=status)
    content: dict[str, Any] = json.loads(error.model_dump_json(by_alias=True))
    return JSONResponse(content, status)
