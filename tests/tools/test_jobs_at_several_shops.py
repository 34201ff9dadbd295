"""A job at several shops is one preview and one yes: each id goes to the shop that has it, and none to another."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from mcp_server_tiktok_shop.calls.jobs.sender import STEP_TIME_S
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S
from tests.calls.test_writes import Person, told
from tests.platform.worker import keys, started, waiting
from tests.protocol.test_http import serve
from tests.tools.job_items import to_items
from tests.tools.several_shops import (
    PAUSE,
    SENCHA,
    agree,
    at_several,
    find_product,
    list_free_titles,
    list_live,
    list_sent,
    list_shops,
    list_writes,
    name_chatting_buyers,
    raise_by_tenth,
    run,
    to_rows,
)
from tests.tools.test_ship_orders import list_pages, list_waiting
from tests.waits import LeapingClock, until

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)
SHIP, BUY = "batch_ship_packages", "create_packages"


async def test_mixed_orders_are_shipped_each_by_its_shop_with_one_file_of_labels(
    connect: Connect, sandbox: Sandbox
) -> None:
    orders = [list_waiting(sandbox, shop)[0] for shop in list_shops(sandbox)]
    ids = [orders[2].id, orders[0].id, "123456789012", orders[1].packages[0].id]
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "ship_orders", ids=ids, shop="all")
        assert list_sent(sandbox) == []
        preview = asked["preview"]
        assert (preview["to_do"], preview["skipped"]) == (3, 1)
        assert [(shop["region"], shop["to_do"], shop["skipped"]) for shop in preview["shops"]] == [
            ("GB", 1, 0),
            ("DE", 1, 0),
            ("US", 1, 0),
        ]
        assert [(item["shop"], item["order"]) for item in preview["items"][:3]] == [
            (shop.region, order.id) for shop, order in zip(list_shops(sandbox), orders, strict=True)
        ]
        unknown = {"id": "123456789012", "skipped": "none of these shops has it"}
        assert preview["items"][3:] == [unknown]
        assert "US: TikTok tells only afterwards" in preview["explanation"]
        assert "Each shop: Labels are laid out on A6." in preview["explanation"]
        done = await agree(client, asked)
    assert list_sent(sandbox) == [(SHIP, "GB"), (SHIP, "DE"), (BUY, "US")]
    assert done["data"]["done"] == 3
    labels = done["data"]["labels"]
    pages = [page.extract_text() for page in PdfReader(Path(labels["path"])).pages]
    assert len(pages) == labels["pages"] == 3
    assert all(package_id in pages[page - 1] for page, package_id in list_pages(done).items())
    assert [(item.get("shop"), item.get("label_pages")) for item in done["data"]["items"]] == [
        ("GB", [1]),
        ("DE", [2]),
        ("US", [3]),
        (None, None),
    ]


async def test_what_is_due_is_found_in_each_shop_by_its_own_day(connect: Connect, sandbox: Sandbox) -> None:
    async with at_several(connect, sandbox) as client:
        both = (await run(client, "ship_orders", due="tomorrow", shop="GB, DE", dry_run=True))["data"]
        alone = [
            (await run(client, "ship_orders", due="tomorrow", shop=region, dry_run=True))["data"]
            for region in ("GB", "DE")
        ]
    assert all(one["to_do"] for one in alone)
    assert [shop["to_do"] for shop in both["shops"]] == [one["to_do"] for one in alone]
    assert {item["shop"] for item in to_items(both)} == {"GB", "DE"}
    packages = [item["package"] for one in alone for item in to_items(one) if "skipped" not in item]
    assert [item["package"] for item in to_items(both) if "skipped" not in item] == packages
    assert list_sent(sandbox) == []


async def test_a_person_reads_which_shops_and_how_much_at_each(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("accept")
    counts = [len(list_live(shop, SENCHA)) for shop in list_shops(sandbox)[:2]]
    async with at_several(connect, sandbox, asked=person) as client:
        done = await run(client, "pause_products", products=[SENCHA], shop="DE,GB")
    (question,) = person.questions
    gb, de = (shop.name for shop in list_shops(sandbox)[:2])
    head = f'Pause products at "{de}" (DE, EUR): {counts[1]}; "{gb}" (GB, GBP): {counts[0]}'
    assert question.splitlines()[0] == head
    assert f'"{SENCHA}" at "GB": "ACTIVATE" -> "SELLER_DEACTIVATED"' in question
    assert f"Found in several shops, and meant in each: {SENCHA} (DE, GB)." in question
    assert done["data"]["done"] == sum(counts) == 2
    assert list_sent(sandbox) == [(PAUSE, "DE"), (PAUSE, "GB")]


async def test_a_change_at_one_shop_before_the_yes_stops_all_of_it(connect: Connect, sandbox: Sandbox) -> None:
    products = [list_live(shop, SENCHA)[0] for shop in list_shops(sandbox)]
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "pause_products", products=[SENCHA], shop="all")
        list_shops(sandbox)[1].products[products[1]].status = "SELLER_DEACTIVATED"
        stale = await agree(client, asked)
        assert stale["status"] == "confirmation_required"
        assert products[1] in json.dumps(stale["changed"])
        assert list_sent(sandbox) == []
        done = await agree(client, stale)
        used = await told(client, "confirm_write", token=asked["confirm"])
    assert used["error"] == "declined"
    assert (done["data"]["done"], done["data"]["skipped"]) == (2, 1)
    assert list_sent(sandbox) == [(PAUSE, "GB"), (PAUSE, "US")]


async def test_a_yes_is_for_the_shops_that_were_shown(connect: Connect, sandbox: Sandbox) -> None:
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
        for other in ("all", "GB,US", "GB"):
            again = await run(client, "pause_products", products=[SENCHA], shop=other, confirm=asked["confirm"])
            assert again["status"] == "confirmation_required"
            assert list_sent(sandbox) == []
            asked = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
        done = await run(client, "pause_products", products=[SENCHA], shop="GB,DE", confirm=asked["confirm"])
        own = list_live(list_shops(sandbox)[0], "Oolong")[0]
        asked = await run(client, "pause_products", products=[own], shop="GB,DE")
        elsewhere = await run(client, "pause_products", products=[own], shop="GB,US", confirm=asked["confirm"])
    assert elsewhere["status"] == "confirmation_required", "though only one of them has it"
    assert done["data"]["done"] == 2
    assert list_sent(sandbox) == [(PAUSE, "GB"), (PAUSE, "DE")]


async def test_a_shop_that_is_signed_out_is_told_and_the_others_go_on_by_a_yes_to_that(
    connect: Connect, sandbox: Sandbox
) -> None:
    orders = [list_waiting(sandbox, shop)[0] for shop in list_shops(sandbox)]
    ids = [order.id for order in orders]
    async with at_several(connect, sandbox) as client:
        whole = await run(client, "ship_orders", ids=ids, shop="all")
        sandbox.revoke(1)
        stale = await agree(client, whole)
        assert list_sent(sandbox) == [], "the yes was to all three"
        assert "left_out" in json.dumps(stale["changed"])
        preview = stale["preview"]
        assert preview["warnings"][0].startswith("Nothing is done at Sandbox Tea Company: ")
        assert [shop.get("error") for shop in preview["shops"]] == [None, None, "signed_out"]
        unknown = {"id": ids[2], "skipped": "none of the shops that could be read has it: US could not"}
        assert unknown in preview["items"]
        done = await agree(client, stale)
        none_left = await run(client, "ship_orders", ids=ids, shop="US")
    assert list_sent(sandbox) == [(SHIP, "GB"), (SHIP, "DE")]
    assert (done["data"]["done"], done["status"]) == (2, "unfinished")
    assert "Nothing is done at Sandbox Tea Company" in done["note"]
    assert none_left["error"] == "signed_out"


async def test_where_no_shop_can_be_read_the_error_is_told(connect: Connect, sandbox: Sandbox) -> None:
    async with at_several(connect, sandbox) as client:
        for account in range(len(sandbox.accounts)):
            sandbox.revoke(account)
        refused = await run(client, "pause_products", products=["all"], shop="all")
    assert refused["error"] == "signed_out"


async def test_amounts_are_refused_over_several_currencies_and_percents_go(connect: Connect, sandbox: Sandbox) -> None:
    shops = list_shops(sandbox)
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("change_prices", {"products": [SENCHA], "price": "9.99"}, "price"),
        ("change_prices", {"products": [SENCHA], "amount": "-1"}, "amount"),
        ("change_prices", {"items": [{"product": SENCHA, "price": "9.99"}]}, "items[0].price"),
        ("decide_returns", {"decision": "approve", "below": "20"}, "below"),
    ]
    async with at_several(connect, sandbox) as client:
        for tool, arguments, place in calls:
            refused = await run(client, tool, **arguments, shop="all")
            assert refused["error"] == "invalid_arguments"
            assert refused["problems"][0]["argument"] == place
            assert all(f"{shop.name} ({shop.currency})" in refused["message"] for shop in shops)
            assert "shop by shop" in refused["hint"]
        asked = await run(client, "change_prices", products=[SENCHA], percent=10, shop="all")
        assert {item["will_be"].split()[1] for item in to_items(asked["preview"]) if "will_be" in item} == {
            "GBP",
            "EUR",
            "USD",
        }
        stock = await run(client, "change_stock", products=[SENCHA], amount=2, shop="all", dry_run=True)
    assert stock["data"]["to_do"]
    assert list_sent(sandbox) == []


async def test_one_message_goes_to_the_chats_of_several_shops(connect: Connect, sandbox: Sandbox) -> None:
    chats = []
    async with at_several(connect, sandbox) as client:
        for shop in list_shops(sandbox)[:2]:
            found = await told(client, "run_read_operation", name="get_conversations", arguments={"shop": shop.id})
            chats.append(next(c["id"] for c in found["data"]["conversations"] if c["can_send_message"]))
        arguments = {"conversation_ids": [*chats, "7494560109732334"], "text": "It left today.", "shop": "all"}
        asked = await run(client, "reply_to_buyer", **arguments)
        assert [item.get("shop") for item in asked["preview"]["items"]] == ["GB", "DE", None]
        done = await agree(client, asked)
        again = await run(client, "reply_to_buyer", **arguments)
    assert list_sent(sandbox) == [("send_message", "GB"), ("send_message", "DE")]
    assert done["data"]["done"] == 2
    assert again.get("error") == "already_done" or "there is nothing to do" in again["note"]


async def test_a_buyers_name_at_two_shops_is_not_guessed(connect: Connect, sandbox: Sandbox) -> None:
    for shop, first_names in zip(list_shops(sandbox), [("Morgan", "Robin"), ("Robin",), ()], strict=True):
        name_chatting_buyers(shop, *first_names)
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "reply_to_buyer", buyer="morgan", text="Hello.", shop="GB,DE", dry_run=True)
        refused = await run(client, "reply_to_buyer", buyer="robin", text="Hello.", shop="GB,DE", dry_run=True)
        nobody = await run(client, "reply_to_buyer", buyer="nobody at all", text="Hello.", shop="all", dry_run=True)
    assert [item["shop"] for item in asked["data"]["items"]] == ["GB"]
    assert refused["error"] == "invalid_arguments"
    assert "'robin' is found at several shops: GB, DE" in refused["message"]
    assert nobody["data"]["items"] == [{"buyer": "nobody at all", "skipped": "none of these shops has it"}]
    assert list_sent(sandbox) == []


@pytest.mark.parametrize("column", ["seller_sku", "sku_id"])
async def test_a_line_of_a_table_is_of_the_shop_that_has_its_sku(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, column: str
) -> None:
    gb, de, _ = list_shops(sandbox)
    skus = [next(sku for sku in shop.products[list_live(shop, SENCHA)[0]].skus) for shop in (gb, de)]
    names = [sku.id if column == "sku_id" else sku.seller_sku for sku in skus]
    async with at_several(connect, sandbox, files=tmp_path) as client:
        (tmp_path / "stock.csv").write_text(f"{column},stock\n{names[0]},71\n{names[1]},72\n")
        asked = await run(client, "change_stock", file="stock.csv", shop="GB,DE")
        if column == "seller_sku":
            assert names[0] == names[1]
            (tmp_path / "stock.csv").write_text(f"{column},stock\nNOT-THERE,70\n{names[0]},71\n")
            asked = await run(client, "change_stock", file="stock.csv", shop="GB,DE")
            assert asked["error"] == "invalid_arguments"
            assert f"line 3: '{names[0]}' is found at several shops: GB, DE" in asked["message"]
            assert list_sent(sandbox) == []
            return
        done = await agree(client, asked)
    assert done["data"]["done"] == 2
    assert [sum(sku.stock.values()) for sku in skus] == [71, 72]


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody can tell that the process is gone")
async def test_a_server_that_is_killed_between_shops_goes_on_with_what_is_left_and_repeats_nothing(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    """The first shop is done and one write of the second under way; what was agreed to is not asked again."""
    gb, de, _ = list_shops(sandbox)
    titles = list_free_titles(gb, de)[:3]
    assert len(titles) == 3
    before = {sku.id: sku.price for shop in (gb, de) for title in titles for sku in find_product(shop, title).skus}
    arguments = {"products": titles, "percent": 10, "shop": "GB,DE"}
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "asks"}
        async with connect(**settings) as client:
            asked = await run(client, "change_prices", **arguments)
        for _ in titles:
            sandbox.faults.add("update_price", delay=0.001)
        gate = sandbox.faults.hold("update_price")
        async with waiting() as worker:
            worker.begin(home, settings, [("confirm_write", {"token": asked["confirm"]})])
            await until(lambda: gate.waiting)
            await worker.kill()
        gate.open()
        await until(lambda: not sandbox.app.in_flight)
        async with connect(**settings) as client:
            again = await run(client, "change_prices", **arguments)
            third = await run(client, "change_prices", **arguments)
    sent = [(region, entry.path) for (_, region), entry in zip(list_sent(sandbox), list_writes(sandbox), strict=True)]
    regions = [region for region, _ in sent]
    assert (regions[:3], regions[3:]) in [(["GB"] * 3, ["DE"] * count) for count in (2, 3)]
    assert len(set(sent)) == len(sent), "no write was sent twice"
    outcomes = {item["sku"]: item["outcome"] for item in to_items(again["data"])}
    assert outcomes.keys() == before.keys(), "also what the first shop did is told"
    cut = {sku.id for sku in find_product(de, titles[0]).skus}
    assert {outcome for sku_id, outcome in outcomes.items() if sku_id not in cut} == {"done"}
    assert {outcomes[sku_id] for sku_id in cut} <= {"done", "unknown"}
    after = {sku.id: sku.price for shop in (gb, de) for title in titles for sku in find_product(shop, title).skus}
    for sku_id, price in after.items():
        assert price == raise_by_tenth(before[sku_id]) or (sku_id in cut and price == before[sku_id])
    if third.get("error") != "already_done":  # nobody was told yet what became of the write that was cut
        states = {item["sku"]: item["outcome"] for item in to_items(third["data"])}
        assert {state for sku_id, state in states.items() if sku_id not in cut} == {"skipped"}
        assert {states[sku_id] for sku_id in cut} <= {"done", "unknown"}


async def test_when_the_time_is_up_between_shops_the_same_call_does_the_rest_unasked(
    connect: Connect, sandbox: Sandbox
) -> None:
    person, clock = Person("accept"), LeapingClock()
    async with at_several(connect, sandbox, asked=person, runtime=clock.runtime) as client:
        sandbox.faults.add(PAUSE, edit=partial(clock.leap, CALL_TIMEOUT_S - STEP_TIME_S))
        cut = await run(client, "pause_products", products=[SENCHA], shop="GB,DE,US")
        assert list_sent(sandbox) == [(PAUSE, "GB")]
        again = await run(client, "pause_products", products=[SENCHA], shop="GB,DE,US")
    assert (cut["status"], cut["data"]["done"], cut["data"]["not_yet"]) == ("unfinished", 1, 2)
    assert "DE, US: It ended before all was done: the time for one call was up." in cut["note"]
    assert list_sent(sandbox) == [(PAUSE, "GB"), (PAUSE, "DE"), (PAUSE, "US")]
    assert again["data"]["done"] == 2
    assert len(person.questions) == 1


async def test_a_repeat_does_it_once_more_at_each_shop_and_else_nothing_is_done_twice(
    connect: Connect, sandbox: Sandbox
) -> None:
    skus = [find_product(shop, SENCHA).skus[0] for shop in list_shops(sandbox)]
    before = [sku.price for sku in skus]
    arguments = {"products": [sku.id for sku in skus], "percent": 10, "shop": "all"}
    async with at_several(connect, sandbox, confirm="none") as client:
        await run(client, "change_prices", **arguments)
        unsaid = await run(client, "change_prices", **arguments)
        once = [sku.price for sku in skus]
        again = await run(client, "change_prices", **arguments, repeat=True)
    assert unsaid["error"] == "already_done"
    assert again["data"]["done"] == 3
    assert once == [raise_by_tenth(price) for price in before]
    assert [sku.price for sku in skus] == [raise_by_tenth(price) for price in once]
    assert len(list_sent(sandbox)) == 6


async def test_what_was_done_at_several_shops_is_taken_back_by_one_call(connect: Connect, sandbox: Sandbox) -> None:
    products = [find_product(shop, SENCHA) for shop in list_shops(sandbox)]
    async with at_several(connect, sandbox) as client:
        done = await agree(client, await run(client, "pause_products", products=[SENCHA], shop="all"))
        (change,) = to_rows((await told(client, "list_changes"))["data"])
        undo = done["data"]["undo"]
        assert change["undo"]["arguments"] == undo["arguments"]
        assert change["shop"] == ", ".join(shop.name for shop in list_shops(sandbox))
        back = await agree(client, await told(client, undo["tool"], **undo["arguments"]))
    assert back["data"]["done"] == 3
    assert [product.status for product in products] == ["PENDING"] * 3
    assert list_sent(sandbox)[3:] == [("activate_products", region) for region in ("GB", "DE", "US")]


async def test_over_http_a_token_is_for_all_shops_at_once(sandbox: Sandbox, home: Path, era: str) -> None:
    more = {"TIKTOK_SHOP_CONFIRM": "asks", "TIKTOK_SHOP_SANDBOX_SHOPS": "3"}
    async with serve(home, sandbox, **more) as served, served.connect(era) as client:
        arguments = {"products": [SENCHA], "shop": "all"}
        asked = await run(client, "pause_products", **arguments)
        done = await run(client, "pause_products", **arguments, confirm=asked["confirm"])
    assert done["data"]["done"] == 3
    assert list_sent(sandbox) == [(PAUSE, region) for region in ("GB", "DE", "US")]


async def test_a_job_without_a_shop_tells_that_several_are_possible_and_a_stranger_stops_all(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with at_several(connect, sandbox, confirm="none") as client:
        unsaid = await run(client, "pause_products", products=[SENCHA])
        stranger = await run(client, "pause_products", products=[SENCHA], shop="GB, Somebody's Shop")
    assert unsaid["error"] == stranger["error"] == "shop_required"
    assert "several with commas" in unsaid["hint"]
    assert "all" in unsaid["hint"]
    assert list_sent(sandbox) == []
    async with at_several(connect, sandbox, confirm="none", shop="GB") as client:
        pinned = await run(client, "pause_products", products=[SENCHA], shop="all")
        other = await run(client, "pause_products", products=[SENCHA], shop="GB,DE")
    assert pinned["data"]["done"] == 1
    assert other["error"] == "shop_required"
    assert list_sent(sandbox) == [(PAUSE, "GB")]


async def test_parts_that_other_calls_began_are_taken_back_by_a_call_each(connect: Connect, sandbox: Sandbox) -> None:
    gb, de, _ = list_shops(sandbox)
    titles = list_free_titles(gb, de)[:2]
    arguments: dict[str, Any] = {"products": titles, "amount": 3}
    clock = LeapingClock()
    async with at_several(connect, sandbox, confirm="none", runtime=clock.runtime) as client:
        for region in ("GB", "DE"):
            sandbox.faults.add("update_inventory", edit=partial(clock.leap, CALL_TIMEOUT_S - STEP_TIME_S))
            cut = await run(client, "change_stock", **arguments, shop=region)
            assert cut["status"] == "unfinished"
        done = await run(client, "change_stock", **arguments, shop="GB,DE")
        calls = [call["arguments"]["arguments"] for call in done["data"]["undo"]]
        assert [call["shop"] for call in calls] == [gb.id, de.id]
        assert len({call["id"] for call in calls}) == 2
        counts = [len(find_product(shop, title).skus) for shop in (gb, de) for title in titles]
        back = [await run(client, "undo_job", **call, dry_run=True) for call in calls]
    assert [answer["data"]["to_do"] for answer in back] == [sum(counts[:2]), sum(counts[2:])]
    assert list_sent(sandbox) == [("update_inventory", region) for region in ("GB", "DE", "GB", "DE")]


async def test_what_was_done_at_one_shop_alone_is_not_done_again_with_the_others(
    connect: Connect, sandbox: Sandbox
) -> None:
    gb, de, us = list_shops(sandbox)
    skus = [find_product(shop, list_free_titles(gb, de, us)[0]).skus[0] for shop in (gb, de, us)]
    before = [sku.price for sku in skus]
    arguments = {"products": [sku.id for sku in skus], "percent": 10}
    async with at_several(connect, sandbox, confirm="none") as client:
        refused = await run(client, "change_prices", **arguments, shop="US")
        assert refused["error"] == "not_found", "the others' ids mean nothing there"
        own = {"products": ["*Tea*"], "percent": 10}
        alone = await run(client, "change_prices", **own, shop="US")
        both = await run(client, "change_prices", **own, shop="US,GB")
    written = [region for _, region in list_sent(sandbox)]
    assert written == ["US"] * written.count("US") + ["GB"] * written.count("GB")
    assert alone["data"]["done"] >= written.count("US") > 0
    assert [sku.price for sku in skus] == [raise_by_tenth(before[0]), before[1], raise_by_tenth(before[2])]
    us_row = next(row for row in both["data"]["shops"] if row["region"] == "US")
    assert "done" not in us_row


async def test_a_process_on_standard_input_ships_at_several_shops_by_a_token(home: Path, era: str) -> None:
    settings = {"sandbox": "1", "sandbox_shops": "3", "confirm": "asks"}
    async with started(home, settings, era) as client:
        asked = await run(client, "ship_orders", due="tomorrow", shop="GB,US")
        done = await run(client, "ship_orders", due="tomorrow", shop="GB,US", confirm=asked["confirm"])
    assert asked["status"] == "confirmation_required"
    assert done["data"]["done"] == asked["preview"]["to_do"] > 0
    assert [row["done"] for row in done["data"]["shops"]] == [row["to_do"] for row in asked["preview"]["shops"]]
    labels = done["data"]["labels"]
    assert len(PdfReader(Path(labels["path"])).pages) == labels["pages"] >= done["data"]["done"]
