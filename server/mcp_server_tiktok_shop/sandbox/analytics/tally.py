"""What the shop sold, day by day in its own time zone: added up from its orders, the paid ones by creation."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import GRANTED_STATUSES
from mcp_server_tiktok_shop.sandbox.durations import HOUR_S
from mcp_server_tiktok_shop.sandbox.ids import draw_number
from mcp_server_tiktok_shop.sandbox.marketing.creators import find_creator
from mcp_server_tiktok_shop.sandbox.money import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

ZONES = {"GB": "Europe/London", "DE": "Europe/Berlin", "US": "America/Los_Angeles"}
CREATOR, SELLER = "CREATOR", "SELLER"
LIVE, VIDEO, CARD = "LIVE", "VIDEO", "PRODUCT_CARD"
CONTENTS = (LIVE, VIDEO, CARD)


@dataclass(slots=True)
class SkuTally:
    gmv: Decimal = ZERO
    units: int = 0
    orders: int = 0
    buyers: set[int] = field(default_factory=set)
    by_content: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(CONTENTS, ZERO))
    units_by_content: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONTENTS, 0))

    def add(self, other: SkuTally) -> None:
        self.gmv += other.gmv
        self.units += other.units
        self.orders += other.orders
        self.buyers |= other.buyers
        for content in CONTENTS:
            self.by_content[content] += other.by_content[content]
            self.units_by_content[content] += other.units_by_content[content]


@dataclass(slots=True)
class Tally:
    """`gmv` is what the paid orders came to, as their totals say; by SKU it is what the lines sold for."""

    orders: int = 0
    gmv: Decimal = ZERO
    items: int = 0
    sku_orders: int = 0
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    cancelled: int = 0
    returned: int = 0
    refunds: Decimal = ZERO
    buyers: set[int] = field(default_factory=set)
    channels: defaultdict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    skus: defaultdict[str, SkuTally] = field(default_factory=lambda: defaultdict(SkuTally))

    def count_order(self, order: Order, now: int) -> None:
        status = order.get_status(now)
        if status == "CANCELLED":
            self.cancelled += 1
        if status in ("UNPAID", "CANCELLED"):
            return
        author, content = attribute_order(order)
        total = order.total_amount
        self.orders += 1
        self.gmv += total
        self.items += len(order.lines)
        self.shipping += order.paid_by_buyer_for_shipping
        self.tax += order.tax
        self.buyers.add(order.buyer)
        self.channels[author, content] += total
        counted_ids = set()
        for line in order.lines:
            sku, price = self.skus[line.sku.id], line.sale_price
            sku.gmv += price
            sku.units += 1
            sku.by_content[content] += price
            sku.units_by_content[content] += 1
            if line.sku.id not in counted_ids:
                counted_ids.add(line.sku.id)
                sku.orders += 1
                sku.buyers.add(order.buyer)
        self.sku_orders += len(counted_ids)

    def add(self, other: Tally) -> None:
        for name in ("orders", "gmv", "items", "sku_orders", "shipping", "tax", "cancelled", "returned", "refunds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.buyers |= other.buyers
        for key, amount in other.channels.items():
            self.channels[key] += amount
        for sku_id, sku in other.skus.items():
            self.skus[sku_id].add(sku)


def attribute_order(order: Order) -> tuple[str, str]:
    """Who brought the order, and by what: the same creators that the settlement pays a commission to."""
    author = CREATOR if find_creator(order) else SELLER
    return author, CONTENTS[draw_number("content", order.id) % len(CONTENTS)]


def load_zone(shop: SimulatedShop) -> ZoneInfo:
    return ZoneInfo(ZONES[shop.region])


def to_local_day(shop: SimulatedShop, time: int) -> date:
    return datetime.fromtimestamp(time, load_zone(shop)).date()


def to_midnight(shop: SimulatedShop, day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=load_zone(shop)).timestamp())


def tally_days(shop: SimulatedShop, now: int) -> dict[date, Tally]:
    tallies: dict[date, Tally] = shop.get_or_build("tallies", now, lambda: _tally_days(shop, now))
    return tallies


def _tally_days(shop: SimulatedShop, now: int) -> dict[date, Tally]:
    tallies: defaultdict[date, Tally] = defaultdict(Tally)
    home = load_zone(shop)
    for order in shop.orders.values():
        tallies[datetime.fromtimestamp(order.create_time, home).date()].count_order(order, now)
    for request in shop.aftersales.iter_returns():
        if request.status in GRANTED_STATUSES:
            tally = tallies[datetime.fromtimestamp(request.update_time, home).date()]
            tally.returned += len(request.lines)
            tally.refunds += request.refund.total
    return dict(tallies)


def tally_range(shop: SimulatedShop, start: date, end: date, now: int) -> Tally:
    """All days from `start` to before `end`, as one."""
    total, days = Tally(), tally_days(shop, now)
    for offset in range((end - start).days):
        tally = days.get(start + timedelta(days=offset))
        if tally:
            total.add(tally)
    return total


def tally_hours(shop: SimulatedShop, day: date, now: int) -> list[Tally]:
    """The hours of a day, of which there are 23 or 25 when the clocks change."""
    start, end = to_midnight(shop, day), to_midnight(shop, day + timedelta(days=1))
    hours = [Tally() for _ in range((end - start) // HOUR_S)]
    view = shop.list_orders_by_creation(now)
    orders: Iterable[Order] = view.items[bisect_left(view.keys, (start, "")) : bisect_left(view.keys, (end, ""))]
    for order in orders:
        hours[(order.create_time - start) // HOUR_S].count_order(order, now)
    return hours
