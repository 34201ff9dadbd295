"""The endpoints for operators, without a token: health, readiness, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.metrics import NO_METRICS, Metrics
from mcp_server_tiktok_shop.protocol.readiness import Readiness
from mcp_server_tiktok_shop.protocol.web_server import Drain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    Endpoint = Callable[[Request], Awaitable[Response]]

HEALTH_PATH = "/healthz"
READINESS_PATH = "/readyz"
METRICS_PATH = "/metrics"
DRAIN_TEXT = "This server is ending and takes no more requests. Nothing was done."
RETRY_AFTER_S = 5


class Operating(Struct, frozen=True):
    """How a server is watched and ended. `tell_metrics` answers at `metrics_port` alone, which is nobody else's."""

    readiness: Readiness = field(default_factory=lambda: Readiness({}, {}))
    drain: Drain = field(default_factory=Drain)
    metrics: Metrics = NO_METRICS
    tell_metrics: Endpoint | None = None
    metrics_port: int | None = None


class OperatorGate:
    """Answers those who operate the server, and lets all else through to `app` until the process is to end."""

    def __init__(self, app: ASGIApp, operating: Operating) -> None:
        self._app = app
        self._operating = operating
        probes = [Route(HEALTH_PATH, self._tell_health), Route(READINESS_PATH, self._tell_readiness)]
        self._probes = Router(probes)
        tell_metrics = operating.tell_metrics
        self._metrics = Router([*probes, *([Route(METRICS_PATH, tell_metrics)] if tell_metrics is not None else [])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        drain = self._operating.drain
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["server"][1] == self._operating.metrics_port:
            await self._metrics(scope, receive, send)
        elif scope["path"] in (HEALTH_PATH, READINESS_PATH):
            await self._probes(scope, receive, send)
        elif drain.has_begun:
            self._operating.metrics.record_refusal(503)
            headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
            await JSONResponse({"error": DRAIN_TEXT}, 503, headers)(scope, receive, send)
        else:
            with drain.count_request():
                await self._app(scope, receive, send)

    async def _tell_health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def _tell_readiness(self, request: Request) -> Response:
        if self._operating.drain.has_begun:
            return JSONResponse({"status": "not ready", "missing": {"process": "It is ending."}}, 503)
        return await self._operating.readiness.tell(request)
