"""All pages at once: each row once, what was not read told, and an end to it whenever somebody wants one."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError

from mcp_server_tiktok_shop.calls import page_buffer
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.waits import until
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

ORDERS = "/order/202309/orders/search"
EVERY = {"pages": "all"}


@asynccontextmanager
async def platform(connect: Connect, *pages: Json, **more: Any) -> AsyncIterator[tuple[Client, Recorder]]:
    """A platform whose list of orders comes as these pages, one after the other."""
    async with Recorder() as recorder, connect(api_url=recorder.url, **more) as client:
        for page in reversed(pages):
            recorder.answer(ORDERS, data=page, times=1)
        yield client, recorder


def page(first: int, end: int, token: str = "", **more: Any) -> Json:
    orders = [{"id": str(n), "status": "UNPAID", "payment": {"total_amount": "1.50"}} for n in range(first, end)]
    return {"orders": orders, "total_count": 99, "next_page_token": token, **more}


def ids(told: Json) -> list[str]:
    orders = told["data"]["orders"]
    return [row[0] for row in orders["rows"]] if isinstance(orders, dict) else [order["id"] for order in orders]


async def everything(client: Client, told: Json) -> list[Any]:
    """The rows that were shown, and those that following the result reads."""
    orders = told["data"]["orders"]
    rows = list(orders["rows"] if isinstance(orders, dict) else orders)
    while len(rows) < told.get("left_out", 0) + told["shown"]:
        arguments = {"id": told["result_id"], "path": "orders", "offset": len(rows)}
        part = reply(await client.call_tool("read_result", arguments))
        assert ("next_page_token" in part["data"]) == ("next_offset" not in part["data"] and told["more"])
        rows += part["data"].get("items", part["data"].get("rows"))
    return rows


async def test_a_number_of_pages_ends_with_the_token_that_goes_on(connect: Connect) -> None:
    async with platform(connect, page(0, 3, "a"), page(2, 6, "b"), page(6, 9)) as (client, recorder):
        told = reply(await client.call_tool("get_order_list", {"pages": 2, "fields": "orders.id"}))
        assert ids(told) == ["0", "1", "2", "3", "4", "5"]
        assert told["next_page_token"] == "b"
        assert "2 pages, 6 items" in told["note"]
        rest = reply(await client.call_tool("get_order_list", {"page_token": "b", **EVERY}))
        assert ids(rest) == ["6", "7", "8"]
        assert "next_page_token" not in rest
        assert len(recorder.calls) == 3


async def test_an_error_midway_leaves_what_was_read_and_says_how_to_go_on(connect: Connect) -> None:
    async with platform(connect, page(0, 3, "a")) as (client, recorder):
        recorder.answers.insert(0, recorder.answers[0])
        recorder.answer(ORDERS, code=12052048, message="Order 07700 900123 of ann@example.org is odd", status=200)
        recorder.answers[-2:] = [recorder.answers[-1], recorder.answers[-2]]
        told = reply(await client.call_tool("get_order_list", EVERY))
    assert ids(told) == ["0", "1", "2"]
    assert "not all" in told["note"]
    assert "ann@example.org" not in told["note"]
    assert "900123" not in told["note"]
    assert ".." not in told["note"]
    assert told["next_page_token"] == "a"


async def test_a_token_of_a_walk_taken_up_by_time_is_told_with_the_time_it_holds_for(connect: Connect) -> None:
    first, second = ([{"id": str(n), "create_time": 1_795_000_000 - n}] for n in (1, 2))
    async with platform(connect, page(0, 0, "c", orders=second)) as (client, recorder):
        recorder.answer(ORDERS, code=36009004, message="Invalid param 'query.page_token': it has expired.", times=1)
        recorder.answer(ORDERS, data=page(0, 0, "a", orders=first), times=1)
        told = reply(await client.call_tool("get_order_list", {"pages": 2}))
        assert ids(told) == ["1", "2"]
        assert told["next_page_token"] == "c"
        assert "`next_page_token` goes on, with create_time_lt 1795000000." in told["note"]
        assert json.loads(recorder.calls[-1].body)["create_time_lt"] == 1_795_000_000


async def test_a_field_that_only_some_pages_have_is_no_error(connect: Connect) -> None:
    odd = [{"id": "0", "odd": 1}]
    pages = (page(0, 0, "a", orders=odd), page(1, 3, "b"), page(3, 4, orders=[{"id": "3", "odd": 2}]))
    async with platform(connect, *pages) as (client, _):
        told = reply(await client.call_tool("get_order_list", {"fields": ["orders.id", "orders.odd"], **EVERY}))
    assert told["data"]["orders"]["rows"] == [["0", 1], ["1", None], ["2", None], ["3", 2]]
    assert "not all" not in told["note"]


async def test_pages_that_are_tables_and_pages_that_are_not_make_one_list(connect: Connect) -> None:
    plain, nested = [{"id": "0", "odd": 5}], [{"id": "1", "odd": {"deep": [1, 2]}}]
    fields = {"fields": ["orders.id", "orders.odd", "orders.payment.total_amount"], **EVERY}
    for first, second, told_first, told_second in (
        (plain, nested, ["0", 5, None], ["1", {"deep": [1, 2]}, None]),
        (nested, page(7, 8)["orders"], nested[0], {"id": "7", "payment": {"total_amount": "1.50"}}),
    ):
        async with platform(connect, page(0, 0, "a", orders=first), page(0, 0, orders=second)) as (client, _):
            told = reply(await client.call_tool("get_order_list", fields))
        orders = told["data"]["orders"]
        assert (orders["rows"] if isinstance(orders, dict) else orders) == [told_first, told_second]


async def test_what_fails_on_later_pages_is_told_and_an_empty_first_page_is_not_the_end(connect: Connect) -> None:
    error = {"code": 1, "message": "call 07700 900123", "detail": {"order_id": "9"}}
    pages = ({"next_page_token": "a"}, page(0, 2, "b", errors=[error]), page(2, 3, errors=[error]))
    async with platform(connect, *pages) as (client, _):
        told = reply(await client.call_tool("get_order_list", EVERY))
    assert ids(told) == ["0", "1", "2"]
    assert [failed["id"] for failed in told["failed"]] == ["9", "9"]
    assert "900123" not in json.dumps(told["failed"])
    assert "Nothing found" not in told["note"]


async def test_fields_beside_the_list_leave_no_empty_list(connect: Connect) -> None:
    async with platform(connect, page(0, 2, "a"), page(2, 3)) as (client, _):
        told = reply(await client.call_tool("get_order_list", {"fields": "total_count", **EVERY}))
    assert told["data"] == {"total_count": 99}


async def test_half_characters_go_through_and_come_back(connect: Connect) -> None:
    pages = (
        page(0, 30, "a", odd="x\ud800"),
        page(0, 0, orders=[{"id": f"r{n}", "odd": "\udfff" * 300} for n in range(9)]),
    )
    async with platform(connect, *pages, result_bytes=4000) as (client, _):
        told = reply(await client.call_tool("get_order_list", {"fields": ["*"], **EVERY}))
        assert "error" not in told
        rows = await everything(client, told | {"shown": len(ids(told)), "more": False})
    assert [row["id"] for row in rows] == [*map(str, range(30)), *(f"r{n}" for n in range(9))]


@pytest.mark.parametrize("size", [10, 3_000, 200_000])
@pytest.mark.parametrize("fields", [None, ["*"], ["orders.id", "orders.text"]])
async def test_rows_that_do_not_fit_are_kept_and_the_token_waits_for_the_last_of_them(
    connect: Connect, size: int, fields: list[str] | None
) -> None:
    orders = [{"id": str(n), "status": "UNPAID", "text": "é" * (size if n == 0 else 10)} for n in range(120)]
    pages = (page(0, 0, "a", orders=orders[:50]), page(0, 0, "b", orders=orders[50:]))
    given = {"pages": 2} | ({"fields": fields} if fields else {})
    async with platform(connect, *pages, result_bytes=4000) as (client, _):
        result = await client.call_tool("get_order_list", given)
        told = reply(result)
        assert len(result.content[0].text.encode()) <= 4000  # type: ignore[union-attr]
        assert "next_page_token" not in told
        shown = len(ids(told))
        assert shown + told["left_out"] == 120
        listed = reply(await client.call_tool("read_result", {"id": told["result_id"], "fields": ["id"]}))["data"]
        rows = await everything(client, told | {"shown": shown, "more": True})
    assert len(listed["rows"]) == 120
    assert [row[0] if isinstance(row, list) else row["id"] for row in rows] == [order["id"] for order in orders]


async def test_more_than_may_be_kept_ends_the_walk_and_says_so(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_buffer, "MAX_BUFFER_BYTES", 200)
    async with platform(connect, page(0, 9, "a"), page(9, 12)) as (client, recorder):
        told = reply(await client.call_tool("get_order_list", EVERY))
        assert len(recorder.calls) == 1
    assert "not all" in told["note"]
    assert told["next_page_token"] == "a"


async def test_the_deadline_ends_the_walk_with_what_was_read(connect: Connect) -> None:
    now = 1_000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    sandbox = Sandbox(orders=60)
    sandbox.faults.add("get_order_list", code=36009002, message="busy", times=2, retry_after=21)
    async with connect(sandbox=True, sandbox_object=sandbox, runtime=Runtime(time.time, lambda: now, sleep)) as client:
        told = reply(await client.call_tool("get_order_list", {"page_size": 10, **EVERY}))
    assert told["note"].startswith("1 page, 10 items; not all: the time for one call was up.")
    assert told["next_page_token"]


async def test_the_client_hears_how_far_it_is(connect: Connect) -> None:
    heard: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert message
        heard.append((progress, total))

    sandbox = Sandbox(orders=60)
    async with connect(sandbox=True, sandbox_object=sandbox) as client:
        call = {"page_size": 20, "fields": "orders.id", **EVERY}
        told = reply(await client.call_tool("get_order_list", call, progress_callback=hear))
        await asyncio.sleep(0)
    assert len(ids(told)) == 60
    assert heard == [(20, 60), (40, 60), (60, 60)]


async def test_cancelling_ends_the_walk_at_once_and_nothing_goes_on(connect: Connect) -> None:
    sandbox = Sandbox(orders=60)
    sandbox.faults.add("get_order_list", times=3, delay=0.001)
    gate = sandbox.faults.hold("get_order_list", times=None)
    async with connect(sandbox=True, sandbox_object=sandbox) as client:
        call = asyncio.create_task(client.call_tool("get_order_list", {"page_size": 1, **EVERY}))
        await until(lambda: gate.waiting)
        call.cancel()
        with pytest.raises((asyncio.CancelledError, MCPError)):
            await call
        await client.call_tool("get_warehouse_list", {})
        gate.open()
        for _ in range(4):
            await client.call_tool("get_warehouse_list", {})
        assert gate.arrived == 1


async def test_a_note_names_a_page_token_only_where_it_stands(connect: Connect) -> None:
    """Where rows are left out the token is withheld: what is kept gives it at its end."""
    async with connect(sandbox="1", result_bytes=2000) as client:
        arguments = {"pages": "1", "page_size": 100, "fields": ["orders.id"]}
        part = reply(await client.call_tool("get_order_list", arguments))
        whole = reply(await client.call_tool("get_order_list", arguments | {"page_size": 10}))
    assert part["left_out"]
    assert "next_page_token" not in part
    assert "At its end read_result gives" in part["note"]
    assert whole["next_page_token"]
    assert "`next_page_token` goes on" in whole["note"]
