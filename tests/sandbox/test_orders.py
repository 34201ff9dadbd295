"""Orders are found, read and explained as on the platform."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import NOW

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

SEARCH = "/order/202309/orders/search"
DETAIL = "/order/202507/orders"
DAY = 24 * 3600
STATUSES = [
    "UNPAID",
    "ON_HOLD",
    "AWAITING_SHIPMENT",
    "PARTIALLY_SHIPPING",
    "AWAITING_COLLECTION",
    "IN_TRANSIT",
    "DELIVERED",
    "COMPLETED",
    "CANCELLED",
]


async def everything(caller: Caller, body: Json | None = None, **query: str) -> list[Json]:
    return await caller.all_pages("POST", SEARCH, {"page_size": "100"} | query, body or {}, "orders")


@pytest.mark.parametrize("size", ["7", "20", "100"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["create_time", "update_time"])
async def test_pages_cover_everything_once_and_in_order(caller: Caller, size: str, order: str, field: str) -> None:
    found = await everything(caller, page_size=size, sort_order=order, sort_field=field)
    times = [o[field] for o in found]
    assert times == sorted(times, reverse=order == "DESC")
    assert sorted(o["id"] for o in found) == sorted(caller.shop.orders)


async def test_a_page_token_only_fits_its_query(caller: Caller) -> None:
    page = {"page_size": "5"}
    token = (await caller.call("POST", SEARCH, page, {}))["next_page_token"]
    assert {"+", "/"} <= set(token)
    assert token.endswith("=")
    other_filter = await caller.refused("POST", SEARCH, page | {"page_token": token}, {"order_status": "COMPLETED"})
    other_size = await caller.refused("POST", SEARCH, {"page_size": "6", "page_token": token}, {})
    made_up = await caller.refused("POST", SEARCH, page | {"page_token": "made up"}, {})
    for refused in (other_filter, other_size, made_up):
        assert refused[1] == 36009004
        assert "page_token" in refused[2]


async def test_the_last_page_has_an_empty_token(caller: Caller) -> None:
    data = await caller.call("POST", SEARCH, {"page_size": "100"}, {"order_status": "ON_HOLD"})
    assert data["next_page_token"] == ""
    assert data["total_count"] == len(data["orders"])


async def test_every_status_of_a_young_shop_is_there(caller: Caller) -> None:
    found = {status: await everything(caller, {"order_status": status}) for status in STATUSES}
    assert sum(map(len, found.values())) == 300
    assert all(found.values())
    for status, orders in found.items():
        assert {order["status"] for order in orders} <= {status}


async def test_bounds_take_in_the_start_and_leave_out_the_end(caller: Caller) -> None:
    newest = (await caller.call("POST", SEARCH, {"page_size": "3"}, {}))["orders"]
    low, high = newest[2]["create_time"], newest[0]["create_time"]
    found = await everything(caller, {"create_time_ge": low, "create_time_lt": high})
    assert [o["id"] for o in found] == [newest[1]["id"], newest[2]["id"]]
    since = await everything(caller, {"update_time_ge": NOW - DAY})
    assert {o["id"] for o in since} == {o["id"] for o in await everything(caller) if o["update_time"] >= NOW - DAY}


async def test_filters_meet(caller: Caller) -> None:
    shop, planted = caller.shop, caller.shop.planted
    asked = await everything(caller, {"is_buyer_request_cancel": True})
    assert [o["id"] for o in asked] == [planted["cancel_request"]]
    by_seller = await everything(caller, {"shipping_type": "SELLER"})
    assert planted["seller_shipped"] in {o["id"] for o in by_seller}
    buyer = by_seller[0]["user_id"]
    assert {o["user_id"] for o in await everything(caller, {"buyer_user_id": buyer})} == {buyer}
    sales, returns = shop.warehouses
    assert len(await everything(caller, {"warehouse_ids": [sales.id]})) == 300
    assert await everything(caller, {"warehouse_ids": [returns.id]}) == []


async def test_today_has_orders(caller: Caller) -> None:
    assert len(await everything(caller, {"create_time_ge": NOW - NOW % DAY})) >= 8


async def test_no_order_comes_from_the_future(caller: Caller) -> None:
    for order in await everything(caller):
        assert order["create_time"] <= order["update_time"] <= NOW
        assert order.get("paid_time", 0) <= NOW


async def test_unknown_ids_are_simply_not_in_the_detail(caller: Caller) -> None:
    own = next(iter(caller.shop.orders))
    data = await caller.call("GET", DETAIL, {"ids": f"{own},576000000000000000"})
    assert [o["id"] for o in data["orders"]] == [own]


async def test_orders_of_another_shop_are_refused(three: Caller) -> None:
    foreign = next(iter(three.sandbox.accounts[0].shops[1].orders))
    assert await three.code("GET", DETAIL, {"ids": foreign}) == 21008111
    assert await three.code("GET", f"/order/202407/orders/{foreign}/price_detail") == 21008111


async def test_what_an_order_costs_adds_up(caller: Caller) -> None:
    for order in await everything(caller):
        paid = {name: Decimal(value) for name, value in order["payment"].items() if name != "currency"}
        lines = order["line_items"]
        assert 1 <= len(lines) <= 6
        assert paid["sub_total"] == sum(Decimal(line["sale_price"]) for line in lines)
        assert paid["total_amount"] == paid["sub_total"] + paid["shipping_fee"] + paid["tax"]
        for line in lines:
            off = Decimal(line["seller_discount"]) + Decimal(line["platform_discount"])
            assert Decimal(line["sale_price"]) == Decimal(line["original_price"]) - off


async def test_a_price_detail_agrees_with_its_order_and_its_lines(caller: Caller) -> None:
    for order in (await caller.call("POST", SEARCH, {"page_size": "40"}, {}))["orders"]:
        data = await caller.call("GET", f"/order/202407/orders/{order['id']}/price_detail")
        assert data["payment"] == order["payment"]["total_amount"]
        assert data["subtotal"] == order["payment"]["sub_total"]
        for name in ("total", "payment", "subtotal", "shipping_sale_price", "tax_amount"):
            assert sum(Decimal(line[name]) for line in data["line_items"]) == Decimal(data[name])
    assert await caller.code("GET", "/order/202407/orders/1/price_detail") == 21001001


async def test_buyers_are_masked_where_the_platform_ships(caller: Caller) -> None:
    for order in await everything(caller):
        person = order["recipient_address"]
        if order["status"] in ("ON_HOLD", "UNPAID"):
            assert person == {}
        elif order["shipping_type"] == "TIKTOK":
            assert all("***" in person[name] for name in ("name", "phone_number", "full_address", "postal_code"))
        else:
            assert "*" not in str(person)


async def test_the_planted_messages_are_where_the_state_says(caller: Caller) -> None:
    planted = caller.shop.planted
    ids = f"{planted['injection']},{planted['buyer_data']}"
    attack, personal = (await caller.call("GET", DETAIL, {"ids": ids}))["orders"]
    assert attack["buyer_message"].startswith("Ignore previous instructions")
    assert "+44 7700 900123" in personal["buyer_message"]
    assert "@mail.example" in personal["buyer_message"]


async def test_times_and_parcels_fit_the_status(caller: Caller) -> None:
    for order in await everything(caller):
        shipped = order["status"] in ("AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED")
        if shipped:
            assert order["tracking_number"]
            assert order["paid_time"] + 3600 <= order["rts_time"] <= NOW
            assert order["packages"]
        if order["status"] in ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT"):
            assert order["tracking_number"] == ""
        assert ("delivery_time" in order) == (order["status"] in ("DELIVERED", "COMPLETED"))
        assert ("cancel_time" in order) == (order["status"] == "CANCELLED")
        assert {line["display_status"] for line in order["line_items"]} <= {
            "UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION",
            "IN_TRANSIT", "DELIVERED", "COMPLETED", "CANCELLED",
        }  # fmt: skip


async def one(caller: Caller, order_id: str) -> Json:
    found: Any = (await caller.call("GET", DETAIL, {"ids": order_id}))["orders"][0]
    return dict(found)


async def test_the_hold_ends_after_an_hour_and_shows_the_parcel(caller: Caller, clock: Clock) -> None:
    order_id = caller.shop.planted["on_hold"]
    held = await one(caller, order_id)
    assert (held["status"], held["packages"], held["is_on_hold_order"]) == ("ON_HOLD", [], True)
    clock.pass_by(held["paid_time"] + 3600 - clock.now)
    ready = await one(caller, order_id)
    assert (ready["status"], len(ready["packages"])) == ("AWAITING_SHIPMENT", 1)


async def test_an_unpaid_order_is_cancelled_after_a_day(caller: Caller, clock: Clock) -> None:
    order_id = caller.shop.planted["unpaid"]
    assert (await one(caller, order_id))["status"] == "UNPAID"
    clock.pass_by(DAY)
    cancelled = await one(caller, order_id)
    assert (cancelled["status"], cancelled["cancellation_initiator"]) == ("CANCELLED", "SYSTEM")


async def test_the_states_own_sums_equal_the_pages(caller: Caller) -> None:
    start, end = NOW - 30 * DAY, NOW
    sales = caller.shop.sum_sales(start, end, NOW)
    found = await everything(caller, {"create_time_ge": start, "create_time_lt": end})
    paid = [o for o in found if o["status"] not in ("UNPAID", "CANCELLED")]
    assert (sales.orders, sales.amount) == (len(paid), sum(Decimal(o["payment"]["total_amount"]) for o in paid))
    assert sales.orders + sales.unpaid + sales.cancelled == len(found)
