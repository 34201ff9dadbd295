"""What reports answer beside their numbers: refusals that help, order and limit, edges of the copy, shops by name."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.tools.periods import PERIOD_FORMS, parse_period
from tests.platform.test_tokens import bad, good
from tests.tools.report_books import read_rows, read_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

NOW = float(int(time.time()))
LONDON = ZoneInfo("Europe/London")
ORDERS = "get_order_list"
FORMER = ("summarize_orders", "summarize_finance", "summarize_inventory", "reconcile_payouts")


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    """Nothing here changes it."""
    return Sandbox(orders=120, clock=lambda: NOW)


@pytest.fixture
def era() -> str:
    return "auto"


@asynccontextmanager
async def at_the_shop(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Client]:
    sandbox.faults.clear()
    sandbox.log.clear()
    runtime = Runtime(lambda: NOW, time.monotonic)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=runtime, **more) as client:
        yield client


async def ask(client: Client, report: str, **more: Any) -> Json:
    data: Json = good(await client.call_tool("get_report", {"report": report, **more}))["data"]
    return data


# ---- refusals


async def test_an_unknown_report_is_refused_with_the_names_of_all(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        told = bad(await client.call_tool("get_report", {"report": "sale"}))
    assert told["error"] == "invalid_arguments"
    assert told["problems"][0]["allowed"].removeprefix("one of ").split(", ") == list(load_reports())
    assert "did you mean sales?" in told["message"]
    assert len(shared.log) == 0


@pytest.mark.parametrize(
    ("arguments", "argument", "word"),
    [
        ({"report": "sales"}, "period", "missing"),
        ({"report": "sales", "period": "some day"}, "period", "some day"),
        ({"report": "sales", "period": "2999"}, "period", "not begun"),
        ({"report": "sales", "period": "today", "group_by": "colour"}, "group_by", "weekday"),
        ({"report": "sales", "period": "today", "order": "profit"}, "order", "units_sold"),
        ({"report": "sales", "period": "today", "order": "units_sold sideways"}, "order", "desc"),
        ({"report": "sales", "period": "today", "compare_with": "some day"}, "compare_with", "previous period"),
        ({"report": "stock", "compare_with": "last year"}, "compare_with", "another period"),
        ({"report": "unsettled", "period": "today"}, "period", "Leave period away; group_by day or week tells"),
        ({"report": "listing_problems", "period": "today"}, "period", '"hint": "Leave period away."'),
        ({"report": "sales", "period": "today", "parameters": {"below": 5}}, "parameters", "below"),
        ({"report": "sales", "period": "today", "limit": 0}, "limit", ""),
    ],
)
async def test_what_a_report_does_not_have_is_refused_before_anything_is_sent(
    connect: Connect, shared: Sandbox, arguments: Json, argument: str, word: str
) -> None:
    async with at_the_shop(connect, shared) as client:
        told = bad(await client.call_tool("get_report", arguments))
    assert told["error"] == "invalid_arguments"
    assert told["problems"][0]["argument"] == argument
    assert word in json.dumps(told)
    assert not shared.log.list_entries(ORDERS)


async def test_names_are_read_kindly(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        told = await ask(client, "repeat_buyers", period="This month so far", group_by="Buyer", order="-sales_total")
    assert (told["report"], told["group_by"]) == ("repeat_buyers", "buyer")


# ---- order, limit, filters


async def test_an_order_by_what_only_totals_have_takes_the_reports_own_and_says_so(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"period": "last 60 days", "group_by": "product", "limit": 5}
        told = await ask(client, "sales", **asked, order="sales_total desc")
        least = await ask(client, "sales", **asked, order="sales_total asc")
        own = await ask(client, "sales", **asked)
    assert told["table"] == own["table"]
    assert "Rows have no sales_total: they stand by goods_total." in told["note"]
    assert "Rows have no" not in own["note"]
    amounts = [Decimal(row["goods_total"]) for row in read_rows(least)]
    assert amounts == sorted(amounts)


async def test_days_and_weeks_without_a_row_are_named(connect: Connect) -> None:
    sandbox = Sandbox(orders=12, clock=lambda: NOW)
    async with at_the_shop(connect, sandbox) as client:
        told = {name: await ask(client, "sales", period="last 14 days", group_by=name) for name in ("day", "week")}
        few = await ask(client, "sales", period="last 14 days", group_by="day", limit=1)
    start = datetime.fromtimestamp(parse_period("last 14 days", LONDON, NOW).start, LONDON).date()
    days = [start + timedelta(days=number) for number in range(14)]
    for name, form in (("day", "%Y-%m-%d"), ("week", "%G-W%V")):
        found = {row[name] for row in read_rows(told[name])}
        missing = [each for each in dict.fromkeys(day.strftime(form) for day in days) if each not in found]
        assert told[name].get("left_out_empty", []) == missing
    assert told["day"]["left_out_empty"]
    assert "left_out_empty" not in few


async def test_without_a_limit_the_rows_are_shared_by_the_shops(connect: Connect) -> None:
    sandbox = Sandbox(shops=3, orders=120, clock=lambda: NOW)
    async with at_the_shop(connect, sandbox) as client:
        shared_rows = read_table((await ask(client, "repeat_buyers", period="last 60 days"))["table"])
        own_rows = read_table((await ask(client, "repeat_buyers", period="last 60 days", limit=7))["table"])
    assert sorted({row["shop"] for row in shared_rows}) == sorted({row["shop"] for row in own_rows})
    assert max(Counter(row["shop"] for row in shared_rows).values()) == 5
    assert max(Counter(row["shop"] for row in own_rows).values()) == 7


async def test_rows_are_ordered_and_limited_and_totals_are_of_all(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"period": "last 60 days", "group_by": "sku"}
        whole = await ask(client, "sales", **asked, limit=1000)
        most = await ask(client, "sales", **asked, order="units_sold", limit=3)
        least = await ask(client, "sales", **asked, order="units_sold asc", limit=3)
        by_name = await ask(client, "sales", **asked, order="seller_sku", limit=1000)
    units = sorted(row["units_sold"] for row in read_rows(whole))
    assert [row["units_sold"] for row in read_rows(most)] == units[::-1][:3]
    assert [row["units_sold"] for row in read_rows(least)] == units[:3]
    assert most["totals"] == least["totals"] == whole["totals"]
    assert f"3 of {len(units)} rows" in most["note"]
    assert "rows" not in whole["note"]
    names = [row["seller_sku"] for row in read_rows(by_name)]
    assert names == sorted(names)


async def test_below_means_below(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        whole = await ask(client, "stock", limit=1000, columns=["all"])
        some = await ask(client, "stock", parameters={"below": 5}, limit=1000, columns=["all"])
        former = good(await client.call_tool("summarize_inventory", {"below": 5}))["data"]
    units = {row["sku_id"]: row["units_available"] for row in read_rows(whole)}
    low = {sku: count for sku, count in units.items() if count < 5}
    assert {row["sku_id"]: row["units_available"] for row in read_rows(some)} == low
    assert 5 in units.values() or len(low) < len(units)
    assert some["totals"] == whole["totals"]
    assert [row["units_available"] for row in read_rows(former)] == [row["units_available"] for row in read_rows(some)]


async def test_what_lasts_longest_is_what_is_there_and_was_never_sold(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        longest = read_rows(await ask(client, "stock", order="days_of_cover desc", limit=1000))
        slowest = read_rows(await ask(client, "stock", order="units_sold asc", limit=1000))
        shortest = read_rows(await ask(client, "stock", limit=1000))
    dead = sorted((row["units_available"] for row in longest if not row["units_sold"]), reverse=True)
    kept = [units for units in dead if units > 0]
    assert len(kept) > 1
    assert len(kept) < len(dead)
    # What is not there and was not sold lasts no time that could be told.
    assert [row["units_available"] for row in longest[: len(kept)]] == kept
    assert not [row for row in longest[-(len(dead) - len(kept)) :] if row["units_available"] or row["units_sold"]]
    assert [row["units_available"] for row in slowest[: len(dead)]] == dead
    assert shortest[0].get("days_of_cover") is not None


async def test_a_second_period_brings_three_columns_and_a_percentage(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        told = await ask(client, "sales", period="last 7 days", compare_with="previous period", group_by="week")
    assert {"sales_total", "sales_total_before", "sales_total_change", "change_percent"} <= set(
        told["table"]["columns"]
    )
    period = parse_period("last 7 days", LONDON, NOW)
    assert told["period"] == f"{period.description}, so far"
    assert "compared_with" in told
    assert "change_percent is of sales_total." in told["note"]


async def test_a_day_beside_a_week_is_said_not_to_be_alike_before_anything_else(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared) as client:
        unequal = await ask(client, "sales", period="yesterday", compare_with="last week")
        alike = await ask(client, "sales", period="yesterday", compare_with="same day last week")
    assert unequal["note"].startswith("NOT ALIKE: the period is 1 day, compared_with 7 days: ")
    assert "same day last week" in unequal["note"]
    assert "NOT ALIKE" not in alike["note"]
    yesterday = datetime.fromtimestamp(NOW, LONDON).date() - timedelta(1)
    assert (alike["period"], alike["compared_with"]) == (str(yesterday), str(yesterday - timedelta(7)))


async def test_rows_without_what_their_totals_are_compared_by_say_of_what_their_percentage_is(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared) as client:
        told = await ask(client, "sales", period="last 30 days", compare_with="previous period", group_by="product")
    assert "change_percent is of sales_total, in rows of goods_total." in told["note"]
    changed = [row for row in read_rows(told) if row["change_percent"] is not None]
    assert changed
    for row in changed:
        percent = 100 * Decimal(row["goods_total_change"]) / Decimal(row["goods_total_before"])
        assert abs(Decimal(row["change_percent"]) - percent) <= Decimal("0.05")


async def test_more_that_is_paid_is_a_rise_in_percent(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"period": "last 14 days", "compare_with": "previous period"}
        told = await ask(client, "fees", group_by="section", **asked)
    rows = [row for row in (*read_table(told["totals"]), *read_rows(told)) if Decimal(row["amount_before"]) < 0]
    paid = [row for row in rows if Decimal(row["amount"]) < 0]
    assert paid
    for row in paid:
        now, before = Decimal(row["amount"]), Decimal(row["amount_before"])
        assert abs(Decimal(row["change_percent"]) - 100 * (now / before - 1)) <= Decimal("0.05")
    assert "change_percent is of amount. Above 0, more is paid than before." in told["note"]


async def test_whose_delay_a_late_dispatch_was_and_which_parcel_has_not_arrived_are_told(connect: Connect) -> None:
    sandbox = Sandbox(orders=60, clock=lambda: NOW)
    (shop,) = sandbox.accounts[0].shops
    moved = [o for o in shop.orders.values() if o.packages and 0 < o.delivered_time <= NOW - 20 * 86_400][:3]
    sellers_own, carriers, lost = moved
    for order in moved:
        parcel = order.packages[0]
        in_time = order.paid_time + 3_600
        parcel.shipped_time, parcel.collected_time = in_time, in_time + 3_600
    for parcel in carriers.packages:
        parcel.collected_time = parcel.shipped_time + 6 * 86_400
    for parcel in sellers_own.packages:
        parcel.shipped_time = parcel.collected_time = sellers_own.paid_time + 6 * 86_400
    for parcel in lost.packages:
        parcel.delivered_time = int(NOW) + 86_400
    asked: Json = {"period": "last 90 days", "group_by": "order", "limit": 1000, "columns": ["all"]}
    async with at_the_shop(connect, sandbox) as client:
        told = await ask(client, "shipping_times", **asked)
        first = await ask(client, "shipping_times", **asked | {"order": "not_arrived desc", "limit": 1})
    rows = {row["order_id"]: row for row in read_rows(told)}
    names = ("late_dispatch", "announced_late", "not_arrived")
    assert [rows[sellers_own.id][name] for name in names] == [1, 1, 0]
    assert [rows[carriers.id][name] for name in names] == [1, 0, 0]
    assert [rows[lost.id][name] for name in names] == [0, 0, 1]
    assert first["table"]["rows"][0][first["table"]["columns"].index("order_id")] == lost.id
    assert "order not_arrived desc names them" in told["note"]


async def test_columns_that_others_wrote_are_named(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"report": "sales", "period": "last 30 days"}
        told = good(await client.call_tool("get_report", asked | {"group_by": "product"}))
        plain = good(await client.call_tool("get_report", asked | {"group_by": "day"}))
    assert told["untrusted"] == ["table.product_name"]
    assert "untrusted" not in plain


# ---- edges


async def test_a_period_from_before_the_copy_is_a_part_only_and_says_so(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, mirror_days=30) as client:
        part = await ask(client, "sales", period="last 60 days")
        whole = await ask(client, "sales", period="last 14 days")
    assert (part["complete"], whole["complete"]) == (False, True)
    assert part["note"].startswith("PART ONLY")
    assert "--mirror-days" in part["note"]
    assert "orders reaches back to" in part["part_only"]
    assert "part_only" not in whole


async def test_how_far_the_copies_of_several_shops_reach_is_told_once(connect: Connect) -> None:
    async with at_the_shop(connect, Sandbox(orders=30, shops=3, clock=lambda: NOW), mirror_days=30) as client:
        told = await ask(client, "sales", period="last 60 days", group_by="none")
    assert told["note"].count("PART ONLY") == 1
    assert "PART ONLY of GB, DE, US:" in told["note"]
    assert told["part_only"].keys() == {"GB", "DE", "US"}
    assert "reaches back" not in told["note"]


async def test_a_day_that_begins_in_one_shop_before_it_does_in_another_is_told_of_the_first(connect: Connect) -> None:
    """At six in London it is ten in the evening of the day before in Los Angeles."""
    now = datetime(2026, 11, 30, 6, tzinfo=LONDON).timestamp()
    sandbox = Sandbox(shops=3, orders=120, clock=lambda: now)
    runtime = Runtime(lambda: now, time.monotonic)
    async with connect(sandbox="true", sandbox_object=sandbox, runtime=runtime) as client:
        alone = bad(await client.call_tool("get_report", {"report": "sales", "period": "2026-11-30", "shop": "US"}))
        assert not sandbox.log.list_entries(ORDERS)
        told = await ask(client, "sales", period="2026-11-30")
        today = await ask(client, "sales", period="today")
        profit = good(await client.call_tool("get_profit", {"period": "today"}))["data"]
    assert "2026-11-30 has not begun yet" in alone["message"]
    assert told["problem"] == {"US": "period: 2026-11-30 has not begun yet."}
    assert {row["currency"] for row in read_table(told["totals"])} == {"GBP", "EUR"}
    assert today["period"] == {"GB, DE": "2026-11-30, so far", "US": "2026-11-29, so far"}
    assert profit["period"] == {"GB, DE": "2026-11-30", "US": "2026-11-29"}


async def test_what_was_never_read_is_not_told_as_empty(connect: Connect, shared: Sandbox) -> None:
    """Neither months before the copy, nor the one within which it begins, nor a period that is compared with."""
    async with at_the_shop(connect, shared, mirror_days=30) as client:
        months = await ask(client, "sales", period="2026-01-01/2026-11-22", group_by="month")
        weeks = await ask(client, "sales", period="last 60 days", group_by="week")
        hours = await ask(client, "sales", period="last 60 days", group_by="hour")
        year = await ask(client, "sales", period="last 7 days", compare_with="last year", group_by="day")
        movers = await ask(client, "movers", period="last 7 days", compare_with="last year")
        before = await ask(client, "sales", period="last 7 days", compare_with="previous period")
        moved = await ask(client, "movers", period="last 7 days", columns=["goods"])
    assert "left_out_empty" not in {*months, *hours}
    reach = weeks["part_only"].partition("reaches back to ")[2][:10]
    assert not [
        week for week in weeks.get("left_out_empty", ()) if week <= date.fromisoformat(reach).strftime("%G-W%V")
    ]
    for told in (year, movers):
        assert told["note"].startswith("PART ONLY")
        assert "Nothing of the period to compare with was read" in told["note"]
        assert "change_percent is of" not in told["note"]
        names = [*told["totals"]["columns"], *told["table"]["columns"]]
        assert not [name for name in names if name.endswith(("_before", "_change", "change_percent"))]
    assert "sales_total_before" in before["totals"]["columns"]
    assert "Nothing of the period" not in before["note"] + moved["note"]
    (totals,) = read_table(year["totals"])
    assert Decimal(totals["sales_total"]) > 0


async def test_what_all_rows_have_in_common_is_told_of_all_and_not_of_those_shown(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"period": "last 60 days", "group_by": "order"}
        whole = await ask(client, "shipping_times", **asked, limit=1000)
        part = await ask(client, "shipping_times", **asked, limit=6, order="delivered asc")
        profit = good(await client.call_tool("get_profit", {"period": "last 60 days", "limit": 6}))["data"]
    assert len({row["delivered"] for row in read_rows(whole)}) > 1
    assert len({row["delivered"] for row in read_rows(part)}) == 1
    assert "same_in_all_rows" not in part
    assert "dispatched" in part["table"]["columns"]
    assert profit["rows_in_all"] > 6
    assert "same_in_all_rows" not in profit
    columns = zip(*whole["table"]["rows"], strict=True)
    assert all(len(set(values)) > 1 for values in columns), "what all have in common stands there once"
    assert {"delivery_time", "delivery_sla_time"} <= read_rows(whole)[0].keys()


async def test_a_column_that_totals_alone_have_is_said_to_be_missing_in_rows(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        asked = {"period": "last 60 days", "group_by": "product"}
        lacking = await ask(client, "sales", **asked, columns=["sales_total", "units_sold"])
        months = await ask(client, "fees", period="last 60 days", group_by="month", columns=["percent_of_revenue"])
    assert lacking["table"]["columns"] == ["product_name", "units_sold"]
    assert "Rows have no sales_total: totals alone tell that." in lacking["note"]
    assert months["table"]["columns"] == ["month", "percent_of_revenue"]
    assert "Rows have no" not in months["note"]


async def test_a_list_that_is_refused_is_told_and_not_taken_for_empty(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        shared.faults.add("inventory_search", times=None, code=105005, status=401, message="Access denied.")
        told = await ask(client, "stock")
    shared.faults.clear()
    assert told["complete"] is False
    assert told["note"].startswith("PART ONLY")
    assert "inventory" in told["part_only"]


async def test_an_order_without_a_readable_amount_is_told(connect: Connect) -> None:
    sandbox = Sandbox(orders=40, clock=lambda: NOW)

    def spoil(data: Json) -> Json:
        for number, order in enumerate(data["orders"]):
            if order["status"] not in ("UNPAID", "CANCELLED") and number % 7 == 0:
                order["payment"]["total_amount"] = "1,5"
        return data

    async with at_the_shop(connect, sandbox) as client:
        true = await ask(client, "sales", period="last 60 days")
    async with at_the_shop(connect, sandbox) as client:
        sandbox.faults.add(ORDERS, times=None, edit=spoil)
        told = await ask(client, "sales", period="last 80 days")
    (sums,) = read_table(told["totals"])
    assert Decimal(sums["sales_total"]) < Decimal(read_table(true["totals"])[0]["sales_total"])
    assert "orders have an amount that is missing or no number" in told["note"]
    assert "can't be read" in told["not_up_to_date"]


async def test_what_is_switched_off_is_not_read_by_a_report_either(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, exclude_tools=ORDERS) as client:
        result = await client.call_tool("get_report", {"report": "sales", "period": "today"})
    assert ORDERS in json.dumps(json.loads(result.content[0].text))  # type: ignore[union-attr]
    assert not shared.log.list_entries(ORDERS)


# ---- shops


@pytest.mark.parametrize(("group_by", "name"), [("product", "product_name"), ("sku", "seller_sku")])
async def test_what_sold_best_in_all_shops_is_told_in_units_and_money_is_never_added_up(
    connect: Connect, group_by: str, name: str
) -> None:
    sandbox = Sandbox(shops=3, orders=400, clock=lambda: NOW)
    asked = {"period": "last 60 days", "group_by": group_by}
    async with at_the_shop(connect, sandbox) as client:
        shown = good(await client.call_tool("get_report", {"report": "sales", **asked, "limit": 1}))
        few, untrusted = shown["data"], shown["untrusted"]
        every = await ask(client, "sales", **asked, limit=1_000)
        plain = await ask(client, "sales", period="last 60 days")
        one = await ask(client, "sales", **asked, shop="DE")
    counts: dict[str, Counter[str]] = {}
    for row in read_rows(every):
        counts.setdefault(row[name], Counter())[row["shop"]] += row["units_sold"]
    best = sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))[:5]
    assert len({row["shop"] for row in read_rows(few)}) == len(read_rows(few)) == 3
    assert [(row[name], row["units_sold"]) for row in read_table(few["ranking"])] == [
        (label, by_shop.total()) for label, by_shop in best
    ]
    for row, (_, by_shop) in zip(read_table(few["ranking"]), best, strict=True):
        assert dict(part.split(" ") for part in row["by_shop"].split(", ")) == {k: str(n) for k, n in by_shop.items()}
    totals = read_table(plain["totals"])
    for told in (few, every, plain):
        sums = {column: sum(row[column] for row in totals) for column in ("orders_sold", "units_sold")}
        assert told["in_all_shops"] == sums
    assert ("ranking.product_name" in untrusted) == (name == "product_name")
    assert not {"ranking", "in_all_shops"} & {*one}


async def test_rows_of_several_shops_are_labelled_and_money_is_never_added_up(connect: Connect) -> None:
    sandbox = Sandbox(shops=3, orders=60, clock=lambda: NOW)
    async with at_the_shop(connect, sandbox) as client:
        every = await ask(client, "sales", period="last 30 days", group_by="day")
        two = await ask(client, "sales", period="last 30 days", group_by="day", shop="GB, US")
        one = await ask(client, "sales", period="last 30 days", group_by="day", shop="DE")
        told = bad(await client.call_tool("get_report", {"report": "sales", "period": "today", "shop": "FR"}))
    assert told["error"] == "shop_required"
    names = {"GB": "Sandbox Tea House", "DE": "Sandbox Tea House DE", "US": "Sandbox Tea Company"}
    assert every["shops"] == names
    assert {row["shop"]: row["currency"] for row in read_table(every["totals"])} == dict(
        zip(names, ("GBP", "EUR", "USD"), strict=True)
    )
    assert len(read_table(every["totals"])) == 3
    assert list(two["shops"]) == ["GB", "US"]
    assert one["shop"] == names["DE"]
    assert "shop" not in one["table"]["columns"]
    mine = [{k: v for k, v in row.items() if k != "shop"} for row in read_rows(every, "DE")]
    assert mine == read_rows(one)


async def test_the_zone_that_is_set_decides_what_a_day_is(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, time_zone="Asia/Tokyo") as client:
        told = await ask(client, "sales", period="last 60 days", group_by="day")
    tokyo = ZoneInfo("Asia/Tokyo")
    start = parse_period("last 60 days", tokyo, NOW).start
    orders = [o for o in shared.state.main.orders.values() if start <= o.create_time <= NOW]
    days = {datetime.fromtimestamp(order.create_time, tokyo).date().isoformat() for order in orders}
    assert {row["day"] for row in read_rows(told)} == days
    assert told["as_of"].endswith("+09:00")


# ---- the tools of before


async def test_the_former_tools_are_answered_by_the_reports(connect: Connect, shared: Sandbox) -> None:
    period = {"period": "last 30 days"}
    same: list[tuple[str, Json, str, Json]] = [
        ("summarize_orders", period, "sales", period | {"group_by": "none"}),
        *(
            ("summarize_orders", period | {"group_by": by}, "sales", period | {"group_by": by})
            for by in ("day", "week", "status", "product", "sku", "warehouse")
        ),
        ("summarize_finance", period, "settlements", period | {"group_by": "none"}),
        *(
            ("summarize_finance", period | {"group_by": by}, "settlements", period | {"group_by": by})
            for by in ("day", "week", "status")
        ),
        ("summarize_finance", period | {"group_by": "fee_type"}, "fees", period | {"group_by": "kind"}),
        ("summarize_inventory", {}, "stock", {"group_by": "none"}),
        ("summarize_inventory", period, "stock", period | {"group_by": "sku"}),
        *(
            ("summarize_inventory", {"group_by": by}, "stock", {"group_by": by})
            for by in ("product", "sku", "warehouse", "status")
        ),
        ("reconcile_payouts", {}, "payouts", {"period": "last 14 days", "group_by": "statement"}),
    ]
    async with at_the_shop(connect, shared) as client:
        for tool, arguments, report, asked in same:
            former = good(await client.call_tool(tool, arguments))["data"]
            assert former == await ask(client, report, **asked), (tool, arguments)


@pytest.mark.parametrize("tool", FORMER)
async def test_the_former_tools_are_listed_no_more(connect: Connect, shared: Sandbox, tool: str) -> None:
    async with at_the_shop(connect, shared) as client:
        names = {each.name for each in (await client.list_tools()).tools}
        assert tool not in names
        assert "get_report" in names


@pytest.mark.parametrize("tool", FORMER[:2])
async def test_a_missing_or_future_period_is_refused_before_anything_is_sent(
    connect: Connect, shared: Sandbox, tool: str
) -> None:
    async with at_the_shop(connect, shared) as client:
        for arguments in ({}, {"period": "some day"}, {"period": "2999"}):
            told = bad(await client.call_tool(tool, arguments))
            assert told["error"] == "invalid_arguments"
            assert told["problems"][0]["argument"] == "period"
            assert arguments or PERIOD_FORMS in told["hint"]
    assert not shared.log.list_entries(ORDERS)


@pytest.mark.parametrize("tool", FORMER[:3])
@pytest.mark.parametrize("name", ["resume", "continue"])
async def test_a_handle_of_parts_is_answered_with_what_to_do(
    connect: Connect, shared: Sandbox, tool: str, name: str
) -> None:
    async with at_the_shop(connect, shared) as client:
        told = bad(await client.call_tool(tool, {name: "0123456789abcdef"}))
    assert (told["error"], told["problems"][0]["argument"]) == ("invalid_arguments", "resume")
    assert "period" in told["hint"]


@pytest.mark.parametrize("text", ["today", "last 7 days", "last 60 days", "last month", "last 24 hours"])
async def test_sales_equal_the_shops_own_sum(connect: Connect, shared: Sandbox, text: str) -> None:
    async with at_the_shop(connect, shared) as client:
        told = await ask(client, "sales", period=text)
    found = parse_period(text, LONDON, NOW)
    expected = shared.state.main.sum_sales(found.start, min(found.end, int(NOW) + 1), int(NOW))
    sums = read_table(told["totals"])
    row = sums[0] if sums else dict.fromkeys(("orders_sold", "orders_unpaid", "orders_cancelled"), 0)
    assert (row["orders_sold"], row["orders_unpaid"], row["orders_cancelled"]) == (
        expected.orders,
        expected.unpaid,
        expected.cancelled,
    )
    for name, amount in (
        ("sales_total", expected.amount),
        ("unpaid_total", expected.unpaid_amount),
        ("cancelled_total", expected.cancelled_amount),
    ):
        assert Decimal(row.get(name, 0)) == amount


async def test_stock_within_so_many_days_is_what_sells_and_is_out_or_will_be(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        whole = read_rows(await ask(client, "stock", limit=1000, columns=["all"]))
        soon = read_rows(await ask(client, "stock", parameters={"within_days": 14}, columns=["all"]))
    on_sale = [row for row in whole if row["status"] == "ACTIVATE"]
    expected = {row["sku_id"] for row in on_sale if row["units_sold"] and float(row["days_of_cover"]) < 13.9}
    assert expected <= {row["sku_id"] for row in soon}
    assert all(row["status"] == "ACTIVATE" and row["units_sold"] for row in soon)
    assert all(float(row["days_of_cover"]) <= 14 for row in soon)
    assert any(row["units_available"] <= 0 and not row["units_sold"] for row in on_sale)  # it is no matter of pace


async def test_rows_have_the_columns_that_were_asked_for(connect: Connect, shared: Sandbox) -> None:
    asked = {"period": "last 60 days", "group_by": "hour"}
    async with at_the_shop(connect, shared) as client:
        own = await ask(client, "sales", **asked)
        few = await ask(client, "sales", **asked, columns=["average_order"])
        whole = await ask(client, "sales", **asked, columns=["all"])
        by_old_name = await ask(client, "sales", **asked, fields="orders_cancelled, units_sold")
        wrong = bad(await client.call_tool("get_report", {"report": "sales", **asked, "columns": ["profit"]}))
        asked["compare_with"] = "previous period"
        compared = await ask(client, "sales", **asked, columns=["units_sold"])
    assert own["table"]["columns"] == ["hour", "orders_sold", "sales_total"]
    assert few["table"]["columns"] == ["hour", "average_order"]
    assert few["totals"]["columns"] == ["currency", "average_order"]
    assert read_rows(few) == [{name: row[name] for name in read_rows(few)[0]} for row in read_rows(whole)]
    assert by_old_name["table"]["columns"] == ["hour", "units_sold", "orders_cancelled"]
    told = {*compared["table"]["columns"], *compared.get("same_in_all_rows", ())}
    assert told >= {"hour", "units_sold", "units_sold_before", "units_sold_change"}
    assert "average_order" not in told
    assert (wrong["problems"][0]["argument"], "average_order" in wrong["hint"]) == ("columns", True)


async def test_a_skus_own_code_stands_for_its_id_where_it_tells_rows_apart(connect: Connect, tmp_path: Path) -> None:
    sandbox = Sandbox(orders=40, clock=lambda: NOW)

    def double(data: Json) -> Json:
        for product in data["products"]:
            for sku in product["skus"]:
                sku["seller_sku"] = "SAME"
        return data

    async with at_the_shop(connect, sandbox) as client:
        apart = await ask(client, "stock")
        named = await ask(client, "stock", columns=["sku_id", "units_available"])
    async with at_the_shop(connect, sandbox, home=tmp_path / "other") as client:
        sandbox.faults.add("search_products", times=None, edit=double)
        alike = await ask(client, "stock")
    assert "sku_id" not in apart["table"]["columns"]
    assert "sku_id" in named["table"]["columns"]
    assert "sku_id" in alike["table"]["columns"]


async def test_the_hours_of_a_week_come_with_the_sums_of_its_days(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared) as client:
        told = await ask(client, "sales", period="last 60 days", group_by="weekday_hour")
        days = await ask(client, "sales", period="last 60 days", group_by="weekday")
        products = await ask(client, "sales", period="last 60 days", group_by="product")
    assert told["by_weekday"] == days["table"]
    assert days["table"]["columns"] == ["weekday", "orders_sold", "sales_total"]
    sums = {
        name: sum(row[name.casefold()] for row in read_rows(told))
        for name in (row[0] for row in told["by_weekday"]["rows"])
    }
    assert sums == {row["weekday"]: row["orders_sold"] for row in read_rows(days)}
    assert products["table"]["columns"] == ["product_name", "orders_sold", "units_sold", "goods_total"]


async def test_hours_without_a_row_are_named(connect: Connect) -> None:
    sandbox = Sandbox(orders=6, clock=lambda: NOW)
    async with at_the_shop(connect, sandbox) as client:
        told = await ask(client, "sales", period="last 14 days", group_by="weekday_hour")
    found = {f"{row['hour']:02}" for row in read_rows(told)}
    missing = sorted({f"{hour:02}" for hour in range(24)} - found)
    assert told["left_out_empty"][:12] == missing[:12]


async def test_words_that_may_be_meant_otherwise_tell_how_whole_months_are_asked_for(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared) as client:
        rolling = await ask(client, "sales", period="last 2 months")
        span = rolling["note"].partition("whole months: ")[2].partition(".")[0]
        whole = await ask(client, "sales", period=span)
        days = await ask(client, "sales", period="last 60 days")
    today = datetime.fromtimestamp(NOW, LONDON).date()
    assert rolling["period"].endswith(f"{today}, so far")
    assert whole["period"].split()[0].endswith("-01")
    assert datetime.fromisoformat(whole["period"].split()[-1]).date() == today.replace(day=1) - timedelta(1)
    assert "counted back" not in days["note"]


async def test_what_a_return_pays_back_beyond_its_lines_is_in_its_total_and_of_no_product(
    connect: Connect, shared: Sandbox
) -> None:
    totals: dict[str, Decimal] = {}

    def edit(data: Json) -> Json:
        for row in data["return_orders"]:
            amount = row["refund_amount"]
            amount["refund_total"] = str(Decimal(amount["refund_total"]) + Decimal("3.50"))
            if row["return_status"].endswith(("_COMPLETE", "_SUCCESS")):
                totals[row["return_id"]] = Decimal(amount["refund_total"])
        return data

    async with at_the_shop(connect, shared) as client:
        shared.faults.add("search_returns", times=None, edit=edit)
        answers = [
            await ask(client, "returns", period="last 60 days", group_by=g) for g in ("reason", "product", "sku")
        ]
        shared.faults.clear()
    assert totals
    for told in answers:
        (whole,) = read_table(told["totals"])
        assert Decimal(whole["refund_total"]) == sum(totals.values())
        assert sum(Decimal(row["refund_total"]) for row in read_rows(told)) == sum(totals.values())
    for told, name in zip(answers[1:], ("product_name", "seller_sku"), strict=True):
        (rest,) = [row for row in read_rows(told) if row[name] is None]
        assert Decimal(rest["refund_total"]) == len(totals) * Decimal("3.50")


async def test_a_period_in_which_nothing_was_is_zero_and_not_unknown(connect: Connect, shared: Sandbox) -> None:
    first = min(order.create_time for order in shared.state.main.orders.values())
    day = datetime.fromtimestamp(first, LONDON).date() - timedelta(2)
    async with at_the_shop(connect, shared, mirror_days=365) as client:
        for group in ("none", "product"):
            told = await ask(client, "sales", period=str(day), group_by=group)
            assert told["totals"]["rows"] == []
            assert told["note"].startswith("Nothing of the kind was there: all counts and sums are zero.")
        sold = await ask(client, "sales", period="last 14 days")
    async with at_the_shop(connect, shared, mirror_days=30) as client:
        unknown = await ask(client, "sales", period=str(day))
    assert "zero" not in sold["note"]
    assert unknown["note"].startswith("PART ONLY")
    assert "zero" not in unknown["note"]


async def test_shipping_that_no_transaction_itemises_is_in_the_fees(connect: Connect, shared: Sandbox) -> None:
    def edit(data: Json) -> Json:
        for row in data["transactions"]:
            row.pop("shipping_cost_breakdown", None)
        return data

    async with at_the_shop(connect, shared) as client:
        shared.faults.add("get_transactions_by_statement", times=None, edit=edit)
        told = await ask(client, "fees", period="last month")
        shared.faults.clear()
        earned = await ask(client, "settlements", period="last month")
    (fees,), (statements,) = read_table(told["totals"]), read_table(earned["totals"])
    assert Decimal(fees["shipping"]) == Decimal(statements["shipping_cost_amount"]) != 0
    (row,) = [row for row in read_rows(told) if row["section"] == "shipping_cost"]
    assert (row["kind"], row["amount"]) == ("not itemised", fees["shipping"])
