"""A shop with many orders: sums to the cent, every order within reach, little memory, an end at once when told.

With SOAK set there are 40,000 orders, unpaced and at 5 requests a second; else 3,000.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.time_zones import parse_zone
from mcp_server_tiktok_shop.tools.periods import parse_period
from tests.platform.worker import keys, started
from tests.tools.report_books import read_table
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from tests.conftest import Connect

LONG = bool(os.environ.get("SOAK"))
ORDERS = 40_000 if LONG else 3_000
RATES = [None, 5.0] if LONG else [None]
LONDON = parse_zone("Europe/London")
MOST_MEMORY = 300 * 2**20
SUMS = ("orders_sold", "orders_unpaid", "orders_cancelled", "sales_total")
FIELDS = ["orders.id", "orders.status", "orders.payment.total_amount", "orders.payment.currency"]


async def told(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments, read_timeout_seconds=120)
    answer: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    assert not result.is_error, answer
    assert len(json.dumps(answer)) <= 60_000
    return answer


async def summed(client: Client, period: str) -> dict[str, Any]:
    """Sales of a period, asked for until all of it has been read."""
    while True:
        data: dict[str, Any] = (await told(client, "get_report", report="sales", period=period))["data"]
        if data["complete"]:
            (sums,) = read_table(data["totals"]) or [dict.fromkeys(SUMS, 0)]  # minutes old, a month may have none
            return sums
        assert "PART" in data["note"]


async def rows_of(client: Client, answer: dict[str, Any]) -> AsyncIterator[list[str]]:
    """Every row of a table that was kept, part by part."""
    offset: int | None = 0
    while offset is not None:
        part = (await told(client, "read_result", id=answer["result_id"], path="orders", offset=offset))["data"]
        for row in part["rows"]:
            yield row
        offset = part.get("next_offset")


def most_memory() -> int:
    """The most bytes that the server's process has held so far."""
    (peak,) = [
        int(line.split()[1]) * 1024
        for status in Path("/proc").glob("[0-9]*/status")
        if b"mcp_server_tiktok_shop" in (status.parent / "cmdline").read_bytes()
        and f"PPid:\t{os.getpid()}\n" in (text := status.read_text(encoding="utf-8"))
        for line in text.splitlines()
        if line.startswith("VmHWM")
    ]
    return peak


@pytest.mark.parametrize("era", ["legacy"])
@pytest.mark.parametrize("rate", RATES)
async def test_a_month_of_many_orders_is_summed_to_the_cent_and_read_whole(
    home: Path, era: str, rate: float | None
) -> None:
    sandbox = Sandbox(orders=ORDERS, requests_per_second=rate)
    now = time.time()
    months = ["this month", "last month"]  # the second is whole, and is read
    async with sandbox.serve() as url, started(home, keys(sandbox, url), era) as client:
        for text in months:
            found = parse_period(text, LONDON, now)
            sums = await summed(client, text)
            own = sandbox.state.main.sum_sales(found.start, min(found.end, int(now) + 1), int(now))
            counts = [sums[f"orders_{name}"] for name in ("sold", "unpaid", "cancelled")]
            assert counts == [own.orders, own.unpaid, own.cancelled]
            assert Decimal(sums["sales_total"]) == own.amount
        span = {"create_time_ge": str(found.start), "create_time_lt": str(found.end)}
        read: dict[str, list[str]] = {}
        while True:
            answer = await told(client, "get_order_list", pages="all", page_size=100, fields=FIELDS, **span)
            kept = "result_id" in answer
            rows = [row async for row in rows_of(client, answer)] if kept else answer["data"]["orders"]["rows"]
            read |= {row[0]: row for row in rows}
            if "not all" not in answer["note"]:
                break
            span["create_time_lt"] = str(sandbox.state.main.orders[rows[-1][0]].create_time + 1)
        total = sum(Decimal(row[2]) for row in read.values() if row[1] not in ("UNPAID", "CANCELLED"))
        assert read.keys() == {
            o.id for o in sandbox.state.main.orders.values() if found.start <= o.create_time < found.end
        }
        assert total == own.amount
        if sys.platform == "linux":
            assert 0 < most_memory() < MOST_MEMORY


async def test_a_walk_that_is_given_up_ends_with_the_request_under_way(connect: Connect) -> None:
    sandbox = Sandbox(orders=3_000)
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        await told(client, "list_shops")
        sandbox.faults.add("get_order_list", times=3, delay=0.001)
        gate = sandbox.faults.hold("get_order_list", times=None)
        call = asyncio.create_task(client.call_tool("get_order_list", {"pages": "all", "page_size": 10}))
        await until(lambda: gate.waiting)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await told(client, "list_shops")
        gate.open()
        await asyncio.sleep(0.3)
        assert gate.arrived == 1
