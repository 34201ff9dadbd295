"""Processes that are killed while they read or put a snapshot in place, and many that ask meanwhile.

With SOAK set there are 200 kills; else a few.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.reading import MAX_IN_FLIGHT
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.mirror.shops import only_target, open_app, refreshed, rows_of
from tests.mirror.worker import count, waiting_worker
from tests.platform.worker import keys

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.application import App

KILLS = 100 if os.environ.get("SOAK") else 3  # of each kind
ORDERS = 2_500
LONGEST_S = 4.0  # until a kill: a first sync takes some seconds here
ASKING = 8


def count_expected(sandbox: Sandbox) -> list[Any]:
    orders = sandbox.state.main.orders.values()
    total = sum((order.total_amount for order in orders), Decimal(0))
    return [len(orders), str(total), sum(len(order.lines) for order in orders), 0]


def change_some(sandbox: Sandbox, chosen: random.Random) -> None:
    for order in chosen.sample(list(sandbox.state.main.orders.values()), 20):
        order.seller_note, order.touched_time = f"note {chosen.random()}", int(time.time())
    sandbox.state.main.mark_changed()


async def check_snapshot(app: App, sandbox: Sandbox) -> None:
    """Whatever there is, is whole as far as it says that it reaches."""
    snapshot = await app.mirror.look(await only_target(app))
    if snapshot is None:
        return
    edge = snapshot.tables["orders"].history_from
    assert edge is not None
    orders = {o.id: o for o in sandbox.state.main.orders.values() if o.create_time >= edge}
    assert {row["id"] for row in rows_of(snapshot, "orders", "id")} == orders.keys()
    lines = {line.id for order in orders.values() for line in order.lines}
    assert {row["id"] for row in rows_of(snapshot, "order_lines", "id")} == lines


async def test_a_first_sync_that_is_killed_again_and_again_comes_to_its_end(home: Path) -> None:
    sandbox, chosen = Sandbox(orders=ORDERS), random.Random(1)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        for number in range(KILLS):
            async with waiting_worker() as worker:
                worker.begin(home, keys(sandbox, url))
                await asyncio.sleep(chosen.uniform(0, LONGEST_S))
                await worker.kill()
            await check_snapshot(app, sandbox)
            if number % 20 == 19:  # by then it is whole: from the start again
                await app.mirror.forget(None)
        found = await refreshed(app, ["orders"])
        assert count(found.path) == count_expected(sandbox)
        assert not list((found.path.parent / "spool").glob("*.ndjson"))
        assert not list(found.path.parent.glob("*.new*"))


async def test_pages_that_were_read_before_a_kill_are_not_read_again(home: Path) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url:
        sandbox.faults.add("get_order_list", times=None, delay=0.2)
        async with waiting_worker() as worker:
            worker.begin(home, keys(sandbox, url))
            while len(sandbox.log.list_entries("get_order_list")) < 15:  # noqa: ASYNC110 - another process's requests
                await asyncio.sleep(0.01)
            await worker.kill()
        sandbox.faults.clear()
        before = len(sandbox.log.list_entries("get_order_list"))
        async with open_app(home, sandbox, url) as app:
            found = await refreshed(app, ["orders"], max_age_s=1e6)
            assert count(found.path) == count_expected(sandbox)
    pages = len(sandbox.log.list_entries("get_order_list")) - before
    whole = ORDERS // 100
    assert pages <= whole - before + 2 * MAX_IN_FLIGHT + 1, f"{pages} pages after {before} of {whole}"


async def test_swaps_that_are_killed_leave_one_or_the_other(home: Path) -> None:
    sandbox, chosen = Sandbox(orders=ORDERS), random.Random(2)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        await refreshed(app, ["orders"])
        for _ in range(KILLS):
            change_some(sandbox, chosen)
            async with waiting_worker() as worker:
                worker.begin(home, keys(sandbox, url), rounds=1000)
                for _ in range(3):
                    await asyncio.sleep(chosen.uniform(0, LONGEST_S / 3))
                    change_some(sandbox, chosen)
                await worker.kill()
            await check_snapshot(app, sandbox)
        found = await refreshed(app, ["orders"])
        assert count(found.path) == count_expected(sandbox)
        notes = {row["id"]: row["seller_note"] for row in rows_of(found, "orders", where="seller_note LIKE 'note %'")}
        orders = sandbox.state.main.orders.values()
        assert notes == {order.id: order.seller_note for order in orders if order.seller_note.startswith("note ")}


async def test_eight_processes_ask_while_one_reads(home: Path) -> None:
    """Each first sync, then changes: no wrong number, no half table, no error of a lock."""
    sandbox, chosen = Sandbox(orders=ORDERS), random.Random(3)
    async with sandbox.serve() as url, AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(waiting_worker()) for _ in range(ASKING)]
        for worker in workers:
            worker.begin(home, keys(sandbox, url), rounds=5)
        ended = asyncio.gather(*(worker.end() for worker in workers))
        while not ended.done():
            change_some(sandbox, chosen)
            await asyncio.sleep(0.2)
        for told in await ended:
            assert told == [count_expected(sandbox)] * 5
        whole_reads = len([e for e in sandbox.log.list_entries("get_order_list") if b"create_time_ge" in e.body])
        assert whole_reads <= 2 * ORDERS // 100, "the history was read by more than one process"
