"""A history is read side by side to its end, however its orders lie in time."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.mirror.shops import open_app, refreshed, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.application import App

DAY_S = 86400
ORDERS = "get_order_list"
PAGE_ROWS = 100
RECENT, BUSY, RARE = 100, 1150, 450  # orders of the last hours, of the three days before, of the months before


def date_order(number: int, now: float) -> int:
    """When the order of this number was made, counted from the newest one."""
    if number < RECENT:
        return int(now) - 60 * number
    if number < RECENT + BUSY:
        return int(now) - 7200 - 200 * (number - RECENT)
    return int(now) - 12 * DAY_S - 70 * DAY_S * (number - RECENT - BUSY) // RARE


def make_uneven_shop() -> Sandbox:
    sandbox = Sandbox(orders=RECENT + BUSY + RARE)
    now = time.time()
    for number, order in enumerate(sandbox.state.main.orders.values()):
        order.create_time = date_order(number, now)
    return sandbox


async def check_orders(app: App, sandbox: Sandbox) -> None:
    """Bring the orders up to date, and see that each of them is there once."""
    snapshot = await refreshed(app, ["orders"])
    assert snapshot.tables["orders"].is_complete
    assert Counter(row["id"] for row in rows_of(snapshot, "orders", "id")) == Counter(list(sandbox.state.main.orders))


async def test_who_has_nothing_left_to_read_takes_over_from_who_has(home: Path) -> None:
    sandbox = make_uneven_shop()
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        await check_orders(app, sandbox)
    windows = Counter(
        (body["create_time_ge"], body["create_time_lt"])
        for body in (json.loads(entry.body) for entry in sandbox.log.list_entries(ORDERS))
        if "create_time_ge" in body
    )
    assert max(windows.values()) < 0.75 * BUSY / PAGE_ROWS
    assert windows.total() < 2.5 * (RECENT + BUSY + RARE) / PAGE_ROWS


def is_window_shared(home: Path) -> bool:
    """Whether there is a window in the spool whose rest others read, beside some of theirs."""
    contents: list[bytes] = []
    for path in home.rglob("orders.history.*.ndjson"):
        with suppress(FileNotFoundError):  # it was laid in meanwhile
            contents.append(path.read_bytes())
    return len(contents) > 2 and any(b'"start":' in content[-200:] for content in contents)


async def test_a_reading_that_ended_after_others_took_over_goes_on_without_a_gap(home: Path) -> None:
    sandbox = make_uneven_shop()
    sandbox.faults.add(ORDERS, times=None, delay=0.2)
    async with sandbox.serve() as url:
        async with open_app(home, sandbox, url) as app:
            reading = asyncio.create_task(refreshed(app, ["orders"]))
            while not is_window_shared(home):
                assert not reading.done()
                await asyncio.sleep(0.005)
            reading.cancel()
        sandbox.faults.clear()
        async with open_app(home, sandbox, url) as app:
            await check_orders(app, sandbox)
