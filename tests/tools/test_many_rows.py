"""Thousands of rows of one second: a sum over them comes to its end, however it is cut off, and to the cent."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import good
from tests.tools.report_books import read_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

NOW = float(int(time.time()))
ORDERS = "get_order_list"
MANY_ORDERS, MANY_PRODUCTS = 2_500, 3_500
SECOND = int(NOW) - 3 * 3600


@pytest.fixture
def era() -> str:
    return "auto"


@pytest.fixture(scope="module")
def crowded() -> Sandbox:
    """2,500 orders of one second, a few before and after it, and 3,500 products."""
    sandbox = Sandbox(orders=MANY_ORDERS + 40, clock=lambda: NOW)
    shop = sandbox.state.main
    for place, order in enumerate(shop.orders.values()):
        order.create_time = SECOND + (place - MANY_ORDERS if place >= MANY_ORDERS else 0) - 20 * (place >= MANY_ORDERS)
    products = list(shop.products.values())
    for number in range(MANY_PRODUCTS - len(products)):
        product, digits = products[number % len(products)], f"{number:06}"
        skus = [
            replace(sku, id=f"1728{place}{digits}", stock=dict(sku.stock)) for place, sku in enumerate(product.skus)
        ]
        twin = replace(product, id=f"1727{digits}", skus=skus)
        shop.products[twin.id] = twin
    shop.mark_changed()
    return sandbox


@asynccontextmanager
async def at_the_shop(connect: Connect, sandbox: Sandbox) -> AsyncIterator[Client]:
    sandbox.faults.clear()
    runtime = Runtime(lambda: NOW, time.monotonic)
    async with connect(sandbox="true", sandbox_object=sandbox, call_timeout_s=300.0, runtime=runtime) as client:
        yield client
    sandbox.faults.clear()


async def ask(client: Client, **arguments: Any) -> Json:
    data: Json = good(await client.call_tool("get_report", arguments))["data"]
    assert data["complete"], data["note"]
    return data


def check_orders(sandbox: Sandbox, told: Json) -> None:
    own = sandbox.state.main.sum_sales(0, int(NOW), int(NOW))
    (sums,) = read_table(told["totals"])
    counts = [sums[f"orders_{name}"] for name in ("sold", "unpaid", "cancelled")]
    assert counts == [own.orders, own.unpaid, own.cancelled]
    assert sum(counts) == MANY_ORDERS + 40
    assert Decimal(sums["sales_total"]) == own.amount


async def test_orders_of_one_second_are_summed_in_one_call(connect: Connect, crowded: Sandbox) -> None:
    async with at_the_shop(connect, crowded) as client:
        check_orders(crowded, await ask(client, report="sales", period="last 24 hours", group_by="hour", columns="all"))


async def test_page_tokens_that_die_within_a_call_do_not_end_it(connect: Connect, crowded: Sandbox) -> None:
    async with at_the_shop(connect, crowded) as client:
        answers = iter(range(1000))

        def edit(data: Json) -> Json:
            # Some pages' token is none that the platform takes.
            return data | {"next_page_token": "worn"} if next(answers) in (13, 40) else data

        crowded.faults.add(ORDERS, times=None, edit=edit)
        check_orders(crowded, await ask(client, report="sales", period="last 24 hours"))


async def test_stock_of_many_products_is_summed_and_its_pace_counts_every_order(
    connect: Connect, crowded: Sandbox
) -> None:
    async with at_the_shop(connect, crowded) as client:
        told = await ask(client, report="stock", period="last 24 hours", group_by="product")
    products = [p for p in crowded.state.main.products.values() if p.status != "DELETED"]
    (sums,) = read_table(told["totals"])
    assert sums["skus"] == sum(len(product.skus) for product in products)
    assert sums["units_available"] == sum(units for p in products for sku in p.skus for units in sku.stock.values())
    sold = [o for o in crowded.state.main.orders.values() if o.get_status(int(NOW)) not in ("UNPAID", "CANCELLED")]
    assert sums["units_sold"] == sum(not line.cancel_time for order in sold for line in order.lines)
    assert f" of {len(products)} rows are shown" in told["note"]


@asynccontextmanager
async def reading(connect: Connect, sandbox: Sandbox) -> AsyncIterator[Any]:
    sandbox.faults.clear()
    runtime = Runtime(lambda: NOW, time.monotonic)
    async with connect(sandbox="true", sandbox_object=sandbox, call_timeout_s=300.0, runtime=runtime) as client:

        async def read(**arguments: Any) -> Json:
            return good(await client.call_tool(ORDERS, arguments | {"fields": ["orders.id"], "page_size": 100}))

        yield read
    sandbox.faults.clear()


async def test_all_pages_of_the_second_are_read_though_tokens_die(connect: Connect, crowded: Sandbox) -> None:
    async with reading(connect, crowded) as read:
        answers = iter(range(200))
        crowded.faults.add(
            ORDERS,
            times=None,
            edit=lambda data: data | ({"next_page_token": "worn"} if next(answers) in (13, 40) else {}),
        )
        for order in ("ASC", "DESC"):
            told = await read(pages="all", sort_order=order, sort_field="create_time")
            assert f"{MANY_ORDERS + 40} items" in told["note"]
            assert "not all" not in told["note"]
