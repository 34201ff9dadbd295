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

from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S, WEEK_S
from mcp_server_tiktok_shop.sandbox.finance.settlement import Earnings, settle_order
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

# 1970-01-05 was a Monday.
FIRST_MONDAY_S = 4 * DAY_S
PAYMENT_OFFSET_S = 6 * HOUR_S
# A bank needs this long.
TRANSFER_S = 26 * HOUR_S
WITHDRAWAL_S = 2 * HOUR_S
ADJUSTMENT_EVERY_DAYS = 9


@dataclass(frozen=True)
class Adjustment:
    """Money that moves without an order: what the platform makes good or takes back."""

    id: str
    kind: str
    amount: Decimal
    time: int


@dataclass(frozen=True, eq=False)
class LedgerStatement:
    id: str
    time: int
    region: str
    orders: tuple[Order, ...]
    adjustments: tuple[Adjustment, ...]

    @cached_property
    def earnings(self) -> Earnings:
        total = Earnings()
        for order in self.orders:
            total += settle_order(order, self.region)
        return total

    @property
    def adjustment_total(self) -> Decimal:
        return sum((adjustment.amount for adjustment in self.adjustments), ZERO)

    @property
    def settlement(self) -> Decimal:
        return self.earnings.settlement + self.adjustment_total


@dataclass(frozen=True, eq=False)
class LedgerPayment:
    id: str
    time: int
    statements: tuple[LedgerStatement, ...]

    @property
    def amount(self) -> Decimal:
        return sum((statement.settlement for statement in self.statements), ZERO)

    @property
    def paid_time(self) -> int:
        return self.time + TRANSFER_S

    def get_status(self, now: int) -> str:
        return "PAID" if self.paid_time <= now else "PROCESSING"


@dataclass(frozen=True)
class Withdrawal:
    id: str
    kind: str
    amount: Decimal
    time: int
    status: str


@dataclass(frozen=True)
class Ledger:
    statements: list[LedgerStatement]
    payments: list[LedgerPayment]
    withdrawals: list[Withdrawal]
    unsettled: list[Order]

    def find_payment(self, statement: LedgerStatement) -> LedgerPayment | None:
        return next((payment for payment in self.payments if statement in payment.statements), None)

    def find_statement(self, order: Order) -> LedgerStatement | None:
        return next((statement for statement in self.statements if order in statement.orders), None)


def build_ledger(shop: SimulatedShop, now: int) -> Ledger:
    """The shop's books at this moment."""
    ledger: Ledger = shop.get_or_build("books", now, lambda: _close_books(shop, now))
    return ledger


def _close_books(shop: SimulatedShop, now: int) -> Ledger:
    midnight = now - now % DAY_S
    by_day: defaultdict[int, list[Order]] = defaultdict(list)
    unsettled = []
    for order in shop.orders.values():
        delivered = order.delivered_time
        completed = order.completed_time
        # What was refunded whole before it was completed earns nothing.
        if not delivered or now < delivered or order.cancel_time or completed == order.refunded_time:
            continue
        if completed < midnight:
            by_day[completed - completed % DAY_S + DAY_S].append(order)
        else:
            unsettled.append(order)
    statements = [_build_statement(shop, time, by_day[time]) for time in sorted(by_day)]
    payments = _build_payments(shop, statements, now)
    return Ledger(statements, payments, _build_withdrawals(shop, payments, now), unsettled)


def _build_statement(shop: SimulatedShop, time: int, orders: list[Order]) -> LedgerStatement:
    adjustments: tuple[Adjustment, ...] = ()
    if time // DAY_S % ADJUSTMENT_EVERY_DAYS == 0:
        is_reimbursement = time // DAY_S % 2 == 0
        kind = "LOGISTICS_REIMBURSEMENT" if is_reimbursement else "PLATFORM_PENALTY"
        pence = 150 + draw_number("adjusted", shop.id, time) % 900
        amount = Decimal(pence if is_reimbursement else -pence) / 100
        adjustments = (Adjustment(make_id("72", shop.id, "adjustment", time), kind, amount, time - DAY_S // 2),)
    ordered = tuple(sorted(orders, key=lambda order: (order.create_time, order.id)))
    return LedgerStatement(make_id("72", shop.id, "statement", time), time, shop.region, ordered, adjustments)


def _build_payments(shop: SimulatedShop, statements: list[LedgerStatement], now: int) -> list[LedgerPayment]:
    by_monday: defaultdict[int, list[LedgerStatement]] = defaultdict(list)
    for statement in statements:
        # Cut on a Monday at midnight still goes into that Monday's payment.
        monday = statement.time + (FIRST_MONDAY_S - statement.time) % WEEK_S
        by_monday[monday].append(statement)
    return [
        LedgerPayment(make_id("34", shop.id, "payment", monday), monday + PAYMENT_OFFSET_S, tuple(covered))
        for monday, covered in sorted(by_monday.items())
        if monday + PAYMENT_OFFSET_S <= now
    ]


def _build_withdrawals(shop: SimulatedShop, payments: list[LedgerPayment], now: int) -> list[Withdrawal]:
    """Each payment settles into the balance, and is withdrawn to the bank once it is paid."""
    withdrawals = []
    for payment in payments:
        settle_id = make_id("35", shop.id, "settle", payment.id)
        withdrawals.append(Withdrawal(settle_id, "SETTLE", payment.amount, payment.time, "SUCCESS"))
        withdrawal_time = payment.paid_time + WITHDRAWAL_S
        if withdrawal_time <= now:
            withdraw_id = make_id("35", shop.id, "withdraw", payment.id)
            withdrawals.append(Withdrawal(withdraw_id, "WITHDRAW", payment.amount, withdrawal_time, "SUCCESS"))
    return withdrawals
