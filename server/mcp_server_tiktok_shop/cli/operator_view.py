"""How who operates a server over HTTP sees what it does: readiness, metrics at a port of their own, an access log."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.protocol.address import join_address

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.logs import LogGuard
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.operating import Operating
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
    from mcp_server_tiktok_shop.protocol.readiness import Readiness


@dataclass(frozen=True, slots=True)
class OperatorView:
    """How who operates a server sees what it does; `metrics` are told at a listener of their own."""

    metrics: PrometheusMetrics | None
    listener: socket.socket | None
    access_log_path: Path | None

    def open_log(self, guard: LogGuard) -> AccessLog | None:
        if self.access_log_path is None:
            return None
        from mcp_server_tiktok_shop.protocol.access_log import open_access_log  # noqa: PLC0415 - help needs no server

        path = None if str(self.access_log_path) == "-" else self.access_log_path
        try:
            return open_access_log(path, guard.guard_log_text)
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from None


def prepare_view(host: str, metrics_port: int | None, access_log_path: Path | None) -> OperatorView:
    if metrics_port is None:
        return OperatorView(None, None, access_log_path)
    try:
        from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        raise CommandError("--metrics-port wants the extra `team`: install mcp-server-tiktok-shop[team]") from None
    return OperatorView(PrometheusMetrics(), open_listener(host, metrics_port), access_log_path)


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

    if view.metrics is None or view.listener is None:
        return Operating(readiness), [listener]
    host, metrics_port = view.listener.getsockname()[:2]
    output.print_line(f"Metrics are told at http://{join_address(host, metrics_port)}{METRICS_PATH}.", err=True)
    operating = Operating(readiness, metrics=view.metrics, tell_metrics=view.metrics.tell, metrics_port=metrics_port)
    return operating, [listener, view.listener]
