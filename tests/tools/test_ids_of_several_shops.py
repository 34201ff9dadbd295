"""Ids of several shops go into one call of any job: each is sent to the shop that has it, and to no other."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import Person
from tests.tools.job_items import to_items
from tests.tools.several_shops import (
    agree,
    at_several,
    find_product,
    list_free_titles,
    list_live,
    list_sent,
    list_shops,
    list_writes,
    raise_by_tenth,
    run,
)
from tests.tools.test_decide_returns import find_request
from tests.tools.test_ship_orders import list_waiting
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)
UNKNOWN = "1729000000000000001"


@pytest.fixture
def era() -> str:
    return "auto"


def find_running(shop: SimulatedShop) -> str:
    return next(a.id for a in shop.promotions.activities.values() if a.title == "Autumn tea week")


def find_chat(shop: SimulatedShop) -> str:
    return next(c.id for c in shop.chats.conversations.values() if c.sessions)


# Of each job: the argument for ids, one of a shop, what else it needs, and the write that it sends.
Case = tuple[str, "Callable[[Sandbox, SimulatedShop], str]", dict[str, Any], str]
CASES: dict[str, Case] = {
    "cancel_orders": (
        "order_ids",
        lambda sandbox, shop: list_waiting(sandbox, shop)[0].id,
        {"reason": "out of stock"},
        "cancel_order",
    ),
    "decide_returns": (
        "ids",
        lambda _, shop: find_request(shop, "cancel_request").id,
        {"decision": "approve"},
        "approve_cancellation",
    ),
    "end_promotions": ("promotions", lambda _, shop: find_running(shop), {}, "deactivate_activity"),
    "pause_products": ("products", lambda _, shop: list_live(shop, "Tea")[0], {}, "deactivate_products"),
    "change_stock": ("products", lambda _, shop: list_live(shop, "Tea")[0], {"amount": 3}, "update_inventory"),
    "reply_to_buyer": ("conversation_ids", lambda _, shop: find_chat(shop), {"text": "It left."}, "send_message"),
}


@pytest.mark.parametrize("tool", CASES)
async def test_each_id_is_sent_to_the_shop_that_has_it(connect: Connect, sandbox: Sandbox, tool: str) -> None:
    argument, find_id, more, operation = CASES[tool]
    shops = list_shops(sandbox)
    ids = [find_id(sandbox, shop) for shop in shops]
    async with at_several(connect, sandbox) as client:
        asked = await run(client, tool, **{argument: [*reversed(ids), UNKNOWN]}, **more, shop="all")
        items = to_items(asked["preview"])
        assert list_sent(sandbox) == []
        done = await agree(client, asked)
    going = [item for item in items if "skipped" not in item]
    assert {item["shop"] for item in going} == {"GB", "DE", "US"}
    (unknown,) = [item for item in items if "skipped" in item]
    assert UNKNOWN in unknown.values()
    assert unknown["skipped"] == "none of these shops has it"
    assert "shop" not in unknown
    assert [shop["to_do"] for shop in asked["preview"]["shops"]] == [len(going) // 3] * 3
    assert list_sent(sandbox) == [(operation, shop.region) for shop in shops]
    for own_id, entry in zip(ids, list_writes(sandbox), strict=True):
        sent = entry.path + entry.body.decode()
        assert own_id in sent
        assert not any(other in sent for other in ids if other != own_id)
    assert done["data"]["done"] == len(going)


@pytest.mark.parametrize("tool", CASES)
async def test_ids_that_no_shop_has_send_nothing_and_are_told_once(
    connect: Connect, sandbox: Sandbox, tool: str
) -> None:
    argument, _, more, _ = CASES[tool]
    async with at_several(connect, sandbox) as client:
        answer = await run(client, tool, **{argument: [UNKNOWN]}, **more, shop="all")
    (item,) = answer["data"]["items"]
    assert (item["outcome"], item["reason"]) == ("skipped", "none of these shops has it")
    assert answer["note"].startswith("Nothing was sent: there is nothing to do.")
    assert list_sent(sandbox) == []


async def test_the_buyers_of_orders_of_several_shops_get_one_message(connect: Connect, sandbox: Sandbox) -> None:
    shops = list_shops(sandbox)
    ids = [list_waiting(sandbox, shop)[0].id for shop in shops]
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "reply_to_buyer", order_ids=[*ids, "42"], text="It left today.", shop="all")
        done = await agree(client, asked)
    written = [region for operation, region in list_sent(sandbox) if operation == "send_message"]
    assert written == ["GB", "DE", "US"]
    (unknown,) = [item for item in to_items(asked["preview"]) if item.get("order") == "42"]
    assert unknown["skipped"] == "none of these shops has it"
    assert "status" not in done
    assert done["data"]["done"] == asked["preview"]["to_do"]


async def test_the_sellers_own_carrier_is_told_to_the_shop_of_its_parcel(connect: Connect, sandbox: Sandbox) -> None:
    gb, de, _ = list_shops(sandbox)
    own, other = gb.orders[gb.planted["seller_shipped"]], list_waiting(sandbox, de)[0]
    carrier = {"id": own.id, "tracking_number": "OWN-12345", "shipping_provider": "no such carrier"}
    async with at_several(connect, sandbox) as client:
        refused = await run(client, "ship_orders", ids=[other.id, own.id], own_carrier=[carrier], shop="GB,DE")
        assert refused["error"] == "invalid_arguments"
        assert refused["message"].startswith(f"{gb.name}: ")
        carrier["shipping_provider"] = refused["problems"][0]["allowed"].split(" (")[0]
        stray = carrier | {"id": "42"}
        asked = await run(client, "ship_orders", ids=[other.id, own.id], own_carrier=[carrier, stray], shop="GB,DE")
        done = await agree(client, asked)
    assert {"own_carrier": "42", "skipped": "none of these shops has it"} in to_items(asked["preview"])
    assert own.packages[0].tracking_number == "OWN-12345"
    assert list_sent(sandbox) == [("mark_package_as_shipped", "GB"), ("batch_ship_packages", "DE")]
    assert done["data"]["done"] == 2


async def test_every_promotion_that_runs_anywhere_is_ended_and_a_title_is_meant_in_each_shop(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with at_several(connect, sandbox) as client:
        named = await run(client, "end_promotions", promotions=["Winter flash sale"], shop="GB,US", dry_run=True)
        asked = await run(client, "end_promotions", promotions="all", shop="all")
        done = await agree(client, asked)
    assert [item["shop"] for item in named["data"]["items"]] == ["GB", "US"]
    assert "meant in each: Winter flash sale (GB, US)" in named["data"]["explanation"]
    assert done["data"]["done"] == 6
    assert {region for _, region in list_sent(sandbox)} == {"GB", "DE", "US"}


async def test_a_name_that_one_shop_alone_has_is_no_fault_of_the_others(connect: Connect, sandbox: Sandbox) -> None:
    gb, de, us = list_shops(sandbox)
    title = next(p.title for i, p in gb.products.items() if not list_named(de, p.title) and i in list_live(gb, "Tea"))
    async with at_several(connect, sandbox) as client:
        shown = await run(client, "pause_products", products=[title, "*zzz*"], shop="GB,DE", dry_run=True)
        vague = await run(client, "pause_products", products=["Green Tea"], shop="GB,DE", dry_run=True)
    assert [(item.get("shop"), "skipped" in item) for item in to_items(shown["data"])] == [("GB", False), (None, True)]
    assert vague["error"] == "invalid_arguments"
    assert vague["message"].startswith((f"{gb.name}: ", "'Green Tea'"))
    assert vague["candidates"]
    assert us.name not in json.dumps(vague)


def list_named(shop: SimulatedShop, title: str) -> list[str]:
    return [i for i, p in shop.products.items() if title.casefold() in p.title.casefold()]


async def test_two_assistants_with_the_same_job_at_several_shops_do_it_once(connect: Connect, sandbox: Sandbox) -> None:
    gb, de, us = list_shops(sandbox)
    skus = [sku for shop in (gb, de, us) for sku in find_product(shop, list_free_titles(gb, de, us)[0]).skus]
    before = [sku.price for sku in skus]
    arguments = {"products": [sku.id for sku in skus], "percent": 10, "shop": "all"}
    async with (
        at_several(connect, sandbox, confirm="none") as one,
        at_several(connect, sandbox, confirm="none") as two,
    ):
        gate = sandbox.faults.hold("get_product")
        slow = asyncio.create_task(run(two, "change_prices", **arguments))
        await until(lambda: gate.waiting)
        fast = await run(one, "change_prices", **arguments)
        gate.open()
        late = await slow
    assert "error" not in fast
    assert late["error"] in ("already_done", "unknown_outcome", "declined")
    assert len(list_sent(sandbox)) == len(set(list_sent(sandbox))) == 3
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in before]


async def test_a_no_sends_nothing_to_any_shop(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with at_several(connect, sandbox, asked=person) as client:
        refused = await run(client, "pause_products", products="all", shop="all")
    assert refused["error"] == "declined"
    assert list_sent(sandbox) == []


async def test_whose_an_order_is_is_asked_until_it_is_found_and_not_again(connect: Connect) -> None:
    """TikTok refuses a read in which one order is another shop's."""
    sandbox = Sandbox(shops=3, orders=100)
    ids = [
        order_id
        for some in zip(*(list(shop.orders)[:17] for shop in list_shops(sandbox)), strict=True)
        for order_id in some
    ]
    arguments = {"order_ids": ids[:50], "reason": "out of stock", "shop": "all", "dry_run": True}
    async with at_several(connect, sandbox) as client:
        first = await run(client, "cancel_orders", **arguments)
        count = len(sandbox.log.list_entries("get_order_detail"))
        again = await run(client, "cancel_orders", **arguments)
        later_count = len(sandbox.log.list_entries("get_order_detail")) - count
        alone = await run(client, "cancel_orders", **arguments | {"shop": "GB"})
    assert [(item["shop"], item["order"]) for item in to_items(first["data"])] == [
        (item["shop"], item["order"]) for item in to_items(again["data"])
    ]
    assert len(to_items(first["data"])) == 50
    assert count < 3 * 50 * 0.9, "what one shop has, the others are not asked for"
    assert later_count == 3
    assert alone["error"] == "platform", "of a single shop another's order is refused as ever"
