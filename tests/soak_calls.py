"""Calls for the long random test: reads, and writes that each carry something that no other call carries."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox import Entry, Sandbox

WORD = re.compile(rb"[\w.-]+")
HOUR = 3600


@dataclass(frozen=True)
class Asked:
    """One call. `mark` is the word by which the platform's log knows a write; a read has none."""

    tool: str
    arguments: dict[str, Any]
    mark: str = ""

    @property
    def operation(self) -> str:
        """What the platform gets to see."""
        return str(self.arguments["name"]) if self.tool.startswith("run_") else self.tool


@dataclass
class Ran:
    """How often each write was received, and how often it was carried out, by tool and mark."""

    received: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    done: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0

    def take(self, log: list[Entry]) -> None:
        """Count what the log holds and empty it, so that it doesn't empty itself."""
        for entry in log:
            self.requests += 1
            self.faults[entry.fault or "none"] += 1
            for word in set(WORD.findall(entry.path.encode() + b" " + entry.body)):
                self.received[entry.operation, word] += 1
                self.done[entry.operation, word] += entry.ran
        log.clear()

    def times(self, asked: Asked) -> int:
        return self.done[asked.operation, asked.mark.encode()]


def reads(sandbox: Sandbox, drawn: random.Random) -> Iterator[Asked]:
    """Reads without end."""
    shop = sandbox.state.main
    orders, products, packages = list(shop.orders), list(shop.products), list(shop.packages)
    while True:
        yield Asked("get_order_list", {"page_size": drawn.randint(1, 20)})
        yield Asked("get_order_detail", {"ids": drawn.sample(orders, 3)})
        yield Asked("search_products", {"page_size": 5})
        yield Asked("get_product", {"product_id": drawn.choice(products)})
        yield Asked("get_package_detail", {"package_id": drawn.choice(packages)})
        yield Asked("inventory_search", {"product_ids": [drawn.choice(products)]})
        yield Asked("get_conversations", {"page_size": 5})
        yield Asked("get_warehouse_list", {})
        yield Asked("run_read_operation", {"name": "get_order_list", "arguments": {"page_size": 2}})


def writes(sandbox: Sandbox) -> Iterator[Asked]:
    """Writes without end, each kind in turn as long as there is something fresh for it."""
    kinds = [
        _references(sandbox),
        _stock(sandbox),
        _prices(sandbox),
        _products(sandbox),
        _deletions(sandbox),
        _messages(sandbox),
        _promotions(sandbox),
        _webhooks(),
        _shipments(sandbox),
        _approvals(sandbox),
    ]
    while kinds:
        for kind in list(kinds):
            try:
                asked = next(kind)
            except StopIteration:
                kinds.remove(kind)
                continue
            if asked is not None:
                yield asked


def _references(sandbox: Sandbox) -> Iterator[Asked]:
    for number, order in zip(count(), cycle(list(sandbox.state.main.orders.values())), strict=False):
        mark = f"REF-{number}"
        outside = {"id": mark, "platform": "SHOPIFY", "line_items": [{"id": "1", "origin_id": order.lines[0].id}]}
        arguments = {"orders": [{"id": order.id, "external_order": outside}]}
        if number % 5:
            yield Asked("add_external_order_references", arguments, mark)
        else:
            yield Asked("run_write_operation", {"name": "add_external_order_references", "arguments": arguments}, mark)


def _live(sandbox: Sandbox) -> list[Any]:
    """Live products outside every promotion."""
    shop = sandbox.state.main
    held = {one for activity in shop.promotions.activities.values() for one in activity.products}
    return [product for product in shop.products.values() if product.status == "ACTIVATE" and product.id not in held]


def _stock(sandbox: Sandbox) -> Iterator[Asked]:
    warehouse = sandbox.state.main.warehouses[0].id
    for quantity, product in zip(count(10_001), cycle(_live(sandbox)), strict=False):
        stock = [{"warehouse_id": warehouse, "quantity": quantity}]
        skus = [{"id": product.skus[0].id, "inventory": stock}]
        yield Asked("update_inventory", {"product_id": product.id, "skus": skus}, str(quantity))


def _prices(sandbox: Sandbox) -> Iterator[Asked]:
    for pence, product in zip(count(1001), cycle(_live(sandbox)), strict=False):
        amount = f"{pence // 100}.{pence % 100:02d}"
        skus = [{"id": product.skus[0].id, "price": {"amount": amount, "currency": "GBP"}}]
        yield Asked("update_price", {"product_id": product.id, "skus": skus}, amount)


def _products(sandbox: Sandbox) -> Iterator[Asked]:
    shop = sandbox.state.main
    model = next(iter(_live(sandbox)))
    for number in count():
        mark = f"Hojicha-{number}"
        stock = [{"warehouse_id": shop.warehouses[0].id, "quantity": 5}]
        yield Asked(
            "create_product",
            {
                "title": f"Roasted Green Tea {mark}",
                "description": "<p>Roasted.</p>",
                "category_id": "914824",
                "main_images": [{"uri": model.images[0].uri}],
                "skus": [{"inventory": stock, "price": {"amount": "7.50", "currency": "GBP"}}],
                "package_weight": {"value": "0.15", "unit": "KILOGRAM"},
                "package_dimensions": {"length": "20", "width": "12", "height": "8", "unit": "CENTIMETER"},
                "product_attributes": [{"id": "100701", "values": [{"id": "10070102"}]}],
            },
            mark,
        )


def _deletions(sandbox: Sandbox) -> Iterator[Asked | None]:
    """Of products that were made meanwhile; nothing where there is none."""
    products = sandbox.state.main.products
    seen = set(products)
    while True:
        fresh = next((one for one in products if one not in seen), None)
        if fresh is None:
            yield None
        else:
            seen.add(fresh)
            yield Asked("delete_products", {"product_ids": [fresh]}, fresh)


def _messages(sandbox: Sandbox) -> Iterator[Asked]:
    for number, chat in zip(count(), cycle(list(sandbox.state.main.chats.conversations)), strict=False):
        content = json.dumps({"content": f"Thank you, TALK-{number}"})
        arguments = {"conversation_id": chat, "type": "TEXT", "content": content}
        yield Asked("send_message", arguments, f"TALK-{number}")


def _promotions(sandbox: Sandbox) -> Iterator[Asked]:
    now = int(sandbox.now())
    for number in count():
        arguments = {
            "title": f"SALE-{number}",
            "activity_type": "DIRECT_DISCOUNT",
            "product_level": "PRODUCT",
            "begin_time": now + 240 * HOUR,
            "end_time": now + 250 * HOUR,
        }
        yield Asked("create_promotion_activity", arguments, f"SALE-{number}")


def _webhooks() -> Iterator[Asked]:
    for number in count():
        arguments = {"address": f"https://hook-{number}.example/events", "event_type": "ORDER_STATUS_CHANGE"}
        yield Asked("update_shop_webhook", arguments, f"hook-{number}.example")


def _shipments(sandbox: Sandbox) -> Iterator[Asked]:
    """Half of the orders that wait are shipped, half are cancelled."""
    shop, now = sandbox.state.main, int(time.time())
    requested = {request.order.id for request in shop.aftersales.requests.values()}
    planted = set(shop.planted.values())
    waiting = [
        order
        for order in shop.orders.values()
        if order.get_status(now) == "AWAITING_SHIPMENT"
        and order.shipping_type != "SELLER"
        and len(order.packages) == 1
        and not {order.id} & (planted | requested)
    ]
    for number, order in enumerate(waiting):
        if number % 2:
            package = order.packages[0].id
            yield Asked("ship_package", {"package_id": package, "handover_method": "DROP_OFF"}, package)
        else:
            reason = "seller_cancel_reason_out_of_stock"
            yield Asked("cancel_order", {"order_id": order.id, "cancel_reason": reason}, order.id)


def _approvals(sandbox: Sandbox) -> Iterator[Asked]:
    for request in list(sandbox.state.main.aftersales.requests.values()):
        if request.kind == "CANCEL" and request.status == "CANCELLATION_REQUEST_PENDING":
            yield Asked("approve_cancellation", {"cancel_id": request.id}, request.id)
