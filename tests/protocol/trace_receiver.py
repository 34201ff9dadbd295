"""What takes traces over HTTP as a collector does, and says what came."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from scripts.team.web_servers import run_web_server
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.platform.test_tokens import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from starlette.requests import Request

PROTOBUF = "application/x-protobuf"


def read_attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


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
class TraceReceiver:
    """A collector; `bodies` are what was sent to it, to the byte."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}", "OTEL_BSP_SCHEDULE_DELAY": "100"}

    async def take(self, request: Request) -> Response:
        assert request.headers["content-type"] == PROTOBUF
        body = await request.body()
        self.bodies.append(body)
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = read_attributes(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                self.spans += map(ReceivedSpan.from_message, scope_spans.spans)
        return Response(b"", media_type=PROTOBUF)

    def list_spans(self, name: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name == name]

    async def wait_for(self, name: str, count: int = 1) -> list[ReceivedSpan]:
        """The spans of this name, once there are so many."""
        await until(lambda: len(self.list_spans(name)) >= count, patience=30)
        return self.list_spans(name)


@asynccontextmanager
async def receive_traces() -> AsyncIterator[TraceReceiver]:
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = TraceReceiver(listener.getsockname()[1])
    async with run_web_server(Starlette(routes=[Route("/v1/traces", receiver.take, methods=["POST"])]), listener):
        yield receiver
