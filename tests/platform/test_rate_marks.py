"""What one process learned of the platform's limits holds for all that share the marks with it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.platform.rate_limits import (
    MAX_RECOVERY_S,
    InMemoryRateLimiter,
    RateLimitDeadlineError,
    is_idle,
    record_throttle,
)
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.stores import RateMarks
from tests.platform.test_rate_limits import NOW, ONE, OTHER, QUIET, Hours

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.stores import RateKey, RateMarksChange


class RemoteMarks(InMemoryRateMarks):
    """Marks behind a network: every step takes a while, and others come in between; on a clock of their own."""

    def __init__(self, hours: Hours, ahead: float = 0.0) -> None:
        super().__init__(lambda: hours.now + ahead)

    async def update(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        await asyncio.sleep(0)
        change(RateMarks())  # a step that was tried in vain: another was first
        before = await super().update(key, change)
        await asyncio.sleep(0)
        return before


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture(params=[0.0, 3600.0, -3600.0])
def marks(hours: Hours, request: pytest.FixtureRequest) -> RemoteMarks:
    return RemoteMarks(hours, request.param)


async def send(limiter: InMemoryRateLimiter, hours: Hours, sent: list[float]) -> None:
    async with limiter.acquire(ONE, hours.now + 45) as permit:
        sent.append(hours.now - NOW)
        permit.record_success()


async def test_a_retry_after_that_one_process_got_is_waited_for_by_the_other(hours: Hours, marks: RemoteMarks) -> None:
    one, other = (InMemoryRateLimiter(hours, hours.sleep, marks) for _ in range(2))
    async with one.acquire(ONE, NOW + 45) as permit:
        permit.apply_retry_after(7)
    sent: list[float] = []
    await send(other, hours, sent)
    assert 7 <= sent[0] < 7.5
    async with other.acquire(OTHER, hours.now + 45):
        assert hours.now - NOW == sent[0]


async def test_a_retry_after_beyond_the_deadline_is_refused_by_the_other_as_well(
    hours: Hours, marks: RemoteMarks
) -> None:
    one, other = (InMemoryRateLimiter(hours, hours.sleep, marks) for _ in range(2))
    async with one.acquire(ONE, NOW + 45) as permit:
        permit.apply_retry_after(600)
    with pytest.raises(RateLimitDeadlineError) as late:
        await other.acquire(ONE, NOW + 45).__aenter__()
    assert 600 <= late.value.estimated_wait < 601
    assert hours.slept == []
    assert other._buckets[ONE].active_requests == 0


async def test_processes_keep_the_interval_together(hours: Hours, marks: RemoteMarks) -> None:
    """Four that share the marks send no faster than one would."""
    limiters = [InMemoryRateLimiter(hours, hours.sleep, marks) for _ in range(4)]
    for _ in range(5):
        async with limiters[0].acquire(ONE, hours.now + 45) as permit:
            permit.record_throttle()
    began = hours.now
    sent: list[float] = []
    await asyncio.gather(*(send(limiter, hours, sent) for limiter in limiters for _ in range(3)))
    assert len(sent) == 12
    gaps = [later - earlier for earlier, later in zip(sorted(sent), sorted(sent)[1:], strict=False)]
    assert min(gaps) > 0.3  # as wide as five refusals in a row made it, less what twelve successes take back
    assert hours.now - began < 20


async def test_nothing_that_was_learned_is_lost_on_the_way(hours: Hours, marks: RemoteMarks) -> None:
    limiters = [InMemoryRateLimiter(hours, hours.sleep, marks) for _ in range(4)]
    async with limiters[0].acquire(ONE, hours.now + 45) as permit:
        permit.record_throttle()
    sent: list[float] = []
    await asyncio.gather(*(send(limiter, hours, sent) for limiter in limiters for _ in range(5)))
    stored = await marks.update(ONE, lambda before: before)
    assert stored.successes_since_throttle == 20


async def test_marks_are_forgotten_when_they_say_nothing_any_more(hours: Hours, marks: RemoteMarks) -> None:
    limiter = InMemoryRateLimiter(hours, hours.sleep, marks)
    for number in range(100):
        async with limiter.acquire(ONE._replace(operation=str(number)), hours.now + 45) as permit:
            permit.record_throttle()
        async with limiter.acquire(ONE._replace(operation=f"good {number}"), hours.now + 45) as permit:
            permit.record_success()
    assert len(marks) == 100
    hours.now += QUIET
    async with limiter.acquire(OTHER, hours.now + 45) as permit:
        permit.record_throttle()
    assert len(marks) == 1


async def test_marks_are_forgotten_at_once_when_good_calls_took_everything_back(
    hours: Hours, marks: RemoteMarks
) -> None:
    limiter = InMemoryRateLimiter(hours, hours.sleep, marks)
    async with limiter.acquire(ONE, hours.now + 45) as permit:
        permit.record_throttle()
    for _ in range(100):
        await send(limiter, hours, [])
    assert hours.now - NOW < 0.5 * MAX_RECOVERY_S
    assert len(marks) == 0


@pytest.mark.parametrize("times", [1, 2, 5, 20])
def test_marks_expire_no_sooner_than_they_are_idle(times: int) -> None:
    marks = RateMarks()
    for number in range(times):
        marks = record_throttle(marks, sent_at=NOW + number, now=NOW + number)
    last = NOW + times - 1
    assert not is_idle(marks, last + MAX_RECOVERY_S - 0.5)
    assert is_idle(marks, marks.expires_at + 0.001)
    assert marks.expires_at >= last + MAX_RECOVERY_S
    assert partial(record_throttle, sent_at=NOW - 1, now=NOW)(marks).base_interval == marks.base_interval
