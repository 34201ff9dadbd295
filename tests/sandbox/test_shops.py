"""Several shops under several authorizations, each with what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

SHOPS = "/authorization/202309/shops"
SEARCH = "/order/202309/orders/search"


async def test_one_shop_is_local_and_british(caller: Caller) -> None:
    [shop] = (await caller.call("GET", SHOPS, cipher=None))["shops"]
    assert (shop["region"], shop["seller_type"]) == ("GB", "LOCAL")
    assert shop["cipher"].startswith("GCP_")
    assert (await caller.call("GET", "/seller/202309/shops", cipher=None))["shops"] == [
        {"id": shop["id"], "region": "GB"}
    ]
    assert (await caller.call("GET", "/seller/202309/permissions", cipher=None))["permissions"] == []


async def test_three_shops_stand_under_two_authorizations(three: Caller) -> None:
    first = (await three.call("GET", SHOPS, cipher=None))["shops"]
    permissions = (await three.call("GET", "/seller/202309/permissions", cipher=None))["permissions"]
    three.account = 1
    second = (await three.call("GET", SHOPS, cipher=None))["shops"]
    told = [(shop["region"], shop["seller_type"], shop["cipher"][:4]) for shop in first + second]
    assert told == [("GB", "LOCAL", "GCP_"), ("DE", "CROSS_BORDER", "ROW_"), ("US", "LOCAL", "TTP_")]
    assert permissions == ["MANAGE_GLOBAL_PRODUCT"]
    assert len({shop["id"] for shop in first + second}) == 3


async def test_each_shop_sells_its_own_in_its_own_money(three: Caller) -> None:
    seen: dict[str, set[str]] = {}
    for account, place, currency in ((0, 0, "GBP"), (0, 1, "EUR"), (1, 0, "USD")):
        three.account = account
        cipher = three.sandbox.accounts[account].shops[place].cipher
        orders: list[Json] = (await three.call("POST", SEARCH, {"page_size": "100"}, {}, cipher=cipher))["orders"]
        assert {order["payment"]["currency"] for order in orders} == {currency}
        seen[currency] = {order["id"] for order in orders}
        products = await three.call("POST", "/product/202502/products/search", {"page_size": "100"}, {}, cipher=cipher)
        assert {s["price"]["currency"] for p in products["products"] for s in p["skus"]} == {currency}
    assert not seen["GBP"] & seen["EUR"]
    assert not seen["GBP"] & seen["USD"]


async def test_american_orders_carry_sales_tax(three: Caller) -> None:
    three.account = 1
    orders = (await three.call("POST", SEARCH, {"page_size": "5"}, {}))["orders"]
    assert all(order["payment"]["tax"] != "0.00" for order in orders)


async def test_writes_stay_in_their_shop(three: Caller) -> None:
    german = three.sandbox.accounts[0].shops[1]
    products = list(german.products)[:1]
    await three.call("DELETE", "/product/202309/products", None, {"product_ids": products}, cipher=german.cipher)
    body = {"status": "DELETED"}
    for cipher, count in ((german.cipher, 1), ("", 0)):
        data = await three.call("POST", "/product/202502/products/search", {"page_size": "5"}, body, cipher=cipher)
        assert data["total_count"] == count


async def test_global_warehouses_are_those_of_the_account(three: Caller) -> None:
    found = await three.call("GET", "/logistics/202309/global_warehouses", cipher=None)
    assert len(found["global_warehouses"]) == 2


@pytest.mark.parametrize("shops", [0, 2, 4])
def test_other_numbers_of_shops_are_not_built(shops: int) -> None:
    with pytest.raises(ValueError, match="1 or 3"):
        Sandbox(shops=shops)
