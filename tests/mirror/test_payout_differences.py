"""Whatever is wrong with payouts is found by the report, with its amount, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mirror.report_sql import HandmadeCopy

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

DAY = 86_400
CENT = Decimal("0.01")
ZERO = Decimal(0)
PARTS = ("revenue_amount", "shipping_cost_amount", "fee_tax_amount", "adjustment_amount")
PERIOD: Json = {"from": DAY, "until": 100 * DAY, "now": 100 * DAY}


@pytest.fixture(scope="module")
def copy() -> HandmadeCopy:
    return HandmadeCopy()


def cents(number: int) -> Decimal:
    return Decimal(number) * CENT


@dataclass
class Day:
    """A statement and its transactions as the copy holds them, and how many the platform counts."""

    statement: Json
    rows: list[Json]
    count: int


@dataclass
class World:
    days: list[Day]
    payments: dict[str, Json]
    orders: dict[str, str]
    expected: set[tuple[str, ...]] = field(default_factory=set)

    def expect(self, kind: str, place: str, difference: Decimal | None = None) -> None:
        self.expected.add((kind, place, "" if difference is None else str(difference.quantize(CENT))))

    def find(self, copy: HandmadeCopy) -> set[tuple[str, ...]]:
        counted = {"statement_transaction_count"}
        rows = [
            row | {"statement_id": day.statement["id"], "currency": "GBP"} | dict.fromkeys(counted, day.count)
            for day in self.days
            for row in day.rows
        ]
        orders = [{"id": name, "status": status, "create_time": DAY} for name, status in self.orders.items()]
        fill(copy, [day.statement for day in self.days], rows, list(self.payments.values()), orders)
        return {signature(row) for row in copy.ask("payouts", "difference", PERIOD)}


def fill(
    copy: HandmadeCopy,
    statements: list[Json],
    transactions: list[Json],
    payments: list[Json],
    orders: list[Json] | None = None,
) -> None:
    copy.fill("statements", statements)
    copy.fill("statement_transactions", transactions)
    copy.fill("payments", payments)
    copy.fill("orders", orders or [])


def signature(row: Json) -> tuple[str, ...]:
    place = row["transaction_id"] or row["statement_id"] or row["payment_id"]
    return row["kind"], place, "" if row["difference"] is None else str(row["difference"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Books in which everything agrees."""
    days, orders = [], {"first": "COMPLETED"}
    payments: dict[str, Decimal] = {}
    for at in range(1, draw(st.integers(1, 6)) + 1):
        rows = []
        for number in range(draw(st.integers(1, 5))):
            # Far enough from nothing that no change below makes it that.
            parts = [
                draw(st.integers(100_000, 900_000)),
                draw(st.integers(-9_000, 9_000).filter(bool)),
                draw(st.integers(-9_000, -1)),
                draw(st.integers(-500, 500).filter(bool)),
            ]
            name = f"{at}{number}"
            row: Json = {"id": f"t{name}", "type": "ORDER", "order_id": f"o{name}", "order_create_time": 2 * DAY}
            row |= dict(zip(PARTS, map(cents, parts), strict=True))
            rows.append(row | {"settlement_amount": cents(sum(parts))})
            orders[f"o{name}"] = "COMPLETED"
        sums = {place: sum((row[place] for row in rows), ZERO) for place in (*PARTS, "settlement_amount")}
        payment = f"p{draw(st.integers(1, 3))}"
        statement = {"id": f"s{at}", "statement_time": (at + 1) * DAY, "currency": "GBP"}
        statement |= {"payment_id": payment, "payment_status": "PAID"}
        statement |= {place.replace("fee_tax", "fee"): amount for place, amount in sums.items()}
        payments[payment] = payments.get(payment, ZERO) + sums["settlement_amount"]
        days.append(Day(statement, rows, len(rows)))
    return World(days, {name: make_payment(name, amount) for name, amount in payments.items()}, orders)


def make_payment(name: str, amount: Decimal) -> Json:
    amounts = dict.fromkeys(("amount", "settlement_amount", "payment_amount_before_exchange"), amount)
    currencies = dict.fromkeys(("currency", "settlement_currency", "before_exchange_currency"), "GBP")
    return {"id": name, "status": "PAID", "create_time": 10 * DAY, "exchange_rate": Decimal(1)} | amounts | currencies


def list_amounts(row: Json) -> list[Decimal]:
    return [row[name] for name in ("settlement_amount", *PARTS)]


# What can go wrong with one day's books; each tells what is to be found then.


def settles_something_else(world: World, day: Day, change: Decimal) -> None:
    day.rows[0]["settlement_amount"] += change
    world.expect("wrong_amount", day.rows[0]["id"], change)
    world.expect("wrong_amount", day.statement["id"], change)


def charges_something_else(world: World, day: Day, change: Decimal) -> None:
    day.rows[-1]["fee_tax_amount"] += change
    world.expect("wrong_amount", day.rows[-1]["id"], -change)
    world.expect("wrong_amount", day.statement["id"], change)


def loses_a_transaction(world: World, day: Day, _change: Decimal) -> None:
    row = day.rows.pop()
    settled, *parts = list_amounts(row)
    world.expect("wrong_amount", day.statement["id"], -settled)
    if day.rows:
        world.expect("missing", day.statement["id"], Decimal(-1))
        for amount in parts:
            world.expect("wrong_amount", day.statement["id"], -amount)


def settles_an_order_twice(world: World, day: Day, _change: Decimal) -> None:
    row = day.rows[0] | {"id": f"z{day.statement['id']}"}
    day.rows.append(row)
    day.count += 1
    world.expect("doubled", row["id"], row["settlement_amount"])
    for amount in list_amounts(row):
        world.expect("wrong_amount", day.statement["id"], amount)


def settles_a_cancelled_order(world: World, day: Day, _change: Decimal) -> None:
    world.orders[day.rows[0]["order_id"]] = "CANCELLED"
    world.expect("cancelled_order", day.rows[0]["id"], day.rows[0]["settlement_amount"])


def settles_an_unknown_order(world: World, day: Day, _change: Decimal) -> None:
    del world.orders[day.rows[0]["order_id"]]
    world.expect("unknown_order", day.rows[0]["id"])


def tells_no_amount(world: World, day: Day, _change: Decimal) -> None:
    """What can't be read is empty in the copy: nothing that rests on it can be told."""
    day.rows[0]["settlement_amount"] = None
    world.expect("missing", day.rows[0]["id"])


ON_A_DAY = (
    settles_something_else,
    charges_something_else,
    loses_a_transaction,
    settles_an_order_twice,
    settles_a_cancelled_order,
    settles_an_unknown_order,
    tells_no_amount,
)


def pays_something_else(world: World, name: str, change: Decimal) -> None:
    for place in ("amount", "settlement_amount", "payment_amount_before_exchange"):
        world.payments[name][place] += change
    world.expect("wrong_amount", name, change)


def holds_some_of_it_back(world: World, name: str, change: Decimal) -> None:
    for place in ("amount", "payment_amount_before_exchange"):
        world.payments[name][place] += change
    world.expect("wrong_amount", name, change)


def loses_some_of_it_on_the_way(world: World, name: str, change: Decimal) -> None:
    world.payments[name]["amount"] += change
    world.expect("wrong_amount", name, change)


def pays_nothing(world: World, name: str, _change: Decimal) -> None:
    world.expect("missing", name, -world.payments.pop(name)["settlement_amount"])


def says_it_failed(world: World, name: str, _change: Decimal) -> None:
    world.payments[name]["status"] = "FAILED"
    for day in world.days:
        if day.statement["payment_id"] == name:
            world.expect("wrong_status", day.statement["id"])


ON_A_PAYMENT = (
    pays_something_else,
    holds_some_of_it_back,
    loses_some_of_it_on_the_way,
    pays_nothing,
    says_it_failed,
)
CHANGES = st.integers(-99, 99).filter(bool).map(cents)


@settings(max_examples=25)
@given(worlds())
def test_where_everything_agrees_nothing_is_found(copy: HandmadeCopy, world: World) -> None:
    assert world.find(copy) == set()
    for row in copy.ask("payouts", "payout", PERIOD):
        carried = [day for day in world.days if day.statement["payment_id"] == row["payment_id"]]
        assert row["agrees"]
        assert row["statements"] == len(carried)
        assert row["settlement"] + row["reserve"] == row["paid_to_bank"]
        assert row["transactions_difference"] is None
        assert row["settlement"] == sum(day.statement["settlement_amount"] for day in carried)


@settings(max_examples=60)
@given(st.data())
def test_everything_that_is_wrong_is_found_and_nothing_else(copy: HandmadeCopy, data: st.DataObject) -> None:
    world = data.draw(worlds())
    for day in world.days:
        spoil = data.draw(st.sampled_from((None, *ON_A_DAY)))
        if spoil is not None:
            spoil(world, day, data.draw(CHANGES))
    for name in list(world.payments):
        miss = data.draw(st.sampled_from((None, *ON_A_PAYMENT)))
        if miss is not None:
            miss(world, name, data.draw(CHANGES))
    assert world.find(copy) == world.expected
    told = {row["statement_id"]: row["agrees"] for row in copy.ask("payouts", "statement", PERIOD)}
    places = {place for _, place, _ in world.expected}
    for day in world.days:
        mine = {day.statement["id"], day.statement["payment_id"], *(row["id"] for row in day.rows)}
        assert told[day.statement["id"]] == (not mine & places)


# ---- conventions of the platform


SALE: Json = {
    "id": "7",
    "statement_id": "1",
    "type": "ORDER",
    "order_id": "5",
    "currency": "GBP",
    "settlement_amount": "8.50",
    "revenue_amount": "10.00",
    "fee_tax_amount": "-1.00",
    "shipping_cost_amount": "-0.50",
}


def find_in_a_day(copy: HandmadeCopy, statement: Json, rows: list[Json]) -> list[tuple[str, str]]:
    whole = {"id": "1", "statement_time": 2 * DAY, "currency": "GBP", "settlement_amount": "8.50"} | statement
    fill(copy, [whole], rows, [])
    found = copy.ask("payouts", "difference", PERIOD)
    return sorted((row["kind"], str(row["difference"] or "")) for row in found)


def test_fees_of_a_statement_may_hold_its_shipping_where_it_tells_no_shipping(copy: HandmadeCopy) -> None:
    assert find_in_a_day(copy, {"revenue_amount": "10.00", "fee_amount": "-1.50"}, [SALE]) == []
    told = {"fee_amount": "-1.50", "shipping_cost_amount": "-0.50"}
    assert find_in_a_day(copy, told, [SALE]) == [("wrong_amount", "0.50")]


def test_revenue_may_be_from_before_the_discounts_where_net_sales_is_told(copy: HandmadeCopy) -> None:
    assert find_in_a_day(copy, {"revenue_amount": "12.00", "net_sales_amount": "10.00"}, [SALE]) == []
    assert len(find_in_a_day(copy, {"revenue_amount": "12.00"}, [SALE])) == 1


def test_a_reserve_stands_beside_the_settlement(copy: HandmadeCopy) -> None:
    told = {
        "statement_settlement_amount": "8.50",
        "statement_reserve_amount": "-2.00",
        "statement_payable_amount": "6.50",
    }
    reserve = {"id": "8", "statement_id": "1", "type": "RESERVE", "reserve_id": "3", "reserve_amount": "-2.00"}
    reserve |= {"settlement_amount": "-2.00", "currency": "GBP"}  # told again or not, it is no part of what is settled
    assert find_in_a_day(copy, {}, [SALE | told, reserve | told]) == []
    wrong = told | {"statement_payable_amount": "6.00", "statement_reserve_amount": "-1.00"}
    found = find_in_a_day(copy, {}, [SALE | wrong, reserve | wrong])
    assert found == [("wrong_amount", "-1.00"), ("wrong_amount", "-1.50")]


def test_totals_that_two_operations_tell_differently_are_found(copy: HandmadeCopy) -> None:
    rows = [SALE | {"statement_settlement_amount": "8.00"}]
    assert find_in_a_day(copy, {}, rows) == [("wrong_amount", "-0.50")]


def test_transactions_in_another_currency_are_found(copy: HandmadeCopy) -> None:
    assert find_in_a_day(copy, {"currency": "USD"}, [SALE]) == [("wrong_currency", "")]


def test_an_amount_that_is_not_told_is_missing(copy: HandmadeCopy) -> None:
    assert find_in_a_day(copy, {"settlement_amount": None}, [SALE]) == [("missing", "")]
    nothing = {name: SALE[name] for name in ("id", "statement_id", "type", "order_id", "currency")}
    assert [kind for kind, _ in find_in_a_day(copy, {"settlement_amount": "0"}, [nothing])] == ["missing"]


def test_an_order_may_be_settled_again_for_another_amount(copy: HandmadeCopy) -> None:
    refund = SALE | {"id": "9", "settlement_amount": "-8.50", "revenue_amount": "-7.00"}
    assert find_in_a_day(copy, {"settlement_amount": "0.00"}, [SALE, refund]) == []


def find_in_a_payment(
    copy: HandmadeCopy, payment: Json | None, reserve: str | None = None, **statement: Any
) -> list[str]:
    whole = {"id": "1", "statement_time": 2 * DAY, "currency": "GBP", "settlement_amount": "100.00", "payment_id": "p"}
    whole |= {"payment_status": "PAID"} | statement
    row = {"id": "7", "statement_id": "1", "type": "ORDER", "settlement_amount": "100.00", "currency": "GBP"}
    if reserve is not None:
        row |= {"statement_reserve_amount": reserve}
    fill(copy, [whole], [row], [payment] if payment else [])
    return [found["kind"] for found in copy.ask("payouts", "difference", PERIOD)]


def pay(before: str, amount: str, currency: str = "GBP", **more: Any) -> Json:
    told = make_payment("p", Decimal("100.00")) | {"payment_amount_before_exchange": before, "amount": amount}
    return told | {"currency": currency, "exchange_rate": None} | more


def test_a_payment_may_be_less_by_the_reserve_its_statements_tell(copy: HandmadeCopy) -> None:
    assert find_in_a_payment(copy, pay("80.00", "80.00"), "-20.00") == []
    assert find_in_a_payment(copy, pay("100.00", "100.00"), "-20.00") == ["wrong_amount"]


def test_a_payment_may_tell_its_reserve_itself(copy: HandmadeCopy) -> None:
    kept = {"reserve_amount": "30.00"}
    assert find_in_a_payment(copy, pay("70.00", "70.00", **kept)) == []
    assert find_in_a_payment(copy, pay("130.00", "130.00", **kept)) == []  # released: its sign is not known for sure
    assert find_in_a_payment(copy, pay("75.00", "75.00", **kept)) == ["wrong_amount"]


def test_an_exchange_is_reckoned_by_its_rate(copy: HandmadeCopy) -> None:
    rate = {"exchange_rate": Decimal("1.273456")}
    assert find_in_a_payment(copy, pay("100.00", "127.35", "USD", **rate)) == []
    assert find_in_a_payment(copy, pay("100.00", "127.50", "USD", **rate)) == ["wrong_amount"]
    assert find_in_a_payment(copy, pay("100.00", "127.35", "USD")) == ["unexplained"]


def test_a_payment_in_another_currency_than_its_statements_is_told_and_not_compared(copy: HandmadeCopy) -> None:
    found = find_in_a_payment(copy, pay("100.00", "100.00", settlement_amount="90.00"), currency="EUR")
    assert found == ["wrong_currency"] * 2  # of the transactions, and of the payment


def test_a_statement_settled_into_the_balance_needs_no_payment(copy: HandmadeCopy) -> None:
    good = pay("100.00", "100.00")
    assert find_in_a_payment(copy, None, payment_status="SETTLED", payment_id=None) == []
    assert find_in_a_payment(copy, good, payment_status="SETTLED") == []
    assert find_in_a_payment(copy, good, payment_status="PROCESSING") == ["wrong_status"]
    assert find_in_a_payment(copy, None, payment_status="PAID", payment_id=None) == ["missing"]
    assert find_in_a_payment(copy, None, payment_status="PROCESSING", payment_id=None) == []


def test_no_payments_in_a_market_that_lists_none_are_no_missing_payments() -> None:
    assert find_in_a_payment(HandmadeCopy(region="GB"), None) == ["missing"]
    assert find_in_a_payment(HandmadeCopy(region="TH"), None) == []


def test_a_payout_whose_statements_may_lie_before_the_copy_is_not_called_wrong(copy: HandmadeCopy) -> None:
    assert find_in_a_payment(copy, pay("150.00", "150.00", settlement_amount="150.00")) == ["wrong_amount"]
    (found,) = copy.ask("payouts", "difference", PERIOD | {"history_from": 2 * DAY})
    assert found["kind"] == "unexplained"


def test_orders_from_before_the_copy_are_not_called_unknown(copy: HandmadeCopy) -> None:
    whole = {"id": "1", "statement_time": 40 * DAY, "currency": "GBP", "settlement_amount": "8.50"}
    for placed, kinds in ((20 * DAY, []), (35 * DAY, ["unknown_order"])):
        fill(copy, [whole], [SALE | {"order_create_time": placed}], [], [{"id": "1", "create_time": 30 * DAY}])
        found = copy.ask("payouts", "difference", PERIOD | {"history_from": 30 * DAY})
        assert [row["kind"] for row in found] == kinds


def test_what_could_not_be_read_is_not_called_missing(copy: HandmadeCopy) -> None:
    assert find_in_a_payment(copy, None) == ["missing"]
    unread = PERIOD | {"lacking_tables": ["payments", "orders", "statement_transactions"]}
    fill(copy, [{"id": "1", "statement_time": 2 * DAY, "currency": "GBP", "settlement_amount": "8.50"}], [], [])
    assert copy.ask("payouts", "difference", unread) == []
    (row,) = copy.ask("payouts", "statement", unread)
    assert row["agrees"] is None


def test_nothing_is_added_up_over_what_can_not_be_read(copy: HandmadeCopy) -> None:
    whole = {"id": "1", "statement_time": 2 * DAY, "currency": "GBP", "settlement_amount": "17.00"}
    fill(copy, [whole], [SALE, SALE | {"id": "8", "order_id": "6", "settlement_amount": None}], [])
    (row,) = copy.ask("payouts", "statement", PERIOD)
    assert row["transactions_difference"] is None
