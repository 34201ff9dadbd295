"""A product that is to be listed is shown as a person looks at it, and one that is there already is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import run, send
from tests.calls.test_undo import make_listing
from tests.calls.test_writes import Person, told

if TYPE_CHECKING:
    from tests.conftest import Connect


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@pytest.fixture
def era() -> str:
    return "auto"


async def test_a_listing_is_told_by_title_category_price_stock_and_pictures(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0]
    warehouse = shop.warehouses[0]
    person = Person("accept")
    async with connect(sandbox="1", sandbox_object=sandbox, confirm="asks", asked=person) as client:
        shown = (await run(client, "create_product", make_listing(shop), dry_run=True))["data"]
        await run(client, "create_product", make_listing(shop))
    listing = shown["listing"]
    assert listing["title"] == "Roasted green tea from Kyoto"
    assert listing["category"].endswith(" (914824)")
    assert " > " in listing["category"]
    assert listing["pictures"] == 1
    assert listing["skus"] == [{"price": "7.50 GBP", "stock": f"5 in {warehouse.name} ({warehouse.id})"}]
    assert "body" not in shown
    # Nothing that is sent is left untold.
    told_names = {"title", "category_id", "main_images", "skus", *shown["also_sends"]}
    assert told_names == set(make_listing(shop))
    (question,) = person.questions
    assert f'category: "{listing["category"]}"' in question
    assert 'price "7.50 GBP"' in question
    assert "Roasted." in question


async def test_what_a_sku_has_beside_price_and_stock_is_shown_too(connect: Connect, sandbox: Sandbox) -> None:
    listing: dict[str, Any] = make_listing(sandbox.accounts[0].shops[0])
    sku = listing["skus"][0] | {"seller_sku": "TEA-1", "sku_weight": {"value": "0.2", "unit": "KILOGRAM"}}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        shown = (await run(client, "create_product", listing | {"skus": [sku]}, dry_run=True))["data"]
    assert shown["listing"]["skus"][0]["seller_sku"] == "TEA-1"
    assert shown["also_sends"]["skus"] == [{"sku_weight": sku["sku_weight"]}]


async def test_a_title_that_the_shop_has_already_is_warned_of(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0]
    other = {"title": "ROASTED green tea, from Kyoto!"}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        assert "of this title" not in str(await run(client, "create_product", make_listing(shop), dry_run=True))
        made = (await send(client, "create_product", make_listing(shop)))["data"]["product_id"]
        again = (await run(client, "create_product", make_listing(shop) | other, dry_run=True))["data"]
        waiting = await run(client, "delete_products", {"product_ids": [made]})
        if "confirm" in waiting:
            await told(client, "confirm_write", token=waiting["confirm"])
        free = await run(client, "create_product", make_listing(shop) | other, dry_run=True)
    warning = next(text for text in again["warnings"] if "of this title already" in text)
    assert made in warning
    assert "of this title" not in str(free)
