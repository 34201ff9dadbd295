"""External references are added, told apart by item, and found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

ADD = "/order/202406/orders/external_orders"
FIND = "/order/202406/orders/external_order_search"


def reference(order_id: str, line_id: str, name: str = "WEB-1001") -> Json:
    lines = [{"id": "W1", "origin_id": line_id}]
    return {"id": order_id, "external_order": {"id": name, "platform": "SHOPIFY", "line_items": lines}}


async def test_what_was_added_is_read_and_found(caller: Caller) -> None:
    order = next(iter(caller.shop.orders.values()))
    added = reference(order.id, order.lines[0].id)
    assert await caller.call("POST", ADD, None, {"orders": [added]}) == {}
    path = f"/order/202406/orders/{order.id}/external_orders"
    assert (await caller.call("GET", path, {"platform": "SHOPIFY"}))["external_orders"] == [added["external_order"]]
    assert (await caller.call("GET", path, {"platform": "AMAZON"}))["external_orders"] == []
    found = await caller.call("POST", FIND, {"platform": "SHOPIFY", "external_order_id": "WEB-1001"})
    assert found["orders"] == [added]
    nothing = await caller.call("POST", FIND, {"platform": "AMAZON", "external_order_id": "WEB-1001"})
    assert nothing["orders"] == []


async def test_each_item_fails_by_itself(caller: Caller) -> None:
    first, second = list(caller.shop.orders.values())[:2]
    items = [reference(first.id, first.lines[0].id), reference("576", "1"), reference(second.id, first.lines[0].id)]
    errors = (await caller.call("POST", ADD, None, {"orders": items}))["errors"]
    assert [error["detail"]["order_id"] for error in errors] == ["576", second.id]
    assert errors[0]["detail"]["external_order"] == {"id": "WEB-1001", "platform": "SHOPIFY"}
    found = await caller.call("POST", FIND, {"platform": "SHOPIFY", "external_order_id": "WEB-1001"})
    assert [order["id"] for order in found["orders"]] == [first.id]


async def test_reading_the_references_of_no_order_is_refused(caller: Caller) -> None:
    assert await caller.code("GET", "/order/202406/orders/1/external_orders", {"platform": "AMAZON"}) == 21001001


async def test_half_a_surrogate_pair_does_not_break_the_answer(caller: Caller) -> None:
    order = next(iter(caller.shop.orders.values()))
    await caller.call("POST", ADD, None, {"orders": [reference(order.id, order.lines[0].id, "\ud83c")]})
    path = f"/order/202406/orders/{order.id}/external_orders"
    assert (await caller.call("GET", path, {"platform": "SHOPIFY"}))["external_orders"][0]["id"] == "?"
