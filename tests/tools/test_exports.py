"""A large result becomes a file for a spreadsheet: every row, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

FIELDS = ["orders.id", "orders.status", "orders.payment.total_amount"]


def read(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def owner_only(path: str) -> bool:
    return Path(path).stat().st_mode & 0o077 == 0


async def saved(client: Client, result_id: str, **more: Any) -> Any:
    return reply(await client.call_tool("save_result", {"id": result_id, **more}))


async def test_a_table_of_all_orders_is_saved_whole(connect: Connect) -> None:
    sandbox = Sandbox(orders=1_500)
    async with connect(sandbox="1", sandbox_object=sandbox, confirm="asks", read_only="1") as client:
        large = reply(await client.call_tool("get_order_list", {"pages": "all", "fields": FIELDS}))
        assert large["left_out"]
        told = (await saved(client, large["result_id"]))["data"]
    rows = read(told["path"])
    assert told["rows"] == len(rows) == 1_500
    assert {row["id"] for row in rows} == set(sandbox.state.main.orders)
    assert list(rows[0]) == ["id", "status", "payment.total_amount"]
    assert owner_only(told["path"])


async def test_nested_items_become_columns_and_a_formula_stays_text(connect: Connect) -> None:
    evil = ['=HYPERLINK("http://evil.example")', "+1", "-12.50", "@SUM(A1)", "plain", "\t=1"]
    orders = [
        {"id": str(n), "buyer_message": text, "payment": {"total_amount": "-3.10"}, "packages": [{"id": "1"}] * 1500}
        for n, text in enumerate(evil)
    ]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": orders, "total_count": len(orders)})
        large = reply(await client.call_tool("get_order_list", {"fields": ["*"]}))
        rows = read((await saved(client, large["result_id"], path="orders"))["data"]["path"])
        few = read((await saved(client, large["result_id"], fields=["id", "payment.total_amount"]))["data"]["path"])
    assert rows[2]["buyer_message"] == "-12.50"
    assert all(not row["buyer_message"].startswith(("=", "@", "\t")) for row in rows)
    assert {row["payment.total_amount"] for row in rows} == {"-3.10"}
    assert json.loads(rows[0]["packages"])[0] == {"id": "1"}
    assert list(few[0]) == ["id", "payment.total_amount"]


async def test_a_kept_result_becomes_a_workbook_with_amounts_and_times_of_the_shop(connect: Connect) -> None:
    fields = ["orders.id", "orders.create_time", "orders.payment.total_amount", "orders.payment.currency"]
    async with connect(sandbox="1", result_bytes=4000) as client:
        large = reply(await client.call_tool("get_order_list", {"page_size": 100, "fields": fields}))
        told = (await saved(client, large["result_id"], save_as="orders.xlsx"))["data"]
        exact = (await saved(client, large["result_id"], save_as="orders.json"))["data"]
    sheet = openpyxl.load_workbook(told["path"]).worksheets[0]
    orders = json.loads(Path(exact["path"]).read_text(encoding="utf-8"))["orders"]  # noqa: ASYNC240
    assert told["rows"] == len(orders["rows"]) == 100
    heading, *rows = sheet.iter_rows()
    assert [cell.value for cell in heading] == [
        "id",
        "create_time (Europe/London)",
        "payment.total_amount",
        "payment.currency",
    ]
    for row, (order_id, created, total, currency) in zip(rows, orders["rows"], strict=True):
        assert row[0].value == order_id
        assert row[1].value == datetime.fromisoformat(created).replace(tzinfo=None)
        assert Decimal(repr(row[2].value)) == Decimal(total)
        assert row[2].number_format == f"[${currency}] #,##0.00"


async def test_several_lists_are_sheets_of_a_workbook_and_no_csv(connect: Connect) -> None:
    data = {
        "orders": [{"id": str(n), "note": "x" * 90} for n in range(99)],
        "others": [{"id": "1", "lines": [1]}],
        "told": 3,
    }
    async with (
        Recorder() as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url, result_bytes=4000) as client,
    ):
        recorder.answer("/order/", data=data)
        large = reply(await client.call_tool("get_order_list", {"fields": ["*"]}))
        refused = await saved(client, large["result_id"], save_as="x.csv")
        told = (await saved(client, large["result_id"], save_as="x.xlsx"))["data"]
    assert refused["error"] == "invalid_arguments"
    assert "orders, others" in refused["message"] + str(refused["problems"])
    book = openpyxl.load_workbook(told["path"])
    assert book.sheetnames == told["sheets"] == ["orders", "others", "other"]
    assert [sheet.max_row for sheet in book.worksheets] == [100, 2, 2]


async def test_what_is_not_kept_or_no_list_is_refused_with_what_to_do(connect: Connect) -> None:
    async with connect(sandbox="1", result_bytes=4000) as client:
        assert (await saved(client, "0123456789abcdef"))["error"] == "not_found"
        large = reply(await client.call_tool("get_order_list", {"page_size": 50}))
        refused = await saved(client, large["result_id"], path="total_count")
    assert refused["error"] == "invalid_arguments"
    assert refused["problems"][0]["allowed"]
