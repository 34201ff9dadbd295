"""A job that is meant once more is done once more; one that several were given is done once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import Clock, told, writes
from tests.tools.test_change_jobs import choose_single, list_skus, read_prices
from tests.tools.test_product_jobs import list_products, run
from tests.waits import until

if TYPE_CHECKING:
    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Gate
    from tests.conftest import Connect


async def plan_slowly(
    client: Client, sandbox: Sandbox, arguments: dict[str, Any]
) -> tuple[asyncio.Task[dict[str, Any]], Gate]:
    """A call that knows already what the job did before, and reads prices when the gate is opened."""
    gate = sandbox.faults.hold("get_product")
    call = asyncio.create_task(run(client, "change_prices", **arguments))
    await until(lambda: gate.waiting)
    return call, gate


async def test_a_job_that_is_repeated_at_once_sends_its_writes_once_more(connect: Connect, sandbox: Sandbox) -> None:
    """Off sale, on sale again elsewhere, and off once more, all within the seconds in which equal writes are held."""
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:2]]
        await run(client, "pause_products", products=ids)
        for product_id in ids:
            sandbox.accounts[0].shops[0].products[product_id].status = "ACTIVATE"
        held_back = await run(client, "pause_products", products=ids)
        again = await run(client, "pause_products", products=ids, repeat=True)
    assert held_back["data"]["failed"] == 2
    assert "repeat: true" in held_back["data"]["items"][0]["reason"]
    assert again["data"]["done"] == 2
    assert writes(sandbox) == ["deactivate_products"] * 2


@pytest.mark.parametrize("confirm", ["none", "asks"])
async def test_a_raise_is_repeated_where_that_is_said_also_by_a_token(
    connect: Connect, sandbox: Sandbox, confirm: str
) -> None:
    async with connect(sandbox="1", confirm=confirm, sandbox_object=sandbox) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        before = (await read_prices(client))[sku["id"]]
        for more in ({}, {"repeat": True}):
            result = await run(client, "change_prices", products=[sku["id"]], amount="1.00", **more)
            if confirm == "asks":
                result = await told(client, "confirm_write", token=result["confirm"])
            assert result["data"]["done"] == 1
        assert (await read_prices(client))[sku["id"]] == before + 2
        unsaid = await run(client, "change_prices", products=[sku["id"]], amount="1.00")
    assert unsaid["error"] == "already_done"
    assert writes(sandbox) == ["update_price"] * 2


async def test_a_repeat_by_a_token_sends_what_an_equal_write_has_just_done(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:2]]
        for more in ({}, {"repeat": True}):
            for product_id in ids:
                sandbox.accounts[0].shops[0].products[product_id].status = "ACTIVATE"
            asked = await run(client, "pause_products", products=ids, **more)
            done = await told(client, "confirm_write", token=asked["confirm"])
            assert done["data"]["done"] == 2
    assert writes(sandbox) == ["deactivate_products"] * 2


async def test_a_repeat_sends_nothing_whose_outcome_is_unknown(connect: Connect, sandbox: Sandbox) -> None:
    """Whether the job sent it or another call did."""
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first, second = choose_single(await list_skus(client), 2)
        sandbox.faults.add("update_price", cut="before")
        lost = await run(client, "change_prices", products=[first["id"]], price="21.50")
        assert lost["data"]["unknown"] == 1
        assert (await run(client, "change_prices", products=[first["id"]], price="21.50", repeat=True))["data"][
            "unknown"
        ] == 1
        price = {"amount": "21.50", "currency": "GBP"}
        single = {"product_id": second["product_id"], "skus": [{"id": second["id"], "price": price}]}
        sandbox.faults.add("update_price", cut="before")
        assert (await run(client, "update_price", **single))["error"] == "unknown_outcome"
        after = await run(client, "change_prices", products=[second["id"]], price="21.50", repeat=True)
    assert after["data"]["unknown"] == 1
    assert writes(sandbox) == ["update_price"] * 2


@pytest.mark.parametrize("repeat", [False, True])
async def test_two_servers_that_are_given_the_same_raise_raise_once(
    connect: Connect, sandbox: Sandbox, *, repeat: bool
) -> None:
    """Whoever is late is told so, also where it planned before the other one began."""
    more: dict[str, Any] = {"sandbox": "1", "sandbox_object": sandbox}
    async with connect(**more) as one, connect(**more) as two:
        (sku,) = choose_single(await list_skus(one), 1)
        arguments = {"products": [sku["id"]], "percent": 10, "repeat": repeat}
        before = (await read_prices(one))[sku["id"]]
        slow, gate = await plan_slowly(two, sandbox, arguments)
        first = await run(one, "change_prices", **arguments)
        gate.open()
        answers = [first, await slow]
        after = (await read_prices(one))[sku["id"]]
    assert ["error" in answer for answer in answers] == [False, True]
    assert after == (before * Decimal("1.1")).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert writes(sandbox) == ["update_price"]


async def test_a_slow_plan_does_not_raise_what_another_raised_in_part(connect: Connect, sandbox: Sandbox) -> None:
    """One server raises the first of two prices, the second is refused; the other planned in the meantime."""
    more: dict[str, Any] = {"sandbox": "1", "sandbox_object": sandbox}
    async with connect(**more) as one, connect(**more) as two:
        skus = choose_single(await list_skus(one), 2)
        arguments = {"products": [sku["id"] for sku in skus], "percent": 10}
        before = await read_prices(one)
        slow, gate = await plan_slowly(two, sandbox, arguments)
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", code=12052901, status=200)
        part = await run(one, "change_prices", **arguments)
        gate.open()
        late = await slow
        rest = await run(two, "change_prices", **arguments)
        after = await read_prices(one)
    assert part["data"]["done"] == 1
    assert late["error"] == "declined"
    assert (rest["data"]["done"], rest["data"]["skipped"]) == (1, 1)
    for sku in skus:
        assert after[sku["id"]] == (before[sku["id"]] * Decimal("1.1")).quantize(Decimal("0.01"), "ROUND_HALF_UP")


async def test_a_job_that_came_to_its_end_is_asked_about_anew_and_does_nothing_twice(
    connect: Connect, sandbox: Sandbox
) -> None:
    """One of three prices was refused: the same call asks again for that one, and shows no new price of the others."""
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        skus = choose_single(await list_skus(client), 3)
        arguments = {"products": [sku["id"] for sku in skus], "percent": 5}
        asked = await run(client, "change_prices", **arguments)
        sandbox.faults.add("update_price", code=12052901, status=200)
        first = await told(client, "confirm_write", token=asked["confirm"])
        raised = await read_prices(client)
        shown = (await run(client, "change_prices", **arguments, dry_run=True))["data"]
        again = await run(client, "change_prices", **arguments)
        assert writes(sandbox) == ["update_price"] * 3, "nothing is sent by the yes of before"
        rest = await told(client, "confirm_write", token=again["confirm"])
        nothing = await run(client, "change_prices", **arguments, dry_run=True)
        once_more = (await run(client, "change_prices", **arguments, dry_run=True, repeat=True))["data"]
        after = await read_prices(client)
    assert (first["data"]["done"], first["data"]["failed"]) == (2, 1)
    for preview in (shown, again["preview"]):
        assert (preview["to_do"], preview["skipped"]) == (1, 2)
        waiting, *earlier = preview["items"]
        assert (waiting["sku"], waiting["change"]) == (skus[0]["id"], "+5.0 %")
        for item in earlier:
            assert item["skipped"].startswith("done already at 20")
            assert item["skipped"].endswith("; repeat: true does it once more")
            assert item["now"] == f"{raised[item['sku']]} GBP"
            assert not {"will_be", "change"} & item.keys()
    assert (rest["data"]["done"], rest["data"]["skipped"]) == (1, 2)
    assert "remembered for a day" in rest["note"]
    assert nothing["note"].startswith("Nothing was sent: there is nothing to do.")
    assert (nothing["data"]["to_do"], nothing["data"]["skipped"]) == (0, 3)
    assert once_more["to_do"] == 3
    assert [after[sku["id"]] for sku in skus[1:]] == [raised[sku["id"]] for sku in skus[1:]]


async def test_a_raise_that_was_done_is_known_for_a_day(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    async with connect(sandbox="1", sandbox_object=sandbox, runtime=Runtime(clock, clock)) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        before = (await read_prices(client))[sku["id"]]
        arguments = {"products": [sku["id"]], "amount": "1.00"}
        await run(client, "change_prices", **arguments)
        clock.now += 3600
        same_day = await run(client, "change_prices", **arguments)
        assert (await read_prices(client))[sku["id"]] == before + 1
        clock.now += 24 * 3600
        next_day = await run(client, "change_prices", **arguments)
        assert (await read_prices(client))[sku["id"]] == before + 2
    assert same_day["note"].startswith("Nothing was sent: there is nothing to do.")
    assert same_day["data"]["skipped"] == next_day["data"]["done"] == 1


async def test_the_schema_of_what_is_never_done_twice_says_how_it_is(connect: Connect) -> None:
    async with connect(sandbox="1", toolsets="all") as client:
        schemas = {tool.name: tool.input_schema["properties"] for tool in (await client.list_tools()).tools}
    assert all("repeat" in schemas[name] for name in ("change_prices", "change_stock", "reply_to_buyer"))
    assert "repeat" not in schemas["pause_products"]
