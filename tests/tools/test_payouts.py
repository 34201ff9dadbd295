"""Money adds up, or the place is named where it does not, and by how much: of a shop whose answers are falsified."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.finance.ledger import build_ledger
from tests.platform.test_tokens import bad, good
from tests.sandbox.client import NOW, Caller, Clock
from tests.tools.report_books import read_rows, read_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mcp import Client

    from tests.conftest import Connect
    from tests.sandbox.client import Json

TOOL = "reconcile_payouts"
PERIOD = "2026-10"
STATEMENTS, BY_TIME = "/finance/202309/statements", {"sort_field": "statement_time", "page_size": "100"}
PAYMENTS, BY_CREATION = "/finance/202605/payments", {"sort_field": "create_time", "page_size": "100"}
BY_ORDER = {"sort_field": "order_create_time", "page_size": "100"}


@dataclass
class Books:
    """A simulated shop whose answers a test falsifies, and a server in front of it."""

    sandbox: Sandbox
    caller: Caller
    client: Client
    statements: list[Json] = field(default_factory=list)

    async def check(self, **arguments: Any) -> Json:
        data: Json = good(await self.client.call_tool(TOOL, arguments or {"period": PERIOD}))["data"]
        return data

    async def falsify(self, path: str, query: Json, change: Callable[[Json], None]) -> Json:
        """From now on the true answer is told with this change; gives the false one."""
        data = await self.caller.call("GET", path, query)
        change(data)
        body = json.dumps({"code": 0, "message": "Success", "request_id": "false", "data": data}).encode()
        self.sandbox.faults.add(path, times=None, body=body)
        return data

    async def falsify_transactions(self, change: Callable[[list[Json]], None], place: int = 0) -> tuple[str, Json]:
        """The same with one statement's transactions; the statement's id, and all that is told of it then."""
        statement = self.statements[place]["id"]
        path = f"/finance/202501/statements/{statement}/statement_transactions"
        return statement, await self.falsify(path, BY_ORDER, lambda data: change(data["transactions"]))


@pytest.fixture
def era() -> str:
    return "auto"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(clock=Clock())


@asynccontextmanager
async def at_the_books(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Books]:
    runtime = {"runtime": Runtime(Clock(), lambda: 0.0)}
    transport = httpx2.ASGITransport(app=sandbox.app)
    async with (
        connect(sandbox=True, sandbox_object=sandbox, **(runtime | more)) as client,
        httpx2.AsyncClient(transport=transport, base_url="http://sandbox.localhost") as http,
    ):
        opened = Books(sandbox, Caller(sandbox, http, "http://sandbox.localhost"), client)
        every = (await opened.caller.call("GET", STATEMENTS, BY_TIME))["statements"]
        payments = (await opened.caller.call("GET", PAYMENTS, BY_CREATION))["payments"]
        # October in London's days.
        made = {row["id"] for row in payments if 1_790_809_200 <= row["create_time"] < 1_793_491_200}
        opened.statements = [s for s in every if s.get("payment_id") in made]
        yield opened


def largest(rows: list[Json]) -> Json:
    """A transaction of some size."""
    return max(rows, key=lambda row: Decimal(row["settlement_amount"]))


def take(row: Json, name: str, amount: str) -> None:
    row[name] = str(Decimal(row[name]) - Decimal(amount))


def differences(data: Json) -> list[Json]:
    currencies = {row.get("shop"): row["currency"] for row in read_table(data["totals"]) if "currency" in row}
    rows = read_table(data.get("by_difference", {"columns": []}))
    return [{"currency": currencies.get(row.get("shop"))} | row for row in rows]


# ---- what agrees


async def test_the_simulated_shops_money_adds_up_to_the_penny(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        data = await shop.check()
    (total,) = read_table(data["totals"])
    kept = build_ledger(sandbox.state.main, NOW)
    meant = [s for s in kept.statements if s.id in {row["id"] for row in shop.statements}]
    assert len(meant) > 20
    assert (data["complete"], total.get("agrees"), total["differences"]) == (True, True, 0)
    assert total["statements"] == len(meant)
    assert total["transactions"] == sum(len(s.orders) + len(s.adjustments) for s in meant)
    assert Decimal(total["settlement"]) == sum(s.settlement for s in meant)
    assert "transactions_difference" not in total
    assert Decimal(total["paid_to_bank"]) == Decimal(total["settlement"])
    assert "by_difference" not in data
    rows = read_rows(data)
    told = [(row["statement_id"], row["settlement"], row["payment_id"], row["agrees"]) for row in rows]
    expected = sorted(shop.statements, key=lambda s: s["statement_time"])
    assert told == [(s["id"], s["settlement_amount"], s["payment_id"], True) for s in expected]


async def test_the_fees_by_kind_of_a_periods_payouts_are_one_question_away(connect: Connect, sandbox: Sandbox) -> None:
    """What was paid in a month is of other statements than those of its days: `fees` tells of these."""
    async with at_the_books(connect, sandbox) as shop:
        call = {"report": "payouts", "period": "2026-10"}
        note = good(await shop.client.call_tool("get_report", call))["data"]["note"]
        question = note[note.index("SELECT") : note.index(" GROUP BY ALL;")] + " GROUP BY ALL"
        result = good(await shop.client.call_tool("query_shop", {"sql": question}))["data"]["result"]
    amounts = [Decimal(row["amount"]) for row in read_table(result)]
    corrections = sum(Decimal(statement.get("adjustment_amount") or "0") for statement in shop.statements)
    assert len(amounts) > 3
    assert sum(amounts) + corrections == sum(Decimal(statement["settlement_amount"]) for statement in shop.statements)


async def test_one_statement_can_be_checked_by_itself(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        wanted = shop.statements[3]
        data = await shop.check(statement_id=wanted["id"])
        asked = {"report": "payouts", "parameters": {"statement_id": wanted["id"]}, "group_by": "statement"}
        assert good(await shop.client.call_tool("get_report", asked))["data"]["table"] == data["table"]
    (row,), (total,) = read_rows(data), read_table(data["totals"])
    assert (row["statement_id"], row["agrees"], total["statements"]) == (wanted["id"], True, 1)


async def test_a_period_without_payouts_is_told_as_that(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        data = await shop.check(period="2026-09-12/2026-09-13")
        told = bad(await shop.client.call_tool(TOOL, {"period": "whenever"}))
    assert not read_rows(data)
    assert told["problems"][0]["argument"] == "period"


# ---- what does not


async def test_a_statement_that_its_transactions_do_not_add_up_to(connect: Connect, sandbox: Sandbox) -> None:
    def change(rows: list[Json]) -> None:
        take(largest(rows), "settlement_amount", "1.25")
        take(largest(rows), "revenue_amount", "1.25")

    async with at_the_books(connect, sandbox) as shop:
        statement, _ = await shop.falsify_transactions(change)
        data = await shop.check()
    found = [(row["kind"], row["statement_id"], row["difference"], row["currency"]) for row in differences(data)]
    # The settlement, its revenue, and what the operation says of the whole.
    assert set(found) == {("wrong_amount", statement, "-1.25", "GBP")}
    assert len(found) == 2
    (total,) = read_table(data["totals"])
    assert (total["agrees"], total["differences"]) == (False, 2)
    told = {row["statement_id"]: row["agrees"] for row in read_rows(data)}
    assert [name for name, agrees in told.items() if not agrees] == [statement]


async def test_a_transaction_that_is_missing(connect: Connect, sandbox: Sandbox) -> None:
    gone: list[Json] = []

    def change(rows: list[Json]) -> None:
        gone.append(largest(rows))
        rows.remove(gone[0])

    async with at_the_books(connect, sandbox) as shop:
        sizes = {s.id: len(s.orders) for s in build_ledger(sandbox.state.main, NOW).statements}
        place = max(range(len(shop.statements)), key=lambda place: sizes[shop.statements[place]["id"]])
        statement, told = await shop.falsify_transactions(change, place)
        found = differences(await shop.check(statement_id=statement))
    (missing,) = [row for row in found if row["kind"] == "missing"]
    assert (missing["expected"], missing["found"]) == (f"{told['total_count']}.00", f"{told['total_count'] - 1}.00")
    assert f"-{gone[0]['settlement_amount']}" in {row["difference"] for row in found}


async def test_a_transaction_that_is_in_two_statements(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        late, early = sorted(shop.statements, key=lambda s: -s["statement_time"])[:2]
        path = f"/finance/202501/statements/{early['id']}/statement_transactions"
        row = largest((await shop.caller.call("GET", path, BY_ORDER))["transactions"])
        place = shop.statements.index(late)
        second, _ = await shop.falsify_transactions(lambda rows: rows.append(row), place)
        found = differences(await shop.check())
    (doubled,) = [each for each in found if each["kind"] == "doubled" and each["transaction_id"]]
    assert (doubled["statement_id"], doubled["transaction_id"]) == (second, row["id"])
    assert (doubled["order_id"], doubled["difference"]) == (row["order_id"], row["settlement_amount"])
    assert early["id"] in doubled["message"]


async def test_a_payment_that_is_missing(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        gone = shop.statements[5]["payment_id"]

        def change(data: Json) -> None:
            data["payments"] = [row for row in data["payments"] if row["id"] != gone]

        await shop.falsify(PAYMENTS, BY_CREATION, change)
        data = await shop.check()
    covered = [s["settlement_amount"] for s in shop.statements if s["payment_id"] == gone]
    (found,) = differences(data)
    assert (found["kind"], found["payment_id"], found["found"]) == ("missing", gone, "0.00")
    assert Decimal(found["difference"]) == -sum(map(Decimal, covered))
    told = {row["payment_id"]: row["agrees"] for row in read_rows(data)}
    assert [name for name, agrees in told.items() if not agrees] == [gone]


async def test_a_payment_of_another_amount_than_its_statements(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        wanted = shop.statements[5]["payment_id"]

        def change(data: Json) -> None:
            (payment,) = [row for row in data["payments"] if row["id"] == wanted]
            for name in ("amount", "settlement_amount", "payment_amount_before_exchange"):
                payment[name] = {**payment[name]}
                take(payment[name], "value", "5.00")

        await shop.falsify(PAYMENTS, BY_CREATION, change)
        # One statement is enough: the others of its payment count for it all the same.
        found = differences(await shop.check(statement_id=shop.statements[5]["id"]))
    assert [(row["kind"], row["payment_id"], row["difference"]) for row in found] == [("wrong_amount", wanted, "-5.00")]


async def test_a_payout_that_failed(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:

        def change(data: Json) -> None:
            (row,) = [row for row in data["statements"] if row["id"] == shop.statements[2]["id"]]
            row["payment_status"] = "FAILED"

        await shop.falsify(STATEMENTS, BY_TIME, change)
        found = {row["kind"]: row for row in differences(await shop.check())}
    assert found.keys() == {"not_paid", "wrong_status"}
    assert found["not_paid"]["difference"] == "-" + shop.statements[2]["settlement_amount"]
    assert (found["wrong_status"]["expected"], found["wrong_status"]["found"]) == ("FAILED", "PAID")


async def test_an_amount_that_can_not_be_read_is_told_and_in_no_sum(connect: Connect, sandbox: Sandbox) -> None:
    def change(rows: list[Json]) -> None:
        largest(rows)["settlement_amount"] = "1,234.00"

    async with at_the_books(connect, sandbox) as shop:
        statement, _ = await shop.falsify_transactions(change)
        data = await shop.check()
    assert [(row["kind"], row["statement_id"]) for row in differences(data)] == [("missing", statement)]
    (row,) = [row for row in read_rows(data) if row["statement_id"] == statement]
    assert "transactions_difference" not in row
    assert "can't be read" in data["not_up_to_date"]


# ---- what could not be checked


async def test_no_verdict_is_given_where_payments_can_not_be_seen(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        sandbox.faults.add("get_payments", times=None, code=105005, status=401, message="Access denied.")
        data = await shop.check(period="last 14 days")
    (total,) = read_table(data["totals"])
    assert (data["complete"], total.get("agrees"), total["differences"]) == (False, None, 0)
    assert data["note"].startswith("PART ONLY")
    assert "payments" in data["part_only"]


async def test_what_is_switched_off_is_not_called_from_here_either(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox, exclude_tools="get_payments") as shop:
        sandbox.log.clear()
        data = await shop.check(period="last 14 days")
        assert "payments" in data["part_only"]
        assert sandbox.log.list_entries("get_payments") == []


# ---- the tool


async def test_every_shop_is_checked_where_none_is_named(connect: Connect) -> None:
    async with connect(sandbox=True, sandbox_shops=3) as client:
        data = good(await client.call_tool(TOOL, {}))["data"]
        one = good(await client.call_tool(TOOL, {"shop": "US"}))["data"]
    assert len(data["shops"]) == 3
    assert {row["currency"] for row in read_table(data["totals"])} == {"GBP", "EUR", "USD"}
    assert all(row["agrees"] for row in read_table(data["totals"]))
    told = datetime.fromisoformat(one["as_of"])
    assert told.utcoffset() == told.astimezone(ZoneInfo("America/Los_Angeles")).utcoffset()
