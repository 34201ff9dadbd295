"""The same seed builds the same world, at every size, on every day and at every hour."""

from __future__ import annotations

import ast
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import mcp_server_tiktok_shop.sandbox
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.listings.attributes import check_attributes
from mcp_server_tiktok_shop.sandbox.listings.categories import find_leaf
from mcp_server_tiktok_shop.sandbox.ordering.order_json import render_order
from tests.sandbox.client import NOW, Clock

DAY = 24 * 3600
MIDNIGHT = NOW - NOW % DAY


def world(sandbox: Sandbox) -> list[Any]:
    return [
        (
            (shop.id, shop.name, shop.cipher),
            [(o.id, o.buyer, [line.sku.id for line in o.lines]) for o in shop.orders.values()],
            [(p.id, p.title, [sku.id for sku in p.skus]) for p in shop.products.values()],
        )
        for shop in sandbox.state.shops
    ]


@pytest.mark.parametrize("days", [0, 1, 45, 400])
def test_whatever_the_day_the_world_is_the_same(days: int) -> None:
    one, other = Sandbox(shops=3, clock=Clock()), Sandbox(shops=3, clock=Clock(NOW + days * DAY))
    assert world(one) == world(other)
    assert one.app_secret == other.app_secret
    assert [a.access_token for a in one.accounts] == [a.access_token for a in other.accounts]


def test_an_hour_later_the_shops_the_same_but_for_what_happened_since() -> None:
    one, other = Sandbox(clock=Clock()), Sandbox(clock=Clock(NOW + 3600))
    assert [p[0] for p in world(one)[0][2]] == [p[0] for p in world(other)[0][2]]
    assert world(one)[0][0] == world(other)[0][0]
    assert [o[0] for o in world(one)[0][1]] == [o[0] for o in world(other)[0][1]]


def test_another_seed_builds_another_world() -> None:
    assert world(Sandbox(clock=Clock(), seed_word="coffee")) != world(Sandbox(clock=Clock()))


@pytest.mark.parametrize("hour", [0, 0.01, 1, 5, 12, 18, 23.99])
def test_at_every_hour_there_is_something_to_do(hour: float) -> None:
    now = MIDNIGHT + int(hour * 3600)
    shop = Sandbox(clock=Clock(now)).state.main
    counts = Counter(order.get_status(now) for order in shop.orders.values())
    assert sum(counts.values()) == len(shop.orders) == 300
    assert counts["AWAITING_SHIPMENT"] >= 10
    assert counts["ON_HOLD"] >= 2
    assert all(counts[status] for status in ("UNPAID", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED"))
    assert counts["PARTIALLY_SHIPPING"] >= 1
    assert counts["COMPLETED"] > 150
    assert len([o for o in shop.orders.values() if o.create_time >= MIDNIGHT]) >= 8
    assert set(shop.planted) >= {"injection", "buyer_data", "combine_1", "combine_2", "seller_shipped", "unpaid"}
    assert all(MIDNIGHT - 60 * DAY <= o.create_time <= now for o in shop.orders.values())


@pytest.mark.parametrize("hour", [0, 0.01, 1, 5, 12, 18, 23.99])
def test_orders_on_hold_were_paid_after_they_were_placed_and_within_the_hour(hour: float) -> None:
    now = MIDNIGHT + int(hour * 3600)
    shop = Sandbox(clock=Clock(now)).state.main
    held = [order for order in shop.orders.values() if order.get_status(now) == "ON_HOLD"]
    assert all(max(order.create_time, now - 3600) <= order.paid_time <= now for order in held)
    if hour >= 1:
        assert len({order.paid_time for order in held}) == len(held)


@pytest.mark.parametrize("day", range(0, 7, 3))
def test_every_shop_sells_in_every_week_so_that_weeks_can_be_compared(day: int) -> None:
    clock = Clock(NOW + day * DAY)
    for shop in Sandbox(shops=3, clock=clock).state.shops:
        weeks = Counter((clock.now - order.create_time) // (7 * DAY) for order in shop.orders.values())
        assert all(weeks[week] >= 3 for week in range(8)), (shop.region, weeks)


@pytest.mark.parametrize("day", range(4))
def test_an_order_is_ready_before_the_carrier_has_it(day: int) -> None:
    now = NOW + day * DAY
    for shop in Sandbox(shops=3, clock=Clock(now)).state.shops:
        orders = [render_order(order, shop, now, "") for order in shop.orders.values()]
        taken = [order for order in orders if "collection_time" in order]
        assert any(len(order["packages"]) > 1 for order in taken)
        assert all(order["rts_time"] <= order["collection_time"] for order in taken)
        arrived = [order for order in taken if "delivery_time" in order]
        assert all(order["collection_time"] < order["delivery_time"] for order in arrived)


def test_seeded_listings_are_such_as_could_be_created() -> None:
    for shop in Sandbox(shops=3, clock=Clock()).state.shops:
        for product in shop.products.values():
            check_attributes(product.category_id, product.extras["product_attributes"])
            assert find_leaf(product.title) == product.category_id
            units = product.weight["unit"], product.extras["package_dimensions"]["unit"]
            assert units == (("POUND", "INCH") if shop.region == "US" else ("KILOGRAM", "CENTIMETER"))
            assert len({sku.seller_sku for sku in product.skus}) == len(product.skus)


@pytest.mark.parametrize("orders", [0, 1, 2, 5, 30])
def test_small_shops_are_built_too(orders: int) -> None:
    sandbox = Sandbox(orders=orders, clock=Clock())
    assert len(sandbox.state.main.orders) == orders


def test_ids_are_strings_of_eighteen_or_nineteen_digits() -> None:
    shop = Sandbox(clock=Clock()).state.main
    ids = [shop.id, *shop.orders, *shop.packages, *shop.products, *(w.id for w in shop.warehouses)]
    ids += [line.id for order in shop.orders.values() for line in order.lines]
    ids += [sku.id for product in shop.products.values() for sku in product.skus]
    assert len(ids) == len(set(ids))
    assert all(isinstance(i, str) and i.isdecimal() and len(i) in (18, 19) for i in ids)


@pytest.mark.parametrize("day", range(6))
def test_every_parcel_and_line_knows_the_other(day: int) -> None:
    shop = Sandbox(clock=Clock(NOW + day * DAY)).state.main
    for package in shop.packages.values():
        assert all(line.package is package for line in package.lines)
    for order in shop.orders.values():
        for line in order.lines:
            assert line.package is None or shop.packages[line.package.id] is line.package


def test_forty_thousand_orders_are_built_in_seconds() -> None:
    start = time.process_time()  # a busy machine takes longer, not more of its time
    sandbox = Sandbox(orders=40_000, clock=Clock())
    assert time.process_time() - start < 12  # about one
    assert len(sandbox.state.main.orders) == 40_000


def test_the_sandbox_imports_nothing_of_ours() -> None:
    package = "mcp_server_tiktok_shop.sandbox"
    for source in Path(mcp_server_tiktok_shop.sandbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                name = node.module or ""
                assert node.level == 0, source.name
                assert f"{name}.".startswith(f"{package}.") or not name.startswith("mcp"), source.name
            if isinstance(node, ast.Import):
                refused = ("mcp",) if source.name == "webhook_sender.py" else ("mcp", "httpx2")  # one has to send
                assert not any(name.name.startswith(refused) for name in node.names), source.name
