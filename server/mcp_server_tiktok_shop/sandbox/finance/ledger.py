"""The shop's books, kept by the clock: daily statements of completed orders, weekly payments, withdrawals.

A statement is cut at 00:00 UTC for the orders that completed on the day before; a payment is made on Mondays for
the statements cut since the Monday before. Nothing here is stored: all of it follows from the orders.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.finance.settlement import Earned, of_order
from mcp_server_tiktok_shop.sandbox.ids import make_id, number
from mcp_server_tiktok_shop.sandbox.money import ZERO

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
    from mcp_server_tiktok_shop.sandbox.shop import Shop

DAY = 24 * 3600
WEEK = 7 * DAY
# 1970-01-05 was a Monday.
FIRST_MONDAY = 4 * DAY
PAYMENT_HOUR = 6 * 3600
# A bank needs this long.
TRANSFER_SECONDS = 26 * 3600
WITHDRAWAL_SECONDS = 2 * 3600
ADJUSTMENT_EVERY = 9


@dataclass(frozen=True)
class Adjustment:
    """Money that moves without an order: what the platform makes good or takes back."""

    id: str
    kind: str
    amount: Decimal
    time: int


@dataclass(frozen=True, eq=False)
class Statement:
    id: str
    time: int
    region: str
    orders: tuple[Order, ...]
    adjustments: tuple[Adjustment, ...]

    @cached_property
    def earned(self) -> Earned:
        total = Earned()
        for order in self.orders:
            total += of_order(order, self.region)
        return total

    @property
    def adjusted(self) -> Decimal:
        return sum((adjustment.amount for adjustment in self.adjustments), ZERO)

    @property
    def settlement(self) -> Decimal:
        return self.earned.settlement + self.adjusted


@dataclass(frozen=True, eq=False)
class Payment:
    id: str
    time: int
    statements: tuple[Statement, ...]

    @property
    def amount(self) -> Decimal:
        return sum((statement.settlement for statement in self.statements), ZERO)

    @property
    def paid_time(self) -> int:
        return self.time + TRANSFER_SECONDS

    def status(self, now: int) -> str:
        return "PAID" if self.paid_time <= now else "PROCESSING"


@dataclass(frozen=True)
class Withdrawal:
    id: str
    kind: str
    amount: Decimal
    time: int
    status: str


@dataclass(frozen=True)
class Books:
    statements: list[Statement]
    payments: list[Payment]
    withdrawals: list[Withdrawal]
    unsettled: list[Order]

    def payment_of(self, statement: Statement) -> Payment | None:
        return next((payment for payment in self.payments if statement in payment.statements), None)

    def statement_of(self, order: Order) -> Statement | None:
        return next((statement for statement in self.statements if order in statement.orders), None)


def books(shop: Shop, now: int) -> Books:
    """The shop's books at this moment."""
    kept: Books = shop.kept("books", now, lambda: _close(shop, now))
    return kept


def _close(shop: Shop, now: int) -> Books:
    midnight = now - now % DAY
    by_day: defaultdict[int, list[Order]] = defaultdict(list)
    unsettled = []
    for order in shop.orders.values():
        delivered = order.delivered_time()
        completed = order.completed_time()
        # What was refunded whole before it was completed earns nothing.
        if not delivered or now < delivered or order.cancel_time or completed == order.refunded_time:
            continue
        if completed < midnight:
            by_day[completed - completed % DAY + DAY].append(order)
        else:
            unsettled.append(order)
    statements = [_statement(shop, time, by_day[time]) for time in sorted(by_day)]
    payments = _payments(shop, statements, now)
    return Books(statements, payments, _withdrawals(shop, payments, now), unsettled)


def _statement(shop: Shop, time: int, orders: list[Order]) -> Statement:
    adjustments: tuple[Adjustment, ...] = ()
    if time // DAY % ADJUSTMENT_EVERY == 0:
        good = time // DAY % 2 == 0
        kind = "LOGISTICS_REIMBURSEMENT" if good else "PLATFORM_PENALTY"
        pence = 150 + number("adjusted", shop.id, time) % 900
        amount = Decimal(pence if good else -pence) / 100
        adjustments = (Adjustment(make_id("72", shop.id, "adjustment", time), kind, amount, time - DAY // 2),)
    ordered = tuple(sorted(orders, key=lambda order: (order.create_time, order.id)))
    return Statement(make_id("72", shop.id, "statement", time), time, shop.region, ordered, adjustments)


def _payments(shop: Shop, statements: list[Statement], now: int) -> list[Payment]:
    by_monday: defaultdict[int, list[Statement]] = defaultdict(list)
    for statement in statements:
        # Cut on a Monday at midnight still goes into that Monday's payment.
        monday = statement.time + (FIRST_MONDAY - statement.time) % WEEK
        by_monday[monday].append(statement)
    return [
        Payment(make_id("34", shop.id, "payment", monday), monday + PAYMENT_HOUR, tuple(covered))
        for monday, covered in sorted(by_monday.items())
        if monday + PAYMENT_HOUR <= now
    ]


def _withdrawals(shop: Shop, payments: list[Payment], now: int) -> list[Withdrawal]:
    """Each payment settles into the balance, and is withdrawn to the bank once it is paid."""
    moved = []
    for payment in payments:
        settled = make_id("35", shop.id, "settle", payment.id)
        moved.append(Withdrawal(settled, "SETTLE", payment.amount, payment.time, "SUCCESS"))
        taken_out = payment.paid_time + WITHDRAWAL_SECONDS
        if taken_out <= now:
            withdrawn = make_id("35", shop.id, "withdraw", payment.id)
            moved.append(Withdrawal(withdrawn, "WITHDRAW", payment.amount, taken_out, "SUCCESS"))
    return moved
