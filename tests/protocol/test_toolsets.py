"""What is listed is a choice; what is done is decided by exclusion, read-only and pin, wherever it is called from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import SettingsError
from tests.keys import reply

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

AREAS = sorted({operation.area for operation in Catalog().operations.values()})


async def names(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


def size(tools: Any) -> int:
    told = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    return len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())


async def test_the_default_lists_what_sellers_mostly_need(connect: Connect) -> None:
    async with connect(confirm="asks") as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == [*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS]
    assert size(listed) / 4 <= 10_000


async def test_none_lists_only_what_reaches_everything(connect: Connect) -> None:
    async with connect(toolsets="none", confirm="asks") as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == list(ALWAYS_LISTED_TOOLS)
    assert size(listed) / 4 <= 1500


async def test_all_lists_every_operation(connect: Connect) -> None:
    async with connect(toolsets="all", confirm="asks") as client:
        assert set(await names(client)) == Catalog().operations.keys()


@pytest.mark.parametrize("area", AREAS)
async def test_a_toolset_lists_its_area(connect: Connect, area: str) -> None:
    async with connect(toolsets=area, confirm="asks") as client:
        listed = await names(client)
    expected = {name for name, operation in Catalog().operations.items() if operation.area == area}
    assert set(listed) == expected | set(ALWAYS_LISTED_TOOLS)


async def test_single_tools_are_added_and_taken_away_and_taking_away_wins(connect: Connect) -> None:
    async with connect(
        toolsets="orders", tools="update_price,search_returns", exclude_tools="get_price_detail"
    ) as client:
        listed = await names(client)
        assert {"update_price", "search_returns", "get_order_list"} <= set(listed)
        assert "get_price_detail" not in listed
    async with connect(tools="update_price", exclude_tools="update_price") as client:
        assert "update_price" not in await names(client)


@pytest.mark.parametrize(
    ("name", "value"), [("toolsets", "ordres"), ("tools", "get_order"), ("exclude_tools", "delete_product")]
)
async def test_an_unknown_name_stops_the_start_with_the_nearest(connect: Connect, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="did you mean"):
        async with connect(**{name: value}):
            pass


async def test_what_is_not_listed_can_still_be_called(connect: Connect) -> None:
    async with connect(sandbox=True, toolsets="none") as client:
        called = await client.call_tool("get_warehouse_list", {})
        run = await client.call_tool("run_read_operation", {"name": "get_warehouse_list"})
    assert reply(called)["data"] == reply(run)["data"]


@pytest.mark.parametrize("through", [None, "run_read_operation", "run_write_operation"])
async def test_what_is_excluded_is_not_done_from_anywhere(connect: Connect, through: str | None) -> None:
    async with connect(sandbox=True, exclude_tools="get_warehouse_list") as client:
        if through is None:
            result = await client.call_tool("get_warehouse_list", {})
        else:
            result = await client.call_tool(through, {"name": "get_warehouse_list"})
        found = reply(await client.call_tool("find_operations", {"query": "my warehouses", "limit": 50}))
    assert reply(result)["error"] == "not_permitted"
    assert "get_warehouse_list" not in [operation["name"] for operation in found["data"]["operations"]]


async def test_read_only_holds_for_operations_that_are_run_by_name(connect: Connect) -> None:
    async with connect(sandbox=True, read_only=True, toolsets="all") as client:
        assert "run_write_operation" not in await names(client)
        catalog = Catalog()
        listed = [catalog.operations[name] for name in await names(client)]
        assert not [operation.name for operation in listed if operation.changes_shop]
        for tool, arguments in (
            ("run_write_operation", {"name": "delete_products", "arguments": {"product_ids": ["1"]}}),
            ("delete_products", {"product_ids": ["1"]}),
        ):
            assert reply(await client.call_tool(tool, arguments))["error"] == "read_only"
        refused = await client.call_tool("run_read_operation", {"name": "delete_products"})
        assert reply(refused)["error"] == "not_permitted"


async def test_a_reader_runs_reads_alone_and_neither_runs_itself(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for tool, name in (
            ("run_read_operation", "delete_products"),
            ("run_read_operation", "run_read_operation"),
            ("run_write_operation", "run_write_operation"),
        ):
            result = await client.call_tool(tool, {"name": name, "arguments": {}})
            assert result.is_error
            assert reply(result)["error"] in ("not_permitted", "invalid_arguments")


async def test_arguments_of_a_run_may_be_json_text_and_hold_the_shop(connect: Connect) -> None:
    async with connect(sandbox=True, sandbox_shops=3) as client:
        text = json.dumps({"shop": "US", "page_size": 1})
        told = reply(await client.call_tool("run_read_operation", {"name": "get_order_list", "arguments": text}))
        assert told["shop"] == "Sandbox Tea Company"


async def test_a_retired_path_answers_with_what_took_its_place(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        result = await client.call_tool("run_read_operation", {"name": "/finance/202309/payments"})
        near = await client.call_tool("describe_operation", {"name": "update_prices"})
    assert "get_payments" in reply(result)["hint"]
    assert "update_price" in reply(near)["hint"]


async def test_an_operation_whose_answer_is_a_token_is_refused_with_the_reason(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        told = reply(await client.call_tool("run_read_operation", {"name": "get_widget_token"}))
    assert told["error"] == "not_permitted"
    assert "token" in told["message"]


@pytest.mark.parametrize(("question", "operation"), [("refund a customer", "search_returns"), ("my drafts", None)])
async def test_a_round_of_find_describe_and_run_is_cheap(
    connect: Connect, question: str, operation: str | None
) -> None:
    async with connect(sandbox=True) as client:
        found = await client.call_tool("find_operations", {"query": question})
        first = operation or reply(found)["data"]["operations"][0]["name"]
        described = await client.call_tool("describe_operation", {"name": first})
    spent = sum(len(result.content[0].text.encode()) for result in (found, described))  # type: ignore[union-attr, misc]
    assert spent / 4 <= 1600


async def test_the_largest_description_stays_within_its_budget(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for name in Catalog().operations:
            text = (await client.call_tool("describe_operation", {"name": name})).content[0].text  # type: ignore[union-attr]
            assert len(text.encode()) / 4 <= 6000, name


async def test_a_partners_operation_asks_which_category_asset(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        name, arguments = "get_affiliate_partner_campaign_list", {"page_size": 1}
        asked = reply(await client.call_tool("run_read_operation", {"name": name, "arguments": arguments}))
        assert asked["error"] == "shop_required"
        assert asked["category_assets"]
        chosen = {**arguments, "category_asset": "GB/3"}
        assert not (await client.call_tool("run_read_operation", {"name": name, "arguments": chosen})).is_error
