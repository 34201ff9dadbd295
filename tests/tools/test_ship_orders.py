"""Parcels are shipped by one yes: what must not go stays and says why, and one file has the labels of the rest."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import file_request
from mcp_server_tiktok_shop.tools import label_files
from mcp_server_tiktok_shop.tools.jobs import ship_orders
from tests.calls.test_writes import CATALOG, Person, told
from tests.sandbox.client import Clock
from tests.tools.job_items import to_items

if TYPE_CHECKING:
    from mcp import Client

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

SHIP = "batch_ship_packages"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are waited for a moment only."""
    for name in ("LABEL_WAIT_S", "MIN_LABEL_WAIT_S"):
        monkeypatch.setattr(ship_orders, name, 0.3)
    monkeypatch.setattr(label_files, "POLL_INTERVAL_S", 0.05)


async def ship(client: Client, **arguments: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name="ship_orders", arguments=arguments)


def writes(sandbox: Sandbox) -> list[str]:
    """What was written, in its order; labels are fetched by links, which are no operations."""
    names = [entry.operation for entry in sandbox.log if entry.operation in CATALOG.operations]
    return [name for name in names if CATALOG.operations[name].effect != "read"]


def list_pages(answer: dict[str, Any]) -> dict[int, str]:
    """The parcel of each page of the labels, as the items tell it."""
    pages: dict[int, str] = {}
    for item in answer["data"]["items"]:
        now = item.get("now")
        package_id = (now.get("package") if isinstance(now, dict) else None) or item.get("package", "")
        pages |= dict.fromkeys(item.get("label_pages", ()), package_id)
    return pages


def list_waiting(sandbox: Sandbox, shop: SimulatedShop) -> list[Order]:
    """Ordinary orders to be shipped, of one parcel each, the earliest first."""
    now = int(sandbox.now())
    orders = [
        order
        for order in shop.orders.values()
        if order.get_status(now) == "AWAITING_SHIPMENT"
        and order.shipping_type == "TIKTOK"
        and len(order.packages) == 1
        and not shop.aftersales.find_open(order)
        and all(not line.cancel_time for line in order.lines)
    ]
    return sorted(orders, key=lambda order: order.paid_time)


def ask_to_cancel(sandbox: Sandbox, shop: SimulatedShop, order: Order) -> None:
    now = int(sandbox.now())
    order.request_cancel_time = now
    reason = "ecom_order_to_ship_canceled_reason_no_longer_needed"
    file_request(shop, CANCEL, order, order.lines, role="BUYER", reason=reason, now=now)
    shop.mark_changed()


def read_pages(labels: dict[str, Any]) -> list[str]:
    return [page.extract_text() for page in PdfReader(Path(labels["path"])).pages]


def sent_packages(sandbox: Sandbox) -> list[list[str]]:
    return [[p["id"] for p in json.loads(entry.body)["packages"]] for entry in sandbox.log.list_entries(SHIP)]


async def test_two_of_five_parcels_stay_and_three_go_with_their_labels(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:3]
    for order in going:
        order.buyer_message = order.seller_note = ""
    ids = [going[0].id, shop.planted["cancel_request"], going[1].id, shop.planted["on_hold"], going[2].packages[0].id]
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ship(client, ids=ids, paper_size="4x6in")
        assert asked["status"] == "confirmation_required"
        assert writes(sandbox) == []
        preview = asked["preview"]
        assert (preview["to_do"], preview["skipped"]) == (3, 2)
        request, late = preview["warnings"]
        assert request == f"Not shipped, since the buyer asked to cancel: {shop.planted['cancel_request']}"
        assert re.match(r"[1-3] of 3 parcels are overdue: the first was to be announced by 20", late)  # as the hour is
        assert preview["explanation"].startswith("TikTok tells only afterwards whether they are collected or dropped")
        assert preview["explanation"].endswith("Labels are laid out on 4x6in.")
        for item, order in zip(preview["items"], going, strict=False):
            assert (item["package"], item["order"]) == (order.packages[0].id, order.id)
            assert order.lines[0].sku.seller_sku in item["contents"]
            assert datetime.fromisoformat(item["ship_by"]).timestamp() == order.paid_time + 49 * 3600
        reasons = {item["order"]: item["skipped"] for item in preview["items"] if "skipped" in item}
        assert "asked to cancel" in reasons[shop.planted["cancel_request"]]
        assert "on hold" in reasons[shop.planted["on_hold"]]
        done = await told(client, "confirm_write", token=asked["confirm"])
    assert writes(sandbox) == [SHIP]
    packages = [order.packages[0] for order in going]
    assert sent_packages(sandbox) == [[package.id for package in packages]]
    shipped = {item["package"]: item for item in done["data"]["items"] if item["outcome"] == "done"}
    assert {i: item["now"]["tracking_number"] for i, item in shipped.items()} == {
        package.id: package.tracking_number for package in packages
    }
    labels = done["data"]["labels"]
    assert list_pages(done) == {page: order.packages[0].id for page, order in enumerate(going, 1)}
    assert "page_table" not in labels, "each parcel stands once, in its line"
    # What was shown is not told again.
    assert [sorted(item) for item in shipped.values()] == [["label_pages", "now", "order", "outcome", "package"]] * 3
    assert len(json.dumps(done)) < len(json.dumps(asked))
    assert "takes a moment" not in done.get("note", "")
    texts = read_pages(labels)
    assert len(texts) == labels["pages"] == 3
    assert all(
        package.id in text and package.tracking_number in text for package, text in zip(packages, texts, strict=True)
    )
    box = PdfReader(Path(labels["path"])).pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == (288, 432)


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({"can_pickup": False}, "shipped, to be brought to the carrier"),
        ({"can_drop_off": False}, "shipped, collected by the carrier"),
        ({}, "shipped"),
    ],
)
async def test_how_a_parcel_gets_to_the_carrier_is_told_before_where_there_is_one_way_and_else_afterwards(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, ways: dict[str, bool], words: str
) -> None:
    orders = list_waiting(sandbox, shop)[:2]
    sandbox.faults.add("get_package_handover_time_slots", times=None, edit=lambda data: data | ways)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ship(client, ids=[order.id for order in orders])
        preview = asked["preview"]
        done = await told(client, "confirm_write", token=asked["confirm"])
    assert [item["will_be"] for item in preview["items"]] == [words] * 2
    chosen = "TikTok tells only afterwards whether they are collected or dropped off: handover sets it. "
    assert preview["explanation"] == f"{'' if ways else chosen}Labels are laid out on A6."
    assert [item["now"]["handover_method"] for item in done["data"]["items"]] == ["PICKUP"] * 2


async def test_a_pickup_after_the_hand_over_deadline_and_not_today_is_told_before_with_both_times(
    connect: Connect,
) -> None:
    clock = Clock()  # by night in summer, the carrier's next day may be the shop's today
    sandbox = Sandbox(clock=clock)
    shop = sandbox.accounts[0].shops[0]
    zone, now = ZoneInfo("Europe/London"), int(clock.now)
    orders = list_waiting(sandbox, shop)
    late, timely = orders[0], orders[-1]
    tomorrow = (datetime.fromtimestamp(now, zone) + timedelta(1)).date().isoformat()
    # The oldest must be with the carrier before it comes at all, the newest much later.
    deadlines = {late.id: now + 3600, timely.id: now + 5 * 86_400}

    def set_deadlines(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"orders": [o | {"tts_sla_time": deadlines[o["id"]]} for o in data["orders"]]}

    sandbox.faults.add("get_order_detail", times=None, edit=set_deadlines)
    runtime = Runtime(clock, time.monotonic)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, runtime=runtime) as client:
        asked = await ship(client, ids=[timely.id, late.id], handover="PICKUP")
        brought = await ship(client, ids=[timely.id, late.id], handover="DROP_OFF", dry_run=True)
        sandbox.faults.add("get_package_handover_time_slots", times=None, edit=lambda d: d | {"can_drop_off": False})
        left_open = await ship(client, ids=[late.id], dry_run=True)
    late_pickup, other_day, *_ = asked["preview"]["warnings"]
    due = datetime.fromtimestamp(deadlines[late.id], zone).isoformat(timespec="minutes")
    assert late_pickup.startswith(
        f"Collected after the hand-over deadline, a late dispatch: {late.packages[0].id} {tomorrow}T"
    )
    assert f"due {due}" in late_pickup
    assert "handover DROP_OFF" in late_pickup
    assert timely.packages[0].id not in late_pickup
    assert other_day.startswith("Not collected today (")
    assert other_day.endswith(f"of 2 parcels 2 on {tomorrow}")
    by_id = {item["package"]: item for item in asked["preview"]["items"]}
    assert by_id[late.packages[0].id]["hand_over_by"] == due
    assert "hand_over_by" not in by_id[timely.packages[0].id]
    assert not any("ollected" in warning for warning in brought["data"].get("warnings", ()))
    assert left_open["data"]["warnings"][0].startswith("Collected after"), "the first time that it can come is too late"


async def test_a_person_sees_every_parcel_on_a_line(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    person = Person("accept")
    going = list_waiting(sandbox, shop)[:4]
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        done = await ship(client, ids=[*(order.id for order in going), shop.planted["cancel_request"]])
    assert done["data"]["done"] == 4
    (question,) = person.questions
    lines = question.splitlines()
    assert lines[1].startswith("To: 4 packages")
    assert "asked to cancel" in lines[2]
    assert all(sum(o.packages[0].id in line and o.id in line for line in lines) == 1 for o in going)


async def test_what_buyer_and_seller_wrote_on_an_order_is_read_before_it_is_packed(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    person = Person("accept")
    for order in shop.orders.values():
        order.buyer_message = order.seller_note = ""
    present, plain = list_waiting(sandbox, shop)[:2]
    present.buyer_message = 'It\'s a present,\nno price inside, "please"!'
    present.seller_note = "Gift wrap"
    shop.mark_changed()
    wish = 'It\'s a present, no price inside, "please"!'
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        listed = await told(client, "get_worklist", kinds=["parcels_to_ship"])
        shown = await ship(client, ids=[present.id, plain.id], dry_run=True)
        done = await ship(client, ids=[present.id, plain.id])
    table = listed["data"]["parcels_to_ship"]
    words = {row[table["columns"].index("order_id")]: row[table["columns"].index("words")] for row in table["rows"]}
    assert words[present.id] == f"buyer: {wish}; own note: Gift wrap"
    assert not any(text for order_id, text in words.items() if order_id != present.id)
    assert "parcels_to_ship.words" in listed["untrusted"]
    warning = "To be read before packing: 1 of 2 parcels have a buyer_message or seller_note"
    assert warning in shown["data"]["warnings"]
    for answer in (shown, done):  # also beside the label
        first, second = answer["data"]["items"]
        assert (first["buyer_message"], first["seller_note"]) == (wish, "Gift wrap")
        assert "items" in answer["untrusted"]
        assert not {"buyer_message", "seller_note"} & second.keys()
    (question,) = person.questions
    (line,) = [line for line in question.splitlines() if present.packages[0].id in line]
    assert '"It\'s a present, no price inside, \'please\'!" "Gift wrap"' in line, "quoted, so that it says nothing else"


async def test_orders_of_one_buyer_that_could_go_as_one_are_named_before_they_go_apart(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    first, second, other = list_waiting(sandbox, shop)[:3]
    second.buyer = first.buyer
    shop.mark_changed()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        apart = await ship(client, ids=[first.id, second.id, other.id], dry_run=True)
        (warning,) = [text for text in apart["data"]["warnings"] if "combine_package" in text]
        assert {*re.findall(r"\d{18}", warning)} == {first.id, second.id}
        sandbox.log.clear()
        alone = await ship(client, ids=[first.id, other.id], dry_run=True)
        assert not any("combine_package" in text for text in alone["data"].get("warnings", ()))
        assert not sandbox.log.list_entries("search_combinable_packages"), "nothing is looked up for nothing"
        sandbox.faults.add("search_combinable_packages", code=36009003, message="Not now.", times=None)
        still = await ship(client, ids=[first.id, second.id], dry_run=True)
    assert still["data"]["to_do"] == 2
    assert not any("combine_package" in text for text in still["data"].get("warnings", ()))


async def test_where_labels_are_bought_one_parcel_instead_of_two_is_bought_by_another_call(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    us = sandbox.accounts[1].shops[0]
    first, second = list_waiting(sandbox, us)[:2]
    second.buyer = first.buyer
    us.mark_changed()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        apart = await ship(client, ids=[first.id, second.id], shop=us.name, dry_run=True)
    (warning,) = [text for text in apart["data"]["warnings"] if "one parcel instead" in text]
    assert "create_packages with ship_type 3" in warning
    assert CATALOG.operations["create_packages"].arguments["ship_type"]
    assert {*re.findall(r"\d{18}", warning)} == {first.id, second.id}


async def test_two_variants_of_a_product_are_told_apart_in_a_parcel(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        shown = await ship(client, ids=[order.id], dry_run=True)
    (item,) = shown["data"]["items"]
    for line in order.lines:
        variant = f", {line.sku.name}" if line.sku.name != "Default" else ""
        assert f"{variant} ({line.sku.seller_sku})" in item["contents"]
    assert any(line.sku.name != "Default" for line in order.lines)


@pytest.mark.parametrize("due", ["late", "today", "tomorrow"])
async def test_what_is_due_is_found_by_its_deadline(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, due: str
) -> None:
    now = int(sandbox.now())
    today = datetime.fromtimestamp(now, ZoneInfo("Europe/London")).replace(hour=0, minute=0, second=0)
    days = {"late": 0, "today": 1, "tomorrow": 2}[due]
    end = (today + timedelta(days)).timestamp() if days else now
    expected = {
        package.id
        for order in shop.orders.values()
        if order.get_status(now) in ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING") and order.paid_time + 49 * 3600 < end
        for package in order.packages
        if package.get_status(now) == "TO_FULFILL"
    }
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        shown = await ship(client, due=due, dry_run=True)
    items = [item for item in to_items(shown["data"]) if item["now"] == "TO_FULFILL"]
    assert {item["package"] for item in items} == expected
    assert expected
    deadlines = [item["ship_by"] for item in items if "skipped" not in item]
    assert deadlines == sorted(deadlines)
    # `late` is what has missed the carrier, in the worklist.
    for item in items:
        is_overdue = datetime.fromisoformat(item["ship_by"]).timestamp() < now
        assert "skipped" in item or (item.get("overdue") == "yes") is is_overdue
    assert writes(sandbox) == []


@pytest.mark.usefixtures("impatient")
async def test_labels_that_are_not_ready_in_time_are_named_with_the_call_that_gets_them(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:2]
    sandbox.faults.delay_labels(1_000)
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=[order.id for order in going])
        assert done["data"]["done"] == 2
        labels = done["data"]["labels"]
        assert "path" not in labels
        assert {row["package"] for row in labels["missing"]} == {order.packages[0].id for order in going}
        sandbox.faults.delay_labels(0)
        later = await told(client, labels["later"]["tool"], **labels["later"]["arguments"])
    assert later["data"]["pages"] == 2


async def test_labels_are_waited_for(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_files, "POLL_INTERVAL_S", 0.05)
    going = list_waiting(sandbox, shop)[:2]
    sandbox.faults.delay_labels(2)
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=[order.id for order in going])
    assert len(read_pages(done["data"]["labels"])) == 2
    assert "missing" not in done["data"]["labels"]


async def test_progress_rises_through_writes_and_labels(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship_orders, "MAX_PARCELS_PER_WRITE", 1)
    monkeypatch.setattr(label_files, "POLL_INTERVAL_S", 0.05)
    sandbox.faults.delay_labels(2)
    heard: list[tuple[float, float | None, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message or ""))

    arguments = {"ids": [order.id for order in list_waiting(sandbox, shop)[:3]]}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        await client.call_tool("ship_orders", arguments, progress_callback=hear)
    values = [progress for progress, _, _ in heard]
    assert values == sorted(set(values))
    assert all(total is None or progress <= total for progress, total, _ in heard)
    messages = [message for _, _, message in heard]
    assert messages[2] == "3 of 3 done"
    assert any("waiting for" in message for message in messages)


async def test_a_label_that_cannot_be_had_costs_no_other(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:3]
    sandbox.faults.add("get_package_shipping_document", code=21008017, message="No label for this one.")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=[order.id for order in going])
    labels = done["data"]["labels"]
    (missing,) = labels["missing"]
    assert "No label for this one" in missing["reason"]
    others = [order.packages[0].id for order in going if order.packages[0].id != missing["package"]]
    assert [*list_pages(done).values()] == others
    assert len(read_pages(labels)) == 2


@pytest.mark.parametrize("by", ["ids", "due"])
async def test_a_job_that_was_cut_in_the_middle_goes_on_and_ships_nothing_twice(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The second of three writes is done and its answer lost: those two are unknown, and then seen to be shipped."""
    monkeypatch.setattr(ship_orders, "MAX_PARCELS_PER_WRITE", 2)
    now = int(sandbox.now())
    going = list_waiting(sandbox, shop)[:5]
    for order in going:  # late by an hour, and no other is
        order.paid_time = now - 50 * 3600
    for order in shop.orders.values():
        if order.get_status(now) in ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING") and order not in going:
            order.paid_time = now - 3 * 3600
    shop.mark_changed()
    what: dict[str, Any] = {"ids": [order.id for order in going]} if by == "ids" else {"due": "late"}
    sandbox.faults.add(SHIP, delay=0.001)
    sandbox.faults.add(SHIP, cut="after")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first = await ship(client, **what)
        assert (first["data"]["done"], first["data"]["unknown"], first["status"]) == (3, 2, "unfinished")
        assert first["data"]["labels"]["pages"] == 3
        again = await ship(client, **what)
    assert "unknown" not in again["data"]
    assert len(writes(sandbox)) == 3
    sent = [package_id for batch in sent_packages(sandbox) for package_id in batch]
    assert sorted(sent) == sorted(order.packages[0].id for order in going)
    assert sorted(list_pages(again)) == [1, 2, 3, 4, 5]
    assert {*list_pages(again).values()} == set(sent)
    assert len(read_pages(again["data"]["labels"])) == 5


@pytest.mark.parametrize("shipped_at", ["2027-03-28T00:50:00+00:00", "2026-10-25T00:50:00+00:00"])
async def test_what_was_shipped_a_moment_ago_is_found_also_where_the_clock_was_set_meanwhile(
    connect: Connect, shipped_at: str
) -> None:
    clock = Clock(datetime.fromisoformat(shipped_at).timestamp())
    sandbox = Sandbox(clock=clock)
    shop = sandbox.accounts[0].shops[0]
    (parcel,) = list_waiting(sandbox, shop)[0].packages
    async with connect(sandbox="1", sandbox_object=sandbox, runtime=Runtime(clock, lambda: 0.0)) as client:
        await ship(client, ids=[parcel.id])
        found = []
        for minutes in (29, 2):  # 29 minutes after it, and 31
            clock.pass_by(minutes * 60)
            shown = await ship(client, due="today", dry_run=True)
            found.append(parcel.id in {item["package"] for item in to_items(shown["data"])})
    assert found == [True, False]


async def test_more_than_one_job_takes_is_left_for_the_next_call(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship_orders, "MAX_PARCELS", 2)
    going = list_waiting(sandbox, shop)[:3]
    ids = [order.id for order in going]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first = await ship(client, ids=ids)
        second = await ship(client, ids=ids)
    assert [len(batch) for batch in sent_packages(sandbox)] == [2, 1]
    assert "call it again" in next(item["reason"] for item in first["data"]["items"] if item["outcome"] == "skipped")
    assert second["data"]["labels"]["pages"] == 3


async def test_what_the_platform_refuses_is_told_and_the_rest_is_done(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:3]
    refused_id = going[1].packages[0].id
    error = {"code": 21011020, "message": "Not this one.", "detail": {"package_id": refused_id}}
    sandbox.faults.add(SHIP, edit=lambda _data: {"errors": [error]})
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=[order.id for order in going])
    assert (done["data"]["done"], done["data"]["failed"]) == (2, 1)
    failed = done["data"]["items"][0]
    assert (failed["package"], failed["outcome"]) == (refused_id, "failed")
    assert "Not this one" in failed["reason"]
    assert refused_id not in list_pages(done).values()


async def test_a_buyer_who_asks_to_cancel_before_the_yes_holds_the_parcels_up(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:2]
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ship(client, ids=[order.id for order in going])
        ask_to_cancel(sandbox, shop, going[0])
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert stale["status"] == "confirmation_required"
        assert going[0].packages[0].id in {change.get("package") for change in stale["changed"]}
        assert writes(sandbox) == []
        done = await told(client, "confirm_write", token=stale["confirm"])
    assert (done["data"]["done"], done["data"]["skipped"]) == (1, 1)
    assert sent_packages(sandbox) == [[going[1].packages[0].id]]


async def test_the_rest_of_a_partly_shipped_order_goes(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    order = shop.orders[shop.planted["partly_shipped"]]
    now = int(sandbox.now())
    rest = [package.id for package in order.packages if package.get_status(now) == "TO_FULFILL"]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=order.id)
    assert sent_packages(sandbox) == [rest]
    (skipped,) = (item for item in done["data"]["items"] if item["outcome"] == "skipped")
    assert "shipped already" in skipped["reason"]


async def test_a_parcel_of_two_orders_waits_for_both(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    one, other = (shop.orders[shop.planted[name]] for name in ("combine_1", "combine_2"))
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        found = await told(client, "run_read_operation", name="search_combinable_packages", arguments={"page_size": 50})
        pair = next(p for p in found["data"]["combinable_packages"] if one.id in p["order_ids"])
        groups = [{"id": pair["id"], "order_ids": [one.id, other.id]}]
        await told(client, "run_write_operation", name="combine_package", arguments={"combinable_packages": groups})
        (package,) = one.packages
        shown = await ship(client, ids=[one.id], dry_run=True)
        (item,) = shown["data"]["items"]
        assert item["package"] == package.id
        assert set(item["order"].split(", ")) == {one.id, other.id}
        ask_to_cancel(sandbox, shop, other)
        held = await ship(client, ids=[one.id])
    assert held["data"]["skipped"] == 1
    assert other.id in held["data"]["items"][0]["reason"]
    assert SHIP not in writes(sandbox)


async def test_a_parcel_that_the_seller_sends_needs_its_tracking_number(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    order = shop.orders[shop.planted["seller_shipped"]]
    carrier = {"id": order.id, "tracking_number": "OWN-12345", "shipping_provider": "no such carrier"}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        skipped = await ship(client, ids=[order.id])
        assert "own_carrier" in skipped["data"]["items"][0]["reason"]
        refused = await ship(client, ids=[order.id], own_carrier=[carrier])
        assert refused["error"] == "invalid_arguments"
        choices = refused["problems"][0]["allowed"]
        carrier["shipping_provider"] = choices.split(" (")[0].upper()
        wrong = await ship(
            client, ids=[list_waiting(sandbox, shop)[0].id], own_carrier=[carrier | {"id": order.packages[0].id}]
        )
        assert wrong["problems"][0]["argument"] == "own_carrier[0].id"
        assert writes(sandbox) == []
        done = await ship(client, ids=[order.id], own_carrier=[carrier])
        again = await ship(client, ids=[order.id], own_carrier=[carrier])
    assert done["data"]["done"] == 1
    assert "labels" not in done["data"]
    assert order.packages[0].tracking_number == "OWN-12345"
    assert writes(sandbox) == ["mark_package_as_shipped"]
    assert again["data"]["items"][0]["outcome"] == "skipped"


async def test_pickup_takes_a_slot_that_the_carrier_offers(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        never = await ship(client, ids=[order.id], handover="PICKUP", pickup_time="2020-01-01T09:00:00Z")
        assert "get_package_handover_time_slots" in never["data"]["items"][0]["reason"]
        assert writes(sandbox) == []
        slots = await told(
            client,
            "run_read_operation",
            name="get_package_handover_time_slots",
            arguments={"package_id": order.packages[0].id},
        )
        await ship(client, ids=[order.id], handover="PICKUP")
    (package,) = json.loads(sandbox.log.list_entries(SHIP)[0].body)["packages"]
    first = slots["data"]["pickup_slots"][0]
    assert package["handover_method"] == "PICKUP"
    assert package["pickup_slot"] == {
        name: int(datetime.fromisoformat(first[name]).timestamp()) for name in ("start_time", "end_time")
    }


async def test_where_labels_are_bought_the_price_is_shown_first(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    us = sandbox.accounts[1].shops[0]
    order, other, *_ = list_waiting(sandbox, us)
    before = order.packages[0].id
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        both = (await ship(client, ids=[order.id, other.id], shop=us.name, dry_run=True))["data"]
        prices = [Decimal(price) for item in both["items"] for price in re.findall(r"([\d.]+) USD", item["will_be"])]
        assert len(prices) == 2
        assert f"The labels cost {sum(prices)} USD in all." in both["explanation"]
        assert both["explanation"].startswith("TikTok tells only afterwards whether they are collected or dropped off")
        assert "nothing sets it" in both["explanation"]
        wished = (await ship(client, ids=[order.id], shop=us.name, handover="DROP_OFF", dry_run=True))["data"]
        assert wished["warnings"][0].startswith("TikTok takes no handover with labels that are bought")
        asked = await ship(client, ids=[order.id], shop=us.name)
        (item,) = asked["preview"]["items"]
        assert "USD" in item["will_be"]
        assert "label bought" in item["will_be"]
        done = await told(client, "confirm_write", token=asked["confirm"])
        changes = (await told(client, "run_read_operation", name="list_changes", arguments={}))["data"]["changes"]
        (change,) = [dict(zip(changes["columns"], row, strict=True)) for row in changes["rows"]]
        detail = await told(client, "run_read_operation", name="list_changes", arguments={"id": change["id"]})
    (price,) = re.findall(r"([\d.]+) USD", item["will_be"])
    assert f"labels bought for {price} USD" in change["what"]
    assert "shipping_service_info" not in change["what"] + json.dumps(detail["data"]["change"].get("made", {}))
    assert writes(sandbox) == ["create_packages"]
    (package,) = order.packages
    assert package.id != before
    assert list_pages(done) == {1: package.id}
    assert package.id in read_pages(done["data"]["labels"])[0]


async def test_no_shop_is_guessed_and_another_shops_orders_are_refused(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    main, abroad = sandbox.accounts[0].shops
    order, other = (list_waiting(sandbox, shop)[0] for shop in (main, abroad))
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        assert (await ship(client, ids=[order.id]))["error"] == "shop_required"
        refused = await ship(client, ids=[order.id, other.id], shop=main.name)
        assert other.id in refused["message"]
        refused_package = await ship(client, ids=[other.packages[0].id], shop=main.name)
        assert other.packages[0].id in refused_package["message"]
    assert writes(sandbox) == []


async def test_ids_that_mean_nothing_are_named(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=["123456789"])
        both = await ship(client, ids=["1"], due="today")
        neither = await ship(client)
    (item,) = done["data"]["items"]
    assert (item["id"], item["outcome"]) == ("123456789", "skipped")
    assert both["error"] == neither["error"] == "invalid_arguments"
    assert writes(sandbox) == []


@pytest.mark.parametrize(("buyer_data", "is_shown"), [("full", True), ("masked", False)])
async def test_the_town_is_shown_where_buyers_data_may_be(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, buyer_data: str, is_shown: bool
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox, buyer_data=buyer_data) as client:
        shown = await ship(client, ids=[order.id], dry_run=True)
    assert bool(shown["data"]["items"][0].get("town")) == is_shown


async def test_a_read_only_server_ships_nothing(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox, read_only="1") as client:
        refused = await told(client, "ship_orders", ids=[order.id])
    assert refused["error"] == "read_only"
    assert writes(sandbox) == []


async def test_one_odd_order_costs_none_of_the_others(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    going = list_waiting(sandbox, shop)[:2]

    def spoil(data: dict[str, Any]) -> dict[str, Any]:
        first, second = data["orders"]
        first |= {"rts_sla_time": "soon", "shipping_due_time": None, "recipient_address": "?", "packages": 5}
        first["line_items"] += [None, {"id": ""}, "?"]
        return {"orders": [first, None, {"status": "AWAITING_SHIPMENT"}, second]}

    sandbox.faults.add("get_order_detail", edit=spoil)
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        shown = await ship(client, ids=[order.id for order in going], dry_run=True)
    assert {item["package"] for item in shown["data"]["items"]} == {order.packages[0].id for order in going}


async def test_packing_slips_stand_behind_their_labels_in_one_file(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:2]
    ids = [order.packages[0].id for order in going]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await ship(client, ids=[order.id for order in going], packing_slips=True)
        again = await told(client, "resize_pdf", package_ids=ids, packing_slips=True)
        alone = await told(client, "resize_pdf", package_ids=ids)
        foreign = await told(client, "resize_pdf", source=["label.pdf"], packing_slips=True)
    texts = read_pages(done["data"]["labels"])
    assert ["PACKING SLIP" in text for text in texts] == [False, True] * 2
    assert list_pages(done) == {page: ids[(page - 1) // 2] for page in (1, 2, 3, 4)}
    assert all(order.lines[0].sku.seller_sku in texts[2 * place + 1] for place, order in enumerate(going))
    assert read_pages(again["data"]) == texts
    assert alone["data"]["pages"] == 2
    assert foreign["problems"][0]["argument"] == "packing_slips"
