"""The steps of a request after the sale, and what each does to the order, its parcels and the stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales, refunds
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, REASON_TEXTS
from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Event, Request
from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop


def file_request(
    shop: SimulatedShop,
    kind: str,
    order: Order,
    lines: Sequence[Line],
    *,
    role: str,
    reason: str,
    now: int,
    note: str = "",
) -> Request:
    """A new request, waiting for its decision."""
    count = len(shop.aftersales.by_order.get(order.id, ()))
    status = aftersales.CANCEL_PENDING if kind == CANCEL else aftersales.PENDING
    request = Request(
        id=make_id("4035", shop.id, order.id, kind, count),
        kind=kind,
        order=order,
        lines=tuple(lines),
        refunds=refunds.refund_lines(order, lines),
        role=role,
        reason=reason,
        create_time=now,
        status=status,
        events=[Event(now, status, role, reason, note)],
    )
    _schedule_next_step(request, now)
    shop.aftersales.add(request)
    order.touched_time = max(order.touched_time, now)
    return request


def _schedule_next_step(request: Request, now: int) -> None:
    step = aftersales.find_next_step(request.status, request.kind)
    request.due = now + step.delay_s if step else 0


def move_request(
    shop: SimulatedShop, request: Request, status: str, now: int, role: str, *, reason: str = "", note: str = ""
) -> None:
    """The request comes to a status, with all that this brings about."""
    request.status = status
    request.events.append(Event(now, status, role, reason, note))
    _schedule_next_step(request, now)
    shop.aftersales.schedule(request.due)
    order = request.order
    order.touched_time = max(order.touched_time, now)
    if status == aftersales.CANCEL_SUCCESS:
        cancel_lines(shop, request.lines, now, request.role, REASON_TEXTS.get(request.reason, request.reason))
    elif status == aftersales.CANCEL_WITHDRAWN:
        order.request_cancel_time = 0
    elif status == aftersales.SHIPPED:
        request.tracking_number = f"SBR{make_id('7', 'return', request.id)[:14]}"
    elif status == aftersales.SUCCESS:
        _complete_if_refunded(shop, order, now)
    shop.mark_changed()


def cancel_lines(shop: SimulatedShop, lines: Sequence[Line], now: int, role: str, reason: str) -> None:
    """Lines leave the order, and with the last of them the order is cancelled; the goods go back on sale."""
    order = lines[0].order
    for line in lines:
        line.cancel_time, line.cancelled_by, line.cancel_reason = now, role, reason
        restock_line(shop, line)
    if all(line.cancel_time for line in order.lines):
        order.cancel_time, order.cancelled_by, order.cancel_reason = now, role, reason
    for line in lines:
        _remove_from_package(line, whole_order=bool(order.cancel_time))


def _remove_from_package(line: Line, *, whole_order: bool) -> None:
    """A cancelled line leaves a parcel that others stay in; a parcel of cancelled lines alone is cancelled."""
    package = line.package
    if package is None or package.cancelled:
        return
    package.touched_time = max(package.touched_time, line.cancel_time)
    if all(other.cancel_time for other in package.lines):
        package.cancelled = True
        if not whole_order:
            for other in package.lines:
                other.package = None
    else:
        package.lines = tuple(other for other in package.lines if other is not line)
        line.package = None


def restock_line(shop: SimulatedShop, line: Line) -> None:
    product = shop.products.get(line.product.id)
    sku = product.find_sku(line.sku.id) if product else None
    if sku and sku.stock:
        warehouse = next(iter(sku.stock))
        sku.stock[warehouse] += 1


def _complete_if_refunded(shop: SimulatedShop, order: Order, now: int) -> None:
    """An order of which everything was refunded is completed."""
    refunded = refunds.sum_refunds(
        refund
        for request in shop.aftersales.by_order[order.id]
        if request.status in aftersales.GRANTED_STATUSES
        for refund in request.refunds
    )
    if refunded.total >= order.total_amount:
        order.refunded_time = now


def advance_requests(shop: SimulatedShop, now: int) -> None:
    """What time has brought by now: answers that nobody gave, parcels sent back, money paid."""
    shop_requests = shop.aftersales
    while shop_requests.next_due and shop_requests.next_due <= now:
        due = [r for r in shop_requests.requests.values() if r.due and r.due <= now]
        shop_requests.next_due = 0
        for request in sorted(due, key=lambda r: (r.due, r.id)):
            _advance_request(shop, request)
        waiting = [request.due for request in shop_requests.requests.values() if request.due]
        shop_requests.next_due = min(waiting, default=0)


def _advance_request(shop: SimulatedShop, request: Request) -> None:
    if request.status == aftersales.CANCEL_SCHEDULED:
        for line in request.lines:
            restock_line(shop, line)
        move_request(shop, request, aftersales.CANCEL_COMPLETE, request.due, request.role)
        return
    step = aftersales.find_next_step(request.status, request.kind)
    if step:
        move_request(shop, request, step.status, request.due, step.role)
