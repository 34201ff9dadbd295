"""Exports metrics by OpenTelemetry as its environment variables say; imported only then."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.protocol.telemetry_resource import END_TIMEOUT_S, SERVICE, describe_service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.samples import Sample

    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics

INTERVAL_VARIABLE = "OTEL_METRIC_EXPORT_INTERVAL"
DEFAULT_INTERVAL_MS = 60_000.0
UNITS = {"seconds": "s", "bytes": "By"}  # by the last word of a name
BUCKET_LABEL = "le"
NOT_MEASURED: Any = None  # least and greatest value of a histogram: its registry keeps none


class MetricsSender:
    """Sends all that `metrics` count, cumulative since its beginning, at an interval and at the end.

    Their registry is read as it stands: nothing is declared, counted or added up a second time.

    Raises:
        ValueError: The interval of the environment is none.

    """

    def __init__(self, metrics: PrometheusMetrics, environment: Mapping[str, str]) -> None:
        self._interval_s = _read_interval_s(environment)
        self.metrics = metrics
        self._resource = describe_service()
        self._exporter = OTLPMetricExporter()
        self._started_at_ns = time.time_ns()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name="metrics", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Send what was counted up to now, as far as it can be within `END_TIMEOUT_S`."""
        self._end.set()
        await asyncio.to_thread(self._thread.join, END_TIMEOUT_S)
        self._exporter.shutdown()

    def _send_on(self) -> None:
        is_ending = False
        while not is_ending:
            is_ending = self._end.wait(self._interval_s)
            self._exporter.export(self._collect())  # it logs what fails

    def _collect(self) -> MetricsData:
        now_ns = time.time_ns()
        metrics = [
            Metric(
                name=family.name,
                description=family.documentation,
                unit=UNITS.get(family.name.rpartition("_")[2], ""),
                data=_convert(family, self._started_at_ns, now_ns),
            )
            for family in self.metrics.registry.collect()
            if family.samples
        ]
        scope = ScopeMetrics(InstrumentationScope(SERVICE, __version__), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])


def _read_interval_s(environment: Mapping[str, str]) -> float:
    interval_ms = float(environment.get(INTERVAL_VARIABLE, "").strip() or DEFAULT_INTERVAL_MS)
    if not 0 < interval_ms < math.inf:
        raise ValueError(INTERVAL_VARIABLE)
    return interval_ms / 1000


def _convert(family: Family, started_at_ns: int, now_ns: int) -> Sum | Gauge | Histogram:
    if family.type == "histogram":
        points = list(_list_histograms(family.samples, started_at_ns, now_ns))
        return Histogram(points, AggregationTemporality.CUMULATIVE)
    numbers = [
        NumberDataPoint(sample.labels, started_at_ns, now_ns, sample.value)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    if family.type == "counter":
        return Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
    return Gauge(numbers)


def _list_histograms(samples: Iterable[Sample], started_at_ns: int, now_ns: int) -> Iterator[HistogramDataPoint]:
    """A point for each set of labels; a registry gives its buckets, count and sum one after the other."""
    bounds: list[float] = []
    counts: list[int] = []  # up to each bound
    count = 0
    for sample in samples:
        kind = sample.name.rpartition("_")[2]
        if kind == "bucket":
            bounds.append(float(sample.labels[BUCKET_LABEL]))
            counts.append(int(sample.value))
        elif kind == "count":
            count = int(sample.value)
        elif kind == "sum":
            in_buckets = [upper - lower for upper, lower in zip(counts, [0, *counts], strict=False)]
            yield HistogramDataPoint(
                attributes=sample.labels,
                start_time_unix_nano=started_at_ns,
                time_unix_nano=now_ns,
                count=count,
                sum=sample.value,
                bucket_counts=in_buckets,
                explicit_bounds=bounds[:-1],  # the last is infinity
                min=NOT_MEASURED,
                max=NOT_MEASURED,
            )
            bounds, counts = [], []
