"""The money adds up, or the place is named where it does not, and by how much."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import httpx2
import pytest

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.calls.caller import NonInteractiveCaller
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.finance.ledger import build_ledger
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.tools.payouts import reconciliation
from tests.conftest import CATALOG
from tests.platform.test_tokens import bad, good
from tests.protocol.test_listing import compact
from tests.sandbox.client import NOW, Caller, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect
    from tests.sandbox.client import Json

TOOL = "reconcile_payouts"
PERIOD = "2026-10"
STATEMENTS, BY_TIME = "/finance/202309/statements", {"sort_field": "statement_time", "page_size": "100"}
PAYMENTS, BY_CREATION = "/finance/202605/payments", {"sort_field": "create_time", "page_size": "100"}
BY_ORDER = {"sort_field": "order_create_time", "page_size": "100"}
ORDERS = "/order/202507/orders"


@dataclass
class Books:
    """A simulated shop whose answers a test falsifies, and a server in front of it."""

    sandbox: Sandbox
    caller: Caller
    client: Client
    statements: list[Json] = field(default_factory=list)

    async def checked(self, **arguments: Any) -> Json:
        told = good(await self.client.call_tool(TOOL, arguments or {"period": PERIOD}))
        # What is empty is not told.
        data: Json = {"agrees": None, "problems": [], "totals": []} | told["data"]
        data["table"] = {"rows": []} | data["table"]
        return data

    async def problems(self, **arguments: Any) -> list[Json]:
        """What disagrees, with the words left out."""
        data = await self.checked(**arguments)
        assert data["agrees"] is (not data["problems"])
        assert data["complete"]
        return [{name: value for name, value in row.items() if name != "message"} for row in data["problems"]]

    async def falsify(self, path: str, query: Json, change: Callable[[Json], None]) -> Json:
        """From now on the true answer is told with this change; gives the false one."""
        self.sandbox.faults.clear()
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
        # October in London's days: its first statement is cut on the 1st, its last on the 31st.
        opened.statements = [s for s in every if 1_790_809_200 <= s["statement_time"] < 1_793_491_200]
        yield opened


def big(rows: list[Json]) -> Json:
    """A transaction of some size."""
    return max(rows, key=lambda row: Decimal(row["settlement_amount"]))


def less(row: Json, name: str, amount: str) -> None:
    row[name] = str(Decimal(row[name]) - Decimal(amount))


# ---- what agrees


async def test_the_simulated_shops_money_adds_up_to_the_penny(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        data = await shop.checked()
    assert (data["agrees"], data["complete"], data["problems"]) == (True, True, [])
    (total,) = data["totals"]
    kept = build_ledger(sandbox.state.main, NOW)
    meant = [s for s in kept.statements if s.id in {row["id"] for row in shop.statements}]
    assert len(meant) > 20
    assert data["checked"] == {
        "statements": len(meant),
        "transactions": sum(len(s.orders) + len(s.adjustments) for s in meant),
        "payments": len({payment.id for s in meant if (payment := kept.find_payment(s)) is not None}),
        "orders": sum(len(s.orders) for s in meant),
    }
    assert total == {
        "currency": "GBP",
        "statements": len(meant),
        "settlement": str(sum(s.settlement for s in meant)),
        "revenue": str(sum(s.earnings.revenue for s in meant)),
        "shipping": str(sum(s.earnings.shipping for s in meant)),
        "fees": str(sum(s.earnings.fees for s in meant)),
        "adjustments": str(sum(s.adjustment_total for s in meant)),
        "paid": str(sum(s.settlement for s in meant)),
        "not_paid_yet": "0",
        "unsettled": ANY,
        "difference": "0.00",
    }
    assert Decimal(total["fees"]) < 0  # with the platform's sign
    parts = ("revenue", "shipping", "fees", "adjustments")
    assert sum(Decimal(total[part]) for part in parts) == Decimal(total["settlement"])


async def test_every_statement_has_its_row(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        table = (await shop.checked())["table"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert [(row["statement_id"], row["settlement"], row["payment_id"]) for row in rows] == [
        (s["id"], s["settlement_amount"], s["payment_id"]) for s in shop.statements
    ]
    assert all(row["transactions"] == row["settlement"] and row["difference"] == "0.00" for row in rows)
    assert {(row["payment_status"], row["verdict"]) for row in rows} == {("PAID", "agrees")}
    days = [datetime.fromtimestamp(s["statement_time"], UTC).date().isoformat() for s in shop.statements]
    assert [row["cut_on"] for row in rows] == days


async def test_what_is_on_its_way_is_told_with_amount_and_since_when(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        data = await shop.checked(period="last 7 days")
    assert data["agrees"] is True
    kept = build_ledger(sandbox.state.main, NOW)
    waiting = [dict(zip(data["waiting"]["columns"], row, strict=True)) for row in data["waiting"]["rows"]]
    assert data["waiting_in_all"] == len(kept.unsettled) + sum(row["kind"] == "not_paid" for row in waiting)
    unpaid = [s for s in kept.statements if kept.find_payment(s) is None]
    assert [(row["id"], row["amount"]) for row in waiting if row["kind"] == "not_paid"] == [
        (s.id, str(s.settlement)) for s in unpaid
    ]
    assert waiting[0]["since"] == "2026-11-17T00:00+00:00"
    oldest = next(row for row in waiting if row["kind"] == "unsettled")
    first = min((entry.order for entry in kept.unsettled), key=lambda order: order.delivered_time)
    assert oldest["order_id"] == first.id
    assert oldest["why"]
    (total,) = data["totals"]
    assert total["not_paid_yet"] == str(sum(s.settlement for s in unpaid))
    assert total["unsettled"] == str(sum(entry.earnings.settlement for entry in kept.unsettled))
    assert {row[-1] for row in data["table"]["rows"]} == {"agrees", "agrees, not paid yet"}


async def test_one_statement_can_be_checked_by_itself(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        wanted = shop.statements[3]
        data = await shop.checked(statement_id=wanted["id"])
    assert data["agrees"] is True
    assert [row[0] for row in data["table"]["rows"]] == [wanted["id"]]
    assert data["checked"]["payments"] == 1
    assert data["from"] < data["to"]
    assert "unsettled" not in data["totals"][0]


async def test_a_period_and_a_statement_are_not_taken_together(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        both = {"period": PERIOD, "statement_id": shop.statements[0]["id"]}
        assert bad(await shop.client.call_tool(TOOL, both))["error"] == "invalid_arguments"
        told = bad(await shop.client.call_tool(TOOL, {"period": "whenever"}))
        assert told["problems"][0]["argument"] == "period"
        assert bad(await shop.client.call_tool(TOOL, {"statement_id": "1"}))["error"] == "platform"


async def test_a_period_without_statements_is_told_as_that(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        data = await shop.checked(period="2024-02")
    assert (data["checked"]["statements"], data["totals"], data["table"]["rows"]) == (0, [], [])


# ---- what does not


async def test_a_statement_that_its_transactions_do_not_add_up_to(connect: Connect, sandbox: Sandbox) -> None:
    def change(rows: list[Json]) -> None:
        less(big(rows), "settlement_amount", "1.25")
        less(big(rows), "revenue_amount", "1.25")

    async with at_the_books(connect, sandbox) as shop:
        statement, _ = await shop.falsify_transactions(change)
        found = await shop.problems()
        data = await shop.checked()
    assert [(row["kind"], row["statement_id"], row["difference"], row["currency"]) for row in found] == [
        ("wrong_amount", statement, "-1.25", "GBP")
    ] * 2  # the settlement, and its revenue
    assert data["totals"][0]["difference"] == "-1.25"
    assert data["table"]["rows"][0][5] == "-1.25"
    assert data["table"]["rows"][0][-1] == "wrong_amount"
    assert {row[-1] for row in data["table"]["rows"][1:]} == {"agrees"}


async def test_a_transaction_that_its_own_parts_do_not_add_up_to(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        statement, told = await shop.falsify_transactions(lambda rows: less(big(rows), "fee_tax_amount", "0.50"))
        found = await shop.problems()
    assert [(row.get("transaction_id"), row["difference"]) for row in found] == [
        (big(told["transactions"])["id"], "0.50"),
        (None, "-0.50"),
    ]
    assert {row["statement_id"] for row in found} == {statement}
    assert found[1]["found"].startswith("-")


async def test_a_transaction_that_is_missing(connect: Connect, sandbox: Sandbox) -> None:
    gone: list[Json] = []

    def change(rows: list[Json]) -> None:
        gone.append(big(rows))
        rows.remove(gone[0])

    async with at_the_books(connect, sandbox) as shop:
        statement, told = await shop.falsify_transactions(change)
        found = await shop.problems(statement_id=statement)
    (missing,) = [row for row in found if row["kind"] == "missing"]
    assert missing == {
        "kind": "missing",
        "statement_id": statement,
        "currency": "GBP",
        "expected": str(told["total_count"]),
        "found": str(told["total_count"] - 1),
    }
    assert Decimal(found[0]["difference"]) == -Decimal(gone[0]["settlement_amount"])


async def test_a_transaction_that_is_in_two_statements(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        first = shop.statements[0]["id"]
        path = f"/finance/202501/statements/{first}/statement_transactions"
        row = big((await shop.caller.call("GET", path, BY_ORDER))["transactions"])
        second, _ = await shop.falsify_transactions(lambda rows: rows.append(row), place=1)
        data = await shop.checked()
    (doubled,) = [row for row in data["problems"] if row["kind"] == "doubled" and "transaction_id" in row]
    assert (doubled["statement_id"], doubled["transaction_id"]) == (second, row["id"])
    assert doubled["order_id"] == row["order_id"]
    assert doubled["difference"] == row["settlement_amount"]
    assert first in doubled["message"]


async def test_a_transaction_that_is_listed_twice(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        statement, told = await shop.falsify_transactions(lambda rows: rows.append(big(rows)))
        found = await shop.problems(statement_id=statement)
    row = told["transactions"][-1]
    assert [(problem["kind"], problem["transaction_id"], problem["difference"]) for problem in found] == [
        ("doubled", row["id"], row["settlement_amount"])
    ]


async def test_an_order_that_is_settled_twice_under_two_ids(connect: Connect, sandbox: Sandbox) -> None:
    again: list[Json] = []

    def change(rows: list[Json]) -> None:
        again.append(big(rows) | {"id": "123456789"})
        rows.append(again[0])

    async with at_the_books(connect, sandbox) as shop:
        statement, _ = await shop.falsify_transactions(change)
        found = await shop.problems(statement_id=statement)
    assert ("doubled", "123456789", again[0]["settlement_amount"]) in [
        (row["kind"], row.get("transaction_id"), row.get("difference")) for row in found
    ]


async def test_a_payment_that_is_missing(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        gone = shop.statements[5]["payment_id"]

        def change(data: Json) -> None:
            data["payments"] = [row for row in data["payments"] if row["id"] != gone]

        await shop.falsify(PAYMENTS, BY_CREATION, change)
        found = await shop.problems()
        table = (await shop.checked())["table"]["rows"]
    covered = sum(
        s.settlement for p in build_ledger(sandbox.state.main, NOW).payments if p.id == gone for s in p.statements
    )
    assert found == [
        {
            "kind": "missing",
            "payment_id": gone,
            "currency": "GBP",
            "expected": str(covered),
            "found": "0",
            "difference": str(-covered),
        }
    ]
    assert {row[-1] for row in table if row[6] == gone} == {"missing"}
    assert {row[-1] for row in table if row[6] != gone} == {"agrees"}


async def test_a_payment_of_another_amount_than_its_statements(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        wanted = shop.statements[5]["payment_id"]

        def change(data: Json) -> None:
            (payment,) = [row for row in data["payments"] if row["id"] == wanted]
            for name in ("amount", "settlement_amount", "payment_amount_before_exchange"):
                payment[name] = {**payment[name]}
                less(payment[name], "value", "5.00")

        await shop.falsify(PAYMENTS, BY_CREATION, change)
        # One statement is enough: the others of its payment are looked up around it.
        found = await shop.problems(statement_id=shop.statements[5]["id"])
    assert [(row["kind"], row["payment_id"], row["difference"]) for row in found] == [("wrong_amount", wanted, "-5.00")]


async def test_a_payout_that_failed(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:

        def change(data: Json) -> None:
            (row,) = [row for row in data["statements"] if row["id"] == shop.statements[2]["id"]]
            row["payment_status"] = "FAILED"

        await shop.falsify(STATEMENTS, BY_TIME, change)
        failed, status = await shop.problems()
    assert failed["kind"] == "not_paid"
    assert failed["difference"] == "-" + shop.statements[2]["settlement_amount"]
    assert failed["since"].startswith("2026-10-0")
    assert (status["kind"], status["expected"], status["found"]) == ("wrong_status", "FAILED", "PAID")


async def test_orders_that_are_unknown_or_were_cancelled(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        statement = next(s for s in build_ledger(sandbox.state.main, NOW).statements if len(s.orders) > 3)
        ids = ",".join(order.id for order in statement.orders)

        def change(data: Json) -> None:
            del data["orders"][1]
            data["orders"][0]["status"] = "CANCELLED"

        told = await shop.falsify(ORDERS, {"ids": ids}, change)
        found = await shop.problems(statement_id=statement.id)
    cancelled = told["orders"][0]["id"]
    (unknown,) = {order.id for order in statement.orders} - {order["id"] for order in told["orders"]}
    assert {(row["kind"], row["order_id"]) for row in found} == {
        ("cancelled_order", cancelled),
        ("unknown_order", unknown),
    }


async def test_an_amount_that_can_not_be_read_is_a_problem_and_no_crash(connect: Connect, sandbox: Sandbox) -> None:
    def change(rows: list[Json]) -> None:
        big(rows)["settlement_amount"] = "1,234.00"

    async with at_the_books(connect, sandbox) as shop:
        statement, _ = await shop.falsify_transactions(change)
        found = await shop.problems()
        row = (await shop.checked())["table"]["rows"][0]
    assert [(problem["kind"], problem["statement_id"], problem["found"]) for problem in found] == [
        ("unreadable", statement, "1,234.00")
    ]
    assert row[4:6] == [None, None]  # no sum is told over what could not be read


# ---- what could not be checked


async def test_what_the_deadline_cuts_off_is_said_and_can_be_gone_on_with(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        whole = await shop.checked()
    rows: list[Any] = []
    settled, asked, calls = Decimal(0), PERIOD, 0
    slow = Runtime(Clock(), lambda: 2.0 * len(sandbox.log))  # each request takes two seconds
    async with at_the_books(connect, sandbox, runtime=slow) as shop:
        while asked:
            data = await shop.checked(period=asked)
            calls += 1
            rows += data["table"]["rows"]
            settled += Decimal(data["totals"][0]["settlement"])
            assert data["checked"]["statements"] == len(data["table"]["rows"]) > 0
            if "go_on" not in data:
                break
            assert (data["complete"], data["agrees"]) == (False, None)
            assert any("transactions" in what for what in data["unchecked"])
            assert data["checked_until"][:10] in data["go_on"]
            (asked,) = [word.rstrip(":") for word in data["go_on"].split() if "/" in word]
    assert calls > 1
    assert rows == whole["table"]["rows"]
    assert str(settled) == whole["totals"][0]["settlement"]


async def test_no_verdict_is_given_where_payments_can_not_be_seen(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        sandbox.faults.add("get_payments", times=None, code=105005, status=401, message="Access denied.")
        data = await shop.checked()
    assert (data["agrees"], data["complete"], data["problems"]) == (None, False, [])
    assert [what.partition(":")[0] for what in data["unchecked"]] == ["payments"]
    assert data["checked"]["payments"] == 0


async def test_what_is_switched_off_is_not_called_from_here_either(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox, exclude_tools="get_payments") as shop:
        data = await shop.checked()
        assert (data["agrees"], len(data["unchecked"])) == (None, 1)
        assert "get_payments" in data["unchecked"][0]
        assert sandbox.log.list_entries("get_payments") == []
    async with at_the_books(connect, sandbox, exclude_tools="get_statements") as shop:
        assert bad(await shop.client.call_tool(TOOL, {}))["error"] == "not_permitted"


async def test_no_payments_in_a_market_that_has_none_are_no_missing_payments(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "BALANCE_ONLY_REGIONS", ("GB",))
    async with at_the_books(connect, sandbox) as shop:
        await shop.falsify(PAYMENTS, BY_CREATION, lambda data: data.update(payments=[]))
        data = await shop.checked()
    assert (data["agrees"], data["problems"]) == (None, [])
    assert "get_withdrawals" in data["unchecked"][0]


async def test_an_estimate_that_can_not_be_read_is_told(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        path = "/finance/202507/orders/unsettled"

        def change(data: Json) -> None:
            data["transactions"][0]["est_settlement_amount"] = "soon"

        told = await shop.falsify(path, BY_ORDER, change)
        (found,) = await shop.problems()
    first = told["transactions"][0]
    assert (found["kind"], found["order_id"], found["found"]) == ("unreadable", first["order_id"], "soon")


async def test_a_refusal_of_all_transactions_is_an_error(connect: Connect, sandbox: Sandbox) -> None:
    async with at_the_books(connect, sandbox) as shop:
        sandbox.faults.add("get_transactions_by_statement", times=None, code=105005, status=401, message="No.")
        assert bad(await shop.client.call_tool(TOOL, {}))["code"] == 105005


# ---- the tool


async def test_which_shop_is_meant_must_be_said_where_there_are_several(connect: Connect) -> None:
    async with connect(sandbox=True, sandbox_shops=3) as client:
        assert bad(await client.call_tool(TOOL, {}))["error"] == "shop_required"
        data = good(await client.call_tool(TOOL, {"shop": "US"}))["data"]
    assert data["time_zone"] == "America/Los_Angeles"


async def test_its_schema_is_small(connect: Connect) -> None:
    async with connect(sandbox=True, sandbox_shops=3) as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == TOOL]
    assert len(json.dumps(tool.input_schema, separators=(",", ":"))) <= 400
    assert len(compact(tool)) <= 600


@dataclass
class Listener(NonInteractiveCaller):
    """Somebody who is told how far it is."""

    heard: list[tuple[float, float | None]] = field(default_factory=list)

    async def report_progress(self, done: float, total: float | None, _message: str) -> None:
        self.heard.append((done, total))


async def test_progress_is_told_statement_by_statement(home: Path, sandbox: Sandbox) -> None:
    settings = read_settings({"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_SANDBOX": "true"})
    parts = build_app(settings, runtime=Runtime(Clock(), lambda: 0.0), sandbox=sandbox, catalog=CATALOG)
    listener = Listener()
    told = await parts.dispatcher.call(TOOL, {"period": PERIOD}, listener)
    await parts.close()
    done = [at for at, _ in listener.heard]
    assert done == sorted(set(done))
    assert len(done) == told["data"]["checked"]["statements"] + 2
    assert {total for _, total in listener.heard} == {done[-1]}


async def test_the_deadline_is_kept(connect: Connect, sandbox: Sandbox) -> None:
    slow = Runtime(Clock(), lambda: 2.0 * len(sandbox.log))
    async with at_the_books(connect, sandbox, runtime=slow) as shop:
        sandbox.log.clear()
        await shop.checked()
    assert 15 <= len(sandbox.log) <= 22  # 45 seconds
