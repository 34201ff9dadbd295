"""Addresses for events are set, listed and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock

PATH = "/event/202309/webhooks"
EVENT = {"event_type": "ORDER_STATUS_CHANGE"}


async def test_an_address_is_set_changed_and_taken_back(caller: Caller, clock: Clock) -> None:
    assert await caller.call("GET", PATH) == {"webhooks": [], "total_count": 0}
    await caller.call("PUT", PATH, None, EVENT | {"address": "https://hooks.shop.example/a"})
    first = (await caller.call("GET", PATH))["webhooks"][0]
    clock.pass_by(5)
    await caller.call("PUT", PATH, None, EVENT | {"address": "https://hooks.shop.example/b"})
    told = await caller.call("GET", PATH)
    assert told["total_count"] == 1
    assert told["webhooks"][0]["address"] == "https://hooks.shop.example/b"
    assert told["webhooks"][0]["create_time"] == first["create_time"]
    assert told["webhooks"][0]["update_time"] == first["update_time"] + 5000
    assert await caller.call("DELETE", PATH, None, EVENT) == {}
    assert (await caller.call("GET", PATH))["webhooks"] == []
    assert await caller.code("DELETE", PATH, None, EVENT) == 98001004


@pytest.mark.parametrize(
    "address",
    ["http://hooks.shop.example", "https://localhost/a", "https://198.51.100.7/a", "https://hooks.shop.example:8443/"],
)
async def test_an_address_is_checked(caller: Caller, address: str) -> None:
    assert await caller.code("PUT", PATH, None, EVENT | {"address": address}) == 98001004


async def test_shops_have_addresses_of_their_own(three: Caller) -> None:
    await three.call("PUT", PATH, None, EVENT | {"address": "https://hooks.shop.example/a"})
    three.account = 1
    assert (await three.call("GET", PATH))["webhooks"] == []
