"""What waits for a seller is told whole, by deadline, in few words: counted again from the platform's own lists."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.mirror.worklist_kinds import WORKLIST_FOLDER, load_worklist_kinds
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.conftest import CATALOG
from tests.platform.test_tokens import bad, good
from tests.sandbox.client import NOW, Clock
from tests.tools.platform_lists import at_the_shop, to_rows

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect
    from tests.sandbox.client import Json
    from tests.tools.platform_lists import PlatformLists

TOOL = "get_worklist"
DAY_S = 86_400
LONDON = ZoneInfo("Europe/London")
UNSHIPPED = ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
MAX_WORDS_CHARS = 300
THANKS = "Great, thanks!"  # a buyer's last words in the simulated shop
BUSY_DAY_BYTES = 6_000  # 1,500 tokens of four bytes


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    """Nothing here changes it."""
    return Sandbox(clock=Clock())


@pytest.fixture(scope="module")
def three() -> Sandbox:
    return Sandbox(shops=3, orders=1_500, clock=Clock())


async def listed(client: Client, kind: str, **more: Any) -> list[Json]:
    """All entries of a kind."""
    told = good(await client.call_tool(TOOL, {"kinds": [kind], **more}))
    assert "worklist" not in told["data"]
    return to_rows(told["data"].get(kind, {"columns": [], "rows": []}))


def is_waiting(row: Json) -> bool:
    """Whether an entry counts: not where a buyer's last words are thanks."""
    return not row["detail"].startswith("closing words")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def to_minute(seconds: int) -> float:
    return float(seconds - seconds % 60)


def unshipped_parcels(orders: list[Json], now: int) -> dict[tuple[str, str], int]:
    """When parcels become late dispatches, by package and order, of those that must be announced within a day."""
    found: dict[tuple[str, str], int] = {}
    for order in orders:
        if order["status"] not in UNSHIPPED or order["rts_sla_time"] >= now + DAY_S:
            continue
        for line in order["line_items"]:
            if line["display_status"] != "CANCELLED" and line.get("package_status", "TO_FULFILL") == "TO_FULFILL":
                found[line.get("package_id", ""), order["id"]] = order["tts_sla_time"]
    return found


@pytest.mark.parametrize("days", [0, 1, 3])
async def test_every_parcel_that_is_late_or_due_within_a_day_is_told(connect: Connect, days: int) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    clock.pass_by(days * DAY_S)
    now = NOW + days * DAY_S
    async with at_the_shop(connect, sandbox, clock) as (client, (shop,)):
        rows = await listed(client, "parcels_to_ship")
        expected = unshipped_parcels(await shop.orders(), now)
        data = good(await client.call_tool(TOOL, {}))["data"]
    found = {(row["id"] or "", row["order_id"]): moment(row["deadline"]) for row in rows}
    assert found == {key: to_minute(seconds) for key, seconds in expected.items()}
    assert expected
    (kind,) = [row for row in to_rows(data["kinds"]) if row["kind"] == "parcels_to_ship"]
    today = datetime.fromtimestamp(now, LONDON).date()
    urgency = Counter(
        "late" if seconds < now else "today" if datetime.fromtimestamp(seconds, LONDON).date() == today else "in_24_h"
        for seconds in expected.values()
        if seconds < now or (datetime.fromtimestamp(seconds, LONDON).date() - today).days < 1 or seconds <= now + DAY_S
    )
    # A count that is zero for all kinds has no column.
    assert {name: kind.get(name, 0) for name in ("late", "today", "in_24_h")} == {
        name: urgency[name] for name in ("late", "today", "in_24_h")
    }
    assert (kind["id"], kind["tool"]) == ("package_id", "ship_orders")


@pytest.mark.parametrize(
    ("now", "deadline", "due"),
    [
        # Summer time ends, and its last hour is shown twice; a day later the clock shows an hour less.
        ("2026-10-25T01:10+00:00", "2026-10-25T01:50+01:00", "late"),
        ("2026-10-25T01:50+01:00", "2026-10-25T01:10+00:00", "today"),
        ("2026-10-24T12:00+01:00", "2026-10-25T11:30+00:00", None),
        # It begins, and the clock shows an hour more.
        ("2027-03-27T12:00+00:00", "2027-03-28T12:30+01:00", "24h"),
    ],
)
async def test_how_soon_a_parcel_is_due_is_told_by_the_time_that_passes(
    connect: Connect, now: str, deadline: str, due: str | None
) -> None:
    clock = Clock(moment(now))
    sandbox = Sandbox(orders=20, clock=clock)
    seconds = int(moment(deadline))
    times = {"rts_sla_time": min(seconds, int(clock.now) + 3600), "tts_sla_time": seconds}

    def set_times(data: Json) -> Json:
        return data | {"orders": [order | times for order in data["orders"]]}

    sandbox.faults.add("get_order_list", times=None, edit=set_times)
    async with at_the_shop(connect, sandbox, clock) as (client, _):
        told = good(await client.call_tool(TOOL, {"kinds": ["parcels_to_ship"]}))["data"]
    rows = to_rows(told["parcels_to_ship"])
    assert rows
    assert {row["deadline"] for row in rows} == {deadline}
    assert {row.get("due") for row in rows} == {due}
    counts = {"late": told["late"], "today": told["due_today"], "24h": told["due_in_24_h"], None: 0}
    assert counts.pop(due) == (len(rows) if due else 0)
    assert not any(counts.values())


async def test_what_is_out_of_stock_is_due_today_until_midnight(connect: Connect) -> None:
    clock = Clock(moment("2026-11-22T23:59:59+00:00"))
    async with at_the_shop(connect, Sandbox(clock=clock), clock) as (client, _):
        rows = await listed(client, "stock")
    selling = [row for row in rows if "out of stock" in row["detail"] and ", 0 sold" not in row["detail"]]
    assert selling
    assert {(row["deadline"], row["due"]) for row in selling} == {("2026-11-22T23:59+00:00", "today")}


async def test_a_partly_shipped_order_and_one_with_a_request_to_cancel_are_marked(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    clock.pass_by(DAY_S)
    async with at_the_shop(connect, sandbox, clock) as (client, (shop,)):
        rows = await listed(client, "parcels_to_ship")
        orders = {order["id"]: order for order in await shop.orders()}
        requests = await shop.cancellations()
    pending = {r["order_id"] for r in requests if r["cancel_status"] == "CANCELLATION_REQUEST_PENDING"}
    partly = {order["id"] for order in orders.values() if order["status"] == "PARTIALLY_SHIPPING"}
    assert {row["order_id"] for row in rows if "CANCELLATION REQUESTED" in row["detail"]} == pending
    assert {row["order_id"] for row in rows if "partly shipped" in row["detail"]} == partly
    for row in rows:
        if "orders in one parcel" in row["detail"] or row["order_id"] in partly:
            continue
        order = orders[row["order_id"]]
        lines = [line for line in order["line_items"] if line["package_id"] == row["id"]]
        assert f", {sum(Decimal(line['sale_price']) for line in lines)} GBP, " in row["detail"]
        late, end = (datetime.fromtimestamp(order[name], LONDON) for name in ("tts_sla_time", "shipping_due_time"))
        assert row["detail"].endswith(f", late dispatch from {late:%m-%d %H:%M}, cancellable from {end:%m-%d %H:%M}")
        assert ("overdue to announce" in row["detail"]) == (order["rts_sla_time"] < clock.now)
    assert pending
    assert partly


async def test_late_parcels_are_those_of_the_late_dispatches_that_the_report_counts(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    clock.pass_by(3 * DAY_S)
    async with at_the_shop(connect, sandbox, clock) as (client, _):
        rows = [*await listed(client, "parcels_to_ship"), *await listed(client, "parcels_not_collected")]
        report = {"report": "shipping_times", "group_by": "order", "columns": ["still_late"], "limit": 1_000}
        told = good(await client.call_tool("get_report", report))["data"]
    # Of a partly shipped order the report has what the carrier took first.
    late = {row["order_id"] for row in rows if row.get("due") == "late" and "partly shipped" not in row["detail"]}
    assert late == {row["order_id"] for row in to_rows(told["table"]) if row["still_late"]}
    assert late


async def test_what_no_carrier_has_taken_is_told(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    clock.pass_by(DAY_S // 4)
    async with at_the_shop(connect, sandbox, clock) as (client, (shop,)):
        rows = await listed(client, "parcels_not_collected")
        orders = await shop.orders()
    expected = {
        line["package_id"]: to_minute(order["tts_sla_time"])
        for order in orders
        if order["status"] in ("AWAITING_COLLECTION", "PARTIALLY_SHIPPING")
        for line in order["line_items"]
        if line.get("package_status") == "PROCESSING"
        if order["tts_sla_time"] < clock.now + DAY_S or line["rts_time"] < clock.now - DAY_S
    }
    assert {row["id"]: moment(row["deadline"]) for row in rows} == expected
    assert expected


async def test_who_asks_for_parcels_to_ship_hears_of_those_that_no_carrier_has_taken(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    clock.pass_by(DAY_S // 4)
    async with at_the_shop(connect, sandbox, clock) as (client, _):
        waiting = await listed(client, "parcels_not_collected")
        data = good(await client.call_tool(TOOL, {"kinds": ["parcels_to_ship"]}))["data"]
        both = good(await client.call_tool(TOOL, {"kinds": ["parcels_to_ship", "parcels_not_collected"]}))["data"]
    related = data["see_also"]["parcels_not_collected"]
    assert related["in_all"] == len(waiting) > 0
    assert related["late"] == sum(row.get("due") == "late" for row in waiting)
    assert data["in_all"] == len(to_rows(data["parcels_to_ship"]))
    assert "see_also" not in both


async def test_requests_of_buyers_wait_with_their_deadlines(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        cancellations = await listed(client, "cancellations")
        returns = await listed(client, "returns")
        asked = [*await shop.cancellations(), *await shop.returns()]
        kinds = to_rows(good(await client.call_tool(TOOL, {}))["data"]["kinds"])
    expected = {
        request.get("cancel_id") or request["return_id"]: to_minute(action["deadline"])
        for request in asked
        for action in request.get("seller_next_action_response") or ()
    }
    assert {row["id"]: moment(row["deadline"]) for row in [*cancellations, *returns]} == expected
    assert len(cancellations) == 1
    assert len(returns) > 1
    outcomes = {row["kind"]: (row["id"], row["otherwise"], row["tool"]) for row in kinds}
    assert outcomes["cancellations"] == (
        "cancel_id",
        "at the deadline the platform agrees and pays the buyer back",
        "decide_returns",
    )
    assert outcomes["returns"][0] == "return_id"


def choose_order(orders: list[dict[str, Any]], conversation: dict[str, Any]) -> dict[str, Any] | None:
    """The buyer's order with a parcel to ship, or else their latest."""
    user_id = next(person["user_id"] for person in conversation["participants"] if person["role"] == "BUYER")
    own = [order for order in orders if order["user_id"] == user_id]
    return max(own, key=lambda o: (o["status"] in UNSHIPPED, o["create_time"]), default=None)


async def test_a_chat_waits_as_long_as_the_buyer_spoke_last(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    async with at_the_shop(connect, sandbox, clock) as (client, (shop,)):
        rows = await listed(client, "chats")
        orders = await shop.orders()
        waiting = [c for c in await shop.conversations() if c["latest_message"]["sender"]["role"] == "BUYER"]
        words_by_id = {c["id"]: json.loads(c["latest_message"]["content"])["content"] for c in waiting}
        by_wait = sorted(waiting, key=lambda conversation: int(conversation["latest_message"]["create_time"]))
        by_wait.sort(key=lambda conversation: words_by_id[conversation["id"]] == THANKS)
        assert words_by_id[by_wait[-1]["id"]] == THANKS
        assert [row["id"] for row in rows] == [conversation["id"] for conversation in by_wait]
        for row, conversation in zip(rows, by_wait, strict=True):
            minutes = (clock.now - int(conversation["latest_message"]["create_time"])) // 60
            age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
            words = words_by_id[row["id"]]
            order = choose_order(orders, conversation)
            assert row.get("order_id") == (order and order["id"])
            state = f"order {order['status']}" if order else "no order known"
            said = f"closing words, {age} ago" if words == THANKS else f"waits {age}"
            assert row["detail"].startswith(f"{said}, {state}")
            assert row["words"].removesuffix("…")[:10] in words
            assert len(row["words"]) <= MAX_WORDS_CHARS
            assert not row["words"].endswith("…"), "a few words are told whole"
            assert row["buyer"].endswith("***")
        answer = {"conversation_id": rows[0]["id"], "type": "TEXT", "content": '{"content": "It is on its way."}'}
        good(await client.call_tool("send_message", answer))
        clock.pass_by(600)
        assert [row["id"] for row in await listed(client, "chats")] == [row["id"] for row in rows[1:]]


@pytest.mark.parametrize(
    ("words", "unread", "is_closed"),
    [
        ("Great, thanks!", 1, True),
        ("Vielen Dank, alles klar 👍", 1, True),
        ("ありがとうございます。", 1, True),
        ("Terima kasih banyak ya kak", 0, True),
        ("Muchas gracias!", 1, True),
        ("Thanks!", 2, False),  # what stands before it was not read
        ("Thanks?", 1, False),
        ("Thanks, it is broken", 1, False),
        ("Thanks, and 2 more", 1, False),
        ("ok ok ok ok ok ok ok", 1, False),
        ("All good", 1, False),
        ("👍", 1, False),
    ],
)
async def test_a_buyer_who_only_thanks_is_listed_last_and_waits_in_no_count(
    connect: Connect, words: str, unread: int, *, is_closed: bool
) -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    shop = sandbox.accounts[0].shops[0]
    conversation = next(c for c in shop.chats.conversations.values() if THANKS in c.messages[-1].content)
    conversation.add_message("BUYER", "TEXT", json.dumps({"content": words}), NOW - 200 * 3_600)
    conversation.unread = unread
    shop.mark_changed()
    async with at_the_shop(connect, sandbox, clock) as (client, _):
        data = good(await client.call_tool(TOOL, {"kinds": ["chats"]}))["data"]
        rows = to_rows(data["chats"])
        kinds = to_rows(good(await client.call_tool(TOOL, {}))["data"]["kinds"])
    (row,) = [row for row in rows if row["id"] == conversation.id]
    assert row == rows[-1 if is_closed else 0]
    assert row["detail"].startswith("closing words, 200 h ago, " if is_closed else "waits 200 h, ")
    assert data["in_all"] == len(rows) - is_closed
    assert next(kind["in_all"] for kind in kinds if kind["kind"] == "chats") == data["in_all"]
    assert ("in no count" in data.get("note", "")) == is_closed


async def test_words_of_buyers_do_not_stand_in_the_worklist(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        told = good(await client.call_tool(TOOL, {}))
    assert "Ignore previous" not in to_json_text(told)
    assert told["untrusted"] == ["worklist.product_name"]


async def test_a_buyers_reason_stands_beside_the_wish_to_cancel_as_text_of_others(
    connect: Connect, shared: Sandbox
) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        told = good(await client.call_tool(TOOL, {"kinds": ["cancellations"]}))
        requests = {request["cancel_id"]: request for request in await shop.cancellations()}
    rows = to_rows(told["data"]["cancellations"])
    assert rows
    assert {row["id"]: row["words"] for row in rows} == {
        row["id"]: requests[row["id"]]["cancel_reason_text"] for row in rows
    }
    assert all(re.fullmatch(r"[A-Z]\*\*\*", row["buyer"]) for row in rows)
    assert told["untrusted"] == ["cancellations.buyer", "cancellations.words"]


async def test_listings_that_failed_or_were_frozen_are_told(connect: Connect, shared: Sandbox) -> None:
    def freeze(data: Json) -> Json:
        for product in data["products"]:
            if product["status"] == "DRAFT":
                product["status"] = "FREEZE"
        return data

    shared.faults.add("search_products", times=None, edit=freeze)
    try:
        async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
            rows = await listed(client, "listings")
            products = await shop.products()
    finally:
        shared.faults.clear()
    expected = {p["id"]: p["title"] for p in products if p["status"] in ("FAILED", "FREEZE", "PLATFORM_DEACTIVATED")}
    assert {row["id"]: row["product_name"] for row in rows} == expected
    assert {row["detail"].partition(" ")[0] for row in rows} == {"FAILED", "FREEZE"}


async def expected_stock(shop: PlatformLists) -> dict[str, tuple[int, int]]:
    """Stock and units sold in 28 days of what is out, or will be within 14 days at that pace, by SKU."""
    on_sale = [product for product in await shop.products() if product["status"] == "ACTIVATE"]
    stock = {
        sku["id"]: sum(place["available_quantity"] for place in sku["warehouse_inventory"])
        for start in range(0, len(on_sale), 100)
        for sku in await shop.inventory([product["id"] for product in on_sale[start : start + 100]])
    }
    sold: Counter[str] = Counter()
    for order in await shop.orders():
        if order["status"] not in ("UNPAID", "CANCELLED") and NOW - 28 * DAY_S <= order["create_time"] < NOW:
            sold.update(line["sku_id"] for line in order["line_items"] if line["display_status"] != "CANCELLED")
    return {
        sku: (units, sold[sku])
        for sku, units in stock.items()
        if units <= 0 or (sold[sku] and units / (sold[sku] / 28) < 14)
    }


async def test_stock_that_is_out_or_will_be_within_two_weeks_is_told(connect: Connect, three: Sandbox) -> None:
    async with at_the_shop(connect, three, Clock()) as (client, (shop, *_)):
        rows = await listed(client, "stock", shop=shop.shop.name)
        expected = await expected_stock(shop)
    assert {row["id"] for row in rows} == expected.keys()
    for row in rows:
        units, sold = expected[row["id"]]
        assert (f"{units} left" if units > 0 else "out of stock") in row["detail"]
        assert f"{sold} sold in 28 days" in row["detail"]
        if units > 0:
            end = datetime.fromtimestamp(NOW, LONDON) + timedelta(seconds=units * 28 * DAY_S // sold)
            assert row["deadline"] == end.isoformat(timespec="minutes")
        elif sold:
            today = datetime.fromtimestamp(NOW, LONDON).replace(hour=23, minute=59, second=0)
            assert row["deadline"] == today.isoformat(timespec="minutes"), "what is out costs sales now"
            assert row["due"] == "today"
        else:
            assert row["deadline"] is None
    due = [expected[row["id"]] for row in rows]
    assert due == sorted(due, key=lambda stock: (not stock[1], stock[0] > 0)), "what is out and sold stands first"
    assert any(units <= 0 and sold for units, sold in expected.values())
    assert {units > 0 for units, _ in expected.values()} == {True, False}


async def test_an_authorization_that_ends_soon_is_told_once_for_all_its_shops(connect: Connect) -> None:
    sandbox = Sandbox(shops=3, clock=Clock())
    soon, later = sorted(sandbox.accounts, key=lambda account: -len(account.shops))
    soon.refresh_token_expire_in, later.refresh_token_expire_in = NOW + 20 * DAY_S, NOW + 40 * DAY_S
    assert len(soon.shops) > 1
    async with at_the_shop(connect, sandbox, Clock()) as (client, _):
        (row,) = await listed(client, "authorizations")
    assert (row["id"], moment(row["deadline"])) == (soon.name, to_minute(soon.refresh_token_expire_in))


async def test_a_payout_that_does_not_agree_or_failed_is_told(connect: Connect, shared: Sandbox, home: Path) -> None:
    changed: dict[str, str] = {}

    def change(data: Json) -> Json:
        failed, short = sorted(data["payments"], key=lambda payment: payment["create_time"])[-2:]
        failed["status"] = "FAILED"
        short["settlement_amount"]["value"] = "1.23"
        changed.update({failed["id"]: "failed", short["id"]: "1.23"})
        return data

    async with at_the_shop(connect, shared, Clock()) as (client, _):
        assert await listed(client, "payouts") == []
    shared.faults.add("get_payments", times=None, edit=change)
    try:
        async with at_the_shop(connect, shared, Clock(), home=home / "other") as (client, _):
            rows = await listed(client, "payouts")
    finally:
        shared.faults.clear()
    assert {row["id"] for row in rows} == changed.keys()
    assert all(changed[row["id"]] in row["detail"] for row in rows)


async def test_a_busy_day_over_three_shops_is_told_in_few_words(connect: Connect, three: Sandbox) -> None:
    async with at_the_shop(connect, three, Clock()) as (client, shops):
        told = good(await client.call_tool(TOOL, {}))
        every = {kind["kind"]: await listed(client, kind["kind"]) for kind in to_rows(told["data"]["kinds"])}
    assert len(shops) == 3
    assert len(to_json_text(told).encode()) <= BUSY_DAY_BYTES
    data = told["data"]
    rows, kinds = to_rows(data["worklist"]), to_rows(data["kinds"])
    assert len(rows) < data["in_all"]
    assert data["note"].endswith("Not all are shown: name `kinds` for all of them.")
    for kind in kinds:
        assert kind["in_all"] == sum(map(is_waiting, every[kind["kind"]]))
        assert kind["shown"] == sum(row["kind"] == kind["kind"] for row in rows) > 0
        ends = [row["deadline"] for row in every[kind["kind"]] if row.get("deadline")]
        ahead = [end for end in ends if moment(end) >= moment(data["now"])]
        assert kind["next_deadline"] == min(ahead, key=moment, default=None)
    assert any(kind["next_deadline"] not in {row["deadline"] for row in rows} for kind in kinds)
    deadlines = [row["deadline"] for row in rows]
    known = [moment(text) for text in deadlines if text]
    assert known == sorted(known)
    assert deadlines[len(known) :] == [None] * (len(deadlines) - len(known))
    assert data["in_all"] == sum(is_waiting(row) for entries in every.values() for row in entries)
    assert data["late"] == sum(kind["late"] for kind in kinds)
    assert {row["shop"] for entries in every.values() for row in entries} == {shop.shop.region for shop in shops}
    # Each row says whether it is late or due, and each shop has its counts.
    now, by_shop = datetime.fromisoformat(data["now"]), to_rows(data["by_shop"])
    for row in rows:
        is_late = row["deadline"] is not None and datetime.fromisoformat(row["deadline"]) < now
        assert (row["due"] == "late") == is_late
        assert row["due"] in ("late", "today", "24h", None)
    assert [(row["shop"], row["name"]) for row in by_shop] == [(each.shop.region, each.shop.name) for each in shops]
    for name, whole in (("late", "late"), ("today", "due_today"), ("in_24_h", "due_in_24_h"), ("in_all", "in_all")):
        assert sum(row[name] for row in by_shop) == data[whole]


async def test_one_shop_can_be_asked_alone(connect: Connect, three: Sandbox) -> None:
    async with at_the_shop(connect, three, Clock()) as (client, _):
        data = good(await client.call_tool(TOOL, {"shop": "Sandbox Tea House DE"}))["data"]
    assert data["shop"] == "Sandbox Tea House DE"
    assert "shop" not in data["worklist"]["columns"]
    assert all(re.fullmatch(r".*\+01:00", row["deadline"] or "+01:00") for row in to_rows(data["worklist"]))


async def test_what_could_not_be_read_is_told_beside_the_rest(connect: Connect) -> None:
    sandbox = Sandbox(clock=Clock())
    sandbox.faults.add("get_conversations", times=None, status=403, code=105005, message="No scope.")
    async with at_the_shop(connect, sandbox, Clock()) as (client, _):
        data = good(await client.call_tool(TOOL, {}))["data"]
    (stale,) = data["not_up_to_date"]
    assert stale["table"] == "conversations"
    assert stale["problem"]
    kinds = {kind["kind"] for kind in to_rows(data["kinds"])}
    assert "parcels_to_ship" in kinds
    assert "chats" not in kinds


async def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        told = bad(await client.call_tool(TOOL, {"kinds": ["parcel_to_ship"]}))
    assert "did you mean parcels_to_ship?" in told["message"]
    assert all(kind in told["problems"][0]["allowed"] for kind in load_worklist_kinds())


@pytest.mark.parametrize("kind", load_worklist_kinds().values(), ids=lambda kind: kind.name)
def test_every_kind_is_a_file_that_names_tools_which_exist(kind: Any) -> None:
    assert (WORKLIST_FOLDER / f"{kind.name}.sql").exists()
    assert len(kind.title) <= 90
    assert not kind.otherwise.endswith(".")
    tools = re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", kind.tool)
    assert tools
    assert set(tools) <= CATALOG.operations.keys()
