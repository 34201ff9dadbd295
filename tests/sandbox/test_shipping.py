"""Parcels are packed, shipped and followed; their documents open for a day and then no more."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from pypdf import PdfReader

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

DETAIL = "/order/202507/orders"
PACK = "/fulfillment/202512/packages"
HOUR, DAY = 3600, 24 * 3600


async def read(caller: Caller, order_id: str) -> Json:
    found: Json = (await caller.call("GET", DETAIL, {"ids": order_id}))["orders"][0]
    return found


async def waiting(caller: Caller) -> list[Json]:
    """Orders to be shipped, the planted ones left out."""
    body = {"order_status": "AWAITING_SHIPMENT"}
    found = await caller.call("POST", "/order/202309/orders/search", {"page_size": "100"}, body)
    return [order for order in found["orders"] if order["id"] not in caller.shop.planted.values()]


def ship(package_id: str) -> str:
    return f"/fulfillment/202309/packages/{package_id}/ship"


def document(package_id: str) -> str:
    return f"/fulfillment/202309/packages/{package_id}/shipping_documents"


LABEL = {"document_type": "SHIPPING_LABEL"}


async def shipped_package(caller: Caller) -> str:
    package_id: str = (await waiting(caller))[0]["packages"][0]["id"]
    await caller.call("POST", ship(package_id), None, {"handover_method": "PICKUP"})
    return package_id


async def test_a_shipped_order_moves_through_to_its_end(caller: Caller, clock: Clock) -> None:
    order = (await waiting(caller))[0]
    package = caller.shop.packages[order["packages"][0]["id"]]
    assert await caller.call("POST", ship(package.id)) == {}
    shipped = await read(caller, order["id"])
    assert shipped["status"] == "AWAITING_COLLECTION"
    assert shipped["tracking_number"].startswith("SBX")
    assert shipped["rts_time"] == shipped["update_time"] == int(clock.now)
    assert {line["package_status"] for line in shipped["line_items"]} == {"PROCESSING"}
    seen = []
    for _ in range(15):
        clock.pass_by(DAY)
        caller.renew()
        seen.append((await read(caller, order["id"]))["status"])
    assert list(dict.fromkeys(seen)) == ["IN_TRANSIT", "DELIVERED", "COMPLETED"]


async def test_a_parcel_ships_once(caller: Caller) -> None:
    package_id = await shipped_package(caller)
    assert await caller.code("POST", ship(package_id)) == 21008099


async def test_what_cannot_be_shipped_is_refused(caller: Caller, three: Caller) -> None:
    assert await caller.code("POST", ship("1152")) == 21001001
    foreign = next(iter(three.sandbox.accounts[1].shops[0].packages))
    assert await three.code("POST", ship(foreign)) == 21008111
    shop = caller.shop
    cancelled = next(o for o in shop.orders.values() if o.cancel_time and o.packages)
    assert await caller.code("POST", ship(cancelled.packages[0].id)) == 21011041
    held = shop.orders[shop.planted["on_hold"]]
    assert await caller.code("POST", ship(held.packages[0].id)) == 21011003
    package_id = (await waiting(caller))[0]["packages"][0]["id"]
    over = {"pickup_slot": {"start_time": 1_600_000_000, "end_time": 1_600_003_600}}
    assert await caller.code("POST", ship(package_id), None, over) == 21011053
    wrong = {"handover_method": "CARRIER_PIGEON"}
    assert await caller.code("POST", ship(package_id), None, wrong) == 36009004


async def test_a_seller_ships_with_a_tracking_number(caller: Caller) -> None:
    order = caller.shop.orders[caller.shop.planted["seller_shipped"]]
    path = ship(order.packages[0].id)
    options = await caller.call("GET", "/logistics/202309/delivery_options/6955034615128000773/shipping_providers")
    own: Json = {"tracking_number": "AB-12_3/4.5", "shipping_provider_id": options["shipping_providers"][0]["id"]}
    assert await caller.code("POST", path) == 21001001
    assert await caller.code("POST", path, None, {"self_shipment": own | {"tracking_number": "AB 12"}}) == 21004012
    assert await caller.code("POST", path, None, {"self_shipment": own | {"shipping_provider_id": "1"}}) == 21004016
    used = next(p.tracking_number for p in caller.shop.packages.values() if p.tracking_number)
    assert await caller.code("POST", path, None, {"self_shipment": own | {"tracking_number": used}}) == 21011025
    assert await caller.call("POST", path, None, {"self_shipment": own}) == {}
    assert (await read(caller, order.id))["tracking_number"] == "AB-12_3/4.5"
    assert await caller.code("GET", document(order.packages[0].id), LABEL) == 21008017


async def test_the_platforms_parcels_take_no_tracking_number(caller: Caller) -> None:
    package_id = (await waiting(caller))[0]["packages"][0]["id"]
    own = {"tracking_number": "ABCD", "shipping_provider_id": "7117858858072016686"}
    assert await caller.code("POST", ship(package_id), None, {"self_shipment": own}) == 21011004


async def test_an_order_is_packed_whole(caller: Caller) -> None:
    order = (await waiting(caller))[0]
    body = {"ship_type": "1", "order_id": order["id"], "weight": {"value": "450", "unit": "GRAM"}}
    made = await caller.call("POST", PACK, None, body)
    assert made["weight"] == {"value": "450", "unit": "GRAM"}
    assert made["shipping_service_info"]["currency"] == "GBP"
    after = await read(caller, order["id"])
    assert after["packages"] == [{"id": made["package_id"]}]
    assert await caller.code("POST", ship(order["packages"][0]["id"])) == 21001001
    assert await caller.code("POST", PACK, None, body) == 21011006


@pytest.mark.parametrize("service", ["", "6955034615128000261", "6955034615128000517"])
async def test_packing_buys_the_label_and_arranges_the_shipment(caller: Caller, service: str) -> None:
    order = (await waiting(caller))[0]
    body = {"ship_type": "1", "order_id": order["id"]} | ({"shipping_service_id": service} if service else {})
    made = await caller.call("POST", PACK, None, body)
    assert made["shipping_service_info"]["id"] == (service or order["delivery_option_id"])
    assert (await read(caller, order["id"]))["status"] == "AWAITING_COLLECTION"
    package = await caller.call("GET", f"/fulfillment/202309/packages/{made['package_id']}")
    assert (package["package_status"], package["tracking_number"][:3]) == ("PROCESSING", "SBX")
    assert package["shipping_provider_id"] == made["shipping_service_info"]["shipping_provider_id"]
    assert (await caller.call("GET", document(made["package_id"]), LABEL))["doc_url"]
    assert await caller.code("POST", ship(made["package_id"])) == 21008099


async def test_the_label_that_is_bought_unnamed_is_the_usual_service(caller: Caller) -> None:
    for order in (await waiting(caller))[:8]:
        made = await caller.call("POST", PACK, None, {"ship_type": "1", "order_id": order["id"]})
        assert made["shipping_service_info"]["id"] == order["delivery_option_id"]


async def test_a_bought_label_may_take_its_time(caller: Caller) -> None:
    caller.sandbox.faults.delay_labels(1)
    body = {"ship_type": "1", "order_id": (await waiting(caller))[0]["id"]}
    package_id = (await caller.call("POST", PACK, None, body))["package_id"]
    assert await caller.code("GET", document(package_id), LABEL) == 11034037
    assert await caller.call("GET", document(package_id), LABEL)


@pytest.mark.parametrize(("account", "place"), [(0, 1), (1, 0)], ids=["DE", "US"])
async def test_labels_are_bought_in_every_seeded_market(three: Caller, account: int, place: int) -> None:
    three.account = account
    shop = three.sandbox.accounts[account].shops[place]
    now = int(three.sandbox.now())
    order = next(
        o
        for o in shop.orders.values()
        if o.get_status(now) == "AWAITING_SHIPMENT"
        and o.id not in shop.planted.values()
        and o.shipping_type == "TIKTOK"
    )
    body = {"ship_type": "1", "order_id": order.id}
    made = await three.call("POST", PACK, None, body, cipher=shop.cipher)
    assert order.get_status(now) == "AWAITING_COLLECTION"
    assert shop.packages[made["package_id"]].get_status(now) == "PROCESSING"


async def test_an_order_is_packed_in_parts(caller: Caller) -> None:
    order = next(o for o in await waiting(caller) if len(o["line_items"]) > 1)
    first, *rest = [line["id"] for line in order["line_items"]]
    body = {"ship_type": "2", "order_id": order["id"], "order_line_item": [{"order_line_id": first}]}
    await caller.call("POST", PACK, None, body)
    split = await read(caller, order["id"])
    assert (split["status"], split["split_or_combine_tag"]) == ("PARTIALLY_SHIPPING", "SPLIT")
    assert {line["package_id"] for line in split["line_items"] if line["id"] in rest} == {order["packages"][0]["id"]}
    await caller.call("POST", ship(order["packages"][0]["id"]))
    assert (await read(caller, order["id"]))["status"] == "AWAITING_COLLECTION"


async def test_orders_for_one_buyer_are_packed_together(caller: Caller) -> None:
    planted = caller.shop.planted
    together = [planted["combine_1"], planted["combine_2"]]
    await caller.call("POST", PACK, None, {"ship_type": "3", "order_list_ids": together})
    for order_id in together:
        order = await read(caller, order_id)
        assert (order["status"], order["split_or_combine_tag"]) == ("AWAITING_COLLECTION", "COMBINED")


async def test_packing_is_checked(caller: Caller) -> None:
    order, other = (await waiting(caller))[:2]
    planted = caller.shop.planted
    foreign = {"order_line_id": other["line_items"][0]["id"]}
    cases: list[tuple[Json, int]] = [
        ({"ship_type": "4"}, 36009004),
        ({"ship_type": "1"}, 21001001),
        ({"ship_type": "1", "order_id": "1"}, 21001001),
        ({"ship_type": "2", "order_id": order["id"]}, 21001001),
        ({"ship_type": "2", "order_id": order["id"], "order_line_item": [foreign]}, 21001001),
        ({"ship_type": "3", "order_list_ids": [order["id"]]}, 21001001),
        ({"ship_type": "1", "order_id": planted["on_hold"]}, 21011003),
        ({"ship_type": "1", "order_id": planted["seller_shipped"]}, 21008106),
        ({"ship_type": "1", "order_id": order["id"], "shipping_service_id": "1"}, 11003011),
        ({"ship_type": "1", "order_id": order["id"], "shipping_service_id": "6955034615128000773"}, 11003011),
    ]
    for body, code in cases:
        assert await caller.code("POST", PACK, None, body) == code, body
    buyers = caller.shop.orders
    stranger = next(o for o in await waiting(caller) if buyers[o["id"]].buyer != buyers[order["id"]].buyer)
    body = {"ship_type": "3", "order_list_ids": [order["id"], stranger["id"]]}
    assert await caller.code("POST", PACK, None, body) == 21011029


async def fetched(caller: Caller, package_id: str, **query: str) -> Any:
    told = await caller.call("GET", document(package_id), LABEL | query)
    return await caller.http.get(told["doc_url"])


async def test_a_label_is_a_real_pdf_of_its_size(caller: Caller) -> None:
    package_id = await shipped_package(caller)
    for size, (width, height) in {"A6": (105, 148), "A5": (148, 210)}.items():
        answer = await fetched(caller, package_id, document_size=size)
        assert answer.headers["content-type"] == "application/pdf"
        reader = PdfReader(BytesIO(answer.content), strict=True)
        page = reader.pages[0]
        assert [round(float(side) / 72 * 25.4) for side in (page.mediabox.width, page.mediabox.height)] == [
            width,
            height,
        ]
        text = page.extract_text()
        assert package_id in text
        assert caller.shop.packages[package_id].tracking_number in text
        assert len(reader.pages) == 1


async def test_label_and_packing_slip_are_two_pages(caller: Caller) -> None:
    package_id = await shipped_package(caller)
    answer = await fetched(caller, package_id, document_type="SHIPPING_LABEL_AND_PACKING_SLIP")
    label, slip = PdfReader(BytesIO(answer.content)).pages
    assert "PACKING SLIP" not in label.extract_text()
    line = caller.shop.packages[package_id].lines[0]
    assert line.product.title[:20] in slip.extract_text()


async def test_a_label_comes_as_a_picture_and_for_label_printers(caller: Caller) -> None:
    package_id = await shipped_package(caller)
    shown = await fetched(caller, package_id, document_type="SHIPPING_LABEL_PICTURE")
    assert Image.open(BytesIO(shown.content)).size == (839, 1183)
    printed = await fetched(caller, package_id, document_format="ZPL")
    assert printed.text.startswith("^XA")
    assert package_id in printed.text
    hazard = await fetched(caller, package_id, document_type="HAZMAT_LABEL")
    assert round(float(PdfReader(BytesIO(hazard.content)).pages[0].mediabox.width)) == 595
    assert await caller.code("GET", document(package_id), {"document_type": "INVOICE_LABEL"}) == 21004010


async def test_there_is_no_label_before_shipment_or_after_collection(caller: Caller, clock: Clock) -> None:
    package_id = (await waiting(caller))[0]["packages"][0]["id"]
    assert await caller.code("GET", document(package_id), LABEL) == 21008109
    await caller.call("POST", ship(package_id))
    assert await caller.call("GET", document(package_id), LABEL)
    clock.pass_by(20 * HOUR)
    assert await caller.code("GET", document(package_id), LABEL) == 21023046
    cancelled = next(o for o in caller.shop.orders.values() if o.cancel_time and o.packages)
    assert await caller.code("GET", document(cancelled.packages[0].id), LABEL) == 21023059


async def test_a_link_opens_for_a_day_and_only_as_given(caller: Caller, clock: Clock) -> None:
    package_id = await shipped_package(caller)
    url = (await caller.call("GET", document(package_id), LABEL))["doc_url"]
    clock.pass_by(DAY - 1)
    assert (await caller.http.get(url)).status_code == 200
    other = next(iter(caller.shop.packages))
    assert (await caller.http.get(url.replace(package_id, other))).status_code == 403
    assert (await caller.http.get(url.replace("expires=", "expires=9"))).status_code == 403
    clock.pass_by(1)
    assert (await caller.http.get(url)).status_code == 403


@pytest.mark.parametrize("polls", [0, 2])
async def test_a_label_may_take_its_time(caller: Caller, polls: int) -> None:
    caller.sandbox.faults.delay_labels(polls)
    package_id = await shipped_package(caller)
    for _ in range(polls):
        assert await caller.code("GET", document(package_id), LABEL) == 11034037
    assert await caller.call("GET", document(package_id), LABEL)


async def test_warehouses_deliver_by_options_that_have_carriers(caller: Caller) -> None:
    sales, returns = (await caller.call("GET", "/logistics/202309/warehouses"))["warehouses"]
    assert (sales["type"], returns["type"]) == ("SALES_WAREHOUSE", "RETURN_WAREHOUSE")
    path = f"/logistics/202309/warehouses/{sales['id']}/delivery_options"
    options = (await caller.call("GET", path))["delivery_options"]
    order = (await waiting(caller))[0]
    assert order["delivery_option_id"] in {option["id"] for option in options}
    assert order["warehouse_id"] == sales["id"]
    for option in options:
        carriers = await caller.call("GET", f"/logistics/202309/delivery_options/{option['id']}/shipping_providers")
        assert carriers["shipping_providers"]
    assert await caller.code("GET", "/logistics/202309/delivery_options/1/shipping_providers") == 21008116
    assert await caller.code("GET", "/logistics/202309/warehouses/1/delivery_options") == 98001004
    everywhere = await caller.call("GET", "/logistics/202309/global_warehouses", cipher=None)
    assert [w["id"] for w in everywhere["global_warehouses"]] == [sales["id"]]
