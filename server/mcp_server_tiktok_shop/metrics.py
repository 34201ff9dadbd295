"""The interface for what is counted and traced, independent of how it is stored."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

SpanKind = Literal["server", "client", "internal"]


class Span(Protocol):
    """A part of a call from its beginning to its end, as a trace shows it."""

    def set(self, **attributes: str | float) -> None:
        """Say what it was, by numbers, names of the catalog and closed sets of words."""

    def fail(self, kind: str) -> None:
        """Say that it failed, by the kind of the error alone: words of others are in its text."""


class Metrics(Protocol):
    """Counts what happens, by names of the catalog and closed sets of words: no shop, no person, no argument.

    What takes its time is a span of a trace as well, which names the tenant.
    """

    def open_span(
        self,
        name: str,
        kind: SpanKind = "internal",
        parent: Mapping[str, str] | None = None,
        /,
        **attributes: str | float,
    ) -> AbstractContextManager[Span]:
        """A span for as long as the block lasts, below the one that is open around it.

        `parent` is the W3C trace context of who sent a request, as `traceparent` and `tracestate`, where it is one of
        those. An error that leaves the block fails the span.
        """
        ...

    def record_call(self, tool: str, outcome: str, seconds: float) -> None:
        """A tool call has ended."""

    def record_refusal(self, status: int) -> None:
        """A request over HTTP was refused before anything of it was read."""

    def record_platform_request(self, operation: str, outcome: str, seconds: float) -> None:
        """One request to the platform has ended; a call may make several."""

    def record_pace_wait(self, seconds: float) -> None:
        """So long a request waited for its turn, before it was sent."""

    def record_renewal(self, outcome: str) -> None:
        """A seller's token pair was renewed, or was not."""

    def record_confirmation(self, outcome: str) -> None:
        """A write was asked about, agreed to or declined."""

    def record_copy_age(self, seconds: float) -> None:
        """Of so long ago was the oldest table that a question to the local copy was answered from."""

    def record_notification(self, outcome: str) -> None:
        """The platform notified of something: `new`, `repeated`, `unowned`, `refused`, or `not_stored`."""

    def record_pending_notifications(self, count: int) -> None:
        """So many notifications wait to be followed up."""


class NoSpan:
    """Says nothing: where nothing is traced."""

    def set(self, **_attributes: str | float) -> None:
        return

    def fail(self, _kind: str) -> None:
        return


NO_SPAN: AbstractContextManager[Span] = nullcontext(NoSpan())


class NoMetrics:
    """Counts and traces nothing: where nobody asks."""

    def open_span(
        self,
        _name: str,
        _kind: SpanKind = "internal",
        _parent: Mapping[str, str] | None = None,
        /,
        **_attributes: str | float,
    ) -> AbstractContextManager[Span]:
        return NO_SPAN

    def record_call(self, _tool: str, _outcome: str, _seconds: float) -> None:
        return

    def record_refusal(self, _status: int) -> None:
        return

    def record_platform_request(self, _operation: str, _outcome: str, _seconds: float) -> None:
        return

    def record_pace_wait(self, _seconds: float) -> None:
        return

    def record_renewal(self, _outcome: str) -> None:
        return

    def record_confirmation(self, _outcome: str) -> None:
        return

    def record_copy_age(self, _seconds: float) -> None:
        return

    def record_notification(self, _outcome: str) -> None:
        return

    def record_pending_notifications(self, _count: int) -> None:
        return


NO_METRICS: Metrics = NoMetrics()


@contextmanager
def watch_renewal(metrics: Metrics) -> Iterator[None]:
    """Count a renewal by how it ends: `ok`, the kind of the error, or `cut_off`."""
    outcome = "cut_off"
    with metrics.open_span("renew_token") as span:
        try:
            yield
            outcome = "ok"
        except ShopError as error:
            outcome = error.kind
            raise
        finally:
            metrics.record_renewal(outcome)
            span.set(outcome=outcome)


class RequestWatch(Struct):
    """One request to the platform, from asking for its turn to its answer. `now` gives seconds.

    `outcome` is to be set before its end.
    """

    metrics: Metrics
    operation: str
    now: Callable[[], float]
    span: Span
    outcome: str = "cut_off"
    _asked_at: float = 0.0
    _sent_at: float = 0.0

    def __post_init__(self) -> None:
        self._asked_at = self.now()

    def begin(self) -> None:
        """Its turn has come, and it is sent."""
        self._sent_at = self.now()
        self.metrics.record_pace_wait(self._sent_at - self._asked_at)
        self.span.set(pace_wait_s=round(self._sent_at - self._asked_at, 6))

    def end(self) -> None:
        """It was answered, or was not; only after `begin`."""
        self.metrics.record_platform_request(self.operation, self.outcome, self.now() - self._sent_at)
        self.span.set(outcome=self.outcome)
        if self.outcome != "ok":
            self.span.fail(self.outcome)


@contextmanager
def watch_request(metrics: Metrics, operation: str, now: Callable[[], float]) -> Iterator[RequestWatch]:
    """Count and trace a request to the platform, and the wait for its turn."""
    with metrics.open_span(operation, "client", operation=operation) as span:
        yield RequestWatch(metrics, operation, now, span)
