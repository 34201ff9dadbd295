"""One shop's whole state, and the lists that searches walk, kept until something changes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Aftersales
from mcp_server_tiktok_shop.sandbox.marketing.promotions import Promotions
from mcp_server_tiktok_shop.sandbox.money import ZERO
from mcp_server_tiktok_shop.sandbox.service.chats import Chats
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import Warehouse
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.listings.uploads import UploadedFile
    from mcp_server_tiktok_shop.sandbox.marketing.samples import SampleApplication
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order, Package
    from mcp_server_tiktok_shop.sandbox.service.webhooks import Webhook

# Searches see time pass in steps of this many seconds: a walk over 400 pages doesn't match all orders 400 times.
CACHE_STEP_S = 60
MAX_CACHE_ENTRIES = 16


@dataclass(frozen=True)
class Sales:
    """Orders of a period by creation, as sums: paid ones, and apart from them unpaid and cancelled ones."""

    orders: int
    amount: Decimal
    unpaid: int
    unpaid_amount: Decimal
    cancelled: int
    cancelled_amount: Decimal


@dataclass(eq=False)
class SimulatedShop:
    id: str
    name: str
    region: str
    seller_type: str
    cipher: str = field(repr=False)
    code: str
    currency: str
    since: int = 0
    warehouses: list[Warehouse] = field(default_factory=list, repr=False)
    products: dict[str, Product] = field(default_factory=dict, repr=False)
    orders: dict[str, Order] = field(default_factory=dict, repr=False)
    packages: dict[str, Package] = field(default_factory=dict, repr=False)
    references: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, repr=False)
    created_by_key: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    aftersales: Aftersales = field(default_factory=Aftersales, repr=False)
    promotions: Promotions = field(default_factory=Promotions, repr=False)
    samples: dict[str, SampleApplication] = field(default_factory=dict, repr=False)
    chats: Chats = field(default_factory=Chats, repr=False)
    webhooks: dict[str, Webhook] = field(default_factory=dict, repr=False)
    reported_statuses: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    planted: dict[str, str] = field(default_factory=dict, repr=False)
    version: int = 0
    _cache: OrderedDict[Hashable, tuple[tuple[int, int], Any]] = field(default_factory=OrderedDict, repr=False)

    def mark_changed(self) -> None:
        """A write was done: what was listed before is stale."""
        self.version += 1

    def get_or_build(self, key: Hashable, now: int, build: Callable[[], Any]) -> Any:
        """What `build` made for this key, as long as no write was done and the minute lasts."""
        stamp = (self.version, now // CACHE_STEP_S)
        entry = self._cache.get(key)
        if entry is None or entry[0] != stamp:
            entry = (stamp, build())
            self._cache[key] = entry
        self._cache.move_to_end(key)
        while len(self._cache) > MAX_CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return entry[1]

    def list_orders_by_creation(self, now: int) -> SortedItems[Order]:
        orders: SortedItems[Order] = self.get_or_build(
            "orders", now, lambda: SortedItems.sort(self.orders.values(), lambda order: (order.create_time, order.id))
        )
        return orders

    def sum_sales(self, start: int, end: int, now: int) -> Sales:
        """What the orders created in [start, end) sum up to; the measure for whoever sums them over the wire."""
        counts, sums = [0, 0, 0], [ZERO, ZERO, ZERO]
        for order in self.orders.values():
            if start <= order.create_time < end:
                place = {"UNPAID": 1, "CANCELLED": 2}.get(order.get_status(now), 0)
                counts[place] += 1
                sums[place] += order.total_amount
        return Sales(counts[0], sums[0], counts[1], sums[1], counts[2], sums[2])


@dataclass(eq=False)
class State:
    """All shops of the platform, and what belongs to accounts rather than shops."""

    shops: list[SimulatedShop]
    uploads: dict[str, UploadedFile] = field(default_factory=dict, repr=False)

    @property
    def main(self) -> SimulatedShop:
        return self.shops[0]

    def find_shop(self, shop_id: str) -> SimulatedShop:
        return next(shop for shop in self.shops if shop.id == shop_id)

    def find_order_owner(self, order_id: str) -> SimulatedShop | None:
        return next((shop for shop in self.shops if order_id in shop.orders), None)

    def find_package_owner(self, package_id: str) -> SimulatedShop | None:
        return next((shop for shop in self.shops if package_id in shop.packages), None)

    def find_product_owner(self, product_id: str) -> SimulatedShop | None:
        return next((shop for shop in self.shops if product_id in shop.products), None)
