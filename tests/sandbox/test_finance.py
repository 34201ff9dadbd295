"""The books add up to the penny, at every level and over time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.sandbox.client import NOW, list_parts

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

BY_TIME = {"sort_field": "statement_time"}
BY_CREATION = {"sort_field": "create_time"}
BY_ORDER = {"sort_field": "order_create_time"}
STATEMENTS = "/finance/202309/statements"
PAYMENTS = "/finance/202605/payments"
WITHDRAWALS = "/finance/202309/withdrawals"
UNSETTLED = "/finance/202507/orders/unsettled"
DAY = 24 * 3600
AMOUNTS = ("settlement_amount", "revenue_amount", "shipping_cost_amount", "fee_tax_amount", "adjustment_amount")


def transactions(statement_id: str) -> str:
    return f"/finance/202501/statements/{statement_id}/statement_transactions"


def total(items: list[Json], name: str) -> Decimal:
    return sum((Decimal(item[name]) for item in items), Decimal(0))


async def statements(caller: Caller, **query: str) -> list[Json]:
    return await caller.all_pages("GET", STATEMENTS, BY_TIME | {"page_size": "100"} | query, None, "statements")


async def test_a_statement_equals_its_transactions(caller: Caller) -> None:
    found = await statements(caller)
    assert len(found) > 30
    for statement in found:
        path = transactions(statement["id"])
        items = await caller.all_pages("GET", path, BY_ORDER | {"page_size": "3"}, None, "transactions")
        settled, revenue, shipping, fees, adjusted = (total(items, name) for name in AMOUNTS)
        assert settled == revenue + shipping + fees + adjusted == Decimal(statement["settlement_amount"])
        assert revenue == Decimal(statement["revenue_amount"])
        assert shipping == Decimal(statement["shipping_cost_amount"])
        assert fees == Decimal(statement["fee_amount"]) < 0
        assert adjusted == Decimal(statement["adjustment_amount"])
        for item in items:
            breakdown = [item.get(f"{name}_breakdown", {}) for name in ("revenue", "shipping_cost", "fee_tax")]
            if item["type"] == "ORDER":
                assert sum(map(Decimal, breakdown[0].values())) == Decimal(item["revenue_amount"])
                assert sum(map(Decimal, list_parts(breakdown[1]).values())) == Decimal(item["shipping_cost_amount"])
                parts = [*list_parts(breakdown[2]["fee"]).values(), *breakdown[2]["tax"].values()]
                assert sum(map(Decimal, parts)) == Decimal(item["fee_tax_amount"])


async def test_some_statements_carry_adjustments(caller: Caller) -> None:
    adjusted = [s for s in await statements(caller) if Decimal(s["adjustment_amount"])]
    assert adjusted
    items = (await caller.call("GET", transactions(adjusted[0]["id"]), BY_ORDER))["transactions"]
    [adjustment] = [item for item in items if item["type"] != "ORDER"]
    assert adjustment["adjustment_amount"] == adjusted[0]["adjustment_amount"]


async def test_statements_are_cut_at_midnight_once_a_day(caller: Caller) -> None:
    times = [s["statement_time"] for s in await statements(caller)]
    assert times == sorted(set(times))
    assert all(time % DAY == 0 and time <= NOW for time in times)
    newest_first = await statements(caller, sort_order="DESC", page_size="7")
    assert [s["statement_time"] for s in newest_first] == times[::-1]
    part = await statements(caller, statement_time_ge=str(times[3]), statement_time_lt=str(times[6]))
    assert [s["statement_time"] for s in part] == times[3:6]


async def test_a_payment_equals_its_statements(caller: Caller) -> None:
    found = await statements(caller)
    payments = (await caller.call("GET", PAYMENTS, BY_CREATION))["payments"]
    assert len(payments) > 4
    for payment in payments:
        covered = [s for s in found if s["payment_id"] == payment["id"]]
        assert total(covered, "settlement_amount") == Decimal(payment["amount"]["value"])
        assert {s["payment_status"] for s in covered} == {payment["status"]}
        assert all(payment["create_time"] - 8 * DAY < s["statement_time"] <= payment["create_time"] for s in covered)
    unpaid = [s for s in found if not s["payment_id"]]
    assert {s["payment_status"] for s in unpaid} <= {"PROCESSING"}
    assert {s["id"] for s in await statements(caller, payment_status="PROCESSING")} >= {s["id"] for s in unpaid}


async def test_withdrawals_follow_payments(caller: Caller) -> None:
    payments = (await caller.call("GET", PAYMENTS, BY_CREATION))["payments"]
    settled = (await caller.call("GET", WITHDRAWALS, {"types": "SETTLE"}))["withdrawals"]
    assert [w["amount"] for w in settled] == [p["amount"]["value"] for p in payments]
    both = await caller.call("GET", WITHDRAWALS, {"types": "SETTLE,WITHDRAW"})
    assert both["total_count"] >= 2 * len([p for p in payments if p["status"] == "PAID"]) - 1
    assert (await caller.call("GET", WITHDRAWALS, {"types": "TRANSFER"}))["withdrawals"] == []
    assert await caller.code("GET", WITHDRAWALS) == 36009004


async def test_what_is_not_settled_yet_has_its_own_sums(caller: Caller) -> None:
    first = await caller.call("GET", UNSETTLED, BY_ORDER | {"page_size": "5"})
    items = await caller.all_pages("GET", UNSETTLED, BY_ORDER | {"page_size": "5"}, None, "transactions")
    assert first["total_count"] == len(items) > 20
    for name in ("settlement", "revenue", "fee"):
        told = total(items, f"est_{name}_amount" if name != "fee" else "est_fee_tax_amount")
        assert told == Decimal(first[f"sum_est_{name}_amount"])
    delivered = caller.shop.orders[items[0]["order_id"]]
    assert delivered.get_status(NOW) in ("DELIVERED", "COMPLETED")
    assert items[0]["order_delivery_time"] < NOW


async def test_every_delivered_order_is_settled_once_or_waits(caller: Caller) -> None:
    settled: list[str] = []
    for statement in await statements(caller):
        path, query = transactions(statement["id"]), BY_ORDER | {"page_size": "100"}
        items = (await caller.call("GET", path, query))["transactions"]
        settled += [item["order_id"] for item in items if item["type"] == "ORDER"]
    waiting = await caller.all_pages("GET", UNSETTLED, BY_ORDER | {"page_size": "100"}, None, "transactions")
    # Only what was given back after its statement comes on another one.
    again = [order_id for order_id in set(settled) if settled.count(order_id) > 1]
    assert again == [caller.shop.planted["return_after_settlement"]]
    told = [*set(settled)] + [item["order_id"] for item in waiting]
    orders = caller.shop.orders.values()
    assert sorted(told) == sorted(o.id for o in orders if o.get_status(NOW) in ("DELIVERED", "COMPLETED"))


async def test_an_orders_transactions_agree_with_its_payment_and_its_statement(caller: Caller) -> None:
    path = transactions((await statements(caller))[9]["id"])
    for item in (await caller.call("GET", path, BY_ORDER))["transactions"]:
        if item["type"] != "ORDER":
            continue
        data = await caller.call("GET", f"/finance/202501/orders/{item['order_id']}/statement_transactions")
        for name in ("settlement_amount", "revenue_amount", "shipping_cost_amount"):
            assert total(data["sku_transactions"], name) == Decimal(data[name]) == Decimal(item[name])
        assert Decimal(data["fee_and_tax_amount"]) == Decimal(item["fee_tax_amount"])
        order = caller.shop.orders[item["order_id"]]
        assert Decimal(data["revenue_amount"]) == order.sub_total + sum(line.platform_discount for line in order.lines)
        assert sum(int(sku["quantity"]) for sku in data["sku_transactions"]) == len(order.lines)


async def test_before_its_statement_an_order_has_no_transactions(caller: Caller) -> None:
    order_id = caller.shop.planted["on_hold"]
    data = await caller.call("GET", f"/finance/202501/orders/{order_id}/statement_transactions")
    assert data["sku_transactions"] == []


async def test_an_unknown_order_or_statement_is_named_in_words_of_finance(caller: Caller) -> None:
    by_order = await caller.refused("GET", "/finance/202501/orders/1/statement_transactions")
    by_statement = await caller.refused("GET", transactions("2"), BY_ORDER)
    assert (by_order[1], by_statement[1]) == (98001004, 98001004)
    assert "there is no order '1' in this shop" in by_order[2]
    assert "there is no statement '2' in this shop" in by_statement[2]
    price = await caller.refused("GET", "/order/202407/orders/1/price_detail")
    assert price[1] == 21001001  # the only code that the facts have for it
    assert "there is no order '1' in this shop" in price[2]


async def test_time_settles_what_was_waiting(caller: Caller, clock: Clock) -> None:
    before = await statements(caller)
    clock.pass_by(8 * DAY)
    caller.renew()
    after = await statements(caller)
    assert after[: len(before)] != after
    assert [s["settlement_amount"] for s in after[: len(before)]] == [s["settlement_amount"] for s in before]


async def test_a_finance_token_fits_only_its_query(caller: Caller) -> None:
    first = await caller.call("GET", STATEMENTS, BY_TIME | {"page_size": "5"})
    assert "total_count" not in first
    token = {"page_token": first["next_page_token"], "page_size": "5", "sort_order": "DESC"}
    assert await caller.code("GET", STATEMENTS, BY_TIME | token) == 36009004
