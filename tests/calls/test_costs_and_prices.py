"""A price below what the goods cost, by the seller's own file, is said before anybody says yes to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import change_price, find_activity, get_warnings, list_products, send
from tests.calls.test_previews import run as run_write
from tests.calls.test_undo import make_entry
from tests.calls.test_writes import Clock, told, writes
from tests.tools.test_change_jobs import choose_single, list_skus
from tests.tools.test_product_jobs import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1, clock=Clock(NOW))


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    clock = Clock(NOW)
    return {"sandbox": "1", "confirm": "asks", "sandbox_object": sandbox, "runtime": Runtime(clock, clock)}


@pytest.fixture
def files(home: Path) -> Path:
    folder = home / "sandbox" / "files"
    folder.mkdir(parents=True)
    return folder


def write_costs(files: Path, *lines: str) -> None:
    (files / "costs.csv").write_text("\n".join(["seller_sku,unit_cost,currency,from", *lines]), encoding="utf-8")


async def test_a_price_below_cost_is_warned_of_by_the_cost_of_its_day(
    connect: Connect, settings: dict[str, Any], files: Path
) -> None:
    """The cost of last week counts, not that of next month, nor one in another currency."""
    async with connect(**settings) as client:
        product = (await list_products(client))[0]
        code, price = product["skus"][0]["seller_sku"], float(product["skus"][0]["price"]["sale_price"])
        cost = f"{price - 0.5:.2f}"
        write_costs(files, f"{code},0.10,GBP,2026-01-01", f"{code},{cost},GBP,2026-09-14", f"{code},900,GBP,2026-10-21")
        below, above = change_price(product, f"{price - 0.6:.2f}"), change_price(product, cost)
        assert await get_warnings(client, "update_price", below) == [
            f"The price of SKU {code}, {price - 0.6:.2f}, is below its cost of {cost} GBP"
        ]
        assert await get_warnings(client, "update_price", above) == []
        write_costs(files, f"{code},900,USD,2026-01-01")
        assert await get_warnings(client, "update_price", below) == []


async def test_a_job_warns_of_each_price_below_cost_and_of_no_other(
    connect: Connect, settings: dict[str, Any], files: Path
) -> None:
    async with connect(**settings) as client:
        one, two, three = choose_single(await list_skus(client), 3)
        costs = {sku["id"]: sku["price"]["sale_price"] for sku in (one, two)}
        write_costs(files, *(f"{sku['seller_sku']},{costs[sku['id']]},GBP," for sku in (one, two)))
        names = [sku["id"] for sku in (one, two, three)]
        asked = await run(client, "change_prices", products=names, percent=-10)
        raised = await run(client, "change_prices", products=names, percent=10)
    warnings = asked["preview"]["warnings"]
    assert [
        code in warning for code, warning in zip((one["seller_sku"], two["seller_sku"]), warnings, strict=True)
    ] == [
        True,
        True,
    ]
    assert all(
        f"is below its cost of {cost} GBP" in warning for cost, warning in zip(costs.values(), warnings, strict=True)
    )
    assert "warnings" not in raised["preview"]


async def test_a_promotion_below_cost_is_warned_of(connect: Connect, settings: dict[str, Any], files: Path) -> None:
    async with connect(**settings) as client:
        activity = await find_activity(client)
        product = next(p for p in await list_products(client) if p["id"] == activity["products"][0]["id"])
        write_costs(files, *(f"{s['seller_sku']},{s['price']['sale_price']},GBP," for s in product["skus"]))
        arguments = {"activity_id": activity["activity_id"], "products": [make_entry(activity, product)]}
        warnings = await get_warnings(client, "update_promotion_activity_products", arguments)
    for sku in product["skus"]:
        assert any(f"promotion price of SKU {sku['seller_sku']}" in w and "below its cost" in w for w in warnings)


async def test_under_none_it_is_told_with_the_result(
    connect: Connect, settings: dict[str, Any], files: Path, sandbox: Sandbox
) -> None:
    async with connect(**settings | {"confirm": "none"}) as client:
        product = (await list_products(client))[0]
        price = float(product["skus"][0]["price"]["sale_price"])
        write_costs(files, f"{product['skus'][0]['seller_sku']},{price:.2f},GBP,")
        single = await run_write(client, "update_price", change_price(product, f"{price - 0.1:.2f}"))
        job = await run(client, "change_prices", products=[product["skus"][0]["id"]], price=f"{price - 0.2:.2f}")
    assert "below its cost" in single["warnings"][0]
    assert "below its cost" in job["data"]["warnings"][0]
    assert writes(sandbox) == ["update_price"] * 2


async def test_costs_that_can_not_be_read_stop_no_price_and_are_named(
    connect: Connect, settings: dict[str, Any], files: Path, sandbox: Sandbox
) -> None:
    (files / "costs.csv").write_text("what,is,this\n1,2,3\n", encoding="utf-8")
    async with connect(**settings) as client:
        product = (await list_products(client))[0]
        arguments = change_price(product, product["skus"][0]["price"]["sale_price"][:-1] + "1")
        (warning,) = await get_warnings(client, "update_price", arguments)
        stock = await told(
            client, "run_write_operation", name="update_agent_settings", arguments={"can_accept_chat": False}
        )
        await send(client, "update_price", arguments)
    assert warning.startswith("The file costs.csv can't be read")
    assert "warnings" not in stock["preview"]
    assert writes(sandbox) == ["update_price"]
