"""What `find_operations` tells of a hit, of what nothing does, and of what only a question asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.gaps import load_gaps
from mcp_server_tiktok_shop.catalog.loader import Catalog
from tests.keys import reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

CATALOG = Catalog()
QUESTION_FOLDER = Path(__file__).parents[1] / "catalog"
QUESTIONS = json.loads((QUESTION_FOLDER / "questions.json").read_text(encoding="utf-8"))
# Written before the gaps had any words. The even ones were then looked at, the odd ones counted alone.
GAP_QUESTIONS = json.loads((QUESTION_FOLDER / "gap_questions.json").read_text(encoding="utf-8"))
EXPLANATIONS = {gap.name: gap.explanation for gap in load_gaps()}
MAX_HIT_BYTES = 450


def finder(client: Client) -> Callable[..., Awaitable[Json]]:
    async def find(query: str, **more: Any) -> Json:
        data: Json = reply(await client.call_tool("find_operations", {"query": query, **more}))["data"]
        return data

    return find


async def test_a_hit_shows_its_main_arguments(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        find = finder(client)
        hits = {hit["name"]: hit for hit in (await find("cancel an order"))["operations"]}
        assert hits["cancel_order"]["required"] == ["order_id", "cancel_reason"]
        assert "skus" in hits["cancel_order"]["optional"]
        hits = {hit["name"]: hit for hit in (await find("orders of last week"))["operations"]}
        assert {"order_status", "create_time_ge"} <= {*hits["get_order_list"]["optional"]}
        assert "page_token" not in hits["get_order_list"]["optional"]
        hits = {hit["name"]: hit for hit in (await find("change the title of a product"))["operations"]}
        edit = hits["partial_edit_product"]
        assert edit["required"] == ["product_id"]
        assert {"title", "description"} <= {*edit["optional"]}
        assert edit["optional"][-1] == "…", "there are more"


async def test_every_hit_is_short_and_names_arguments_that_exist(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        find = finder(client)
        seen = 0
        for area in dict.fromkeys(operation.area for operation in CATALOG.operations.values()):
            told = await find("show list create change delete order product", area=area, limit=50)
            for hit in told.get("operations", ()):
                seen += 1
                operation = CATALOG.operations[hit["name"]]
                arguments = [*hit.get("required", ()), *hit.get("optional", ())]
                assert {*arguments} - {"…"} <= operation.arguments.keys(), hit
                assert {*hit.get("required", ())} == {*operation.caller_required}, hit
                assert len(json.dumps(hit, ensure_ascii=False).encode()) <= MAX_HIT_BYTES, hit
    assert seen > 200


@pytest.mark.parametrize(
    ("question", "gap"),
    [
        ("read my product reviews", "reviews"),
        ("do I have policy violations?", "violations"),
        ("send an email to the buyer", "email"),
        ("remind me tomorrow to ship", "timers"),
        ("set a timer for two hours", "timers"),
        ("check every morning at 8 for new orders", "timers"),
    ],
)
async def test_what_nothing_does_is_said_plainly_with_the_nearest_way(
    connect: Connect, question: str, gap: str
) -> None:
    async with connect(sandbox="1") as client:
        told = await finder(client)(question)
    assert told["no_operation"] == EXPLANATIONS[gap]
    assert next(iter(told)) == "no_operation", "before the operations, which do something else"
    nearest = [name for known in load_gaps() if known.name == gap for name in known.nearest]
    assert [hit["name"] for hit in told["operations"]][: len(nearest)] == nearest


async def test_nine_of_ten_gaps_are_found_and_hardly_anything_is_called_one(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        find = finder(client)
        odd = GAP_QUESTIONS[1::2]
        told = [(await find(question["ask"])).get("no_operation") for question in odd]
        found = sum(EXPLANATIONS[question["gap"]] == words for question, words in zip(odd, told, strict=True))
        assert found / len(odd) >= 0.9
        wrong = [question["ask"] for question in QUESTIONS if "no_operation" in await find(question["ask"], limit=1)]
        assert len(wrong) <= len(QUESTIONS) // 100, wrong


async def test_a_gap_names_only_operations_that_this_server_does(connect: Connect) -> None:
    assert all(name in CATALOG.operations for gap in load_gaps() for name in gap.nearest)
    async with connect(sandbox="1", read_only=True) as client:
        told = await finder(client)("send an email to the buyer")
    assert "no_operation" in told
    assert "send_message" not in [hit["name"] for hit in told["operations"]]


async def test_a_gap_of_another_area_is_not_told(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        find = finder(client)
        assert "no_operation" in await find("withdraw my balance to my bank", area="finance")
        assert "no_operation" not in await find("withdraw my balance to my bank", area="products")


@pytest.mark.parametrize(
    "question",
    [
        "which products were deleted",
        "why was my product deactivated?",
        "can I still cancel this order?",
        "may this order go in two boxes",
        "what happens if I reject a return",
        "is there a holiday mode",
        "do I have refunds to approve",
        "how many orders did buyers cancel",
    ],
)
async def test_who_only_asks_is_not_led_to_something_destructive_first(connect: Connect, question: str) -> None:
    async with connect(sandbox="1") as client:
        told = await finder(client)(question, limit=50)
    effects = [hit["effect"] for hit in told["operations"]]
    assert "destructive" in effects, "there was something to be led to"
    assert effects[0] != "destructive"


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ("delete a product", "delete_products"),
        ("how do I cancel an order", "cancel_order"),
        ("is there a way to approve a return", "decide_returns"),
        ("can you deactivate a product", "deactivate_products"),
    ],
)
async def test_an_order_in_the_form_of_a_question_still_leads_there(connect: Connect, order: str, name: str) -> None:
    async with connect(sandbox="1") as client:
        told = await finder(client)(order)
    assert told["operations"][0]["name"] == name


async def test_who_looks_and_then_orders_is_led_to_both(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        told = await finder(client)("find the old listing and delete it")
    assert {"search_products", "delete_products"} <= {hit["name"] for hit in told["operations"]}


async def test_no_question_of_sellers_leads_to_something_destructive_first(connect: Connect) -> None:
    starts = ("what ", "which ", "who ", "how many ", "when ", "where ", "why ", "is ", "are ", "did ", "does ")
    asked = [question["ask"] for question in QUESTIONS if question["ask"].lower().startswith(starts)]
    assert len(asked) > 40
    async with connect(sandbox="1") as client:
        find = finder(client)
        firsts = {question: (await find(question, limit=1))["operations"] for question in asked}
    assert [q for q, hits in firsts.items() if hits and hits[0]["effect"] == "destructive"] == []
