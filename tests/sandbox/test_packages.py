"""Parcels are found, shipped many at once, renumbered, followed, put together and taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.client import NOW

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

F = "/fulfillment/202309"
PARCEL = "7117858858072016686"
HOUR, DAY = 3600, 24 * 3600


async def search(caller: Caller, **body: Any) -> list[Json]:
    return await caller.all_pages("POST", f"{F}/packages/search", {"page_size": "50"}, body, "packages")


async def detail(caller: Caller, package_id: str) -> Json:
    return await caller.call("GET", f"{F}/packages/{package_id}")


async def read(caller: Caller, order_id: str) -> Json:
    found: Json = (await caller.call("GET", "/order/202507/orders", {"ids": order_id}))["orders"][0]
    return found


def waiting(caller: Caller, lines: int = 1) -> list[Any]:
    shop = caller.shop
    return [
        order
        for order in reversed(shop.orders.values())
        if order.get_status(NOW) == "AWAITING_SHIPMENT"
        and order.id not in shop.planted.values()
        and len(order.lines) >= lines
        and len(order.packages) == 1
    ]


def own(number: str) -> Json:
    return {"tracking_number": number, "shipping_provider_id": PARCEL}


async def test_every_parcel_is_found_once_and_knows_its_order(caller: Caller) -> None:
    found = await search(caller)
    visible = {p.id for p in caller.shop.packages.values() if p.create_time <= NOW}
    assert len(found) == len(visible)
    assert {p["id"] for p in found} == visible
    times = [p["create_time"] for p in found]
    assert times == sorted(times, reverse=True)
    for told in found[:40]:
        order = caller.shop.orders[told["orders"][0]["id"]]
        assert set(told["order_line_item_ids"]) <= {line.id for line in order.lines}
        assert sum(sku["quantity"] for sku in told["orders"][0]["skus"]) == len(told["order_line_item_ids"])


async def test_parcels_are_found_by_status_and_time(caller: Caller) -> None:
    found = await search(caller)
    for status in ("TO_FULFILL", "PROCESSING", "FULFILLING", "COMPLETED", "CANCELLED"):
        some = await search(caller, package_status=status)
        assert {p["id"] for p in some} == {p["id"] for p in found if p["status"] == status} != set()
    since = await search(caller, update_time_ge=NOW - DAY)
    assert {p["id"] for p in since} == {p["id"] for p in found if p["update_time"] >= NOW - DAY}


async def test_a_parcel_in_full_agrees_with_its_order(caller: Caller) -> None:
    order = waiting(caller)[0]
    told, shown = await detail(caller, order.packages[0].id), await read(caller, order.id)
    assert (told["package_status"], told["package_sub_status"]) == ("TO_FULFILL", "CREATED")
    assert told["delivery_option_id"] == shown["delivery_option_id"]
    assert told["recipient_address"]["name"] == shown["recipient_address"]["name"]
    assert told["order_line_item_ids"] == [line["id"] for line in shown["line_items"]]
    assert await caller.code("GET", f"{F}/packages/1152") == 21001001


async def test_many_parcels_ship_at_once(caller: Caller) -> None:
    first, second, third = [order.packages[0].id for order in waiting(caller)[:3]]
    await caller.call("POST", f"{F}/packages/{second}/ship")
    body = {"packages": [{"id": one, "handover_method": "PICKUP"} for one in (first, second, third)]}
    errors = (await caller.call("POST", f"{F}/packages/ship", None, body))["errors"]
    assert [(e["code"], e["detail"]["package_id"]) for e in errors] == [(21011020, second)]
    assert {(await detail(caller, one))["package_status"] for one in (first, third)} == {"PROCESSING"}


async def test_one_parcel_that_is_none_refuses_the_batch(caller: Caller) -> None:
    good = waiting(caller)[0].packages[0].id
    held = caller.shop.orders[caller.shop.planted["on_hold"]].packages[0].id
    for bad in ("1152", held, good):
        body = {"packages": [{"id": good}, {"id": bad}]}
        assert await caller.code("POST", f"{F}/packages/ship", None, body) == 98001004
    assert (await detail(caller, good))["package_status"] == "TO_FULFILL"


async def test_a_seller_marks_as_shipped_and_corrects_the_number(caller: Caller, clock: Clock) -> None:
    order = caller.shop.orders[caller.shop.planted["seller_shipped"]]
    path = f"/fulfillment/202610/orders/{order.id}/packages"
    assert await caller.code("POST", path) == 21004016
    made = await caller.call("POST", path, None, {"shipping_info_list": [own("FIRST-1")]})
    assert set(made["order_line_item_ids"]) == {line.id for line in order.lines}
    assert (await read(caller, order.id))["status"] == "AWAITING_COLLECTION"
    assert await caller.code("POST", path, None, {"shipping_info_list": [own("SECOND-2")]}) == 21011006
    update = f"/fulfillment/202610/packages/{made['package_id']}/shipping_info/update"
    assert await caller.call("POST", update, None, {"shipping_info_list": [own("THIRD-3")]}) == {}
    assert (await detail(caller, made["package_id"]))["tracking_number"] == "THIRD-3"
    by_order = f"{F}/orders/{order.id}/shipping_info/update"
    assert await caller.call("POST", by_order, None, own("FOURTH-4")) == {}
    assert (await read(caller, order.id))["tracking_number"] == "FOURTH-4"
    delivered: Json = {"packages": [{"id": made["package_id"], "delivery_type": "DELIVERY_SUCCESS"}]}
    clock.pass_by(HOUR)
    assert await caller.code("POST", f"{F}/packages/deliver", None, delivered) == 21008106
    caller.shop.region = "MY"
    assert await caller.call("POST", f"{F}/packages/deliver", None, delivered) == {}
    caller.shop.region = "GB"
    assert (await read(caller, order.id))["status"] == "DELIVERED"
    assert await caller.code("POST", by_order, None, own("FIFTH-5")) == 21011030
    caller.shop.region = "MY"
    again = await caller.call("POST", f"{F}/packages/deliver", None, delivered)
    assert again["errors"][0]["code"] == 21011030


async def test_a_part_of_an_order_is_marked_as_shipped(caller: Caller) -> None:
    order = waiting(caller, lines=2)[0]
    order.shipping_type = "SELLER"
    path = f"/fulfillment/202610/orders/{order.id}/packages"
    body: Json = {"order_line_list": [{"order_line_id": order.lines[0].id}], "shipping_info_list": [own("PART-1")]}
    made = await caller.call("POST", path, None, body)
    assert made["order_line_item_ids"] == [order.lines[0].id]
    assert (await read(caller, order.id))["status"] == "PARTIALLY_SHIPPING"


async def test_what_the_platform_ships_is_not_the_sellers_to_mark(caller: Caller) -> None:
    order = waiting(caller)[0]
    body = {"shipping_info_list": [own("NUMBER-1")]}
    assert await caller.code("POST", f"/fulfillment/202610/orders/{order.id}/packages", None, body) == 21011004
    update = f"/fulfillment/202610/packages/{order.packages[0].id}/shipping_info/update"
    assert await caller.code("POST", update, None, body) == 21011004


async def test_tracking_grows_on_the_way(caller: Caller, clock: Clock) -> None:
    order = waiting(caller)[0]
    path = f"{F}/orders/{order.id}/tracking"
    assert (await caller.call("GET", path))["tracking"] == []
    await caller.call("POST", f"{F}/packages/{order.packages[0].id}/ship")
    seen = []
    for _ in range(5):
        steps = (await caller.call("GET", path))["tracking"]
        assert [s["update_time_millis"] for s in steps] == sorted(
            (s["update_time_millis"] for s in steps), reverse=True
        )
        seen.append(len(steps))
        clock.pass_by(DAY)
    assert (seen[0], seen[-1]) == (1, 4)
    told = await caller.call("GET", f"/logistics/202604/orders/{order.id}/tracking")
    assert told["logistics_details"][0]["newest_tracking_no"] == order.packages[0].tracking_number
    assert len(told["logistics_details"][0]["track_list"]) == 4


async def test_slots_lie_ahead_and_can_be_taken(caller: Caller) -> None:
    package = waiting(caller)[0].packages[0].id
    slots = (await caller.call("GET", f"{F}/packages/{package}/handover_time_slots"))["pickup_slots"]
    assert all(NOW < slot["start_time"] < slot["end_time"] for slot in slots)
    slot = {name: slots[0][name] for name in ("start_time", "end_time")}
    await caller.call("POST", f"{F}/packages/{package}/ship", None, {"handover_method": "PICKUP", "pickup_slot": slot})
    by_seller = caller.shop.orders[caller.shop.planted["seller_shipped"]].packages[0].id
    told = await caller.call("GET", f"{F}/packages/{by_seller}/handover_time_slots")
    assert (told["can_pickup"], told["pickup_slots"]) == (False, [])


async def test_eligible_services_are_the_ones_that_can_be_bought(caller: Caller) -> None:
    caller.shop.region = "US"
    order = waiting(caller)[0]
    told = await caller.call("POST", f"{F}/orders/{order.id}/shipping_services/query", None, {})
    assert told["order_line_id"] == [line.id for line in order.lines]
    service = next(s for s in told["shipping_services"] if s["is_default"])
    body = {"ship_type": "1", "order_id": order.id, "shipping_service_id": service["id"]}
    made = await caller.call("POST", "/fulfillment/202512/packages", None, body)
    assert made["shipping_service_info"]["price"] == service["price"]
    by_seller = caller.shop.planted["seller_shipped"]
    assert await caller.code("POST", f"{F}/orders/{by_seller}/shipping_services/query", None, {}) == 21008106


async def test_orders_of_one_buyer_are_combined_and_uncombined(caller: Caller) -> None:
    together = sorted((caller.shop.planted["combine_1"], caller.shop.planted["combine_2"]))
    groups = (await caller.call("GET", f"{F}/combinable_packages/search", {"page_size": "50"}))["combinable_packages"]
    group = next(g for g in groups if sorted(g["order_ids"]) == together)
    body = {"combinable_packages": [group, {"id": "1154"}]}
    told = await caller.call("POST", f"{F}/packages/combine", None, body)
    assert [e["code"] for e in told["errors"]] == [21011031]
    (package,) = told["packages"]
    assert {(await read(caller, one))["packages"][0]["id"] for one in together} == {package["id"]}
    assert (await detail(caller, package["id"]))["split_and_combine_tag"] == "COMBINE"
    apart = (await caller.call("POST", f"{F}/packages/{package['id']}/uncombine", None, {}))["packages"]
    assert sorted(p["order_ids"][0] for p in apart) == together
    for one in together:
        shown = await read(caller, one)
        assert (len(shown["packages"]), shown["split_or_combine_tag"]) == (1, "")
    assert await caller.code("POST", f"{F}/packages/{apart[0]['id']}/uncombine", None, {}) == 21011029


async def test_an_order_is_split_into_parcels(caller: Caller) -> None:
    order, single = waiting(caller, lines=2)[0], next(o for o in waiting(caller) if len(o.lines) == 1)
    query = {"order_ids": f"{order.id},{single.id}"}
    told = (await caller.call("GET", f"{F}/orders/split_attributes", query))["split_attributes"]
    assert [item["can_split"] for item in told] == [True, False]
    first, *rest = [line.id for line in order.lines]
    path = f"{F}/orders/{order.id}/split"
    missing: Json = {"splittable_groups": [{"id": "1", "order_line_item_ids": [first]}]}
    assert await caller.code("POST", path, None, missing) == 21011005
    whole: Json = {"splittable_groups": [*missing["splittable_groups"], {"id": "2", "order_line_item_ids": rest}]}
    made = (await caller.call("POST", path, None, whole))["packages"]
    assert [p["splittable_group_id"] for p in made] == ["1", "2"]
    shown = await read(caller, order.id)
    assert {p["id"] for p in shown["packages"]} == {p["id"] for p in made}
    assert shown["split_or_combine_tag"] == "SPLIT"
    group = {"splittable_groups": [{"id": "1", "order_line_item_ids": [single.lines[0].id]}]}
    assert await caller.code("POST", f"{F}/orders/{single.id}/split", None, group) == 21011035
