"""A client that cancels a job stops it before its next write, and the one under way is known to the same call again."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.worker import keys
from tests.protocol.test_http import serve
from tests.protocol.test_server import process
from tests.tools.several_shops import (
    PAUSE,
    SENCHA,
    at_several,
    find_product,
    list_free_titles,
    list_sent,
    list_shops,
    list_writes,
    raise_by_tenth,
    run,
)
from tests.tools.test_ids_of_several_shops import find_chat
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)
SEND = "send_message"
CANCELLED_TURNS, MAX_TURNS = 12, 40


async def cancel_during_a_write(client: Client, sandbox: Sandbox, operation: str, tool: str, **arguments: Any) -> None:
    """The client gives up on a job of several writes while the first is on its way."""
    gate = sandbox.faults.hold(operation)
    call = asyncio.create_task(run(client, tool, **arguments))
    await until(lambda: gate.waiting)
    call.cancel()
    await asyncio.wait([call])
    gate.open()
    await until(lambda: not sandbox.app.in_flight)
    await asyncio.sleep(1.0)


async def test_a_job_that_is_cancelled_ends_with_the_write_under_way_and_goes_on_by_the_same_call(
    connect: Connect, sandbox: Sandbox
) -> None:
    """What was written to a buyer can't be looked at: whether it was sent is known by its answer alone."""
    chats = [find_chat(shop) for shop in list_shops(sandbox)]
    arguments = {"conversation_ids": chats, "text": "It left today.", "shop": "all"}
    async with at_several(connect, sandbox, confirm="none") as client:
        await cancel_during_a_write(client, sandbox, SEND, "reply_to_buyer", **arguments)
        assert list_sent(sandbox) == [(SEND, "GB")]
        rest = await run(client, "reply_to_buyer", **arguments)
    assert list_sent(sandbox) == [(SEND, region) for region in ("GB", "DE", "US")]
    assert rest["data"]["done"] == 3
    assert "unknown" not in rest["data"]
    assert "status" not in rest


async def test_over_http_a_client_that_closes_its_connection_cancels_its_job(sandbox: Sandbox, home: Path) -> None:
    arguments = {"products": [SENCHA], "shop": "all"}
    more = {"TIKTOK_SHOP_CONFIRM": "none", "TIKTOK_SHOP_SANDBOX_SHOPS": "3"}
    async with serve(home, sandbox, **more) as served:
        async with served.connect("auto") as client:
            await cancel_during_a_write(client, sandbox, PAUSE, "pause_products", **arguments)
        assert list_sent(sandbox) == [(PAUSE, "GB")]
        async with served.connect("auto") as client:
            rest = await run(client, "pause_products", **arguments)
    assert list_sent(sandbox) == [(PAUSE, region) for region in ("GB", "DE", "US")]
    assert rest["data"]["done"] == 2
    assert "status" not in rest
    assert [find_product(shop, SENCHA).status for shop in list_shops(sandbox)] == ["SELLER_DEACTIVATED"] * 3


async def test_over_http_a_connection_of_the_earlier_era_that_breaks_cancels_nothing(
    sandbox: Sandbox, home: Path
) -> None:
    """That era has no sign for it that is surely of this client: a job comes to its end."""
    more = {"TIKTOK_SHOP_CONFIRM": "none", "TIKTOK_SHOP_SANDBOX_SHOPS": "3"}
    async with serve(home, sandbox, **more) as served, served.connect("legacy") as client:
        await cancel_during_a_write(client, sandbox, PAUSE, "pause_products", products=[SENCHA], shop="all")
        assert list_sent(sandbox) == [(PAUSE, region) for region in ("GB", "DE", "US")]


async def test_a_single_write_whose_client_closes_its_connection_is_done_once_and_told_so(
    sandbox: Sandbox, home: Path
) -> None:
    gb, *_ = list_shops(sandbox)
    arguments = {"product_ids": [find_product(gb, SENCHA).id], "shop": gb.id}
    more = {"TIKTOK_SHOP_CONFIRM": "none", "TIKTOK_SHOP_SANDBOX_SHOPS": "3"}
    async with serve(home, sandbox, **more) as served, served.connect("auto") as client:
        await cancel_during_a_write(client, sandbox, PAUSE, PAUSE, **arguments)
        again = await run(client, PAUSE, **arguments)
    assert list_sent(sandbox) == [(PAUSE, "GB")]
    assert again["error"] == "already_done"


@pytest.mark.skipif(sys.platform == "win32", reason="there a process can't be told to end")
async def test_a_process_that_is_told_to_end_begins_no_further_write_of_a_job(home: Path) -> None:
    """The one under way is entered before it ends, and the next process does what is left."""
    sandbox = Sandbox(shops=3)
    chats = [find_chat(shop) for shop in list_shops(sandbox)[:2]]
    message = {"conversation_ids": chats, "text": "It left today.", "shop": "GB,DE"}
    call = {"name": "reply_to_buyer", "arguments": message}
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with process(home, **settings) as server:
            await server.initialize()
            gate = sandbox.faults.hold(SEND)
            await server.send("tools/call", {"name": "run_write_operation", "arguments": call})
            await until(lambda: gate.waiting)
            server.process.terminate()
            await asyncio.sleep(0.5)
            gate.open()
            await asyncio.wait_for(server.process.wait(), PATIENCE_S)
        assert list_sent(sandbox) == [(SEND, "GB")]
        async with process(home, **settings) as server:
            await server.initialize()
            rest = await server.call("run_write_operation", call)
    assert list_sent(sandbox) == [(SEND, "GB"), (SEND, "DE")]
    assert rest["data"]["done"] == 2


@pytest.mark.parametrize("seed", range(20) if os.environ.get("SOAK") else (4, 7))
async def test_a_job_that_is_cancelled_again_and_again_at_any_moment_is_done_once_and_whole(
    connect: Connect, sandbox: Sandbox, seed: int
) -> None:
    """The shops are named in another order each time; one that finds the call before still under way comes again."""
    drawn = random.Random(seed)
    shops = list_shops(sandbox)
    titles = list_free_titles(*shops)[:3]
    skus = [sku for shop in shops for title in titles for sku in find_product(shop, title).skus]
    before = [sku.price for sku in skus]
    sandbox.faults.add("update_price", times=None, delay=0.08)
    is_told = False
    async with at_several(connect, sandbox, confirm="none") as client:
        for turn in range(MAX_TURNS):
            order = drawn.choice(("GB,DE,US", "US,GB,DE", "all"))
            call = asyncio.create_task(run(client, "change_prices", products=titles, percent=10, shop=order))
            await asyncio.wait([call], timeout=drawn.uniform(0.05, 1.0) if turn < CANCELLED_TURNS else None)
            if call.done():
                answer = call.result()
                assert answer.get("error") in (None, "already_done", "unknown_outcome", "declined"), answer
                is_told = "status" not in answer and answer.get("error") in (None, "already_done")
                if is_told:
                    break
            call.cancel()
            await asyncio.wait([call])
            await asyncio.sleep(drawn.choice((0.0, 0.02, 0.3)))
    assert is_told
    sent = [(entry.path, entry.body) for entry in list_writes(sandbox)]
    assert len(sent) == len(set(sent)) == len(titles) * len(shops)
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in before]
