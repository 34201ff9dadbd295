"""The steps of a request after the sale, and what each does to the order, its parcels and the stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales, refunds
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, TEXTS
from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Event, Request
from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order
    from mcp_server_tiktok_shop.sandbox.shop import Shop


def file(
    shop: Shop,
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
        refunds=refunds.of_lines(order, lines),
        role=role,
        reason=reason,
        create_time=now,
        status=status,
        events=[Event(now, status, role, reason, note)],
    )
    _plan(request, now)
    shop.aftersales.add(request)
    order.touched_time = max(order.touched_time, now)
    return request


def _plan(request: Request, now: int) -> None:
    follows = aftersales.follow(request.status, request.kind)
    request.due = now + follows.after if follows else 0


def move(shop: Shop, request: Request, status: str, now: int, role: str, *, reason: str = "", note: str = "") -> None:
    """The request comes to a status, with all that this brings about."""
    request.status = status
    request.events.append(Event(now, status, role, reason, note))
    _plan(request, now)
    shop.aftersales.plan(request.due)
    order = request.order
    order.touched_time = max(order.touched_time, now)
    if status == aftersales.CANCEL_SUCCESS:
        cancel_lines(shop, request.lines, now, request.role, TEXTS.get(request.reason, request.reason))
    elif status == aftersales.CANCEL_WITHDRAWN:
        order.request_cancel_time = 0
    elif status == aftersales.SHIPPED:
        request.tracking_number = f"SBR{make_id('7', 'return', request.id)[:14]}"
    elif status == aftersales.SUCCESS:
        _refunded(shop, order, now)
    shop.changed()


def cancel_lines(shop: Shop, lines: Sequence[Line], now: int, role: str, reason: str) -> None:
    """Lines leave the order, and with the last of them the order is cancelled; the goods go back on sale."""
    order = lines[0].order
    for line in lines:
        line.cancel_time, line.cancelled_by, line.cancel_reason = now, role, reason
        restock(shop, line)
    if all(line.cancel_time for line in order.lines):
        order.cancel_time, order.cancelled_by, order.cancel_reason = now, role, reason
    for line in lines:
        _unpack(line, whole_order=bool(order.cancel_time))


def _unpack(line: Line, *, whole_order: bool) -> None:
    """A cancelled line leaves a parcel that others stay in; a parcel of cancelled lines alone is cancelled."""
    package = line.package
    if package is None or package.cancelled:
        return
    if all(other.cancel_time for other in package.lines):
        package.cancelled = True
        if not whole_order:
            for other in package.lines:
                other.package = None
    else:
        package.lines = tuple(other for other in package.lines if other is not line)
        line.package = None


def restock(shop: Shop, line: Line) -> None:
    product = shop.products.get(line.product.id)
    sku = product.sku(line.sku.id) if product else None
    if sku and sku.stock:
        warehouse = next(iter(sku.stock))
        sku.stock[warehouse] += 1


def _refunded(shop: Shop, order: Order, now: int) -> None:
    """An order of which everything was refunded is completed."""
    back = refunds.total(
        refund
        for request in shop.aftersales.by_order[order.id]
        if request.status in aftersales.GRANTED
        for refund in request.refunds
    )
    if back.total >= order.total_amount:
        order.refunded_time = now


def advance(shop: Shop, now: int) -> None:
    """What time has brought by now: answers that nobody gave, parcels sent back, money paid."""
    kept = shop.aftersales
    while kept.next_due and kept.next_due <= now:
        due = [r for r in kept.requests.values() if r.due and r.due <= now]
        kept.next_due = 0
        for request in sorted(due, key=lambda r: (r.due, r.id)):
            _go_on(shop, request)
        waiting = [request.due for request in kept.requests.values() if request.due]
        kept.next_due = min(waiting, default=0)


def _go_on(shop: Shop, request: Request) -> None:
    if request.status == aftersales.CANCEL_SCHEDULED:
        for line in request.lines:
            restock(shop, line)
        move(shop, request, aftersales.CANCEL_COMPLETE, request.due, request.role)
        return
    follows = aftersales.follow(request.status, request.kind)
    if follows:
        move(shop, request, follows.to, request.due, follows.role)
