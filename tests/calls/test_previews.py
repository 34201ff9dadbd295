"""A write is shown whole before it is sent, with what to be warned of, and answered with what is there after it."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.calls.writes import MIN_READ_STATE_S
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import Person, told, writes
from tests.waits import LeapingClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp import Client

    from tests.conftest import Connect

    Plan = tuple[dict[str, Any], str, str, Any]  # arguments, kind of thing, a field of it, its value after the write


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


async def read(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    answer = await told(client, "run_read_operation", name=name, arguments=arguments | {"fields": ["*"]})
    data: dict[str, Any] = answer["data"]
    return data


async def run(client: Client, name: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name=name, arguments=arguments | more)


async def send(client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a write, agreed to where that has to be."""
    answer = await run(client, name, arguments)
    if answer.get("status") == "confirmation_required":
        answer = await told(client, "confirm_write", token=answer["confirm"])
    assert "error" not in answer, answer
    return answer


async def list_products(client: Client, status: str = "ACTIVATE") -> list[dict[str, Any]]:
    products: list[dict[str, Any]] = (await read(client, "search_products", status=status, page_size=50))["products"]
    return products


async def list_orders(client: Client, status: str = "AWAITING_SHIPMENT") -> list[dict[str, Any]]:
    """Those that no buyer asked to cancel."""
    found = (await read(client, "get_order_list", page_size=20, order_status=status))["orders"]
    return [order for order in found if not order.get("is_buyer_request_cancel")]


async def find_cancellation(client: Client) -> dict[str, Any]:
    found = await read(client, "search_cancellations", cancel_status=["CANCELLATION_REQUEST_PENDING"])
    cancellation: dict[str, Any] = found["cancellations"][0]
    return cancellation


async def find_activity(client: Client) -> dict[str, Any]:
    found = await read(client, "search_promotion_activities", page_size=20, status="ONGOING")
    for activity in found["activities"]:
        detail = await read(client, "get_activity", activity_id=activity["id"])
        if len(detail.get("products", ())) > 1:
            return detail
    raise AssertionError(found)


async def find_conversation(client: Client) -> dict[str, Any]:
    """One that a buyer wrote last in, with words for the shop and not for an assistant."""
    found = await read(client, "get_conversations", page_size=10)
    rows = [c for c in found["conversations"] if "Ignore previous" not in c["latest_message"]["content"]]
    return next(c for c in rows if c["latest_message"]["sender"]["role"] == "BUYER")


def change_price(product: dict[str, Any], amount: str, currency: str = "GBP") -> dict[str, Any]:
    skus = [{"id": product["skus"][0]["id"], "price": {"amount": amount, "currency": currency}}]
    return {"product_id": product["id"], "skus": skus}


def change_stock(product: dict[str, Any], quantity: int) -> dict[str, Any]:
    sku = product["skus"][0]
    places = [{"warehouse_id": sku["inventory"][0]["warehouse_id"], "quantity": quantity}]
    return {"product_id": product["id"], "skus": [{"id": sku["id"], "inventory": places}]}


async def plan_price(client: Client) -> Plan:
    product = (await list_products(client))[0]
    amount = f"{float(product['skus'][0]['price']['sale_price']) + 1:.2f}"
    return change_price(product, amount), "product", "skus.0.price.sale_price", amount


async def plan_stock(client: Client) -> Plan:
    product = (await list_products(client))[0]
    return change_stock(product, 41), "product", "skus.0.inventory.quantity", 41


async def plan_title(client: Client) -> Plan:
    product, title = (await list_products(client))[0], "A fine tea that has a new and longer name"
    return {"product_id": product["id"], "title": title}, "product", "title", title


async def plan_deactivation(client: Client) -> Plan:
    return (
        {"product_ids": [p["id"] for p in (await list_products(client))[:3]]},
        "product",
        "status",
        ("SELLER_DEACTIVATED"),
    )


async def plan_activation(client: Client) -> Plan:
    product_ids = (await plan_deactivation(client))[0]
    await send(client, "deactivate_products", product_ids)
    return product_ids, "product", "status", "PENDING"


async def plan_deletion(client: Client) -> Plan:
    return (await plan_deactivation(client))[0], "product", "status", "DELETED"


async def plan_recovery(client: Client) -> Plan:
    product_ids = (await plan_deactivation(client))[0]
    await send(client, "delete_products", product_ids)
    return product_ids, "product", "status", "SELLER_DEACTIVATED"


async def plan_order_cancellation(client: Client) -> Plan:
    order = (await list_orders(client))[0]
    arguments = {"order_id": order["id"], "cancel_reason": "seller_cancel_reason_out_of_stock"}
    return arguments, "order", "status", "CANCELLED"


async def plan_approval_of_a_cancellation(client: Client) -> Plan:
    cancel_id = (await find_cancellation(client))["cancel_id"]
    return {"cancel_id": cancel_id}, "cancellation", "cancel_status", "CANCELLATION_REQUEST_SUCCESS"


async def plan_approval_of_a_return(client: Client) -> Plan:
    found = await read(client, "search_returns", return_status=["RETURN_OR_REFUND_REQUEST_PENDING"])
    request = next(r for r in found["return_orders"] if r["return_type"] == "RETURN_AND_REFUND")
    arguments = {"return_id": request["return_id"], "decision": "APPROVE_RETURN"}
    return arguments, "return", "return_status", "AWAITING_BUYER_SHIP"


async def plan_shipping(client: Client) -> Plan:
    order = (await list_orders(client))[0]
    arguments = {"package_id": order["packages"][0]["id"], "handover_method": "PICKUP"}
    return arguments, "package", "package_status", "PROCESSING"


async def plan_shipping_of_a_batch(client: Client) -> Plan:
    orders = (await list_orders(client))[:3]
    packages = [{"id": order["packages"][0]["id"], "handover_method": "PICKUP"} for order in orders]
    return {"packages": packages}, "package", "package_status", "PROCESSING"


async def plan_reference(client: Client) -> Plan:
    (order,) = (await read(client, "get_order_detail", ids=[(await list_orders(client))[0]["id"]]))["orders"]
    lines = [{"id": "1", "origin_id": order["line_items"][0]["id"]}]
    reference = {"id": "A-1", "platform": "SHOPIFY", "line_items": lines}
    arguments = {"orders": [{"id": order["id"], "external_order": reference}]}
    return arguments, "reference of order", "external_orders.id", "A-1"


async def plan_new_name_of_a_promotion(client: Client) -> Plan:
    activity = await find_activity(client)
    arguments = {name: activity[name] for name in ("activity_id", "begin_time", "end_time")}
    return arguments | {"title": "Renamed"}, "activity", "title", "Renamed"


async def plan_end_of_a_promotion(client: Client) -> Plan:
    return {"activity_id": (await find_activity(client))["activity_id"]}, "activity", "status", "DEACTIVATED"


async def plan_message(client: Client) -> Plan:
    conversation_id = (await find_conversation(client))["id"]
    content = '{"content": "It leaves tomorrow."}'
    arguments = {"conversation_id": conversation_id, "type": "TEXT", "content": content}
    return arguments, "conversation", "sender.role", "CUSTOMER_SERVICE"


async def plan_chat_hours(_client: Client) -> Plan:
    return {"can_accept_chat": False}, "chat", "can_accept_chat", False


PLANS: dict[str, tuple[str, Callable[[Client], Awaitable[Plan]]]] = {
    "price": ("update_price", plan_price),
    "stock": ("update_inventory", plan_stock),
    "title": ("partial_edit_product", plan_title),
    "deactivation": ("deactivate_products", plan_deactivation),
    "activation": ("activate_products", plan_activation),
    "deletion": ("delete_products", plan_deletion),
    "recovery": ("recover_products", plan_recovery),
    "cancellation": ("cancel_order", plan_order_cancellation),
    "request": ("approve_cancellation", plan_approval_of_a_cancellation),
    "return": ("approve_return", plan_approval_of_a_return),
    "parcel": ("ship_package", plan_shipping),
    "parcels": ("batch_ship_packages", plan_shipping_of_a_batch),
    "reference": ("add_external_order_references", plan_reference),
    "promotion": ("update_promotion_activity", plan_new_name_of_a_promotion),
    "end of promotion": ("deactivate_activity", plan_end_of_a_promotion),
    "message": ("send_message", plan_message),
    "chat": ("update_agent_settings", plan_chat_hours),
}


def pick(item: dict[str, Any], path: str) -> Any:
    """A fact, or with `skus.0.` before it one of a row."""
    name, _, rest = path.partition(".0.")
    return item[name][0].get(rest) if rest else item.get(name)


@pytest.mark.parametrize("what", PLANS)
async def test_a_write_is_shown_with_what_is_there_and_answered_with_what_came_of_it(
    connect: Connect, sandbox: Sandbox, what: str
) -> None:
    name, plan = PLANS[what]
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox) as client:
        arguments, noun, field, after = await plan(client)
        sent_before = len(writes(sandbox))
        dry = await run(client, name, arguments, dry_run=True)
        waiting = await run(client, name, arguments)
        assert len(writes(sandbox)) == sent_before
        preview = waiting["preview"]
        assert dry["data"]["now"] == preview["now"]
        things = [item for item in preview["now"] if noun in item]
        assert things
        assert all(pick(item, field) != after for item in things)
        named = json.dumps(things)
        for value in arguments.values():
            ids = [v["id"] if isinstance(v, dict) else v for v in value] if isinstance(value, list) else []
            assert all(thing_id in named for thing_id in ids)
        done = await told(client, "confirm_write", token=waiting["confirm"])
    assert len(writes(sandbox)) == sent_before + 1
    now = [item for item in done["now"] if noun in item]
    assert [item[noun] for item in now] == [item[noun] for item in things]
    assert all(pick(item, field) == after for item in now)
    before = [item for item in done.get("before", ()) if noun in item]
    assert [pick(item, field) for item in before] == [
        pick(item, field) for item in things if pick(item, field) is not None
    ]


async def test_every_product_of_a_batch_has_its_line(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        products = (await list_products(client))[:20]
        arguments = {"product_ids": [product["id"] for product in products]}
        now = (await run(client, "delete_products", arguments))["preview"]["now"]
    assert [(item["product"], item["title"]) for item in now] == [(p["id"], p["title"]) for p in products]
    assert all(item["status"] == "ACTIVATE" and item["skus.seller_sku"] for item in now)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        await run(client, "delete_products", arguments)
    lines = person.questions[0].split("\n")
    for product in products:
        (line,) = (line for line in lines if line.startswith(f"  product {product['id']}: "))
        assert product["title"][:40] in line


async def test_what_does_not_fit_is_counted_and_within_reach(connect: Connect) -> None:
    sandbox = Sandbox(shops=1, orders=400)
    order_ids = list(sandbox.accounts[0].shops[0].orders)[:90]
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, result_bytes=16_000) as client:
        reference = {"id": "A1", "platform": "SHOPIFY", "line_items": [{"id": "1", "origin_id": "1"}]}
        arguments = {"orders": [{"id": i, "external_order": reference} for i in order_ids]}
        waiting = await run(client, "add_external_order_references", arguments)
        assert "confirm" in waiting, waiting
        now = waiting["preview"]["now"]
        assert waiting["preview"]["body"]["orders"] == arguments["orders"]
        assert 0 < len(now) < len(order_ids)
        assert waiting["left_out"] == len(order_ids) - len(now)
        assert f"now: {len(now)} of {len(order_ids)}" in waiting["note"]
        rest = await told(client, "read_result", id=waiting["result_id"], path="now", offset=len(now), limit=1)
        assert rest["data"]["items"][0]["order"] == order_ids[len(now)]


async def test_where_a_parcel_goes_is_shown_as_buyers_data_may_be(connect: Connect, sandbox: Sandbox) -> None:
    for policy, is_shown in (("full", True), ("masked", False)):
        async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, buyer_data=policy) as client:
            arguments = (await plan_order_cancellation(client))[0]
            (order, *_) = (await run(client, "cancel_order", arguments))["preview"]["now"]
            assert ("recipient_address.post_town" in order) == is_shown


async def test_ids_made_and_tracking_numbers_come_with_the_result(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        shipped = await send(client, "batch_ship_packages", (await plan_shipping_of_a_batch(client))[0])
        cancelled = await send(client, "cancel_order", (await plan_order_cancellation(client))[0])
    numbers = [item.get("tracking_number") for item in shipped["now"] if "package" in item]
    assert len(numbers) == 3
    assert all(numbers)
    assert "takes a moment" in shipped["note"]
    assert cancelled["data"]["cancel_id"] in [item.get("cancellation") for item in cancelled["now"]]


# ---- warnings


async def get_warnings(client: Client, name: str, arguments: dict[str, Any]) -> list[str]:
    answer = await run(client, name, arguments)
    assert answer["status"] == "confirmation_required"
    preview = answer["preview"]
    if "warnings" in preview:
        assert list(preview)[:2] == ["untrusted", "warnings"]  # first of all
    warnings: list[str] = preview.get("warnings", [])
    return warnings


async def test_a_buyer_who_asked_to_cancel_is_named_before_the_parcel_goes(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        order_id = (await find_cancellation(client))["order_id"]
        (order,) = (await read(client, "get_order_detail", ids=[order_id]))["orders"]
        packages = (await plan_shipping_of_a_batch(client))[0]["packages"]
        assert await get_warnings(client, "batch_ship_packages", {"packages": packages}) == []
        packages.append({"id": order["packages"][0]["id"], "handover_method": "PICKUP"})
        (warning,) = await get_warnings(client, "batch_ship_packages", {"packages": packages})
    assert warning == f"The buyer asked to cancel order {order_id}: decide that request first"


async def test_what_the_platform_will_refuse_is_said_before(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        product = (await list_products(client))[0]
        gone = {"product_ids": [product["id"]]}
        (warning,) = await get_warnings(client, "recover_products", gone)
        name = f'{product["id"]} ("{product["title"]}")'
        assert warning == f"Product {name} is ACTIVATE, not deleted: TikTok will refuse to recover it"
        delivered = (await list_orders(client, "DELIVERED"))[0]["id"]
        arguments = {"order_id": delivered, "cancel_reason": "seller_cancel_reason_out_of_stock"}
        (warning,) = await get_warnings(client, "cancel_order", arguments)
        assert f"Order {delivered} is DELIVERED" in warning


async def test_prices_that_halve_or_double_or_change_currency_are_warned_of(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        product = next(p for p in await list_products(client) if float(p["skus"][0]["price"]["sale_price"]) > 4)
        price = float(product["skus"][0]["price"]["sale_price"])
        for factor, is_warned in ((0.49, True), (0.51, False), (1.9, False), (2.1, True)):
            change = change_price(product, f"{price * factor:.2f}")
            warnings = await get_warnings(client, "update_price", change)
            assert bool(warnings) == is_warned, factor
            assert all(f"goes from {product['skus'][0]['price']['sale_price']} to" in w for w in warnings)
        (warning,) = await get_warnings(client, "update_price", change_price(product, f"{price:.2f}", "EUR"))
    assert "is given in EUR, and is in GBP now" in warning


async def test_a_stock_on_sale_that_falls_by_more_than_half_is_warned_of(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox) as client:
        product = next(
            p
            for p in await list_products(client)
            if len(p["skus"]) == 1 and p["skus"][0]["inventory"][0]["quantity"] > 6
        )
        (warning,) = await get_warnings(client, "update_inventory", change_stock(product, 0))
        assert warning.endswith("to 0")
        assert product["skus"][0]["id"] in warning
        units = product["skus"][0]["inventory"][0]["quantity"]
        for part, is_warned in ((units // 3, True), (units - units // 2, False), (units * 3, False)):
            warnings = await get_warnings(client, "update_inventory", change_stock(product, part))
            assert bool(warnings) == is_warned, part
            assert all(f"goes from {units} to {part}, less than half of what it is" in w for w in warnings)


async def test_a_product_in_open_orders_and_all_of_a_shops_products_are_warned_of(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        order = (await list_orders(client))[0]
        product_id = order["line_items"][0]["product_id"]
        warnings = await get_warnings(client, "deactivate_products", {"product_ids": [product_id]})
        products = await list_products(client)
        title = next(product["title"] for product in products if product["id"] == product_id)
        assert any(w.startswith(f'Product "{title}" is in ') and "awaiting shipment" in w for w in warnings)
        ids = [product_id, *(product["id"] for product in products[:19] if product["id"] != product_id)]
        (warning,) = await get_warnings(client, "deactivate_products", {"product_ids": ids})
        assert f'"{title}" in ' in warning
        assert warning.split()[1:8] == ["of", "these", "products", "are", "in", "orders", "awaiting"]
        few = [product["id"] for product in products[:2]]
        for start in range(2, len(products), 20):
            batch = {"product_ids": [product["id"] for product in products[start : start + 20]]}
            await send(client, "deactivate_products", batch)
        warnings = await get_warnings(client, "delete_products", {"product_ids": few})
        many = {"product_ids": [product["id"] for product in products[:12]]}
        shown = (await run(client, "delete_products", many, dry_run=True))["data"]
        gone = (await list_products(client, "FREEZE"))[0]
        await send(client, "delete_products", {"product_ids": [gone["id"]]})
        again = (await run(client, "delete_products", {"product_ids": [gone["id"], few[0]]}, dry_run=True))["data"]
    assert shown["body"] == {"product_ids": "the 12 ids in now"}  # told once, with their titles
    assert [item["product"] for item in shown["now"]] == many["product_ids"]
    assert f'Product {gone["id"]} ("{gone["title"]}") is deleted already: TikTok will refuse' in again["warnings"]
    assert f"Nothing to take back of {gone['id']} DELETED: TikTok deletes none" in again["undo"]
    assert "These are all 2 products that the shop has on sale" in warnings
    assert "On sale now: 2; pause_products takes them off sale and keeps them" in warnings
    assert "frozen or refused as TikTok decides" in shown["undo"]


async def test_what_is_deleted_is_shown_once_also_what_was_frozen(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        gone_id, *ids = [product["id"] for product in (await list_products(client))[:11]]
        await send(client, "delete_products", {"product_ids": [gone_id]})
        ids.append((await list_products(client, "FREEZE"))[0]["id"])
        asked = await run(client, "delete_products", {"product_ids": [gone_id, *ids]})
        done = await told(client, "confirm_write", token=asked["confirm"])
    assert asked["preview"]["undo"].endswith(
        f"Nothing to take back of {gone_id} DELETED: TikTok deletes none that is deleted already."
    )
    assert [failure["id"] for failure in done["failed"]] == [gone_id]
    assert [item for item in done["now"] if item["product"] in ids] == [
        {"product": product_id, "status": "DELETED"} for product_id in ids
    ]
    assert len(json.dumps(done)) < len(json.dumps(asked))


async def test_all_products_of_a_promotion_are_warned_of(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        activity = await find_activity(client)
        arguments = {"activity_id": activity["activity_id"], "product_ids": [p["id"] for p in activity["products"]]}
        (warning,) = await get_warnings(client, "remove_promotion_activity_products", arguments)
    assert warning == f"These are all {len(activity['products'])} products of promotion {activity['activity_id']}"


async def test_a_message_is_shown_beside_what_the_buyer_wrote_last(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        conversation = await find_conversation(client)
        words = json.loads(conversation["latest_message"]["content"])["content"]
        message = {"conversation_id": conversation["id"], "type": "TEXT", "content": "It leaves tomorrow."}
        answer = await run(client, "send_message", message)
        assert "warnings" not in answer["preview"], "an answer is nothing unusual"
        assert words[:60] in json.dumps(answer["preview"]["now"], ensure_ascii=False)
        assert "now" in answer["preview"]["untrusted"]
        await told(client, "confirm_write", token=answer["confirm"])
        (warning,) = await get_warnings(client, "send_message", message | {"content": "It leaves tomorrow, I said."})
    assert warning == 'The last message is not the buyer\'s; it was sent to them: "It leaves tomorrow."'


async def test_a_warning_makes_any_write_ask(connect: Connect, sandbox: Sandbox) -> None:
    """A reference to an order is added without asking; to one that is not there it is not."""
    reference = {"id": "A1", "platform": "SHOPIFY", "line_items": [{"id": "1", "origin_id": "1"}]}
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        known = (await list_orders(client))[0]["id"]
        done = await run(
            client, "add_external_order_references", {"orders": [{"id": known, "external_order": reference}]}
        )
        assert "status" not in done
        missing = {"orders": [{"id": "576400000000000000", "external_order": reference}]}
        assert await get_warnings(client, "add_external_order_references", missing) == [
            "Not found here: order 576400000000000000"
        ]
    assert writes(sandbox) == ["add_external_order_references"]


async def test_where_nothing_asks_warnings_are_told_with_the_result(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        product = next(p for p in await list_products(client) if float(p["skus"][0]["price"]["sale_price"]) > 4)
        done = await run(client, "update_price", change_price(product, "1.00"))
    assert "less than half" in done["warnings"][0]
    assert "warnings" in done["untrusted"]
    assert done["now"][0]["skus"][0]["price.sale_price"] == "1.00"


async def test_a_question_begins_with_its_warning(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        product = next(p for p in await list_products(client) if float(p["skus"][0]["price"]["sale_price"]) > 4)
        await run(client, "update_price", change_price(product, "1.00"))
    third = person.questions[0].split("\n")[2]
    assert third.startswith("Can be undone. Warning: The price of SKU ")
    assert "less than half" in person.questions[0]


# ---- a look is a help, and no hurdle


@pytest.mark.parametrize("policy", ["none", "asks"])
async def test_what_can_not_be_looked_up_neither_stops_a_write_nor_hides_the_rest(
    connect: Connect, sandbox: Sandbox, policy: str
) -> None:
    async with connect(sandbox="1", confirm=policy, sandbox_object=sandbox) as client:
        products = (await list_products(client))[:3]
        arguments = {"product_ids": [product["id"] for product in products]}
        sandbox.faults.add("get_product", times=1, status=200, code=12052048)
        shown = (await run(client, "deactivate_products", arguments, dry_run=True))["data"]["now"]
        assert [item["product"] for item in shown] == arguments["product_ids"]
        assert ["not_looked_up" in item for item in shown].count(True) == 1
        sandbox.faults.add("get_product", times=None, status=200, code=12052048)
        done = await send(client, "deactivate_products", arguments)
    assert "now" not in done
    assert writes(sandbox) == ["deactivate_products"]


async def test_a_write_is_looked_at_once_before_and_once_after(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        arguments = (await plan_shipping(client))[0]
        sandbox.log.clear()
        await send(client, "ship_package", arguments)
        looks = [entry.operation for entry in sandbox.log if entry.operation != "ship_package"]
    assert looks == ["get_package_detail", "get_order_detail"] * 2


async def test_every_sku_has_a_line_and_as_many_as_fit_are_shown(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, asked=person) as client:
        product = next(p for p in await list_products(client) if len(p["skus"]) > 2)
        skus = [{"id": sku["id"], "price": {"amount": "9.00", "currency": "GBP"}} for sku in product["skus"]]
        await run(client, "update_price", {"product_id": product["id"], "skus": skus})
    lines = person.questions[0].split("\n")
    for sku in product["skus"]:
        assert [line for line in lines if line.startswith(f'    skus: id "{sku["id"]}" seller_sku "')]


@pytest.mark.parametrize(("region", "version"), [("US", "v2"), ("DE", "v2"), ("GB", None)])
async def test_the_category_tree_is_that_of_the_shops_market_unless_told(
    connect: Connect, region: str, version: str | None
) -> None:
    """In one market all operations have the same one: a category that one answers is one that the next knows."""
    sandbox = Sandbox(shops=3)
    async with connect(sandbox="1", sandbox_shops="3", confirm="asks", sandbox_object=sandbox) as client:
        for name, arguments in (("get_categories", {}), ("recommend_category", {"product_title": "Red mug"})):
            answer = await told(client, "run_read_operation", name=name, arguments=arguments | {"shop": region})
            assert "error" not in answer
            sent = sandbox.log.list_entries(name)[-1]
            text = f"{sent.query} {sent.body.decode()}"
            assert re.findall(r'category_version"?[=:]\s*"?(v\d)', text) == ([version] if version else [])
        found = await told(client, "search_products", shop=region, status="ACTIVATE", page_size=1)
        title = {"product_id": found["data"]["products"][0]["id"], "title": "A fine tea that has a new and longer name"}
        shown = await run(client, "partial_edit_product", title | {"shop": region}, dry_run=True)
    assert shown["data"]["body"].get("category_version") == version
    assert "category_version" not in str(shown["data"].get("warnings"))


async def test_a_look_that_there_is_no_time_for_is_said(connect: Connect, sandbox: Sandbox) -> None:
    clock = LeapingClock()
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox, runtime=clock.runtime) as client:
        product = (await list_products(client))[0]
        sandbox.faults.add("deactivate_products", edit=partial(clock.leap, CALL_TIMEOUT_S - MIN_READ_STATE_S))
        done = await run(client, "deactivate_products", {"product_ids": [product["id"]]})
    assert "now" not in done
    assert "no time left to read" in done["note"]


async def test_a_value_that_the_market_does_not_take_is_warned_of_before_it_is_sent(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    async with connect(sandbox="1", sandbox_shops="3", confirm="asks", sandbox_object=sandbox) as client:
        found = await told(client, "search_products", shop="US", status="ACTIVATE", page_size=1)
        title = {"product_id": found["data"]["products"][0]["id"], "title": "A fine tea that has a new and longer name"}
        text = "In US TikTok takes v2 alone as category_version, not v1"
        for given, is_warned in (("v1", True), ("v2", False)):
            arguments = title | {"shop": "US", "category_version": given}
            shown = await run(client, "partial_edit_product", arguments, dry_run=True)
            assert (text in shown["data"].get("warnings", ())) is is_warned
            assert shown["data"]["body"]["category_version"] == given
        missing = await run(client, "create_product", {"shop": "GB", "title": title["title"]})
        empty = await run(client, "create_product", {"shop": "GB", "title": title["title"], "main_images": []})
    for refused in (missing, empty):
        (problem,) = [each for each in refused["problems"] if each["argument"] == "main_images"]
        assert "a draft needs one, too" in problem["allowed"]
        assert "uploaded from the files folder by upload_product_image" in problem["allowed"]
    assert problem["allowed"].startswith("at least 1: ")


@pytest.mark.parametrize("named_by", ["SKU", "unit", "nothing"])
@pytest.mark.parametrize("operation", ["create_return", "cancel_order"])
async def test_what_is_done_to_a_part_of_an_order_shows_that_part_with_its_price(
    connect: Connect, sandbox: Sandbox, operation: str, named_by: str
) -> None:
    reasons: dict[str, dict[str, Any]] = {
        "create_return": {"return_reason": "seller_refund_reason_goodwill", "return_type": "REFUND"},
        "cancel_order": {"cancel_reason": "seller_cancel_reason_out_of_stock"},
    }
    status = {"create_return": "DELIVERED", "cancel_order": "AWAITING_SHIPMENT"}[operation]
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        found = await read(client, "get_order_list", order_status=status, page_size=50, fields=["*"])
        order = next(o for o in found["orders"] if len({line["sku_id"] for line in o["line_items"]}) > 1)
        line = order["line_items"][0]
        named: dict[str, Any] = {
            "SKU": {"skus": [{"sku_id": line["sku_id"], "quantity": 1}]},
            "unit": {"order_line_list": [{"order_line_item_id": line["id"]}]},
            "nothing": {},
        }[named_by]
        arguments = {"order_id": order["id"]} | reasons[operation] | named
        (shown,) = (await run(client, operation, arguments, dry_run=True))["data"]["now"]
    meant = [each for each in order["line_items"] if each["sku_id"] == line["sku_id"]]
    expected = {"SKU": meant, "unit": [line], "nothing": []}[named_by]
    names = ("id", "seller_sku", "product_name", "sku_name", "sale_price", "currency")
    assert shown.get("line_items", []) == [{name: each[name] for name in names} for each in expected]
