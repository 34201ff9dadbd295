"""A job at several shops is one job at all replicas of a tenant: agreed to once, done once, and no other tenant's."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import told
from tests.teams.replicas import Replica, sandbox_keys, serve_replicas, start_replica
from tests.teams.test_faults import call_until_cut
from tests.teams.test_questions import serve_team
from tests.teams.test_replicas import put_accounts
from tests.tools.job_items import to_items
from tests.tools.several_shops import (
    PAUSE,
    SENCHA,
    agree,
    find_product,
    list_free_titles,
    list_sent,
    list_shops,
    list_writes,
    raise_by_tenth,
    run,
)
from tests.tools.test_ids_of_several_shops import find_chat
from tests.tools.test_ship_orders import list_waiting
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.services import Postgres

CANCEL = "cancel_order"
READY = 200


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3)


@asynccontextmanager
async def serve_tenants(home: Path, database_url: str, sandbox: Sandbox, **more: str) -> AsyncIterator[list[Replica]]:
    """Two replicas; tenant-0 has the shops of GB and DE, tenant-1 that of the US."""
    async with sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | more
        async with serve_replicas(2, home, database_url, **settings) as replicas:
            for number in (0, 1):
                await put_accounts(replicas[0], f"tenant-{number}", sandbox, number)
            yield replicas


async def test_a_yes_to_several_shops_is_taken_once_at_any_replica(
    home: Path, database_url: str, sandbox: Sandbox
) -> None:
    async with (
        serve_tenants(home, database_url, sandbox, confirm="asks") as (first, second),
        first.connect("tenant-0") as one,
        second.connect("tenant-0") as other,
    ):
        asked = await run(one, "pause_products", products=[SENCHA], shop="GB,DE")
        assert list_sent(sandbox) == []
        answers = await asyncio.gather(
            *(told(client, "confirm_write", token=asked["confirm"]) for client in (other, one) * 3)
        )
        changed_order = await run(other, "pause_products", products=[SENCHA], shop="DE,GB")
    (done,) = [answer for answer in answers if "error" not in answer]
    assert done["data"]["done"] == 2
    assert sorted(list_sent(sandbox)) == [(PAUSE, "DE"), (PAUSE, "GB")]
    assert "there is nothing to do" in changed_order["note"]


async def test_the_same_raise_asked_of_two_replicas_at_once_is_done_once(
    home: Path, database_url: str, sandbox: Sandbox
) -> None:
    """They name the shops in another order; one that finds the other at a shop leaves that to the next call."""
    gb, de, _ = list_shops(sandbox)
    (title,) = list_free_titles(gb, de)[:1]
    skus = [sku for shop in (gb, de) for sku in find_product(shop, title).skus]
    before = [sku.price for sku in skus]
    async with (
        serve_tenants(home, database_url, sandbox, confirm="none") as (first, second),
        first.connect("tenant-0") as one,
        second.connect("tenant-0") as other,
    ):
        arguments: dict[str, Any] = {"products": [title], "percent": 10}
        await asyncio.gather(
            *(
                run(client, "change_prices", **arguments, shop=shop)
                for client, shop in ((one, "GB,DE"), (other, "DE,GB"), (one, "all"), (other, "all"))
            )
        )
        await run(one, "change_prices", **arguments, shop="GB,DE")
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in before]
    assert sorted(region for _, region in list_sent(sandbox)) == ["DE", "GB"]


@pytest.mark.skipif(sys.platform != "linux", reason="kills as on Linux")
async def test_where_a_replica_is_killed_between_shops_another_does_what_is_left(
    home: Path, database_url: str, sandbox: Sandbox
) -> None:
    gb, de, _ = list_shops(sandbox)
    titles = list_free_titles(gb, de)[:3]
    skus = [sku for shop in (gb, de) for title in titles for sku in find_product(shop, title).skus]
    before = [sku.price for sku in skus]
    arguments = {"products": titles, "percent": 10, "shop": "GB,DE"}
    async with sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | {"confirm": "asks"}
        async with serve_replicas(1, home, database_url, **settings) as (stays,), stays.connect() as client:
            async with start_replica(home, database_url, stays.token, **settings) as goes:
                asked = await run(client, "change_prices", **arguments)
                for _ in titles:
                    sandbox.faults.add("update_price", delay=0.001)
                gate = sandbox.faults.hold("update_price")
                token = {"token": asked["confirm"]}
                cut = asyncio.create_task(call_until_cut(goes, "confirm_write", token))
                await until(lambda: gate.waiting)
                await goes.kill()
                assert await cut is None
            gate.open()  # what the dead one had sent still arrives
            await until(lambda: not sandbox.app.in_flight)
            again = await run(client, "change_prices", **arguments)
            third = await run(client, "change_prices", **arguments)
    sent = [(region, entry.path) for (_, region), entry in zip(list_sent(sandbox), list_writes(sandbox), strict=True)]
    assert len(set(sent)) == len(sent) == 2 * len(titles), "each write once"
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in before]
    assert {item["outcome"] for item in to_items(again["data"])} == {"done"}
    assert third.get("error") == "already_done" or "there is nothing to do" in third["note"]


async def test_orders_of_one_id_at_the_shops_of_two_tenants_are_each_tenants_own(
    home: Path, database_url: str, sandbox: Sandbox
) -> None:
    gb, _, us = list_shops(sandbox)
    own, foreign = list_waiting(sandbox, gb)[0], list_waiting(sandbox, us)[0]
    foreign.id = own.id
    us.orders[own.id] = foreign
    arguments = {"order_ids": [own.id], "reason": "out of stock", "shop": "all"}
    async with (
        serve_tenants(home, database_url, sandbox, confirm="asks") as (first, second),
        first.connect("tenant-0") as one,
        second.connect("tenant-1") as other,
    ):
        asked = await run(one, "cancel_orders", **arguments)
        at_other = await run(other, "cancel_orders", **arguments)
        await agree(one, asked)
        assert list_sent(sandbox) == [(CANCEL, "GB")]
        assert not foreign.cancel_time
        done = await agree(other, at_other)
    assert done["data"]["done"] == 1
    assert list_sent(sandbox) == [(CANCEL, "GB"), (CANCEL, "US")]
    assert bool(own.cancel_time and foreign.cancel_time)


async def test_a_tenant_reaches_no_shop_of_another_by_all_a_name_a_token_or_an_undo(
    home: Path, database_url: str, sandbox: Sandbox
) -> None:
    gb, de, us = list_shops(sandbox)
    async with (
        serve_tenants(home, database_url, sandbox, confirm="asks") as (first, second),
        first.connect("tenant-0") as own,
        second.connect("tenant-1") as foreign,
    ):
        done = await agree(own, await run(own, "pause_products", products=[SENCHA], shop="all"))
        assert sorted(list_sent(sandbox)) == [(PAUSE, "DE"), (PAUSE, "GB")]
        undo = done["data"]["undo"]["arguments"]["arguments"]
        asked = await run(own, "resume_products", products=[SENCHA], shop="all")
        sent = len(list_sent(sandbox))
        refused = [
            await told(foreign, "confirm_write", token=asked["confirm"]),
            await run(foreign, "undo_job", **undo),
            await run(foreign, "undo_job", id=undo["id"]),
            await run(foreign, "undo_job", id=undo["id"], shop="all"),
            *[
                await run(foreign, "resume_products", products=[SENCHA], shop=shop)
                for shop in (gb.id, de.id, f"{us.id},{gb.id}", "GB,US")
            ],
        ]
        assert [answer.get("error") for answer in refused] == [
            "declined",
            "shop_required",
            "not_found",
            "not_found",
            *["shop_required"] * 4,
        ]
        assert not any(gb.name in str(answer) or de.name in str(answer) for answer in refused)
        changes = await told(foreign, "list_changes")
        everywhere = await run(foreign, "resume_products", products=[SENCHA], shop="all", confirm=asked["confirm"])
        assert len(list_sent(sandbox)) == sent
        again = await agree(own, asked)
    assert "changes" not in changes["data"], "nothing was written by this tenant"
    assert "there is nothing to do" in everywhere["note"], "its own is on sale"
    assert again["data"]["done"] == 2
    assert find_product(us, SENCHA).status == "ACTIVATE"


async def test_what_one_person_agreed_to_is_asked_of_another_though_the_job_was_cut(
    home: Path, database_url: str
) -> None:
    """Both are of one tenant, whose jobs are the same."""
    arguments: dict[str, Any] = {"products": [SENCHA], "shop": "GB,DE"}
    async with serve_team(home, database_url) as team:
        sandbox = team.sandbox
        async with team.connect(0, 0, "a-person", mode="legacy") as one:
            asked = await run(one, "pause_products", **arguments)
            sandbox.faults.add(PAUSE, delay=0.001)
            sandbox.faults.add(PAUSE, status=403, code=105005)
            cut = await agree(one, asked)
            assert cut["status"] == "unfinished"
            async with team.connect(1, 0, "somebody-else", mode="legacy") as other:
                sent = len(list_sent(sandbox))
                again = await run(other, "pause_products", **arguments)
                assert again["status"] == "confirmation_required"
                assert len(list_sent(sandbox)) == sent
            rest = await run(one, "pause_products", **arguments)
    assert "status" not in rest, rest
    assert find_product(list_shops(sandbox)[1], SENCHA).status == "SELLER_DEACTIVATED"


@pytest.mark.skipif(sys.platform != "linux", reason="PostgreSQL as on Linux")
async def test_what_was_done_is_told_though_the_database_went_away_meanwhile(
    home: Path, database_url: str, postgres: Postgres, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing more is sent that the next call would not know of; two minutes later that does what is left."""
    gb, de, _ = list_shops(sandbox)
    titles = list_free_titles(gb, de)[:2]
    skus = [sku for shop in (gb, de) for title in titles for sku in find_product(shop, title).skus]
    before = [sku.price for sku in skus]
    arguments = {"products": titles, "percent": 10, "shop": "GB,DE"}
    async with serve_tenants(home, database_url, sandbox, confirm="none") as (first, second):
        async with first.connect("tenant-0") as client:
            await client.list_tools()  # which this client does after its first call, and then not again
            gate = sandbox.faults.hold("update_price")
            call = asyncio.create_task(run(client, "change_prices", **arguments))
            await until(lambda: gate.waiting)
            await asyncio.to_thread(postgres.stop)
            gate.open()
            try:
                part = await call
            finally:
                await asyncio.to_thread(postgres.start)
        assert len(list_sent(sandbox)) == 1
        assert (part["status"], part["data"]["done"]) == ("unfinished", len(find_product(gb, titles[0]).skus))
        assert "It ended before all was done: " in part["note"]

        async def ask_status() -> int:
            return (await second.ask_readiness())[0]

        await until(ask_status, READY)
        async with second.connect("tenant-0") as client:
            soon = await run(client, "change_prices", **arguments)
            monkeypatch.setattr("mcp_server_tiktok_shop.calls.jobs.records.RUNNING_WINDOW_S", 0.0)
            rest = await run(client, "change_prices", **arguments)
    assert soon["error"] == "unknown_outcome"
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in before]
    assert {item["outcome"] for item in to_items(rest["data"])} == {"done"}
    assert len(list_sent(sandbox)) == 2 * len(titles)


@pytest.mark.skipif(sys.platform != "linux", reason="signals as on Linux")
@pytest.mark.parametrize("ends", [False, True], ids=["stays", "is told to end"])
async def test_a_job_that_its_client_cancels_at_one_replica_goes_on_at_another(
    home: Path, database_url: str, sandbox: Sandbox, *, ends: bool
) -> None:
    """The message under way is entered when it is answered, also where nothing but that keeps the process."""
    chats = [find_chat(shop) for shop in list_shops(sandbox)[:2]]
    arguments = {"conversation_ids": chats, "text": "It left today.", "shop": "GB,DE"}
    call = {"name": "reply_to_buyer", "arguments": arguments}
    async with sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | {"confirm": "none"}
        async with (
            serve_replicas(1, home, database_url, **settings) as (stays,),
            start_replica(home, database_url, stays.token, **settings) as other,
        ):
            gate = sandbox.faults.hold("send_message")
            cancelled = asyncio.create_task(call_until_cut(other, "run_write_operation", call))
            await until(lambda: gate.waiting)
            cancelled.cancel()
            await asyncio.wait([cancelled])
            if ends:
                assert other.process is not None
                await asyncio.sleep(0.2)
                other.process.terminate()
                asyncio.get_running_loop().call_later(0.5, gate.open)
                await asyncio.wait_for(other.process.wait(), PATIENCE_S)
            else:
                gate.open()
                await until(lambda: not sandbox.app.in_flight)
                await asyncio.sleep(1.5)
            assert list_sent(sandbox) == [("send_message", "GB")]
            async with stays.connect() as client:
                rest = await run(client, "reply_to_buyer", **arguments)
    assert list_sent(sandbox) == [("send_message", "GB"), ("send_message", "DE")]
    assert rest["data"]["done"] == 2
    assert "unknown" not in rest["data"]
