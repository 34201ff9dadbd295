"""Sets up traces and metrics as OpenTelemetry's environment variables say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.metrics_export import MetricsSender
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
    from mcp_server_tiktok_shop.protocol.traces import TracingMetrics

Made = TypeVar("Made")

PROTOCOL = "http/protobuf"
TEMPORALITY = "cumulative"


class TelemetryKind(Struct, frozen=True):
    """One kind of what OpenTelemetry sends; a variable of its own goes before the one of all kinds."""

    name: Literal["traces", "metrics"]

    def is_wanted(self, environment: Mapping[str, str]) -> bool:
        """Whether the variables name where to send it, and none of them says not to."""
        if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return False
        if environment.get(f"OTEL_{self.name.upper()}_EXPORTER", "").strip() not in ("", "otlp"):
            return False
        return bool(self._get(environment, "ENDPOINT"))

    def make(self, environment: Mapping[str, str], make: Callable[[], Made]) -> tuple[Made | None, str]:
        """What sends it where it is wanted, or why it can't be sent.

        The variables may be there for every program of a computer, so this one ends by no fault of theirs.
        """
        if not self.is_wanted(environment):
            return None, ""
        if self._get(environment, "PROTOCOL") not in ("", PROTOCOL):
            return None, f"they are sent by {PROTOCOL} alone, and the environment asks for another protocol"
        if self._get(environment, "TEMPORALITY_PREFERENCE").lower() not in ("", TEMPORALITY):
            return None, f"they are {TEMPORALITY}, and the environment asks for another temporality"
        try:
            return make(), ""
        except ModuleNotFoundError:
            return None, "that wants the extra `team`: install mcp-server-tiktok-shop[team]"
        except (OSError, ValueError) as error:
            return None, f"OpenTelemetry refuses its settings ({type(error).__name__})"

    def _get(self, environment: Mapping[str, str], name: str) -> str:
        own, common = f"OTEL_EXPORTER_OTLP_{self.name.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"
        return environment.get(own, "").strip() or environment.get(common, "").strip()


TRACES, METRICS = TelemetryKind("traces"), TelemetryKind("metrics")


def make_metrics_sender(metrics: PrometheusMetrics | None, environment: Mapping[str, str]) -> MetricsSender:
    """What sends these metrics, or new ones where nobody counts yet. Raises as `TelemetryKind.make` expects."""
    from mcp_server_tiktok_shop.protocol.metrics_export import MetricsSender  # noqa: PLC0415 - of an extra
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics  # noqa: PLC0415 - of an extra

    return MetricsSender(metrics or PrometheusMetrics(), environment)


def make_tracing(counted: Metrics) -> TracingMetrics:
    """What sends traces, and hands what is counted on. Raises as `TelemetryKind.make` expects."""
    from mcp_server_tiktok_shop.protocol.traces import TracingMetrics  # noqa: PLC0415 - of an extra

    return TracingMetrics(counted)
