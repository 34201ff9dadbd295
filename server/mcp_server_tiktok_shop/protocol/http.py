"""Serves MCP over HTTP, to any number of assistants on this computer: without sessions, each request with a token."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.protocol.address import MCP_PATH, join_address
from mcp_server_tiktok_shop.protocol.lines import EDGE_BYTES, MAX_LINE_BYTES, LongLine
from mcp_server_tiktok_shop.protocol.messages import read_message
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from mcp.types import JSONRPCError
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mcp_server_tiktok_shop.protocol.server import McpServer

HEALTH_PATH = "/healthz"
READINESS_PATH = "/readyz"
READINESS_TTL_S = 1.0  # for which an answer holds, however many ask
OPEN_PATHS = (HEALTH_PATH, READINESS_PATH)
HTTP_VERSIONS = ("1.0", "1.1")  # h11 lets any number pass
KEEP_ALIVE_S = 75  # that a connection may be idle
BODY_TIMEOUT_S = 30.0  # for a request's body to arrive
DRAIN_TIMEOUT_S = 30  # for calls under way when the process is told to end
UNAUTHORIZED_TEXT = "This server wants the bearer token that it printed when it was started: `Authorization: Bearer …`."
SLOW_TEXT = f"The request's body did not arrive within {BODY_TIMEOUT_S:.0f} s."


@dataclass(frozen=True, slots=True)
class RequestGate:
    """Lets through to `app` what bears the token and is one message of JSON-RPC; refuses all else in words.

    Nothing of a request is read before its token was found right. Streams that a client opens to be told of changes
    (GET) are refused, as the protocol allows: nothing would ever be sent on them.
    """

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._is_authorized(headers.get(b"authorization", b"")):
            challenge = {"WWW-Authenticate": 'Bearer realm="mcp-server-tiktok-shop"'}
            await JSONResponse({"error": UNAUTHORIZED_TEXT}, 401, challenge)(scope, receive, send)
        elif scope["http_version"] not in HTTP_VERSIONS:
            await JSONResponse({"error": "Send HTTP/1.1."}, 505)(scope, receive, send)
        elif scope["path"].rstrip("/") != MCP_PATH:
            await JSONResponse({"error": f"MCP is served at {MCP_PATH}."}, 404)(scope, receive, send)
        elif scope["method"] == "GET":
            await JSONResponse({"error": "Send messages by POST."}, 405, {"Allow": "POST"})(scope, receive, send)
        elif scope["method"] == "POST":
            await self._pass_message(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_authorized(self, header: bytes) -> bool:
        scheme, _, token = header.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self.token.encode())

    async def _pass_message(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(receive)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                is_whole = await body.read()
        except ClientDisconnect:  # what it was sending is no message, even where it reads like one
            return
        except TimeoutError:
            await JSONResponse({"error": SLOW_TEXT}, 408, {"Connection": "close"})(scope, receive, send)
            return
        message, faults = read_message(
            bytes(body.content) if is_whole else LongLine(bytes(body.content[:EDGE_BYTES]), b"")
        )
        if faults or message is None:
            status = 400 if is_whole else 413
            await _make_error_response(faults[0] if faults else None, status)(scope, receive, send)
            return
        await self.app(scope, body.receive_again, send)


@dataclass(slots=True)
class RequestBody:
    """The body of a request, read whole and then given once more to whoever is next."""

    receive: Receive
    content: bytearray = field(default_factory=bytearray)
    _is_passed: bool = False

    async def read(self) -> bool:
        """Read all of it; false where it is longer than a message may be.

        Raises:
            ClientDisconnect: The client went away before its end.

        """
        has_more = True
        while has_more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            self.content += message.get("body", b"")
            if len(self.content) > MAX_LINE_BYTES:
                return False
            has_more = message.get("more_body", False)
        return True

    async def receive_again(self) -> Message:
        if self._is_passed:
            return await self.receive()
        self._is_passed = True
        return {"type": "http.request", "body": bytes(self.content), "more_body": False}


class Readiness(Protocol):
    """Knows whether what this server stands on can be used."""

    async def find_faults(self) -> dict[str, str]:
        """What can't be used now, in words, by its name; without the `database` no call is answered."""
        ...


@dataclass(slots=True)
class ReadinessProbe:
    """Answers whether calls can be sent here; one look serves all who ask within READINESS_TTL_S."""

    readiness: Readiness
    _asked_at: float = -inf
    _look: asyncio.Task[dict[str, str]] | None = None

    async def answer(self, _request: Request) -> Response:
        now = asyncio.get_running_loop().time()
        if self._look is None or (self._look.done() and now - self._asked_at >= READINESS_TTL_S):
            self._asked_at, self._look = now, asyncio.create_task(self.readiness.find_faults())
        faults = await asyncio.shield(self._look)
        is_ready = "database" not in faults
        content = {"status": "ready" if is_ready else "not ready", "faults": faults}
        return JSONResponse(content, 200 if is_ready else 503)


def build_http_app(server: McpServer, token: str, port: int, readiness: Readiness | None = None) -> ASGIApp:
    """The server as an application for a web server, which also closes it. `port` is the one that it listens on.

    With `readiness` it tells at READINESS_PATH whether calls can be sent to it.
    """

    async def tell_health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    routes = [Route(HEALTH_PATH, tell_health)]
    if readiness is not None:
        routes.append(Route(READINESS_PATH, ReadinessProbe(readiness).answer))
    addresses = [join_address(host, port) for host in LOOPBACK_HOSTS]
    security = TransportSecuritySettings(allowed_hosts=addresses, allowed_origins=[f"http://{a}" for a in addresses])
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        json_response=True,  # a stream is cut off when the process is told to end, with the call that it belongs to
        transport_security=security,
        max_request_body_size=MAX_LINE_BYTES,
        custom_starlette_routes=routes,
    )
    return RequestGate(app, token)


def build_web_server(app: ASGIApp) -> uvicorn.Server:
    """What serves an application until a signal ends it: then calls under way end, within `DRAIN_TIMEOUT_S`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,  # each call has a line of its own
            server_header=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
        )
    )


def _make_error_response(error: JSONRPCError | None, status: int) -> Response:
    """An error of JSON-RPC as a response; without one, an empty response."""
    if error is None:
        return Response(status_code=status)
    content: dict[str, Any] = json.loads(error.model_dump_json(by_alias=True))
    return JSONResponse(content, status)
