"""Stock, prices, statuses and listings are changed, and reads show what writes did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.test_products import PRODUCTS, SEARCH, listing, picture, upload

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

DETAILS = ("package_weight", "package_dimensions", "product_attributes")
STOCK = "/product/202309/inventory/search"


def live(caller: Caller, skus: int = 2) -> Any:
    """A live product with at least so many SKUs, in no promotion."""
    held = {one for activity in caller.shop.promotions.activities.values() for one in activity.products}
    return next(
        product
        for product in caller.shop.products.values()
        if product.status == "ACTIVATE" and len(product.skus) >= skus and product.id not in held
    )


async def read(caller: Caller, product_id: str) -> Json:
    return await caller.call("GET", f"{PRODUCTS}/{product_id}")


async def stock_of(caller: Caller, sku_id: str) -> Json:
    told = (await caller.call("POST", STOCK, None, {"sku_ids": [sku_id]}))["inventory"]
    found: Json = told[0]["skus"][0]
    return found


async def test_stock_is_set_and_shown_everywhere(caller: Caller) -> None:
    product = live(caller)
    sku, warehouse = product.skus[0], caller.shop.warehouses[0].id
    body = {"skus": [{"id": sku.id, "inventory": [{"warehouse_id": warehouse, "quantity": 77}]}]}
    assert await caller.call("POST", f"{PRODUCTS}/{product.id}/inventory/update", None, body) == {}
    assert (await stock_of(caller, sku.id))["total_available_quantity"] == 77
    assert (await read(caller, product.id))["skus"][0]["inventory"][0]["quantity"] == 77
    listed = await caller.call("POST", SEARCH, {"page_size": "1"}, {"sku_ids": [sku.id]})
    assert listed["products"][0]["skus"][0]["inventory"][0]["quantity"] == 77
    body["skus"][0]["inventory"] = [{"quantity": 0}]
    assert await caller.call("POST", f"{PRODUCTS}/{product.id}/inventory/update", None, body) == {}
    assert (await stock_of(caller, sku.id))["total_available_quantity"] == 0


async def test_a_fault_in_one_sku_leaves_the_others_changed(caller: Caller) -> None:
    product = live(caller)
    good, bad = product.skus[:2]
    before = dict(bad.stock)
    stock = [{"warehouse_id": caller.shop.warehouses[0].id, "quantity": 5}]
    elsewhere = [{"warehouse_id": caller.shop.warehouses[1].id, "quantity": 5}]
    items = [
        {"id": good.id, "inventory": stock},
        {"id": bad.id, "inventory": elsewhere},
        {"id": "1729", "inventory": stock},
    ]
    path = f"{PRODUCTS}/{product.id}/inventory/update"
    errors = (await caller.call("POST", path, None, {"skus": items}))["errors"]
    assert [error["detail"]["sku_id"] for error in errors] == [bad.id, "1729"]
    assert [e["code"] for e in errors[0]["detail"]["extra_errors"]] == [12052097, 12052037]
    assert errors[1]["code"] == 12052036
    assert (list(good.stock.values()), bad.stock) == ([5], before)


async def test_what_is_promised_is_counted_until_it_ships(caller: Caller) -> None:
    shop, now = caller.shop, int(caller.sandbox.now())
    order = next(
        o
        for o in reversed(shop.orders.values())
        if o.get_status(now) == "AWAITING_SHIPMENT" and o.id not in shop.planted.values() and len(o.packages) == 1
    )
    sku = order.lines[0].sku
    held = sum(1 for line in order.lines if line.sku is sku)
    before = (await stock_of(caller, sku.id))["total_committed_quantity"]
    await caller.call("POST", f"/fulfillment/202309/packages/{order.packages[0].id}/ship")
    assert (await stock_of(caller, sku.id))["total_committed_quantity"] == before - held


async def test_inventory_is_searched_by_product_or_sku(caller: Caller) -> None:
    product = live(caller)
    told = (await caller.call("POST", STOCK, None, {"product_ids": [product.id, "1729"]}))["inventory"]
    assert [len(item["skus"]) for item in told] == [len(product.skus)]
    assert await caller.code("POST", STOCK, None, {}) == 12019008


async def test_a_price_is_set_or_all_stay(caller: Caller) -> None:
    product = live(caller)
    first, second = product.skus[:2]
    path = f"{PRODUCTS}/{product.id}/prices/update"

    def priced(sku_id: str, amount: str, currency: str = "GBP") -> Json:
        return {"id": sku_id, "price": {"amount": amount, "currency": currency}}

    cases = [
        (priced(second.id, "9.99", "EUR"), 12052084),
        (priced(second.id, "6000"), 12052073),
        (priced("1729", "9.99"), 12052036),
        (priced(first.id, "9.99"), 12052036),
        ({"id": second.id, "price": {"currency": "GBP"}}, 12052092),
    ]
    before = first.price
    for item, code in cases:
        assert await caller.code("POST", path, None, {"skus": [priced(first.id, "1.11"), item]}) == code
    assert first.price == before
    assert await caller.call("POST", path, None, {"skus": [priced(first.id, "1.11")]}) == {}
    assert (await read(caller, product.id))["skus"][0]["price"]["sale_price"] == "1.11"


async def test_only_live_products_out_of_promotions_take_a_price(caller: Caller) -> None:
    shop = caller.shop
    draft = next(p for p in shop.products.values() if p.status == "DRAFT")
    running = next(
        a for a in shop.promotions.activities.values() if a.products and a.get_status(caller.sandbox.now()) == "ONGOING"
    )
    for product, code in ((draft, 12052901), (shop.products[next(iter(running.products))], 12019045)):
        body = {"skus": [{"id": product.skus[0].id, "price": {"amount": "2.00", "currency": "GBP"}}]}
        assert await caller.code("POST", f"{PRODUCTS}/{product.id}/prices/update", None, body) == code


async def test_products_go_off_sale_and_back_on(caller: Caller, clock: Clock) -> None:
    product = live(caller)
    body = {"product_ids": [product.id]}
    assert await caller.call("POST", f"{PRODUCTS}/deactivate", None, body) == {}
    assert (await read(caller, product.id))["status"] == "SELLER_DEACTIVATED"
    again = await caller.call("POST", f"{PRODUCTS}/deactivate", None, {"product_ids": [product.id, "1729"]})
    assert [e["code"] for e in again["errors"]] == [12052901, 12052032]
    assert await caller.call("POST", f"{PRODUCTS}/activate", None, body) == {}
    assert (await read(caller, product.id))["status"] == "PENDING"
    clock.pass_by(60)
    shown = await read(caller, product.id)
    assert (shown["status"], shown["audit"]["status"]) == ("ACTIVATE", "APPROVED")


async def test_a_deleted_product_is_recovered_off_sale(caller: Caller) -> None:
    body = {"product_ids": [live(caller).id]}
    assert (await caller.call("POST", f"{PRODUCTS}/recover", None, body))["errors"][0]["code"] == 12052901
    await caller.call("DELETE", PRODUCTS, None, body)
    assert await caller.call("POST", f"{PRODUCTS}/recover", None, body) == {}
    assert (await read(caller, body["product_ids"][0]))["status"] == "SELLER_DEACTIVATED"


async def details(caller: Caller, product_id: str) -> Json:
    """What a listing says of the product as a whole, as it is sent."""
    shown = await read(caller, product_id)
    attributes = [
        {"id": one["id"], "values": [{"id": value["id"]} for value in one["values"]]}
        for one in shown["product_attributes"]
    ]
    return {name: shown[name] for name in DETAILS} | {"product_attributes": attributes}


def edit(product_id: str, *, partial: bool = True) -> tuple[str, str]:
    path = f"/product/202509/products/{product_id}"
    return ("POST", f"{path}/partial_edit") if partial else ("PUT", path)


async def test_a_partial_edit_replaces_what_it_names(caller: Caller, clock: Clock) -> None:
    product = live(caller)
    before = await read(caller, product.id)
    told = await caller.call(*edit(product.id), None, {"title": "Another Name", "search_terms": ["tea"]})
    assert told["audit"]["status"] == "AUDITING"
    after = await read(caller, product.id)
    assert (after["title"], after["search_terms"], after["status"]) == ("Another Name", ["tea"], "ACTIVATE")
    assert (after["description"], after["skus"]) == (before["description"], before["skus"])
    assert after["update_time"] == int(clock.now)
    clock.pass_by(60)
    assert (await read(caller, product.id))["audit"]["status"] == "APPROVED"


async def test_skus_left_out_of_an_edit_are_gone(caller: Caller) -> None:
    product = live(caller)
    kept = product.skus[1]
    stock = [{"warehouse_id": caller.shop.warehouses[0].id, "quantity": 3}]
    new: Json = {
        "inventory": stock,
        "price": {"amount": "3.00", "currency": "GBP"},
        "sales_attributes": [{"name": "Variant", "value_name": "Giant"}],
    }
    skus: list[Json] = [{"id": kept.id, "seller_sku": "KEPT"}, new]
    told = await caller.call(*edit(product.id), None, {"skus": skus})
    assert told["skus"][0]["id"] == kept.id
    shown = (await read(caller, product.id))["skus"]
    assert [(s["seller_sku"], s["price"]["sale_price"]) for s in shown] == [("KEPT", str(kept.price)), ("", "3.00")]
    bad = [{"id": "1729"}], [{"id": kept.id}, {"id": kept.id}]
    for items in bad:
        assert await caller.code(*edit(product.id), None, {"skus": items}) == 12052036
    assert await caller.code(*edit(product.id), None, {"skus": [{"seller_sku": "X", "inventory": stock}]}) == 12052092


async def test_an_edit_gives_the_whole_listing(caller: Caller) -> None:
    product = live(caller)
    await caller.call(*edit(product.id), None, {"search_terms": ["tea"]})
    uri = (await upload(caller, picture())).json()["data"]["uri"]
    whole: Json = {
        "title": "New",
        "description": "<p>New.</p>",
        "category_id": product.category_id,
        "main_images": [{"uri": uri}],
        "skus": [{"id": product.skus[0].id}],
    } | await details(caller, product.id)
    await caller.call(*edit(product.id, partial=False), None, whole)
    shown = await read(caller, product.id)
    assert (shown["title"], len(shown["skus"]), shown["main_images"][0]["uri"]) == ("New", 1, uri)
    assert "search_terms" not in shown
    for changes, code in (({"category_id": "1"}, 12052023), ({"main_images": [{"uri": "no"}]}, 12052300)):
        assert await caller.code(*edit(product.id, partial=False), None, whole | changes) == code


async def test_orders_keep_the_name_that_was_bought(caller: Caller) -> None:
    order = next(o for o in caller.shop.orders.values() if o.lines[0].product.status == "ACTIVATE")
    product, title = order.lines[0].product, order.lines[0].product.title
    await caller.call(*edit(product.id), None, {"title": "Renamed"})
    shown = (await caller.call("GET", "/order/202507/orders", {"ids": order.id}))["orders"][0]
    assert shown["line_items"][0]["product_name"] == title


async def test_a_deleted_product_cannot_be_edited(caller: Caller) -> None:
    product = live(caller)
    await caller.call("DELETE", PRODUCTS, None, {"product_ids": [product.id]})
    assert await caller.code(*edit(product.id), None, {"title": "X"}) == 12052901
    stock = {"skus": [{"id": product.skus[0].id, "inventory": [{"quantity": 1}]}]}
    assert await caller.code("POST", f"{PRODUCTS}/{product.id}/inventory/update", None, stock) == 12052901


async def test_an_edit_is_held_to_what_a_new_listing_is_held_to(caller: Caller) -> None:
    product = live(caller)
    shown = await read(caller, product.id)
    whole = await details(caller, product.id) | {
        "title": shown["title"],
        "description": shown["description"],
        "category_id": product.category_id,
        "main_images": [{"uri": shown["main_images"][0]["uri"]}],
        "skus": [{"id": product.skus[0].id}],
    }
    for name, code in zip(DETAILS, (12019011, 12019012, 12052104), strict=True):
        left_out = {key: value for key, value in whole.items() if key != name}
        assert await caller.code(*edit(product.id, partial=False), None, left_out) == code
    partial: list[tuple[Json, int]] = [
        ({"package_weight": {"value": "200", "unit": "GRAM"}}, 12019011),
        ({"product_attributes": [{"id": "100720", "values": [{"name": "Tea"}]}]}, 12052240),
        ({"product_attributes": [{"id": "100704", "values": [{"name": "China"}]}]}, 12052104),
        ({"brand_id": "7"}, 12052026),
        ({"skus": [{"id": sku.id, "seller_sku": "SAME"} for sku in product.skus[:2]]}, 12019059),
    ]
    for changes, code in partial:
        assert await caller.code(*edit(product.id), None, changes) == code, changes
    assert await read(caller, product.id) == shown


async def test_a_brand_stays_through_a_partial_edit(caller: Caller) -> None:
    product = live(caller)
    await caller.call(*edit(product.id), None, {"brand_id": "7082427311584348161"})
    await caller.call(*edit(product.id), None, {"title": "Another Name"})
    assert (await read(caller, product.id))["brand"] == {"id": "7082427311584348161", "name": "Sandbox Tea House"}


async def test_a_sku_keeps_its_own_weight_through_a_partial_edit(caller: Caller) -> None:
    wanted = await listing(caller)
    del wanted["package_weight"]
    wanted["skus"][0]["sku_weight"] = {"value": "0.2", "unit": "KILOGRAM"}
    made = await caller.call("POST", PRODUCTS, None, wanted)
    sku: Json = {"id": made["skus"][0]["id"], "seller_sku": "RENAMED"}
    assert await caller.call(*edit(made["product_id"]), None, {"skus": [sku]})
    sku["sku_weight"] = {"value": "200", "unit": "GRAM"}
    assert await caller.code(*edit(made["product_id"]), None, {"skus": [sku]}) == 12019011
