"""What a job did is taken back write by write: said before, offered after, and all is as it was to cent and piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_undo import find_undo, get_undoing_operation, list_writes, read_whole, take_back, try_undo
from tests.calls.test_writes import Clock, Person, told, writes
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


@pytest.mark.parametrize("job", JOBS)
async def test_every_write_of_a_job_is_taken_back_by_its_own_call(
    connect: Connect, settings: dict[str, Any], clock: Clock, job: str
) -> None:
    plan, count, tool = JOBS[job]
    async with connect(**settings) as client:
        arguments = await plan(client)
        asked = await run(client, job, **arguments)
        calls = "the call" if count == 1 else "the calls"
        assert asked["preview"]["undo"].startswith(f"Can be undone by {tool}: list_changes gives {calls}.")
        shown = {item["product"] for item in asked["preview"]["items"] if "product" in item} or {
            sku["product_id"] for sku in await list_skus(client) if sku["id"] in arguments["products"]
        }
        before = await read_products(client, shown, job)
        done = await told(client, "confirm_write", token=asked["confirm"])
        assert done["data"]["done"] == len(arguments["products"])
        clock.now += REVIEW_S if job == "resume_products" else 0  # which passes the review: nobody changed it
        for place in range(count):
            undo = await find_undo(client, place * 2)  # each undo is an entry of its own before it
            assert get_undoing_operation(undo) == tool
            await take_back(client, undo)
        clock.now += REVIEW_S if job == "pause_products" else 0
        after = await read_products(client, shown, job)
        entries = await list_writes(client)
    assert after == before
    assert ["undo_of" not in entry for entry in entries[: 2 * count]] == [False] * count + [True] * count


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
    assert "Can be undone by update_price: list_changes gives the calls." in prices.splitlines()
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
