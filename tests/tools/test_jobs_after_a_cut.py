"""A job that was cut goes on by the same call, unless what it did was taken back: that ends it, and its yes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_undo import list_changes, read_write, take_back
from tests.calls.test_writes import told, writes
from tests.tools.several_shops import (
    PAUSE,
    SENCHA,
    agree,
    at_several,
    find_product,
    list_free_titles,
    list_sent,
    list_shops,
    raise_by_tenth,
    run,
)
from tests.tools.test_change_jobs import choose_single, list_skus, read_prices
from tests.waits import until

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)


@pytest.fixture
def era() -> str:
    return "auto"


async def cut(client: Client, sandbox: Sandbox, tool: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """A job that got no further than its first write, since the sign-in was gone."""
    result = await run(client, tool, **arguments)
    asked = result.get("status") == "confirmation_required"
    assert asked
    sandbox.faults.add(operation, delay=0.001)
    sandbox.faults.add(operation, status=403, code=105005)
    result = await agree(client, result)
    assert (result["status"], result["data"]["done"]) == ("unfinished", 1)
    return result


@pytest.mark.parametrize("way", ["undo_job", "undo_of"])
async def test_a_raise_that_was_cut_and_taken_back_is_told_so_and_asks_anew(connect: Connect, way: str) -> None:
    """All of it by the job's call, or its one write by its own."""
    sandbox = Sandbox(shops=1)
    async with connect(sandbox="1", sandbox_object=sandbox, confirm="asks") as client:
        first, second = choose_single(await list_skus(client), 2)
        before = await read_prices(client)
        arguments = {"products": [first["id"], second["id"]], "percent": 10}
        part = await cut(client, sandbox, "change_prices", "update_price", **arguments)
        if way == "undo_job":
            call = part["data"]["undo"]
            await agree(client, await told(client, call["tool"], **call["arguments"]))
        else:
            job = (await list_changes(client))[0]
            await take_back(client, (await read_write(client, job["id"]))["writes"][0]["undo"])
        assert await read_prices(client) == before
        sent = len(writes(sandbox))
        again = await run(client, "change_prices", **arguments)
        assert again["status"] == "confirmation_required", "who took it back agreed to no more of it"
        assert len(writes(sandbox)) == sent
        waiting, taken_back = again["preview"]["items"]
        done = await agree(client, again)
        after = await read_prices(client)
    assert (waiting["sku"], taken_back["sku"]) == (second["id"], first["id"])
    assert taken_back["skipped"].startswith("done already at 20")
    assert " and taken back at 20" in taken_back["skipped"]
    assert taken_back["skipped"].endswith("; repeat: true does it once more")
    outcomes = {item["sku"]: item["outcome"] for item in done["data"]["items"]}
    assert outcomes == {first["id"]: "skipped", second["id"]: "done"}
    assert (after[first["id"]], after[second["id"]]) == (before[first["id"]], raise_by_tenth(before[second["id"]]))
    assert done["data"]["undo"] != part["data"]["undo"], "it is another job"


async def test_of_a_job_at_two_shops_the_part_that_was_taken_back_is_not_told_as_done(
    connect: Connect, sandbox: Sandbox
) -> None:
    gb, de, _ = list_shops(sandbox)
    (title,) = list_free_titles(gb, de)[:1]
    skus = [find_product(shop, title).skus[0] for shop in (gb, de)]
    before = [sku.price for sku in skus]
    arguments: dict[str, Any] = {"products": [title], "percent": 10, "shop": "GB,DE"}
    async with at_several(connect, sandbox, confirm="none") as client:
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", status=403, code=105005)
        part = await run(client, "change_prices", **arguments)
        call = part["data"]["undo"]
        await told(client, call["tool"], **call["arguments"])
        assert [sku.price for sku in skus] == before
        again = await run(client, "change_prices", **arguments)
    (row,) = [row for row in again["data"]["shops"] if row["region"] == "GB"]
    assert "done" not in row
    assert [sku.price for sku in skus] == [before[0], raise_by_tenth(before[1])]


async def test_an_undo_that_was_undone_leaves_the_raise_done(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=1)) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        await run(client, "change_prices", products=[sku["id"]], percent=10)
        for _ in range(2):
            undo = (await list_changes(client))[0]["undo"]
            await told(client, undo["tool"], **undo["arguments"])
        shown = await run(client, "change_prices", products=[sku["id"]], percent=10, dry_run=True)
    (item,) = shown["data"]["items"]
    assert item["skipped"].startswith("done already at 20")
    assert "taken back" not in item["skipped"]


async def test_a_yes_is_good_for_each_thing_once(connect: Connect, sandbox: Sandbox) -> None:
    """Somebody puts on sale again what a job had paused before it was cut: to pause that once more is asked anew."""
    product = find_product(list_shops(sandbox)[0], SENCHA)
    async with at_several(connect, sandbox, confirm="asks") as client:
        await cut(client, sandbox, "pause_products", PAUSE, products=[SENCHA], shop="GB,DE")
        product.status = "ACTIVATE"
        sent = len(list_sent(sandbox))
        again = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
    assert again["status"] == "confirmation_required"
    assert len(list_sent(sandbox)) == sent


@pytest.mark.parametrize("shop", ["GB", "GB,DE,US"])
async def test_a_plain_call_goes_on_with_a_repeat_that_was_cut(connect: Connect, sandbox: Sandbox, shop: str) -> None:
    """Also with writes that equal those which the job before it did some seconds ago."""
    shops = [each for each in list_shops(sandbox) if each.region in shop.split(",")]
    titles = list_free_titles(*shops)[:3]
    skus = [sku for each in shops for title in titles for sku in find_product(each, title).skus]
    arguments: dict[str, Any] = {"products": titles, "price": "21.50", "shop": shop}
    if "," in shop:
        arguments = {"products": titles, "shop": shop}
    tool, operation = ("pause_products", PAUSE) if "," in shop else ("change_prices", "update_price")
    async with at_several(connect, sandbox, confirm="none") as client:
        await run(client, tool, **arguments)
        for each in shops:
            for title in titles:
                find_product(each, title).status = "ACTIVATE"
        for sku in skus:
            sku.price += 1
        sandbox.faults.add(operation, delay=0.001)
        sandbox.faults.add(operation, status=403, code=105005)
        part = await run(client, tool, **arguments, repeat=True)
        rest = await run(client, tool, **arguments)
    assert part["data"]["not_yet"]
    assert "failed" not in rest["data"], rest["data"]
    assert rest["data"]["done"] == part["data"]["not_yet"]
    assert "status" not in rest


async def test_a_shop_that_is_left_out_is_told_once(connect: Connect, sandbox: Sandbox) -> None:
    async with at_several(connect, sandbox, confirm="none") as client:
        sandbox.revoke(1)
        answer = await run(client, "pause_products", products=[SENCHA], shop="all")
    assert answer["data"]["done"] == 2
    assert str(answer).count("Nothing is done at") == 1
    assert "Nothing is done at Sandbox Tea Company" in answer["note"]


async def test_of_a_shop_that_is_done_and_one_under_way_the_same_call_is_told_to_wait_and_not_to_repeat(
    connect: Connect, sandbox: Sandbox
) -> None:
    gb, _, us = list_shops(sandbox)
    arguments: dict[str, Any] = {"products": list_free_titles(gb, us)[:1], "percent": 10}
    async with (
        at_several(connect, sandbox, confirm="none") as client,
        at_several(connect, sandbox, confirm="none") as other,
    ):
        await run(client, "change_prices", **arguments, shop="GB")
        gate = sandbox.faults.hold("update_price")
        slow = asyncio.create_task(run(other, "change_prices", **arguments, shop="US"))
        await until(lambda: gate.waiting)
        both = await run(client, "change_prices", **arguments, shop="GB,US")
        gate.open()
        await slow
    assert both["error"] == "unknown_outcome"
    assert "repeat" not in both["hint"]
    assert f"{gb.name}: " in both["message"]
    assert "was done just now" in both["message"]


async def test_a_job_that_was_cut_is_over_at_its_shop_once_nothing_is_left_of_it_there(
    connect: Connect, sandbox: Sandbox
) -> None:
    """Though the other shop's part was done by another call meanwhile."""
    gb, de, _ = list_shops(sandbox)
    arguments: dict[str, Any] = {"products": list_free_titles(gb, de)[:1], "percent": 10}
    async with at_several(connect, sandbox, confirm="none") as client:
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", status=403, code=105005)
        await run(client, "change_prices", **arguments, shop="GB,DE")
        await run(client, "change_prices", **arguments, shop="DE")
        both = await run(client, "change_prices", **arguments, shop="GB,DE")
        again = await run(client, "change_prices", **arguments, shop="GB,DE")
    assert [row.get("done", 0) for row in both["data"]["shops"]] == [3, 0]
    assert again["error"] == "already_done"
    assert len(list_sent(sandbox)) == 3, "one of them refused"


async def test_a_repeat_that_was_cut_and_taken_back_begins_anew(connect: Connect) -> None:
    sandbox = Sandbox(shops=1)
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [sku["id"] for sku in choose_single(await list_skus(client), 2)]
        arguments: dict[str, Any] = {"products": ids, "percent": 10}
        await run(client, "change_prices", **arguments)
        once = await read_prices(client)
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", status=403, code=105005)
        part = await run(client, "change_prices", **arguments, repeat=True)
        assert part["data"]["done"] == part["data"]["not_yet"] == 1
        undo = part["data"]["undo"]
        await told(client, undo["tool"], **undo["arguments"])
        assert await read_prices(client) == once
        rest = await run(client, "change_prices", **arguments, repeat=True)
        after = await read_prices(client)
    assert rest["data"]["done"] == 2
    assert [after[sku_id] for sku_id in ids] == [raise_by_tenth(once[sku_id]) for sku_id in ids]
