"""One odd value anywhere in an answer never fails a call: it is read, or passed over, counted and told."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.arguments import accepted
from tests.conftest import CATALOG
from tests.keys import reply
from tests.platform.test_tokens import good
from tests.sandbox.client import Clock
from tests.tools.report_books import read_rows, read_table
from tests.wire.recorder import COFFEE, TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal
    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

EXAMPLES = 5_000 if os.environ.get("SOAK") else 200
DELETED = object()
SALES = {"report": "sales", "period": "2026"}
ODD: list[Any] = [
    *(DELETED, None, "", [], {}, "x", "NaN", "1,5", 0, -1, 7, True, 1.5, math.nan, math.inf, 1e300, 10**20),
    *(576461413038785752, 1793500000123, "1793500000123", "2026-11-01T09:30:00Z", "2026-11-01", [None], [[1]]),
    *({"id": None}, {"id": 5}, [{"id": {}}, 3, None]),
]
SUMS: list[tuple[str, Json, tuple[str, ...]]] = [
    ("check_connection", {}, ("get_authorized_shops", "get_active_shops")),
]
PAGED = ("get_order_list", "search_products", "get_statements", "get_conversations", "get_unsettled_transactions")
SUBJECT = st.sampled_from(
    [
        *((tool, arguments, name) for tool, arguments, names in SUMS for name in names),
        *((name, {"pages": "all"}, name) for name in PAGED),
        *((name, {"pages": "2", "fields": ["*"]}, name) for name in PAGED),
    ]
)
READS = sorted(o.name for o in CATALOG.operations.values() if o.effect == "read" and o.uses_platform)


@pytest.fixture(scope="module")
def shop() -> Sandbox:
    """Nothing here changes it."""
    return Sandbox(orders=40)


@pytest.fixture
def era() -> str:
    """What an answer is made into has nothing to do with the protocol's era: one is enough."""
    return "auto"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


def broken(data: Any, place: int, odd: Any) -> tuple[Any, tuple[Any, ...]]:
    """The data with one place made odd, and which."""
    paths = list(places(data))
    if not paths:
        return data, ()
    path = paths[place % len(paths)]
    data = copy.deepcopy(data)
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    if odd is DELETED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = odd
    return data, path


def understood(text: str) -> Json:
    """The JSON of a result: NaN and its like are none."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} reached a result: {text[:500]}")

    told: Json = json.loads(text, parse_constant=refuse)
    return told


@dataclass(frozen=True)
class Asker:
    """A client whose server stays open for all examples of a test."""

    client: Client
    portal: BlockingPortal
    shop: Sandbox

    def ask(self, tool: str, arguments: Json, name: str, place: int, odd: Any) -> tuple[Json, bool]:
        """What a tool tells where the answers to one operation are odd in one place; and whether it is an error."""
        paths: list[Any] = []

        def edit(data: Any) -> Any:
            data, path = broken(data, place, odd)
            paths.append(path)
            return data

        self.shop.faults.clear()
        self.shop.faults.add(name, times=None, edit=edit)
        result = self.portal.call(self.client.call_tool, tool, arguments)
        if name == "get_authorized_shops":  # what was odd in it is stored: ask for it anew
            self.shop.faults.clear()
            self.portal.call(self.client.call_tool, "check_connection", {})
        told = understood(result.content[0].text)
        assert told.get("error") != "internal", (tool, name, paths, odd, told)
        # A page token that is none may be refused.
        return told, result.is_error and not any("next_page_token" in path for path in paths)


@pytest.fixture
def asker(connect: Connect, shop: Sandbox) -> Iterator[Asker]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(connect(sandbox="true", sandbox_object=shop, toolsets="all")) as client,
    ):
        yield Asker(client, portal, shop)
    shop.faults.clear()


@settings(max_examples=EXAMPLES)
@given(SUBJECT, st.integers(0, 10**6), st.sampled_from(ODD))
def test_a_tool_that_reads_rows_takes_an_odd_one(
    asker: Asker, subject: tuple[str, Json, str], place: int, odd: Any
) -> None:
    tool, arguments, name = subject
    told, is_error = asker.ask(tool, arguments, name, place, odd)
    assert not is_error, (subject, place, odd, told)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(READS), st.integers(0, 10**6), st.sampled_from(ODD))
def test_every_read_takes_an_odd_value(asker: Asker, name: str, place: int, odd: Any) -> None:
    asker.ask(name, accepted(CATALOG.operations[name], {}), name, place, odd)


# ---- what is read, and what is passed over, counted and told


def orders(*rows: Any) -> Json:
    return {"orders": list(rows), "total_count": len(rows)}


ORDER = {"id": "576461413038785752", "create_time": 1793500000, "payment": {"currency": "GBP", "total_amount": "12.50"}}


async def answered(connect: Connect, tool: str, arguments: Json, data: Any) -> Json:
    """What a tool tells three weeks after the order was placed, when it is in any local copy."""
    runtime = Runtime(Clock(), time.monotonic)
    async with (
        Recorder() as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url, runtime=runtime) as client,
    ):
        recorder.answer("/order/", data=data)
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return understood(result.content[0].text)  # type: ignore[union-attr]


@pytest.mark.parametrize("pages", [{}, {"pages": "all"}], ids=["a page", "all pages"])
async def test_a_null_in_a_list_is_passed_over_counted_and_told(connect: Connect, pages: Json) -> None:
    row = ORDER | {"line_items": [None, {"id": "1"}]}
    told = await answered(connect, "get_order_list", pages | {"fields": ["*"]}, orders(None, row, None))
    assert [order["id"] for order in told["data"]["orders"]] == [ORDER["id"]]
    assert told["data"]["orders"][0]["line_items"] == [{"id": "1"}]
    assert "Passed over, since it can't be read: 1 in line_items, 2 in orders." in told["note"]


@pytest.mark.parametrize(
    "moment",
    [1793500000123, "1793500000123", 1793500000.0, 1793500000, "1793500000", "2026-11-01T02:26:40Z"],
)
async def test_a_time_in_milliseconds_or_iso_is_read(connect: Connect, moment: Any) -> None:
    told = await answered(connect, "get_order_list", {"fields": ["*"]}, orders(ORDER | {"create_time": moment}))
    assert told["data"]["orders"][0]["create_time"] == "2026-11-01T02:26:40+00:00"
    row = ORDER | {"create_time": moment}
    summed = await answered(connect, "get_report", SALES | {"group_by": "day"}, orders(row))
    assert [each["day"] for each in read_rows(summed["data"])] == ["2026-11-01"]


async def test_a_time_without_a_zone_is_left_as_it_is(connect: Connect) -> None:
    row = ORDER | {"create_time": "2026-11-01T02:26:40"}
    told = await answered(connect, "get_order_list", {"fields": ["*"]}, orders(row))
    assert told["data"]["orders"][0]["create_time"] == "2026-11-01T02:26:40"
    summed = await answered(connect, "get_report", SALES, orders(row))
    assert not read_table(summed["data"]["totals"])
    assert "can't be read" in json.dumps(summed)


async def test_ids_and_amounts_that_are_numbers_are_read(connect: Connect) -> None:
    row = {
        "id": 576461413038785752,
        "create_time": 1793500000,
        "line_items": [{"id": 7, "sku_id": 12, "sale_price": 12.5}],
        "payment": {"currency": "GBP", "total_amount": 15},
    }
    told = (await answered(connect, "get_order_list", {"fields": ["*"]}, orders(row)))["data"]["orders"][0]
    assert (told["id"], told["line_items"][0]["sku_id"]) == ("576461413038785752", "12")
    assert (told["line_items"][0]["sale_price"], told["payment"]["total_amount"]) == ("12.5", "15")
    summed = (await answered(connect, "get_report", SALES | {"group_by": "sku"}, orders(row)))["data"]
    assert [each["sku_id"] for each in read_rows(summed)] == ["12"]
    (sums,) = read_table(summed["totals"])
    assert (sums["sales_total"], sums["goods_total"]) == ("15.00", "12.50")


async def test_a_number_that_is_none_reaches_no_result_and_no_sum(connect: Connect) -> None:
    row = ORDER | {"payment": {"currency": "GBP", "total_amount": math.nan, "tax": math.inf}}
    told = await answered(connect, "get_order_list", {"fields": ["*"]}, orders(row))
    assert told["data"]["orders"][0]["payment"] == {"currency": "GBP"}
    assert "1 in tax, 1 in total_amount" in told["note"]
    summed = (await answered(connect, "get_report", SALES, orders(row, ORDER | {"id": "2"})))["data"]
    (sums,) = read_table(summed["totals"])
    assert (sums["orders_sold"], sums["sales_total"], sums["average_order"]) == (2, "12.50", "12.50")
    assert "1 orders have an amount that is missing or no number" in summed["note"]


async def test_a_sum_passes_over_what_is_no_order_and_says_so(connect: Connect) -> None:
    data = orders(None, ORDER, "x", {"payment": {}}, {"id": "9", "payment": "x", "line_items": [3]})
    told = (await answered(connect, "get_report", SALES, data))["data"]
    (sums,) = read_table(told["totals"])
    assert (sums["orders_sold"], sums["sales_total"]) == (1, "12.50")
    assert "can't be read" in json.dumps(told)


@pytest.mark.parametrize("place", ["id", "create_time", "status", "payment", "line_items"])
async def test_a_report_counts_the_orders_beside_odd_ones(connect: Connect, place: str) -> None:
    rows = [ORDER | {"id": str(number + 10), place: odd} for number, odd in enumerate(ODD) if odd is not DELETED]
    told = (await answered(connect, "get_report", SALES | {"group_by": "status"}, orders(ORDER, *rows)))["data"]
    counts = [each for each in read_table(told["totals"]) if each["currency"] == "GBP"]
    assert sum(each["orders_sold"] + each["orders_unpaid"] + each["orders_cancelled"] for each in counts) >= 1


async def test_a_failure_without_a_word_is_still_one(connect: Connect) -> None:
    told = await answered(connect, "get_order_list", {}, orders(ORDER) | {"errors": [None]})
    assert told["failed"]


# ---- shops


async def test_a_shop_without_cipher_is_passed_over_and_told(connect: Connect) -> None:
    bare = {name: value for name, value in COFFEE.items() if name != "cipher"}
    rows: list[Any] = [None, TEA | {"id": int(TEA["id"]), "code": None}, bare, {"cipher": "ROW_of_nobody"}]
    async with Recorder(shops=rows) as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        read = good(await client.call_tool("get_warehouse_list", {}))  # one shop is left, so none need be named
        assert read["shop"] == TEA["name"]
        assert f"shop_cipher={TEA['cipher']}" in recorder.calls[-1].target
        listed = good(await client.call_tool("list_shops", {}))["data"]
        assert [(shop["id"], shop["name"]) for shop in listed["shops"]] == [(TEA["id"], TEA["name"])]
        for note in (
            listed["note"],
            good(await client.call_tool("check_connection", {}))["data"]["sign_in"]["note"],
            reply(await client.call_tool("get_warehouse_list", {"shop": COFFEE["name"]}))["hint"],
        ):
            assert f"{COFFEE['name']} (DE) without cipher" in note
            assert "a row without id" in note
        recorder.shops = [TEA, COFFEE]
        good(await client.call_tool("check_connection", {}))
        assert good(await client.call_tool("get_warehouse_list", {"shop": "DE"}))["shop"] == COFFEE["name"]


@pytest.mark.parametrize("cipher", [None, 5, "5", ["GCP_x"], "GCP_\ud800"])
async def test_no_shop_with_a_cipher_is_told_as_such(connect: Connect, cipher: Any) -> None:
    bare = TEA | {"cipher": cipher}
    async with Recorder(shops=[bare]) as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        for tool, arguments in [("get_warehouse_list", {}), ("delete_products", {"product_ids": ["1729592969712207"]})]:
            told = reply(await client.call_tool(tool, arguments))
            assert told["error"] == "shop_required"
            assert "without cipher" in told["hint"]


def append(home: Path, lines: str) -> None:
    (journal,) = home.rglob("journal.jsonl")
    journal.write_text(journal.read_text(encoding="utf-8") + lines, encoding="utf-8")


async def test_an_odd_line_of_the_journal_is_passed_over_and_told(connect: Connect, home: Path) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        good(await client.call_tool("delete_products", {"product_ids": ["1729592969712207008"]}))
        odd_lines = "".join(json.dumps({"id": f"odd{n}", "time": n and "soon"}) + "\n" for n in range(3))
        await asyncio.to_thread(append, home, odd_lines)
        told = good(await client.call_tool("list_changes", {"period": "today"}))["data"]
    assert told["writes"] == 1
    assert "3 in the journal" in told["note"]


# ---- a code of the platform's


async def test_a_seller_whose_authorization_is_not_in_order_is_told_what_to_do(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", code=105004, message="Seller authorization is invalid.", status=401)
        result = await client.call_tool("get_order_list", {})
    told = reply(result)
    assert (told["error"], told["code"], told["retryable"]) == ("signed_out", 105004, False)
    assert "login" in told["hint"]
