"""Orders, their lines and parcels, and the state machine that reads an order's status off its times.

A seller's acts are stored; what follows by itself (the end of the hold, collection, delivery, the end of the
after-sale window, a payment that never came) follows from the clock. A line cancelled by itself leaves its parcel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S, WEEK_S
from mcp_server_tiktok_shop.sandbox.money import ZERO

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

HOLD_S = HOUR_S
PAYMENT_WINDOW_S = DAY_S
AFTER_SALE_WINDOW_S = WEEK_S

LINE_STATUSES = {
    "TO_FULFILL": "AWAITING_SHIPMENT",
    "PROCESSING": "AWAITING_COLLECTION",
    "FULFILLING": "IN_TRANSIT",
    "COMPLETED": "DELIVERED",
    "CANCELLED": "CANCELLED",
}


@dataclass(slots=True, eq=False)
class Package:
    """A parcel: `shipped_time` 0 until the seller arranges it, then the carrier's times are set with it.

    `touched_time` is when it was last changed otherwise: lines taken out, a tracking number put right.
    """

    id: str
    create_time: int
    lines: tuple[Line, ...] = ()
    shipped_time: int = 0
    collected_time: int = 0
    delivered_time: int = 0
    tracking_number: str = ""
    provider_id: str = ""
    cancelled: bool = False
    touched_time: int = 0

    def get_status(self, now: int) -> str:
        if self.cancelled:
            return "CANCELLED"
        if not self.shipped_time or now < self.shipped_time:
            return "TO_FULFILL"
        if now < self.collected_time:
            return "PROCESSING"
        return "FULFILLING" if now < self.delivered_time else "COMPLETED"

    def get_update_time(self, now: int) -> int:
        """The last thing that happened to the parcel up to now."""
        times = {self.create_time, self.shipped_time, self.collected_time, self.delivered_time, self.touched_time}
        times |= {time for line in self.lines for time in (line.cancel_time, line.order.cancel_time)}
        return max((time for time in times if time <= now), default=self.create_time)

    @property
    def orders(self) -> list[Order]:
        return list({line.order.id: line.order for line in self.lines}.values())


@dataclass(slots=True, eq=False)
class Line:
    """One unit of one SKU."""

    id: str
    order: Order = field(repr=False)
    product: Product = field(repr=False)
    sku: Sku = field(repr=False)
    original_price: Decimal
    seller_discount: Decimal = ZERO
    platform_discount: Decimal = ZERO
    package: Package | None = field(default=None, repr=False)
    cancel_time: int = 0
    cancelled_by: str = ""
    cancel_reason: str = ""

    @property
    def sale_price(self) -> Decimal:
        return self.original_price - self.seller_discount - self.platform_discount


@dataclass(slots=True, eq=False)
class Order:
    """What was bought, by whom, and when what happened; 0 stands for a time that never came."""

    id: str
    number: int
    create_time: int
    shipping_type: str
    buyer: int
    paid_time: int = 0
    cancel_time: int = 0
    cancelled_by: str = ""
    cancel_reason: str = ""
    request_cancel_time: int = 0
    shipping_fee: Decimal = ZERO
    shipping_seller_discount: Decimal = ZERO
    shipping_platform_discount: Decimal = ZERO
    tax: Decimal = ZERO
    buyer_message: str = ""
    seller_note: str = ""
    lines: tuple[Line, ...] = ()
    split: str = ""
    refunded_time: int = 0
    touched_time: int = 0

    @property
    def packages(self) -> list[Package]:
        """Each parcel once, in the order of the lines."""
        if len(self.lines) == 1:
            return [self.lines[0].package] if self.lines[0].package else []
        return list({line.package.id: line.package for line in self.lines if line.package}.values())

    @property
    def paid_by_buyer_for_shipping(self) -> Decimal:
        return self.shipping_fee - self.shipping_seller_discount - self.shipping_platform_discount

    @property
    def sub_total(self) -> Decimal:
        return sum((line.sale_price for line in self.lines), ZERO)

    @property
    def total_amount(self) -> Decimal:
        return self.sub_total + self.paid_by_buyer_for_shipping + self.tax

    def is_cancelled(self, now: int) -> bool:
        return bool(self.cancel_time) and now >= self.cancel_time

    def is_on_hold(self, now: int) -> bool:
        return bool(self.paid_time) and now < self.paid_time + HOLD_S

    @property
    def delivered_time(self) -> int:
        """When the last parcel arrives or arrived; 0 while one is not on its way."""
        latest = 0
        for line in self.lines:
            if line.cancel_time:
                continue
            if line.package is None or not line.package.delivered_time:
                return 0
            latest = max(latest, line.package.delivered_time)
        return latest

    @property
    def completed_time(self) -> int:
        delivered = self.delivered_time
        if not delivered or self.cancel_time:
            return self.refunded_time
        completed = delivered + AFTER_SALE_WINDOW_S
        return min(completed, self.refunded_time) if self.refunded_time else completed

    def get_status(self, now: int) -> str:
        if self.is_cancelled(now):
            return "CANCELLED"
        if not self.paid_time:
            return "UNPAID"
        return "ON_HOLD" if self.is_on_hold(now) else self._get_shipment_status(now)

    def _get_shipment_status(self, now: int) -> str:
        """Of a paid order: as far as its slowest parcel, but partly shipped as soon as one is."""
        if self.refunded_time and now >= self.refunded_time:
            return "COMPLETED"
        packages = [line.package for line in self.lines if line.package]
        waiting = sum(1 for p in packages if not p.shipped_time or now < p.shipped_time)
        if waiting:
            return "AWAITING_SHIPMENT" if waiting == len(packages) else "PARTIALLY_SHIPPING"
        if any(now < p.collected_time for p in packages):
            return "AWAITING_COLLECTION"
        delivered = self.delivered_time
        if now < delivered:
            return "IN_TRANSIT"
        return "DELIVERED" if now < delivered + AFTER_SALE_WINDOW_S else "COMPLETED"

    def get_update_time(self, now: int) -> int:
        """The last thing that happened to the order up to now."""
        times = [self.create_time, self.paid_time, self.cancel_time, self.request_cancel_time, self.touched_time]
        if self.paid_time:
            times.append(self.paid_time + HOLD_S)
        for package in self.packages:
            times += (package.shipped_time, package.collected_time, package.delivered_time)
        times.append(self.completed_time)
        return max(time for time in times if time <= now)

    def get_line_status(self, line: Line, now: int) -> str:
        if line.cancel_time:
            return "CANCELLED"
        status = self.get_status(now)
        if status in ("UNPAID", "CANCELLED", "COMPLETED") or line.package is None:
            return status
        return LINE_STATUSES[line.package.get_status(now)]
