"""What a client lists: small, plain schemas that every provider takes, with hints that tell reads from writes."""

from __future__ import annotations

import json
import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from tests.keys import reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.types import Tool

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

CATALOG = Catalog()
LISTED = (*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS)
TYPES = {"string", "integer", "number", "boolean", "array", "object"}
FORBIDDEN = {
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "$ref",
    "$defs",
    "definitions",
    "null",
    "title",
    "pattern",
    "patternProperties",
    "const",
    "format",
}
LISTED_KEYWORDS = {
    "type",
    "description",
    "properties",
    "required",
    "items",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "additionalProperties",
}
OPEN_OBJECTS = {"get_report.parameters", "run_read_operation.arguments", "run_write_operation.arguments"}
SHOP_WRITES = {
    "create_product",
    "ship_orders",
    "cancel_orders",
    "decide_returns",
    "reply_to_buyer",
    "change_prices",
    "change_stock",
    "pause_products",
    "resume_products",
    "run_write_operation",
    "confirm_write",
}
DESTRUCTIVE = {
    *("ship_orders", "cancel_orders", "decide_returns", "change_prices", "pause_products"),
    *("run_write_operation", "confirm_write"),
}
# Those for which no shop can be meant, and those that take it in their `arguments`.
SHOPLESS = {
    "save_result",
    "list_shops",
    "check_connection",
    "get_authorization_url",
    "exchange_authorization_code",
    "find_operations",
    "describe_operation",
    "run_read_operation",
    "run_write_operation",
    "confirm_write",
    "read_result",
}
LOCAL_WRITES = {"exchange_authorization_code", "refresh_access_token", "resize_pdf", "save_result"}


def compact(tool: Tool) -> bytes:
    """The tool as its JSON stands on the wire."""
    dumped = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(dumped, ensure_ascii=False, separators=(",", ":")).encode()


async def listed(connect: Connect, **more: Any) -> list[Tool]:
    async with connect(**({"sandbox": True, "confirm": "asks"} | more)) as client:
        answer = await client.list_tools()
    assert answer.next_cursor is None  # one page: desktop clients do not follow cursors
    return answer.tools


def schemas(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """A schema and every schema in it, each with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from schemas(field, f"{path}.{name}")
    if "items" in schema:
        yield from schemas(schema["items"], f"{path}[]")


def all_schemas(tools: list[Tool]) -> Iterator[tuple[str, Json]]:
    for tool in tools:
        yield from schemas(tool.input_schema, tool.name)


async def test_names_fit_every_client(connect: Connect) -> None:
    names = [tool.name for tool in await listed(connect)]
    assert all(re.fullmatch(r"[a-z0-9_]{1,40}", name) for name in names)
    assert len(set(names)) == len(names)


def test_the_names_of_operations_not_listed_fit_as_well() -> None:
    assert [name for name in CATALOG.operations if not re.fullmatch(r"[a-z0-9_]{1,40}", name)] == []


async def test_the_root_of_every_schema_is_a_plain_object(connect: Connect) -> None:
    for tool in await listed(connect):
        assert set(tool.input_schema) <= {"type", "properties", "required"}, tool.name
        assert tool.input_schema["type"] == "object"
        assert isinstance(tool.input_schema["properties"], dict)


async def test_every_property_at_every_depth_has_one_type(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect)):
        assert isinstance(schema["type"], str), path
        assert schema["type"] in TYPES, path


async def test_no_schema_holds_what_some_provider_refuses(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect, sandbox_shops=3)):
        assert not FORBIDDEN & schema.keys(), path
        assert schema.keys() <= LISTED_KEYWORDS, path


async def test_an_open_object_says_so_and_no_other_says_anything_of_it(connect: Connect) -> None:
    opened = {
        p: s["additionalProperties"] for p, s in all_schemas(await listed(connect)) if "additionalProperties" in s
    }
    assert opened == dict.fromkeys(OPEN_OBJECTS, True)


async def test_an_enum_is_of_texts(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect, toolsets="all")):
        assert all(isinstance(choice, str) for choice in schema.get("enum", ())), path


async def test_no_argument_is_called_by_a_word_of_python(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect, toolsets="all", sandbox_shops=3)):
        assert not any(map(iskeyword, schema.get("properties", ()))), path


async def test_lists_say_what_they_are_of(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect)):
        if schema["type"] == "array":
            assert schema["items"]["type"] in TYPES, path


async def test_what_is_required_is_there(connect: Connect) -> None:
    for path, schema in all_schemas(await listed(connect)):
        if "required" in schema:
            assert schema["required"], f"{path}: an empty list is refused by draft 4"
            assert set(schema["required"]) <= schema["properties"].keys(), path


async def test_members_and_presets_are_of_their_type(connect: Connect) -> None:
    kinds: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    for path, schema in all_schemas(await listed(connect)):
        given = [*schema.get("enum", ()), *([schema["default"]] if "default" in schema else ())]
        assert all(isinstance(value, kinds[schema["type"]]) for value in given), path
        if "enum" in schema and "default" in schema:
            assert schema["default"] in schema["enum"], path


async def test_the_whole_list_is_at_most_40_000_bytes(connect: Connect) -> None:
    # With `shop` and `confirm` on every tool that takes them: the longest it gets.
    tools = await listed(connect, sandbox_shops=3, confirm="asks")
    assert len(b",".join(map(compact, tools))) + 2 <= 40_000


@pytest.mark.filterwarnings("ignore:open_binary is deprecated")  # the tokenizer's own
async def test_a_model_reads_the_list_in_at_most_8_000_tokens(connect: Connect) -> None:
    """Of what a client puts before a model: names, descriptions and arguments."""
    import bpe_openai

    encoding = bpe_openai.get_encoding("o200k_base")
    shown = [
        {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
        for tool in await listed(connect, confirm="asks")
    ]
    assert len(encoding.encode(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))) <= 8_000


async def test_the_largest_tool_is_at_most_5_500_bytes(connect: Connect) -> None:
    sizes = {tool.name: len(compact(tool)) for tool in await listed(connect, sandbox_shops=3)}
    assert max(sizes, key=lambda name: sizes[name]) == "create_product"
    assert sizes["create_product"] <= 5_500


async def test_every_tool_has_a_title_and_all_hints(connect: Connect) -> None:
    for tool in await listed(connect):
        assert tool.annotations is not None, tool.name
        assert tool.annotations.title, tool.name
        assert isinstance(tool.annotations.read_only_hint, bool), tool.name
        assert isinstance(tool.annotations.destructive_hint, bool), tool.name
        assert isinstance(tool.annotations.idempotent_hint, bool), tool.name
        assert isinstance(tool.annotations.open_world_hint, bool), tool.name
        assert tool.description, tool.name


async def test_hints_tell_reads_writes_and_destruction_apart(connect: Connect) -> None:
    for tool in await listed(connect):
        hints = tool.annotations
        assert hints is not None
        assert hints.read_only_hint is (tool.name not in SHOP_WRITES | LOCAL_WRITES), tool.name
        assert hints.destructive_hint is (tool.name in DESTRUCTIVE), tool.name
        if hints.read_only_hint:
            assert hints.idempotent_hint, tool.name


def test_what_reads_is_asked_for_with_get_or_a_search() -> None:
    """A record that says `read` but asks by DELETE or PUT would be run without asking."""
    for operation in CATALOG.operations.values():
        if operation.effect == "read" and not operation.is_local:
            assert operation.record["method"] in ("GET", "POST"), operation.name
        if operation.record.get("method") == "DELETE":
            assert operation.effect == "destructive", operation.name


async def test_the_list_is_the_same_each_time_and_in_the_same_order(connect: Connect) -> None:
    first = await listed(connect)
    assert [tool.name for tool in first] == list(LISTED)
    assert list(map(compact, first)) == list(map(compact, await listed(connect)))


async def test_calls_do_not_change_the_list(connect: Connect) -> None:
    async with connect(sandbox=True, sandbox_shops=3) as client:
        before = (await client.list_tools()).tools
        await client.call_tool("get_warehouse_list", {"shop": "GB"})
        await client.call_tool("list_shops", {})
        assert (await client.list_tools()).tools == before


async def test_a_read_only_server_lists_no_write(connect: Connect) -> None:
    names = {tool.name for tool in await listed(connect, read_only=True)}
    assert names == set(LISTED) - SHOP_WRITES - {"exchange_authorization_code"}


async def test_a_read_only_server_refuses_what_it_does_not_list(connect: Connect) -> None:
    writes = [op.name for op in CATALOG.operations.values() if op.changes_shop]
    assert set(writes) >= SHOP_WRITES
    async with connect(sandbox=True, read_only=True) as client:
        for name in writes:
            result = await client.call_tool(name, {})
            assert result.is_error
            assert reply(result)["error"] == "read_only", name


async def test_limits_are_told_in_words_too(connect: Connect) -> None:
    """Some clients drop the keywords before the model sees them."""
    for path, schema in all_schemas(await listed(connect)):
        words = schema.get("description", "").replace(",", "")
        for keyword in ("minimum", "maximum", "minItems", "maxItems"):
            if keyword in schema:
                assert re.search(rf"(?<!\d){re.escape(str(schema[keyword]))}(?!\d)", words), (path, keyword)


@pytest.mark.parametrize("name", LISTED)
def test_limits_of_text_and_open_choices_are_told_in_words(name: str) -> None:
    from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema

    operation = CATALOG.operations[name]
    shown = dict(schemas(build_tool_schema(operation, hidden_arguments=("shop",))))
    for argument, declared in operation.arguments.items():
        for path, schema in schemas(declared, f".{argument}"):
            if path not in shown:  # unlisted, or too deep
                continue
            words = shown[path].get("description", "")
            if "maxLength" in schema:
                assert str(schema["maxLength"]) in words, path
            if "enum" in schema and "enum" not in shown[path]:
                assert all(str(member) in words for member in schema["enum"]), path


async def test_one_known_shop_needs_no_mention(connect: Connect) -> None:
    for tool in await listed(connect, sandbox_shops=1):
        assert "shop" not in tool.input_schema["properties"], tool.name


async def test_of_several_shops_one_can_be_named(connect: Connect) -> None:
    for tool in await listed(connect, sandbox_shops=3):
        assert ("shop" in tool.input_schema["properties"]) is (tool.name not in SHOPLESS), tool.name
        assert "shop" not in tool.input_schema.get("required", ())


async def test_as_long_as_the_shops_are_unknown_one_can_be_named(connect: Connect) -> None:
    tools = {tool.name: tool for tool in await listed(connect, sandbox=False)}
    assert "shop" in tools["get_order_list"].input_schema["properties"]


async def test_shop_is_accepted_where_it_is_not_listed(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        result = await client.call_tool("get_warehouse_list", {"shop": "GB"})
    assert not result.is_error, reply(result)


async def test_what_has_one_sensible_value_is_not_asked_for(connect: Connect) -> None:
    for tool in await listed(connect):
        assert "page_size" not in tool.input_schema.get("required", ()), tool.name
        for name in tool.input_schema.get("required", ()):
            schema = tool.input_schema["properties"][name]
            assert "default" not in schema, (tool.name, name)
            assert len(schema.get("enum", "--")) != 1, (tool.name, name)


async def test_no_argument_is_a_key_a_token_or_a_signature(connect: Connect) -> None:
    wrong = {"app_key", "app_secret", "access_token", "refresh_token", "shop_cipher", "timestamp", "sign", "cipher"}
    for path, schema in all_schemas(await listed(connect, sandbox_shops=3)):
        assert not wrong & schema.get("properties", {}).keys(), path


def test_no_operation_takes_a_key_a_token_or_a_signature() -> None:
    wrong = {"app_key", "app_secret", "access_token", "refresh_token", "shop_cipher", "timestamp", "sign"}
    assert {op.name for op in CATALOG.operations.values() if wrong & op.arguments.keys()} == set()


def test_every_operation_could_be_listed_as_these_are() -> None:
    """What is found and described later obeys the same rules."""
    from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema

    for operation in CATALOG.operations.values():
        for path, schema in schemas(build_tool_schema(operation, hidden_arguments=()), operation.name):
            assert schema["type"] in TYPES, path
            assert schema.keys() <= LISTED_KEYWORDS, path
            assert schema["type"] != "array" or "items" in schema, path


async def test_an_upload_says_how_large_and_of_which_kind_its_file_may_be(connect: Connect) -> None:
    tools = {tool.name: tool for tool in await listed(connect, tools="upload_product_image")}
    words = compact(tools["upload_product_image"]).decode()
    assert re.search(r"10 ?MB", words)
    assert all(kind in words for kind in ("PNG", "WEBP", "HEIC", "BMP"))
    assert re.search(r"64 ?kB", words)
