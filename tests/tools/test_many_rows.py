"""Thousands of rows of one second: a sum over them comes to its end, however it is cut off, and to the cent."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.paging import MAX_EMPTY_PAGES
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import good
from tests.tools.test_summaries import EXPIRED, NOW, ORDERS, QUOTA, in_parts, server, summed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.app import App
    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

MANY_ORDERS, MANY_PRODUCTS, PAGE_ROWS = 2_500, 3_500, 100
PRODUCTS = "search_products"
SECOND = int(NOW) - 3 * 3600
DAY = {"period": "last 24 hours"}


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


def check_orders(sandbox: Sandbox, told: Json) -> None:
    own = sandbox.state.main.sum_sales(0, int(NOW), int(NOW))
    assert told["complete"]
    assert told["orders"] == MANY_ORDERS + 40 == own.orders + own.unpaid + own.cancelled
    assert Decimal(told["sales"]["GBP"]["total"]) == own.amount
    assert "lacking" not in told


def check_products(sandbox: Sandbox, told: Json) -> None:
    products = [p for p in sandbox.state.main.products.values() if p.status != "DELETED"]
    assert told["complete"]
    assert told["products"] == len(products) == MANY_PRODUCTS
    assert told["skus"] == sum(len(product.skus) for product in products)
    assert told["units"] == sum(units for p in products for sku in p.skus for units in sku.stock.values())


async def go_on(parts: App, tool: str, arguments: Json, *, interrupt: Any) -> tuple[Json, int]:
    """The complete sum, and in how many calls; before each of them `interrupt` may put something in its way."""
    told, calls = await summed(parts, tool, arguments), 1
    while not told["complete"]:
        assert calls < 20, told
        interrupt(calls)
        told, calls = await summed(parts, tool, {"resume": told["resume"]}), calls + 1
    return told, calls


def listed_pages(sandbox: Sandbox, name: str) -> int:
    return len(sandbox.log.list_entries(name))


async def test_orders_of_one_second_are_summed_in_one_call(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home) as parts:
        check_orders(crowded, await summed(parts, "summarize_orders", DAY))


@pytest.mark.parametrize("seconds", [3.0, 8.0])
async def test_a_second_longer_than_a_call_is_gone_on_with(crowded: Sandbox, home: Path, seconds: float) -> None:
    async with server(crowded, home, seconds=seconds) as parts:
        told = await in_parts(parts, "summarize_orders", DAY)
        pages = listed_pages(crowded, ORDERS)
    check_orders(crowded, told[-1])
    assert len(told) > 1
    assert pages <= MANY_ORDERS / PAGE_ROWS + 2  # none is read twice


async def test_a_dead_page_token_between_calls_costs_rows_read_again_and_no_more(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home, seconds=3.0) as parts:

        def interrupt(calls: int) -> None:
            if calls in (1, 3):
                crowded.faults.add(ORDERS, **EXPIRED)

        told, _ = await go_on(parts, "summarize_orders", DAY, interrupt=interrupt)
    check_orders(crowded, told)


async def test_page_tokens_that_die_within_a_call_do_not_end_it(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home) as parts:
        answers = iter(range(100))

        def edit(data: Json) -> Json:
            # Each eighth page's token is none that the platform takes.
            return data | {"next_page_token": "worn"} if next(answers) in (13, 40) else data

        crowded.faults.add(ORDERS, times=None, edit=edit)
        check_orders(crowded, await summed(parts, "summarize_orders", DAY))


async def test_an_error_in_between_is_gone_on_from(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home) as parts:
        answers = iter(range(100))

        def edit(data: Json) -> Json:
            if next(answers) == 15:
                crowded.faults.add(ORDERS, **QUOTA)
            return data

        crowded.faults.add(ORDERS, times=16, edit=edit)
        first = await summed(parts, "summarize_orders", DAY)
        assert first["stopped_by"]["error"] == "rate_limited"
        assert first["orders"] == 16 * PAGE_ROWS
        crowded.faults.clear()
        check_orders(crowded, await summed(parts, "summarize_orders", {"resume": first["resume"]}))


async def test_the_pace_of_stock_counts_every_order_of_the_second(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home, seconds=3.0) as parts:
        told, calls = await go_on(parts, "summarize_inventory", DAY, interrupt=lambda _: None)
    check_products(crowded, told)
    assert told["orders"] == MANY_ORDERS + 40
    assert calls > 1


async def test_products_are_counted_to_their_end_though_the_page_token_dies_in_between(
    crowded: Sandbox, home: Path
) -> None:
    async with server(crowded, home, seconds=2.0) as parts:

        def interrupt(calls: int) -> None:
            if calls in (1, 3):
                crowded.faults.add(PRODUCTS, **EXPIRED)

        told, calls = await go_on(parts, "summarize_inventory", {}, interrupt=interrupt)
    check_products(crowded, told)
    assert calls > 2


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


async def test_a_list_that_goes_round_in_a_ring_still_ends(crowded: Sandbox, home: Path) -> None:
    async with server(crowded, home) as parts:
        # Whatever is asked for, the first page comes again with another token.
        for number in range(MAX_EMPTY_PAGES + 5):
            data = {"orders": [{"id": "1", "create_time": SECOND}], "next_page_token": f"again {number}"}
            crowded.faults.add(ORDERS, status=200, body=json.dumps({"code": 0, "data": data}).encode())
        told = await summed(parts, "summarize_orders", DAY)
        assert told["stopped_by"]["error"] == "platform"
        assert told["orders"] == 1
        assert listed_pages(crowded, ORDERS) == MAX_EMPTY_PAGES + 1
