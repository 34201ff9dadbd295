"""Orders are cancelled whole and in part, buyers' requests are answered, and orders, parcels and stock follow."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

CANCEL = "/return_refund/202602/cancellations"
SEARCH = f"{CANCEL}/search"
DETAIL = "/order/202507/orders"
OUT_OF_STOCK = "seller_cancel_reason_out_of_stock"
HOUR = 3600


def decide(cancel_id: str, what: str) -> str:
    return f"/return_refund/202309/cancellations/{cancel_id}/{what}"


async def read(caller: Caller, order_id: str) -> Json:
    found: Json = (await caller.call("GET", DETAIL, {"ids": order_id}))["orders"][0]
    return found


async def waiting(caller: Caller, lines: int = 1) -> Any:
    """An ordinary order to be shipped, with at least so many lines in one parcel."""
    body = {"order_status": "AWAITING_SHIPMENT"}
    found = await caller.call("POST", "/order/202309/orders/search", {"page_size": "100"}, body)
    return next(
        caller.shop.orders[order["id"]]
        for order in found["orders"]
        if order["id"] not in caller.shop.planted.values()
        and len(order["line_items"]) >= lines
        and len(order["packages"]) == 1
    )


async def search(caller: Caller, **body: Any) -> list[Json]:
    return await caller.all_pages("POST", SEARCH, {"page_size": "50"}, body, "cancellations")


async def requested(caller: Caller) -> Json:
    return (await search(caller, order_ids=[caller.shop.planted["cancel_request"]]))[0]


def stock(caller: Caller, line: Any) -> int:
    return sum(caller.shop.products[line.product.id].find_sku(line.sku.id).stock.values())


async def test_a_seller_cancels_an_order_and_gets_the_goods_back(caller: Caller, clock: Clock) -> None:
    order = await waiting(caller)
    before = stock(caller, order.lines[0])
    held = sum(1 for line in order.lines if line.sku is order.lines[0].sku)
    made = await caller.call("POST", CANCEL, None, {"order_id": order.id, "cancel_reason": OUT_OF_STOCK})
    assert made["cancel_status"] == "CANCELLATION_REQUEST_SUCCESS"
    shown = await read(caller, order.id)
    assert (shown["status"], shown["cancellation_initiator"]) == ("CANCELLED", "SELLER")
    assert shown["update_time"] == int(clock.now)
    assert stock(caller, order.lines[0]) == before + held
    package = await caller.call("GET", f"/fulfillment/202309/packages/{order.packages[0].id}")
    assert package["package_status"] == "CANCELLED"
    found = (await search(caller, cancel_ids=[made["cancel_id"]]))[0]
    assert Decimal(found["refund_amount"]["refund_total"]) == order.total_amount
    clock.pass_by(HOUR)
    assert (await search(caller, cancel_ids=[made["cancel_id"]]))[0]["cancel_status"].endswith("COMPLETE")


async def test_an_order_is_cancelled_when_its_last_line_is(caller: Caller) -> None:
    order = await waiting(caller, lines=2)
    first, *rest = [line.id for line in order.lines]
    body = {"order_id": order.id, "cancel_reason": OUT_OF_STOCK}
    made = await caller.call("POST", CANCEL, None, body | {"order_line_item_ids": [first]})
    shown = await read(caller, order.id)
    assert shown["status"] == "AWAITING_SHIPMENT"
    assert [line["id"] for line in shown["line_items"] if line["display_status"] == "CANCELLED"] == [first]
    assert (await search(caller, cancel_ids=[made["cancel_id"]]))[0]["refund_amount"]["refund_shipping_fee"] == "0.00"
    assert await caller.code("POST", CANCEL, None, body | {"order_line_item_ids": [first]}) == 25001010
    await caller.call("POST", CANCEL, None, body | {"order_line_list": [{"order_line_item_id": one} for one in rest]})
    assert (await read(caller, order.id))["status"] == "CANCELLED"
    total = sum(Decimal(c["refund_amount"]["refund_total"]) for c in await search(caller, order_ids=[order.id]))
    assert total == order.total_amount


async def test_what_is_left_of_an_order_ships(caller: Caller) -> None:
    order = await waiting(caller, lines=2)
    item = {"sku_id": order.lines[0].sku.id, "quantity": 1}
    body = {"order_id": order.id, "cancel_reason": OUT_OF_STOCK, "skus": [item]}
    await caller.call("POST", CANCEL, None, body)
    await caller.call("POST", f"/fulfillment/202309/packages/{order.packages[0].id}/ship")
    shown = await read(caller, order.id)
    assert shown["status"] == "AWAITING_COLLECTION"
    assert sorted({line["display_status"] for line in shown["line_items"]}) == ["AWAITING_COLLECTION", "CANCELLED"]


async def test_a_buyers_request_stands_in_search_and_holds_the_parcel(caller: Caller) -> None:
    request = await requested(caller)
    assert (request["cancel_type"], request["cancel_status"]) == ("BUYER_CANCEL", "CANCELLATION_REQUEST_PENDING")
    assert request["seller_next_action_response"][0]["deadline"] == request["create_time"] + 48 * HOUR
    package = caller.shop.orders[request["order_id"]].packages[0].id
    assert await caller.code("POST", f"/fulfillment/202309/packages/{package}/ship") == 21008044
    batch = await caller.call("POST", "/fulfillment/202309/packages/ship", None, {"packages": [{"id": package}]})
    assert batch["errors"][0]["code"] == 21008044


async def test_an_approved_request_cancels_the_order(caller: Caller) -> None:
    request = await requested(caller)
    assert await caller.call("POST", decide(request["cancel_id"], "approve")) == {}
    shown = await read(caller, request["order_id"])
    assert (shown["status"], shown["cancellation_initiator"]) == ("CANCELLED", "BUYER")
    assert await caller.code("POST", decide(request["cancel_id"], "approve")) == 25020003


async def test_a_rejected_request_lets_the_order_ship(caller: Caller) -> None:
    request = await requested(caller)
    query = {"return_or_cancel_id": request["cancel_id"]}
    reasons = (await caller.call("GET", "/return_refund/202309/reject_reasons", query))["reasons"]
    path = decide(request["cancel_id"], "reject")
    assert await caller.code("POST", path, None, {"reject_reason": "because"}) == 25001016
    body = {"reject_reason": reasons[0]["name"]}
    assert await caller.call("POST", path, {"idempotency_key": "a"}, body) == {}
    assert await caller.call("POST", path, {"idempotency_key": "a"}, body) == {}
    assert await caller.code("POST", path, {"idempotency_key": "b"}, body) == 25020003
    shown = await read(caller, request["order_id"])
    assert (shown["status"], shown["is_buyer_request_cancel"]) == ("AWAITING_SHIPMENT", False)
    await caller.call("POST", f"/fulfillment/202309/packages/{shown['packages'][0]['id']}/ship")


async def test_silence_is_consent_after_two_days(caller: Caller, clock: Clock) -> None:
    request = await requested(caller)
    clock.pass_by(request["create_time"] + 48 * HOUR - clock.now - 1)
    assert (await read(caller, request["order_id"]))["status"] == "AWAITING_SHIPMENT"
    clock.pass_by(1)
    shown = await read(caller, request["order_id"])
    assert (shown["status"], shown["cancel_time"]) == ("CANCELLED", request["create_time"] + 48 * HOUR)


async def test_shipping_turns_the_buyer_down_in_the_us(three: Caller) -> None:
    three.account = 1
    request = await requested(three)
    package = three.shop.orders[request["order_id"]].packages[0].id
    assert await three.call("POST", f"/fulfillment/202309/packages/{package}/ship") == {}
    assert (await requested(three))["cancel_status"] == "CANCELLATION_REQUEST_CANCEL"


async def test_what_cannot_be_cancelled_is_refused(caller: Caller, three: Caller) -> None:
    shop, now = caller.shop, int(caller.sandbox.now())
    order = await waiting(caller)
    on_its_way = next(o for o in shop.orders.values() if o.get_status(now) == "IN_TRANSIT")
    cancelled = next(o for o in shop.orders.values() if o.get_status(now) == "CANCELLED")
    cases: list[tuple[Json, int]] = [
        ({"order_id": "1"}, 25020005),
        ({"order_id": on_its_way.id}, 25001045),
        ({"order_id": cancelled.id}, 25001010),
        ({"order_id": shop.planted["unpaid"]}, 25001003),
        ({"order_id": shop.planted["cancel_request"]}, 25001010),
        ({"order_id": order.id, "cancel_reason": "whim"}, 25001014),
        ({"order_id": order.id, "cancel_reason": "order_unpaid_overtime"}, 25001015),
        ({"order_id": order.id, "order_line_item_ids": ["1"]}, 25001001),
        ({"order_id": order.id, "skus": [{"sku_id": order.lines[0].sku.id, "quantity": 99}]}, 25005011),
    ]
    for body, code in cases:
        assert await caller.code("POST", CANCEL, None, {"cancel_reason": OUT_OF_STOCK} | body) == code, body
    foreign = next(iter(three.sandbox.accounts[0].shops[1].orders))
    assert await three.code("POST", CANCEL, None, {"order_id": foreign, "cancel_reason": OUT_OF_STOCK}) == 25020005
    assert await caller.code("POST", decide("4035", "approve")) == 25007006


async def test_every_cancelled_order_has_its_cancellation(caller: Caller, clock: Clock) -> None:
    async def cancelled() -> set[str]:
        body = {"order_status": "CANCELLED"}
        found = await caller.call("POST", "/order/202309/orders/search", {"page_size": "100"}, body)
        return {order["id"] for order in found["orders"]}

    done, partly = ["CANCELLATION_REQUEST_COMPLETE"], caller.shop.planted["partly_cancelled"]
    assert {c["order_id"] for c in await search(caller, cancel_status=done)} == {*await cancelled(), partly}
    clock.pass_by(24 * HOUR)
    told = {c["order_id"] for c in await search(caller, cancel_status=done)}
    assert caller.shop.planted["unpaid"] in told
    assert told == {*await cancelled(), partly}


async def test_cancellations_come_oldest_first_and_paged(caller: Caller) -> None:
    found = await caller.all_pages("POST", SEARCH, {"page_size": "5"}, {}, "cancellations")
    times = [c["create_time"] for c in found]
    assert times == sorted(times)
    assert len({c["cancel_id"] for c in found}) == len(found) > 10
    late = await search(caller, create_time_ge=times[5], create_time_lt=times[9])
    assert [c["create_time"] for c in late] == times[5:9]
