"""The shop's books, kept by the clock: daily statements of completed orders, weekly payments, withdrawals.

A statement is cut at 00:00 UTC for the orders that completed on the day before, and for refunds of settled ones; a
payment is made on Mondays for the statements cut since the Monday before. Nothing here is stored: all of it follows
from the orders and the requests on them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL
from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import GRANTED_STATUSES
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import Refund, sum_refunds
from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S, WEEK_S
from mcp_server_tiktok_shop.sandbox.finance.settlement import Earnings, settle_lines, sum_earnings
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO, round_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

# 1970-01-05 was a Monday.
FIRST_MONDAY_S = 4 * DAY_S
PAYMENT_OFFSET_S = 6 * HOUR_S
# A bank needs this long.
TRANSFER_S = 26 * HOUR_S
WITHDRAWAL_S = 2 * HOUR_S
ADJUSTMENT_EVERY_DAYS = 9
RESERVE_EVERY_STATEMENTS, RESERVE_PLACE = 12, 5
RESERVE_RATE = Decimal("0.10")
RESERVE_S = 10 * DAY_S


@dataclass(frozen=True)
class Adjustment:
    """Money that moves without an order: what the platform makes good or takes back."""

    id: str
    kind: str
    amount: Decimal
    time: int


@dataclass(frozen=True)
class Reserve:
    """Part of a settlement that is paid out later: negative where it is kept back, positive where it is released."""

    id: str
    status: str
    amount: Decimal
    time: int
    release_time: int


@dataclass(frozen=True, eq=False)
class OrderSettlement:
    """What one statement holds of an order: what it earned by then, less what earlier statements held of it.

    `refunding` are the requests granted by then, of which `refunded` were granted before the earlier statement.
    """

    order: Order
    region: str
    refunding: tuple[Request, ...]
    refunded: tuple[Request, ...] | None = None

    @property
    def id(self) -> str:
        """Of a later statement its own; the first one's is known while the order still waits for it."""
        later = (len(self.refunding),) if self.refunded is not None else ()
        return make_id("16", "transaction", self.order.id, *later)

    @cached_property
    def lines(self) -> list[tuple[Line, Earnings]]:
        settled = settle_lines(self.order, self.region, self.refunding)
        if self.refunded is None:
            return settled
        earlier = settle_lines(self.order, self.region, self.refunded)
        return [(line, now.subtract(before)) for (line, now), (_, before) in zip(settled, earlier, strict=True)]

    @cached_property
    def earnings(self) -> Earnings:
        return sum_earnings(earnings for _, earnings in self.lines)

    @property
    def refund(self) -> Refund:
        """What buyers got back since the earlier statement."""
        new_requests = self.refunding[len(self.refunded or ()) :]
        return sum_refunds(request.refund for request in new_requests)


@dataclass(frozen=True, eq=False)
class LedgerStatement:
    id: str
    time: int
    settlements: tuple[OrderSettlement, ...]
    adjustments: tuple[Adjustment, ...]
    reserves: tuple[Reserve, ...] = ()

    @property
    def orders(self) -> list[Order]:
        return [settlement.order for settlement in self.settlements]

    @cached_property
    def earnings(self) -> Earnings:
        return sum_earnings(settlement.earnings for settlement in self.settlements)

    @property
    def adjustment_total(self) -> Decimal:
        return sum((adjustment.amount for adjustment in self.adjustments), ZERO)

    @property
    def reserve_total(self) -> Decimal:
        return sum((reserve.amount for reserve in self.reserves), ZERO)

    @property
    def settlement(self) -> Decimal:
        return self.earnings.settlement + self.adjustment_total

    @property
    def payable(self) -> Decimal:
        """What is paid out for it: the settlement, less what is kept back and with what is released."""
        return self.settlement + self.reserve_total


@dataclass(frozen=True, eq=False)
class LedgerPayment:
    id: str
    time: int
    statements: tuple[LedgerStatement, ...]

    @property
    def settlement(self) -> Decimal:
        return sum((statement.settlement for statement in self.statements), ZERO)

    @property
    def amount(self) -> Decimal:
        return sum((statement.payable for statement in self.statements), ZERO)

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
    unsettled: list[OrderSettlement]

    def find_payment(self, statement: LedgerStatement) -> LedgerPayment | None:
        return self._payments_by_statement.get(statement.id)

    @cached_property
    def _payments_by_statement(self) -> dict[str, LedgerPayment]:
        return {statement.id: payment for payment in self.payments for statement in payment.statements}

    def find_settlements(self, order: Order) -> list[tuple[LedgerStatement, OrderSettlement]]:
        """What statements hold of an order: nothing before its first is cut, and another part after each refund."""
        return self._settlements_by_order.get(order.id, [])

    @cached_property
    def _settlements_by_order(self) -> dict[str, list[tuple[LedgerStatement, OrderSettlement]]]:
        by_order: defaultdict[str, list[tuple[LedgerStatement, OrderSettlement]]] = defaultdict(list)
        for statement in self.statements:
            for settlement in statement.settlements:
                by_order[settlement.order.id].append((statement, settlement))
        return dict(by_order)


def build_ledger(shop: SimulatedShop, now: int) -> Ledger:
    """The shop's books at this moment."""
    ledger: Ledger = shop.get_or_build("books", now, lambda: _close_books(shop, now))
    return ledger


def _close_books(shop: SimulatedShop, now: int) -> Ledger:
    midnight = now - now % DAY_S
    by_day: defaultdict[int, list[OrderSettlement]] = defaultdict(list)
    unsettled = []
    for order in shop.orders.values():
        completed = order.completed_time
        has_ended = 0 < order.delivered_time <= now or 0 < completed <= now
        if not has_ended or order.cancel_time:
            continue
        requests = _list_granted_refunds(shop, order)
        if not completed or completed >= midnight:
            unsettled.append(OrderSettlement(order, shop.region, tuple(requests)))
            continue
        for time, settlement in _settle_in_steps(order, shop.region, requests, midnight):
            by_day[time].append(settlement)
    statements: list[LedgerStatement] = []
    for time in sorted(by_day):
        statements.append(_build_statement(shop, time, by_day[time], statements))
    payments = _build_payments(shop, statements, now)
    return Ledger(statements, payments, _build_withdrawals(shop, payments, now), unsettled)


def _list_granted_refunds(shop: SimulatedShop, order: Order) -> list[Request]:
    """The order's refunds and returns that were granted, in that order; most orders have none."""
    requests = shop.aftersales.by_order.get(order.id)
    if not requests:
        return []
    granted = (r for r in requests if r.kind != CANCEL and r.status in GRANTED_STATUSES)
    return sorted(granted, key=lambda request: request.granted_time)


def _settle_in_steps(
    order: Order, region: str, requests: list[Request], midnight: int
) -> Iterator[tuple[int, OrderSettlement]]:
    """The order on the statement after it completed, and again on those after refunds that came too late for it."""
    first_cut = _find_cut(order.completed_time)
    counted = tuple(request for request in requests if request.granted_time < first_cut)
    yield first_cut, OrderSettlement(order, region, counted)
    later = requests[len(counted) :]
    for cut in sorted({_find_cut(request.granted_time) for request in later}):
        if cut <= midnight:
            earlier, counted = counted, tuple(request for request in requests if request.granted_time < cut)
            yield cut, OrderSettlement(order, region, counted, earlier)


def _find_cut(time: int) -> int:
    """The midnight at which what happened at this time is settled."""
    return time - time % DAY_S + DAY_S


def _build_statement(
    shop: SimulatedShop, time: int, settlements: list[OrderSettlement], earlier: list[LedgerStatement]
) -> LedgerStatement:
    adjustments: tuple[Adjustment, ...] = ()
    if time // DAY_S % ADJUSTMENT_EVERY_DAYS == 0:
        is_reimbursement = time // DAY_S % 2 == 0
        kind = "LOGISTICS_REIMBURSEMENT" if is_reimbursement else "PLATFORM_PENALTY"
        pence = 150 + draw_number("adjusted", shop.id, time) % 900
        amount = Decimal(pence if is_reimbursement else -pence) / 100
        adjustments = (Adjustment(make_id("72", shop.id, "adjustment", time), kind, amount, time - DAY_S // 2),)
    ordered = tuple(sorted(settlements, key=lambda entry: (entry.order.create_time, entry.order.id)))
    statement = LedgerStatement(make_id("72", shop.id, "statement", time), time, ordered, adjustments)
    reserves = [*_release_reserves(time, earlier), *_keep_reserve(shop, statement, len(earlier))]
    return replace(statement, reserves=tuple(reserves)) if reserves else statement


def _keep_reserve(shop: SimulatedShop, statement: LedgerStatement, place: int) -> list[Reserve]:
    """Now and then the platform keeps a share back from a seller abroad, for what buyers may return."""
    is_kept = shop.seller_type == "CROSS_BORDER" and place % RESERVE_EVERY_STATEMENTS == RESERVE_PLACE
    if not is_kept or statement.settlement <= 0:
        return []
    amount = round_amount(statement.settlement * RESERVE_RATE)
    reserve_id = make_id("56", shop.id, "reserve", statement.time)
    return [Reserve(reserve_id, "COLLECTED", -amount, statement.time, statement.time + RESERVE_S)]


def _release_reserves(time: int, earlier: list[LedgerStatement]) -> list[Reserve]:
    """What was kept back and is due: released with the first statement since."""
    last_time = earlier[-1].time if earlier else 0
    return [
        Reserve(kept.id, "RELEASED", -kept.amount, time, kept.release_time)
        for statement in earlier
        for kept in statement.reserves
        if kept.status == "COLLECTED" and last_time < kept.release_time <= time
    ]


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
