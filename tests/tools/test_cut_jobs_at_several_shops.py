"""What a job at several shops was cut in, left out or shown a part of is neither done twice nor another job's."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.calls.jobs.sender import STEP_TIME_S
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S, Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import Clock, Person, told
from tests.tools.several_shops import (
    PAUSE,
    SENCHA,
    agree,
    at_several,
    find_product,
    list_free_titles,
    list_sent,
    list_shops,
    raise_by_tenth,
    run,
)
from tests.waits import LeapingClock, until

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from mcp_server_tiktok_shop.sandbox.listings.products import Sku
    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)


@pytest.fixture
def era() -> str:
    return "auto"


def list_skus(sandbox: Sandbox, titles: list[str], *regions: str) -> list[Sku]:
    shops = [shop for shop in list_shops(sandbox) if shop.region in regions]
    return [sku for shop in shops for title in titles for sku in find_product(shop, title).skus]


def raise_all(prices: list[Decimal]) -> list[Decimal]:
    return [raise_by_tenth(price) for price in prices]


@pytest.mark.parametrize("shop", ["GB", "GB,DE"])
async def test_a_repeat_that_was_cut_goes_on_and_raises_nothing_a_third_time(
    connect: Connect, sandbox: Sandbox, shop: str
) -> None:
    titles = list_free_titles(*list_shops(sandbox)[:2])[:2]
    skus = list_skus(sandbox, titles, *shop.split(","))
    arguments: dict[str, Any] = {"products": titles, "percent": 10, "shop": shop}
    before = [sku.price for sku in skus]
    clock = LeapingClock()
    async with at_several(connect, sandbox, confirm="none", runtime=clock.runtime) as client:
        await run(client, "change_prices", **arguments)
        sandbox.faults.add("update_price", edit=partial(clock.leap, CALL_TIMEOUT_S - STEP_TIME_S))
        cut = await run(client, "change_prices", **arguments, repeat=True)
        assert (cut["status"], cut["data"]["done"]) == (
            "unfinished",
            len(find_product(list_shops(sandbox)[0], titles[0]).skus),
        )
        assert "it does what is left, and nothing twice" in cut["note"]
        rest = await run(client, "change_prices", **arguments, repeat=True)
        twice = raise_all(raise_all(before))
        assert [sku.price for sku in skus] == twice
        assert "status" not in rest
        held = await run(client, "change_prices", **arguments)
        await run(client, "change_prices", **arguments, repeat=True)
    assert held["error"] == "already_done"
    assert [sku.price for sku in skus] == raise_all(twice), "one that came to its end is repeated as a whole"


async def test_a_repeat_that_was_cut_begins_anew_after_ten_minutes(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=3, clock=clock)
    titles = list_free_titles(*list_shops(sandbox)[:2])[:1]
    gb = list_skus(sandbox, titles, "GB")
    arguments: dict[str, Any] = {"products": titles, "percent": 10, "repeat": True}
    before = [sku.price for sku in gb]
    async with at_several(connect, sandbox, confirm="none", runtime=Runtime(clock, clock)) as client:
        sandbox.faults.add("update_price", delay=0.001)
        sandbox.faults.add("update_price", status=403, code=105005)
        cut = await run(client, "change_prices", **arguments, shop="GB,DE")
        clock.now += 300
        soon = await run(client, "change_prices", **arguments, shop="GB")
        assert [sku.price for sku in gb] == raise_all(before)
        clock.now += 301
        later = await run(client, "change_prices", **arguments, shop="GB")
    assert [row.get("not_yet", 0) for row in cut["data"]["shops"]] == [0, 3]
    assert soon["note"].startswith("Nothing was sent")
    assert later["data"]["done"] == 3
    assert [sku.price for sku in gb] == raise_all(raise_all(before))


async def test_a_repeat_that_left_a_shop_out_does_the_others_once(connect: Connect, sandbox: Sandbox) -> None:
    titles = list_free_titles(*list_shops(sandbox)[:2])[:1]
    gb, de = list_skus(sandbox, titles, "GB"), list_skus(sandbox, titles, "DE")
    before = [[sku.price for sku in some] for some in (gb, de)]
    arguments: dict[str, Any] = {"products": titles, "percent": 10, "shop": "GB,DE", "repeat": True}
    async with at_several(connect, sandbox, confirm="none") as client:
        sandbox.faults.add("search_products", code=12000001, status=200)
        part = await run(client, "change_prices", **arguments)
        assert sorted(row.get("error", "") for row in part["data"]["shops"]) == ["", "platform"]
        assert len(list_sent(sandbox)) == 1
        rest = await run(client, "change_prices", **arguments)
    assert "status" not in rest
    assert len(list_sent(sandbox)) == 2
    assert [[sku.price for sku in some] for some in (gb, de)] == [raise_all(prices) for prices in before]


async def test_a_shop_that_does_not_answer_leaves_the_others_the_time_for_their_writes(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with at_several(connect, sandbox, confirm="none", call_timeout_s=24.0) as client:
        sandbox.faults.hold("search_products")
        part = await run(client, "pause_products", products=[SENCHA], shop="all")
        slow = [row["region"] for row in part["data"]["shops"] if row.get("error") == "network"]
        rest = await run(client, "pause_products", products=[SENCHA], shop="all")
    assert len(slow) == 1
    assert (part["status"], part["data"]["done"]) == ("unfinished", 2)
    assert "could not be read in the time" in part["note"]
    assert (rest["data"]["done"], list_sent(sandbox)[2:]) == (1, [(PAUSE, slow[0])])


async def test_the_call_that_takes_a_job_back_is_of_no_other_assistants_writes(
    connect: Connect, sandbox: Sandbox
) -> None:
    _, de, _ = list_shops(sandbox)
    async with (
        at_several(connect, sandbox, confirm="none") as one,
        at_several(connect, sandbox, confirm="none") as two,
    ):
        gate = sandbox.faults.hold(PAUSE)
        slow = asyncio.create_task(run(one, "pause_products", products=[SENCHA], shop="GB"))
        await until(lambda: gate.waiting)
        fast = await run(two, "pause_products", products=[SENCHA], shop="GB,DE")
        gate.open()
        first = await slow
    assert [row.get("error") for row in fast["data"]["shops"]] == ["unknown_outcome", None]
    undo = fast["data"]["undo"]["arguments"]["arguments"]
    assert undo["shop"] == de.id
    assert undo["id"] != first["data"]["undo"]["arguments"]["arguments"]["id"]
    assert sorted(list_sent(sandbox)) == [(PAUSE, "DE"), (PAUSE, "GB")]


async def test_a_yes_holds_for_the_same_shops_in_another_order(connect: Connect, sandbox: Sandbox) -> None:
    arguments: dict[str, Any] = {"products": [SENCHA, "no such tea"]}
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "pause_products", **arguments, shop="GB,DE")
        done = await run(client, "pause_products", **arguments, shop="DE,GB", confirm=asked["confirm"])
    assert done["data"]["done"] == 2
    assert list_sent(sandbox) == [(PAUSE, "DE"), (PAUSE, "GB")]


async def test_of_more_than_a_question_holds_each_shop_has_its_part(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with at_several(connect, sandbox, asked=person) as client:
        shown = (await run(client, "change_prices", products="all", percent=10, shop="all", dry_run=True))["data"]
        await run(client, "change_prices", products="all", percent=10, shop="all")
    (question,) = person.questions
    told_counts = Counter(re.findall(r'^  ".*" at "(GB|DE|US)": ', question, re.MULTILINE))
    (left,) = re.findall(r"and (\d+) lines more \(GB (\d+), DE (\d+), US (\d+)\), which a dry run shows", question)
    assert max(told_counts.values()) - min(told_counts.values()) <= 1
    assert min(told_counts.values()) > 20
    totals = [row["to_do"] + row["skipped"] for row in shown["shops"]]
    rest = [total - told_counts[region] for total, region in zip(totals, ("GB", "DE", "US"), strict=True)]
    assert [int(count) for count in left] == [sum(rest), *rest]


async def test_a_person_can_tell_two_shops_with_long_names_apart(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    shops = list_shops(sandbox)[:2]
    for shop, end in zip(shops, ("East", "West"), strict=True):
        shop.region, shop.name = "GB", f"Leaves and Blossoms of the Northern Mountains, {end} Branch"
    async with at_several(connect, sandbox, asked=person) as client:
        await run(client, "pause_products", products=[SENCHA], shop="all")
    (question,) = person.questions
    items = question.partition("Items:")[2]
    assert [items.count(f'at "{shop.name}"') for shop in shops] == [1, 1]


async def test_a_no_to_more_shops_ends_the_yes_to_what_was_left_of_a_job(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("accept", "decline", "decline")
    clock = LeapingClock()
    async with at_several(connect, sandbox, asked=person, runtime=clock.runtime) as client:
        sandbox.faults.add(PAUSE, edit=partial(clock.leap, CALL_TIMEOUT_S - STEP_TIME_S))
        cut = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
        more = await run(client, "pause_products", products=[SENCHA], shop="all")
        rest = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
    assert cut["status"] == "unfinished"
    assert more["error"] == rest["error"] == "declined"
    assert len(person.questions) == 3
    assert list_sent(sandbox) == [(PAUSE, "GB")]


@pytest.mark.parametrize("shop", [",", " , "])
async def test_commas_alone_are_no_shop(connect: Connect, sandbox: Sandbox, shop: str) -> None:
    async with at_several(connect, sandbox, confirm="none") as client:
        refused = await run(client, "pause_products", products=[SENCHA], shop=shop)
        report = await told(client, "get_report", report="sales", period="last 7 days", shop=shop)
    assert refused["error"] == report["error"] == "shop_required"
    assert list_sent(sandbox) == []


async def test_of_more_warnings_than_a_question_holds_each_shop_has_its_first(
    connect: Connect, sandbox: Sandbox
) -> None:
    person = Person("decline")
    async with at_several(connect, sandbox, asked=person) as client:
        await run(client, "change_stock", products=["*Tea*"], stock=0, shop="all")
    (question,) = person.questions
    told_counts = Counter(re.findall(r"^  (GB|DE|US): The stock of SKU", question, re.MULTILINE))
    assert "which a dry run shows" in question
    assert sum(told_counts.values()) == 20
    assert sorted(told_counts.values()) == [6, 7, 7]


async def test_a_table_of_prices_without_currency_is_refused_over_several(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    titles = list_free_titles(*list_shops(sandbox)[:2])[:1]
    gb, de = list_skus(sandbox, titles, "GB")[0], list_skus(sandbox, titles, "DE")[0]
    async with at_several(connect, sandbox, files=tmp_path) as client:
        table = tmp_path / "prices.csv"
        table.write_text(f"sku_id,price,currency\n{gb.id},9.99,GBP\n{de.id},9.99,\n")
        bare = await run(client, "change_prices", file="prices.csv", shop="GB,DE")
        table.write_text(f"sku_id,price,currency\n{gb.id},9.99,GBP\n{de.id},9.99,GBP\n")
        wrong = await run(client, "change_prices", file="prices.csv", shop="GB,DE")
        assert list_sent(sandbox) == []
        table.write_text(f"sku_id,price,currency\n{gb.id},9.99,GBP\n{de.id},8.99,EUR\n")
        done = await agree(client, await run(client, "change_prices", file="prices.csv", shop="GB,DE"))
    assert bare["error"] == wrong["error"] == "invalid_arguments"
    assert [problem["argument"] for problem in bare["problems"]] == ["line 3"]
    assert "several currencies" in bare["message"]
    assert "is given in GBP" in wrong["message"]
    assert done["data"]["done"] == 2
    assert [f"{sku.price}" for sku in (gb, de)] == ["9.99", "8.99"]
