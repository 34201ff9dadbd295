"""Orders are called off with a reason in plain words, which is mapped to the platform's and shown before one yes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import told, writes
from tests.tools.test_ship_orders import list_waiting

if TYPE_CHECKING:
    from mcp import Client

    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

OUT_OF_STOCK, WRONG_PRICE = "seller_cancel_reason_out_of_stock", "seller_cancel_reason_wrong_price"
UNDELIVERABLE = "seller_cancel_paid_reason_address_not_deliver"


async def cancel(client: Client, **arguments: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name="cancel_orders", arguments=arguments)


async def test_the_reason_is_mapped_and_shown_and_what_cannot_be_called_off_stays(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    waiting = list_waiting(sandbox, shop)
    several = next(order for order in waiting[1:] if len({line.product.id for line in order.lines}) > 1)
    going = [waiting[0], several]
    sold, gone, *_ = {line.sku.id: line.sku for line in several.lines}.values()
    for sku, left in ((sold, 7), (gone, 0)):
        shop.products[sku.product_id].status = "ACTIVATE"
        sku.stock = dict.fromkeys(sku.stock, left)
    staying = {
        shop.planted["cancel_request"]: "decide_returns",
        shop.planted["unpaid"]: "not paid",
        shop.planted["uncollected"]: "cannot be cancelled",
        shop.planted["partly_shipped"]: "a part",
        "123456": "no order of that id",
    }
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await cancel(client, order_ids=[*(o.id for o in going), *staying], reason="Sorry, we're sold out")
        assert asked["status"] == "confirmation_required"
        assert writes(sandbox) == []
        items = {item["order"]: item for item in asked["preview"]["items"]}
        for order in going:
            item = items[order.id]
            paid_back = f"{order.total_amount} GBP paid back"
            assert item["will_be"] == f"CANCELLED, reason {OUT_OF_STOCK} (out of stock), {paid_back}"
            assert item["total"] == f"{order.total_amount} GBP"
            assert order.lines[0].sku.seller_sku in item["contents"]
            assert datetime.fromisoformat(item["ordered"]).timestamp() == order.create_time
            assert datetime.fromisoformat(item["ship_by"]).timestamp() > order.create_time
            assert (item.get("overdue") == "yes") is (
                datetime.fromisoformat(item["ship_by"]).timestamp() < sandbox.now()
            )
            products = {line.product.id for line in order.lines}
            assert item.get("products") == (str(len(products)) if len(products) > 1 else None)
        in_all, still_sold = asked["preview"]["warnings"]
        assert in_all == f"These pay back {sum(order.total_amount for order in going)} GBP in all"
        assert still_sold.startswith("Out of stock, and still sold: ")
        assert f"{sold.seller_sku} with 7 left" in still_sold
        assert f"{gone.seller_sku} with" not in still_sold
        assert "performance score" in asked["preview"]["explanation"]
        for order_id, words in staying.items():
            assert words in items[order_id]["skipped"]
        done = await told(client, "confirm_write", token=asked["confirm"])
        changes = await told(client, "run_read_operation", name="list_changes", arguments={})
    what = [" ".join(map(str, row)) for row in changes["data"]["changes"]["rows"]]
    (row,) = what  # of one job
    assert "2 orders, " in row
    assert ": status awaiting shipment -> cancelled" in row
    for order in going:
        assert order.id in row
        assert f": agreed, refund {order.total_amount} GBP" in row
    assert "Seller Center" in changes["data"]["note"]
    assert (done["data"]["done"], done["data"]["skipped"]) == (2, 5)
    bodies = [json.loads(entry.body) for entry in sandbox.log.list_entries("cancel_order")]
    assert bodies == [{"order_id": order.id, "cancel_reason": OUT_OF_STOCK} for order in going]
    now = int(sandbox.now())
    assert [order.get_status(now) for order in going] == ["CANCELLED", "CANCELLED"]
    statuses = [item["now"]["status"] for item in done["data"]["items"] if item["outcome"] == "done"]
    assert statuses == ["CANCELLED", "CANCELLED"]


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        ("there is a problem", {OUT_OF_STOCK, WRONG_PRICE}),
        ("sold out, and the price was wrong", {OUT_OF_STOCK, WRONG_PRICE}),
        ("the customer lost interest", {OUT_OF_STOCK, WRONG_PRICE}),
        ("nothing is broken", {OUT_OF_STOCK, WRONG_PRICE}),
        # Why it can't be delivered is not said: the buyer's address need not be to blame.
        ("we cannot deliver it", {OUT_OF_STOCK, UNDELIVERABLE}),
    ],
)
async def test_words_that_mean_none_or_several_reasons_are_refused_with_the_choices(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, words: str, choices: set[str]
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        refused = await cancel(client, order_ids=[order.id], reason=words)
    assert refused["error"] == "invalid_arguments"
    assert order.id in refused["message"]
    assert choices <= {choice.partition(" (")[0] for choice in refused["problems"][0]["allowed"].split("; ")}
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("we broke the last one", OUT_OF_STOCK),
        ("damaged in our warehouse", OUT_OF_STOCK),
        ("the parcel got lost", OUT_OF_STOCK),
        ("it has a defect", OUT_OF_STOCK),
        ("our supplier does not deliver any more", OUT_OF_STOCK),
        ("water damaged in the storeroom, we can't deliver", OUT_OF_STOCK),
        ("the supplier has not delivered", OUT_OF_STOCK),
        ("not enough stock", OUT_OF_STOCK),
        ("we can't deliver to this island", UNDELIVERABLE),
        ("the listing was broken, wrong price", WRONG_PRICE),
    ],
)
async def test_who_broke_lost_or_does_not_get_the_last_one_is_out_of_stock_unless_another_reason_is_nearer(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, words: str, reason: str
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await cancel(client, order_ids=order.id, reason=words)
    assert done["data"]["done"] == 1
    assert json.loads(sandbox.log.list_entries("cancel_order")[0].body)["cancel_reason"] == reason


async def test_the_platforms_own_name_is_taken_as_it_is(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    order = list_waiting(sandbox, shop)[0]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await cancel(client, order_ids=order.id, reason=WRONG_PRICE)
    assert done["data"]["done"] == 1
    assert json.loads(sandbox.log.list_entries("cancel_order")[0].body)["cancel_reason"] == WRONG_PRICE


async def test_an_order_that_was_shipped_before_the_yes_is_not_called_off(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:2]
    async with (
        connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client,
        connect(sandbox="1", confirm="none", sandbox_object=sandbox) as other,
    ):
        asked = await cancel(client, order_ids=[order.id for order in going], reason="out of stock")
        package = {"package_id": going[0].packages[0].id}
        await told(other, "run_write_operation", name="ship_package", arguments=package)
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert going[0].id in {change.get("order") for change in stale["changed"]}
        assert writes(sandbox) == ["ship_package"]
        done = await told(client, "confirm_write", token=stale["confirm"])
    assert {item["order"]: item["outcome"] for item in done["data"]["items"]} == {
        going[0].id: "skipped",
        going[1].id: "done",
    }


async def test_a_job_that_was_cut_goes_on_and_calls_nothing_off_twice(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    going = list_waiting(sandbox, shop)[:3]
    sandbox.faults.add("cancel_order", delay=0.001)
    sandbox.faults.add("cancel_order", cut="before")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first = await cancel(client, order_ids=[order.id for order in going], reason="out of stock")
        assert (first["data"]["done"], first["data"]["unknown"]) == (2, 1)
        again = await cancel(client, order_ids=[order.id for order in going], reason="out of stock")
    assert again["data"]["unknown"] == 1
    assert len(writes(sandbox)) == 3  # the unknown one is not sent again


async def test_another_shops_order_is_refused(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    main, abroad = sandbox.accounts[0].shops
    ids = [list_waiting(sandbox, main)[0].id, list_waiting(sandbox, abroad)[0].id]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        refused = await cancel(client, order_ids=ids, reason="out of stock", shop=main.name)
        unnamed = await cancel(client, order_ids=ids[:1], reason="out of stock")
    assert ids[1] in refused["message"]
    assert unnamed["error"] == "shop_required"
    assert writes(sandbox) == []
