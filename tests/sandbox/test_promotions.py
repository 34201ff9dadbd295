"""Promotions are made, filled, changed, switched off and published again; coupons are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.client import NOW
from tests.sandbox.test_inventory import live

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.sandbox.client import Caller, Clock, Json

ACTIVITIES = "/promotion/202309/activities"
COUPONS = "/promotion/202406/coupons"
DAY = 24 * 3600


async def search(caller: Caller, **body: Any) -> list[Json]:
    found: list[Json] = (await caller.call("POST", f"{ACTIVITIES}/search", None, body))["activities"]
    return found


def wanted(**changes: Any) -> Json:
    made: Json = {
        "title": "Tea for two",
        "activity_type": "DIRECT_DISCOUNT",
        "product_level": "PRODUCT",
        "begin_time": NOW + DAY,
        "end_time": NOW + 3 * DAY,
    }
    return made | changes


async def made(caller: Caller, **changes: Any) -> str:
    activity_id: str = (await caller.call("POST", ACTIVITIES, None, wanted(**changes)))["activity_id"]
    return activity_id


def entry(product_id: str, **more: Any) -> Json:
    return {"id": product_id, "quantity_limit": -1, "quantity_per_user": -1} | more


async def put(caller: Caller, activity_id: str, *products: Json) -> Any:
    body = {"activity_id": activity_id, "products": list(products)}
    return (await caller.send("PUT", f"{ACTIVITIES}/{activity_id}/products", None, body)).json()


async def get(caller: Caller, activity_id: str) -> Json:
    return await caller.call("GET", f"{ACTIVITIES}/{activity_id}")


async def test_a_seeded_shop_has_promotions_of_every_status(caller: Caller) -> None:
    found = await search(caller)
    assert {a["status"] for a in found} == {"ONGOING", "NOT_START", "EXPIRED", "DEACTIVATED"}
    for status in ("ONGOING", "EXPIRED"):
        assert {a["status"] for a in await search(caller, status=status)} == {status}
    assert [a["title"] for a in await search(caller, activity_title="flash")] == ["Winter flash sale"]
    for activity in found:
        for product in (await get(caller, activity["id"]))["products"]:
            assert product["id"] in caller.shop.products


async def test_pages_stand_in_the_body(caller: Caller) -> None:
    first = await caller.call("POST", f"{ACTIVITIES}/search", None, {"page_size": 2})
    assert (len(first["activities"]), first["total_count"]) == (2, 5)
    body = {"page_size": 2, "page_token": first["next_page_token"]}
    second = await caller.call("POST", f"{ACTIVITIES}/search", None, body)
    assert not {a["id"] for a in first["activities"]} & {a["id"] for a in second["activities"]}


async def test_a_promotion_starts_and_ends_by_the_clock(caller: Caller, clock: Clock) -> None:
    activity_id = await made(caller)
    seen = []
    for _ in range(4):
        seen.append((await get(caller, activity_id))["status"])
        clock.pass_by(DAY)
    assert seen == ["NOT_START", "ONGOING", "ONGOING", "EXPIRED"]


async def test_products_come_and_go(caller: Caller) -> None:
    activity_id, product = await made(caller), live(caller)
    told = (await put(caller, activity_id, entry(product.id, discount="15")))["data"]
    assert told["total_count"] == 1
    shown = (await get(caller, activity_id))["products"]
    assert [(p["id"], p["discount"]) for p in shown] == [(product.id, "15")]
    await put(caller, activity_id, entry(product.id, discount="20"))
    assert [p["discount"] for p in (await get(caller, activity_id))["products"]] == ["20"]
    path = f"{ACTIVITIES}/{activity_id}/products"
    assert await caller.code("DELETE", path, None, {"product_ids": ["1729"]}) == 17029028
    await caller.call("DELETE", path, None, {"product_ids": [product.id]})
    assert (await get(caller, activity_id))["products"] == []


async def test_variations_have_prices_below_their_own(caller: Caller) -> None:
    activity_id = await made(caller, activity_type="FIXED_PRICE", product_level="VARIATION")
    product = live(caller)
    first, second = product.skus[:2]

    def sku(one: Any, amount: Decimal) -> Json:
        return entry(one.id, activity_price_amount=str(amount))

    dear = entry(product.id, skus=[sku(first, first.price)])
    assert (await put(caller, activity_id, dear))["code"] == 17029001
    assert (await put(caller, activity_id, entry(product.id)))["code"] == 17029001
    fine = entry(product.id, skus=[sku(one, one.price - 1) for one in (first, second)])
    assert (await put(caller, activity_id, fine))["code"] == 0
    path = f"{ACTIVITIES}/{activity_id}/products"
    await caller.call("DELETE", path, None, {"sku_ids": [first.id]})
    shown = (await get(caller, activity_id))["products"][0]["skus"]
    assert [(s["id"], s["activity_price"]["amount"]) for s in shown] == [(second.id, str(second.price - 1))]
    await caller.call("DELETE", path, None, {"sku_ids": [second.id]})
    assert (await get(caller, activity_id))["products"] == []


async def test_a_product_is_in_one_promotion_at_a_time(caller: Caller) -> None:
    product = live(caller)
    first, second = await made(caller), await made(caller, title="Other")
    later = await made(caller, title="Later", begin_time=NOW + 5 * DAY, end_time=NOW + 6 * DAY)
    assert (await put(caller, first, entry(product.id, discount="15")))["code"] == 0
    assert (await put(caller, second, entry(product.id, discount="15")))["code"] == 17029022
    assert (await put(caller, later, entry(product.id, discount="15")))["code"] == 0
    assert (await put(caller, second, entry("1729", discount="15")))["code"] == 17029028
    assert (await put(caller, later, entry(product.id)))["code"] == 17029001


async def test_a_promotion_is_changed_switched_off_and_published_again(caller: Caller) -> None:
    activity_id = await made(caller)
    change = {"title": "Renamed", "begin_time": NOW + 2 * DAY, "end_time": NOW + 4 * DAY}
    path = f"{ACTIVITIES}/{activity_id}"
    assert (await caller.call("PUT", path, None, change))["title"] == "Renamed"
    assert (await get(caller, activity_id))["begin_time"] == NOW + 2 * DAY
    assert (await caller.call("POST", f"{path}/deactivate"))["status"] == "DEACTIVATED"
    assert await caller.code("POST", f"{path}/deactivate") == 17029010
    assert await caller.code("PUT", path, None, change) == 17029010
    republish = f"/promotion/202607/activities/{activity_id}/republish"
    await caller.call("POST", republish, None, {"begin_time": NOW - 1, "end_time": NOW + DAY})
    assert (await get(caller, activity_id))["status"] == "ONGOING"
    assert await caller.code("POST", republish, None, {"begin_time": NOW, "end_time": NOW + DAY}) == 17029010


async def test_a_promotion_is_checked(caller: Caller) -> None:
    over = next(a["id"] for a in await search(caller, status="EXPIRED"))
    change = {"title": "X", "begin_time": NOW, "end_time": NOW + DAY}
    assert await caller.code("PUT", f"{ACTIVITIES}/{over}", None, change) == 17029012
    assert await caller.code("GET", f"{ACTIVITIES}/71") == 17029009
    for changes in ({"end_time": NOW}, {"end_time": NOW + DAY, "begin_time": NOW + 2 * DAY}):
        assert await caller.code("POST", ACTIVITIES, None, wanted(**changes)) == 17029001
    assert await caller.code("POST", ACTIVITIES, None, wanted(activity_type="SHIPPING_DISCOUNT")) == 17029001


async def test_coupons_are_found_and_read(caller: Caller) -> None:
    found = (await caller.call("POST", f"{COUPONS}/search", None, {}))["coupons"]
    assert {c["status"] for c in found} == {"NOT_START", "ONGOING", "EXPIRED"}
    body = {"status": ["NOT_START"], "display_type": ["PROMO_CODE"], "title_keyword": "tea"}
    one = (await caller.call("POST", f"{COUPONS}/search", None, body))["coupons"]
    assert [c["promo_code"] for c in one] == ["TEATIME10"]
    detail = (await caller.call("GET", f"{COUPONS}/{one[0]['id']}"))["coupon"]
    assert {name: detail[name] for name in one[0]} == one[0]
    assert await caller.code("GET", f"{COUPONS}/71") == 17029028
