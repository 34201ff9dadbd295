"""Sellers set up warehouses, and stock can then lie there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.test_inventory import live

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

LIST = "/logistics/202309/warehouses"
MAKE = "/logistics/202502/warehouses"
NEW: Json = {
    "name": "Second shed",
    "type": "SALES_WAREHOUSE",
    "address": {"address_line_1": "3 Sample Yard", "city": "Sampleton", "postcode": "ZZ9 8ZZ"},
}


async def test_a_new_warehouse_is_listed_and_holds_stock(caller: Caller) -> None:
    made = (await caller.call("POST", MAKE, None, {"warehouse": NEW}))["warehouse_id"]
    listed = {w["id"]: w for w in (await caller.call("GET", LIST))["warehouses"]}
    assert listed[made]["name"] == "Second shed"
    assert listed[made]["address"]["full_address"] == "3 Sample Yard, Sampleton, ZZ9 8ZZ, United Kingdom"
    product = live(caller)
    sku, first = product.skus[0], caller.shop.warehouses[0].id
    path = f"/product/202309/products/{product.id}/inventory/update"
    stock = [{"warehouse_id": first, "quantity": 4}, {"warehouse_id": made, "quantity": 6}]
    assert await caller.call("POST", path, None, {"skus": [{"id": sku.id, "inventory": stock}]}) == {}
    told = await caller.call("POST", "/product/202309/inventory/search", None, {"sku_ids": [sku.id]})
    assert told["inventory"][0]["skus"][0]["total_available_quantity"] == 10
    only: Json = {"skus": [{"id": sku.id, "inventory": stock[:1]}]}
    (error,) = (await caller.call("POST", path, None, only))["errors"]
    assert error["detail"]["extra_errors"][0]["warehouse_id"] == made


async def test_a_warehouse_is_renamed(caller: Caller) -> None:
    own = caller.shop.warehouses[1].id
    assert await caller.call("POST", f"{MAKE}/{own}", None, {"warehouse": {"name": "Back room"}}) == {}
    listed = {w["id"]: w["name"] for w in (await caller.call("GET", LIST))["warehouses"]}
    assert listed[own] == "Back room"
    taken = {"warehouse": NEW | {"name": "Back room"}}
    assert (await caller.call("POST", MAKE, None, taken))["error_list"]
    assert (await caller.call("POST", MAKE, None, {}))["error_list"]
    assert await caller.code("POST", f"{MAKE}/70", None, {"warehouse": {"name": "X"}}) == 98001004
