"""The Shop Performance Score as the shop's own orders make it: late parcels, the seller's cancellations, faulty goods.

Shares are of the thirty days before today, in UTC. Thresholds, weights and the way to a score are this platform's own.
No buyer here writes reviews or rates chats: the metrics that need those are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.money import round_amount
from mcp_server_tiktok_shop.sandbox.ordering.order_json import compute_delivery_due

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

WINDOW_DAYS = 30
MAX_SCORE, POOR_SCORE = Decimal(5), Decimal(2)
STATUS_SCORES = ((Decimal("4.5"), "EXCELLENT"), (Decimal("3.5"), "GOOD"), (Decimal("2.5"), "POOR"))
FAULT_WORDS = ("defective", "wrong_product", "missing_item", "damaged", "not_received")


@dataclass(frozen=True)
class MetricRule:
    """A share of orders; it scores full at `excellent` and badly at `poor`, both in percent."""

    code: str
    name: str
    dimension: str
    excellent: Decimal
    poor: Decimal
    numerator: str
    denominator: str


RULES = {
    rule.code: rule
    for rule in (
        MetricRule(
            "NBFR",
            "Negative buyer feedback rate",
            "Product satisfaction",
            Decimal("1.00"),
            Decimal("4.00"),
            "Delivered orders that buyers sent back or complained of for the seller's fault",
            "Delivered orders",
        ),
        MetricRule(
            "SFCR",
            "Seller-fault cancellation rate",
            "Fulfillment and logistics",
            Decimal("1.00"),
            Decimal("2.50"),
            "Paid orders that the seller cancelled, or let pass the last day",
            "Paid orders",
        ),
        MetricRule(
            "OTDR",
            "On-time delivery rate",
            "Fulfillment and logistics",
            Decimal("97.00"),
            Decimal("85.00"),
            "Orders delivered by their delivery_sla_time",
            "Delivered orders",
        ),
    )
}
DIMENSION_WEIGHTS = {"Product satisfaction": 40, "Fulfillment and logistics": 60}


@dataclass(frozen=True)
class PoorOrder:
    """An order that counts against the shop: its lines, since when, and why."""

    order: Order
    lines: tuple[Line, ...]
    time: int
    reason: str


@dataclass(frozen=True)
class Metric:
    rule: MetricRule
    start: int
    end: int
    total: int
    problems: tuple[PoorOrder, ...]

    @property
    def numerator(self) -> int:
        """On-time delivery counts what went well, the others what did not."""
        return self.total - len(self.problems) if self.rule.code == "OTDR" else len(self.problems)

    @property
    def value(self) -> Decimal:
        return round_amount(Decimal(100 * self.numerator) / self.total)

    @property
    def score(self) -> Decimal:
        excellent, poor = self.rule.excellent, self.rule.poor
        way = (self.value - excellent) / (poor - excellent)
        return round_amount(min(MAX_SCORE, max(Decimal(0), MAX_SCORE - way * (MAX_SCORE - POOR_SCORE))))


def find_status(score: Decimal) -> str:
    return next((status for least, status in STATUS_SCORES if score >= least), "CRITICAL")


def measure(shop: SimulatedShop, code: str, now: int, days_ago: int = 0) -> Metric | None:
    """The metric over the thirty days before today, or before an earlier day; None where no order counts."""
    end = now - now % DAY_S - days_ago * DAY_S
    start = end - WINDOW_DAYS * DAY_S
    counted, problems = MEASURES[code](shop, start, end)
    return Metric(RULES[code], start, end, counted, tuple(problems)) if counted else None


def _measure_cancellations(shop: SimulatedShop, start: int, end: int) -> tuple[int, list[PoorOrder]]:
    paid = [order for order in shop.orders.values() if order.paid_time and start <= order.create_time < end]
    problems = [
        PoorOrder(order, order.lines, order.cancel_time, order.cancel_reason)
        for order in paid
        if 0 < order.cancel_time < end and order.cancelled_by in ("SELLER", "SYSTEM")
    ]
    return len(paid), problems


def _iter_deliveries(shop: SimulatedShop, start: int, end: int) -> Iterator[Order]:
    return (o for o in shop.orders.values() if not o.cancel_time and start <= o.delivered_time < end)


def _measure_deliveries(shop: SimulatedShop, start: int, end: int) -> tuple[int, list[PoorOrder]]:
    delivered = list(_iter_deliveries(shop, start, end))
    problems = [
        PoorOrder(order, order.lines, order.delivered_time, "Delivered late")
        for order in delivered
        if order.delivered_time > compute_delivery_due(order)
    ]
    return len(delivered), problems


def _measure_faults(shop: SimulatedShop, start: int, end: int) -> tuple[int, list[PoorOrder]]:
    delivered = {order.id for order in _iter_deliveries(shop, start, end)}
    by_order: dict[str, PoorOrder] = {}
    for request in shop.aftersales.iter_returns():
        if request.order.id in delivered and request.create_time < end and _is_fault(request):
            by_order.setdefault(
                request.order.id, PoorOrder(request.order, request.lines, request.create_time, request.reason)
            )
    return len(delivered), list(by_order.values())


def _is_fault(request: Request) -> bool:
    return request.role == "BUYER" and any(word in request.reason for word in FAULT_WORDS)


MEASURES = {"NBFR": _measure_faults, "SFCR": _measure_cancellations, "OTDR": _measure_deliveries}
