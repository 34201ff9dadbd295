"""An amount holds in the currency of the shops in which something has it; where that may be several it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.job_items import to_items
from tests.tools.several_shops import (
    SENCHA,
    agree,
    at_several,
    find_product,
    list_free_titles,
    list_sent,
    list_shops,
    run,
)
from tests.tools.test_decide_returns import find_request

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.sandbox.listings.products import Sku
    from tests.conftest import Connect

pytestmark = pytest.mark.shops(3)


@pytest.fixture
def era() -> str:
    return "auto"


def find_sku(sandbox: Sandbox, number: int) -> Sku:
    """One that its shop sells at no promotion's price."""
    shop = list_shops(sandbox)[number]
    return find_product(shop, list_free_titles(shop)[0]).skus[0]


@pytest.mark.parametrize("given", ["products", "items", "file"])
async def test_a_price_of_goods_that_one_shop_has_is_in_its_currency(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, given: str
) -> None:
    sku = find_sku(sandbox, 1)
    (tmp_path / "prices.csv").write_text(f"sku_id,price\n{sku.id},21.50\n1729000000000000001,9.99\n")
    ways: dict[str, dict[str, Any]] = {
        "products": {"products": [sku.id], "price": "21.50"},
        "items": {"items": [{"product": sku.id, "price": "21.50"}]},
        "file": {"file": "prices.csv"},
    }
    async with at_several(connect, sandbox, files=tmp_path) as client:
        asked = await run(client, "change_prices", **ways[given], shop="all")
        (item,) = [item for item in to_items(asked["preview"]) if "skipped" not in item]
        done = await agree(client, asked)
    assert (item["shop"], item["will_be"]) == ("DE", "21.50 EUR")
    assert done["data"]["done"] == 1
    assert list_sent(sandbox) == [("update_price", "DE")]
    assert f"{sku.price}" == "21.50"


@pytest.mark.parametrize("given", ["products", "file"])
async def test_a_price_of_goods_of_two_currencies_is_refused(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, given: str
) -> None:
    """Also where those of one shop have that price, as a number, already."""
    one, other = find_sku(sandbox, 0), find_sku(sandbox, 1)
    (tmp_path / "prices.csv").write_text(f"sku_id,price\n{one.id},{one.price}\n{other.id},{one.price}\n")
    arguments: dict[str, Any] = {"products": [one.id, other.id], "price": str(one.price)}
    arguments = arguments if given == "products" else {"file": "prices.csv"}
    async with at_several(connect, sandbox, files=tmp_path) as client:
        refused = await run(client, "change_prices", **arguments, shop="all")
    gb, de, us = list_shops(sandbox)
    assert refused["error"] == "invalid_arguments"
    assert f"several currencies: {gb.name} (GBP), {de.name} (EUR)." in refused["message"]
    assert us.name not in refused["message"], "it has none of them"
    assert list_sent(sandbox) == []


async def test_a_price_is_refused_where_a_shop_of_another_currency_could_not_be_looked_at(
    connect: Connect, sandbox: Sandbox
) -> None:
    sku = find_sku(sandbox, 1)
    async with at_several(connect, sandbox, confirm="none") as client:
        sandbox.revoke(1)
        refused = await run(client, "change_prices", products=[sku.id], price="21.50", shop="DE,US")
        alone = await run(client, "change_prices", products=[sku.id], price="21.50", shop="DE")
    assert refused["error"] == "invalid_arguments"
    assert "several currencies" in refused["message"]
    assert alone["data"]["done"] == 1


async def test_what_an_amount_chooses_by_is_refused_over_several_currencies_though_one_shop_alone_has_any(
    connect: Connect, sandbox: Sandbox
) -> None:
    """What another shop has is left out by the number alone."""
    gb = list_shops(sandbox)[0]
    assert find_request(gb, "cancel_request")
    arguments: dict[str, Any] = {"decision": "approve", "kinds": ["cancellation"], "below": "0.01"}
    async with at_several(connect, sandbox) as client:
        refused = await run(client, "decide_returns", **arguments, shop="all")
        alone = await run(client, "decide_returns", **arguments, shop="GB")
    assert refused["problems"][0]["argument"] == "below"
    assert "several currencies" in refused["message"]
    assert "error" not in alone


async def test_a_change_that_brings_a_second_currency_stops_the_yes(connect: Connect, sandbox: Sandbox) -> None:
    gb, de, _ = list_shops(sandbox)
    for product in gb.products.values():
        product.title = product.title.replace(SENCHA, "Another Tea")
    async with at_several(connect, sandbox) as client:
        asked = await run(client, "change_prices", products=[SENCHA], price="21.50", shop="GB,DE")
        assert {item["shop"] for item in to_items(asked["preview"])} == {"DE"}
        find_product(gb, "Another Tea").title = SENCHA
        refused = await run(
            client, "change_prices", products=[SENCHA], price="21.50", shop="GB,DE", confirm=asked["confirm"]
        )
    assert refused["error"] == "invalid_arguments"
    assert list_sent(sandbox) == []
    assert find_product(de, SENCHA).status == "ACTIVATE"
