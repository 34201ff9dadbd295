"""The simulated platform lets in so many requests a second, of each operation in each shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.conftest import calling

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock

WAREHOUSES = "/logistics/202309/warehouses"
ORDERS = "/order/202309/orders/search"


async def statuses(caller: Caller, times: int, path: str = WAREHOUSES) -> list[int]:
    return [(await caller.send("GET", path)).status_code for _ in range(times)]


async def test_more_than_a_second_brings_is_throttled(clock: Clock) -> None:
    async with calling(Sandbox(clock=clock, requests_per_second=3)) as caller:
        assert await statuses(caller, 5) == [200] * 3 + [429] * 2
        clock.pass_by(1 / 3 + 0.01)
        assert await statuses(caller, 2) == [200, 429]
        clock.pass_by(60)
        assert await statuses(caller, 4) == [200] * 3 + [429]
    assert [entry.ran for entry in caller.sandbox.log[:5]] == [True] * 3 + [False] * 2


async def test_every_second_refusal_tells_how_long_to_wait(clock: Clock) -> None:
    async with calling(Sandbox(clock=clock, requests_per_second=0.25)) as caller:
        await statuses(caller, 1)
        refused = [await caller.send("GET", WAREHOUSES) for _ in range(4)]
    assert [response.json()["code"] for response in refused] == [36009002] * 4
    assert [response.headers.get("retry-after") for response in refused] == [None, "4", None, "4"]


async def test_operations_and_shops_are_counted_apart(clock: Clock) -> None:
    async with calling(Sandbox(shops=3, clock=clock, requests_per_second=1)) as caller:
        assert await statuses(caller, 2) == [200, 429]
        assert (await caller.send("POST", ORDERS, {"page_size": "1"}, {})).status_code == 200
        caller.account = 1
        assert await statuses(caller, 2) == [200, 429]


async def test_without_a_rate_everything_is_let_in(caller: Caller) -> None:
    assert await statuses(caller, 100) == [200] * 100


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_lets_nothing_or_anything_in_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        Sandbox(orders=1, requests_per_second=rate)
