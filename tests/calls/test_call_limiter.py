"""A server takes so many calls a minute and no more, and says when it takes the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.call_limiter import MINUTE_S, CallLimiter
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from tests.platform.test_tokens import READ, bad, good

if TYPE_CHECKING:
    from tests.conftest import Connect


class Timeline:
    """Calls of one owner at moments of the test's choosing."""

    def __init__(self, calls_a_minute: int, began: float = 1.8e9) -> None:
        self.now = began
        self.limiter = CallLimiter(InMemoryRateMarks(lambda: self.now), "tea", calls_a_minute)

    async def call(self) -> int:
        """0 where it is let in, else the seconds to wait that it is told."""
        try:
            await self.limiter.admit()
        except ShopError as error:
            return int(error.details["retry_after_seconds"])
        return 0


@pytest.mark.parametrize("calls_a_minute", [1, 7, 60, 997])
async def test_after_a_quiet_minute_as_many_come_at_once_and_then_one_by_one(calls_a_minute: int) -> None:
    line = Timeline(calls_a_minute)
    for _ in range(2):
        assert [await line.call() for _ in range(calls_a_minute)] == [0] * calls_a_minute
        assert await line.call() > 0
        for _ in range(3):
            line.now += MINUTE_S / calls_a_minute + 0.002
            assert await line.call() == 0
            assert await line.call() > 0
        line.now += MINUTE_S


@given(
    calls_a_minute=st.integers(1, 120),
    gaps=st.lists(st.floats(0, 30) | st.just(0.0), min_size=1, max_size=120),
)
async def test_no_stretch_of_time_has_more_calls_than_a_minutes_and_its_own(
    calls_a_minute: int, gaps: list[float]
) -> None:
    line = Timeline(calls_a_minute)
    admitted: list[float] = []
    for gap in gaps:
        line.now += gap
        if await line.call() == 0:
            admitted.append(line.now)
    for place, start in enumerate(admitted):
        for count, end in enumerate(admitted[place:], 1):
            assert count <= calls_a_minute * (1 + (end - start + 0.01) / MINUTE_S) + 1e-6


@given(calls_a_minute=st.integers(1, 300), gaps=st.lists(st.floats(0, 0.5), max_size=5))
async def test_who_waits_as_long_as_it_is_told_is_let_in(calls_a_minute: int, gaps: list[float]) -> None:
    line = Timeline(calls_a_minute)
    for gap in (*gaps, 0.0):
        line.now += gap
        while (wait := await line.call()) == 0:
            pass
    line.now += wait
    assert await line.call() == 0


async def test_a_server_takes_no_more_calls_than_it_was_started_to(connect: Connect) -> None:
    async with connect(sandbox="true", calls_a_minute=3) as client:
        assert (await client.list_tools()).tools
        for _ in range(3):
            good(await client.call_tool(READ, {}))
        refused = bad(await client.call_tool(READ, {}))
        assert refused["error"] == "rate_limited"
        assert 15 <= refused["retry_after_seconds"] <= 20
        assert f"in {refused['retry_after_seconds']} s" in refused["hint"]
        assert (await client.list_tools()).tools
