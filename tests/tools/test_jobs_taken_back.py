"""What a job did is taken back write by write: said before, offered after, and all is as it was to cent and piece."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_undo import (
    find_undo,
    get_undoing_operation,
    list_changes,
    list_rows,
    list_writes,
    read_whole,
    read_write,
    take_back,
    try_undo,
)
from tests.calls.test_writes import Clock, Person, told, writes
from tests.tools.job_items import to_items
from tests.tools.test_change_jobs import choose_single, list_skus
from tests.tools.test_product_jobs import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp import Client

    from tests.conftest import Connect

PRODUCTS_PER_WRITE = 20
REVIEW_S = 3 * 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(1_790_000_000.0)


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(shops=1, clock=clock)


@pytest.fixture
def settings(clock: Clock, sandbox: Sandbox) -> dict[str, Any]:
    return {"sandbox": "1", "confirm": "asks", "sandbox_object": sandbox, "runtime": Runtime(clock, clock)}


async def plan_prices(client: Client) -> dict[str, Any]:
    return {"products": [sku["id"] for sku in choose_single(await list_skus(client), 3)], "percent": 12.5}


async def plan_stock(client: Client) -> dict[str, Any]:
    return {"products": [sku["id"] for sku in choose_single(await list_skus(client), 3)], "amount": 7}


async def plan_pause(client: Client) -> dict[str, Any]:
    """More than one write takes."""
    product_ids = list(dict.fromkeys(sku["product_id"] for sku in await list_skus(client)))
    assert len(product_ids) > PRODUCTS_PER_WRITE
    return {"products": product_ids}


async def plan_resumption(client: Client) -> dict[str, Any]:
    arguments = await plan_pause(client)
    asked = await run(client, "deactivate_products", product_ids=arguments["products"][:3])
    await told(client, "confirm_write", token=asked["confirm"])
    return {"products": arguments["products"][:3]}


# By job: its arguments, the writes that it makes, and what takes each back.
JOBS: dict[str, tuple[Callable[[Client], Awaitable[dict[str, Any]]], int, str]] = {
    "change_prices": (plan_prices, 3, "update_price"),
    "change_stock": (plan_stock, 3, "update_inventory"),
    "pause_products": (plan_pause, 2, "activate_products"),
    "resume_products": (plan_resumption, 1, "deactivate_products"),
}


async def read_products(client: Client, product_ids: set[str], job: str) -> dict[str, Any]:
    """The products whole; in the days of a review a promotion begins, and has a price of its own."""
    products = {i: await read_whole(client, "get_product", {"product_id": i}) for i in product_ids}
    if job == "pause_products":
        return {i: {name: product[name] for name in product if name != "skus"} for i, product in products.items()}
    return products


async def list_concerned(client: Client, asked: dict[str, Any], arguments: dict[str, Any]) -> set[str]:
    """The products that a job is about."""
    return {item["product"] for item in asked["preview"]["items"] if "product" in item} or {
        sku["product_id"] for sku in await list_skus(client) if sku["id"] in arguments["products"]
    }


async def do(client: Client, job: str, **arguments: Any) -> dict[str, Any]:
    """What came of a job that somebody agreed to."""
    asked = await run(client, job, **arguments)
    return await told(client, "confirm_write", token=asked["confirm"])


@pytest.mark.parametrize("job", JOBS)
async def test_every_write_of_a_job_is_taken_back_by_its_own_call(
    connect: Connect, settings: dict[str, Any], clock: Clock, job: str
) -> None:
    plan, count, tool = JOBS[job]
    async with connect(**settings) as client:
        arguments = await plan(client)
        asked = await run(client, job, **arguments)
        assert asked["preview"]["undo"].startswith(f"Can be undone by {tool}: list_changes gives the call.")
        shown = await list_concerned(client, asked, arguments)
        before = await read_products(client, shown, job)
        done = await told(client, "confirm_write", token=asked["confirm"])
        assert done["data"]["done"] == len(arguments["products"])
        clock.now += REVIEW_S if job == "resume_products" else 0  # which passes the review: nobody changed it
        for place in range(count):
            undo = await find_undo(client, place * 2)  # each undo is an entry of its own before it, or all of the job
            assert get_undoing_operation(undo) == tool
            await take_back(client, undo)
        clock.now += REVIEW_S if job == "pause_products" else 0
        after = await read_products(client, shown, job)
        entries = await list_writes(client)
    assert after == before
    assert ["undo_of" not in entry for entry in entries[: 2 * count]] == [False] * count + [True] * count


@pytest.mark.parametrize("job", [job for job, (_, count, _) in JOBS.items() if count > 1])
async def test_a_whole_job_is_taken_back_by_one_yes(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox, clock: Clock, job: str
) -> None:
    plan, count, tool = JOBS[job]
    async with connect(**settings) as client:
        arguments = await plan(client)
        asked = await run(client, job, **arguments)
        shown = await list_concerned(client, asked, arguments)
        before = await read_products(client, shown, job)
        await told(client, "confirm_write", token=asked["confirm"])
        sent = len(writes(sandbox))
        (row,) = await list_changes(client)
        assert (row["operation"], row["writes"], row["outcome"]) == (job, count, "done")
        assert row["undo"]["arguments"] == {"name": "undo_job", "arguments": {"id": row["id"]}}
        asked_again = await try_undo(client, row["undo"])
        assert len(writes(sandbox)) == sent
        items = to_items(asked_again["preview"])
        if job != "pause_products":  # whose status a review follows
            assert sorted((i["now"], i["will_be"]) for i in items) == sorted(
                (i["will_be"], i["now"]) for i in asked["preview"]["items"]
            )
        assert len(json.dumps(asked_again["preview"])) <= 1.2 * len(json.dumps(asked["preview"]))
        undone = await told(client, "confirm_write", token=asked_again["confirm"])
        assert undone["data"]["done"] == len(items) == len(arguments["products"])
        assert writes(sandbox)[sent:] == [tool] * count
        clock.now += REVIEW_S if job == "pause_products" else 0
        after = await read_products(client, shown, job)
        newest, older = await list_changes(client)
        filters = {"operation": job}
        (own,) = list_rows((await told(client, "run_read_operation", name="list_changes", arguments=filters))["data"])
    assert own["id"] == row["id"]
    assert after == before
    assert newest["undo_of"] == older["id"] == row["id"]
    assert older["undo"].startswith("Undone at ")


async def test_an_undo_of_a_job_is_undone_like_any_job(connect: Connect, settings: dict[str, Any]) -> None:
    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        done = await do(client, "change_prices", **arguments)
        for _ in range(2):  # the undo, and the undo of that
            asked = await try_undo(client, (await list_changes(client))[0]["undo"])
            again = await told(client, "confirm_write", token=asked["confirm"])
    assert prices_of(again) == prices_of(done)


def prices_of(answer: dict[str, Any]) -> dict[str, str]:
    return {item["sku"]: item["now"] for item in answer["data"]["items"]}


def find_reason_to_leave(preview: dict[str, Any], noun: str, thing_id: str) -> str:
    """How the one thing that is left as it is has changed, as the last line of a preview says it."""
    skipped = to_items(preview)[-1]
    assert skipped[noun] == thing_id
    reason = str(skipped["skipped"])
    assert reason.startswith("it has changed since: ")
    return reason


async def test_what_has_changed_since_is_left_and_named_and_the_rest_goes_back(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        await do(client, "change_prices", **arguments)
        job = (await list_changes(client))[0]
        changed_id = arguments["products"][1]
        await do(client, "change_prices", products=[changed_id], price="21.50")
        asked = await try_undo(client, job["undo"])
        preview = asked["preview"]
        assert (preview["to_do"], preview["skipped"]) == (2, 1)
        assert find_reason_to_leave(preview, "sku", changed_id).endswith(" -> 21.50")
        sent = len(writes(sandbox))
        answer = await told(client, "confirm_write", token=asked["confirm"])
        assert (answer["data"]["done"], answer["data"]["skipped"]) == (2, 1)
        assert len(writes(sandbox)) == sent + 2
        left = await run(client, "undo_job", id=job["id"])
    assert "nothing to do" in left["note"]
    assert left["data"]["skipped"] == 3


async def test_of_what_one_write_changed_all_goes_back_but_what_has_changed_since(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        arguments = await plan_pause(client)
        await do(client, "pause_products", **arguments)
        job = (await list_changes(client))[0]
        resumed = arguments["products"][3]
        asked = await run(client, "activate_products", product_ids=[resumed])
        await told(client, "confirm_write", token=asked["confirm"])
        asked = await try_undo(client, job["undo"])
        assert (asked["preview"]["to_do"], asked["preview"]["skipped"]) == (len(arguments["products"]) - 1, 1)
        assert find_reason_to_leave(asked["preview"], "product", resumed)
        sent = len(writes(sandbox))
        undone = await told(client, "confirm_write", token=asked["confirm"])
        assert undone["data"]["done"] == len(arguments["products"]) - 1
        row = next(row for row in await list_changes(client) if row["id"] == job["id"])
    assert len(writes(sandbox)) == sent + 2
    assert row["undo"].startswith("Undone at ")


async def test_a_change_after_the_preview_stops_the_undo_of_a_job(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        await do(client, "change_prices", **arguments)
        asked = await try_undo(client, (await list_changes(client))[0]["undo"])
        await do(client, "change_prices", products=arguments["products"][:1], price="21.50")
        sent = len(writes(sandbox))
        refused = await told(client, "confirm_write", token=asked["confirm"])
    assert "21.50" in str(refused["changed"])
    assert len(writes(sandbox)) == sent


async def test_two_yeses_to_the_undo_of_a_job_are_one(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        await do(client, "change_prices", **await plan_prices(client))
        undo = (await list_changes(client))[0]["undo"]
        tokens = [(await try_undo(client, undo))["confirm"] for _ in range(2)]
        sent = len(writes(sandbox))
        await asyncio.gather(*(told(client, "confirm_write", token=token) for token in tokens))
    assert len(writes(sandbox)) == sent + 3


async def test_a_single_write_of_a_job_and_the_rest_together_are_taken_back_once_each(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        await do(client, "change_prices", **arguments)
        job = (await list_changes(client))[0]
        await take_back(client, (await read_write(client, job["id"]))["writes"][0]["undo"])
        asked = await try_undo(client, job["undo"])
        assert asked["preview"]["to_do"] == 2
        assert asked["preview"]["items"][-1]["skipped"].startswith("Undone at ")
        await told(client, "confirm_write", token=asked["confirm"])
    assert writes(sandbox) == ["update_price"] * 6


async def test_a_job_that_was_cut_off_and_went_on_is_one(
    connect: Connect, settings: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second call does what is left, under the same id."""

    def take_time(data: dict[str, Any]) -> dict[str, Any]:
        clock.now += 2.0
        return data

    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        asked = await run(client, "change_prices", **arguments)
        settings["sandbox_object"].faults.add("update_price", edit=take_time)
        monkeypatch.setattr("mcp_server_tiktok_shop.calls.jobs.sender.STEP_TIME_S", 44.2)  # of 45 seconds
        first = await told(client, "confirm_write", token=asked["confirm"])
        monkeypatch.undo()
        assert first["status"] == "unfinished"
        await run(client, "change_prices", **arguments)
        (job,) = await list_changes(client)
    assert (job["writes"], job["outcome"]) == (3, "done")


async def test_the_answer_of_a_job_gives_the_call_that_takes_it_back(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        asked = await run(client, "change_prices", **await plan_prices(client))
        done = await told(client, "confirm_write", token=asked["confirm"])
        (job,) = await list_changes(client)
        undoing = await try_undo(client, done["data"]["undo"])
        undone = await told(client, "confirm_write", token=undoing["confirm"])
        waiting = await told(client, "get_order_list", order_status="AWAITING_SHIPMENT", page_size=1)
        order_ids = [order["id"] for order in waiting["data"]["orders"]]
        asked = await run(client, "cancel_orders", order_ids=order_ids, reason="it is out of stock")
        cancelled = await told(client, "confirm_write", token=asked["confirm"])
    assert done["data"]["undo"] == {name: job["undo"][name] for name in ("tool", "arguments")}
    assert undone["data"]["done"] == 3
    assert cancelled["data"]["done"] == 1
    assert not any("undo" in answer["data"] for answer in (undone, cancelled))
    assert writes(sandbox) == ["update_price"] * 6 + ["cancel_order"]


async def test_a_job_called_again_after_its_end_is_another_and_leaves_the_first_alone(
    connect: Connect, settings: dict[str, Any], clock: Clock
) -> None:
    """What was refused is neither counted again by the first, nor is the first moved in time."""
    async with connect(**settings) as client:
        arguments = await plan_prices(client)
        asked = await run(client, "change_prices", **arguments)
        settings["sandbox_object"].faults.add("update_price", code=12052901, status=200)
        await told(client, "confirm_write", token=asked["confirm"])
        (before,) = await list_changes(client)
        clock.now += 3600
        again = await run(client, "change_prices", **arguments)
        settings["sandbox_object"].faults.add("update_price", code=12052901, status=200)
        await told(client, "confirm_write", token=again["confirm"])
        after = await list_changes(client)
    assert before["outcome"] == "1 not done: platform, 2 done"
    assert next(job for job in after if job["id"] == before["id"]) == before
    assert len(after) == 2


async def test_a_job_without_a_way_back_says_so(connect: Connect, settings: dict[str, Any], sandbox: Sandbox) -> None:
    async with connect(**settings) as client:
        waiting = await told(client, "get_order_list", order_status="AWAITING_SHIPMENT", page_size=2)
        order_ids = [order["id"] for order in waiting["data"]["orders"]]
        await do(client, "cancel_orders", order_ids=order_ids, reason="it is out of stock")
        (job,) = await list_changes(client)
        answer = await run(client, "undo_job", id=job["id"])
    assert job["undo"] == "No way back: a cancelled order stays cancelled."
    assert [item["reason"] for item in answer["data"]["items"]] == [job["undo"]] * 2
    assert writes(sandbox) == ["cancel_order"] * 2


async def test_the_undo_of_a_job_goes_to_its_own_shop(connect: Connect, settings: dict[str, Any], clock: Clock) -> None:
    sandbox = Sandbox(shops=3, clock=clock)
    async with connect(**settings | {"sandbox_shops": "3", "sandbox_object": sandbox}) as client:
        shop = sandbox.accounts[0].shops[1]
        found = await told(client, "search_products", status="ACTIVATE", page_size=3, shop=shop.id)
        skus = [product["skus"][0]["id"] for product in found["data"]["products"]]
        await do(client, "change_stock", products=skus, amount=3, shop=shop.id)
        (job,) = await list_changes(client)
        assert job["undo"]["arguments"]["arguments"] == {"id": job["id"], "shop": shop.id}
        asked = await try_undo(client, job["undo"])
        assert asked["preview"]["to_do"] == 3
        other = await run(client, "undo_job", id=job["id"], shop=sandbox.accounts[0].shops[0].id)
    assert other["error"] == "not_found"


async def test_a_server_that_lacks_one_of_the_writes_gives_the_calls_one_by_one(
    connect: Connect, settings: dict[str, Any]
) -> None:
    async with connect(**settings, exclude_tools="update_inventory") as client:
        await do(client, "change_prices", **await plan_prices(client))
        (job,) = await list_changes(client)
        assert job["undo"].startswith("Write by write: ")
        calls = [write["undo"] for write in (await read_write(client, job["id"]))["writes"]]
    assert [get_undoing_operation(call) for call in calls] == ["update_price"] * 3


async def test_a_person_reads_before_the_yes_whether_a_job_can_be_undone(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox, clock: Clock
) -> None:
    person = Person("decline", "decline", clock=clock)
    async with connect(**settings, asked=person) as client:
        await run(client, "change_prices", **await plan_prices(client))
        waiting = await told(client, "get_order_list", order_status="AWAITING_SHIPMENT", page_size=1)
        await run(client, "cancel_orders", order_ids=[waiting["data"]["orders"][0]["id"]], reason="it is out of stock")
    prices, cancellation = person.questions
    assert prices.splitlines()[2].startswith("Can be undone")
    assert "Can be undone by update_price: list_changes gives the call." in prices.splitlines()
    assert "can't simply be undone" in cancellation.splitlines()[2].lower()
    assert "No way back: a cancelled order stays cancelled." in cancellation.splitlines()
    assert writes(sandbox) == []


async def test_a_price_that_was_changed_since_the_job_is_not_set_back(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        for price in ("21.50", "22.50"):
            asked = await run(client, "change_prices", products=[sku["id"]], price=price)
            await told(client, "confirm_write", token=asked["confirm"])
        undo = await find_undo(client, 1)
        refused = await try_undo(client, undo)
    assert refused["error"] == "declined"
    assert "22.50" in str(refused["changed"])
    assert writes(sandbox) == ["update_price"] * 2
