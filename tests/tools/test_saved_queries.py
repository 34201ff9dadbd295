"""What was asked in SQL goes to a file whole: amounts to the cent, ids as text, times in the shop's zone."""

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

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

SQL = "SELECT id, create_time, create_time::DATE AS day, total_amount, currency, buyer_message FROM orders ORDER BY id"


async def call(client: Client, tool: str, /, **arguments: Any) -> Any:
    return reply(await client.call_tool(tool, arguments))


async def test_all_rows_of_a_question_are_in_the_file_and_three_in_the_result(connect: Connect) -> None:
    sandbox = Sandbox(orders=400)
    async with connect(sandbox="1", sandbox_object=sandbox, result_bytes=400_000) as client:
        shown = await call(client, "query_shop", sql=SQL)
        told = await call(client, "query_shop", sql=SQL, save_as="orders.xlsx")
        exact = await call(client, "query_shop", sql=SQL, save_as="orders.json")
    rows = shown["data"]["result"]["rows"]
    assert len(rows) == told["data"]["row_count"] == told["data"]["saved"]["rows"] == 400
    assert told["data"]["result"]["rows"] == rows[:3]
    heading, *cells = openpyxl.load_workbook(told["data"]["saved"]["path"]).worksheets[0].iter_rows()
    assert [cell.value for cell in heading][:3] == ["id", "create_time (Europe/London)", "day"]
    for row, (order_id, created, day, total, currency, _) in zip(cells, rows, strict=True):
        assert row[0].value == order_id
        assert row[1].value == datetime.fromisoformat(created).replace(tzinfo=None)
        assert row[2].value.date().isoformat() == day
        assert Decimal(repr(row[3].value)) == Decimal(total)
        assert row[3].number_format == f"[${currency}] #,##0.00"
    objects = json.loads(Path(exact["data"]["saved"]["path"]).read_text(encoding="utf-8"))  # noqa: ASYNC240
    assert [list(each.values()) for each in objects] == rows


async def test_a_question_to_several_shops_is_one_file(connect: Connect) -> None:
    sql = "SELECT shop, region, currency, sum(total_amount) AS total FROM orders GROUP BY ALL ORDER BY region"
    async with connect(sandbox="1", sandbox_shops=3) as client:
        told = await call(client, "query_shop", sql=sql, shop="all", save_as="shops.csv")
    with Path(told["data"]["saved"]["path"]).open(encoding="utf-8-sig", newline="") as file:  # noqa: ASYNC230
        rows = list(csv.DictReader(file))
    assert [list(row.values()) for row in rows] == told["data"]["result"]["rows"]
    assert len({row["currency"] for row in rows}) > 1


async def test_a_file_of_several_shops_tells_the_rows_of_each_and_its_days(connect: Connect) -> None:
    sql = "SELECT shop, id, create_time FROM orders WHERE create_time >= '2020-01-01' ORDER BY shop, id"
    async with connect(sandbox="1", sandbox_shops=3) as client:
        shown = await call(
            client, "query_shop", sql="SELECT shop, count(*) FROM orders GROUP BY 1 ORDER BY 1", shop="all"
        )
        told = await call(client, "query_shop", sql=sql, shop="all", save_as="shops.xlsx", max_age=3600)
    saved = told["data"]["saved"]
    assert list(saved["rows_by_shop"].items()) == [tuple(row) for row in shown["data"]["result"]["rows"]]
    assert sum(saved["rows_by_shop"].values()) == saved["rows"]
    assert "timezone(zone, create_time)" in told["data"]["note"]
    heading, *rows = openpyxl.load_workbook(saved["path"]).worksheets[0].iter_rows(values_only=True)
    assert heading == ("shop", "id", "create_time (local time)")
    first = [datetime.fromisoformat(row[2]).replace(tzinfo=None) for row in told["data"]["result"]["rows"]]
    assert [row[2] for row in rows[: len(first)]] == first


async def test_a_wrong_name_is_refused_before_the_shop_is_read(connect: Connect, home: Path) -> None:
    async with connect(sandbox="1") as client:
        told = await call(client, "query_shop", sql=SQL, save_as="../orders.xlsx")
    assert told["error"] == "invalid_arguments"
    assert not list(home.rglob("*.duckdb"))  # noqa: ASYNC240
