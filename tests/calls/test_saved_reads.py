"""Any read can be saved as a file, however small or large: every row, exact, and none of them in the result."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

LINES = [
    "orders.id",
    "orders.create_time",
    "orders.payment.total_amount",
    "orders.payment.currency",
    "orders.line_items.seller_sku",
    "orders.line_items.sale_price",
    "orders.line_items.currency",
]


def read_csv(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_xlsx(path: str) -> list[dict[str, Any]]:
    rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    names = next(rows, ())
    return [dict(zip(names, row, strict=True)) for row in rows]


async def call(client: Client, tool: str, /, **arguments: Any) -> Any:
    return reply(await client.call_tool(tool, arguments))


async def read_orders(client: Client) -> list[Any]:
    """All orders as the server itself tells them, page after page."""
    orders: list[Any] = []
    token: str | None = None
    while True:
        more: dict[str, Any] = {"page_token": token} if token else {}
        page = await call(client, "get_order_list", page_size=100, fields=["*"], **more)
        orders += page["data"].get("orders", [])
        if (token := page.get("next_page_token")) is None:
            return orders


async def test_every_order_line_is_a_row_with_what_is_the_orders_repeated(connect: Connect) -> None:
    async with connect(sandbox="1", result_bytes=1_000_000) as client:
        orders = await read_orders(client)
        told = await call(client, "get_order_list", save_as="lines.xlsx", fields=LINES)
    rows = read_xlsx(told["data"]["path"])
    lines = [(order, line) for order in orders for line in order["line_items"]]
    assert told["data"]["rows"] == len(rows) == len(lines)
    zone = "create_time (Europe/London)"
    for row, (order, line) in zip(rows, lines, strict=True):
        assert row["id"] == order["id"]
        assert row["line_items.seller_sku"] == line["seller_sku"]
        assert Decimal(repr(row["line_items.sale_price"])) == Decimal(line["sale_price"])
        assert Decimal(repr(row["payment.total_amount"])) == Decimal(order["payment"]["total_amount"])
        assert row[zone] == datetime.fromisoformat(order["create_time"]).replace(tzinfo=None)
    # What repeats can be added up all the same.
    sums = sum(Decimal(repr(row["payment.total_amount"])) for row in rows if row["line_items.line"] == 1)
    assert sums == sum(Decimal(order["payment"]["total_amount"]) for order in orders)
    assert "line_items.line is 1" in told["data"]["advice"]


async def test_a_file_with_a_row_for_each_line_tells_the_call_for_a_row_an_order(connect: Connect) -> None:
    async with connect(sandbox="1", result_bytes=1_000_000) as client:
        orders = await read_orders(client)
        wide = await call(client, "get_order_list", save_as="orders.csv")
        (listed,) = re.findall(r"with fields (\[.*?\])", wide["note"])
        fields = json.loads(listed)
        told = await call(client, "get_order_list", save_as="orders.csv", fields=fields)
    assert wide["data"]["rows"] > len(orders)
    rows = read_csv(told["data"]["path"])
    assert [row["id"] for row in rows] == [order["id"] for order in orders]
    assert [row["payment.total_amount"] for row in rows] == [order["payment"]["total_amount"] for order in orders]
    assert len(told["data"]["columns"]) < 20
    assert "One row for each" not in told["note"]


async def test_a_file_holds_all_pages_and_all_fields_and_the_result_is_small(connect: Connect) -> None:
    sandbox = Sandbox(orders=1_200)
    async with connect(sandbox="1", sandbox_object=sandbox, read_only="1") as client:
        told = await call(client, "get_order_list", save_as="all.json")
        small = await call(client, "get_order_list", save_as="some.json", pages="1", page_size=7)
    orders = json.loads(Path(told["data"]["path"]).read_text(encoding="utf-8"))  # noqa: ASYNC240
    assert {order["id"] for order in orders} == set(sandbox.state.main.orders)
    assert told["data"]["rows"] == 1_200
    assert "next_page_token" not in told
    assert len(json.dumps(told)) < 1_000
    assert small["data"]["rows"] == 7
    assert small["next_page_token"]
    assert Path(told["data"]["path"]).stat().st_mode & 0o077 == 0  # noqa: ASYNC240


async def test_a_small_list_can_be_saved_and_shows_its_first_rows(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        listed = await call(client, "get_statements", pages="all", fields=["statements.id", "statements.fee_amount"])
        told = await call(client, "get_statements", save_as="statements.csv")
    table = listed["data"]["statements"]
    rows = read_csv(told["data"]["path"])
    assert [[row["id"], row["fee_amount"]] for row in rows] == table["rows"]
    assert told["data"]["columns"] == list(rows[0])
    assert [row[0] for row in told["data"]["first_rows"]] == [row["id"] for row in rows[:3]]


async def test_a_read_without_a_list_is_one_row_and_our_own_tools_can_be_saved_as_well(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_shops=3) as client:
        shops = await call(client, "list_shops", save_as="shops.csv")
        products = (await call(client, "search_products", shop="GB", fields=["products.id"]))["data"]["products"]
        product_id = products["rows"][0][0]
        told = await call(
            client, "run_read_operation", name="get_product", arguments={"product_id": product_id, "shop": "GB"},
            save_as="product.json",
        )  # fmt: skip
    assert len(read_csv(shops["data"]["path"])) == 3
    (content,) = json.loads(Path(told["data"]["path"]).read_text(encoding="utf-8"))  # noqa: ASYNC240
    assert content["id"] == product_id


async def test_buyers_data_is_masked_in_files_as_in_results(connect: Connect) -> None:
    buyer = "Marigold Featherstone"
    orders = [{"id": "1", "recipient_address": {"name": buyer, "phone_number": "+447700900123"}}]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": orders, "total_count": 1})
        shown = await call(client, "get_order_list", fields=["*"])
        for name in ("x.json", "x.csv", "x.xlsx"):
            path = (await call(client, "get_order_list", save_as=name))["data"]["path"]
            if name == "x.json":
                (saved,) = json.loads(Path(path).read_text(encoding="utf-8"))  # noqa: ASYNC240
                assert saved == shown["data"]["orders"][0]
            told = str(read_xlsx(path) if name == "x.xlsx" else Path(path).read_text(encoding="utf-8"))  # noqa: ASYNC240
            assert "Featherstone" not in told
            assert "900123" not in told


@pytest.mark.parametrize("name", ["../x.csv", "x.pdf", "x", "a/b.json"])
async def test_a_wrong_name_is_refused_before_anything_is_sent(connect: Connect, name: str) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": [{"id": "1"}], "total_count": 1})
        for tool in ("get_order_list", "list_shops"):
            told = await call(client, tool, save_as=name)
            assert told["error"] == "invalid_arguments"
            assert told["problems"][0]["argument"] == "save_as"
        assert not recorder.calls


async def test_a_list_that_is_cut_says_so_and_how_to_go_on(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", code=12052048, message="That is odd")
        recorder.answer("/order/", data={"orders": [{"id": "1"}], "next_page_token": "A"}, times=1)
        told = await call(client, "get_order_list", save_as="part.csv")
    assert told["data"]["rows"] == 1
    assert "not all" in told["note"]


async def test_odd_rows_make_a_file_all_the_same(connect: Connect) -> None:
    orders = [
        {"id": "1", "line_items": [{"id": "a", "price": "1.5"}, "x", None], "payment": "none"},
        {"id": "2", "line_items": "no list", "note": {"a": {"b": [1, 2]}}},
        {"id": "3", "line_items": []},
        "no row",
    ]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": orders, "total_count": 4})
        told = await call(client, "get_order_list", save_as="odd.csv")
    rows = read_csv(told["data"]["path"])
    assert [row["id"] for row in rows][-1] == "3"
    assert {row["id"] for row in rows} == {"1", "2", "3"}


async def test_times_are_in_the_zone_that_was_set(connect: Connect) -> None:
    async with connect(sandbox="1", time_zone="Asia/Tokyo", result_bytes=1_000_000) as client:
        (order, *_) = await read_orders(client)
        told = await call(client, "get_order_list", save_as="x.xlsx", fields=["orders.id", "orders.create_time"])
    row = read_xlsx(told["data"]["path"])[0]
    moment = datetime.fromisoformat(order["create_time"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert row["create_time (Asia/Tokyo)"] == moment.replace(tzinfo=None)
