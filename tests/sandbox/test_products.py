"""Listings are searched, read, created and deleted; pictures are uploaded before they are shown."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

SEARCH = "/product/202502/products/search"
PRODUCTS = "/product/202309/products"
UPLOAD = "/product/202309/images/upload"


def picture(width: int = 600, height: int = 600, kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "green").save(out, kind)
    return out.getvalue()


async def upload(caller: Caller, content: bytes, **fields: str) -> Any:
    return await caller.send(
        "POST", UPLOAD, cipher=None, files={"data": ("tea.png", content, "image/png")}, fields=fields
    )


async def listing(caller: Caller, **changes: Any) -> Json:
    uri = (await upload(caller, picture())).json()["data"]["uri"]
    stock = [{"warehouse_id": caller.shop.warehouses[0].id, "quantity": 12}]
    sku = {"inventory": stock, "price": {"amount": "7.50", "currency": "GBP"}, "seller_sku": "NEW-1"}
    made: Json = {
        "title": "Hojicha Roasted Green Tea",
        "description": "<p>Roasted.</p>",
        "category_id": "914824",
        "main_images": [{"uri": uri}],
        "skus": [sku],
        "package_weight": {"value": "0.15", "unit": "KILOGRAM"},
        "package_dimensions": {"length": "20", "width": "12", "height": "8", "unit": "CENTIMETER"},
        "product_attributes": [{"id": "100701", "values": [{"id": "10070102"}]}],
    }
    return made | changes


async def search(caller: Caller, **body: Any) -> list[Json]:
    return await caller.all_pages("POST", SEARCH, {"page_size": "100"}, body, "products")


async def test_some_forty_products_are_listed(caller: Caller) -> None:
    found = await search(caller)
    assert len(found) == 40
    assert {sku["price"]["currency"] for product in found for sku in product["skus"]} == {"GBP"}
    assert all(1 <= len(product["skus"]) <= 4 for product in found)
    assert {product["status"] for product in found} == {
        "ACTIVATE",
        "SELLER_DEACTIVATED",
        "DRAFT",
        "FAILED",
        "FREEZE",
    }
    assert any(sku["inventory"][0]["quantity"] < 6 for product in found for sku in product["skus"])


async def test_pages_of_products_cover_all_once(caller: Caller) -> None:
    found = await caller.all_pages("POST", SEARCH, {"page_size": "7"}, {}, "products")
    assert sorted(product["id"] for product in found) == sorted(caller.shop.products)


async def test_products_are_found_by_sku_status_and_time(caller: Caller) -> None:
    product = (await search(caller, status="ACTIVATE"))[0]
    assert [p["id"] for p in await search(caller, seller_skus=[product["skus"][0]["seller_sku"]])] == [product["id"]]
    assert [p["id"] for p in await search(caller, sku_ids=[product["skus"][0]["id"]])] == [product["id"]]
    time = product["create_time"]
    assert [p["id"] for p in await search(caller, create_time_ge=time, create_time_le=time)] == [product["id"]]
    assert [p["status"] for p in await search(caller, audit_status=["FAILED"])] == ["FAILED"] * 2
    assert await caller.code("POST", SEARCH, {"page_size": "5"}, {"sku_ids": ["1"] * 11}) == 12019087


async def test_a_product_is_read_in_full(caller: Caller) -> None:
    product_id = next(iter(caller.shop.products))
    data = await caller.call("GET", f"{PRODUCTS}/{product_id}")
    assert [c["is_leaf"] for c in data["category_chains"]] == [False, False, True]
    assert data["skus"][0]["sales_attributes"][0]["value_name"] == "50 g"
    shown = await caller.http.get(data["main_images"][0]["urls"][0])
    assert Image.open(BytesIO(shown.content)).size == (600, 600)
    assert await caller.code("GET", f"{PRODUCTS}/1") == 12052032


async def test_a_new_listing_is_audited_and_goes_live(caller: Caller, clock: Clock) -> None:
    data = await caller.call("POST", PRODUCTS, None, await listing(caller))
    product_id = data["product_id"]
    assert data["skus"][0]["seller_sku"] == "NEW-1"
    assert (await search(caller, seller_skus=["NEW-1"]))[0]["status"] == "PENDING"
    clock.pass_by(59)
    assert (await caller.call("GET", f"{PRODUCTS}/{product_id}"))["status"] == "PENDING"
    clock.pass_by(1)
    live = await caller.call("GET", f"{PRODUCTS}/{product_id}")
    assert (live["status"], live["audit"]["status"]) == ("ACTIVATE", "APPROVED")
    assert live["skus"][0]["price"]["sale_price"] == "7.50"
    assert live["skus"][0]["inventory"][0]["quantity"] == 12


async def test_a_draft_stays_a_draft(caller: Caller, clock: Clock) -> None:
    made = await caller.call("POST", PRODUCTS, None, await listing(caller, save_mode="AS_DRAFT"))
    clock.pass_by(3600)
    assert (await caller.call("GET", f"{PRODUCTS}/{made['product_id']}"))["status"] == "DRAFT"


async def test_the_same_key_makes_the_same_product(caller: Caller) -> None:
    wanted = await listing(caller, idempotency_key="once")
    first, second = [await caller.call("POST", PRODUCTS, None, wanted) for _ in range(2)]
    assert first == second
    assert len(await search(caller)) == 41
    other = await caller.call("POST", PRODUCTS, None, wanted | {"idempotency_key": "twice"})
    assert other["product_id"] != first["product_id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"category_id": "1"}, 12052023),
        ({"category_id": "914568"}, 12052024),
        ({"main_images": [{"uri": "never/uploaded"}]}, 12052300),
        ({"title": ""}, 36009004),
        ({"idempotency_key": "x" * 129}, 36009004),
    ],
)
async def test_a_listing_is_checked(caller: Caller, changes: Json, code: int) -> None:
    assert await caller.code("POST", PRODUCTS, None, await listing(caller, **changes)) == code
    assert len(await search(caller)) == 40


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": {"amount": "7.50", "currency": "EUR"}}, 12052084),
        ({"price": {"currency": "GBP"}}, 12052092),
        ({"price": {"amount": "5600.01", "currency": "GBP"}}, 12052073),
        ({"price": {"amount": "0", "currency": "GBP"}}, 12052073),
        ({"price": {"amount": 7.5, "currency": "GBP"}}, 36009004),
        ({"price": {"amount": "7,50", "currency": "GBP"}}, 36009004),
        ({"inventory": [{"warehouse_id": "1", "quantity": 1}]}, 12052097),
        ({"inventory": [{"warehouse_id": "1", "quantity": 100000}]}, 36009004),
        ({"inventory": []}, 36009004),
    ],
)
async def test_a_listings_skus_are_checked(caller: Caller, changes: Json, code: int) -> None:
    wanted = await listing(caller)
    wanted["skus"][0] |= changes
    assert await caller.code("POST", PRODUCTS, None, wanted) == code


async def test_the_returns_warehouse_does_not_sell(caller: Caller) -> None:
    wanted = await listing(caller)
    wanted["skus"][0]["inventory"][0]["warehouse_id"] = caller.shop.warehouses[1].id
    assert await caller.code("POST", PRODUCTS, None, wanted) == 12052097


async def test_two_skus_differ_by_their_attributes(caller: Caller) -> None:
    wanted = await listing(caller)
    wanted["skus"] *= 2
    assert await caller.code("POST", PRODUCTS, None, wanted) == 12052560
    wanted["skus"] = [
        wanted["skus"][0] | {"seller_sku": size, "sales_attributes": [{"name": "Size", "value_name": size}]}
        for size in ("S", "L")
    ]
    made = await caller.call("POST", PRODUCTS, None, wanted)
    assert len({sku["id"] for sku in made["skus"]}) == 2


async def test_deletion_is_told_per_item_and_shows_in_searches(caller: Caller) -> None:
    first, second = list(caller.shop.products)[:2]
    body = {"product_ids": [first, "1729", second, first]}
    errors = (await caller.call("DELETE", PRODUCTS, None, body))["errors"]
    assert errors == [
        {"code": 12052032, "message": "The product '1729' does not exist.", "detail": {"product_id": "1729"}}
    ]
    assert {product["id"] for product in await search(caller, status="DELETED")} == {first, second}
    assert (await caller.call("GET", f"{PRODUCTS}/{first}"))["status"] == "DELETED"
    again = await caller.call("DELETE", PRODUCTS, None, {"product_ids": [first]})
    assert again["errors"][0]["code"] == 12052901
    assert await caller.call("DELETE", PRODUCTS, None, {"product_ids": [list(caller.shop.products)[2]]}) == {}


async def test_another_shops_product_cannot_be_deleted(three: Caller) -> None:
    foreign = next(iter(three.sandbox.accounts[0].shops[1].products))
    errors = (await three.call("DELETE", PRODUCTS, None, {"product_ids": [foreign]}))["errors"]
    assert errors[0]["code"] == 12052048
    assert await three.code("GET", f"{PRODUCTS}/{foreign}") == 12052048


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
async def test_a_picture_is_known_by_its_content(caller: Caller, kind: str) -> None:
    content = picture(640, 480, kind)
    data = (await upload(caller, content, use_case="DESCRIPTION_IMAGE")).json()["data"]
    assert (data["width"], data["height"], data["use_case"]) == (640, 480, "DESCRIPTION_IMAGE")
    assert (await caller.http.get(data["url"])).content == content


async def test_a_heic_picture_tells_its_pixels(caller: Caller) -> None:
    box = b"\0\0\0\x14ispe\0\0\0\0" + (800).to_bytes(4, "big") + (600).to_bytes(4, "big")
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + box
    data = (await upload(caller, content, use_case="DESCRIPTION_IMAGE")).json()["data"]
    assert (data["width"], data["height"]) == (800, 600)
    assert (await upload(caller, content[:24])).json()["code"] == 12038005


async def test_main_pictures_far_from_square_are_squared(caller: Caller) -> None:
    wide = (await upload(caller, picture(1200, 400), use_case="MAIN_IMAGE")).json()["data"]
    assert (wide["width"], wide["height"]) == (1200, 1200)
    fine = (await upload(caller, picture(800, 600))).json()["data"]
    assert (fine["width"], fine["height"], fine["use_case"]) == (800, 600, "MAIN_IMAGE")


@pytest.mark.parametrize(
    ("content", "use_case", "code"),
    [
        (b"", "MAIN_IMAGE", 36009004),
        (b"GIF89a" + b"\0" * 99, "MAIN_IMAGE", 12038002),
        (b"\x89PNG\r\n\x1a\n broken", "MAIN_IMAGE", 12038005),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (10 * 1024 * 1024), "MAIN_IMAGE", 12038004),
        (picture(299, 400), "MAIN_IMAGE", 12038014),
        (picture(4001, 400), "MAIN_IMAGE", 12038014),
        (picture(99, 400), "DESCRIPTION_IMAGE", 12038014),
        (picture(1023, 2000), "SIZE_CHART_IMAGE", 12038015),
        (picture(), "HEADER_IMAGE", 36009004),
    ],
    ids=["empty", "gif", "broken", "too large", "narrow", "wide", "tiny", "size chart", "use case"],
)
async def test_a_picture_is_checked(caller: Caller, content: bytes, use_case: str, code: int) -> None:
    assert (await upload(caller, content, use_case=use_case)).json()["code"] == code


async def test_a_field_is_not_a_file(caller: Caller) -> None:
    response = await caller.send("POST", UPLOAD, cipher=None, files={"data": (None, "text")})
    assert response.json()["code"] == 12038002


async def test_another_sellers_picture_cannot_be_listed(three: Caller) -> None:
    three.account = 1
    uri = (await upload(three, picture())).json()["data"]["uri"]
    three.account = 0
    assert await three.code("POST", PRODUCTS, None, await listing(three, main_images=[{"uri": uri}])) == 12052300
