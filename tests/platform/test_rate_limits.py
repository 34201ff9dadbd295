"""Calls keep to what the platform takes, find out how much that is, and never wait past their deadline."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.rate_limits import (
    MAX_CONCURRENCY,
    MAX_INTERVAL_S,
    InMemoryRateLimiter,
    Permit,
    RateLimitDeadlineError,
    RateLimitKey,
)
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import READ, WRITE, bad, done, good, reference
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from mcp import Client

    from tests.conftest import Connect

NOW = 1_795_349_472.0
ONE, OTHER = RateLimitKey("account", "shop", "operation"), RateLimitKey("account", "shop", "other")
QUIET = 60.0  # seconds after which a throttling is forgotten


@dataclass
class Hours:
    """Time that passes only where somebody waits, for all who wait at once; also the waits that there were."""

    now: float = NOW
    slept: list[float] = field(default_factory=list)
    _goals: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        goal = self.now + seconds
        self._goals.append(goal)
        try:
            while self.now < goal:
                for _ in range(30):  # whatever else can go on does so first
                    await asyncio.sleep(0)
                if goal == min(self._goals):
                    self.now = max(self.now, goal)
        finally:
            self._goals.remove(goal)

    @property
    def runtime(self) -> Runtime:
        return Runtime(self, self, self.sleep, lambda: 0.5)

    @property
    def pace(self) -> InMemoryRateLimiter:
        return InMemoryRateLimiter(self, self.sleep)


@pytest.fixture
def hours() -> Hours:
    return Hours()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


# ---- one process's pace


@dataclass
class Sending:
    """Requests that stay under way until they are let go."""

    pace: InMemoryRateLimiter
    under_way: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, key: RateLimitKey = ONE, patience: float = 45.0) -> None:
        async with self.pace.acquire(key, NOW + patience) as turn:
            self.under_way += 1
            try:
                await self.let_go.wait()
            finally:
                self.under_way -= 1
            turn.record_success()


async def test_so_many_are_under_way_and_the_others_wait(hours: Hours) -> None:
    sending = Sending(hours.pace)
    async with asyncio.TaskGroup() as group:
        for _ in range(3 * MAX_CONCURRENCY):
            group.create_task(sending.send())
        await settled()
        assert sending.under_way == MAX_CONCURRENCY
        group.create_task(sending.send(OTHER))
        await settled()
        assert sending.under_way == MAX_CONCURRENCY + 1  # another operation has places of its own
        sending.let_go.set()
    assert hours.slept == []


async def test_nobody_waits_for_a_place_beyond_the_deadline(hours: Hours) -> None:
    sending = Sending(hours.pace)
    tasks = [asyncio.ensure_future(sending.send()) for _ in range(MAX_CONCURRENCY)]
    await settled()
    with pytest.raises(RateLimitDeadlineError):
        await asyncio.wait_for(sending.send(patience=0.05), PATIENCE_S)
    assert sending.under_way == MAX_CONCURRENCY
    sending.let_go.set()
    await asyncio.gather(*tasks)
    assert sending.pace._buckets == {}


async def test_who_gives_up_frees_the_place_waiting_or_under_way(hours: Hours) -> None:
    sending = Sending(hours.pace)
    tasks = [asyncio.ensure_future(sending.send()) for _ in range(3 * MAX_CONCURRENCY)]
    await settled()
    for task in tasks[: MAX_CONCURRENCY // 2] + tasks[MAX_CONCURRENCY : 2 * MAX_CONCURRENCY]:
        task.cancel()
    await settled()
    assert sending.under_way == MAX_CONCURRENCY
    sending.let_go.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(end, asyncio.CancelledError) for end in ended) == MAX_CONCURRENCY // 2 + MAX_CONCURRENCY
    assert sending.pace._buckets == {}


async def test_who_gives_up_while_the_platform_wants_nothing_frees_the_place(hours: Hours) -> None:
    sending = Sending(hours.pace)
    sending.let_go.set()
    async with sending.pace.acquire(ONE, NOW + 45) as turn:
        turn.apply_retry_after(10)
    tasks = [asyncio.ensure_future(sending.send()) for _ in range(2 * MAX_CONCURRENCY)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(sending.send() for _ in range(2 * MAX_CONCURRENCY)))
    assert hours.now >= NOW + 10


async def test_everyone_waits_as_long_as_the_platform_said(hours: Hours) -> None:
    pace = hours.pace
    sent: list[float] = []

    async def send() -> None:
        async with pace.acquire(ONE, NOW + 45):
            sent.append(hours.now - NOW)

    async with pace.acquire(ONE, NOW + 45) as first, pace.acquire(ONE, NOW + 45) as second:
        first.apply_retry_after(3)
        waiting = [asyncio.ensure_future(send()) for _ in range(20)]
        await asyncio.sleep(0)
        second.apply_retry_after(7)  # told while they wait for the three seconds
        await asyncio.gather(*waiting)
    assert len(sent) == 20
    assert 7 <= min(sent) <= max(sent) < 8


async def test_a_turn_that_comes_too_late_is_refused_at_once(hours: Hours) -> None:
    pace = hours.pace
    async with pace.acquire(ONE, NOW + 45) as turn:
        turn.apply_retry_after(50)
    with pytest.raises(RateLimitDeadlineError) as late:
        await pace.acquire(ONE, NOW + 45).__aenter__()
    assert 50 <= late.value.estimated_wait < 51
    assert hours.slept == []
    async with pace.acquire(OTHER, NOW + 45):
        assert hours.slept == []


async def test_those_ahead_are_counted_in(hours: Hours) -> None:
    """At a distance of 0.05 seconds the sixtieth would come after three."""
    pace = hours.pace
    async with pace.acquire(ONE, NOW + 45) as turn:
        turn.record_throttle()
    ended = await asyncio.gather(
        *(_sent(pace.acquire(ONE, NOW + 3)) for _ in range(200)),
        return_exceptions=True,
    )
    late = [end for end in ended if isinstance(end, RateLimitDeadlineError)]
    assert 120 < len(late) < 160
    assert hours.now < NOW + 3


async def _sent(turn: AbstractAsyncContextManager[Permit]) -> None:
    async with turn as given:
        given.record_success()


async def test_what_was_under_way_together_slows_down_once(hours: Hours) -> None:
    pace = hours.pace
    async with AsyncExitStack() as stack:
        turns = [await stack.enter_async_context(pace.acquire(ONE, NOW + 45)) for _ in range(MAX_CONCURRENCY)]
        for turn in turns:
            turn.record_throttle()
            hours.now += 0.001
    await _sent(pace.acquire(ONE, NOW + 45))
    assert hours.now < NOW + 0.08


async def test_refusal_after_refusal_doubles_the_distance_and_good_calls_take_it_back(hours: Hours) -> None:
    pace = hours.pace
    for _ in range(10):
        async with pace.acquire(ONE, hours.now + 45) as turn:
            turn.record_throttle()
    assert [round(seconds, 2) for seconds in hours.slept[:5]] == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert max(hours.slept) <= MAX_INTERVAL_S + 0.001
    hours.slept.clear()
    calls = 0
    while pace._buckets:
        await _sent(pace.acquire(ONE, hours.now + 45))
        calls += 1
    assert calls < 100
    assert sum(hours.slept) < 1.2 * QUIET


async def test_keys_are_forgotten(hours: Hours) -> None:
    pace = hours.pace
    for number in range(1000):
        async with pace.acquire(ONE._replace(operation=str(number)), hours.now + 45) as turn:
            if number % 2:
                turn.record_throttle()
            else:
                turn.apply_retry_after(30)
    assert len(pace._buckets) == 1000
    hours.now += QUIET
    await _sent(pace.acquire(OTHER, hours.now + 45))
    assert pace._buckets == {}


@example([*[("record_throttle", 0.0)] * 8, *[("record_success", 0.0), ("record_throttle", 0.0)] * 2])
@given(
    st.lists(
        st.tuples(st.sampled_from(["record_success", "record_throttle", "apply_retry_after", "lost"]), st.floats(0, 5)),
        max_size=60,
    )
)
async def test_whatever_happens_no_wait_is_longer_than_asked_for(story: list[tuple[str, float]]) -> None:
    hours = Hours()
    pace = hours.pace
    for what, seconds in story:
        before = len(hours.slept)
        async with pace.acquire(ONE, hours.now + 45) as turn:
            if what == "apply_retry_after":
                turn.apply_retry_after(seconds)
            elif what != "lost":
                getattr(turn, what)()
        assert sum(hours.slept[before:]) <= MAX_INTERVAL_S + 0.001
        hours.now += seconds
    hours.now += QUIET
    await _sent(pace.acquire(ONE, hours.now + 45))
    assert pace._buckets == {}


# ---- the server, on a platform that lets in so many a second


@dataclass
class Met:
    """What a run came to."""

    seconds: float
    refused: int
    calls: int

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


async def walked(client: Client, hours: Hours, sandbox: Sandbox) -> Met:
    """All orders, one a page."""
    began, arguments, pages = hours.now, {"page_size": 1}, 0
    sandbox.log.clear()
    while True:
        told = good(await client.call_tool("get_order_list", arguments))
        pages += 1
        token = told.get("next_page_token")
        if not token:
            break
        arguments = {"page_size": 1, "page_token": token}
    refused = sum(entry.status == 429 for entry in sandbox.log)
    return Met(hours.now - began, refused, pages)


@pytest.mark.parametrize("era", ["auto"])
@pytest.mark.parametrize(("rate", "most"), [(1, 60), (5, 30), (20, 24)])
async def test_a_walk_of_400_pages_settles_near_what_the_platform_takes(
    connect: Connect, hours: Hours, rate: int, most: int
) -> None:
    sandbox = Sandbox(orders=400, clock=hours, requests_per_second=rate)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        met = await walked(client, hours, sandbox)
    assert met.calls >= 400
    assert met.rate > 0.75 * rate
    assert met.refused <= most


async def test_many_at_once_come_through_within_the_deadline(connect: Connect, hours: Hours) -> None:
    sandbox = Sandbox(orders=20, clock=hours, requests_per_second=5)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        for result in await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(100))):
            good(result)
    assert sum(entry.status == 429 for entry in sandbox.log) < 20
    assert hours.now - NOW < 40


@pytest.mark.parametrize("tool", [READ, WRITE])
async def test_a_call_whose_turn_would_come_after_the_deadline_is_told_so_and_not_sent(
    connect: Connect, hours: Hours, tool: str
) -> None:
    sandbox = Sandbox(orders=20, clock=hours)
    arguments: dict[str, Any] = reference(sandbox) if tool == WRITE else {}
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        sandbox.faults.add(tool, status=429, code=36009002, retry_after=600)
        bad(await client.call_tool(tool, arguments))
        hours.now += 100
        told = bad(await client.call_tool(tool, arguments))
        assert len(sandbox.log.list_entries(tool)) == 1
        assert (told["error"], told["retryable"]) == ("rate_limited", True)
        assert 500 <= told["retry_after_seconds"] < 501
        assert tool in told["message"]
        assert hours.slept == []
        hours.now += 501
        good(await client.call_tool(tool, arguments))
    assert done(sandbox, tool) == 1


@pytest.mark.parametrize("era", ["auto"])
async def test_another_shop_and_another_operation_go_their_own_pace(connect: Connect, hours: Hours) -> None:
    sandbox = Sandbox(shops=3, orders=20, clock=hours)
    one, *others = [shop.name for shop in sandbox.state.shops]
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        sandbox.faults.add(READ, status=429, code=36009002, retry_after=600)
        bad(await client.call_tool(READ, {"shop": one}))
        for other in others:
            good(await client.call_tool(READ, {"shop": other}))
        good(await client.call_tool("get_order_list", {"shop": one}))
    assert hours.slept == []


async def test_a_hundred_waits_do_not_outlast_one_deadline(connect: Connect, hours: Hours) -> None:
    sandbox = Sandbox(orders=20, clock=hours, requests_per_second=1)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        results = await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(100)))
    failed = [bad(result) for result in results if result.is_error]
    assert 50 < len(failed) < 80
    assert {told["error"] for told in failed} == {"rate_limited"}
    assert hours.now - NOW < 50  # not all began in the first second


QUOTAS = [(36009037, "hour"), (45101004, "tomorrow"), (12038012, "tomorrow")]


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(("code", "until"), QUOTAS)
async def test_a_quota_of_an_hour_or_a_day_says_when_it_goes_on(
    connect: Connect, hours: Hours, code: int, until: str, status: int
) -> None:
    sandbox = Sandbox(orders=20, clock=hours)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=hours.runtime) as client:
        sandbox.faults.add(READ, code=code, status=status, message="Quota used up.")
        told = bad(await client.call_tool(READ, {}))
    assert (told["error"], told["code"], told["retryable"]) == ("rate_limited", code, False)
    assert until in told["hint"]
    assert len(sandbox.log.list_entries(READ)) == 1
    assert hours.slept == []
