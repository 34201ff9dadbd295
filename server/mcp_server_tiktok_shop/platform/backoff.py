"""Backoff: how long a call waits before its next attempt."""

from __future__ import annotations

# The platform's own formula for what it throttled: a second, doubled each time, and up to half a second of jitter.
THROTTLE_BASE_S = 1.0
MAX_THROTTLE_RETRIES = 5
TRANSIENT_BASE_S = 0.5  # an overload or a fault is no throttling: it may pass sooner
MAX_CONNECT_RETRIES = 3  # further tries to connect: a host or proxy that is away mostly stays so, and a person waits
MAX_BACKOFF_S = 60.0
MAX_JITTER_S = 0.5


def compute_throttle_delay(attempt: int, jitter: float, retry_after: float | None) -> float | None:
    """Seconds until a throttled call may be repeated; None where it was often enough.

    A Retry-After is kept by the rate limiter, for all calls of the kind: beside it there is nothing to wait for.
    `jitter` is a number from 0 to 1.
    """
    if retry_after:
        return 0.0
    return _compute_backoff(THROTTLE_BASE_S, attempt, jitter) if attempt < MAX_THROTTLE_RETRIES else None


def compute_connect_delay(attempt: int, jitter: float) -> float | None:
    """Seconds until a call that reached nobody may be repeated; None where it was often enough."""
    return _compute_backoff(TRANSIENT_BASE_S, attempt, jitter) if attempt < MAX_CONNECT_RETRIES else None


def compute_transient_delay(attempt: int, jitter: float, retry_after: float | None) -> float:
    """Seconds until a read may be repeated that met what passes; 0 where the Retry-After that came is longer."""
    backoff = _compute_backoff(TRANSIENT_BASE_S, attempt, jitter)
    return backoff if backoff > (retry_after or 0.0) else 0.0


def _compute_backoff(base_s: float, attempt: int, jitter: float) -> float:
    return min(base_s * 2.0**attempt, MAX_BACKOFF_S) + jitter * MAX_JITTER_S
