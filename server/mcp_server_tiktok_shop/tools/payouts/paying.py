"""Holds payments against the statements that name them, and finds what is not paid out yet."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.money import ZERO, sum_amounts
from mcp_server_tiktok_shop.tools.payouts.findings import Finding, Place, find_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mcp_server_tiktok_shop.tools.payouts.records import (
        Payment,
        Statement,
        StatementTransactions,
        UnsettledTransaction,
    )

PAID, FAILED, PROCESSING = "PAID", "FAILED", "PROCESSING"
IN_BALANCE = "SETTLED"  # credited to the seller's balance, which no payment tells
PAID_STATUSES = (PAID, IN_BALANCE)
# A rate is told with six decimals.
RATE_STEP = Decimal("0.0000005")
EXCHANGE_DIGITS = 60  # digits, more than any product of two amounts has


def check_payments(
    checked: Iterable[Statement],
    known: Iterable[Statement],
    contents: Mapping[str, StatementTransactions],
    payments: Mapping[str, Payment] | None,
) -> list[Finding]:
    """Where the payouts of the `checked` statements disagree with them.

    `known` are all statements that were listed, since a payment covers others, too; `contents` are the transactions
    of those checked, by statement; `payments` by id, None where they could not be asked for.
    """
    covers: defaultdict[str, list[Statement]] = defaultdict(list)
    for statement in known:
        covers[statement.payment_id].append(statement)
    found: list[Finding] = []
    named: dict[str, Statement] = {}
    for statement in checked:
        found += _check_status(statement, None if payments is None else payments.get(statement.payment_id))
        if statement.payment_id:
            named.setdefault(statement.payment_id, statement)
    for payment_id, first in named.items():
        if payments is None:
            break
        payment, place = payments.get(payment_id), Place(payment_id=payment_id, currency=first.currency)
        if payment is None:
            settled = _sum_settlements(covers[payment_id])
            told = "Statements name a payment that get_payments does not list."
            found.append(Finding("missing", told, place, settled, None if settled is None else ZERO))
        else:
            found += find_unreadable(payment.amounts, "the payment", place)
            found += _check_covered_statements(payment, covers[payment_id], contents, place)
            found += _check_exchange(payment)
    return found


def _check_status(statement: Statement, payment: Payment | None) -> Iterator[Finding]:
    settled = statement.amounts.get("settlement")
    place = Place(statement.id, payment_id=statement.payment_id, currency=statement.currency)
    if statement.status == FAILED:
        told = "The payout failed: the seller's bank details may need a look."
        yield Finding("not_paid", told, place, settled, ZERO, statement.time)
    if statement.status == PAID and not statement.payment_id and settled:
        yield Finding("missing", "The statement is PAID, but names no payment.", place, settled, ZERO, statement.time)
    elif payment is not None and not (
        statement.status == payment.status or (statement.status == IN_BALANCE and payment.status == PAID)
    ):
        told = "Statement and payment tell different statuses (expected: the statement's)."
        yield Finding("wrong_status", told, place, statement.status, payment.status, statement.time)


def _sum_settlements(statements: Iterable[Statement]) -> Decimal | None:
    amounts = [statement.amounts.get("settlement") for statement in statements]
    return None if None in amounts else sum_amounts(amounts)


def _check_covered_statements(
    payment: Payment, statements: list[Statement], contents: Mapping[str, StatementTransactions], place: Place
) -> Iterator[Finding]:
    """A payment's settlement is that of its statements; what goes out is less or more by the reserve."""
    settled = _sum_settlements(statements)
    said, before = payment.amounts.get("settlement"), payment.amounts.get("before")
    for name, currency in payment.currencies.items():
        if name != "amount" and currency != place.currency:
            told = f"The payment's {name} is in another currency than its statements."
            yield Finding("wrong_currency", told, place, place.currency, currency)
            return
    if settled is None:
        return
    if said is not None and said != settled:
        told = f"The payment settles something else than the {len(statements)} statements that name it."
        yield Finding("wrong_amount", told, place, settled, said)
        return
    if before is None:
        return
    expected, sure = _compute_payable(payment, settled, statements, contents)
    if before not in expected:
        if sure:
            told = "What was paid is not the settlement of the payment's statements and their reserve."
            yield Finding("wrong_amount", told, place, expected[0], before)
        else:
            told = "What was paid is not the settlement; a reserve may be why: check a period with all its statements."
            yield Finding("unexplained", told, place, settled, before)


def _compute_payable(
    payment: Payment, settled: Decimal, statements: list[Statement], contents: Mapping[str, StatementTransactions]
) -> tuple[list[Decimal], bool]:
    """What may go out, the likeliest first, and whether nothing else may.

    A reserve is told by the statements' transactions, with its sign; older payments tell it themselves, without.
    """
    if (reserve := payment.amounts.get("reserve")) is not None:
        return [settled - abs(reserve), settled + abs(reserve)], True
    if all(statement.id in contents for statement in statements):
        kept = [contents[statement.id].amounts for statement in statements]
        return [settled + sum_amounts(amounts.get("reserve") for amounts in kept)], all(
            a.is_certain("reserve") for a in kept
        )
    return [settled], False


def _check_exchange(payment: Payment) -> Iterator[Finding]:
    before, amount = payment.amounts.get("before"), payment.amounts.get("amount")
    if before is None or amount is None:
        return
    ours, theirs = payment.currencies["before"], payment.currencies["amount"]
    place = Place(payment_id=payment.id, currency=theirs)
    if ours == theirs:
        if amount != before:
            yield Finding("wrong_amount", "Another amount arrived than was paid out.", place, before, amount)
        return
    rate = payment.amounts.get("rate")
    if not rate:
        if payment.amounts.is_certain("rate"):
            yield Finding("unexplained", "The payment was exchanged at a rate that is not told.", place, actual=amount)
        return
    with localcontext(prec=EXCHANGE_DIGITS):
        exact = before * rate
        # Half a step of the rate, and one of the amount as it is written.
        leeway = abs(before) * RATE_STEP + Decimal((0, (1,), int(amount.as_tuple().exponent)))
        if abs(amount - exact) > leeway:
            told = f"What arrived is not what was paid out in {ours} times the exchange rate {rate}."
            yield Finding("wrong_amount", told, place, exact.quantize(amount), amount)


def find_waiting(checked: Iterable[Statement], unsettled: Iterable[UnsettledTransaction]) -> list[Finding]:
    """What is on its way: statements not paid out yet, then what no statement holds yet, each the oldest first."""
    found = [
        Finding(
            "not_paid",
            "The payout is being processed.",
            Place(statement.id, payment_id=statement.payment_id, currency=statement.currency),
            statement.amounts.get("settlement"),
            since=statement.time,
        )
        for statement in checked
        if statement.status == PROCESSING
    ]
    found += [
        Finding(
            "unsettled",
            row.reason or "The platform gives no reason.",
            Place(transaction_id=row.id, order_id=row.order_id, currency=row.currency),
            row.amounts.get("settlement"),
            since=row.since,
        )
        for row in unsettled
    ]
    return sorted(found, key=lambda finding: (finding.kind, finding.since))
