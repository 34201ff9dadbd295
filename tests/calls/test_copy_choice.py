"""Filters that people mean and TikTok's lists lack: the local copy chooses, and the platform is read by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.conftest import CATALOG
from tests.platform.test_tokens import bad, good
from tests.sandbox.client import NOW, Clock
from tests.tools.platform_lists import at_the_shop, to_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp import Client

    from tests.conftest import Connect
    from tests.sandbox.client import Json

SEVERAL = ["AWAITING_SHIPMENT", "ON_HOLD", "UNPAID"]


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    """Nothing here changes it."""
    return Sandbox(clock=Clock())


@pytest.fixture
def era() -> str:
    return "auto"


async def read_all(client: Client, tool: str, rows: str, identifier: str, **arguments: object) -> list[str]:
    """The ids of all rows, page after page."""
    found: list[str] = []
    token = None
    while True:
        page: Json = {"page_token": token} if token else {}
        told = good(await client.call_tool(tool, {**arguments, **page, "fields": [f"{rows}.{identifier}"]}))
        assert "as_of" in told["note"]
        table = told["data"].get(rows, {"columns": [], "rows": []})
        found += [row[identifier] for row in (to_rows(table) if isinstance(table, dict) else table)]
        token = told.get("next_page_token")
        if token is None:
            return found


async def test_orders_of_several_statuses_come_in_one_list(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        found = await read_all(client, "get_order_list", "orders", "id", order_statuses=SEVERAL, page_size=7)
        asked = {"order_statuses": SEVERAL, "fields": ["orders.id"]}
        pages = good(await client.call_tool("get_order_list", asked | {"page_size": 5, "pages": 2}))
        every = good(await client.call_tool("get_order_list", asked | {"page_size": 5, "pages": "all"}))
        orders = sorted(await shop.orders(), key=lambda order: (-order["create_time"], order["id"]))
    assert found == [order["id"] for order in orders if order["status"] in SEVERAL]
    assert len(found) > 10  # more than a page
    assert [row["id"] for row in to_rows(pages["data"]["orders"])] == found[:10]
    assert pages["next_page_token"]
    assert [row["id"] for row in to_rows(every["data"]["orders"])] == found
    assert "next_page_token" not in every


@pytest.mark.parametrize(
    ("field", "direction"),
    [("create_time", "ASC"), ("create_time", "DESC"), ("update_time", "ASC"), ("update_time", None), (None, "ASC")],
)
@pytest.mark.parametrize(
    ("tool", "rows", "identifier", "chosen"),
    [
        ("get_order_list", "orders", "id", {"order_statuses": SEVERAL}),
        ("search_returns", "return_orders", "return_id", {"waits_for_seller": True}),
        ("search_cancellations", "cancellations", "cancel_id", {"waits_for_seller": False}),
    ],
)
async def test_rows_come_in_the_order_that_is_asked_for(
    connect: Connect,
    shared: Sandbox,
    tool: str,
    rows: str,
    identifier: str,
    chosen: Json,
    field: str | None,
    direction: str | None,
) -> None:
    order = {name: value for name, value in (("sort_field", field), ("sort_order", direction)) if value}
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        shown = {"fields": [f"{rows}.{identifier}", f"{rows}.create_time", f"{rows}.update_time"], "page_size": 50}
        told = good(await client.call_tool(tool, chosen | shown | order))
    table = told["data"][rows]
    found = to_rows(table) if isinstance(table, dict) else table
    schema = CATALOG.operations[tool].arguments
    sorted_by, way = field or schema["sort_field"]["default"], direction or schema["sort_order"]["default"]
    times = [row[sorted_by] for row in found]
    assert len(times) > 1
    assert times == sorted(times, reverse=way == "DESC")


async def test_orders_are_found_by_what_is_in_them(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        orders = await shop.orders()
        line = orders[0]["line_items"][0]
        by_title = await read_all(client, "get_order_list", "orders", "id", product=line["product_name"][2:9].upper())
        by_sku = await read_all(client, "get_order_list", "orders", "id", product=line["seller_sku"].lower())

    def holds(is_meant: Callable[[Json], bool]) -> set[str]:
        return {order["id"] for order in orders if any(map(is_meant, order["line_items"]))}

    part = line["product_name"][2:9].lower()
    assert set(by_title) == holds(lambda each: part in each["product_name"].lower())
    assert set(by_sku) == holds(lambda each: each["seller_sku"] == line["seller_sku"])
    assert orders[0]["id"] in by_sku


async def test_products_are_found_by_title_and_without_deleted_ones(connect: Connect) -> None:
    sandbox = Sandbox(clock=Clock())
    async with at_the_shop(connect, sandbox, Clock()) as (client, (shop,)):
        products = await shop.products()
        gone = next(product for product in products if "Tea" in product["title"] and product["status"] == "ACTIVATE")
        good(await client.call_tool("delete_products", {"product_ids": [gone["id"]]}))
        alive = await read_all(client, "search_products", "products", "id", title="tea", is_deleted=False)
        asked = {"title": "tea", "is_deleted": False, "page_size": 100, "fields": ["products.id"]}
        at_once = good(await client.call_tool("search_products", asked))
        deleted = await read_all(client, "search_products", "products", "id", is_deleted=True)
        products = await shop.products()
    meant = {each["id"] for each in products if each["status"] != "DELETED" and "tea" in each["title"].lower()}
    assert set(alive) == meant
    assert len(alive) == len(meant) > 10  # more than a page
    assert [row["id"] for row in to_rows(at_once["data"]["products"])] == alive
    assert "next_page_token" not in at_once
    assert set(deleted) == {each["id"] for each in products if each["status"] == "DELETED"} == {gone["id"]}


@pytest.mark.parametrize(
    ("tool", "rows", "identifier"),
    [("search_returns", "return_orders", "return_id"), ("search_cancellations", "cancellations", "cancel_id")],
)
async def test_what_waits_for_the_seller_is_found(
    connect: Connect, shared: Sandbox, tool: str, rows: str, identifier: str
) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        found = await read_all(client, tool, rows, identifier, waits_for_seller=True)
        rest = await read_all(client, tool, rows, identifier, waits_for_seller=False)
        every = await (shop.returns() if rows == "return_orders" else shop.cancellations())
    waiting = {each[identifier] for each in every if each.get("seller_next_action_response")}
    assert set(found) == waiting
    assert set(rest) == {each[identifier] for each in every} - waiting
    assert waiting


@pytest.mark.parametrize(
    ("arguments", "is_noted"),
    [
        ({"order_statuses": ["COMPLETED", "CANCELLED"]}, True),
        ({"order_statuses": ["COMPLETED", "AWAITING_SHIPMENT"]}, True),
        ({"order_statuses": SEVERAL}, False),  # what is open is not old
        ({"product": "tea"}, True),
        ({"product": "tea", "order_status": "AWAITING_SHIPMENT"}, False),
        ({"product": "tea", "create_time_ge": NOW - 7 * 86_400}, False),
        ({"product": "tea", "create_time_ge": NOW - 700 * 86_400}, True),
    ],
)
async def test_how_far_the_copy_reaches_is_told_where_more_was_asked_for(
    connect: Connect, shared: Sandbox, arguments: Json, *, is_noted: bool
) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        told = good(await client.call_tool("get_order_list", arguments | {"fields": ["orders.id"]}))
    assert told["data"]["orders"]
    assert ("orders reaches back to " in told["note"]) == is_noted


async def test_rows_are_as_the_platform_has_them_now_and_not_as_the_copy_had_them(connect: Connect) -> None:
    sandbox = Sandbox(clock=Clock())

    def cancel(data: Json) -> Json:
        return {"orders": [order | {"status": "CANCELLED"} for order in data["orders"]]}

    async with at_the_shop(connect, sandbox, Clock()) as (client, _):
        asked = {"order_statuses": SEVERAL, "fields": ["orders.id", "orders.status"]}
        before = to_rows(good(await client.call_tool("get_order_list", asked))["data"]["orders"])
        sandbox.faults.add("get_order_detail", times=None, edit=cancel)
        after = to_rows(good(await client.call_tool("get_order_list", asked))["data"]["orders"])
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert {row["status"] for row in before} <= set(SEVERAL)
    assert {row["status"] for row in after} == {"CANCELLED"}


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"order_statuses": ["SHIPPED"]}, "order_statuses"),
        ({"product": "tea", "save_as": "x.csv"}, "save_as"),
        ({"product": "tea", "is_buyer_request_cancel": True}, "is_buyer_request_cancel"),
        ({"product": "tea", "page_token": "abc"}, "page_token"),
    ],
)
async def test_what_the_copy_cannot_choose_by_is_refused_by_name(
    connect: Connect, shared: Sandbox, arguments: Json, argument: str
) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        sent = len(shared.log.list_entries("get_order_list"))
        told = bad(await client.call_tool("get_order_list", arguments))
        assert len(shared.log.list_entries("get_order_list")) == sent
    assert told["error"] == "invalid_arguments"
    assert told["problems"][0]["argument"] == argument
    if "product" in arguments and argument != "page_token":
        allowed = told["problems"][0]["allowed"]
        assert "order_statuses" in allowed
        assert argument not in allowed


def test_every_choice_by_the_copy_names_what_there_is() -> None:
    choices = {name: each.copy_choice for name, each in CATALOG.operations.items() if each.copy_choice is not None}
    assert choices
    for name, choice in choices.items():
        operation, reading = CATALOG.operations[name], CATALOG.operations[choice.read]
        assert choice.filters.keys() <= operation.arguments.keys()
        assert operation.copy_arguments <= choice.filters.keys()
        assert reading.arguments[choice.ids]["type"] == "array"
        assert choice.batch <= reading.arguments[choice.ids].get("maxItems", choice.batch)
        assert all(f"${argument}" in sql for argument, sql in choice.filters.items())
    assert {name for name, each in CATALOG.operations.items() if each.copy_arguments} == choices.keys()
