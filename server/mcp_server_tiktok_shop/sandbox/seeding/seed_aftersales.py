"""Requests after the sale that a shop of this age has: what was cancelled, and a handful of returns and refunds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales, refunds
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, REFUND, RETURN, find_reason_name
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import advance_requests, file_request, move_request
from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Event, Request
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import split_refund
from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S, MINUTE_S
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO
from mcp_server_tiktok_shop.sandbox.ordering.orders import AFTER_SALE_WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop


@dataclass(frozen=True)
class SeedRequest:
    """One request: when it was made, and the statuses that the seller took it to, so many hours later.

    `ago` counts hours back from now; 0 stands for a finished case of an order that is completed, which began so many
    hours `after` the delivery. `note` is what the seller writes, `words` what the buyer does.
    """

    name: str
    kind: str
    reason: str
    ago: int
    steps: tuple[tuple[int, str], ...] = ()
    note: str = ""
    words: str = ""
    after: int = 20

    @property
    def hours(self) -> int:
        """How long after the delivery a finished case had its last step."""
        return self.after + max((hours for hours, _ in self.steps), default=0)


# Personal data of the kinds that buyers put into their words.
COMPLAINT = (
    "The lid is cracked. My name is Robin Specimen, call me on 07700 900456 or collect it at 7 Sample Lane, Leeds."
)

SEED_REQUESTS = (
    SeedRequest(
        "return_pending", RETURN, "ecom_order_delivered_refund_and_return_reason_defective", 5, words=COMPLAINT
    ),
    SeedRequest("refund_pending", REFUND, "ecom_order_delivered_refund_reason_missing_item", 3),
    SeedRequest(
        "return_shipped",
        RETURN,
        "ecom_order_delivered_refund_and_return_reason_wrong_product",
        70,
        ((10, aftersales.AWAITING_SHIP),),
    ),
    SeedRequest(
        "return_awaiting",
        RETURN,
        "ecom_order_delivered_refund_and_return_reason_no_longer_needed",
        30,
        ((10, aftersales.AWAITING_SHIP),),
    ),
    SeedRequest(
        "refund_rejected",
        REFUND,
        "ecom_order_delivered_refund_reason_damaged",
        50,
        ((20, aftersales.REJECTED),),
        "The photograph shows another product.",
    ),
    SeedRequest(
        "refund_offered",
        REFUND,
        "ecom_order_delivered_refund_reason_damaged",
        20,
        ((14, aftersales.AWAITING_RESPONSE),),
    ),
    SeedRequest(
        "return_completed",
        RETURN,
        "ecom_order_delivered_refund_and_return_reason_defective",
        0,
        ((10, aftersales.AWAITING_SHIP), (96, aftersales.SUCCESS)),
    ),
    SeedRequest(
        "refund_completed", REFUND, "ecom_order_delivered_refund_reason_missing_item", 0, ((4, aftersales.SUCCESS),)
    ),
    # Asked for in time, granted after the order was settled: it stands on a statement of its own.
    SeedRequest(
        "return_after_settlement",
        RETURN,
        "ecom_order_delivered_refund_and_return_reason_defective",
        0,
        ((10, aftersales.AWAITING_SHIP), (96, aftersales.SUCCESS)),
        after=150,
    ),
)
# So long after it was paid, a line of an order was cancelled.
PARTLY_CANCELLED_S = 30 * MINUTE_S


def add_requests(shop: SimulatedShop, now: int) -> None:
    """Every cancelled order has its cancellation; returns are made on the newest orders that fit them."""
    for order in shop.orders.values():
        if order.cancel_time:
            shop.aftersales.add(_make_cancellation(shop, order, now))
    if "cancel_request" in shop.planted:
        order = shop.orders[shop.planted["cancel_request"]]
        reason = "ecom_order_to_ship_canceled_reason_no_longer_needed"
        file_request(shop, CANCEL, order, order.lines, role="BUYER", reason=reason, now=order.request_cancel_time)
    taken_ids: set[str] = set()
    for case in SEED_REQUESTS:
        order_found = next(_iter_fitting_orders(shop, case, now, taken_ids), None)
        if order_found:
            taken_ids.add(order_found.id)
            shop.planted[case.name] = order_found.id
            _play_request(shop, case, order_found, now)
    _cancel_a_line(shop, now, taken_ids)
    advance_requests(shop, now)


def _cancel_a_line(shop: SimulatedShop, now: int, taken_ids: set[str]) -> None:
    """Before it was shipped, the buyer of an order that is on a statement by now took one of several lines back."""
    for order in reversed(shop.orders.values()):
        several = len({line.sku.id for line in order.lines}) > 1 and len(order.packages) == 1
        is_settled = 0 < order.delivered_time <= now - AFTER_SALE_WINDOW_S - DAY_S
        if order.id in taken_ids or order.cancel_time or not several or not is_settled:
            continue
        time, reason = order.paid_time + PARTLY_CANCELLED_S, "ecom_order_to_ship_canceled_reason_no_longer_needed"
        request = file_request(shop, CANCEL, order, order.lines[-1:], role="BUYER", reason=reason, now=time)
        move_request(shop, request, aftersales.CANCEL_SUCCESS, time, "SELLER")
        shop.planted["partly_cancelled"] = order.id
        return


def _make_cancellation(shop: SimulatedShop, order: Order, now: int) -> Request:
    """A cancellation that is done with, or will be when nobody pays."""
    time, done = order.cancel_time, order.cancel_time <= now
    reason = find_reason_name(order.cancel_reason, order.cancelled_by)
    status = aftersales.CANCEL_COMPLETE if done else aftersales.CANCEL_SCHEDULED
    return Request(
        id=make_id("4035", shop.id, order.id, CANCEL, 0),
        kind=CANCEL,
        order=order,
        lines=order.lines,
        refunds=refunds.refund_lines(order, order.lines) if order.paid_time else split_refund(ZERO, order.lines),
        role=order.cancelled_by,
        reason=reason,
        create_time=time,
        status=status,
        events=[Event(time, status, order.cancelled_by, reason)],
        due=0 if done else time,
    )


def _iter_fitting_orders(shop: SimulatedShop, case: SeedRequest, now: int, taken_ids: set[str]) -> Iterator[Order]:
    for order in reversed(shop.orders.values()):
        if order.id in taken_ids or order.cancel_time or not 0 < order.delivered_time <= now - case.ago * HOUR_S:
            continue
        if case.ago:
            fits = order.delivered_time + AFTER_SALE_WINDOW_S > now
        else:
            # Finished cases give back a part, and are on a statement by now.
            over = order.delivered_time + max(AFTER_SALE_WINDOW_S, case.hours * HOUR_S) + DAY_S
            fits = over <= now and len(order.lines) > 1
        if not fits:
            continue
        yield order


def _play_request(shop: SimulatedShop, case: SeedRequest, order: Order, now: int) -> None:
    start = now - case.ago * HOUR_S if case.ago else order.delivered_time + case.after * HOUR_S
    lines = order.lines if case.ago and len(order.lines) == 1 else order.lines[:1]
    request = file_request(shop, case.kind, order, lines, role="BUYER", reason=case.reason, now=start, note=case.words)
    for hours, status in case.steps:
        moment = start + hours * HOUR_S
        advance_requests(shop, moment)
        if status == aftersales.AWAITING_RESPONSE:
            request.refunds, request.offered = split_refund(request.refund.total / 2, lines), True
        move_request(shop, request, status, moment, "SELLER", note=case.note)
