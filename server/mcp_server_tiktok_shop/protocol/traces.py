"""Exports traces by OpenTelemetry as its environment variables say; imported only then."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind as LibraryKind
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.telemetry_resource import END_TIMEOUT_S, SERVICE, describe_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.trace import Span as LibrarySpan

    from mcp_server_tiktok_shop.metrics import Metrics, Span, SpanKind

OWN_PREFIX = "tiktok_shop."
# What OpenTelemetry's conventions for MCP, tools and HTTP have a name for.
CONVENTIONAL_NAMES = {
    "action": "gen_ai.operation.name",
    "era": "mcp.protocol.version",
    "method": "mcp.method.name",
    "status": "http.response.status_code",
    "tool": "gen_ai.tool.name",
}
ERROR_NAME = "error.type"
LIBRARY_KINDS: Mapping[SpanKind, LibraryKind] = {
    "server": LibraryKind.SERVER,
    "client": LibraryKind.CLIENT,
    "internal": LibraryKind.INTERNAL,
}


class TracedSpan:
    """`Span` of OpenTelemetry."""

    def __init__(self, span: LibrarySpan) -> None:
        self._span = span
        self._has_failed = False

    def set(self, **attributes: str | float) -> None:
        self._span.set_attributes(_name_attributes(attributes))

    def fail(self, kind: str) -> None:
        """The first error counts: what follows from it says less."""
        if not self._has_failed:
            self._has_failed = True
            self._span.set_attribute(ERROR_NAME, kind)
            self._span.set_status(StatusCode.ERROR)


class TracingMetrics:
    """`Metrics` that hands what is counted on to others, and sends spans to where the environment says.

    Its provider is its own: what the MCP SDK traces by itself, with names that callers make up and texts of errors in
    it, goes to the process's provider, of which there is none.
    """

    def __init__(self, counted: Metrics) -> None:
        self.record_call = counted.record_call
        self.record_refusal = counted.record_refusal
        self.record_platform_request = counted.record_platform_request
        self.record_pace_wait = counted.record_pace_wait
        self.record_renewal = counted.record_renewal
        self.record_confirmation = counted.record_confirmation
        self.record_copy_age = counted.record_copy_age
        self.record_notification = counted.record_notification
        self.record_pending_notifications = counted.record_pending_notifications
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=describe_service(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer(SERVICE, __version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def open_span(
        self,
        name: str,
        kind: SpanKind = "internal",
        parent: Mapping[str, str] | None = None,
        /,
        **attributes: str | float,
    ) -> Iterator[Span]:
        context = None if parent is None else self._propagator.extract(parent, Context())
        with self._tracer.start_as_current_span(
            name,
            context,
            LIBRARY_KINDS[kind],
            _name_attributes(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as library_span:
            span = TracedSpan(library_span)
            try:
                yield span
            except BaseException as error:
                span.fail(_name_error(error))
                raise

    async def close(self) -> None:
        """Send what was not sent yet, as far as it can be within `END_TIMEOUT_S`."""
        ending = asyncio.create_task(asyncio.to_thread(self._provider.shutdown))
        await asyncio.wait([ending], timeout=END_TIMEOUT_S)
        if not ending.done():
            # It sends nothing again that failed, and `ending` ends.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
        await ending


def _name_attributes(attributes: Mapping[str, str | float]) -> dict[str, str | float]:
    return {CONVENTIONAL_NAMES.get(name, OWN_PREFIX + name): value for name, value in attributes.items()}


def _name_error(error: BaseException) -> str:
    if isinstance(error, ShopError):
        return error.kind
    return "cut_off" if isinstance(error, asyncio.CancelledError) else type(error).__name__
