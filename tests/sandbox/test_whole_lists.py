"""Whoever copies a shop list by list gets all of it once, sees every change by its time, and finds that sums agree."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.client import NOW, Clock
from tests.sandbox.conftest import calling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.client import Caller, Json

DAY, HOUR = 24 * 3600, 3600
ORDER = "/order/202507/orders"


@dataclass(frozen=True)
class Table:
    """A list: how it is asked for, where its page arguments stand, and which field each time filter is about."""

    method: str
    path: str
    name: str
    key: str = "id"
    size: int = 7
    query: tuple[tuple[str, str], ...] = ()
    body: tuple[tuple[str, Any], ...] = ()
    times: tuple[tuple[str, str], ...] = ()
    pages_in_body: bool = False

    async def rows(self, caller: Caller, size: int = 0, cipher: str = "", **filters: int) -> list[Json]:
        """Every row, page by page."""
        found: list[Json] = []
        token = ""
        while True:
            place: Json = {"page_size": size or self.size} | ({"page_token": token} if token else {})
            query, body = dict(self.query), dict(self.body)
            asked = filters | (place if self.pages_in_body else {})
            if self.method == "POST":
                body |= asked
            else:
                query |= {name: str(value) for name, value in asked.items()}
            query |= {} if self.pages_in_body else {name: str(value) for name, value in place.items()}
            sent = body if self.method == "POST" else None
            data = await caller.call(self.method, self.path, query, sent, cipher=cipher)
            found += data[self.name]
            token = data["next_page_token"]
            if not token:
                return found


CREATED_AND_UPDATED = (("create_time", "create_time"), ("update_time", "update_time"))
TABLES = {
    "orders": Table("POST", "/order/202309/orders/search", "orders", size=40, times=CREATED_AND_UPDATED),
    "packages": Table("POST", "/fulfillment/202309/packages/search", "packages", size=40, times=CREATED_AND_UPDATED),
    "cancellations": Table(
        "POST", "/return_refund/202602/cancellations/search", "cancellations", "cancel_id", 3, times=CREATED_AND_UPDATED
    ),
    "returns": Table(
        "POST", "/return_refund/202602/returns/search", "return_orders", "return_id", 10, times=CREATED_AND_UPDATED
    ),
    "products": Table("POST", "/product/202502/products/search", "products", body=(("status", "ALL"),)),
    "statements": Table(
        "GET",
        "/finance/202309/statements",
        "statements",
        query=(("sort_field", "statement_time"),),
        times=(("statement_time", "statement_time"),),
    ),
    "payments": Table(
        "GET",
        "/finance/202605/payments",
        "payments",
        size=2,
        query=(("sort_field", "create_time"),),
        times=(("create_time", "create_time"),),
    ),
    "withdrawals": Table(
        "GET",
        "/finance/202309/withdrawals",
        "withdrawals",
        size=3,
        query=(("types", "SETTLE,WITHDRAW"),),
        times=(("create_time", "create_time"),),
    ),
    "unsettled": Table(
        "GET",
        "/finance/202507/orders/unsettled",
        "transactions",
        query=(("sort_field", "order_create_time"),),
        times=(("search_time", "order_create_time"),),
    ),
    "conversations": Table("GET", "/customer_service/202309/conversations", "conversations", size=2),
    "activities": Table("POST", "/promotion/202309/activities/search", "activities", size=2, pages_in_body=True),
    "affiliate_orders": Table(
        "POST", "/affiliate_seller/202410/orders/search", "orders", times=(("create_time", "create_time"),)
    ),
    "samples": Table("POST", "/affiliate_seller/202508/sample_applications/search", "sample_applications", size=2),
}
CHANGING = ("orders", "packages", "cancellations", "returns")


@pytest.fixture
async def shop(clock: Clock) -> AsyncIterator[Caller]:
    async with calling(Sandbox(orders=200, clock=clock)) as caller:
        yield caller


async def transactions(caller: Caller, statement_id: str, cipher: str = "") -> list[Json]:
    path = f"/finance/202501/statements/{statement_id}/statement_transactions"
    table = Table("GET", path, "transactions", query=(("sort_field", "order_create_time"),))
    return await table.rows(caller, size=50, cipher=cipher)


def total(rows: list[Json], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


# ---- every row once


@pytest.mark.parametrize("name", sorted(TABLES))
async def test_small_pages_hold_what_large_ones_hold_each_row_once(shop: Caller, name: str) -> None:
    table = TABLES[name]
    small, large = await table.rows(shop), await table.rows(shop, size=20)
    assert len(large) > min(table.size, 8)
    assert [row[table.key] for row in small] == list(dict.fromkeys(row[table.key] for row in small))
    assert small == large


@pytest.mark.parametrize(("name", "argument", "field"), [(n, a, f) for n, t in TABLES.items() for a, f in t.times])
async def test_neighbouring_windows_of_time_hold_every_row_once(
    shop: Caller, name: str, argument: str, field: str
) -> None:
    table = TABLES[name]
    rows = await table.rows(shop)
    times = sorted(row[field] for row in rows)
    edges = [times[0], *sorted({times[len(times) * part // 4] for part in (1, 2, 3)} - {times[0]}), times[-1] + 1]
    found = []
    for start, end in pairwise(edges):
        window = await table.rows(shop, **{f"{argument}_ge": start, f"{argument}_lt": end})
        assert all(start <= row[field] < end for row in window)
        found += window
    assert sorted(row[table.key] for row in found) == sorted(row[table.key] for row in rows)


async def test_products_are_found_by_when_they_changed_with_both_ends(shop: Caller) -> None:
    rows = await TABLES["products"].rows(shop)
    middle = sorted(row["update_time"] for row in rows)[len(rows) // 2]
    early = await TABLES["products"].rows(shop, update_time_le=middle)
    late = await TABLES["products"].rows(shop, update_time_ge=middle + 1)
    assert sorted(row["id"] for row in early + late) == sorted(row["id"] for row in rows)
    assert all(row["update_time"] <= middle for row in early)


async def test_messages_are_paged_both_ways(shop: Caller) -> None:
    for conversation in await TABLES["conversations"].rows(shop):
        path = f"/customer_service/202309/conversations/{conversation['id']}/messages"
        newest = await Table("GET", path, "messages", size=2).rows(shop)
        oldest = await Table("GET", path, "messages", size=2, query=(("sort_order", "ASC"),)).rows(shop)
        assert newest == oldest[::-1]
        assert newest[0] == conversation["latest_message"]


# ---- what changes is found by its time


def changed(before: list[Json], after: list[Json], key: str) -> list[Json]:
    """Rows that are new, or differ in more than their update_time."""

    def bare(row: Json) -> Json:
        return {name: value for name, value in row.items() if name != "update_time"}

    known = {row[key]: bare(row) for row in before}
    return [row for row in after if bare(row) != known.get(row[key])]


@pytest.mark.parametrize("hours", [1, 9, 30, 60, 200])
async def test_what_time_changes_is_found_among_the_changes_since(shop: Caller, clock: Clock, hours: int) -> None:
    before = {name: await TABLES[name].rows(shop) for name in CHANGING}
    start = int(clock())
    clock.pass_by(hours * HOUR)
    shop.renew()
    found_any = False
    for name in CHANGING:
        table = TABLES[name]
        after = await table.rows(shop)
        different = changed(before[name], after, table.key)
        since = {row[table.key] for row in await table.rows(shop, update_time_ge=start)}
        assert {row[table.key] for row in different} <= since, name
        assert all(start < row["update_time"] <= clock() for row in different), name
        found_any = found_any or bool(different)
    assert found_any


async def test_what_a_seller_does_is_found_among_the_changes_since(shop: Caller, clock: Clock) -> None:
    planted, orders = shop.shop.planted, shop.shop.orders
    sent = f"/fulfillment/202610/orders/{planted['seller_shipped']}/packages"
    number = {"shipping_provider_id": "7117858858072016686", "tracking_number": "FIRST-1"}
    marked = await shop.call("POST", sent, None, {"shipping_info_list": [number]})
    clock.pass_by(5 * 60)
    before = {name: await TABLES[name].rows(shop) for name in CHANGING}
    start = int(clock())
    clock.pass_by(60)
    search = "/fulfillment/202309/combinable_packages/search"
    groups = (await shop.call("GET", search, {"page_size": "50"}))["combinable_packages"]
    group = next(one for one in groups if planted["combine_1"] in one["order_ids"])
    await shop.call("POST", "/fulfillment/202309/packages/combine", None, {"combinable_packages": [group]})
    late = orders[planted["late_1"]]
    await shop.call("POST", f"/fulfillment/202309/packages/{late.packages[0].id}/ship", None, {})
    correction = f"/fulfillment/202610/packages/{marked['package_id']}/shipping_info/update"
    await shop.call("POST", correction, None, {"shipping_info_list": [number | {"tracking_number": "SECOND-2"}]})
    (cancellation,) = shop.shop.aftersales.by_order[planted["cancel_request"]]
    await shop.call("POST", f"/return_refund/202309/cancellations/{cancellation.id}/approve")
    (refund,) = shop.shop.aftersales.by_order[planted["refund_pending"]]
    path = f"/return_refund/202309/returns/{refund.id}/approve"
    await shop.call("POST", path, None, {"decision": "APPROVE_REFUND"})
    counts = {}
    for name in CHANGING:
        table = TABLES[name]
        after = await table.rows(shop)
        different = {row[table.key] for row in changed(before[name], after, table.key)}
        since = {row[table.key] for row in await table.rows(shop, update_time_ge=start)}
        assert different <= since, name
        counts[name] = len(different)
    assert counts["orders"] >= 5  # two together, one shipped, one put right, one cancelled
    assert all(counts.values())


async def test_what_is_gone_is_in_no_list(shop: Caller) -> None:
    planted = shop.shop.planted
    before = {row["id"] for row in await TABLES["packages"].rows(shop)}
    search = "/fulfillment/202309/combinable_packages/search"
    groups = (await shop.call("GET", search, {"page_size": "50"}))["combinable_packages"]
    group = next(one for one in groups if planted["combine_1"] in one["order_ids"])
    combined = await shop.call("POST", "/fulfillment/202309/packages/combine", None, {"combinable_packages": [group]})
    after = {row["id"] for row in await TABLES["packages"].rows(shop)}
    assert len(before - after) == len(group["order_ids"])
    assert after - before == {combined["packages"][0]["id"]}


async def test_an_order_leaves_the_unsettled_when_it_comes_on_a_statement(shop: Caller, clock: Clock) -> None:
    waiting = {row["order_id"] for row in await TABLES["unsettled"].rows(shop)}
    clock.pass_by(9 * DAY)
    shop.renew()
    later = {row["order_id"] for row in await TABLES["unsettled"].rows(shop)}
    settled = [
        row["order_id"]
        for statement in await TABLES["statements"].rows(shop, statement_time_ge=NOW)
        for row in await transactions(shop, statement["id"])
        if row["type"] == "ORDER"
    ]
    assert waiting <= set(settled)
    assert not later & set(settled)


# ---- sums agree


@pytest.mark.parametrize(("account", "place"), [(0, 0), (0, 1), (1, 0)])
async def test_the_sums_of_every_shop_agree(three: Caller, account: int, place: int) -> None:
    three.account = account
    cipher = three.sandbox.accounts[account].shops[place].cipher
    orders = {row["id"]: row for row in await TABLES["orders"].rows(three, cipher=cipher)}
    for order in orders.values():
        payment, lines = order["payment"], order["line_items"]
        assert total(lines, "sale_price") == Decimal(payment["sub_total"])
        assert total(lines, "original_price") == Decimal(payment["original_total_product_price"])
        parts = sum(Decimal(payment[name]) for name in ("sub_total", "shipping_fee", "tax"))
        assert Decimal(payment["total_amount"]) == parts
        assert {line["currency"] for line in lines} == {payment["currency"]}
    statements = await TABLES["statements"].rows(three, cipher=cipher)
    payable, reserves = {}, Decimal(0)
    for statement in statements:
        rows = await transactions(three, statement["id"], cipher)
        assert total(rows, "settlement_amount") == Decimal(statement["settlement_amount"])
        kept = total([row for row in rows if row["type"] == "RESERVE"], "reserve_amount")
        payable[statement["id"]] = Decimal(statement["settlement_amount"]) + kept
        reserves += abs(kept)
        assert {row["order_id"] for row in rows if row["type"] == "ORDER"} <= set(orders)
    assert bool(reserves) == (place == 1)  # the seller abroad
    for payment in await TABLES["payments"].rows(three, cipher=cipher):
        covered = [row for row in statements if row["payment_id"] == payment["id"]]
        assert Decimal(payment["settlement_amount"]["value"]) == total(covered, "settlement_amount")
        assert Decimal(payment["amount"]["value"]) == sum(payable[row["id"]] for row in covered)


async def test_a_sellers_abroad_payout_differs_from_its_statements_by_the_reserve(three: Caller) -> None:
    cipher = three.sandbox.accounts[0].shops[1].cipher
    payments = await TABLES["payments"].rows(three, cipher=cipher)
    gaps = [Decimal(p["amount"]["value"]) - Decimal(p["settlement_amount"]["value"]) for p in payments]
    assert min(gaps) < 0
    reserves: dict[str, Decimal] = {}
    for statement in await TABLES["statements"].rows(three, cipher=cipher):
        for row in await transactions(three, statement["id"], cipher):
            if row["type"] == "RESERVE":
                reserves[row["reserve_id"]] = reserves.get(row["reserve_id"], Decimal(0)) + Decimal(
                    row["reserve_amount"]
                )
    assert reserves
    assert Decimal(0) in reserves.values()  # kept back, and released since
    assert all(rest <= 0 for rest in reserves.values())


async def test_an_orders_own_transactions_are_those_of_the_statements(shop: Caller) -> None:
    for name in ("return_after_settlement", "return_completed", "partly_cancelled"):
        order_id = shop.shop.planted[name]
        by_order = await shop.call("GET", f"/finance/202501/orders/{order_id}/statement_transactions")
        rows = [
            row
            for statement in await TABLES["statements"].rows(shop)
            for row in await transactions(shop, statement["id"])
            if row.get("order_id") == order_id
        ]
        assert len(rows) == (2 if name == "return_after_settlement" else 1)
        for field in ("settlement_amount", "revenue_amount", "shipping_cost_amount"):
            assert total(rows, field) == Decimal(by_order[field]) == total(by_order["sku_transactions"], field)
        assert total(rows, "fee_tax_amount") == Decimal(by_order["fee_and_tax_amount"])
        assert len({sku["statement_id"] for sku in by_order["sku_transactions"]}) == len(rows)


@pytest.mark.parametrize("name", ["return_completed", "refund_completed", "return_after_settlement"])
async def test_a_refund_takes_its_revenue_back_from_the_books(shop: Caller, name: str) -> None:
    order_id = shop.shop.planted[name]
    body = {"order_ids": [order_id]}
    (request,) = (await shop.call("POST", TABLES["returns"].path, {"page_size": "10"}, body))["return_orders"]
    (order,) = (await shop.call("GET", ORDER, {"ids": order_id}))["orders"]
    data = await shop.call("GET", f"/finance/202501/orders/{order_id}/statement_transactions")
    discount = total(order["line_items"], "platform_discount")
    back = {line["order_line_item_id"] for line in request["return_line_items"]}
    given = [line for line in order["line_items"] if line["id"] in back]
    refunded = Decimal(request["refund_amount"]["refund_subtotal"]) + total(given, "platform_discount")
    sold = Decimal(order["payment"]["sub_total"]) + discount
    assert Decimal(data["revenue_amount"]) == sold - refunded
    parts = [sku["revenue_breakdown"]["refund_subtotal_before_discount_amount"] for sku in data["sku_transactions"]]
    assert sum(map(Decimal, parts)) == -total(given, "original_price")
    ways_back = [sku["shipping_cost_breakdown"]["return_shipping_fee_amount"] for sku in data["sku_transactions"]]
    postage = Decimal(request["shipping_fee_amount"][0]["seller_paid_return_shipping_fee"])
    assert sum(map(Decimal, ways_back)) == -postage
    assert bool(postage) == name.startswith("return")


async def test_a_line_that_was_cancelled_earns_nothing(shop: Caller) -> None:
    order_id = shop.shop.planted["partly_cancelled"]
    (order,) = (await shop.call("GET", ORDER, {"ids": order_id}))["orders"]
    remaining = [line for line in order["line_items"] if line["display_status"] != "CANCELLED"]
    assert 0 < len(remaining) < len(order["line_items"])
    data = await shop.call("GET", f"/finance/202501/orders/{order_id}/statement_transactions")
    assert Decimal(data["revenue_amount"]) == total(remaining, "sale_price") + total(remaining, "platform_discount")
    assert sum(int(sku["quantity"]) for sku in data["sku_transactions"]) == len(remaining)
