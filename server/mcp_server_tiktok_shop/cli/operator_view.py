"""What an operator sees of a server over HTTP: readiness, metrics, traces, the access log."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.telemetry import METRICS, TRACES, make_metrics_sender, make_tracing
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.protocol.address import join_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.logs import LogGuard
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.metrics_export import MetricsSender
    from mcp_server_tiktok_shop.protocol.operating import Operating
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
    from mcp_server_tiktok_shop.protocol.readiness import Readiness
    from mcp_server_tiktok_shop.protocol.traces import TracingMetrics


class OperatorView(Struct, frozen=True):
    """How who operates a server sees what it does; `metrics` are told at a `listener` of their own where it is there.

    `tracing` and `metrics_sender` are there where traces and metrics are sent, the faults say why they are not although
    they are asked for.
    """

    metrics: PrometheusMetrics | None
    listener: socket.socket | None
    access_log_path: Path | None
    tracing: TracingMetrics | None
    trace_fault: str
    metrics_sender: MetricsSender | None
    metrics_fault: str

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
        """Send what was not sent yet."""
        senders = [sender for sender in (self.tracing, self.metrics_sender) if sender is not None]
        await asyncio.gather(*(sender.close() for sender in senders))


def prepare_view(
    host: str, metrics_port: int | None, access_log_path: Path | None, environment: Mapping[str, str]
) -> OperatorView:
    """What is asked for by options, and by OpenTelemetry's own variables of the `environment`."""
    metrics, listener = None, None
    if metrics_port is not None:
        try:
            from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics  # noqa: PLC0415 - of an extra
        except ModuleNotFoundError:
            raise CommandError("--metrics-port wants the extra `team`: install mcp-server-tiktok-shop[team]") from None
        metrics, listener = PrometheusMetrics(), open_listener(host, metrics_port)
    sender, metrics_fault = METRICS.make(environment, partial(make_metrics_sender, metrics, environment))
    if sender is not None:
        metrics = sender.metrics
    tracing, trace_fault = TRACES.make(environment, partial(make_tracing, metrics or NO_METRICS))
    return OperatorView(metrics, listener, access_log_path, tracing, trace_fault, sender, metrics_fault)


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

    sending = (("Traces", view.tracing, view.trace_fault), ("Metrics", view.metrics_sender, view.metrics_fault))
    for name, sender, fault in sending:
        if sender is not None:
            output.print_line(f"{name} are sent where OpenTelemetry's variables in the environment say.", err=True)
        elif fault:
            output.print_line(f"No {name.lower()} are sent: {fault}.", err=True)
    if view.metrics is None or view.listener is None:
        return Operating(readiness, metrics=view.metrics or NO_METRICS), [listener]
    host, metrics_port = view.listener.getsockname()[:2]
    output.print_line(f"Metrics are told at http://{join_address(host, metrics_port)}{METRICS_PATH}.", err=True)
    operating = Operating(readiness, metrics=view.metrics, tell_metrics=view.metrics.tell, metrics_port=metrics_port)
    return operating, [listener, view.listener]
