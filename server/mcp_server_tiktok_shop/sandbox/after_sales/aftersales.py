"""Requests after the sale: cancellations, refunds and returns, their statuses, and what follows by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, RETURN
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import Refund, sum_refunds
from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order


CANCEL_SCHEDULED = "SCHEDULED"  # never shown: what will have been cancelled when its time has come
CANCEL_PENDING = "CANCELLATION_REQUEST_PENDING"
CANCEL_SUCCESS = "CANCELLATION_REQUEST_SUCCESS"
CANCEL_WITHDRAWN = "CANCELLATION_REQUEST_CANCEL"
CANCEL_COMPLETE = "CANCELLATION_REQUEST_COMPLETE"
PENDING = "RETURN_OR_REFUND_REQUEST_PENDING"
REJECTED = "REFUND_OR_RETURN_REQUEST_REJECT"
AWAITING_SHIP = "AWAITING_BUYER_SHIP"
AWAITING_RESPONSE = "AWAITING_BUYER_RESPONSE"
SHIPPED = "BUYER_SHIPPED_ITEM"
RECEIPT_REJECTED = "REJECT_RECEIVE_PACKAGE"
SUCCESS = "RETURN_OR_REFUND_REQUEST_SUCCESS"
WITHDRAWN = "RETURN_OR_REFUND_REQUEST_CANCEL"
COMPLETE = "RETURN_OR_REFUND_REQUEST_COMPLETE"

GRANTED_STATUSES = (CANCEL_SUCCESS, CANCEL_COMPLETE, SUCCESS, COMPLETE)
WITHDRAWN_STATUSES = (CANCEL_WITHDRAWN, WITHDRAWN)


@dataclass(frozen=True)
class NextStep:
    """What happens by itself when nobody acts: after so long, to this status, in this role."""

    delay_s: int
    status: str
    role: str


NEXT_STEPS = {
    CANCEL_PENDING: NextStep(48 * HOUR_S, CANCEL_SUCCESS, "SYSTEM"),
    CANCEL_SUCCESS: NextStep(HOUR_S, CANCEL_COMPLETE, "SYSTEM"),
    PENDING: NextStep(48 * HOUR_S, SUCCESS, "SYSTEM"),
    AWAITING_SHIP: NextStep(36 * HOUR_S, SHIPPED, "BUYER"),
    AWAITING_RESPONSE: NextStep(DAY_S, SUCCESS, "BUYER"),
    SHIPPED: NextStep(7 * DAY_S, SUCCESS, "SYSTEM"),
    REJECTED: NextStep(3 * DAY_S, WITHDRAWN, "SYSTEM"),
    RECEIPT_REJECTED: NextStep(3 * DAY_S, WITHDRAWN, "SYSTEM"),
    SUCCESS: NextStep(HOUR_S, COMPLETE, "SYSTEM"),
}


def find_next_step(status: str, kind: str) -> NextStep | None:
    if status == PENDING and kind == RETURN:
        return NextStep(48 * HOUR_S, AWAITING_SHIP, "SYSTEM")
    return NEXT_STEPS.get(status)


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a request: the status it came to, and who took it there, with their words."""

    time: int
    status: str
    role: str
    reason: str = ""
    note: str = ""


@dataclass(eq=False, slots=True)
class Request:
    """One request. `role` asked for it; `due` is when it goes on by itself, 0 for never."""

    id: str
    kind: str
    order: Order = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    refunds: list[Refund]
    role: str
    reason: str
    create_time: int
    status: str
    events: list[Event]
    due: int = 0
    tracking_number: str = ""
    buyer_keeps: bool = False
    offered: bool = False
    shipment: tuple[str, str] = ("PLATFORM", "DROP_OFF")

    @property
    def update_time(self) -> int:
        return self.events[-1].time

    @property
    def granted_time(self) -> int:
        """When it was granted; 0 where it is not."""
        return next((event.time for event in self.events if event.status in GRANTED_STATUSES), 0)

    @property
    def refund(self) -> Refund:
        return sum_refunds(self.refunds)

    @property
    def is_open(self) -> bool:
        return self.status not in (*GRANTED_STATUSES, *WITHDRAWN_STATUSES, CANCEL_SCHEDULED)


@dataclass(eq=False)
class Aftersales:
    """All requests of a shop, by id and by order; `next_due` is when the first of them goes on by itself."""

    requests: dict[str, Request] = field(default_factory=dict)
    by_order: dict[str, list[Request]] = field(default_factory=dict)
    handled_keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    next_due: int = 0

    def add(self, request: Request) -> None:
        self.requests[request.id] = request
        self.by_order.setdefault(request.order.id, []).append(request)
        self.schedule(request.due)

    def schedule(self, due: int) -> None:
        if due and (not self.next_due or due < self.next_due):
            self.next_due = due

    def iter_cancellations(self) -> Iterator[Request]:
        return (r for r in self.requests.values() if r.kind == CANCEL and r.status != CANCEL_SCHEDULED)

    def iter_returns(self) -> Iterator[Request]:
        return (request for request in self.requests.values() if request.kind != CANCEL)

    def find_by_line(self, line: Line) -> Request | None:
        """The request that holds a line: open, or granted already."""
        for request in self.by_order.get(line.order.id, ()):
            if line in request.lines and (request.is_open or request.status in GRANTED_STATUSES):
                return request
        return None

    def find_open(self, order: Order) -> Request | None:
        return next((request for request in self.by_order.get(order.id, ()) if request.is_open), None)
