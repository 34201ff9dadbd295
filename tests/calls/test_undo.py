"""What was changed stands in the audit log with the way back: a ready call, which brings all back or says why not."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import (
    change_price,
    change_stock,
    find_activity,
    find_conversation,
    list_orders,
    list_products,
    plan_activation,
    plan_chat_hours,
    plan_deactivation,
    plan_new_name_of_a_promotion,
    plan_price,
    plan_recovery,
    plan_reference,
    plan_shipping,
    plan_stock,
    plan_title,
    read,
    run,
    send,
)
from tests.calls.test_writes import Clock, Person, told, writes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

    Arguments = dict[str, Any]
    Walk = tuple[str, Callable[[Client], Awaitable[Any]], str, str]

REVIEW_S = 3 * 86_400.0
MAX_UNDO_PREVIEW_BYTES = 600  # of one price
# Of a thing that was changed and changed back; the last is filled in with its default by any change of a promotion.
MOVING = {"update_time", "audit", "create_time", "auction_support_type"}


@pytest.fixture
def clock() -> Clock:
    return Clock(1_790_000_000.0)


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(shops=1, clock=clock)


@pytest.fixture
def settings(clock: Clock, sandbox: Sandbox) -> dict[str, Any]:
    return {"sandbox": "1", "confirm": "asks", "sandbox_object": sandbox, "runtime": Runtime(clock, clock)}


async def list_writes(client: Client) -> list[dict[str, Any]]:
    """The writes that the audit log tells, newest first: each whole, those of a job one by one."""
    found = [await read_write(client, row["id"]) for row in await list_changes(client)]
    writes = [write for change in found for write in reversed(change.get("writes", [change]))]
    return [await read_write(client, write["id"]) if "before" not in write else write for write in writes]


async def list_changes(client: Client) -> list[dict[str, Any]]:
    """The changes as they are listed, newest first: a job is one."""
    return list_rows((await told(client, "run_read_operation", name="list_changes", arguments={}))["data"])


def list_rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the table of changes, with what is told once for all of them."""
    changes = data["changes"]
    shared = data.get("same_in_all_rows", {})
    return [shared | dict(zip(changes["columns"], row, strict=True)) for row in changes["rows"]]


async def read_write(client: Client, write_id: str) -> dict[str, Any]:
    answer = await told(client, "run_read_operation", name="list_changes", arguments={"id": write_id})
    change: dict[str, Any] = answer["data"]["change"]
    return change


async def find_undo(client: Client, place: int = 0) -> dict[str, Any]:
    """The call that takes one of the last writes back."""
    undo = (await list_writes(client))[place]["undo"]
    assert isinstance(undo, dict), undo
    return undo


async def take_back(client: Client, undo: dict[str, Any]) -> dict[str, Any]:
    return await send(client, get_undoing_operation(undo), undo["arguments"]["arguments"])


async def try_undo(client: Client, undo: dict[str, Any]) -> dict[str, Any]:
    """The answer to an undo that may be refused, as it is offered."""
    return await told(client, undo["tool"], **undo["arguments"])


def get_undoing_operation(undo: dict[str, Any]) -> str:
    """The name of what a call runs that takes a write back."""
    assert undo["tool"] == "run_write_operation"
    name: str = undo["arguments"]["name"]
    return name


async def read_whole(client: Client, operation: str, arguments: Arguments) -> Any:
    """A thing as the platform tells it, but for what moves with any change."""
    data = await read(client, operation, **arguments)
    whole: Any = {name: value for name, value in data.items() if name not in MOVING}
    for name in ("products", "benefit_products"):
        if name in whole:
            whole[name] = sorted(whole[name], key=lambda row: str(row["id"]))
    return whole


async def plan_joining_of_a_promotion(client: Client) -> tuple[Arguments, Any]:
    """One product is new in a promotion, and one gets another price there."""
    activity = await find_activity(client)
    taking_part = {row["id"] for row in activity["products"]}
    assert activity["activity_type"] in ("DIRECT_DISCOUNT", "FIXED_PRICE", "FLASHSALE")
    everyone = await list_products(client)
    others = set()
    found = await read(client, "search_promotion_activities", page_size=20)
    for each in found["activities"]:
        others |= {
            row["id"] for row in (await read(client, "get_activity", activity_id=each["id"])).get("products", ())
        }
    new = next(p for p in everyone if p["id"] not in others)
    old = next(p for p in everyone if p["id"] in taking_part)
    rows = [make_entry(activity, product) for product in (new, old)]
    return {"activity_id": activity["activity_id"], "products": rows}, None


def make_entry(activity: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    """How a product takes part in a promotion, at a quarter less."""
    limits = {"quantity_limit": -1, "quantity_per_user": -1}

    def make_terms(price: str) -> dict[str, str]:
        if activity["activity_type"] == "DIRECT_DISCOUNT":
            return {"discount": "25"}
        return {"activity_price_amount": f"{float(price) * 0.75:.2f}"}

    prices = {sku["id"]: sku["price"]["sale_price"] for sku in product["skus"]}
    if activity["product_level"] == "VARIATION":
        skus = [{"id": sku_id, **limits, **make_terms(price)} for sku_id, price in prices.items()]
        return {"id": product["id"], **limits, "skus": skus}
    return {"id": product["id"], **limits, **make_terms(min(prices.values(), key=float))}


async def plan_leaving_of_a_promotion(client: Client) -> tuple[Arguments, Any]:
    activity = await find_activity(client)
    return {"activity_id": activity["activity_id"], "product_ids": [activity["products"][0]["id"]]}, None


async def plan_second_reference(client: Client) -> tuple[Arguments, Any]:
    """A reference that takes the place of another."""
    arguments, *_ = await plan_reference(client)
    await send(client, "add_external_order_references", arguments)
    second = json.loads(json.dumps(arguments))
    second["orders"][0]["external_order"]["id"] = "A-2"
    return second, None


async def plan_new_listing_data(client: Client) -> tuple[Arguments, Any]:
    """Several parts of a listing at once: its texts, and what its parcel weighs and measures."""
    product = (await list_products(client))[0]
    size = {"length": "31", "width": "22", "height": "13", "unit": "CENTIMETER"}
    texts = {"title": "Tea from the hills, in a tin", "description": "<p>A fine tea from the hills.</p>"}
    parcel = {"package_weight": {"value": "0.77", "unit": "KILOGRAM"}, "package_dimensions": size}
    return {"product_id": product["id"]} | texts | parcel, None


# By operation: the plan of it, and the read of what it changes with the argument that names that.
WALKS: dict[str, Walk] = {
    "price": ("update_price", plan_price, "get_product", "product_id"),
    "stock": ("update_inventory", plan_stock, "get_product", "product_id"),
    "title": ("partial_edit_product", plan_title, "get_product", "product_id"),
    "listing": ("partial_edit_product", plan_new_listing_data, "get_product", "product_id"),
    "deactivation": ("deactivate_products", plan_deactivation, "get_product", "product_ids"),
    "activation": ("activate_products", plan_activation, "get_product", "product_ids"),
    "deletion": ("delete_products", plan_deactivation, "get_product", "product_ids"),
    "recovery": ("recover_products", plan_recovery, "get_product", "product_ids"),
    "promotion": ("update_promotion_activity", plan_new_name_of_a_promotion, "get_activity", "activity_id"),
    "joining": ("update_promotion_activity_products", plan_joining_of_a_promotion, "get_activity", "activity_id"),
    "leaving": ("remove_promotion_activity_products", plan_leaving_of_a_promotion, "get_activity", "activity_id"),
    "reference": ("add_external_order_references", plan_second_reference, "get_external_order_references", "orders"),
    "chat": ("update_agent_settings", plan_chat_hours, "get_agent_settings", ""),
}


def make_reads(name: str, arguments: Arguments) -> list[Arguments]:
    """The arguments of the reads of all that a write is about."""
    if not name:
        return [{}]
    if name == "product_ids":
        return [{"product_id": product_id} for product_id in arguments[name]]
    if name == "orders":
        return [{"order_id": o["id"], "platform": o["external_order"]["platform"]} for o in arguments[name]]
    return [{name: arguments[name]}]


@pytest.mark.parametrize("what", WALKS)
async def test_what_is_taken_back_is_exactly_as_it_was(
    connect: Connect, settings: dict[str, Any], clock: Clock, what: str
) -> None:
    operation, plan, reading, named = WALKS[what]
    async with connect(**settings) as client:
        arguments = (await plan(client))[0]
        clock.now += REVIEW_S * (what != "activation")  # a running promotion must not end meanwhile
        reads = make_reads(named, arguments)
        before = [await read_whole(client, reading, each) for each in reads]
        preview = (await run(client, operation, arguments, dry_run=True))["data"]
        assert preview["undo"].startswith("Can be undone by ")
        await send(client, operation, arguments)
        changed = [await read_whole(client, reading, each) for each in reads]
        assert changed != before
        entry = (await list_writes(client))[0]
        assert entry["operation"] == operation
        assert entry["before"]
        assert entry["now"]
        assert get_undoing_operation(entry["undo"]) in preview["undo"]
        clock.now += REVIEW_S if what == "activation" else 0  # it has passed the review since: nobody changed it
        steps = 0
        while isinstance(undo := (await list_writes(client))[steps]["undo"], dict):
            await take_back(client, undo)
            steps += 1
        assert undo.startswith("Undone at ")
        assert steps == {"deletion": 2, "joining": 2}.get(what, 1)
        if "review" in preview["undo"]:
            clock.now += REVIEW_S
        assert [await read_whole(client, reading, each) for each in reads] == before
        if steps > 1:
            return
        await take_back(client, await find_undo(client))  # the undo of the undo: a write like any other
        clock.now += REVIEW_S if what in ("title", "listing", "activation") else 0
        settled = [await read_whole(client, reading, each) for each in reads]
        if what not in ("title", "listing", "activation", "recovery"):
            assert settled == changed


async def test_an_ended_promotion_runs_again_to_its_old_end(
    connect: Connect, settings: dict[str, Any], clock: Clock
) -> None:
    async with connect(**settings) as client:
        activity = await find_activity(client)
        await send(client, "deactivate_activity", {"activity_id": activity["activity_id"]})
        undo = await find_undo(client)
        assert "anew" in undo["leaves"]
        shown = (await told(client, undo["tool"], **undo["arguments"], dry_run=True))["data"]
        assert datetime.fromisoformat(shown["sends"]["begin_time"]).timestamp() >= clock.now + 600
        assert shown["items"][0]["will_be"] == f"NOT_START at first, then {activity['status']}"
        assert "at full prices until then" in shown["takes_back"]
        await take_back(client, undo)
        over = (await told(client, "run_read_operation", name="list_changes", arguments={}))["data"]["changes"]
        undone = over["rows"][-1][over["columns"].index("undo")]
        assert undone.startswith("Undone at ")
        assert undone.endswith(undo["leaves"])
        clock.now += 1_000
        again = await read(client, "get_activity", activity_id=activity["activity_id"])
        await take_back(client, await find_undo(client))  # which has begun since
        ended = await read(client, "get_activity", activity_id=activity["activity_id"])
    assert ended["status"] == "DEACTIVATED"
    for name in ("title", "status", "end_time", "products"):
        assert again[name] == activity[name]


async def test_an_end_that_lasts_is_warned_of_where_others_can_be_taken_back(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    off_sale = next(p for p in sandbox.accounts[0].shops[0].products.values() if p.status == "SELLER_DEACTIVATED")
    async with connect(**settings) as client:
        activity = await find_activity(client)
        arguments = {"activity_id": activity["activity_id"]}
        usual = (await run(client, "deactivate_activity", arguments, dry_run=True))["data"]
        sandbox.faults.add("get_activity", times=None, edit=lambda data: data | {"activity_type": "BUY_MORE_SAVE_MORE"})
        lasting = (await run(client, "deactivate_activity", arguments, dry_run=True))["data"]
        idle = (await run(client, "deactivate_products", {"product_ids": [off_sale.id]}, dry_run=True))["data"]
    assert "warnings" not in usual
    assert lasting["warnings"][0].startswith("This can't be taken back: only running or planned price cuts")
    assert lasting["undo"].startswith("No way back")
    assert "not on sale" in idle["warnings"][0]
    assert not [warning for warning in idle["warnings"] if "can't be taken back" in warning]


async def test_what_was_made_is_taken_away(connect: Connect, settings: dict[str, Any], clock: Clock) -> None:
    arguments = {
        "title": "A week of oolong",
        "activity_type": "DIRECT_DISCOUNT",
        "product_level": "PRODUCT",
        "begin_time": int(clock.now) + 3_600,
        "end_time": int(clock.now) + 90_000,
    }
    async with connect(**settings) as client:
        preview = (await run(client, "create_promotion_activity", arguments, dry_run=True))["data"]
        assert preview["undo"].startswith("Can be undone by deactivate_activity")
        made = await send(client, "create_promotion_activity", arguments)
        clock.now += 7_200  # it has begun since: that is no change by anybody
        await take_back(client, await find_undo(client))
        activity = await read(client, "get_activity", activity_id=made["data"]["activity_id"])
    assert activity["status"] == "DEACTIVATED"


def make_listing(shop: SimulatedShop) -> Arguments:
    """The arguments of a product that is put up for sale."""
    image = next(product for product in shop.products.values() if product.images).images[0].uri
    stock = [{"warehouse_id": shop.warehouses[0].id, "quantity": 5}]
    return {
        "title": "Roasted green tea from Kyoto",
        "description": "<p>Roasted.</p>",
        "category_id": "914824",
        "main_images": [{"uri": image}],
        "skus": [{"inventory": stock, "price": {"amount": "7.50", "currency": "GBP"}}],
        "package_weight": {"value": "0.15", "unit": "KILOGRAM"},
        "package_dimensions": {"length": "20", "width": "12", "height": "8", "unit": "CENTIMETER"},
        "product_attributes": [{"id": "100701", "values": [{"id": "10070102"}]}],
    }


async def test_a_new_listing_is_deleted_again(connect: Connect, settings: dict[str, Any], sandbox: Sandbox) -> None:
    arguments = make_listing(sandbox.accounts[0].shops[0])
    async with connect(**settings) as client:
        made = await send(client, "create_product", arguments)
        undo = await find_undo(client)
        shown = (await told(client, undo["tool"], **undo["arguments"], dry_run=True))["data"]
        assert shown["body"]["product_ids"] == [made["data"]["product_id"]]
        await take_back(client, undo)
        product = await read(client, "get_product", product_id=made["data"]["product_id"])
    assert product["status"] == "DELETED"


async def change_again(client: Client, what: str, arguments: Arguments) -> None:
    """Change the same thing by another hand."""
    if what == "price":
        amount = arguments["skus"][0]["price"]["amount"]
        product = {"id": arguments["product_id"], "skus": arguments["skus"]}
        await send(client, "update_price", change_price(product, f"{float(amount) + 1:.2f}"))
    elif what == "stock":
        product = {"id": arguments["product_id"], "skus": arguments["skus"]}
        await send(client, "update_inventory", change_stock(product, 17))
    elif what in ("deactivation", "deletion"):
        await send(client, {"deactivation": "activate", "deletion": "recover"}[what] + "_products", arguments)
    elif what in ("activation", "recovery"):
        name = {"activation": "deactivate", "recovery": "activate"}[what] + "_products"
        await send(client, name, arguments)
    elif what in ("title", "listing"):
        await send(client, "partial_edit_product", arguments | {"title": "A third name of this tea, longer still"})
    elif what == "promotion":
        await send(client, "update_promotion_activity", arguments | {"title": "Renamed again"})
    elif what == "joining":
        entry = arguments["products"][0]
        named = {"sku_ids": [sku["id"] for sku in entry["skus"]]} if "skus" in entry else {"product_ids": [entry["id"]]}
        await send(client, "remove_promotion_activity_products", {"activity_id": arguments["activity_id"]} | named)
    elif what == "leaving":
        activity = await read(client, "get_activity", activity_id=arguments["activity_id"])
        product = next(p for p in await list_products(client) if p["id"] == arguments["product_ids"][0])
        entries = {"products": [make_entry(activity, product)]}
        await send(client, "update_promotion_activity_products", {"activity_id": arguments["activity_id"]} | entries)
    elif what == "reference":
        third = json.loads(json.dumps(arguments))
        third["orders"][0]["external_order"]["id"] = "A-3"
        await send(client, "add_external_order_references", third)
    else:
        await send(client, "update_agent_settings", {"can_accept_chat": True})


@pytest.mark.parametrize("what", WALKS)
async def test_what_has_changed_since_is_not_taken_back_but_told(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox, clock: Clock, what: str
) -> None:
    operation, plan, *_ = WALKS[what]
    async with connect(**settings) as client:
        arguments = (await plan(client))[0]
        await send(client, operation, arguments)
        clock.now += REVIEW_S if what == "activation" else 0
        await change_again(client, what, arguments)
        sent = len(writes(sandbox))
        undo = await find_undo(client, 1)
        refused = await try_undo(client, undo)
        assert refused["error"] == "declined"
        assert "changed since" in refused["message"]
        assert refused["changed"]
        assert all(change["before"] != change["now"] for change in refused["changed"])
        assert (await told(client, undo["tool"], **undo["arguments"], dry_run=True))["error"] == "declined"
    assert len(writes(sandbox)) == sent


async def test_a_change_while_the_person_reads_stops_an_undo(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox, clock: Clock
) -> None:
    person = Person("accept", clock=clock)
    async with connect(**settings) as other:
        arguments = (await plan_price(other))[0]
        await send(other, "update_price", arguments)
        undo = await find_undo(other)

        async def answer(context: Any, params: Any) -> Any:
            assert "Can be undone" in params.message
            await change_again(other, "price", arguments)
            return await person(context, params)

        async with connect(**settings, asked=answer) as client:
            refused = await try_undo(client, undo)
    assert refused["error"] == "declined"
    assert refused["changed"][0]["now"]["skus"]
    assert writes(sandbox) == ["update_price"] * 2


async def test_two_undos_are_one(connect: Connect, settings: dict[str, Any], sandbox: Sandbox, clock: Clock) -> None:
    more = settings | {"confirm": "none"}
    async with connect(**more) as one, connect(**more) as two:
        await send(one, "update_price", (await plan_price(one))[0])
        undo = await find_undo(one)
        answers = await asyncio.gather(*(try_undo(client, undo) for client in (one, two)))
        assert sorted("error" in answer for answer in answers) == [False, True]
        clock.now += 3_600
        late = await try_undo(one, undo)
    assert late["error"] == "already_done"
    assert writes(sandbox) == ["update_price"] * 2


async def test_two_tokens_of_one_undo_are_one(connect: Connect, settings: dict[str, Any], sandbox: Sandbox) -> None:
    async with connect(**settings) as client:
        await send(client, "update_price", (await plan_price(client))[0])
        undo = await find_undo(client)
        tokens = [(await try_undo(client, undo))["confirm"] for _ in range(2)]
        first, second = [await told(client, "confirm_write", token=token) for token in tokens]
    assert "error" not in first
    assert second["error"] in ("already_done", "declined")
    assert writes(sandbox) == ["update_price"] * 2


async def test_an_undo_is_the_call_that_was_offered_and_no_other(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        arguments = (await plan_price(client))[0]
        await send(client, "update_price", arguments)
        undo_of = (await find_undo(client))["arguments"]["arguments"]["undo_of"]
        shown = (await run(client, "update_price", {"undo_of": undo_of}, dry_run=True))["data"]
        amount, currency = shown["items"][0]["will_be"].split()
        sku = {"id": shown["items"][0]["sku"], "price": {"amount": amount, "currency": currency}}
        whole = {"product_id": arguments["product_id"], "skus": [sku], "undo_of": undo_of}
        assert "error" not in await run(client, "update_price", whole, dry_run=True)
        other = json.loads(json.dumps(whole))
        other["skus"][0]["price"]["amount"] = "1.00"
        for operation, wrong in [
            ("update_price", other),
            ("update_price", whole | {"undo_of": "0" * 12}),
            ("update_price", {"undo_of": "0" * 12}),
            ("delete_products", {"product_ids": [arguments["product_id"]], "undo_of": undo_of}),
            ("delete_products", {"undo_of": undo_of}),
        ]:
            refused = await run(client, operation, wrong)
            assert refused["error"] == "invalid_arguments"
            assert refused["problems"][0]["argument"] == "undo_of"
    assert writes(sandbox) == ["update_price"]


async def test_an_undo_is_for_its_shop(connect: Connect, clock: Clock) -> None:
    sandbox = Sandbox(shops=3, clock=clock)
    more: dict[str, Any] = {"sandbox": "1", "sandbox_shops": "3", "sandbox_object": sandbox}
    more["runtime"] = Runtime(clock, clock)
    one, two, *_ = [shop.name for account in sandbox.accounts for shop in account.shops]
    async with connect(**more) as client:
        found = await told(client, "search_products", status="ACTIVATE", page_size=1, shop=one)
        await send(client, "deactivate_products", {"product_ids": [found["data"]["products"][0]["id"]], "shop": one})
        undo = await find_undo(client)
        refused = await told(client, undo["tool"], **undo["arguments"], shop=two)
    assert refused["error"] == "invalid_arguments"
    assert writes(sandbox) == ["deactivate_products"]


async def plan_message_to_a_buyer(client: Client) -> tuple[Arguments, Any]:
    content = json.dumps(
        {"content": "It leaves tomorrow, and you are told at jane@example.com when it is there: they say on Friday."}
    )
    conversation_id = (await find_conversation(client))["id"]
    return {"conversation_id": conversation_id, "type": "TEXT", "content": content}, None


async def plan_cash_on_delivery(client: Client) -> tuple[Arguments, Any]:
    product = (await list_products(client))[0]
    return {"product_id": product["id"], "is_cod_allowed": False, "title": "Tea from the hills, in a tin"}, None


FINAL: dict[str, tuple[str, Callable[[Client], Awaitable[Any]], str]] = {
    "parcel": ("ship_package", plan_shipping, "shipped stays so"),
    "message": ("send_message", plan_message_to_a_buyer, "can't be called back"),
    "rule of payment": ("partial_edit_product", plan_cash_on_delivery, "title, description, weight and size alone"),
    "first reference": ("add_external_order_references", plan_reference, "not taken away"),
    "read marks": ("mark_buyer_messages_as_read", plan_message_to_a_buyer, "no operation takes it back"),
}


@pytest.mark.parametrize("what", FINAL)
async def test_what_has_no_way_back_says_so_before_and_after(
    connect: Connect, settings: dict[str, Any], what: str
) -> None:
    operation, plan, words = FINAL[what]
    async with connect(**settings) as client:
        arguments = (await plan(client))[0]
        if what == "read marks":
            arguments = {"conversation_id": arguments["conversation_id"]}
        preview = (await run(client, operation, arguments, dry_run=True))["data"]
        assert preview["undo"].startswith("No way back: ")
        assert words in preview["undo"]
        await send(client, operation, arguments)
        assert (await list_writes(client))[0]["undo"] == preview["undo"]


async def test_the_part_of_a_batch_that_was_done_is_taken_back(
    connect: Connect, settings: dict[str, Any], clock: Clock
) -> None:
    async with connect(**settings) as client:
        on_sale, off_sale, *_ = await list_products(client)
        await send(client, "deactivate_products", {"product_ids": [off_sale["id"]]})
        clock.now += 60
        both = [on_sale["id"], off_sale["id"]]
        await send(client, "deactivate_products", {"product_ids": both})
        undo = await find_undo(client)
        shown = await told(client, undo["tool"], **undo["arguments"], dry_run=True)
    assert [item["product"] for item in shown["data"]["items"]] == [on_sale["id"]]


async def test_the_audit_log_has_before_and_now_and_nothing_of_buyers(
    connect: Connect, settings: dict[str, Any], home: Path
) -> None:
    async with connect(**settings | {"buyer_data": "full"}) as client:
        product = (await list_products(client))[0]
        old = product["skus"][0]["price"]["sale_price"]
        await send(client, "update_price", change_price(product, f"{float(old) + 1:.2f}"))
        (entry,) = await list_writes(client)
        assert entry["before"][0]["skus"][0]["price.sale_price"] == old
        assert entry["now"][0]["skus"][0]["price.sale_price"] == f"{float(old) + 1:.2f}"
        order = (await list_orders(client))[0]
        detail = (await read(client, "get_order_detail", ids=[order["id"]]))["orders"][0]
        await send(client, "ship_package", {"package_id": order["packages"][0]["id"], "handover_method": "PICKUP"})
        await send(client, "send_message", (await plan_message_to_a_buyer(client))[0])
        buyers = [buyer["name"] for buyer in [detail["recipient_address"]] if buyer.get("name")]
    path = home / "sandbox" / "journal.jsonl"
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o077 == 0
    assert buyers
    address = detail["recipient_address"]
    personal = [*buyers, address["phone_number"], address["full_address"], address.get("post_town"), "jane@"]
    assert not [value for value in filter(None, personal) if value in text]
    assert "It leaves tomorrow" in text
    assert "says on Friday" not in text  # messages are shortened


async def test_entries_of_earlier_versions_stay_readable(
    connect: Connect, settings: dict[str, Any], home: Path
) -> None:
    async with connect(**settings) as client:
        await send(client, "update_price", (await plan_price(client))[0])
        path = home / "sandbox" / "journal.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        kept = [
            {name: value for name, value in line.items() if name not in ("before", "now", "undo")} for line in lines
        ]
        odd = [{"id": lines[0]["id"] + str(n), **kept[0], "undo": undo} for n, undo in enumerate(ODD_WAYS)]
        odd = [{**entry, "id": f"odd{n}", "outcome": "done"} for n, entry in enumerate(odd)]
        text = "".join(json.dumps(line) + "\n" for line in (*kept, *odd))
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        entries = await list_writes(client)
        refused = await run(
            client, "update_price", (await plan_price(client))[0] | {"undo_of": lines[0]["id"]}, dry_run=True
        )
    assert len(entries) == 1 + len(ODD_WAYS)
    assert all(entry["undo"].startswith("No way back is known") for entry in entries)
    assert refused["error"] == "invalid_arguments"


ODD_WAYS: list[Any] = [
    {"steps": "all"},
    {"steps": [1]},
    {"steps": [{"tool": "update_price"}]},
    {"steps": [{"tool": "update_price", "arguments": {}, "expects": [7]}]},
    {"steps": [], "leaves": 3},
]


async def test_a_server_that_may_not_write_offers_no_undo(connect: Connect, settings: dict[str, Any]) -> None:
    async with connect(**settings) as client:
        await send(client, "update_price", (await plan_price(client))[0])
    async with connect(**settings, read_only="1") as client:
        (entry,) = await list_writes(client)
    assert entry["undo"] == "update_price takes it back; it is not permitted on this server."


# ---- the list of changes


async def test_an_undo_shows_what_is_there_now_and_what_will_be(connect: Connect, settings: dict[str, Any]) -> None:
    async with connect(**settings) as client:
        arguments, *_ = await plan_price(client)
        old = f"{float(arguments['skus'][0]['price']['amount']) - 1:.2f}"
        await send(client, "update_price", arguments)
        shown = (await try_undo(client, await find_undo(client)))["preview"]
        new = arguments["skus"][0]["price"]["amount"]
        (item,) = shown["items"]
        assert item["sku"] == arguments["skus"][0]["id"]
        assert (item["now"], item["will_be"]) == (f"{new} GBP", f"{old} GBP")
        assert {"title", "seller_sku"} <= item.keys()
        assert shown["takes_back"].startswith("update_price of 20")
        assert shown["untrusted"] == ["items"]
        assert not {"method", "path", "query", "body", "now", "sends"} & shown.keys(), "the items tell all"
        assert len(json.dumps(shown)) < MAX_UNDO_PREVIEW_BYTES
        deletion = {"product_ids": [arguments["product_id"]]}
        await send(client, "delete_products", deletion)
        shown = (await try_undo(client, await find_undo(client)))["preview"]
        (item,) = shown["items"]
        assert item["product"] == arguments["product_id"]
        assert (item["now"], item["will_be"]) == ("DELETED", "SELLER_DEACTIVATED")
        assert "switched off" in shown["takes_back"]


async def test_what_is_back_already_is_not_taken_back_once_more(
    connect: Connect, settings: dict[str, Any], sandbox: Sandbox
) -> None:
    async with connect(**settings) as client:
        await send(client, "update_price", (await plan_price(client))[0])
        undo = await find_undo(client)
        await take_back(client, undo)
        again = await try_undo(client, undo)
    assert again["error"] == "already_done"
    assert "back already" in again["message"]
    assert writes(sandbox) == ["update_price"] * 2


async def test_changes_are_listed_in_few_words_and_by_shop_and_operation(connect: Connect, clock: Clock) -> None:
    sandbox = Sandbox(shops=3, clock=clock)
    more: dict[str, Any] = {"sandbox": "1", "sandbox_shops": "3", "sandbox_object": sandbox}
    more["runtime"] = Runtime(clock, clock)
    one, two, *_ = [shop.name for account in sandbox.accounts for shop in account.shops]
    async with connect(**more) as client:
        for shop in (one, two):
            found = await told(client, "search_products", status="ACTIVATE", page_size=3, shop=shop)
            ids = [product["id"] for product in found["data"]["products"]]
            await send(client, "deactivate_products", {"product_ids": ids, "shop": shop})
        title = found["data"]["products"][0]["title"]
        sku = found["data"]["products"][0]["skus"][0]
        await told(client, "change_stock", products=[sku["id"]], stock=7, shop=two)

        async def list_some(**filters: Any) -> list[dict[str, Any]]:
            return list_rows((await told(client, "run_read_operation", name="list_changes", arguments=filters))["data"])

        assert [row["shop"] for row in await list_some()] == [two, two, one]
        assert [row["operation"] for row in await list_some(shop=two)] == ["update_inventory", "deactivate_products"]
        (stock,) = await list_some(operation="change_stock")
        (pause,) = await list_some(operation="deactivate_products", shop="GB")
        answer = await told(client, "run_read_operation", name="list_changes", arguments={"operation": "no_such"})
    old = sku["inventory"][0]["quantity"]
    assert stock["what"] == f"product {title}: {sku['seller_sku']} quantity {old} -> 7"
    assert pause["what"].startswith("3 products, ")
    assert pause["what"].endswith(": status activate -> seller deactivated")
    assert pause["undo"]["arguments"] == {
        "name": "activate_products",
        "arguments": {"undo_of": pause["id"]},
    }
    assert len(json.dumps(stock)) < 450
    assert answer["error"]


async def test_an_edit_shows_what_it_replaces_and_says_that_nothing_was_made(
    connect: Connect, settings: dict[str, Any]
) -> None:
    async with connect(**settings) as client:
        product = await read(client, "get_product", product_id=(await list_products(client))[0]["id"])
        values = {"package_weight": {"value": "0.77", "unit": "KILOGRAM"}, "description": "<p>Fine.</p>"}
        arguments = {"product_id": product["id"]} | values
        preview = (await run(client, "partial_edit_product", arguments, dry_run=True))["data"]
        (now,) = preview["now"]
        assert now["package_weight.value"] == product["package_weight"]["value"]
        assert now["description"] == product["description"]
        assert "main_images.uri" not in now
        await send(client, "partial_edit_product", arguments)
        (change,) = await list_changes(client)
    weight = f"package_weight.value {product['package_weight']['value']} -> 0.77"
    assert weight in change["what"]
    assert f"description {product['description']} -> <p>Fine.</p>" in change["what"]
    assert "made" not in change["what"]


async def test_a_webhook_is_told_by_its_happening_and_both_addresses(
    connect: Connect, settings: dict[str, Any]
) -> None:
    event: Arguments = {"event_type": "NEW_MESSAGE"}
    async with connect(**settings) as client:
        for address in ("https://example.com/a", "https://example.com/b"):
            await send(client, "update_shop_webhook", event | {"address": address})
        preview = (await run(client, "delete_webhook_for_an_event", event, dry_run=True))["data"]
        assert preview["now"] == [{"webhook": "NEW_MESSAGE", "address": "https://example.com/b"}]
        await send(client, "delete_webhook_for_an_event", event)
        removed, moved, added = await list_changes(client)
    assert added["what"] == "webhook NEW_MESSAGE: address https://example.com/a"
    assert moved["what"] == "webhook NEW_MESSAGE: address https://example.com/a -> https://example.com/b"
    assert removed["what"] == "event_type NEW_MESSAGE"


async def test_what_a_write_made_is_told_once(connect: Connect, settings: dict[str, Any], sandbox: Sandbox) -> None:
    """Its SKUs stand in rows of their own; what an option of theirs is called by was not made."""
    listing = make_listing(sandbox.accounts[0].shops[0])
    async with connect(**settings) as client:
        made = await send(client, "create_product", listing)
        (change,) = await list_changes(client)
    assert listing["title"] in change["what"]
    assert "made" not in change["what"]
    assert made["data"]["product_id"] not in change["what"]
