"""Prices and stock of many SKUs change by one yes: exactly as shown, by the unit, and none of them twice."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.jobs.sender import STEP_TIME_S
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S, Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.tools.jobs.change_rules import ChangeRule, Ending
from tests.calls.test_writes import Clock, Person, told, writes
from tests.tools.job_items import to_items
from tests.tools.test_product_jobs import list_products, run
from tests.waits import LeapingClock, until

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox.marketing.promotions import Activity
    from tests.conftest import Connect

CENT = Decimal("0.01")


async def list_skus(client: Client) -> list[dict[str, Any]]:
    """The SKUs that are on sale at no promotion's price, each with its product."""
    activities = await told(client, "run_read_operation", name="search_promotion_activities", arguments={})
    held = json.dumps([await describe(client, each["id"]) for each in activities["data"].get("activities", [])])
    products = [product for product in await list_products(client, "ACTIVATE") if product["id"] not in held]
    return [sku | {"product_id": product["id"]} for product in products for sku in product["skus"]]


async def describe(client: Client, activity_id: str) -> Any:
    return await told(client, "run_read_operation", name="get_activity", arguments={"activity_id": activity_id})


async def read_prices(client: Client) -> dict[str, Decimal]:
    products = await list_products(client)
    return {sku["id"]: Decimal(sku["price"]["sale_price"]) for product in products for sku in product["skus"]}


def list_held(activity: Activity) -> list[str]:
    """The products whose price a promotion holds now."""
    return [*activity.products] if activity.get_status(int(time.time())) == "ONGOING" else []


def count_sent(sandbox: Sandbox, operation: str) -> int:
    return len(sandbox.log.list_entries(operation))


def choose_single(skus: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """SKUs of different products."""
    return list({sku["product_id"]: sku for sku in skus}.values())[:count]


async def test_prices_become_what_was_shown_to_the_cent(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        skus = choose_single(await list_skus(client), 3)
        before = await read_prices(client)
        names = [skus[0]["seller_sku"], skus[1]["id"], skus[2]["product_id"]]
        asked = await run(client, "change_prices", products=names, percent=12.5, ending=".99")
        shown = {item["sku"]: item for item in asked["preview"]["items"]}
        done = await told(client, "confirm_write", token=asked["confirm"])
        after = await read_prices(client)
    assert {skus[0]["id"], skus[1]["id"], skus[2]["id"]} <= shown.keys()
    assert done["data"]["done"] == len(shown)
    for sku_id, item in shown.items():
        assert item["now"] == f"{before[sku_id]} GBP"
        assert item["will_be"] == f"{after[sku_id]} GBP"
        assert str(after[sku_id]).endswith(".99")
    assert {sku_id for sku_id in after if after[sku_id] != before[sku_id]} <= shown.keys()
    assert {item["sku"]: item["now"] for item in done["data"]["items"]} == {
        sku_id: item["will_be"] for sku_id, item in shown.items()
    }


@given(st.integers(1, 10**9), st.integers(-99, 500), st.sampled_from((".99", ".95", ".00", "9.99", "0.5", "90")))
def test_an_ending_is_the_nearest_amount_above_zero_that_ends_so(cents: int, percent: int, text: str) -> None:
    now, ending = Decimal(cents) * CENT, Ending.parse(text, CENT)
    exact = now * (100 + percent) / 100
    result = ChangeRule(percent=Decimal(percent)).apply(now, CENT, ending)
    assert result > 0
    assert result % ending.modulus == ending.tail % ending.modulus
    assert result % CENT == 0
    is_lowest = result <= ending.modulus
    assert abs(result - exact) * 2 <= ending.modulus or (is_lowest and exact < result)


@given(st.integers(1, 10**12), st.decimals(-99, 900, places=3), st.sampled_from((CENT, Decimal(1))))
def test_without_one_a_price_is_the_nearest_in_the_currencys_units(cents: int, percent: Decimal, unit: Decimal) -> None:
    now = Decimal(cents) * unit
    result = ChangeRule(percent=percent).apply(now, unit)
    assert result % unit == 0
    assert abs(result - now * (100 + percent) / 100) * 2 <= unit


@pytest.mark.parametrize(("fault", "outcome"), [("after", "done"), ("before", "unknown")])
async def test_a_price_that_may_have_been_raised_is_not_raised_twice(
    connect: Connect, sandbox: Sandbox, fault: Any, outcome: str
) -> None:
    """The answer to the second of three writes is lost: the same call finds out, and repeats none of them."""
    person = Person("accept")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        skus = choose_single(await list_skus(client), 3)
        before = await read_prices(client)
        arguments = {"products": [sku["id"] for sku in skus], "percent": 10}
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", cut=fault)
        cut = await run(client, "change_prices", **arguments)
        assert cut["status"] == "unfinished"
        assert {item["sku"]: item["outcome"] for item in cut["data"]["items"]} == {
            skus[0]["id"]: "done",
            skus[1]["id"]: "unknown",
            skus[2]["id"]: "done",
        }
        again = await run(client, "change_prices", **arguments)
        after = await read_prices(client)
    outcomes = {item["sku"]: item["outcome"] for item in again["data"]["items"]}
    assert outcomes == {skus[0]["id"]: "skipped", skus[1]["id"]: outcome, skus[2]["id"]: "skipped"}
    assert count_sent(sandbox, "update_price") == 3
    assert len(person.questions) == 1
    for sku, state in zip(skus, ("done", outcome, "done"), strict=True):
        raised = (before[sku["id"]] * Decimal("1.1")).quantize(CENT, "ROUND_HALF_UP")
        assert after[sku["id"]] == (raised if state == "done" else before[sku["id"]])


async def test_what_is_unknown_is_done_when_ten_minutes_have_shown_that_it_was_not(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    async with connect(sandbox="1", sandbox_object=sandbox, runtime=Runtime(clock, clock)) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        arguments = {"products": [sku["id"]], "amount": "1.00"}
        sandbox.faults.add("update_price", cut="before")
        assert (await run(client, "change_prices", **arguments))["data"]["unknown"] == 1
        assert (await run(client, "change_prices", **arguments))["data"]["unknown"] == 1
        clock.now += 601
        assert (await run(client, "change_prices", **arguments))["data"]["done"] == 1
        assert (await read_prices(client))[sku["id"]] == Decimal(sku["price"]["sale_price"]) + 1


async def test_a_job_that_was_cut_off_goes_on_where_it_ended(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    """The client gives up in the middle of the second write; the same call does the third alone, and asks no more."""
    person = Person("accept")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        skus = choose_single(await list_skus(client), 3)
        before = await read_prices(client)
        arguments = {"products": [sku["id"] for sku in skus], "percent": 20}
        sandbox.faults.add("update_price", delay=0.001)
        gate = sandbox.faults.hold("update_price")
        call = asyncio.create_task(run(client, "change_prices", **arguments))
        await until(lambda: gate.waiting)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        gate.open()
        await until(lambda: '"running_at":0.0' in (home / "sandbox" / "jobs.json").read_text().replace(" ", ""))
        again = await run(client, "change_prices", **arguments)
        after = await read_prices(client)
    outcomes = {item["sku"]: item["outcome"] for item in again["data"]["items"]}
    assert outcomes[skus[0]["id"]] == outcomes[skus[2]["id"]] == "done"
    assert outcomes[skus[1]["id"]] in ("done", "unknown")
    assert len(person.questions) == 1
    paths = [entry.path for entry in sandbox.log.list_entries("update_price")]
    for sku in skus:
        assert sum(sku["product_id"] in path for path in paths) <= 1
        assert after[sku["id"]] in (before[sku["id"]], (before[sku["id"]] * Decimal("1.2")).quantize(CENT))


async def test_when_the_time_is_up_it_says_so_and_the_same_call_does_the_rest(
    connect: Connect, sandbox: Sandbox
) -> None:
    clock = LeapingClock()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, runtime=clock.runtime) as client:
        skus = choose_single(await list_skus(client), 2)
        before = await read_prices(client)
        arguments = {"products": [sku["id"] for sku in skus], "percent": 10}
        token = (await run(client, "change_prices", **arguments))["confirm"]
        sandbox.faults.add("update_price", edit=partial(clock.leap, CALL_TIMEOUT_S - STEP_TIME_S))
        ended = await told(client, "confirm_write", token=token)
        assert ended["status"] == "unfinished"
        assert (ended["data"]["done"], ended["data"]["not_yet"]) == (1, 1)
        assert "time" in ended["note"]
        rest = await run(client, "change_prices", **arguments)  # what was agreed to
        assert rest["data"]["done"] == 2
        after = await read_prices(client)
    assert [after[sku["id"]] for sku in skus] == [
        (before[sku["id"]] * Decimal("1.1")).quantize(CENT, "ROUND_HALF_UP") for sku in skus
    ]
    assert count_sent(sandbox, "update_price") == 2


async def test_who_reads_for_longer_than_a_call_may_take_is_not_asked_in_vain(
    connect: Connect, sandbox: Sandbox
) -> None:
    person, clock = Person("accept"), LeapingClock()

    async def answer_late(context: Any, params: Any) -> Any:
        clock.leap(CALL_TIMEOUT_S + 1)
        return await person(context, params)

    more: dict[str, Any] = {"sandbox": "1", "sandbox_object": sandbox, "runtime": clock.runtime}
    async with connect(**more, confirm="asks", asked=answer_late) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        done = await run(client, "change_prices", products=[sku["id"]], percent=10)
    assert done["data"]["done"] == 1


async def test_a_question_holds_every_sku_of_a_whole_shop(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        products = await list_products(client, "ACTIVATE")
        await run(client, "change_prices", products="all", percent=5)
    (question,) = person.questions
    running = {i for each in sandbox.accounts[0].shops[0].promotions.activities.values() for i in list_held(each)}
    signs = {
        sku["seller_sku"]: ": skipped, the running promotion" if product["id"] in running else "->"
        for product in products
        for sku in product["skus"]
    }
    assert len(signs) > 80
    lines = question.splitlines()
    assert all(sum(code in line and sign in line for line in lines) == 1 for code, sign in signs.items())


async def test_a_price_that_a_running_promotion_holds_is_skipped_with_its_end(
    connect: Connect, sandbox: Sandbox
) -> None:
    shop = sandbox.accounts[0].shops[0]
    running = next(each for each in shop.promotions.activities.values() if list_held(each))
    skus = [sku.id for product_id in running.products for sku in shop.products[product_id].skus]
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        (free,) = choose_single(await list_skus(client), 1)
        arguments: dict[str, Any] = {"products": [free["id"], *running.products], "percent": 5}
        preview = (await run(client, "change_prices", **arguments))["preview"]
        end = (await describe(client, running.id))["data"]["end_time"]
        sandbox.faults.add("search_promotion_activities", code=105005, message="Not authorized.")
        unread = (await run(client, "change_prices", **arguments, dry_run=True))["data"]
        stock = (await run(client, "change_stock", products=skus[:1], amount=1, dry_run=True))["data"]
    assert (preview["to_do"], preview["skipped"]) == (1, len(skus))
    reason = f"the running promotion {running.title!r} holds its price until {end}".replace("'", '"')
    assert {item["sku"] for item in to_items(preview) if item.get("skipped") == reason} == {*skus}
    assert unread["to_do"] == 1 + len(skus)
    assert unread["warnings"][0].startswith("Can't read running promotions (")
    assert stock["to_do"] == 1


async def test_a_product_that_is_refused_does_not_stop_the_others(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        skus = choose_single(await list_skus(client), 3)
        arguments = {"products": [sku["id"] for sku in skus], "amount": "-0.10"}
        sandbox.faults.add("update_price", code=12052901, status=200)
        part = await run(client, "change_prices", **arguments)
        rest = await run(client, "change_prices", **arguments)
    outcomes = {item["sku"]: item for item in part["data"]["items"]}
    assert outcomes[skus[0]["id"]]["outcome"] == "failed"
    assert outcomes[skus[0]["id"]]["reason"]
    assert (part["data"]["done"], rest["data"]["done"], rest["data"]["skipped"]) == (2, 1, 2)
    assert count_sent(sandbox, "update_price") == 4


async def test_a_price_that_changed_since_the_preview_is_not_built_upon(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        asked = await run(client, "change_prices", products=[sku["id"]], percent=5)
        other = await run(client, "change_prices", products=[sku["id"]], price="21.50")
        await told(client, "confirm_write", token=other["confirm"])
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert stale["status"] == "confirmation_required"
        assert stale["changed"][0]["now"]["now"] == "21.50 GBP"
        assert stale["preview"]["items"][0]["will_be"] == "22.58 GBP"
    assert writes(sandbox) == ["update_price"]


@pytest.mark.parametrize("count", [5, 14])
async def test_a_reason_that_several_have_is_said_once_with_the_ids_of_those(
    connect: Connect, sandbox: Sandbox, count: int
) -> None:
    words = "It is locked by something that takes many words to explain"
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        skus = choose_single(await list_skus(client), count)
        arguments: dict[str, Any] = {"products": [sku["id"] for sku in skus], "amount": "0.50"}
        asked = await run(client, "change_prices", **arguments)
        sandbox.faults.add("update_price", code=12052901, message=words, times=4)
        done = await told(client, "confirm_write", token=asked["confirm"])
        again = (await run(client, "change_prices", **arguments, dry_run=True))["data"]
    (failure,) = done["data"]["reasons"]
    assert words in failure["reason"]
    assert json.dumps(done).count(words) == 1
    failed = {name: [sku[key] for sku in skus[:4]] for name, key in (("ids", "id"), ("codes", "seller_sku"))}
    assert failure["ids"] in failed.values()
    assert "reasons" in done["data"].get("untrusted", done.get("untrusted"))
    items = {item["seller_sku"]: item for item in to_items(done["data"])}
    assert all(words in items[code]["reason"] for code in failed["codes"])
    earlier = {item["seller_sku"] for item in to_items(again) if item.get("skipped", "").startswith("done already at")}
    assert earlier == {sku["seller_sku"] for sku in skus} - {*failed["codes"]}


async def test_what_is_no_price_of_this_shop_is_refused_whole(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first, second = choose_single(await list_skus(client), 2)
        dear = await run(client, "change_prices", products=[first["id"]], amount="9" * 15, dry_run=True)
        assert dear["data"]["items"][0]["will_be"].startswith("1")
        code = first["seller_sku"]
        faults: dict[str, dict[str, Any]] = {
            "another currency": {"items": [{"product": code, "price": "9.99", "currency": "USD"}]},
            "half a cent": {"products": [code], "price": "1.995"},
            "two values": {"items": [{"product": code, "price": "2"}, {"product": first["id"], "price": "3"}]},
            "an ending of half cents": {"products": [code], "percent": 1, "ending": ".999"},
            "more digits than any price": {"products": [code], "price": "9" * 40},
            "an amount of as many": {"products": [code], "amount": "9" * 40},
            "two rules": {"products": [code], "percent": 1, "price": "3.00"},
            "no rule": {"products": [code]},
            "nothing named": {"percent": 5},
            "unknown among known": {
                "items": [{"product": second["id"], "price": "2"}, {"product": "X-0", "price": "2"}]
            },
        }
        answers = {name: await run(client, "change_prices", **arguments) for name, arguments in faults.items()}
    assert {name: answer.get("error") for name, answer in answers.items()} == dict.fromkeys(
        faults, "invalid_arguments"
    ) | {"unknown among known": "not_found"}
    assert writes(sandbox) == []


async def test_a_table_sets_prices_and_its_faults_are_told_by_line(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox, files=tmp_path) as client:
        first, second = choose_single(await list_skus(client), 2)
        table = f"Seller SKU;Price;Currency\n{first['seller_sku']};7,95;GBP\n{second['seller_sku']};12.00;\n"
        (tmp_path / "prices.csv").write_text(table, encoding="utf-8")
        (tmp_path / "faulty.csv").write_text(table + "TEA-X;;GBP\n;3.00;GBP\n", encoding="utf-8")
        (tmp_path / "unknown.csv").write_text("seller_sku,price\nTea,5\n", encoding="utf-8")
        faulty = await run(client, "change_prices", file="faulty.csv")
        unknown = await run(client, "change_prices", file="unknown.csv")
        assert writes(sandbox) == []
        done = await run(client, "change_prices", file="prices.csv")
        after = await read_prices(client)
    assert "line 4: price of TEA-X is empty" in faulty["message"]
    assert "line 5: names no SKU" in faulty["message"]
    assert unknown["error"] == "not_found"  # a code that is none is no part of a title
    assert done["data"]["done"] == 2
    assert (after[first["id"]], after[second["id"]]) == (Decimal("7.95"), Decimal("12.00"))


async def test_a_workbook_sets_stock_and_ids_that_it_rounded_are_refused(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox, files=tmp_path) as client:
        first, second = choose_single(await list_skus(client), 2)
        write_workbook(tmp_path / "stock.xlsx", [["sku_id", "stock"], [first["id"], 17], [second["id"], 0]])
        write_workbook(tmp_path / "rounded.xlsx", [["sku_id", "stock"], [float(first["id"]), 17]])
        rounded = await run(client, "change_stock", file="rounded.xlsx")
        done = await run(client, "change_stock", file="stock.xlsx")
        products = await list_products(client)
    stock = {sku["id"]: sku["inventory"][0]["quantity"] for product in products for sku in product["skus"]}
    assert "rounded" in rounded["message"]
    assert {item["sku"]: item.get("now") for item in done["data"]["items"]} == {first["id"]: "17", second["id"]: "0"}
    assert (stock[first["id"]], stock[second["id"]]) == (17, 0)
    assert any("goes from" in warning for warning in done["data"]["warnings"])


async def test_a_table_that_is_no_stock_list_says_which_columns_and_which_numbers(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox, files=tmp_path) as client:
        code = choose_single(await list_skus(client), 1)[0]["seller_sku"]
        for name, table in (
            ("other", "SKU,Shelf,On hand\nA,1,2\n"),
            ("text", f"SKU;Qty\n{code};-4\nX;many\n"),
            ("usual", f"SKU,Qty\n{code},61\n"),
            ("german", f"Artikelnummer;Bezeichnung;Bestand;Lager\n{code};Tee;61;\n"),
            ("spanish", f"Referencia;Existencias\n{code};61\n"),
        ):
            (tmp_path / f"{name}.csv").write_text(table, encoding="utf-8")
        names = ("other", "text", "usual", "german", "spanish")
        other, text, *usual = [await run(client, "change_stock", file=f"{name}.csv", dry_run=True) for name in names]
    assert "has no column stock, but 'SKU', 'Shelf', 'On hand'" in other["message"]
    assert f"line 2: stock of {code} is '-4', no number of units" in text["message"]
    assert "line 3: stock of X is 'many', no number of units" in text["message"]
    assert [each["data"]["items"][0]["will_be"] for each in usual] == ["61"] * 3


async def test_what_a_table_has_of_other_goods_is_skipped_by_name_and_the_rest_is_done(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A warehouse lists all it holds, and whoever reads the answer can't change its file."""
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, files=tmp_path) as client:
        code = choose_single(await list_skus(client), 1)[0]["seller_sku"]
        table = f"seller_sku,stock\nBOX-1,5\n{code},61\nBOX-2,7\n"
        (tmp_path / "count.csv").write_text(table, encoding="utf-8")
        asked = await run(client, "change_stock", file="count.csv")
        done = await told(client, "confirm_write", token=asked["confirm"])
        named = await run(client, "change_stock", products=[code, "BOX-1"], stock=62)
    assert (asked["preview"]["to_do"], asked["preview"]["skipped"]) == (1, 2)
    shown = {item.get("product", item.get("seller_sku")): item.get("skipped") for item in to_items(asked["preview"])}
    assert shown == {"BOX-1": "this shop has no such product", "BOX-2": "this shop has no such product", code: None}
    assert (done["data"]["done"], done["data"]["skipped"]) == (1, 2)
    # What a person says by name is meant, and a slip of it is theirs to mend.
    assert named["error"] == "not_found"
    assert count_sent(sandbox, "update_inventory") == 1


async def test_units_that_are_sold_and_not_sent_are_shown_before_a_count_is_set(
    connect: Connect, sandbox: Sandbox
) -> None:
    """A person who counted a shelf has counted them; TikTok's stock has none of them."""
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        skus = await list_skus(client)
        asked = {"name": "inventory_search", "arguments": {"sku_ids": [sku["id"] for sku in skus]}, "fields": ["*"]}
        rows = (await told(client, "run_read_operation", **asked))["data"]["inventory"]
        sold = {sku["id"]: sku["total_committed_quantity"] for each in rows for sku in each["skus"]}
        owing, free = (next(sku for sku in skus if bool(sold.get(sku["id"])) is is_owing) for is_owing in (True, False))
        ids = [owing["id"], free["id"]]
        counted, raised, unowing = [
            (await run(client, "change_stock", products=products, dry_run=True, **rule))["data"]
            for products, rule in ((ids, {"stock": 777}), (ids, {"amount": 5}), ([free["id"]], {"stock": 777}))
        ]
        sandbox.faults.add("inventory_search", code=105005, message="Not authorized.", times=9)
        unread = (await run(client, "change_stock", products=ids, stock=777, dry_run=True))["data"]
    assert [item.get("committed") for item in counted["items"]] == [str(sold[owing["id"]]), None]
    assert "sold and not sent yet" in counted["explanation"]
    # What comes in is added to what TikTok holds.
    for told_else in (raised, unowing):
        assert "sold and not sent" not in json.dumps(told_else)
    assert any("Can't read how many units are sold and not sent" in warning for warning in unread["warnings"])


def write_workbook(path: Path, rows: list[list[Any]]) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)


async def test_stock_is_counted_up_and_never_below_nothing(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        (sku,) = [each for each in choose_single(await list_skus(client), 30) if each["inventory"][0]["quantity"] > 3][
            :1
        ]
        units = sku["inventory"][0]["quantity"]
        more = await run(client, "change_stock", products=[sku["seller_sku"]], amount=4)
        too_few = await run(client, "change_stock", products=[sku["seller_sku"]], amount=-(units + 5))
    assert [(item["before"], item["now"]) for item in more["data"]["items"]] == [(str(units), str(units + 4))]
    assert too_few["data"]["skipped"] == 1
    assert too_few["data"]["items"][0]["reason"] == f"it has {units + 4}, and would come to -1"
    assert count_sent(sandbox, "update_inventory") == 1


async def test_a_sku_in_two_warehouses_needs_one_named_and_keeps_the_other(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0]
    second = replace(shop.warehouses[0], id="7099000000000000001", name="Back room")
    shop.warehouses.append(second)
    sku = next(iter(shop.products.values())).skus[0]
    (first,) = sku.stock
    sku.stock = {first: 5, second.id: 8}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        vague = await run(client, "change_stock", products=[sku.id], stock=9)
        done = await run(client, "change_stock", products=[sku.id], stock=9, warehouse="back room")
    assert vague["error"] == "invalid_arguments"
    assert first in vague["message"]
    assert second.id in vague["message"]
    assert done["data"]["done"] == 1
    assert sku.stock == {first: 5, second.id: 9}


async def test_of_several_shops_none_is_guessed(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    async with connect(sandbox="1", sandbox_shops="3", sandbox_object=sandbox) as client:
        calls: dict[str, dict[str, Any]] = {
            "change_prices": {"percent": 5},
            "change_stock": {"stock": 1},
            "pause_products": {},
        }
        for tool, arguments in calls.items():
            assert (await run(client, tool, products="all", **arguments))["error"] == "shop_required"
    assert writes(sandbox) == []


async def test_each_price_shows_its_own_percent_and_rounding_that_goes_far_is_warned_of(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        named: dict[str, Any] = {"products": [sku["id"]]}
        await told(
            client, "confirm_write", token=(await run(client, "change_prices", **named, price="4.95"))["confirm"]
        )
        far = (await run(client, "change_prices", **named, percent=10, ending=".99", dry_run=True))["data"]
        wrong_way = (await run(client, "change_prices", **named, percent=-5, ending=".99", dry_run=True))["data"]
        near = (await run(client, "change_prices", **named, percent=22, ending=".99", dry_run=True))["data"]
        plain = (await run(client, "change_prices", **named, percent=10, dry_run=True))["data"]
        await told(
            client, "confirm_write", token=(await run(client, "change_prices", **named, price="9.45"))["confirm"]
        )
        little = (await run(client, "change_prices", **named, percent=10, ending=".99", dry_run=True))["data"]
        await told(
            client, "confirm_write", token=(await run(client, "change_prices", **named, price="24.00"))["confirm"]
        )
        least = (await run(client, "change_prices", **named, amount="-0.01", dry_run=True))["data"]
    name = sku["seller_sku"]
    warning = "The ending .99 misses the change that was asked by more than a third: "
    assert (far["items"][0]["will_be"], far["items"][0]["change"]) == ("4.99 GBP", "+0.8 %")
    assert f"{warning}{name} +0.8 % for +10 %" in far["warnings"]
    assert f"{warning}{name} +0.8 % for -5 %" in wrong_way["warnings"]
    assert f"{warning}{name} +5.7 % for +10 %" in little["warnings"]
    assert (near["items"][0]["will_be"], near["items"][0]["change"]) == ("5.99 GBP", "+21.0 %")
    assert (least["items"][0]["will_be"], least["items"][0]["change"]) == ("23.99 GBP", "-0.04 %")
    assert not any(text.startswith(warning) for text in (*near.get("warnings", ()), *plain.get("warnings", ())))


async def test_a_stock_is_shown_with_its_warehouse_and_without_a_currency(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        (sku,) = choose_single(await list_skus(client), 1)
        preview = (await run(client, "change_stock", products=[sku["id"]], amount=-1, dry_run=True))["data"]
        warehouses = (await told(client, "get_warehouse_list"))["data"]["warehouses"]
        sandbox.faults.add("get_warehouse_list", code=105005, message="Not authorized.", times=9)
        unnamed = (await run(client, "change_stock", products=[sku["id"]], amount=-1, dry_run=True))["data"]
    names = {warehouse["id"]: warehouse["name"] for warehouse in warehouses}
    (item,) = preview["items"]
    assert item["warehouse"] == names[sku["inventory"][0]["warehouse_id"]]
    assert item["change"] == "-1"
    assert "currency" not in preview
    assert "warehouse" not in unnamed["items"][0]


async def test_all_whose_title_has_a_word_are_taken_on_purpose_and_warnings_are_of_those_alone(
    connect: Connect, sandbox: Sandbox
) -> None:
    shop = sandbox.accounts[0].shops[0]
    meant = [p for p in shop.products.values() if "tea" in p.title.casefold() and p.status not in ("DELETED", "DRAFT")]
    frozen = meant[0]
    frozen.status = "FREEZE"
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        unclear = await run(client, "change_stock", products=["tea"], amount=1)
        asked = await run(client, "change_stock", products=["*TEA*"], amount=1)
        nothing = await run(client, "change_stock", products=["*no such word*"], amount=1)
        by_start = await run(client, "pause_products", products=[f"{meant[1].title[:6]}*"], dry_run=True)
        between = await run(client, "pause_products", products=["*TEA*gift*"], dry_run=True)
        turned = await run(client, "pause_products", products=["*box*gift*"], dry_run=True)
    assert len(unclear["candidates"][0]["fits"]) >= len(meant), "all that fit are listed"
    assert '"*tea*"' in unclear["hint"]
    items = to_items(asked["preview"])
    skus = {sku.seller_sku for product in meant for sku in product.skus}
    assert skus <= {item["seller_sku"] for item in items}
    assert all("tea" in item["title"].casefold() for item in items)
    skipped = {item["seller_sku"] for item in items if item.get("skipped")}
    assert {sku.seller_sku for sku in frozen.skus} <= skipped
    assert not any("FREEZE" in warning for warning in asked["preview"].get("warnings", ()))
    line = asked["preview"]["explanation"]
    inside = [p.title for p in meant if "tea" not in re.findall(r"\w+", p.title.casefold())]
    assert inside, "teapots, say"
    assert line.startswith(f'"*TEA*" goes by letters: {len(meant)} titles have it, {len(inside)} not as a word')
    assert f'"{inside[0]}"' in line
    assert "1 frozen" in line
    assert {"bowl", "caddy", "infuser"} <= set(re.findall(r"\w+", line.partition("behind it stand: ")[2]))
    assert by_start["data"]["explanation"].startswith(f'"{meant[1].title[:6]}*" goes by letters: ')
    assert nothing["error"] == "not_found"
    assert meant[1].title in {item["title"] for item in to_items(by_start["data"])}
    gifts = {p.title for p in meant if "gift" in p.title.casefold().partition("tea")[2]}
    assert {item["title"] for item in to_items(between["data"])} == gifts >= {"Tea Tasting Gift Box"}
    assert turned["error"] == "not_found"
    assert writes(sandbox) == []


async def test_a_long_preview_is_a_table_and_what_was_done_as_agreed_is_counted(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        skus = (await list_skus(client))[:60]
        codes = [sku["seller_sku"] for sku in skus]
        asked = await run(client, "change_stock", products=codes, amount=5)
        refused = skus[0]["product_id"]  # that of the first write
        sandbox.faults.add("update_inventory", code=12052901, message="It is locked.")
        done = await told(client, "confirm_write", token=asked["confirm"])
    preview, answer = asked["preview"], done["data"]
    items = {item["seller_sku"]: item for item in to_items(preview)}
    assert [item["seller_sku"] for item in items.values()] == codes
    assert all(int(item["will_be"]) - int(item["now"]) == 5 for item in items.values())
    assert all(item["title"] and item["warehouse"] and item["change"] == "+5" for item in items.values())
    assert "sku" not in preview["items"]["columns"], "the seller's code tells all apart"
    assert len(json.dumps(preview)) < 110 * len(codes)
    failed = {sku["seller_sku"] for sku in skus if sku["product_id"] == refused}
    assert answer["done_as_agreed"] == answer["done"] == len(codes) - len(failed)
    assert {item["seller_sku"]: item["outcome"] for item in answer["items"]} == dict.fromkeys(failed, "failed")
    assert all("locked" in item["reason"] for item in to_items(answer))
    assert len(json.dumps(done)) < 1_200
