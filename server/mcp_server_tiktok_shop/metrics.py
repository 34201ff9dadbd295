"""What is counted for who operates a server: where it is counted, not how it is kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Metrics(Protocol):
    """Counts what happens, by names of the catalog and closed sets of words: no shop, no person, no argument."""

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


class NoMetrics:
    """Counts nothing: where nobody asks."""

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


NO_METRICS: Metrics = NoMetrics()


@contextmanager
def watch_renewal(metrics: Metrics) -> Iterator[None]:
    """Count a renewal by how it ends: `ok`, the kind of the error, or `cut_off`."""
    outcome = "cut_off"
    try:
        yield
        outcome = "ok"
    except ShopError as error:
        outcome = error.kind
        raise
    finally:
        metrics.record_renewal(outcome)
