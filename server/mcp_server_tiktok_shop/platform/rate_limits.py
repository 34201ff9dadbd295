"""Keeps calls to what the platform takes: how many at once, how far apart, and not before it said."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mcp_server_tiktok_shop.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

MAX_CONCURRENCY = 8
INITIAL_INTERVAL_S = 0.05  # seconds between sends after the first refusal
MIN_INTERVAL_S = 0.01
MAX_INTERVAL_S = 5.0
RETRY_AFTER_MARGIN_S = 0.1  # over a Retry-After: it is told in whole seconds, from another clock
MAX_RETRY_AFTER_S = 3600.0  # a Retry-After in the year 9999 is no reason never to ask again
# After a refusal the distance follows a cubic curve, as TCP's window does: from WIDER times a level down to the level
# at CALM, where it stays for a while, then ever faster to 0. A platform's limit is found with few further refusals.
THROTTLE_MULTIPLIER = 1.3
RECOVERY_SUCCESSES = 40.0
SUCCESSES_PER_SECOND = 2.0  # a second counts as much as two good calls: who was slowed to a crawl gets away from it


class RateLimitKey(NamedTuple):
    """What the platform counts by. `shop` is an id, or empty."""

    account: str
    shop: str
    operation: str


class RateLimitDeadlineError(RequestError):
    """The turn would come after the deadline, so nothing was sent. `seconds` tells how long it would take."""

    def __init__(self, estimated_wait: float) -> None:
        super().__init__(f"the turn comes in {estimated_wait:.1f} seconds")
        self.estimated_wait = estimated_wait


class Permit(Protocol):
    """One request's leave to go out. What became of it is told before the turn ends; a lost answer tells nothing."""

    def record_success(self) -> None:
        """It was answered, and not for being one too many."""

    def record_throttle(self) -> None:
        """It was refused as one too many: the next ones keep more distance."""

    def apply_retry_after(self, seconds: float) -> None:
        """The platform wants nothing for so long."""


class RateLimiter(Protocol):
    def acquire(self, key: RateLimitKey, deadline: float) -> AbstractAsyncContextManager[Permit]:
        """Wait for leave to send one request; `until` is a moment of the monotonic clock.

        Raises:
            Late: The turn would come after that.

        """


@dataclass(slots=True)
class RateLimitBucket:
    """The requests of one key. Moments are the monotonic clock's."""

    concurrency: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENCY))
    send_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    active_requests: int = 0
    waiting_requests: int = 0
    next_send_at: float = -inf
    base_interval: float = 0.0
    successes_since_throttle: int = 0
    last_throttled_at: float = -inf

    def send_interval(self, now: float) -> float:
        """Seconds between two sends."""
        remaining = (
            1
            - (self.successes_since_throttle + SUCCESSES_PER_SECOND * (now - self.last_throttled_at))
            / RECOVERY_SUCCESSES
        )
        return self.base_interval * max(0.0, 1 + (THROTTLE_MULTIPLIER - 1) * remaining**3)

    def estimated_wait(self, now: float, requests_ahead: int) -> float:
        """How long a request must wait that has so many ahead of it."""
        return max(0.0, self.next_send_at - now) + requests_ahead * self.send_interval(now)

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost without it."""
        return self.active_requests == 0 and self.next_send_at <= now and self.send_interval(now) <= 0

    def increase_interval(self, now: float) -> None:
        interval = self.send_interval(now)
        if interval <= 0:
            base = INITIAL_INTERVAL_S / THROTTLE_MULTIPLIER
        elif self.successes_since_throttle == 0:
            base = 2 * self.base_interval
        else:
            base = max(interval, MIN_INTERVAL_S)
        self.base_interval = min(base, MAX_INTERVAL_S / THROTTLE_MULTIPLIER)
        self.successes_since_throttle, self.last_throttled_at = 0, now


@dataclass(slots=True)
class _InMemoryPermit:
    bucket: RateLimitBucket
    monotonic: Callable[[], float]
    sent_at: float

    def record_success(self) -> None:
        self.bucket.successes_since_throttle += 1

    def record_throttle(self) -> None:
        now = self.monotonic()
        if (
            self.sent_at > self.bucket.last_throttled_at
        ):  # what was under way when another was refused tells nothing new
            self.bucket.increase_interval(now)
        self.bucket.next_send_at = max(self.bucket.next_send_at, now + self.bucket.send_interval(now))

    def apply_retry_after(self, seconds: float) -> None:
        self.bucket.next_send_at = max(
            self.bucket.next_send_at, self.monotonic() + min(seconds, MAX_RETRY_AFTER_S) + RETRY_AFTER_MARGIN_S
        )


class InMemoryRateLimiter:
    """The pace of one process. A key is forgotten when it is unused and has nothing left to wait for."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._buckets: dict[RateLimitKey, RateLimitBucket] = {}

    @asynccontextmanager
    async def acquire(self, key: RateLimitKey, deadline: float) -> AsyncIterator[Permit]:
        bucket = self._get_bucket(key)
        bucket.active_requests += 1
        try:
            await self._wait_for_permit(bucket, deadline)
            try:
                yield _InMemoryPermit(bucket, self._monotonic, self._monotonic())
            finally:
                bucket.concurrency.release()
        finally:
            bucket.active_requests -= 1
            if bucket.is_idle(self._monotonic()):
                self._buckets.pop(key, None)

    def _get_bucket(self, key: RateLimitKey) -> RateLimitBucket:
        if key not in self._buckets:
            now = self._monotonic()
            self._buckets = {k: bucket for k, bucket in self._buckets.items() if not bucket.is_idle(now)}
            self._buckets[key] = RateLimitBucket()
        return self._buckets[key]

    async def _wait_for_permit(self, bucket: RateLimitBucket, deadline: float) -> None:
        """A place, and then the moment: in the order of asking."""
        now = self._monotonic()
        if now + (wait := bucket.estimated_wait(now, bucket.waiting_requests)) >= deadline:
            raise RateLimitDeadlineError(wait)
        bucket.waiting_requests += 1
        try:
            async with asyncio.timeout(deadline - now):
                await bucket.concurrency.acquire()
                try:
                    await self._wait_for_send_time(bucket, deadline)
                except BaseException:
                    bucket.concurrency.release()
                    raise
        except TimeoutError:
            raise RateLimitDeadlineError(
                max(1.0, bucket.estimated_wait(self._monotonic(), bucket.waiting_requests))
            ) from None
        finally:
            bucket.waiting_requests -= 1

    async def _wait_for_send_time(self, bucket: RateLimitBucket, deadline: float) -> None:
        async with bucket.send_lock:
            now = self._monotonic()
            while bucket.next_send_at > now:  # it may move while we wait for it
                if bucket.next_send_at >= deadline:
                    raise RateLimitDeadlineError(bucket.next_send_at - now)
                wake_at = bucket.next_send_at
                await self._sleep(wake_at - now)
                now = max(wake_at, self._monotonic())
            bucket.next_send_at = now + bucket.send_interval(now)
