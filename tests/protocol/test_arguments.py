"""Arguments as clients really send them: with bookkeeping of their own, numbers as text, names that were renamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.server_arguments import INJECTED_ARGUMENTS
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.tools.pdf_files import write_pdf

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

CATALOG = Catalog()
# As each host sends it.
INJECTED: Json = {
    "wait_for_previous": False,
    "waitForPreviousTools": True,
    "toolCallId": "call_0BCIShth4lxZuYr4coSp4E5E",
    "tool": {"name": "get_order_list"},
    "sessionId": "3f1c",
    "action": "sendMessage",
    "chatInput": "which orders came in today?",
    "_sessionID": "3f1c",
    "task_progress": "- [x] look up orders",
    "_auth_auth_type": "admin",
}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


async def call(client: Client, name: str, /, **arguments: Any) -> Json:
    return reply(await client.call_tool(name, arguments))


async def list_orders(client: Client, **arguments: Any) -> list[Any]:
    told = await call(client, "get_order_list", **arguments)
    orders: Any = told["data"]["orders"]
    return list(orders["rows"] if isinstance(orders, dict) else orders)


def writes(sandbox: Sandbox) -> list[str]:
    return [entry.operation for entry in sandbox.log if CATALOG.operations[entry.operation].effect != "read"]


# ---- what hosts put in for themselves


def test_each_known_name_is_tried_here() -> None:
    assert INJECTED.keys() == INJECTED_ARGUMENTS


@pytest.mark.parametrize("name", INJECTED)
async def test_what_a_host_puts_in_for_itself_is_passed_over(connect: Connect, name: str) -> None:
    injected = {name: INJECTED[name]}
    async with connect(sandbox=True) as client:
        assert len(await list_orders(client, page_size=2, **injected)) == 2
        assert "shops" in (await call(client, "list_shops", **injected))["data"]
        outside = await call(
            client, "run_read_operation", name="get_order_list", arguments={"page_size": 2}, **injected
        )
        assert len(outside["data"]["orders"]) == 2
        inside = await call(client, "run_read_operation", name="get_order_list", arguments={"page_size": 2, **injected})
        assert len(inside["data"]["orders"]) == 2


async def test_all_of_it_at_once_is_passed_over(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        assert len(await list_orders(client, page_size=2, **INJECTED)) == 2
        text = json.dumps({"page_size": 2, **INJECTED})
        told = await call(client, "run_read_operation", name="get_order_list", arguments=text, **INJECTED)
        assert len(told["data"]["orders"]) == 2


@pytest.mark.parametrize("name", ["toolcallid", "session", "wait_for_next", "chat_input", "_action", "colour"])
async def test_any_other_unknown_argument_is_refused_by_name(connect: Connect, name: str) -> None:
    async with connect(sandbox=True) as client:
        told = await call(client, "get_order_list", **{name: "x"})
        inside = await call(client, "run_read_operation", name="get_order_list", arguments={name: "x"})
        beside = await call(client, "run_read_operation", name="get_order_list", **{name: "x"})
    for refused in (told, inside, beside):
        assert refused["error"] == "invalid_arguments"
        assert [problem["argument"] for problem in refused["problems"]] == [name]


async def test_what_a_host_puts_in_deeper_is_refused(connect: Connect) -> None:
    """Hosts put it beside a tool's arguments; inside one of them it is a mistake to be told of."""
    async with connect(sandbox=True) as client:
        told = await call(client, "ship_package", package_id="1", self_shipment={"toolCallId": "x"}, dry_run=True)
    assert "self_shipment.toolCallId" in [problem["argument"] for problem in told["problems"]]


async def test_an_operation_that_has_such_an_argument_is_given_it(connect: Connect) -> None:
    arguments = {"conversation_id": "1", "action": "ARCHIVED", "toolCallId": "call_1"}
    async with connect(sandbox=True) as client:
        told = await call(
            client, "run_write_operation", name="update_conversation_status", arguments=arguments, dry_run=True
        )
    assert told["data"]["body"] == {"action": "ARCHIVED"}


def test_an_argument_with_such_a_name_is_never_optional() -> None:
    """One that stands beside `arguments` by mistake is missed, and not dropped unseen."""
    for operation in CATALOG.operations.values():
        assert INJECTED_ARGUMENTS & operation.arguments.keys() <= {*operation.required}, operation.name


async def test_a_yes_holds_although_the_host_counts_its_calls(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox=True, confirm="asks", sandbox_object=sandbox) as client:
        products = await call(client, "search_products", status="ACTIVATE", page_size=10)
        product_id = products["data"]["products"][0]["id"]
        asked = await call(client, "delete_products", product_ids=[product_id], toolCallId="call_1")
        assert writes(sandbox) == []
        done = await call(
            client, "delete_products", product_ids=[product_id], confirm=asked["confirm"], toolCallId="call_2"
        )
    assert "error" not in done
    assert writes(sandbox) == ["delete_products"]


# ---- numbers and booleans as text


async def test_a_number_as_text_is_the_number(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for page_size in (2, "2", " 2 ", "2.0", 2.0):
            assert len(await list_orders(client, page_size=page_size)) == 2
        told = await call(client, "run_read_operation", name="get_order_list", arguments={"page_size": "2"})
        assert len(told["data"]["orders"]) == 2
        found = await call(client, "find_operations", query="refund", limit="2")
        assert len(found["data"]["operations"]) == 2
        stock = await call(client, "summarize_inventory", below="5")
        assert stock["data"] == (await call(client, "summarize_inventory", below=5))["data"]


async def test_a_boolean_as_text_is_the_boolean(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox=True, sandbox_object=sandbox) as client:
        for text, value in (("true", True), ("false", False), ("True", True)):
            asked = await list_orders(client, is_buyer_request_cancel=text, pages="all", fields=["orders.id"])
            assert asked == await list_orders(client, is_buyer_request_cancel=value, pages="all", fields=["orders.id"])
        for dry_run in ("true", True):
            told = await call(client, "delete_products", product_ids=["1"], dry_run=dry_run)
            assert "dry run" in told["note"]
        told = await call(
            client,
            "run_write_operation",
            name="delete_products",
            arguments={"product_ids": ["1"], "dry_run": "true"},
            dry_run=True,  # the same thing said twice
        )
        assert "dry run" in told["note"]
    assert writes(sandbox) == []


async def test_pages_are_counted_however_they_are_written(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox=True, sandbox_object=sandbox) as client:
        for pages in (2, "2", 2.0):
            sandbox.log.clear()
            assert len(await list_orders(client, pages=pages, page_size="3", fields=["orders.id"])) == 6
            assert [entry.operation for entry in sandbox.log].count("get_order_list") == 2


async def test_a_factor_as_text_is_the_factor(connect: Connect, tmp_path: Path) -> None:
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] >>"
    pdf = write_pdf(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page])
    (tmp_path / "a.pdf").write_bytes(pdf)
    async with connect(sandbox=True, files=tmp_path) as client:
        told = [await call(client, "resize_pdf", source="a.pdf", scale=scale) for scale in ("0.5", 0.5)]
    assert "error" not in told[0], told[0]
    as_text, as_number = (answer["data"] | {"path": ""} for answer in told)
    assert as_text == as_number


async def test_a_result_is_read_on_from_an_offset_as_text(connect: Connect) -> None:
    async with connect(sandbox=True, result_bytes=4000) as client:
        kept = await call(client, "get_order_list", pages="all", fields=["*"])
        name = kept["result_id"]
        text, number = [
            await call(client, "read_result", id=name, offset=offset, limit="1", fields=["id"]) for offset in ("10", 10)
        ]
    assert "error" not in text, text
    assert text == number


@pytest.mark.parametrize(
    "text", ["two", "2x", "1e1", "+2", "02", "0x2", "2.5", "2,0", "1_0", "²", "\u0662", "NaN", "inf", "2 2", "true"]
)
async def test_text_that_is_not_exactly_a_number_is_refused(connect: Connect, text: str) -> None:
    async with connect(sandbox=True) as client:
        told = await call(client, "get_order_list", page_size=text)
    assert [problem["argument"] for problem in told["problems"]] == ["page_size"]


@pytest.mark.parametrize("text", ["yes", "no", "1", "0", "on", "truee", "wahr"])
async def test_text_that_is_not_exactly_a_boolean_is_refused(connect: Connect, text: str) -> None:
    async with connect(sandbox=True) as client:
        told = await call(client, "delete_products", product_ids=["1"], dry_run=text)
        twice = await call(
            client, "run_write_operation", name="delete_products", arguments={"dry_run": True}, dry_run=text
        )
    assert [problem["argument"] for problem in told["problems"]] == ["dry_run"]
    assert "dry_run" in [problem["argument"] for problem in twice["problems"]]


# ---- names that were renamed


@pytest.mark.parametrize("tool", ["summarize_orders", "summarize_finance", "summarize_inventory"])
async def test_the_former_name_of_an_argument_is_taken_and_not_listed(connect: Connect, tool: str) -> None:
    """`continue` is a word of Python that no function there can have as an argument."""
    async with connect(sandbox=True) as client:
        described = (await call(client, "describe_operation", name=tool))["data"]
        assert "continue" not in str(described)
        now = await call(client, tool, resume="0123456789abcdef")
        assert now == await call(client, tool, **{"continue": "0123456789abcdef"})
        assert now == await call(client, "run_read_operation", name=tool, arguments={"continue": "0123456789abcdef"})
        same = {"resume": "0123456789abcdef", "continue": "0123456789abcdef"}
        assert now == await call(client, tool, **same)
        assert now == await call(client, tool, **same | {"resume": None})
        differs = await call(client, tool, **same | {"continue": "fedcba9876543210"})
    assert now["problems"][0]["argument"] == "resume"
    assert [problem["argument"] for problem in differs["problems"]] == ["continue"]
