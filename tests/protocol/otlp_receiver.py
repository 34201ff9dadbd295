"""What takes traces and metrics over HTTP as a collector does, and says what came."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from scripts.team.web_servers import run_web_server
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from starlette.requests import Request

PROTOBUF = "application/x-protobuf"


def read_attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def list_samples(metric: Metric) -> Iterator[tuple[str, dict[str, Any], float]]:
    """The metric as OpenTelemetry's specification wants it told to Prometheus."""
    kind = metric.WhichOneof("data")
    for point in getattr(metric, str(kind)).data_points:
        labels = read_attributes(point.attributes)
        assert kind == "gauge" or 0 < point.start_time_unix_nano < point.time_unix_nano
        if kind != "histogram":
            yield metric.name + ("_total" if kind == "sum" else ""), labels, point.as_double or point.as_int
            continue
        assert metric.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        bounds = [*map(str, point.explicit_bounds), "+Inf"]
        for bound, count in zip(bounds, accumulate(point.bucket_counts), strict=True):
            yield f"{metric.name}_bucket", labels | {"le": bound}, count
        yield f"{metric.name}_count", labels, point.count
        yield f"{metric.name}_sum", labels, point.sum


@dataclass(frozen=True)
class ReceivedSpan:
    name: str
    kind: str
    trace_id: str
    id: str
    parent_id: str
    is_error: bool
    attributes: dict[str, Any]
    event_count: int
    seconds: float

    @classmethod
    def from_message(cls, span: Span) -> ReceivedSpan:
        return cls(
            span.name,
            Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.status.code == Status.STATUS_CODE_ERROR,
            read_attributes(span.attributes),
            len(span.events),
            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        )


@dataclass
class OtlpReceiver:
    """A collector; `bodies` are what was sent to it, to the byte, and `metrics` what came last, by their names."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }

    async def take_metrics(self, request: Request) -> Response:
        for resource_metrics in ExportMetricsServiceRequest.FromString(await self._read(request)).resource_metrics:
            self.resource = read_attributes(resource_metrics.resource.attributes)
            for scope_metrics in resource_metrics.scope_metrics:
                assert len({metric.name for metric in scope_metrics.metrics}) == len(scope_metrics.metrics)
                self.metrics = {metric.name: metric for metric in scope_metrics.metrics}
        return Response(b"", media_type=PROTOBUF)

    async def take_traces(self, request: Request) -> Response:
        for resource_spans in ExportTraceServiceRequest.FromString(await self._read(request)).resource_spans:
            self.resource = read_attributes(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                self.spans += map(ReceivedSpan.from_message, scope_spans.spans)
        return Response(b"", media_type=PROTOBUF)

    async def _read(self, request: Request) -> bytes:
        assert request.headers["content-type"] == PROTOBUF
        self.bodies.append(await request.body())
        return self.bodies[-1]

    def list_spans(self, name: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name == name]

    def read_samples(self) -> dict[tuple[str, str], float]:
        """The metrics that came last as samples of Prometheus' form, by name and labels."""
        return {
            (
                name.removeprefix("mcp_tiktok_shop_"),
                " ".join(labels[label] for label in sorted(labels, reverse=True)),
            ): value
            for metric in self.metrics.values()
            for name, labels, value in list_samples(metric)
        }

    async def wait_for(self, name: str, count: int = 1) -> list[ReceivedSpan]:
        """The spans of this name, once there are so many."""
        await until(lambda: len(self.list_spans(name)) >= count)
        return self.list_spans(name)


@asynccontextmanager
async def receive_otlp() -> AsyncIterator[OtlpReceiver]:
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = OtlpReceiver(listener.getsockname()[1])
    doors = {"/v1/traces": receiver.take_traces, "/v1/metrics": receiver.take_metrics}
    routes = [Route(path, take, methods=["POST"]) for path, take in doors.items()]
    async with run_web_server(Starlette(routes=routes), listener):
        yield receiver
