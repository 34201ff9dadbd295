"""How who operates a server over HTTP sees what it does: readiness, metrics at a port of their own, traces, a log."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.protocol.address import join_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.logs import LogGuard
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.operating import Operating
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
    from mcp_server_tiktok_shop.protocol.readiness import Readiness
    from mcp_server_tiktok_shop.protocol.traces import TracingMetrics

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TRACE_PROTOCOL = "http/protobuf"


class OperatorView(Struct, frozen=True):
    """How who operates a server sees what it does; `metrics` are told at a listener of their own.

    `tracing` is there where traces are sent, `trace_fault` says why they are not although they are asked for.
    """

    metrics: PrometheusMetrics | None
    listener: socket.socket | None
    access_log_path: Path | None
    tracing: TracingMetrics | None = None
    trace_fault: str = ""

    @property
    def observer(self) -> Metrics:
        """What the parts of the server tell what they do."""
        return self.tracing or self.metrics or NO_METRICS

    def open_log(self, guard: LogGuard) -> AccessLog | None:
        if self.access_log_path is None:
            return None
        from mcp_server_tiktok_shop.protocol.access_log import open_access_log  # noqa: PLC0415 - help needs no server

        path = None if str(self.access_log_path) == "-" else self.access_log_path
        try:
            return open_access_log(path, guard.guard_log_text)
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from None

    async def close(self) -> None:
        if self.tracing is not None:
            await self.tracing.close()


def prepare_view(
    host: str, metrics_port: int | None, access_log_path: Path | None, environment: Mapping[str, str]
) -> OperatorView:
    """What is asked for by options, and of traces by OpenTelemetry's own variables of the `environment`."""
    metrics, listener = None, None
    if metrics_port is not None:
        try:
            from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics  # noqa: PLC0415 - of an extra
        except ModuleNotFoundError:
            raise CommandError("--metrics-port wants the extra `team`: install mcp-server-tiktok-shop[team]") from None
        metrics, listener = PrometheusMetrics(), open_listener(host, metrics_port)
    tracing, trace_fault = None, ""
    if are_traces_wanted(environment):
        tracing, trace_fault = _prepare_tracing(metrics or NO_METRICS, environment)
    return OperatorView(metrics, listener, access_log_path, tracing, trace_fault)


def are_traces_wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables name where to send traces, and none of them says not to."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "").strip() not in ("", "otlp"):
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINT_VARIABLES)


def _prepare_tracing(counted: Metrics, environment: Mapping[str, str]) -> tuple[TracingMetrics | None, str]:
    """What sends traces, or why they can't be sent: the variables may be there for every program of a computer."""
    protocols = [protocol for name in PROTOCOL_VARIABLES if (protocol := environment.get(name, "").strip())]
    if protocols and protocols[0] != TRACE_PROTOCOL:
        return None, f"they are sent by {TRACE_PROTOCOL} alone, and the environment asks for another protocol"
    try:
        from mcp_server_tiktok_shop.protocol.traces import TracingMetrics  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        return None, "that wants the extra `team`: install mcp-server-tiktok-shop[team]"
    try:
        return TracingMetrics(counted), ""
    except (OSError, ValueError) as error:
        return None, f"OpenTelemetry refuses its settings ({type(error).__name__})"


def open_listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None


def prepare_operating(
    readiness: Readiness, listener: socket.socket, view: OperatorView, output: Output
) -> tuple[Operating, list[socket.socket]]:
    """How the server is watched, and where it listens."""
    from mcp_server_tiktok_shop.protocol.operating import METRICS_PATH, Operating  # noqa: PLC0415

    if view.tracing is not None:
        output.print_line("Traces are sent where OpenTelemetry's variables in the environment say.", err=True)
    elif view.trace_fault:
        output.print_line(f"No traces are sent: {view.trace_fault}.", err=True)
    if view.metrics is None or view.listener is None:
        return Operating(readiness), [listener]
    host, metrics_port = view.listener.getsockname()[:2]
    output.print_line(f"Metrics are told at http://{join_address(host, metrics_port)}{METRICS_PATH}.", err=True)
    operating = Operating(readiness, metrics=view.metrics, tell_metrics=view.metrics.tell, metrics_port=metrics_port)
    return operating, [listener, view.listener]
