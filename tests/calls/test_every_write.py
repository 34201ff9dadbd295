"""Every write of a seller's day is walked: shown whole, sent once, told with its new state, written down, taken back.

What a write is about is told by its looks, what is warned of by its rules, how it is taken back by those of undoing:
only the arguments of writes that the simulated shop has a state for are made here. All others go with the least that
they accept.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop import catalog
from mcp_server_tiktok_shop.catalog.looks import find_looks
from mcp_server_tiktok_shop.catalog.markets import is_in_markets
from mcp_server_tiktok_shop.catalog.undo import describe_inverse, describe_no_way_back, find_undo_rule
from mcp_server_tiktok_shop.catalog.warning_rules import find_warning_rules
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.gateway.handlers import HANDLERS
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_user_id
from tests.calls.arguments import accepted
from tests.calls.test_every_operation import write_files
from tests.calls.test_previews import (
    PLANS,
    find_activity,
    find_cancellation,
    find_conversation,
    list_orders,
    list_products,
    read,
    run,
    send,
)
from tests.calls.test_undo import (
    get_undoing_operation,
    list_writes,
    make_listing,
    plan_joining_of_a_promotion,
    plan_leaving_of_a_promotion,
    plan_second_reference,
    take_back,
)
from tests.calls.test_writes import Clock, told, writes
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.catalog.warning_rules import WarningRule
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

    Arguments = dict[str, Any]
    Planner = Callable[[Client, SimulatedShop], Awaitable[Arguments]]

LOOKS = json.loads((Path(catalog.__file__).parent / "looks.json").read_text(encoding="utf-8"))
WRITES = [
    operation
    for operation in CATALOG.operations.values()
    if operation.is_platform_write
    and operation.area in LOOKS["areas"]
    and "refused" not in operation.record
    and is_in_markets("GB", operation.record.get("regions", ("GB",)))  # where the simulated shop is
]
NOW, DAY_S = 1_790_000_000, 86_400
REVIEW_S = 3 * DAY_S


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(shops=1, clock=clock)


@pytest.fixture
def shop(sandbox: Sandbox) -> SimulatedShop:
    return sandbox.accounts[0].shops[0]


@pytest.fixture
def settings(clock: Clock, sandbox: Sandbox) -> dict[str, Any]:
    return {"sandbox": "1", "confirm": "all", "sandbox_object": sandbox, "runtime": Runtime(clock, clock)}


@pytest.fixture
def files(home: Path) -> dict[str, str]:
    return write_files(home)


# ---- arguments


def use(plan: Callable[[Client], Awaitable[tuple[Any, ...]]]) -> Planner:
    """A plan of another test, without what stands beside the arguments there."""

    async def make(client: Client, _shop: SimulatedShop) -> Arguments:
        arguments: Arguments = (await plan(client))[0]
        return arguments

    return make


async def find_return(client: Client) -> dict[str, Any]:
    found = await read(client, "search_returns", return_status=["RETURN_OR_REFUND_REQUEST_PENDING"])
    request: dict[str, Any] = next(r for r in found["return_orders"] if r["return_type"] == "RETURN_AND_REFUND")
    return request


async def find_reason(client: Client, request_id: str) -> str:
    reasons = (await read(client, "get_reject_reasons", return_or_cancel_id=request_id))["reasons"]
    return str(reasons[0]["name"])


async def plan_rejected_cancellation(client: Client, _shop: SimulatedShop) -> Arguments:
    cancel_id = (await find_cancellation(client))["cancel_id"]
    return {"cancel_id": cancel_id, "reject_reason": await find_reason(client, cancel_id)}


async def plan_rejected_return(client: Client, _shop: SimulatedShop) -> Arguments:
    return_id = (await find_return(client))["return_id"]
    reason = await find_reason(client, return_id)
    return {"return_id": return_id, "decision": "REJECT_RETURN", "reject_reason": reason}


async def plan_review(client: Client, _shop: SimulatedShop) -> Arguments:
    request = await find_return(client)
    ids = [{"return_line_item_id": line["return_line_item_id"]} for line in request["return_line_items"]]
    decision = {
        "request_id": request["return_id"],
        "request_id_type": "AFTERSALES",
        "line_item_decisions": [{"line_items": ids, "action": "APPROVE_REQUEST"}],
    }
    return {"aftersales_request_decisions": [decision]}


async def plan_new_return(client: Client, _shop: SimulatedShop) -> Arguments:
    for order in await list_orders(client, "DELIVERED"):
        question = {"order_id": order["id"], "initiate_aftersale_user": "SELLER", "request_types": ["REFUND"]}
        skus = (await read(client, "get_aftersale_eligibility", **question)).get("sku_eligibility", [])
        rows = [row for sku in skus for row in sku["line_item_eligibility"]]
        if rows and all(row.get("eligible") for row in rows):
            reason = rows[0]["available_reason_names"][0]
            return {"order_id": order["id"], "return_type": "REFUND", "return_reason": reason}
    raise AssertionError("no order can be refunded")


async def plan_second_run(client: Client, _shop: SimulatedShop) -> Arguments:
    """A promotion that was ended, from an hour ahead."""
    activity_id = (await find_activity(client))["activity_id"]
    await send(client, "deactivate_activity", {"activity_id": activity_id})
    return {"activity_id": activity_id, "begin_time": NOW + 3_600, "end_time": NOW + DAY_S}


async def plan_new_promotion(_client: Client, _shop: SimulatedShop) -> Arguments:
    return {
        "title": "A week of oolong",
        "activity_type": "DIRECT_DISCOUNT",
        "product_level": "PRODUCT",
        "begin_time": NOW + 3_600,
        "end_time": NOW + DAY_S,
    }


async def plan_new_listing(_client: Client, shop: SimulatedShop) -> Arguments:
    return make_listing(shop)


async def plan_other_listing(client: Client, shop: SimulatedShop) -> Arguments:
    product = next(p for p in await list_products(client) if len(p["skus"]) == 1)
    listing = await plan_new_listing(client, shop)
    listing["skus"][0] |= {"id": product["skus"][0]["id"]}
    return listing | {"product_id": product["id"]}


async def plan_new_chat(_client: Client, shop: SimulatedShop) -> Arguments:
    chatting = {conversation.buyer for conversation in shop.chats.conversations.values()}
    order = next(order for order in shop.orders.values() if order.buyer not in chatting)
    return {"buyer_user_id": make_user_id(shop.region, order.buyer)}


async def plan_read_chat(client: Client, _shop: SimulatedShop) -> Arguments:
    return {"conversation_id": (await find_conversation(client))["id"]}


async def plan_ended_session(_client: Client, shop: SimulatedShop) -> Arguments:
    for conversation in shop.chats.conversations.values():
        for session in conversation.sessions:
            if not session.end_time:
                return {"conversation_id": conversation.id, "session_id": session.id}
    raise AssertionError("no session is open")


async def plan_split(client: Client, shop: SimulatedShop) -> Arguments:
    for row in await list_orders(client):
        order = shop.orders[row["id"]]
        answer = await read(client, "get_order_split_attributes", order_ids=[order.id])
        if answer["split_attributes"][0].get("can_split"):
            lines = [line.id for line in order.lines if not line.cancel_time]
            groups = [{"id": str(number), "order_line_item_ids": [line]} for number, line in enumerate(lines, 1)]
            return {"order_id": order.id, "splittable_groups": groups}
    raise AssertionError("no order can be split")


async def plan_combination(client: Client, _shop: SimulatedShop) -> Arguments:
    group = (await read(client, "search_combinable_packages", page_size=50))["combinable_packages"][0]
    return {"combinable_packages": [{"id": group["id"], "order_ids": group["order_ids"]}]}


async def plan_separation(client: Client, shop: SimulatedShop) -> Arguments:
    done = await send(client, "combine_package", await plan_combination(client, shop))
    return {"package_id": done["data"]["packages"][0]["id"]}


async def plan_own_shipment(client: Client, shop: SimulatedShop) -> Arguments:
    """A parcel that the seller's own carrier takes."""
    order_id = shop.orders[shop.planted["seller_shipped"]].id
    (order,) = (await read(client, "get_order_detail", ids=[order_id]))["orders"]
    found = await read(client, "get_shipping_providers", delivery_option_id=order["delivery_option_id"])
    carrier = {"tracking_number": "OWN-12345", "shipping_provider_id": found["shipping_providers"][0]["id"]}
    return {"order_id": order_id, "shipping_info_list": [carrier]}


async def plan_new_tracking_of_an_order(client: Client, shop: SimulatedShop) -> Arguments:
    arguments = await plan_own_shipment(client, shop)
    await send(client, "mark_package_as_shipped", arguments)
    carrier = arguments["shipping_info_list"][0] | {"tracking_number": "OWN-54321"}
    shipped: Arguments = {"order_id": arguments["order_id"]} | carrier
    return shipped


async def plan_new_tracking_of_a_parcel(client: Client, shop: SimulatedShop) -> Arguments:
    carrier = await plan_new_tracking_of_an_order(client, shop)
    return {"package_id": shop.orders[carrier.pop("order_id")].packages[0].id, "shipping_info_list": [carrier]}


async def plan_bought_label(client: Client, _shop: SimulatedShop) -> Arguments:
    return {"ship_type": "1", "order_id": (await list_orders(client))[0]["id"]}


async def plan_sample(client: Client, _shop: SimulatedShop) -> Arguments:
    found = await read(client, "search_sample_applications", status="PENDING", page_size=10)
    return {"application_id": found["sample_applications"][0]["id"], "review_result": "APPROVE"}


# Of the writes that the simulated shop has a state for.
async def plan_webhook(client: Client, _shop: SimulatedShop) -> Arguments:
    """Another address in the place of one."""
    await send(client, "update_shop_webhook", {"event_type": "NEW_MESSAGE", "address": "https://example.com/before"})
    return {"event_type": "NEW_MESSAGE", "address": "https://example.com/after"}


async def plan_removed_webhook(client: Client, shop: SimulatedShop) -> Arguments:
    return {"event_type": (await plan_webhook(client, shop))["event_type"]}


PLANNERS: dict[str, Planner] = {name: use(plan) for name, plan in PLANS.values()} | {
    "add_external_order_references": use(plan_second_reference),
    "combine_package": plan_combination,
    "confirm_order_split": plan_split,
    "create_conversation": plan_new_chat,
    "create_packages": plan_bought_label,
    "create_product": plan_new_listing,
    "create_promotion_activity": plan_new_promotion,
    "create_return": plan_new_return,
    "delete_webhook_for_an_event": plan_removed_webhook,
    "edit_product": plan_other_listing,
    "end_session": plan_ended_session,
    "mark_buyer_messages_as_read": plan_read_chat,
    "mark_package_as_shipped": plan_own_shipment,
    "reject_cancellation": plan_rejected_cancellation,
    "reject_return": plan_rejected_return,
    "remove_promotion_activity_products": use(plan_leaving_of_a_promotion),
    "republish_activity": plan_second_run,
    "review_a_sample_application": plan_sample,
    "review_aftersales_requests": plan_review,
    "uncombine_packages": plan_separation,
    "update_order_shipping_info": plan_new_tracking_of_an_order,
    "update_package_shipping_info": plan_new_tracking_of_a_parcel,
    "update_promotion_activity_products": use(plan_joining_of_a_promotion),
    "update_shop_webhook": plan_webhook,
}


def substitute(value: Any, ids: dict[str, str], name: str = "") -> Any:
    """The arguments with ids of things that are there in the place of made-up ones."""
    if isinstance(value, dict):
        return {inner: substitute(part, ids, inner) for inner, part in value.items()}
    if isinstance(value, list):
        return [substitute(part, ids, name.removesuffix("s")) for part in value]
    return ids.get(name, value)


async def make_arguments(client: Client, operation: Operation, shop: SimulatedShop, files: dict[str, str]) -> Arguments:
    if operation.name in PLANNERS:
        return await PLANNERS[operation.name](client, shop)
    order = (await list_orders(client))[0]
    ids = {
        "product_id": (await list_products(client))[0]["id"],
        "order_id": order["id"],
        "main_order_id": order["id"],
        "package_id": order["packages"][0]["id"],
        "return_id": (await find_return(client))["return_id"],
    }
    arguments: Arguments = substitute(accepted(operation, files, NOW), ids)
    for product in arguments.get("products", ()):
        product["id"] = ids["product_id"]
    return arguments


# ---- walks


def list_named(operation: Operation, arguments: Arguments) -> set[tuple[str, str]]:
    """The things that the looks of a write say it is about."""
    looks = [look for look in find_looks(operation, arguments) if not look.may_be_missing]
    return {(look.noun, thing_id) for look in looks for thing_id in look.ids}


def is_refused_as_second(answer: dict[str, Any]) -> bool:
    """The token was used up by then, or the same write under way."""
    return answer.get("error") == "declined" or "it was not sent again" in answer.get("message", "")


def list_shown(items: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(noun, str(item[noun])) for item in items for noun in [next(iter(item))]}


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
async def test_a_write_is_shown_whole_sent_once_told_and_written_down(
    connect: Connect,
    settings: dict[str, Any],
    sandbox: Sandbox,
    shop: SimulatedShop,
    files: dict[str, str],
    operation: Operation,
) -> None:
    name = operation.name
    async with connect(**settings) as client, connect(**settings) as other:
        arguments = await make_arguments(client, operation, shop, files)
        named = list_named(operation, arguments)
        sent = len(writes(sandbox))
        dry = (await run(client, name, arguments, dry_run=True))["data"]
        waiting = await run(client, name, arguments)
        preview = waiting["preview"]
        assert {**preview, "untrusted": []} == {**dry, "untrusted": []}
        assert named <= list_shown(preview.get("now", []))
        is_undoable = find_undo_rule(name) is not None
        inverse, reason = describe_inverse(name), describe_no_way_back(name)
        no_way_back = f"No ready way back: {inverse}." if inverse else f"No way back: {reason}."
        assert preview["undo"].startswith("Can be undone by " if is_undoable else no_way_back)
        assert len(writes(sandbox)) == sent
        token = waiting["confirm"]
        answers = await asyncio.gather(*(told(each, "confirm_write", token=token) for each in (client, other)))
        assert writes(sandbox)[sent:] == [name]
        (done,) = [answer for answer in answers if not is_refused_as_second(answer)]
        entry = (await list_writes(client))[0]
    assert entry["operation"] == name
    if "error" in done:
        assert name not in HANDLERS, done
        assert entry["outcome"] == f"not done: {done['error']}"
        return
    assert entry["outcome"] == "done"
    assert named <= list_shown(done.get("now", []))
    if is_undoable:
        assert get_undoing_operation(entry["undo"]) in preview["undo"]
    else:
        assert entry["undo"] == no_way_back


@pytest.mark.parametrize(
    "operation", [each for each in WRITES if find_undo_rule(each.name)], ids=lambda operation: operation.name
)
async def test_a_write_that_is_taken_back_leaves_what_its_preview_showed(
    connect: Connect, settings: dict[str, Any], shop: SimulatedShop, clock: Clock, operation: Operation
) -> None:
    """What the way back leaves otherwise is said with it, and then it is not all as before."""
    async with connect(**settings) as client:
        arguments = await make_arguments(client, operation, shop, {})
        before = (await run(client, operation.name, arguments, dry_run=True))["data"].get("now", [])
        await send(client, operation.name, arguments)
        clock.now += REVIEW_S if operation.name == "activate_products" else 0  # passed since: nobody changed it
        steps = 0
        while isinstance(undo := (await list_writes(client))[steps]["undo"], dict):
            leaves = undo.get("leaves", "")
            await take_back(client, undo)
            steps += 1
        clock.now += REVIEW_S if "review" in leaves else 0
        after = (await run(client, operation.name, arguments, dry_run=True))["data"].get("now", [])
    assert steps >= 1
    assert undo.startswith("Undone at ")
    if not leaves or "review" in leaves:
        assert after == before


# ---- warnings

# Of writes that the simulated shop has a state for: others have nothing there that they could be about.
RULES = [(o, rule) for o in WRITES if o.name in PLANNERS for rule in find_warning_rules(o)]


def test_every_write_that_the_simulated_shop_has_a_state_for_is_walked_with_real_things() -> None:
    """Files go up by themselves."""
    stateful = {operation.name for operation in WRITES if operation.name in HANDLERS and not operation.is_multipart}
    assert stateful <= PLANNERS.keys()


def plant(rule: WarningRule, value: Any, data: Any) -> Any:
    """The answer of a look in which every thing has a value that the rule warns of."""
    thing = next(t for name, t in LOOKS["things"].items() if t.get("noun", name) == rule.noun and not t.get("max"))
    for row in data.get(thing["list"], []) if "list" in thing else [data]:
        *path, last = rule.field.split(".")
        for part in path:
            row = row[part]  # noqa: PLW2901 - down to the field
        row[last] = value
    return data


@pytest.mark.parametrize(
    ("operation", "rule"), RULES, ids=lambda each: getattr(each, "name", getattr(each, "field", ""))
)
async def test_what_a_rule_warns_of_stands_first_in_the_preview(
    connect: Connect,
    settings: dict[str, Any],
    sandbox: Sandbox,
    shop: SimulatedShop,
    files: dict[str, str],
    operation: Operation,
    rule: WarningRule,
) -> None:
    value = rule.bad_values[0] if rule.bad_values else "SOMETHING_ELSE"
    reading = next(t["operation"] for name, t in LOOKS["things"].items() if t.get("noun", name) == rule.noun)
    async with connect(**settings | {"confirm": "asks"}) as client:
        arguments = await make_arguments(client, operation, shop, files)
        sent = len(writes(sandbox))
        sandbox.faults.add(reading, times=None, edit=lambda data: plant(rule, value, data))
        waiting = await run(client, operation.name, arguments)
    assert len(writes(sandbox)) == sent
    assert waiting["status"] == "confirmation_required"
    words = rule.text.partition("{id}")[2].format(value=value)
    assert any(words in warning for warning in waiting["preview"]["warnings"])
    assert next(key for key in waiting["preview"] if key != "untrusted") == "warnings"
