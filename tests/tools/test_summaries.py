"""Sums equal what the shop's own books say, to the cent, and a part is never taken for the whole."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.calls.caller import NonInteractiveCaller
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.money import parse_amount
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.finance.ledger import build_ledger
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.tools.periods import parse_period
from mcp_server_tiktok_shop.tools.summaries import finance
from mcp_server_tiktok_shop.tools.summaries.totals import MAX_ROWS, TableLayout, TotalsTable
from tests.conftest import CATALOG
from tests.platform.test_tokens import bad, good

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.app import App
    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

NOW = float(int(time.time()))
LONDON = ZoneInfo("Europe/London")
ORDERS, STATEMENTS, TRANSACTIONS = "get_order_list", "get_statements", "get_transactions_by_statement"
TOOLS = ("summarize_orders", "summarize_finance", "summarize_inventory")
EXPIRED: dict[str, Any] = {
    "status": 400,
    "code": 36009004,
    "message": "Invalid param 'query.page_token': it has expired.",
}
QUOTA: dict[str, Any] = {"status": 200, "code": 45101004, "message": "The quota of the day is used up."}
AMOUNTS = ("settlement", "revenue", "shipping", "fees", "adjustments")
PERIODS = ("today", "last 7 days", "last 60 days", "last month", "last 24 hours")
A_LONG_TIME = "last 90 days"
ZERO = Decimal(0)


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    """Nothing here changes it."""
    return Sandbox(clock=lambda: NOW)


@pytest.fixture(scope="module")
def large() -> Sandbox:
    return Sandbox(orders=5_000, clock=lambda: NOW)


@pytest.fixture(scope="module")
def middling() -> Sandbox:
    return Sandbox(orders=600, clock=lambda: NOW)


@pytest.fixture
def era() -> str:
    return "auto"


@dataclass
class Watcher(NonInteractiveCaller):
    """A caller that is told how far it is, and may do something about it."""

    act: Callable[[int], None] = lambda _: None
    told: list[tuple[float, float | None, str]] = field(default_factory=list)

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        self.told.append((done, total, message))
        self.act(len(self.told))


@asynccontextmanager
async def server(sandbox: Sandbox, home: Path, seconds: float = 0.0, **more: str) -> AsyncIterator[App]:
    """A server for which each request takes so many seconds."""
    sandbox.faults.clear()
    sandbox.log.clear()
    settings = read_settings({"TIKTOK_SHOP_SANDBOX": "1", "TIKTOK_SHOP_HOME": str(home)} | more)
    waits: list[float] = []

    async def sleep(waited: float) -> None:
        waits.append(waited)
        await asyncio.sleep(0)

    runtime = Runtime(lambda: NOW, lambda: seconds * len(sandbox.log) + sum(waits), sleep)
    parts = build_app(settings, sandbox=sandbox, catalog=CATALOG, runtime=runtime)
    yield parts
    await parts.close()


async def summed(parts: App, tool: str, arguments: Json, caller: Any = None) -> Json:
    told = await parts.dispatcher.call(tool, arguments, caller or NonInteractiveCaller())
    data: Json = told["data"]
    json.dumps(told)
    return data


async def in_parts(parts: App, tool: str, arguments: Json) -> list[Json]:
    """The answers of a summary that is gone on with until it is complete."""
    told = [await summed(parts, tool, arguments)]
    while not told[-1]["complete"]:
        assert "PART" in told[-1]["note"]
        told.append(await summed(parts, tool, {"resume": told[-1]["resume"]}))
        assert len(told) < 100
    return told


def sales(sandbox: Sandbox, text: str) -> Any:
    found = parse_period(text, LONDON, NOW)
    return sandbox.state.main.sum_sales(found.start, min(found.end, int(NOW) + 1), int(NOW))


def column(told: Json, name: str) -> list[Any]:
    place = told["groups"]["columns"].index(name)
    return [row[place] for row in told["groups"]["rows"]]


def added(told: Json, name: str) -> Decimal:
    return sum(map(Decimal, column(told, name)), ZERO)


# ---- orders


@pytest.mark.parametrize("text", PERIODS)
async def test_sales_equal_the_shops_own_sum(connect: Connect, shared: Sandbox, text: str) -> None:
    runtime = Runtime(lambda: NOW, time.monotonic)
    async with connect(sandbox="true", sandbox_object=shared, runtime=runtime) as client:
        told = good(await client.call_tool("summarize_orders", {"period": text}))["data"]
    expected = sales(shared, text)
    assert told["complete"] is True
    assert told["time_zone"] == "Europe/London"
    assert told["orders"] == expected.orders + expected.unpaid + expected.cancelled
    for name, count, total in (
        ("sales", expected.orders, expected.amount),
        ("unpaid", expected.unpaid, expected.unpaid_amount),
        ("cancelled", expected.cancelled, expected.cancelled_amount),
    ):
        part = told.get(name, {}).get("GBP", {"orders": 0, "total": "0"})
        assert (part["orders"], Decimal(part["total"])) == (count, total), name


@pytest.mark.parametrize("by", ["day", "week", "warehouse"])
async def test_groups_of_orders_add_up_to_sales(shared: Sandbox, home: Path, by: str) -> None:
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days", "group_by": by})
    whole = told["sales"]["GBP"]
    assert added(told, "total") == Decimal(whole["total"])
    assert (added(told, "orders"), added(told, "units")) == (whole["orders"], whole["units"])
    assert by == "warehouse" or column(told, by) == sorted(column(told, by))


async def test_groups_by_status_hold_what_is_unpaid_and_cancelled_too(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days", "group_by": "status"})
    statuses = Counter(order.get_status(int(NOW)) for order in shared.state.main.orders.values())
    assert dict(zip(column(told, "status"), column(told, "orders"), strict=True)) == statuses
    assert added(told, "total") == sum(Decimal(told[n]["GBP"]["total"]) for n in ("sales", "unpaid", "cancelled"))


@pytest.mark.parametrize("by", ["product", "sku"])
async def test_groups_of_lines_add_up_to_the_sum_of_their_prices(shared: Sandbox, home: Path, by: str) -> None:
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days", "group_by": by})
    units: Counter[str] = Counter()
    worth: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in shared.state.main.orders.values():
        if order.get_status(int(NOW)) not in ("UNPAID", "CANCELLED"):
            for line in (line for line in order.lines if not line.cancel_time):
                key = line.product.id if by == "product" else line.sku.id
                units[key] += 1
                worth[key] += line.sale_price
    keys = column(told, f"{by}_id")
    assert dict(zip(keys, column(told, "units"), strict=True)) == units
    assert dict(zip(keys, map(Decimal, column(told, "line_total")), strict=True)) == worth
    whole = told["sales"]["GBP"]
    assert added(told, "line_total") == Decimal(whole["line_total"]) < Decimal(whole["total"])
    assert "line_total" in told["note"]
    worths = [worth[key] for key in keys]
    assert worths == sorted(worths, reverse=True)


async def test_a_line_cancelled_by_itself_is_told_apart(home: Path) -> None:
    sandbox = Sandbox(orders=100, clock=lambda: NOW)
    orders = sandbox.state.main.orders.values()
    order = next(o for o in orders if o.get_status(int(NOW)) == "COMPLETED")
    order.lines[0].cancel_time = order.paid_time + 1
    cancelled = sum(bool(line.cancel_time) for o in orders for line in o.lines if not o.is_cancelled(int(NOW)))
    assert cancelled >= 1
    async with server(sandbox, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": A_LONG_TIME, "group_by": "product"})
    paid = [o for o in sandbox.state.main.orders.values() if o.get_status(int(NOW)) not in ("UNPAID", "CANCELLED")]
    whole = told["sales"]["GBP"]
    assert whole["cancelled_units"] == cancelled
    assert whole["units"] == sum(len(o.lines) for o in paid) - cancelled == added(told, "units")


async def test_an_order_without_a_readable_amount_is_told(home: Path) -> None:
    sandbox = Sandbox(orders=0, clock=lambda: NOW)
    rows: list[Json] = [
        {"id": str(n), "create_time": int(NOW) - 9, "payment": {"total_amount": t, "currency": "GBP"}}
        for n, t in enumerate(("1.10", None, "1,5", "NaN", "0.00"))
    ]
    rows[-1]["line_items"] = [{"sale_price": "2.20"}, {"sale_price": "free"}]
    rows.append({"id": "9", "create_time": int(NOW) - 9})
    body = json.dumps({"code": 0, "data": {"orders": rows}}).encode()
    async with server(sandbox, home) as parts:
        sandbox.faults.add(ORDERS, status=200, body=body)
        told = await summed(parts, "summarize_orders", {"period": "last 24 hours"})
    assert (told["orders"], told["without_amount"], told["unreadable_amounts"]) == (6, 2, 3)
    assert "in no average" in told["note"]
    assert told["sales"]["GBP"]["average_order"] == "0.55"  # of the two that have one
    assert told["sales"]["GBP"]["total"] == "1.10"
    assert told["sales"]["GBP"]["line_total"] == "2.20"


async def test_orders_that_the_platform_counts_but_does_not_give_are_told(home: Path) -> None:
    sandbox = Sandbox(orders=0, clock=lambda: NOW)
    row = {"id": "1", "create_time": int(NOW) - 9, "payment": {"total_amount": "1.00", "currency": "GBP"}}
    body = json.dumps({"code": 0, "data": {"orders": [row], "total_count": 3}}).encode()
    async with server(sandbox, home) as parts:
        sandbox.faults.add(ORDERS, status=200, body=body)
        told = await summed(parts, "summarize_orders", {"period": "last 24 hours"})
    assert (told["orders"], told["lacking"]) == (1, 2)
    assert "lacking" in told["note"]


async def test_currencies_are_never_added_to_each_other(home: Path) -> None:
    sandbox = Sandbox(orders=0, clock=lambda: NOW)
    paid = (("GBP", "10.00"), ("EUR", "3.335"), ("GBP", "0.05"), ("JPY", "1200"))
    rows = [
        {"id": str(n), "create_time": int(NOW) - 9, "payment": {"total_amount": total, "currency": currency}}
        for n, (currency, total) in enumerate(paid)
    ]
    async with server(sandbox, home) as parts:
        sandbox.faults.add(ORDERS, status=200, body=json.dumps({"code": 0, "data": {"orders": rows}}).encode())
        told = await summed(parts, "summarize_orders", {"period": "last 24 hours", "group_by": "day"})
    assert {c: s["total"] for c, s in told["sales"].items()} == {"EUR": "3.335", "GBP": "10.05", "JPY": "1200"}
    assert told["sales"]["GBP"]["average_order"] == "5.03"
    assert column(told, "currency") == ["EUR", "GBP", "JPY"]


async def test_the_shops_zone_or_the_one_that_is_set_decides_what_a_day_is(shared: Sandbox, home: Path) -> None:
    async with server(shared, home, TIKTOK_SHOP_TIME_ZONE="Asia/Tokyo") as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days", "group_by": "day"})
    assert told["time_zone"] == "Asia/Tokyo"
    start = datetime.fromisoformat(told["from"])
    assert start.isoformat().endswith("T00:00:00+09:00")
    tokyo = ZoneInfo("Asia/Tokyo")
    paid = [o for o in shared.state.main.orders.values() if o.get_status(int(NOW)) not in ("UNPAID", "CANCELLED")]
    kept = [o.create_time for o in paid if o.create_time >= start.timestamp()]
    days = Counter(datetime.fromtimestamp(created, tokyo).date().isoformat() for created in kept)
    assert dict(zip(column(told, "day"), column(told, "orders"), strict=True)) == days


# ---- going on


async def test_what_does_not_fit_is_gone_on_with_to_the_same_sum(large: Sandbox, home: Path) -> None:
    asked = {"period": "last 60 days", "group_by": "week"}
    async with server(large, home) as parts:
        whole = await summed(parts, "summarize_orders", asked)
    async with server(large, home, seconds=2.0) as parts:
        told = await in_parts(parts, "summarize_orders", asked)
    expected = sales(large, "last 60 days")
    assert len(told) == 3
    assert told[-1] == whole
    assert Decimal(whole["sales"]["GBP"]["total"]) == expected.amount
    counts = [part["orders"] for part in told]
    assert counts == sorted(set(counts))
    assert counts[-1] == expected.orders + expected.unpaid + expected.cancelled
    # What was summed until then is just that: the orders up to that very second.
    until = int(datetime.fromisoformat(told[0]["summed_until"]).timestamp())
    start = int(datetime.fromisoformat(told[0]["from"]).timestamp())
    assert Decimal(told[0]["sales"]["GBP"]["total"]) == large.state.main.sum_sales(start, until + 1, int(NOW)).amount
    assert len(large.log.list_entries(ORDERS)) <= 52


async def test_the_same_handle_gives_the_same_answer_again(middling: Sandbox, home: Path) -> None:
    async with server(middling, home, seconds=15.0) as parts:
        first = await summed(parts, "summarize_orders", {"period": "last 60 days"})
        again = [await summed(parts, "summarize_orders", {"resume": first["resume"]}) for _ in range(2)]
    assert again[0] | {"resume": ""} == again[1] | {"resume": ""}
    assert again[0]["orders"] > first["orders"]


async def test_no_page_is_begun_in_the_last_seconds(middling: Sandbox, home: Path) -> None:
    async with server(middling, home, seconds=8.0) as parts:
        await parts.platform.shops.list_targets()
        middling.log.clear()
        told = await summed(parts, "summarize_orders", {"period": "last 60 days"})
    assert not told["complete"]
    assert len(middling.log) == 6  # the sixth was begun with five seconds left


async def test_orders_of_the_second_at_which_a_call_stopped_count_once(home: Path) -> None:
    sandbox = Sandbox(orders=700, clock=lambda: NOW)
    for order in sandbox.state.main.orders.values():
        order.create_time = int(NOW) - 86400 - order.create_time % 20
    async with server(sandbox, home, seconds=15.0) as parts:
        told = await in_parts(parts, "summarize_orders", {"period": "last 7 days"})
    assert len(told) > 2
    assert told[-1]["orders"] == 700
    assert Decimal(told[-1]["sales"]["GBP"]["total"]) == sales(sandbox, "last 7 days").amount


@pytest.mark.parametrize("fault", [QUOTA, {"cut": "before"}, {"status": 500, "code": 36009003}])
async def test_a_call_that_fails_midway_answers_with_what_is_summed_so_far(
    shared: Sandbox, home: Path, fault: Json
) -> None:
    def break_it(steps: int) -> None:
        if steps == 2:
            shared.faults.add(ORDERS, times=None, **fault)

    async with server(shared, home, seconds=1.0) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days"}, Watcher(break_it))
        assert (told["complete"], told["orders"]) == (False, 200)
        assert "stopped_by" in told["note"]
        assert told["stopped_by"]["error"] in ("rate_limited", "network", "platform")
        again = await summed(parts, "summarize_orders", {"resume": told["resume"]})
        assert again["orders"] == 200
        assert again["stopped_by"]["error"] == told["stopped_by"]["error"]
        shared.faults.clear()
        told = await summed(parts, "summarize_orders", {"resume": again["resume"]})
    assert told["complete"]
    assert Decimal(told["sales"]["GBP"]["total"]) == sales(shared, "last 60 days").amount
    assert "stopped_by" not in told
    assert "resume" not in told


async def test_a_call_that_fails_at_once_is_an_error(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        shared.faults.add(ORDERS, times=None, **QUOTA)
        with pytest.raises(ShopError) as caught:
            await summed(parts, "summarize_orders", {"period": "today"})
    assert caught.value.kind == "rate_limited"


async def test_a_token_that_dies_midway_changes_no_sum(shared: Sandbox, home: Path) -> None:
    watcher = Watcher(lambda steps: shared.faults.add(ORDERS, **EXPIRED) if steps == 1 else None)
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days"}, watcher)
    assert told["complete"]
    assert Decimal(told["sales"]["GBP"]["total"]) == sales(shared, "last 60 days").amount


async def test_progress_is_told_after_each_page(shared: Sandbox, home: Path) -> None:
    watcher = Watcher()
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days"}, watcher)
    assert [done for done, _, _ in watcher.told] == [100, 200, told["orders"]]
    assert {total for _, total, _ in watcher.told} == {told["orders"]}


async def test_progress_goes_on_where_it_was(middling: Sandbox, home: Path) -> None:
    watcher = Watcher()
    async with server(middling, home, seconds=15.0) as parts:
        first = await summed(parts, "summarize_orders", {"period": "last 60 days"})
        await summed(parts, "summarize_orders", {"resume": first["resume"]}, watcher)
    assert watcher.told[0][0] > first["orders"]
    assert {total for _, total, _ in watcher.told} == {
        sum(vars(sales(middling, "last 60 days"))[n] for n in ("orders", "unpaid", "cancelled"))
    }


async def test_a_sum_that_is_cancelled_asks_for_no_more(middling: Sandbox, home: Path) -> None:
    begun = asyncio.Event()

    def hang(_steps: int) -> None:
        middling.faults.add(ORDERS, delay=60.0)
        begun.set()

    async with server(middling, home) as parts:
        watcher = Watcher(hang)
        task = asyncio.ensure_future(summed(parts, "summarize_orders", {"period": "last 60 days"}, watcher))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(watcher.told) == 1


async def test_a_handle_is_taken_only_where_it_came_from(home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=600, clock=lambda: NOW)
    async with server(sandbox, home, seconds=15.0) as parts:
        asked = {"period": "last 60 days", "group_by": "week", "shop": sandbox.state.main.name}
        first = await summed(parts, "summarize_orders", asked)
        handle = first["resume"]
        elsewhere = sandbox.state.shops[2].name
        kept = await parts.dispatcher.call("summarize_inventory", {"shop": elsewhere})
        assert kept["data"]["complete"]
        for tool, arguments, word in (
            ("summarize_finance", {"resume": handle}, "summarize_orders"),
            ("summarize_inventory", {"resume": handle}, "summarize_orders"),
            ("summarize_orders", {"resume": handle, "shop": elsewhere}, "another shop"),
            ("summarize_orders", {"resume": handle, "group_by": "day"}, "group_by"),
            ("summarize_orders", {"resume": handle, "period": "today"}, "period"),
            ("summarize_orders", {"resume": "0123456789abcdef"}, "no longer"),
            ("summarize_orders", {"resume": "../../tokens"}, "no longer"),
        ):
            with pytest.raises(ShopError, match=word) as caught:
                await summed(parts, tool, arguments)
            assert caught.value.kind == "invalid_arguments"
            assert caught.value.problems[0].argument == "resume"
            assert caught.value.hint
        # Alone it knows its shop, and what was asked may be said again.
        again = await summed(parts, "summarize_orders", {"resume": handle})
        assert again["shop"] == first["shop"]
        assert (await summed(parts, "summarize_orders", asked | {"resume": handle}))["orders"] == again["orders"]


async def test_other_things_that_are_kept_are_no_summaries(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        kept = home / "sandbox" / "sums"
        kept.mkdir(parents=True)
        for content in ("[1]", "{}", "no JSON", '{"data": {"orders": []}}'):
            (kept / "0123456789abcdef.json").write_text(content, encoding="utf-8")
            with pytest.raises(ShopError, match="nothing to go on with"):
                await summed(parts, "summarize_orders", {"resume": "0123456789abcdef"})


@pytest.mark.parametrize("tool", TOOLS[:2])
async def test_a_missing_or_future_period_is_refused_before_anything_is_sent(
    connect: Connect, shared: Sandbox, tool: str
) -> None:
    shared.log.clear()
    async with connect(sandbox="true", sandbox_object=shared) as client:
        for arguments in ({}, {"period": "some day"}, {"period": "2999"}):
            told = bad(await client.call_tool(tool, arguments))
            assert told["error"] == "invalid_arguments"
            assert told["problems"][0]["argument"] == "period"
    assert len(shared.log) == 0


@pytest.mark.parametrize("tool", TOOLS)
async def test_what_is_switched_off_is_not_read_by_a_sum_either(connect: Connect, shared: Sandbox, tool: str) -> None:
    shared.log.clear()
    off = f"{ORDERS},{STATEMENTS}"
    async with connect(sandbox="true", sandbox_object=shared, exclude_tools=off) as client:
        told = bad(await client.call_tool(tool, {"period": "today"}))
    assert told["error"] == "not_permitted"
    assert len(shared.log) == 0


async def test_what_is_kept_holds_no_buyer(middling: Sandbox, home: Path) -> None:
    async with server(middling, home, seconds=15.0) as parts:
        told = await summed(parts, "summarize_orders", {"period": "last 60 days", "group_by": "sku"})
        (kept,) = (home / "sandbox" / "sums").iterdir()
        text = kept.read_text(encoding="utf-8")
    assert kept.stem.startswith(told["resume"])
    assert len(text) < 40_000
    assert "@" not in text
    assert "address" not in text


# ---- finance


def settled(sandbox: Sandbox, text: str) -> list[Any]:
    found = parse_period(text, LONDON, NOW)
    return [s for s in build_ledger(sandbox.state.main, int(NOW)).statements if found.start <= s.time < found.end]


def figures(statement: Any) -> tuple[Decimal, ...]:
    earned = statement.earnings
    return (statement.settlement, earned.revenue, earned.shipping, earned.fees, statement.adjustment_total)


@pytest.mark.parametrize("by", [None, "day", "week", "status", "fee_type"])
async def test_settlements_equal_the_books(shared: Sandbox, home: Path, by: str | None) -> None:
    async with server(shared, home) as parts:
        asked = {"period": "last 30 days"} | ({"group_by": by} if by else {})
        told = await summed(parts, "summarize_finance", asked)
    statements = settled(shared, "last 30 days")
    whole = told["totals"]["GBP"]
    expected = [sum(each, ZERO) for each in zip(*map(figures, statements), strict=True)]
    assert [Decimal(whole[name]) for name in AMOUNTS] == expected
    assert told["statements"] == whole["statements"] == len(statements) > 20
    assert Decimal(whole["fees"]) < 0
    assert Decimal(whole["settlement"]) == sum(Decimal(whole[name]) for name in AMOUNTS[1:])
    assert sum(Decimal(part["GBP"]["settlement"]) for part in told["by_status"].values()) == expected[0]
    if by == "fee_type":
        assert added(told, "amount") == Decimal(whole["fees"])
        orders = [order for statement in statements for order in statement.orders]
        assert told["transactions"] == len(orders) + sum(len(s.adjustments) for s in statements)
        commission = sum((s.earnings.commission for s in statements), ZERO)
        assert (
            Decimal(
                dict(told["groups"]["rows"][0:1] and [(r[0], r[2]) for r in told["groups"]["rows"]])[
                    "platform_commission"
                ]
            )
            == commission
        )
    elif by:
        for name in ("statements", *AMOUNTS):
            assert added(told, name) == Decimal(whole[name])


async def test_what_a_statement_does_not_itemise_is_told_as_such(shared: Sandbox, home: Path) -> None:
    (statement, *_) = settled(shared, "last 7 days")
    row = {"id": statement.id, "statement_time": statement.time, "currency": "GBP", "fee_amount": "-999.99"}
    async with server(shared, home) as parts:
        body = json.dumps({"code": 0, "data": {"statements": [row]}}).encode()
        shared.faults.add(STATEMENTS, status=200, body=body)
        told = await summed(parts, "summarize_finance", {"period": "last 7 days", "group_by": "fee_type"})
    assert added(told, "amount") == Decimal("-999.99")
    assert "not itemised" in column(told, "fee_type")
    assert told["without_amount"] == 1


PAGE = 7


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finance, "MAX_PAGE_SIZE", PAGE)


@pytest.mark.usefixtures("small_pages")
async def test_fees_are_gone_on_with_within_a_statement(middling: Sandbox, home: Path) -> None:
    asked = {"period": "last 60 days", "group_by": "fee_type"}
    async with server(middling, home) as parts:
        whole = await summed(parts, "summarize_finance", asked)
    sizes = [len(statement.orders) + len(statement.adjustments) for statement in settled(middling, "last 60 days")]
    pages = sum(-(-size // PAGE) for size in sizes)
    assert pages > len(sizes)
    async with server(middling, home, seconds=22.0) as parts:  # time for one page of transactions in each call
        await parts.platform.shops.list_targets()
        told = await in_parts(parts, "summarize_finance", asked)
    assert len(told) == pages + 1
    assert told[-1] == whole
    assert Decimal(whole["totals"]["GBP"]["fees"]) == added(whole, "amount")


def after_refusal(sandbox: Sandbox, operation: str) -> tuple[bool, bool]:
    """Whether a page token was in the request that was refused, and in the one after it."""
    sent = sandbox.log.list_entries(operation)
    place = next(n for n, entry in enumerate(sent) if entry.code == 36009004)
    return "page_token" in sent[place].query, "page_token" in sent[place + 1].query


@pytest.mark.usefixtures("small_pages")
async def test_a_dead_token_begins_its_statement_again(middling: Sandbox, home: Path) -> None:
    asked = {"period": "last 60 days", "group_by": "fee_type"}
    read: list[str] = []

    def expire(_steps: int) -> None:
        """Right after the first page of a statement that has more than one."""
        last = middling.log.list_entries(TRANSACTIONS)[-1].path
        sizes = {s.id: len(s.orders) for s in settled(middling, "last 60 days")}
        if not read and sizes[last.split("/")[-2]] > PAGE:
            read.append(last)
            middling.faults.add(TRANSACTIONS, **EXPIRED)

    async with server(middling, home) as parts:
        told = await summed(parts, "summarize_finance", asked, Watcher(expire))
        assert after_refusal(middling, TRANSACTIONS) == (True, False)
        assert told == await summed(parts, "summarize_finance", asked)


@pytest.mark.usefixtures("small_pages")
async def test_progress_never_goes_back(middling: Sandbox, home: Path) -> None:
    watcher = Watcher()
    async with server(middling, home) as parts:
        await summed(parts, "summarize_finance", {"period": "last 60 days", "group_by": "fee_type"}, watcher)
    done = [done for done, _, _ in watcher.told]
    assert len(done) > 30
    assert done == sorted(set(done))


# ---- inventory


def stock(sandbox: Sandbox) -> dict[str, int]:
    products = [p for p in sandbox.state.main.products.values() if p.get_status(int(NOW)) != "DELETED"]
    return {sku.id: sum(sku.stock.values()) for product in products for sku in product.skus}


@pytest.mark.parametrize("by", [None, "product", "sku", "warehouse", "status"])
async def test_stock_equals_the_shops_own(shared: Sandbox, home: Path, by: str | None) -> None:
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_inventory", {"group_by": by} if by else {})
    held = stock(shared)
    assert (told["skus"], told["units"]) == (len(held), sum(held.values()))
    assert told["out_of_stock"] == sum(units == 0 for units in held.values())
    if by:
        assert all(added(told, name) == told[name] for name in ("skus", "units", "out_of_stock"))


async def test_skus_at_or_under_a_threshold_are_listed(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        told = (await summed(parts, "summarize_inventory", {"below": 5}))["low"]
    held = {sku: units for sku, units in stock(shared).items() if units <= 5}
    place = told["columns"].index("quantity")
    assert {row[0]: row[place] for row in told["rows"]} == held
    assert told["skus"] == len(held)
    quantities = [row[place] for row in told["rows"]]
    assert quantities == sorted(quantities)


async def test_deleted_products_are_no_stock(home: Path) -> None:
    sandbox = Sandbox(orders=0, clock=lambda: NOW)
    gone = next(iter(sandbox.state.main.products.values()))
    async with server(sandbox, home) as parts:
        before = await summed(parts, "summarize_inventory", {})
        gone.set_status("DELETED", int(NOW))
        after = await summed(parts, "summarize_inventory", {})
    assert before["units"] - after["units"] == sum(sum(sku.stock.values()) for sku in gone.skus)
    assert before["products"] - after["products"] == 1


async def test_days_left_follow_from_what_was_sold(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        asked = {"period": "2026-01-01T00:00/" + datetime.fromtimestamp(NOW, LONDON).isoformat(), "below": 10_000}
        told = await summed(parts, "summarize_inventory", asked)
    sold: Counter[str] = Counter()
    for order in shared.state.main.orders.values():
        if order.get_status(int(NOW)) not in ("UNPAID", "CANCELLED") and order.create_time < NOW:
            sold.update(line.sku.id for line in order.lines if not line.cancel_time)
    days = (NOW - datetime(2026, 1, 1, tzinfo=LONDON).timestamp()) / 86400
    assert told["units_sold"] == sold.total()
    columns = told["low"]["columns"]
    for row in told["low"]["rows"]:
        cells = dict(zip(columns, row, strict=True))
        assert cells["sold"] == sold[cells["sku_id"]]
        expected = round(cells["quantity"] * days / cells["sold"], 1) if cells["sold"] else None
        assert cells["days_left"] == expected


async def test_what_runs_out_first_stands_first(shared: Sandbox, home: Path) -> None:
    async with server(shared, home) as parts:
        told = await summed(parts, "summarize_inventory", {"period": "last 30 days", "group_by": "product"})
    left = [days for days in column(told, "days_left") if days is not None]
    assert left == sorted(left)
    assert column(told, "days_left")[: len(left)] == left


async def test_stock_and_sales_are_gone_on_with(middling: Sandbox, home: Path) -> None:
    asked = {"period": "last 60 days", "group_by": "sku", "below": 20}
    async with server(middling, home) as parts:
        whole = await summed(parts, "summarize_inventory", asked)
    async with server(middling, home, seconds=15.0) as parts:
        told = await in_parts(parts, "summarize_inventory", asked)
    assert len(told) == 3
    assert told[-1] == whole
    for part in told[:-1]:  # the pace of a part would be wrong
        assert "days_left" not in part["groups"]["columns"] + part["low"]["columns"]


async def test_products_are_counted_once_when_their_list_is_begun_again(home: Path) -> None:
    sandbox = Sandbox(orders=0, clock=lambda: NOW)
    first, *_ = sandbox.state.main.products.values()
    for number in range(400):
        product = type(first)(**vars(first) | {"id": f"9{number:018}", "create_time": int(NOW) - number})
        sandbox.state.main.products[product.id] = product
    expected = 440 - sum(p.get_status(int(NOW)) == "DELETED" for p in sandbox.state.main.products.values())
    watcher = Watcher(lambda steps: sandbox.faults.add("search_products", **EXPIRED) if steps == 2 else None)
    async with server(sandbox, home, seconds=11.0) as parts:
        begun = await summed(parts, "summarize_inventory", {"group_by": "product"}, watcher)
        assert after_refusal(sandbox, "search_products") == (True, False)
        sandbox.faults.add("search_products", **EXPIRED)
        told = await in_parts(parts, "summarize_inventory", {"resume": begun["resume"]})
    assert told[-1]["products"] == expected
    assert added(told[-1], "units") == told[-1]["units"]


# ---- tables

numbers = st.decimals(-10_000, 10_000, places=2, allow_nan=False)
added_rows = st.tuples(st.integers(0, 300).map(str), st.sampled_from(["GBP", "EUR"]), st.integers(0, 9), numbers)


@given(st.lists(added_rows, max_size=400), st.sampled_from(["by name", "largest first", "smallest first"]))
def test_a_table_adds_up_whatever_of_it_is_shown(rows: list[Any], order: Any) -> None:
    table = TotalsTable(("orders", "total"))
    for key, currency, count, total in rows:
        table.add(key, currency, (count, total))
    table = TotalsTable(table.measures, json.loads(json.dumps(table.to_state())))
    shown = table.to_json(TableLayout(("key",), order, 1))
    assert len(shown["rows"]) <= MAX_ROWS + 2
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for _, currency, count, total in shown["rows"]:
        sums[currency][0] += count
        sums[currency][1] += Decimal(total)
    expected: defaultdict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for _, currency, count, total in rows:
        expected[currency][0] += count
        expected[currency][1] += total
    assert sums == expected


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("-1.50", "-1.50"),
        ("5000", "5000"),
        (7, "7"),
        ("", None),
        (None, None),
        ("NaN", None),
        (1.5, "1.5"),
        (0.1 + 0.2, None),
        (1e16, None),
        (float("nan"), None),
        ("1e9", None),
    ],
)
def test_only_what_is_an_amount_is_read_as_one(text: Any, read: str | None) -> None:
    assert parse_amount(text) == (None if read is None else Decimal(read))
