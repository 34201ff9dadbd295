"""The comparison itself: whatever is made wrong in random books is found, by how much, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.money import Amounts, format_amount, parse_amounts
from mcp_server_tiktok_shop.tools.payouts.agreeing import (
    check_orders,
    check_statement,
    find_duplicates,
    sum_transactions,
)
from mcp_server_tiktok_shop.tools.payouts.paying import check_payments, find_waiting
from mcp_server_tiktok_shop.tools.payouts.records import (
    PARTS,
    TRANSACTION_TOTAL_FIELDS,
    Payment,
    Statement,
    StatementTransactions,
    Transaction,
    UnsettledTransaction,
)
from mcp_server_tiktok_shop.tools.payouts.table import compute_totals

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.tools.payouts.findings import Finding

Json = dict[str, Any]
DAY = 86_400
NOW = 1_793_500_000
CENT = Decimal("0.01")
FIELDS = {
    "revenue": "revenue_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_tax_amount",
    "adjustments": "adjustment_amount",
}
NOTHING = Amounts()


def cents(number: int) -> str:
    return str(Decimal(number) * CENT)


@dataclass
class Day:
    """A statement and its transactions as the platform writes them, and what was done to them."""

    statement: Json
    rows: list[Json]
    count: int

    @property
    def read(self) -> tuple[Statement, StatementTransactions]:
        rows = tuple(map(Transaction.from_row, self.rows))
        return Statement.from_row(self.statement), StatementTransactions(
            self.statement["id"], rows, self.count, "GBP", NOTHING
        )


@dataclass
class World:
    days: list[Day]
    payments: dict[str, Json]
    orders: dict[str, str]
    expected: set[tuple[str, ...]] = field(default_factory=set)

    def found(self) -> set[tuple[str, ...]]:
        checked = [day.read for day in self.days]
        findings = [finding for statement, contents in checked for finding in check_statement(statement, contents)]
        findings += find_duplicates(checked)
        statements = [statement for statement, _ in checked]
        payments = {name: Payment.from_row(row) for name, row in self.payments.items()}
        contents = {contents.statement_id: contents for _, contents in checked}
        findings += check_payments(statements, statements, contents, payments)
        asked = {row.order_id for _, contents in checked for row in contents.transactions}
        findings += check_orders(checked, self.orders, asked)
        return {signature(finding) for finding in findings}

    def expect(self, kind: str, place: str, difference: str = "") -> None:
        self.expected.add((kind, place, difference))


def signature(finding: Finding) -> tuple[str, ...]:
    place = finding.place
    at = place.transaction_id or place.statement_id or place.payment_id
    difference = "" if finding.difference is None else format_amount(finding.difference)
    return finding.kind, at, difference


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Books in which everything agrees."""
    days, orders = [], {}
    payments: dict[str, int] = {}
    for at in range(1, draw(st.integers(1, 6)) + 1):
        rows = []
        for number in range(draw(st.integers(1, 5))):
            # Far enough from nothing that no change below makes it that.
            revenue = draw(st.integers(100_000, 900_000))
            fees, shipping = draw(st.integers(-9_000, -1)), draw(st.integers(-9_000, 9_000).filter(bool))
            adjustment = draw(st.integers(-500, 500).filter(bool))
            name = f"{at}{number}"
            settled = revenue + fees + shipping + adjustment
            row = {"id": f"t{name}", "type": "ORDER", "order_id": f"o{name}", "settlement_amount": cents(settled)}
            parts = zip(FIELDS.values(), (revenue, shipping, fees, adjustment), strict=True)
            rows.append(row | {place: cents(amount) for place, amount in parts})
            orders[f"o{name}"] = "COMPLETED"
        sums = {place: sum(Decimal(row[place]) for row in rows) for place in (*FIELDS.values(), "settlement_amount")}
        payment = f"p{draw(st.integers(1, 3))}"
        statement = {"id": f"s{at}", "statement_time": at * DAY, "currency": "GBP"}
        statement |= {"payment_id": payment, "payment_status": "PAID"}
        statement |= {place.replace("fee_tax", "fee"): str(amount) for place, amount in sums.items()}
        payments[payment] = payments.get(payment, 0) + int(sums["settlement_amount"] / CENT)
        days.append(Day(statement, rows, len(rows)))
    return World(days, {name: paid(name, amount) for name, amount in payments.items()}, orders)


def paid(name: str, amount: int) -> Json:
    money = {"value": cents(amount), "currency": "GBP"}
    told = dict.fromkeys(("amount", "settlement_amount", "payment_amount_before_exchange"), money)
    return {"id": name, "status": "PAID", "exchange_rate": "1.000000"} | told


def plus(row: Json, name: str, change: Decimal) -> None:
    row[name] = str(Decimal(row[name]) + change)


def all_of(row: Json, sign: int = 1) -> list[str]:
    """By how much a statement's sums are off where a transaction is too many (or missing: -1)."""
    return [format_amount(sign * Decimal(row[name])) for name in ("settlement_amount", *FIELDS.values())]


# What can go wrong with one day's books; each tells what is to be found then.


def settles_something_else(world: World, day: Day, change: Decimal) -> None:
    plus(day.rows[0], "settlement_amount", change)
    world.expect("wrong_amount", day.rows[0]["id"], format_amount(change))
    world.expect("wrong_amount", day.statement["id"], format_amount(change))


def charges_something_else(world: World, day: Day, change: Decimal) -> None:
    plus(day.rows[-1], "fee_tax_amount", change)
    world.expect("wrong_amount", day.rows[-1]["id"], format_amount(-change))
    world.expect("wrong_amount", day.statement["id"], format_amount(change))


def loses_a_transaction(world: World, day: Day, _change: Decimal) -> None:
    row = day.rows.pop()
    world.expect("missing", day.statement["id"])
    for name, difference in zip(("settlement_amount", *FIELDS.values()), all_of(row, -1), strict=True):
        if name == "settlement_amount" or day.rows:
            world.expect("wrong_amount", day.statement["id"], difference)


def lists_a_transaction_twice(world: World, day: Day, _change: Decimal) -> None:
    day.rows.append(dict(day.rows[0]))
    world.expect("doubled", day.rows[0]["id"], format_amount(Decimal(day.rows[0]["settlement_amount"])))


def settles_an_order_twice(world: World, day: Day, _change: Decimal) -> None:
    row = day.rows[0] | {"id": f"again{day.statement['id']}"}
    day.rows.append(row)
    day.count += 1
    world.expect("doubled", row["id"], format_amount(Decimal(row["settlement_amount"])))
    for difference in all_of(row):
        world.expect("wrong_amount", day.statement["id"], difference)


def settles_a_cancelled_order(world: World, day: Day, _change: Decimal) -> None:
    world.orders[day.rows[0]["order_id"]] = "CANCELLED"
    world.expect("cancelled_order", day.rows[0]["id"], format_amount(Decimal(day.rows[0]["settlement_amount"])))


def settles_an_unknown_order(world: World, day: Day, _change: Decimal) -> None:
    del world.orders[day.rows[0]["order_id"]]
    world.expect("unknown_order", day.rows[0]["id"])


def says_what_is_no_amount(world: World, day: Day, _change: Decimal) -> None:
    day.rows[0]["settlement_amount"] = "about 5"
    world.expect("unreadable", day.rows[0]["id"])


ON_A_DAY = (
    settles_something_else,
    charges_something_else,
    loses_a_transaction,
    lists_a_transaction_twice,
    settles_an_order_twice,
    settles_a_cancelled_order,
    settles_an_unknown_order,
    says_what_is_no_amount,
)


def pays_something_else(world: World, name: str, change: Decimal) -> None:
    for place in ("amount", "settlement_amount", "payment_amount_before_exchange"):
        money = dict(world.payments[name][place])
        plus(money, "value", change)
        world.payments[name][place] = money
    world.expect("wrong_amount", name, format_amount(change))


def holds_some_of_it_back(world: World, name: str, change: Decimal) -> None:
    for place in ("amount", "payment_amount_before_exchange"):
        money = dict(world.payments[name][place])
        plus(money, "value", change)
        world.payments[name][place] = money
    world.expect("wrong_amount", name, format_amount(change))


def loses_some_of_it_on_the_way(world: World, name: str, change: Decimal) -> None:
    money = dict(world.payments[name]["amount"])
    plus(money, "value", change)
    world.payments[name]["amount"] = money
    world.expect("wrong_amount", name, format_amount(change))


def pays_nothing(world: World, name: str, _change: Decimal) -> None:
    world.expect("missing", name, format_amount(-Decimal(world.payments.pop(name)["settlement_amount"]["value"])))


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
CHANGES = st.integers(-99, 99).filter(bool).map(lambda number: number * CENT)


@given(worlds())
def test_where_everything_agrees_nothing_is_found(world: World) -> None:
    assert world.found() == set()


@given(st.data())
def test_everything_that_is_wrong_is_found_and_nothing_else(data: st.DataObject) -> None:
    world = data.draw(worlds())
    for day in world.days:
        spoil = data.draw(st.sampled_from((None, *ON_A_DAY)))
        if spoil is not None:
            spoil(world, day, data.draw(CHANGES))
    for name in list(world.payments):
        miss = data.draw(st.sampled_from((None, *ON_A_PAYMENT)))
        if miss is not None:
            miss(world, name, data.draw(CHANGES))
    assert world.found() == world.expected


@given(worlds())
def test_totals_are_the_sums_of_what_is_in_them(world: World) -> None:
    (total,) = compute_totals([day.read for day in world.days], ())
    assert sum(Decimal(total[part]) for part in PARTS) == Decimal(total["settlement"]) == Decimal(total["paid"])
    assert Decimal(total["fees"]) < 0
    assert total["statements"] == len(world.days)
    assert Decimal(total["difference"]) == 0


# ---- what amounts are


@pytest.mark.parametrize(
    "value", ["1,234.00", "NaN", "Infinity", "1e5", "£5", "--1", " 1", True, [], {}, "9" * 40, "٣"]
)
def test_what_is_no_plain_decimal_is_unreadable(value: Any) -> None:
    assert parse_amounts({"a": value}, {"x": "a"}) == Amounts({}, {"x": str(value)[:40]})


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_not_told_is_neither(value: Any) -> None:
    assert parse_amounts({"a": value}, {"x": "a"}) == NOTHING


@given(st.decimals(-(10**14), 10**14, places=2))
def test_amounts_are_told_as_they_came(amount: Decimal) -> None:
    read = parse_amounts({"a": str(amount)}, {"x": "a"}).get("x")
    assert read is not None
    assert format_amount(read) == ("0.00" if not amount else str(amount))


# ---- conventions of the platform


def one_day(statement: Json, rows: list[Json], **told: str) -> list[Finding]:
    row = {"id": "1", "statement_time": DAY, "currency": "GBP", "settlement_amount": "8.50"} | statement
    contents = StatementTransactions(
        "1", tuple(map(Transaction.from_row, rows)), len(rows), "GBP", parse_amounts(told, TRANSACTION_TOTAL_FIELDS)
    )
    return check_statement(Statement.from_row(row), contents)


SALE = {
    "id": "7",
    "type": "ORDER",
    "order_id": "5",
    "settlement_amount": "8.50",
    "revenue_amount": "10.00",
    "fee_tax_amount": "-1.00",
    "shipping_cost_amount": "-0.50",
}


def test_fees_of_a_statement_may_hold_its_shipping_where_it_tells_no_shipping() -> None:
    assert one_day({"revenue_amount": "10.00", "fee_amount": "-1.50"}, [SALE]) == []
    (found,) = one_day({"fee_amount": "-1.50", "shipping_cost_amount": "-0.50"}, [SALE])
    assert format_amount(found.difference or Decimal(0)) == "0.50"


def test_revenue_may_be_from_before_the_discounts_where_net_sales_is_told() -> None:
    assert one_day({"revenue_amount": "12.00", "net_sales_amount": "10.00"}, [SALE]) == []
    assert len(one_day({"revenue_amount": "12.00"}, [SALE])) == 1


def test_a_reserve_stands_beside_the_settlement() -> None:
    reserve = {"id": "8", "type": "RESERVE", "reserve_id": "3", "reserve_amount": "-2.00"}
    reserve["settlement_amount"] = "-2.00"  # told again or not, it is no part of what is settled
    told = {"total_settlement_amount": "8.50", "total_reserve_amount": "-2.00", "payable_amount": "6.50"}
    assert one_day({}, [SALE, reserve], **told) == []
    wrong = one_day({}, [SALE, reserve], **(told | {"payable_amount": "6.00", "total_reserve_amount": "-1.00"}))
    assert [format_amount(finding.difference or Decimal(0)) for finding in wrong] == ["-1.50", "-1.00"]


def test_totals_that_two_operations_tell_differently_are_found() -> None:
    (found,) = one_day({}, [SALE], total_settlement_amount="8.00")
    assert (found.kind, format_amount(found.difference or Decimal(0))) == ("wrong_amount", "-0.50")


def test_transactions_in_another_currency_are_found() -> None:
    (found,) = one_day({"currency": "USD"}, [SALE])
    assert (found.kind, found.expected, found.actual) == ("wrong_currency", "USD", "GBP")


def test_an_amount_that_is_not_told_is_missing() -> None:
    assert [finding.kind for finding in one_day({"settlement_amount": ""}, [SALE])] == ["missing"]
    nothing = {"id": "7", "type": "ORDER", "order_id": "5"}
    assert [finding.kind for finding in one_day({"settlement_amount": "0"}, [nothing])] == ["missing"]


def test_an_order_may_be_settled_again_for_another_amount() -> None:
    refund = SALE | {"id": "9", "settlement_amount": "-8.50", "revenue_amount": "-10.00"}
    contents = StatementTransactions("1", (Transaction.from_row(SALE), Transaction.from_row(refund)), 2, "GBP", NOTHING)
    assert find_duplicates([(Statement.from_row({"id": "1"}), contents)]) == []


def statement(reserve: str | None = None, **more: str) -> tuple[Statement, dict[str, StatementTransactions]]:
    row = {"id": "1", "statement_time": DAY, "currency": "GBP", "settlement_amount": "100.00", "payment_id": "p"}
    told = {} if reserve is None else {"total_reserve_amount": reserve}
    contents = {"1": StatementTransactions("1", (), 0, "GBP", parse_amounts(told, TRANSACTION_TOTAL_FIELDS))}
    return Statement.from_row(row | {"payment_status": "PAID"} | more), contents


def payment(before: str, amount: str, currency: str = "GBP", **more: Any) -> dict[str, Payment]:
    row = {
        "id": "p",
        "status": "PAID",
        "settlement_amount": {"value": "100.00", "currency": "GBP"},
        "payment_amount_before_exchange": {"value": before, "currency": "GBP"},
        "amount": {"value": amount, "currency": currency},
    }
    return {"p": Payment.from_row(row | more)}


def kinds(one: Statement, contents: dict[str, StatementTransactions], payments: dict[str, Payment] | None) -> list[str]:
    return [finding.kind for finding in check_payments([one], [one], contents, payments)]


def test_a_payment_may_be_less_by_the_reserve_its_statements_tell() -> None:
    one, contents = statement("-20.00")
    assert kinds(one, contents, payment("80.00", "80.00")) == []
    assert kinds(one, contents, payment("100.00", "100.00")) == ["wrong_amount"]


def test_a_payment_may_tell_its_reserve_itself() -> None:
    one, contents = statement()
    kept: Json = {"reserve_amount": {"value": "30.00", "currency": "GBP"}}
    assert kinds(one, contents, payment("70.00", "70.00", **kept)) == []
    assert kinds(one, contents, payment("130.00", "130.00", **kept)) == []  # released: its sign is not known for sure
    assert kinds(one, contents, payment("75.00", "75.00", **kept)) == ["wrong_amount"]


def test_where_a_reserve_may_be_why_no_error_is_claimed() -> None:
    one, _ = statement()
    assert kinds(one, {}, payment("80.00", "80.00")) == ["unexplained"]


def test_an_exchange_is_reckoned_by_its_rate() -> None:
    one, contents = statement()
    assert kinds(one, contents, payment("100.00", "127.35", "USD", exchange_rate="1.273456")) == []
    assert kinds(one, contents, payment("100.00", "127.50", "USD", exchange_rate="1.273456")) == ["wrong_amount"]
    assert kinds(one, contents, payment("100.00", "127.35", "USD")) == ["unexplained"]
    assert kinds(one, contents, payment("100.00", "9" * 15, "USD", exchange_rate="9" * 15)) == ["wrong_amount"]


def test_a_payment_in_another_currency_than_its_statements_is_told_and_not_compared() -> None:
    one, contents = statement()
    strange = replace(one, currency="EUR")
    assert kinds(strange, contents, payment("100.00", "100.00")) == ["wrong_currency"]


def test_a_statement_settled_into_the_balance_needs_no_payment() -> None:
    assert kinds(*statement(payment_status="SETTLED", payment_id=""), {}) == []
    assert kinds(*statement(payment_status="SETTLED"), payment("100.00", "100.00")) == []
    assert kinds(*statement(payment_status="PROCESSING"), payment("100.00", "100.00")) == ["wrong_status"]
    assert kinds(*statement(payment_status="PAID", payment_id=""), {}) == ["missing"]
    assert kinds(*statement(), None) == []  # payments could not be asked for


def test_what_waits_is_no_disagreement() -> None:
    processing = Statement.from_row(
        {"id": "1", "payment_status": "PROCESSING", "statement_time": NOW, "currency": "GBP"}
    )
    row = {"id": "2", "order_id": "3", "est_settlement_amount": "4.00", "unsettled_reason": "It is on hold."}
    found = find_waiting(
        [processing], [UnsettledTransaction.from_row(row | {"order_create_time": NOW - DAY, "order_delivery_time": 0})]
    )
    assert [(finding.kind, finding.since) for finding in found] == [("not_paid", NOW), ("unsettled", NOW - DAY)]
    assert kinds(processing, {}, {}) == []


def test_nothing_is_added_up_over_what_can_not_be_read() -> None:
    rows = (Transaction.from_row(SALE), Transaction.from_row(SALE | {"id": "8", "settlement_amount": "?"}))
    assert sum_transactions(StatementTransactions("1", rows, 2, "GBP", NOTHING)) is None
