"""What is wrong is refused before it is sent: the error names the argument and says what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import call_agreed, reply

from .checks import assert_says, assert_signed, assert_silent, problem_with, refused
from .limits_table import (
    ABYSMAL,
    CHOICES,
    EMPTY,
    INVALID_JSON_TEXT,
    LIMITS,
    MISSING,
    NEAR_MISSES,
    PICTURES,
    ROUNDED_IDS,
    SMUGGLED,
    STRAYING_IDS,
    UNKNOWN_ARGUMENTS,
    WRONG_TYPES,
    Choice,
    Limit,
    Refusal,
)
from .pictures import png
from .recorder import COFFEE, TEA, TOKEN_PATHS, Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from .checks import Connect


@pytest.mark.parametrize("limit", LIMITS, ids=str)
async def test_what_is_at_the_limit_is_sent(connect: Connect, limit: Limit) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await call_agreed(client, limit.tool, limit.accepted)
    assert result.is_error is not True, reply(result)
    [request] = recorder.get_calls(limit.tool)
    if request.raw_path not in TOKEN_PATHS:
        assert_signed(request)


@pytest.mark.parametrize("limit", LIMITS, ids=str)
async def test_what_is_one_past_the_limit_is_not_sent(connect: Connect, limit: Limit) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool(limit.tool, limit.refused)
    told = refused(result, limit.kind)
    assert_says(problem_with(limit.argument, told), limit.says)
    assert_silent(recorder)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
async def test_every_member_of_a_closed_set_is_sent(connect: Connect, choice: Choice) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        for member in choice.members:
            result = await client.call_tool(choice.tool, choice.arguments(member))
            assert result.is_error is not True, (member, reply(result))
    assert len(recorder.get_calls(choice.tool)) == len(choice.members)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
async def test_what_is_no_member_of_a_closed_set_is_not_sent(connect: Connect, choice: Choice) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool(choice.tool, choice.arguments(choice.wrong))
    told = refused(result, "invalid_arguments")
    assert_says(problem_with(choice.argument, told), choice.members)
    assert_silent(recorder)


async def assert_refused(connect: Connect, refusal: Refusal) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool(refusal.tool, refusal.arguments)
    told = refused(result, refusal.kind)
    assert_says(problem_with(refusal.argument, told), refusal.says)
    assert_silent(recorder)


@pytest.mark.parametrize("refusal", UNKNOWN_ARGUMENTS, ids=str)
async def test_an_unknown_argument_is_refused_by_name(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", NEAR_MISSES, ids=str)
async def test_a_near_miss_is_told_the_right_name(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", WRONG_TYPES, ids=str)
async def test_a_wrong_type_is_refused(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", ROUNDED_IDS, ids=str)
async def test_a_rounded_id_is_refused(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", INVALID_JSON_TEXT, ids=str)
async def test_invalid_json_text_for_a_payload_is_refused(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", MISSING, ids=str)
async def test_a_missing_argument_is_asked_for(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", EMPTY, ids=str)
async def test_a_required_argument_is_never_empty(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", STRAYING_IDS, ids=str)
async def test_an_id_never_leads_the_path_astray(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", SMUGGLED, ids=str)
async def test_a_limit_is_not_passed_by_with_commas(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", PICTURES, ids=str)
async def test_what_is_no_picture_is_refused(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


@pytest.mark.parametrize("refusal", ABYSMAL, ids=str)
async def test_what_no_reader_expects_is_refused_like_anything_else(connect: Connect, refusal: Refusal) -> None:
    await assert_refused(connect, refusal)


async def test_a_picture_of_ten_megabytes_is_sent_and_a_larger_one_is_not(connect: Connect, tmp_path: Path) -> None:
    # What both readings of "10 MB" accept, and what both refuse.
    (tmp_path / "fits.png").write_bytes(png(300, 300, size=10_000_000))
    (tmp_path / "large.png").write_bytes(png(300, 300, size=10 * 1024 * 1024 + 1))
    async with (
        Recorder() as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url, files=tmp_path) as client,
    ):
        sent = await client.call_tool("upload_product_image", {"image_path": str(tmp_path / "fits.png")})
        unsent = await client.call_tool("upload_product_image", {"image_path": str(tmp_path / "large.png")})
    assert sent.is_error is not True, reply(sent)
    assert_says(problem_with("image_path", refused(unsent)), ("10 ?MB|10485760",))
    [request] = recorder.calls
    assert_signed(request)
    assert len(request.body) > 10_000_000


async def test_all_faults_of_a_call_are_told_at_once(connect: Connect) -> None:
    arguments = {
        "page_size": 500,
        "colour": "red",
        "order_status": "LOST",
        "create_time_ge": "soon",
        "warehouse_ids": '["1"',
    }
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        told = refused(await client.call_tool("get_order_list", arguments))
    for argument in arguments:
        problem_with(argument, told)
    assert_silent(recorder)


async def test_too_many_are_told_how_many_are_allowed_and_to_split(connect: Connect) -> None:
    ids = [str(number) for number in range(1, 52)]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        told = refused(await client.call_tool("get_order_detail", {"ids": ids}), "batch_limit")
    words = f"{told['message']} {told['hint']} {told['problems']}"
    assert "50" in words
    assert "51" in words
    assert any(word in words.lower() for word in ("split", "calls", "parts", "batches"))
    assert_silent(recorder)


SHOP_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_warehouse_list", {}),
    ("get_order_list", {"page_size": 1}),
    ("delete_products", {"product_ids": ["1729592969712207008"]}),
]


@pytest.mark.parametrize(("tool", "arguments"), SHOP_CALLS)
async def test_of_two_shops_one_must_be_named(connect: Connect, tool: str, arguments: dict[str, Any]) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        result = await client.call_tool(tool, arguments)
    assert_shop_required(recorder, result.is_error, reply(result))


async def test_without_an_authorized_shop_nothing_is_sent(connect: Connect) -> None:
    async with Recorder(shops=[]) as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool("get_warehouse_list", {})
    told = reply(result)
    assert result.is_error is True
    assert told["error"] == "shop_required"
    assert told["hint"]
    assert_silent(recorder)


@pytest.mark.parametrize("name", ["Corner Shop", "1", "FR"])
async def test_a_shop_that_is_not_there_is_refused_with_those_that_are(connect: Connect, name: str) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        result = await client.call_tool("get_warehouse_list", {"shop": name})
    assert result.is_error is True
    assert {"Leaf and Kettle", "Bean and Grinder"} <= names_in(reply(result))
    assert_silent(recorder)


async def test_a_region_with_two_shops_names_neither(connect: Connect) -> None:
    twin = {**COFFEE, "region": "GB"}
    async with (
        Recorder(shops=[TEA, twin]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        result = await client.call_tool("get_warehouse_list", {"shop": "GB"})
    assert result.is_error is True
    assert {"Leaf and Kettle", "Bean and Grinder"} <= names_in(reply(result))
    assert_silent(recorder)


def assert_shop_required(recorder: Recorder, is_error: bool | None, told: dict[str, Any]) -> None:
    assert is_error is True
    assert told["error"] == "shop_required"
    assert told["hint"]
    assert {"Leaf and Kettle", "Bean and Grinder"} <= names_in(told)
    assert len(recorder.requests) == len(recorder.shop_calls) == 1


def names_in(told: dict[str, Any]) -> set[str]:
    return {shop["name"] for shop in (TEA, COFFEE) if shop["name"] in str(told)}
