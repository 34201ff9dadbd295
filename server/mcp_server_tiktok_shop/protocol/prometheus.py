"""Keeps metrics in Prometheus' form: numbers of this process, by tool and outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.metrics import NO_METRICS

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIX = "mcp_tiktok_shop"
CALL_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45)  # the last is a call's deadline
AGE_BUCKETS_S = (1, 10, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)


class PrometheusMetrics:
    """`Metrics` in a `registry` of its own, so that two servers in one process count apart.

    Here alone is said what is counted, and by what: whoever tells or sends it reads the registry.
    """

    def __init__(self) -> None:
        self.open_span = NO_METRICS.open_span  # it counts alone
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        Gauge(f"{PREFIX}_version", "Always 1.", ("version",), registry=self.registry).labels(__version__).set(1)
        self._calls = self._make_counter("calls", "Tool calls that ended.", "tool", "outcome")
        self._call_seconds = self._make_histogram("call_seconds", "A tool call, from its arguments to its end.", "tool")
        self._refusals = self._make_counter("refusals", "Requests refused before anything of them was read.", "status")
        self._platform_requests = self._make_counter(
            "platform_requests", "Requests to TikTok Shop that ended.", "operation", "outcome"
        )
        self._platform_seconds = self._make_histogram(
            "platform_seconds", "A request to TikTok Shop, from being sent to its answer.", "operation"
        )
        self._pace_wait_seconds = self._make_histogram(
            "pace_wait_seconds", "How long such a request waited for its turn before it was sent."
        )
        self._renewals = self._make_counter("renewals", "Renewals of sellers' tokens.", "outcome")
        self._confirmations = self._make_counter("confirmations", "Writes asked about, and what came of it.", "outcome")
        self._copy_age_seconds = self._make_histogram(
            "copy_age_seconds", "How old was what the local copy answered a question from.", buckets=AGE_BUCKETS_S
        )
        self._notifications = self._make_counter("notifications", "Notifications of TikTok's that came.", "outcome")
        self._pending_notifications = Gauge(
            f"{PREFIX}_pending_notifications",
            "Those that wait to be followed up, when this server last looked.",
            registry=self.registry,
        )

    def record_call(self, tool: str, outcome: str, seconds: float) -> None:
        self._calls.labels(tool, outcome).inc()
        self._call_seconds.labels(tool).observe(seconds)

    def record_refusal(self, status: int) -> None:
        self._refusals.labels(str(status)).inc()

    def record_platform_request(self, operation: str, outcome: str, seconds: float) -> None:
        self._platform_requests.labels(operation, outcome).inc()
        self._platform_seconds.labels(operation).observe(seconds)

    def record_pace_wait(self, seconds: float) -> None:
        self._pace_wait_seconds.observe(seconds)

    def record_renewal(self, outcome: str) -> None:
        self._renewals.labels(outcome).inc()

    def record_confirmation(self, outcome: str) -> None:
        self._confirmations.labels(outcome).inc()

    def record_copy_age(self, seconds: float) -> None:
        self._copy_age_seconds.observe(seconds)

    def record_notification(self, outcome: str) -> None:
        self._notifications.labels(outcome).inc()

    def record_pending_notifications(self, count: int) -> None:
        self._pending_notifications.set(count)

    async def tell(self, request: Request) -> Response:
        """All of it, in the format that is asked for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self.registry), headers={"Content-Type": content_type})

    def _make_counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _make_histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = CALL_BUCKETS_S
    ) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, buckets=buckets, registry=self.registry)
