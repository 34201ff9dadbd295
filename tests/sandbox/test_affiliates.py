"""What creators brought in agrees with the orders and with the books, and requests for samples are decided once."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.sandbox.client import NOW
from tests.sandbox.test_whole_lists import ORDER, TABLES, transactions

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

AFFILIATE, SAMPLES = TABLES["affiliate_orders"], TABLES["samples"]
DAY = 24 * 3600


async def commissions_by_order(caller: Caller) -> dict[str, Decimal]:
    """What the statements say that creators got, by order."""
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for statement in await TABLES["statements"].rows(caller):
        for row in await transactions(caller, statement["id"]):
            if row["type"] == "ORDER":
                fee = row["fee_tax_breakdown"]["fee"]["affiliate_commission_amount"]
                paid[row["order_id"]] -= Decimal(fee)
    return paid


async def test_the_commission_of_a_settled_order_is_the_one_on_its_statements(caller: Caller) -> None:
    paid = await commissions_by_order(caller)
    rows = await AFFILIATE.rows(caller, size=100)
    settled = [row for row in rows if row["status"] == "COMPLETED"]
    assert len(settled) > 20
    for row in settled:
        told = [Decimal(sku["actual_paid_commission"]["amount"]) for sku in row["skus"]]
        assert sum(told) == paid[row["id"]]
    # And nobody else was paid.
    assert {order_id for order_id, amount in paid.items() if amount} <= {row["id"] for row in settled}


async def test_an_affiliate_order_is_an_order_of_the_shop(caller: Caller) -> None:
    rows = await AFFILIATE.rows(caller, size=100)
    for start in range(0, len(rows), 50):
        part = {row["id"]: row for row in rows[start : start + 50]}
        orders = (await caller.call("GET", ORDER, {"ids": ",".join(part)}))["orders"]
        assert len(orders) == len(part)
        for order in orders:
            row = part[order["id"]]
            assert row["create_time"] == order["create_time"]
            assert row.get("delivery_time") == order.get("delivery_time")
            assert (row["status"] == "CANCELLED") == (order["status"] == "CANCELLED")
            quantities: defaultdict[tuple[str, str], int] = defaultdict(int)
            for line in order["line_items"]:
                quantities[line["sku_id"], line["product_id"]] += 1
            assert {(sku["sku_id"], sku["product_id"]): sku["quantity"] for sku in row["skus"]} == quantities


async def test_before_it_is_settled_a_commission_is_an_estimate(caller: Caller) -> None:
    rows = [row for row in await AFFILIATE.rows(caller, size=100) if row["status"] == "PROCESSING"]
    assert rows
    for sku in (sku for row in rows for sku in row["skus"]):
        assert "actual_paid_commission" not in sku
        assert "settlement_status" not in sku
        base, paid = (Decimal(sku[f"estimated_{name}"]["amount"]) for name in ("commission_base", "paid_commission"))
        assert abs(paid - base * int(sku["commission_rate"]) / 10_000) <= Decimal("0.01") * sku["quantity"]
    waiting = {row["order_id"]: row for row in await TABLES["unsettled"].rows(caller, size=100)}
    both = [row for row in rows if row["id"] in waiting]
    assert both
    for row in both:
        fees = waiting[row["id"]]["fee_tax_breakdown"]["fee"]
        told = sum(Decimal(sku["estimated_paid_commission"]["amount"]) for sku in row["skus"])
        assert told >= -Decimal(fees["affiliate_commission_amount"])  # a refund may have been granted since


async def test_at_most_three_months_are_searched(caller: Caller) -> None:
    query, body = {"page_size": "20"}, {"create_time_ge": NOW - 100 * DAY, "create_time_lt": NOW}
    assert await caller.code("POST", AFFILIATE.path, query, body) == 98001004
    assert await caller.call("POST", AFFILIATE.path, query, {"program_id": "1"}) == {
        "orders": [],
        "next_page_token": "",
        "total_count": 0,
    }


def review(application_id: str) -> str:
    return f"/affiliate_seller/202507/sample_applications/{application_id}/review"


async def test_a_request_for_a_sample_is_decided_once(caller: Caller) -> None:
    waiting: list[Json] = [row for row in await SAMPLES.rows(caller) if row["status"] == "PENDING"]
    assert len(waiting) == 3
    assert all(row["is_approvable"] and row["approve_expiration_time"] > NOW for row in waiting)
    first, second = (row["id"] for row in waiting[:2])
    await caller.call("POST", review(first), None, {"review_result": "APPROVE"})
    assert await caller.code("POST", review(first), None, {"review_result": "APPROVE"}) == 98001004
    rejection = {"review_result": "REJECT", "reject_reason": "OUT_OF_STOCK"}
    await caller.call("POST", review(second), None, rejection)
    found = {row["id"]: row["status"] for row in await SAMPLES.rows(caller)}
    assert (found[first], found[second]) == ("AWAITING_SHIPMENT", "REJECT_CANCELLED")
    pending = (await caller.call("POST", SAMPLES.path, None, {"status": "PENDING"}))["sample_applications"]
    assert [row["id"] for row in pending] == [waiting[2]["id"]]
    assert await caller.code("POST", review("1"), None, {"review_result": "APPROVE"}) == 98001004


async def test_a_request_for_a_sample_that_nobody_answers_is_over_in_a_week(caller: Caller, clock: Clock) -> None:
    clock.pass_by(7 * DAY)
    caller.renew()
    states = {row["status"] for row in await SAMPLES.rows(caller)}
    assert states == {"OVERDUE_CANCELLED", "REJECT_CANCELLED", "SELLER_NOT_SHIP_CANCELLED"}
