"""Whatever the platform answers, a result is valid JSON within its budget, and what it leaves out can be read."""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.preview_results import MIN_PREVIEW_BYTES
from mcp_server_tiktok_shop.json_paths import format_path
from tests.keys import ACCESS_TOKEN, reply
from tests.wire.recorder import SHOPS_PATH, TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

LEAST = 2_000
texts = st.text(max_size=20) | st.builds(lambda c, n: c * n, st.characters(exclude_categories=()), st.integers(0, 1500))
values = st.recursive(
    st.booleans() | st.integers(-(2**52), 2**52) | texts,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=12), inner, max_size=5)
        | st.builds(lambda item, times: [item] * times, inner, st.integers(0, 12))
        | st.builds(lambda item, times: {f"n{n}": item for n in range(times)}, inner, st.integers(0, 12))
    ),
    max_leaves=4,
)


@asynccontextmanager
async def platform(connect: Connect, **more: Any) -> AsyncIterator[tuple[Client, Recorder]]:
    async with Recorder() as recorder, connect(api_url=recorder.url, **more) as client:
        yield client, recorder


def answer(recorder: Recorder, data: Any, **more: Any) -> None:
    recorder.answers.clear()
    recorder.answer("/", data=data, **more)
    recorder.answer(SHOPS_PATH, data={"shops": recorder.shops})


async def called(client: Client, name: str, arguments: Json, budget: int) -> Json:
    """The result of a call, whose text is within the budget."""
    result = await client.call_tool(name, arguments)
    size = len(result.content[0].text.encode())  # type: ignore[union-attr]
    assert size <= budget, (name, size)
    return reply(result)


async def read_all(client: Client, result_id: str, steps: tuple[str | int, ...], budget: int) -> Any:
    """What a patient reader puts together who follows every hint."""
    made: Any = None
    arguments: Json = {"id": result_id, "path": format_path(steps) or "data"}
    offset = 0
    while True:
        whole = await called(client, "read_result", arguments | {"offset": offset}, budget)
        told = whole["data"]
        assert "left_out" not in whole
        if "text" in told:
            made = (made or "") + told["text"]
        elif "rows" in told:
            made = made or {"columns": told["columns"], "rows": []}
            made["rows"] += told["rows"]
        elif "items" in told or "in_parts" in told:
            made = (made or []) + told.get("items", [])
            if "in_parts" in told:
                made.append(await read_all(client, result_id, (*steps, offset + len(told.get("items", []))), budget))
        elif "values" in told or "parts" in told:
            made = (made or {}) | told.get("values", {})
            for name in told.get("parts", {}):
                made[name] = await read_all(client, result_id, (*steps, name), budget)
        else:
            return told.get("value")
        if "next_offset" not in told:
            return made
        assert told["next_offset"] > offset
        offset = told["next_offset"]


@settings(max_examples=10)
@given(st.dictionaries(st.text(max_size=12), values, max_size=4), st.integers(LEAST, 9_000))
@example({"orders": [{"id": "1", "text": "x" * 200_000}, {"id": "2"}], "next_page_token": "t"}, LEAST)
@example({"orders": [{"id": str(n), "buyer_message": "m" * 90} for n in range(300)], "next_page_token": "t"}, LEAST)
@example({f"list{n}": [{"buyer_message": "m", "id": "x" * 90}] * 9 for n in range(90)}, LEAST)
@example({"rates": {f"rate {n}": {"buyer_message": "text"} for n in range(900)}}, LEAST)
async def test_any_answer_fits_any_budget_and_is_read_whole_in_parts(connect: Connect, data: Json, budget: int) -> None:
    call = ("get_order_list", {"fields": ["*"]})
    async with platform(connect, result_bytes=2_000_000) as (client, recorder):
        answer(recorder, data)
        whole = reply(await client.call_tool(*call))
    async with platform(connect, result_bytes=budget) as (client, recorder):
        answer(recorder, data)
        told = await called(client, *call, budget)
        if "result_id" not in told:
            assert told["data"] == whole["data"]
            assert ("next_page_token" in told) == ("next_page_token" in whole)
            return
        if "left_out" in told:
            assert "next_page_token" not in told
        assert await read_all(client, told["result_id"], (), budget) == whole["data"]


async def test_a_page_token_is_told_at_the_end_of_what_was_left_out(connect: Connect) -> None:
    orders = [{"id": str(n), "text": "t" * 300} for n in range(40)]
    async with platform(connect, result_bytes=LEAST) as (client, recorder):
        answer(recorder, {"orders": orders, "next_page_token": "t2"})
        told = await called(client, "get_order_list", {"fields": ["*"]}, LEAST)
        assert "next_page_token" not in told
        offset, tokens = len(told["data"]["orders"]), []
        while offset is not None:
            part = (await called(client, "read_result", {"id": told["result_id"], "offset": offset}, LEAST))["data"]
            tokens.append(part.get("next_page_token"))
            offset = part.get("next_offset")
        assert tokens == [None] * (len(tokens) - 1) + ["t2"]


async def test_faults_that_do_not_fit_are_counted_and_can_be_read(connect: Connect) -> None:
    errors = [{"code": 1, "message": "é" * 50, "detail": {"order_id": str(n)}} for n in range(900)]
    async with platform(connect, result_bytes=LEAST) as (client, recorder):
        answer(recorder, {"orders": [{"id": "1"}], "errors": errors})
        told = await called(client, "get_order_list", {}, LEAST)
        assert len(told["failed"]) + told["left_out"] == 900
        failed = await read_all(client, told["result_id"], ("failed",), LEAST)
        assert [one["id"] for one in failed] == [str(n) for n in range(900)]
        # All of a batch failed: an error, which has its bounds, too.
        answer(recorder, {"errors": errors})
        ids = [str(n) for n in range(20)]
        told = await called(client, "delete_products", {"product_ids": ids}, LEAST)
        assert told["error"] == "platform"
        assert "failed: " in told["note"]


async def test_what_is_told_beside_an_answer_counts(connect: Connect) -> None:
    shop = TEA | {"name": "\U0001f375" * 400}
    orders = [{"id": str(n), "text": "t" * 100} for n in range(90)]
    async with platform(connect, result_bytes=LEAST) as (client, recorder):
        recorder.shops = [shop]
        answer(recorder, {"orders": orders, "next_page_token": "a"})
        told = await called(client, "get_order_list", {"create_time_ge": "2026-11-01", "fields": ["*"]}, LEAST)
        assert told["shop"] == shop["name"] or "result_id" in told
        recorder.answers.pop(0)
        recorder.answer("/order", data={"orders": orders[:8], "next_page_token": "a"}, times=1)
        recorder.answers[0], recorder.answers[-1] = recorder.answers[-1], recorder.answers[0]
        recorder.answers.insert(0, recorder.answers[0].__class__("/order", None, 12052048, "é" * 9_000, 200, {}, None))
        await called(client, "get_order_list", {"pages": "all"}, LEAST)


async def test_a_secret_in_an_answer_is_hidden_and_leaves_it_within_the_budget(connect: Connect) -> None:
    orders = [{"id": str(n), "text": ACCESS_TOKEN[:6] * 9 + ACCESS_TOKEN} for n in range(200)]
    async with platform(connect, result_bytes=LEAST) as (client, recorder):
        answer(recorder, {"orders": orders})
        told = await called(client, "get_order_list", {"fields": ["*"]}, LEAST)
        assert ACCESS_TOKEN not in json.dumps(told)
        part = await called(client, "read_result", {"id": told["result_id"]}, LEAST)
        assert ACCESS_TOKEN not in json.dumps(part)
        resource = await client.read_resource(f"tiktok-shop://results/{told['result_id']}")
        assert ACCESS_TOKEN not in resource.contents[0].text  # type: ignore[union-attr]


async def test_the_servers_own_tools_stay_within_the_budget(connect: Connect) -> None:
    async with platform(connect, result_bytes=LEAST) as (client, recorder):
        recorder.shops = [
            TEA | {"id": str(n), "name": f"Shop {n}", "cipher": f"GCP_{uuid.uuid4()}"} for n in range(300)
        ]
        told = await called(client, "list_shops", {}, LEAST)
        assert len(told["data"]["shops"]) + told["left_out"] == 300
        assert len(await read_all(client, told["result_id"], ("shops",), LEAST)) == 300
        await called(client, "find_operations", {"query": "order", "limit": 50}, LEAST)
        await called(client, "describe_operation", {"name": "create_product"}, LEAST)
        await called(client, "get_order_list", {"colour": "x" * 9_000, "page_size": 500}, LEAST)
        await called(client, "get_order_list", {}, LEAST)  # shop_required, with three hundred to choose from
        await called(client, "get_order_list", {"shop": "x" * 9_000}, LEAST)
        wrong = [f"orders.{n}" for n in range(900)]
        await called(client, "get_order_list", {"shop": "3", "fields": wrong}, LEAST)


async def test_previews_of_large_writes_stay_within_the_budget(connect: Connect) -> None:
    message = {"conversation_id": "1", "type": "TEXT", "content": json.dumps({"content": "é" * 1_900}), "dry_run": True}
    products = {"product_ids": [str(1729382256910270000 + n) for n in range(20)]}
    async with platform(connect, result_bytes=LEAST, confirm="all") as (client, _):
        await called(client, "send_message", message, LEAST)
        shown = await called(client, "delete_products", products | {"dry_run": True}, LEAST)
        assert shown["note"].startswith("A dry run")
        asked = await called(client, "delete_products", products, LEAST)
        assert asked["confirm"]
        refused = await called(client, "send_message", message | {"dry_run": False}, LEAST)
        assert refused["error"] == "invalid_arguments"  # nobody could see so long a message whole
        # What is agreed to is shown whole, however small results are to be.
        whole = {"content": json.dumps({"content": "é" * 900}), "dry_run": False}
        asked = await called(client, "send_message", message | whole, MIN_PREVIEW_BYTES)
        assert asked["confirm"]
