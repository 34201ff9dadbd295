"""Rate limiter: how many requests of a kind are in flight, their spacing, and when to go on after a Retry-After."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import RequestError
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.stores import RateMarks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.state.stores import RateMarksChange, RateMarkStore

MAX_CONCURRENCY = 8
INITIAL_INTERVAL_S = 0.05  # between two sends after the first throttled one
MIN_INTERVAL_S = 0.01
MAX_INTERVAL_S = 5.0
RETRY_AFTER_MARGIN_S = 0.1  # over a Retry-After: it comes in whole seconds, from another clock
# After a throttled request the interval follows a cubic curve, as TCP's window does: from THROTTLE_MULTIPLIER times a
# base down to the base at RECOVERY_SUCCESSES, where it stays for a while, then ever faster to 0. A platform's limit is
# found with few further refusals.
THROTTLE_MULTIPLIER = 1.3
RECOVERY_SUCCESSES = 40.0
SUCCESSES_PER_SECOND = 2.0  # a second counts as much as two successes: who was slowed to a crawl gets away from it
# Where the curve meets 0 without a single success, in seconds after the throttled request.
MAX_RECOVERY_S = RECOVERY_SUCCESSES * (1 + (THROTTLE_MULTIPLIER - 1) ** (-1 / 3)) / SUCCESSES_PER_SECOND


class RateLimitKey(NamedTuple):
    """What the platform counts requests by: ids of account and shop, the shop's empty where there is none."""

    account: str
    shop: str
    operation: str


class RateLimitDeadlineError(RequestError):
    """The permit would come after the deadline, so nothing was sent. `estimated_wait` is in seconds."""

    def __init__(self, estimated_wait: float) -> None:
        super().__init__(f"the permit comes in {estimated_wait:.1f} seconds")
        self.estimated_wait = estimated_wait


class Permit(Protocol):
    """Leave to send one request. Its outcome is recorded while the permit lasts; a lost answer has none."""

    def record_success(self) -> None:
        """It was answered, and not for being one too many."""

    def record_throttle(self) -> None:
        """It was refused as one too many: the next ones go farther apart."""

    def apply_retry_after(self, seconds: float) -> None:
        """The platform wants no request for so long."""


class RateLimiter(Protocol):
    """Permits to send requests, so that the platform is not asked more than it takes."""

    def acquire(self, key: RateLimitKey, deadline: float) -> AbstractAsyncContextManager[Permit]:
        """Wait for a permit to send one request; `deadline` is a moment of the monotonic clock, in seconds.

        Raises:
            RateLimitDeadlineError: The permit would come after the deadline.

        """


def compute_send_interval(marks: RateMarks, now: float) -> float:
    """Seconds between two sends."""
    recovery = marks.successes_since_throttle + SUCCESSES_PER_SECOND * (now - marks.last_throttled_at)
    remaining = 1 - recovery / RECOVERY_SUCCESSES
    return marks.base_interval * max(0.0, 1 + (THROTTLE_MULTIPLIER - 1) * remaining**3)


def estimate_wait(marks: RateMarks, now: float, requests_ahead: int) -> float:
    """Seconds that a request must wait that has so many ahead of it."""
    return max(0.0, marks.next_send_at - now) + requests_ahead * compute_send_interval(marks, now)


def is_idle(marks: RateMarks, now: float) -> bool:
    """Whether nothing would be lost without the marks."""
    return marks.next_send_at <= now and compute_send_interval(marks, now) <= 0


def reserve_send(marks: RateMarks, now: float) -> RateMarks:
    """The marks after a send at this moment; as they are where it is too early for one."""
    interval = compute_send_interval(marks, now)
    if marks.next_send_at > now or interval <= 0:
        return marks
    return _delay_next_send(marks, now + interval)


def record_success(marks: RateMarks) -> RateMarks:
    """The marks after an answer; where nothing was ever throttled there is nothing to recover from."""
    if marks.base_interval <= 0:
        return marks
    return replace(marks, successes_since_throttle=marks.successes_since_throttle + 1)


def record_throttle(marks: RateMarks, sent_at: float, now: float) -> RateMarks:
    """The marks after a request that was throttled: a wider interval, and a next send that keeps it."""
    if sent_at > marks.last_throttled_at:  # what was in flight when another was throttled says nothing new
        base_interval = _widen_base_interval(marks, now)
        marks = replace(marks, base_interval=base_interval, successes_since_throttle=0, last_throttled_at=now)
        marks = replace(marks, expires_at=max(marks.expires_at, now + MAX_RECOVERY_S))
    return _delay_next_send(marks, now + compute_send_interval(marks, now))


def apply_retry_after(marks: RateMarks, seconds: float, now: float) -> RateMarks:
    """The marks after a Retry-After of so many seconds."""
    return _delay_next_send(marks, now + seconds + RETRY_AFTER_MARGIN_S)


def forget_if_idle(marks: RateMarks, now: float, *, is_used: bool) -> RateMarks:
    """No marks where they say nothing any more, and no request is in flight that may yet be throttled."""
    return RateMarks() if not is_used and is_idle(marks, now) else marks


def _widen_base_interval(marks: RateMarks, now: float) -> float:
    interval = compute_send_interval(marks, now)
    if interval <= 0:
        base = INITIAL_INTERVAL_S / THROTTLE_MULTIPLIER
    elif marks.successes_since_throttle == 0:
        base = 2 * marks.base_interval
    else:
        base = max(interval, MIN_INTERVAL_S)
    return min(base, MAX_INTERVAL_S / THROTTLE_MULTIPLIER)


def _delay_next_send(marks: RateMarks, moment: float) -> RateMarks:
    next_send_at = max(marks.next_send_at, moment)
    return replace(marks, next_send_at=next_send_at, expires_at=max(marks.expires_at, next_send_at))


def _apply_changes(changes: Iterable[RateMarksChange], marks: RateMarks) -> RateMarks:
    for change in changes:
        marks = change(marks)
    return marks


class RateLimitBucket(Struct):
    """The requests of one key in this process, with the marks as this process knows them.

    `pending_changes` are part of `marks` already, and not yet of the store.
    """

    key: RateLimitKey
    concurrency: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENCY))
    send_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    active_requests: int = 0
    waiting_requests: int = 0
    marks: RateMarks = field(default_factory=RateMarks)
    pending_changes: list[RateMarksChange] = field(default_factory=list)

    def record(self, change: RateMarksChange) -> None:
        """Change the marks at once here, and for all others at the next step that reaches the store."""
        before, self.marks = self.marks, change(self.marks)
        if self.marks != before:
            self.pending_changes.append(change)

    def is_unused(self, now: float) -> bool:
        return self.active_requests == 0 and is_idle(self.marks, now)


class _BucketPermit(Struct):
    bucket: RateLimitBucket
    now: Callable[[], float]
    sent_at: float

    def record_success(self) -> None:
        self.bucket.record(record_success)

    def record_throttle(self) -> None:
        self.bucket.record(partial(record_throttle, sent_at=self.sent_at, now=self.now()))

    def apply_retry_after(self, seconds: float) -> None:
        self.bucket.record(partial(apply_retry_after, seconds=seconds, now=self.now()))


class InMemoryRateLimiter:
    """A rate limiter whose queues are in this process, and whose marks are in a store that others may share.

    `monotonic` is the clock of deadlines; without `marks` the limiter has marks of its own. A key is forgotten when it
    is unused and has nothing left to wait for.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        marks: RateMarkStore | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._marks: RateMarkStore = InMemoryRateMarks(monotonic) if marks is None else marks
        self._buckets: dict[RateLimitKey, RateLimitBucket] = {}

    @asynccontextmanager
    async def acquire(self, key: RateLimitKey, deadline: float) -> AsyncIterator[Permit]:
        deadline += self._marks.now() - self._monotonic()  # from here on by the clock of the marks
        bucket = self._get_bucket(key)
        bucket.active_requests += 1
        try:
            await self._wait_for_permit(bucket, deadline)
            try:
                yield _BucketPermit(bucket, self._marks.now, self._marks.now())
            finally:
                bucket.concurrency.release()
        finally:
            bucket.active_requests -= 1
            await self._release(bucket)

    def _get_bucket(self, key: RateLimitKey) -> RateLimitBucket:
        if key not in self._buckets:
            now = self._marks.now()
            self._buckets = {k: bucket for k, bucket in self._buckets.items() if not bucket.is_unused(now)}
            self._buckets[key] = RateLimitBucket(key)
        return self._buckets[key]

    async def _update(self, bucket: RateLimitBucket, change: RateMarksChange) -> RateMarks:
        """Carry the pending changes and this one to the store. Answers the marks before this one."""
        changes, bucket.pending_changes = bucket.pending_changes, []
        stored = await self._marks.update(bucket.key, lambda marks: change(_apply_changes(changes, marks)))
        before = _apply_changes(changes, stored)
        bucket.marks = _apply_changes(bucket.pending_changes, change(before))  # what was recorded in the meantime
        return before

    async def _release(self, bucket: RateLimitBucket) -> None:
        """Carry what was learned to the store; the last request of a key takes what says nothing any more with it."""
        if bucket.pending_changes or bucket.marks != RateMarks():
            await self._update(
                bucket, partial(forget_if_idle, now=self._marks.now(), is_used=bucket.active_requests > 0)
            )
        if bucket.is_unused(self._marks.now()) and self._buckets.get(bucket.key) is bucket:
            del self._buckets[bucket.key]

    async def _wait_for_permit(self, bucket: RateLimitBucket, deadline: float) -> None:
        """A place among those in flight, and then the moment: in the order of asking."""
        now = self._marks.now()
        if now + (wait := estimate_wait(bucket.marks, now, bucket.waiting_requests)) >= deadline:
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
            wait = estimate_wait(bucket.marks, self._marks.now(), bucket.waiting_requests)
            raise RateLimitDeadlineError(max(1.0, wait)) from None
        finally:
            bucket.waiting_requests -= 1

    async def _wait_for_send_time(self, bucket: RateLimitBucket, deadline: float) -> None:
        async with bucket.send_lock:
            now = self._marks.now()
            while (next_send_at := (await self._update(bucket, partial(reserve_send, now=now))).next_send_at) > now:
                if next_send_at >= deadline:
                    raise RateLimitDeadlineError(next_send_at - now)
                await self._sleep(next_send_at - now)  # it may move while we wait for it
                now = max(next_send_at, self._marks.now())
