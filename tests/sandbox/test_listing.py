"""A product finds its category, what that asks for is told, and a listing is held to exactly that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.test_products import PRODUCTS, listing, search

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

P = "/product/202309"
RECOMMEND = f"{P}/categories/recommend"
CHECK = f"{PRODUCTS}/listing_check"
V2 = {"category_version": "v2"}


async def tree(caller: Caller, **query: str) -> list[Json]:
    found: list[Json] = (await caller.call("GET", f"{P}/categories", query))["categories"]
    return found


def answered(attributes: list[Json]) -> list[Json]:
    """The first value for whatever is required."""
    return [
        {"id": one["id"], "values": [{"id": one["values"][0]["id"]}]}
        for one in attributes
        if one["is_requried"] and one["type"] == "PRODUCT_PROPERTY"
    ]


def without(made: Json, name: str) -> Json:
    return {key: value for key, value in made.items() if key != name}


async def test_the_categories_are_one_tree(caller: Caller) -> None:
    found = await tree(caller)
    ids = {one["id"] for one in found}
    parents = {one["parent_id"] for one in found}
    assert len(ids) == len(found) >= 12
    assert parents - ids == {"0"}
    assert {one["id"] for one in found if one["is_leaf"]} == ids - parents


async def test_a_keyword_finds_categories_by_name_and_by_what_they_hold(caller: Caller) -> None:
    assert [one["local_name"] for one in await tree(caller, keyword="teapot")] == ["Teapots"]
    assert [one["local_name"] for one in await tree(caller, keyword="Infuser")] == ["Tea Accessories"]
    assert {"Tea", "Teapots", "Tea Accessories"} <= {one["local_name"] for one in await tree(caller, keyword="tea")}
    assert await tree(caller, keyword="submarine") == []


async def test_the_leaves_are_the_ones_that_products_stand_in_and_can_be_listed_in(caller: Caller) -> None:
    leaves = {one["id"] for one in await tree(caller) if one["is_leaf"]}
    seeded = {(await caller.call("GET", f"{PRODUCTS}/{p}"))["category_chains"][-1]["id"] for p in caller.shop.products}
    assert seeded < leaves
    for place, leaf in enumerate(sorted(leaves)):
        asked = (await caller.call("GET", f"{P}/categories/{leaf}/attributes"))["attributes"]
        assert answered(asked)
        wanted = await listing(caller, category_id=leaf, product_attributes=answered(asked), title=f"Thing {place}")
        assert (await caller.call("POST", CHECK, None, wanted))["check_result"] == "PASSED"
        assert (await caller.call("POST", PRODUCTS, None, wanted))["product_id"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Hojicha Roasted Green Tea", "Tea"),
        ("Glass Tea Infuser for Mugs", "Tea Accessories"),
        ("Glass Teapot with Infuser", "Teapots"),
        ("Hand-thrown mug for your tea", "Cups & Mugs"),
        ("Wine Glasses, Set of 6", "Drinking Glasses"),
        ("Christmas Gift Box of Teas", "Food Gift Sets"),
        ("Ground Coffee 500 g", "Coffee"),
    ],
)
async def test_a_title_recommends_its_leaf(caller: Caller, title: str, name: str) -> None:
    told = await caller.call("POST", RECOMMEND, None, {"product_title": title})
    *above, leaf = told["categories"]
    assert (leaf["name"], leaf["id"], leaf["is_leaf"]) == (name, told["leaf_category_id"], True)
    assert [one["level"] for one in told["categories"]] == list(range(1, len(above) + 2))
    known = {one["id"]: one for one in await tree(caller)}
    assert [known[one["id"]]["local_name"] for one in told["categories"]] == [one["name"] for one in told["categories"]]


async def test_a_title_that_says_nothing_is_helped_by_the_description_or_refused(caller: Caller) -> None:
    body = {"product_title": "The Afternoon"}
    assert await caller.code("POST", RECOMMEND, None, body) == 12019064
    told = await caller.call("POST", RECOMMEND, None, body | {"description": "<p>A stoneware teapot.</p>"})
    assert told["categories"][-1]["name"] == "Teapots"


async def test_seeded_products_answer_what_their_category_asks(caller: Caller) -> None:
    for product_id in caller.shop.products:
        shown = await caller.call("GET", f"{PRODUCTS}/{product_id}")
        leaf = shown["category_chains"][-1]["id"]
        asked = (await caller.call("GET", f"{P}/categories/{leaf}/attributes"))["attributes"]
        values = {one["id"]: {value["id"]: value["name"] for value in one["values"]} for one in asked}
        for given in shown["product_attributes"]:
            assert all(values[given["id"]][value["id"]] == value["name"] for value in given["values"])
        required = {one["id"] for one in asked if one["is_requried"]}
        assert required <= {given["id"] for given in shown["product_attributes"]}
        assert shown["package_dimensions"]["unit"] == "CENTIMETER"


@pytest.mark.parametrize("about", ["attributes", "rules"])
async def test_only_leaves_have_attributes_and_rules(caller: Caller, about: str) -> None:
    assert await caller.code("GET", f"{P}/categories/1/{about}") == 12052023
    assert await caller.code("GET", f"{P}/categories/914568/{about}") == 12052024


async def test_the_rules_demand_what_a_listing_is_held_to(caller: Caller) -> None:
    rules = await caller.call("GET", f"{P}/categories/914824/rules")
    assert rules["product_certifications"] == []
    assert rules["package_dimension"] == {"is_required": True}
    demands = ("size_chart", "epr", "responsible_person", "manufacturer", "seller_sku")
    assert not any(rules[name]["is_required"] for name in demands)
    plain = await listing(caller)
    del plain["skus"][0]["seller_sku"]
    assert await caller.call("POST", PRODUCTS, None, plain)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], 12052104),
        ([{"id": "1", "values": [{"name": "x"}]}], 12052240),
        ([{"id": "100701", "values": [{"id": "1"}]}], 12052529),
        ([{"id": "100701", "values": [{}]}], 12052248),
        ([{"id": "100701", "values": [{"name": "Soup"}]}], 12052247),
        ([{"id": "100701", "values": [{"id": "10070101"}, {"id": "10070102"}]}], 12052246),
        ([{"id": "100701", "values": [{"id": "10070101"}]}] * 2, 12052254),
    ],
    ids=["missing", "unknown", "value", "empty", "own words", "several", "twice"],
)
async def test_attributes_of_a_listing_are_checked(caller: Caller, given: Any, code: int) -> None:
    wanted = await listing(caller, product_attributes=given)
    if not given:
        del wanted["product_attributes"]
    assert await caller.code("POST", PRODUCTS, None, wanted) == code
    told = await caller.call("POST", CHECK, None, wanted)
    assert [fault["code"] for fault in told["fail_reasons"]] == [code]


async def test_attributes_are_shown_with_their_names(caller: Caller) -> None:
    given = [
        {"id": "100701", "values": [{"name": "green tea"}]},
        {"id": "100704", "values": [{"name": "South Africa"}]},
    ]
    made = await caller.call("POST", PRODUCTS, None, await listing(caller, product_attributes=given))
    assert (await caller.call("GET", f"{PRODUCTS}/{made['product_id']}"))["product_attributes"] == [
        {"id": "100701", "name": "Tea Type", "values": [{"id": "10070102", "name": "Green tea"}]},
        {"id": "100704", "name": "Country of Origin", "values": [{"name": "South Africa"}]},
    ]


async def test_a_number_is_a_positive_one(caller: Caller) -> None:
    material: Json = {"id": "100710", "values": [{"name": "Glass"}]}
    for size, code in (("0.8", 0), ("-1", 12052256), ("large", 12052256), ("NaN", 12052256)):
        given = [material, {"id": "100711", "values": [{"name": size}]}]
        wanted = await listing(caller, category_id="809736", product_attributes=given)
        assert (await caller.send("POST", PRODUCTS, None, wanted)).json()["code"] == code, size


async def test_brands_are_listed_and_taken(caller: Caller) -> None:
    everything = await caller.all_pages("GET", f"{P}/brands", {"page_size": "2"}, None, "brands")
    assert everything[0]["name"] == "No Brand"
    mine = (await caller.call("GET", f"{P}/brands", {"page_size": "10", "is_authorized": "true"}))["brands"]
    foreign = [brand for brand in everything if brand not in mine]
    found = await caller.call("GET", f"{P}/brands", {"page_size": "10", "brand_name": "teaware"})
    assert [brand["name"] for brand in found["brands"]] == ["Sandbox Teaware"]
    made = await caller.call("POST", PRODUCTS, None, await listing(caller, brand_id=mine[1]["id"]))
    shown = await caller.call("GET", f"{PRODUCTS}/{made['product_id']}")
    assert shown["brand"] == {"id": mine[1]["id"], "name": mine[1]["name"]}
    assert await caller.code("POST", PRODUCTS, None, await listing(caller, brand_id=foreign[0]["id"])) == 12052201
    assert await caller.code("POST", PRODUCTS, None, await listing(caller, brand_id="7")) == 12052026
    assert await caller.code("GET", f"{P}/brands", {"page_size": "10", "category_id": "1"}) == 12052023


def size(unit: str = "CENTIMETER", length: str = "20") -> Json:
    return {"length": length, "width": "12", "height": "8", "unit": unit}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"package_weight": {"value": "150", "unit": "GRAM"}}, 12019011),
        ({"package_weight": {"value": "0.3", "unit": "POUND"}}, 12019061),
        ({"package_weight": {"value": "0", "unit": "KILOGRAM"}}, 12052181),
        ({"package_weight": {"value": "0.1234", "unit": "KILOGRAM"}}, 12019011),
        ({"package_dimensions": size("INCH")}, 12019061),
        ({"package_dimensions": size(length="0")}, 12019012),
        ({"category_version": "v2"}, 12052230),
    ],
)
async def test_a_parcels_size_is_told_in_the_markets_units(caller: Caller, changes: Json, code: int) -> None:
    assert await caller.code("POST", PRODUCTS, None, await listing(caller, **changes)) == code
    assert len(await search(caller)) == 40


@pytest.mark.parametrize(("name", "code"), [("package_weight", 12019011), ("package_dimensions", 12019012)])
async def test_a_listing_needs_weight_and_size_and_a_draft_does_not(caller: Caller, name: str, code: int) -> None:
    wanted = without(await listing(caller), name)
    assert await caller.code("POST", PRODUCTS, None, wanted) == code
    assert await caller.call("POST", PRODUCTS, None, wanted | {"save_mode": "AS_DRAFT"})


async def test_skus_may_tell_the_weight_instead(caller: Caller) -> None:
    wanted = without(await listing(caller), "package_weight")
    wanted["skus"][0]["sku_weight"] = {"value": "0.2", "unit": "KILOGRAM"}
    assert await caller.call("POST", PRODUCTS, None, wanted)
    wanted["skus"][0]["sku_weight"] = {"value": "200", "unit": "GRAM"}
    assert await caller.code("POST", PRODUCTS, None, wanted) == 12019011


async def test_a_draft_is_held_to_little(caller: Caller) -> None:
    wanted = await listing(caller, save_mode="AS_DRAFT", product_attributes=[], brand_id="7")
    for name in ("package_weight", "package_dimensions", "product_attributes"):
        del wanted[name]
    del wanted["skus"][0]["inventory"][0]["quantity"]
    assert await caller.call("POST", PRODUCTS, None, wanted)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": {"sale_price": "7.50", "currency": "GBP"}}, 12052092),
        ({"inventory": [{"warehouse_id": ""}]}, 12052055),
        ({"sales_attributes": [{"id": "1", "value_name": "Red"}]}, 12052527),
    ],
    ids=["price", "quantity", "sales attribute"],
)
async def test_a_sku_needs_its_price_and_its_quantity(caller: Caller, changes: Json, code: int) -> None:
    wanted = await listing(caller)
    if "inventory" in changes:
        changes = {"inventory": [{"warehouse_id": caller.shop.warehouses[0].id}]}
    wanted["skus"][0] |= changes
    assert await caller.code("POST", PRODUCTS, None, wanted) == code


async def test_a_seller_sku_is_there_once_in_a_product_and_again_in_another(caller: Caller) -> None:
    wanted = await listing(caller)
    variants = [
        wanted["skus"][0] | {"sales_attributes": [{"id": "100007", "value_name": name}]} for name in ("Small", "Large")
    ]
    code, words = (await caller.refused("POST", PRODUCTS, None, wanted | {"skus": variants}))[1:]
    assert code == 12019059
    assert "NEW-1" in words
    assert await caller.call("POST", PRODUCTS, None, wanted)
    assert await caller.call("POST", PRODUCTS, None, wanted)
    assert len(await search(caller, seller_skus=["NEW-1"])) == 2


async def test_a_listing_check_tells_all_faults_at_once_and_makes_nothing(caller: Caller) -> None:
    wanted = await listing(caller, category_id="1", package_dimensions=size("INCH"))
    wanted["skus"][0]["price"]["currency"] = "EUR"
    told = await caller.call("POST", CHECK, None, wanted)
    assert told["check_result"] == "FAILED"
    assert [fault["code"] for fault in told["fail_reasons"]] == [12052023, 12052084, 12019061, 12052240]
    assert await caller.code("POST", PRODUCTS, None, wanted) == 12052023
    assert len(await search(caller)) == 40


async def test_the_prerequisites_are_met(caller: Caller) -> None:
    results = (await caller.call("GET", "/product/202312/prerequisites"))["check_results"]
    assert len({result["check_item"] for result in results}) == len(results) == 9
    assert not any(result["is_failed"] or result["fail_reasons"] for result in results)


async def test_a_shop_in_the_us_lists_by_the_second_tree_and_in_its_own_units(three: Caller) -> None:
    three.account = 1
    assert await three.code("GET", f"{P}/categories") == 12052217
    assert await three.code("POST", RECOMMEND, None, {"product_title": "Green Tea"}) == 12052217
    leaf = (await three.call("POST", RECOMMEND, None, {"product_title": "Green Tea"} | V2))["leaf_category_id"]
    asked = (await three.call("GET", f"{P}/categories/{leaf}/attributes", V2))["attributes"]
    wanted = await listing(three, category_id=leaf, product_attributes=answered(asked))
    wanted["skus"][0]["price"]["currency"] = "USD"
    assert await three.code("POST", PRODUCTS, None, wanted) == 12052217
    pounds = {"package_weight": {"value": "0.33", "unit": "POUND"}}
    assert await three.code("POST", PRODUCTS, None, wanted | V2 | pounds) == 12052915
    assert await three.call("POST", PRODUCTS, None, wanted | V2 | pounds | {"package_dimensions": size("INCH")})


async def test_a_shop_in_germany_takes_both_trees(three: Caller) -> None:
    german = three.sandbox.accounts[0].shops[1]
    for version in ("v1", "v2"):
        found = await three.call("GET", f"{P}/categories", {"category_version": version}, cipher=german.cipher)
        assert found["categories"]
