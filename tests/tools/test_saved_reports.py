"""Reports go to files whole, and payouts to journals that agree with what the platform says, to the cent."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from mcp_server_tiktok_shop.tools.journals.accounts import load_entries
from tests.keys import reply

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

PERIOD = "last 80 days"


async def call(client: Client, tool: str, /, **arguments: Any) -> Any:
    return reply(await client.call_tool(tool, arguments))


async def list_rows(client: Client, tool: str, **arguments: Any) -> list[Any]:
    """All rows of a list of the platform's, by a file, which has no limit."""
    told = await call(client, tool, save_as="rows.json", **arguments)
    assert "not all" not in told["note"]
    rows: list[Any] = json.loads(Path(told["data"]["path"]).read_text(encoding="utf-8"))  # noqa: ASYNC240
    return rows


def read_lines(told: Any) -> list[dict[str, str]]:
    lines = []
    for each in told["data"]["files"]:
        with Path(each["path"]).open(encoding="utf-8", newline="") as file:
            lines += list(csv.DictReader(file))
    return lines


def to_day(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 - a day


async def test_journals_for_xero_agree_with_payments_and_statements(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        told = await call(client, "get_report", report="settlement_journal", period=PERIOD, format="xero")
        payments = await list_rows(client, "get_payments")
        statements = await list_rows(client, "get_statements")
    lines = read_lines(told)
    paid = [payment for payment in payments if payment["status"] == "PAID"]
    assert paid
    assert told["data"]["paid_out"] == {"GBP": str(sum(Decimal(payment["amount"]["value"]) for payment in paid))}
    assert "left_out_payouts" not in told["data"]
    assert "not_itemised" not in told["data"]
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    months: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    clearing: dict[str, Decimal] = defaultdict(Decimal)
    accounts = {entry: load_entries()[entry]["xero"] for entry in ("clearing", "rollover", "reserve")}
    for line in lines:
        amount = Decimal(line["Amount"])
        payout = line["Narration"].rpartition("payout ")[2].partition(",")[0]
        sums[line["Narration"], line["Date"]] += amount
        if line["AccountCode"] == accounts["clearing"]:
            clearing[payout] += amount
        elif line["AccountCode"] not in accounts.values():
            months[payout, to_day(line["Date"]).month] -= amount
    assert set(sums.values()) == {Decimal(0)}
    assert clearing == {payment["id"]: Decimal(payment["amount"]["value"]) for payment in paid}
    expected: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for statement in statements:
        if statement.get("payment_id") in clearing:
            month = datetime.fromisoformat(statement["statement_time"]).month
            expected[statement["payment_id"], month] += Decimal(statement["settlement_amount"])
    assert months == expected
    assert len({month for _, month in expected}) > 1
    assert len(expected) > len(clearing)  # one of them was split


async def test_journals_for_quickbooks_balance_and_kinds_are_those_of_the_transactions(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        told = await call(
            client, "get_report", report="settlement_journal", period=PERIOD, format="QuickBooks", save_as="qb.csv"
        )
        statements = await list_rows(client, "get_statements")
        commission = Decimal(0)
        for statement in statements:
            if statement["payment_status"] == "PAID":
                for row in await list_rows(client, "get_transactions_by_statement", statement_id=statement["id"]):
                    fees = row.get("fee_tax_breakdown", {}).get("fee", {})
                    commission += Decimal(fees.get("platform_commission_amount", 0))
    lines = read_lines(told)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        assert bool(line["Debits"]) != bool(line["Credits"])
        sums[line["Journal No."]] += Decimal(line["Debits"] or 0) - Decimal(line["Credits"] or 0)
    assert set(sums.values()) == {Decimal(0)}
    booked = sum(
        Decimal(line["Debits"] or 0) - Decimal(line["Credits"] or 0)
        for line in lines
        if line["Description"].startswith("Platform commission")
    )
    assert commission
    assert booked == -commission
    assert [Path(each["path"]).name for each in told["data"]["files"]] == ["qb.csv"]


async def test_the_report_itself_adds_up_to_the_payouts(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        told = await call(client, "get_report", report="settlement_journal", period=PERIOD)
        kinds = await call(client, "get_report", report="settlement_journal", period=PERIOD, group_by="kind")
        payments = await list_rows(client, "get_payments")
    assert (
        "bank_amount, in bank_currency, is what reached the bank: it is not payout_settlement where"
        in told["data"]["note"]
    )
    assert "without it a saved table is no journal" in told["data"]["note"]
    table = told["data"]["table"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    paid = {each["id"]: each["settlement_amount"]["value"] for each in payments if each["status"] == "PAID"}
    assert {row["payout_id"]: row["amount"] for row in rows} == paid
    place = kinds["data"]["table"]["columns"].index("amount")
    total = sum(Decimal(row[place]) for row in kinds["data"]["table"]["rows"])
    assert total == sum(map(Decimal, paid.values()))


async def test_what_the_journals_of_a_period_lack_of_it_and_hold_beyond_it_is_told(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        payments = {each["id"]: each for each in await list_rows(client, "get_payments") if each["status"] == "PAID"}
        statements = await list_rows(client, "get_statements")
        days: dict[str, list[date]] = defaultdict(list)
        for statement in statements:
            days[statement.get("payment_id") or ""].append(datetime.fromisoformat(statement["statement_time"]).date())
        first, last = sorted((min(each), max(each)) for name, each in days.items() if name in payments)[1:3]
        start, end = first[1], last[0]  # within one payout's statements, and within those of the next
        assert first[0] < start <= end < last[1]
        period = f"{start}/{end}"
        told = await call(client, "get_report", report="settlement_journal", period=period, format="xero")
        report = await call(client, "get_report", report="settlement_journal", period=period)
        settled = await call(client, "get_report", report="settlements", period=period)
    inside = {
        each["id"] for each in payments.values() if start <= datetime.fromisoformat(each["paid_time"]).date() <= end
    }
    before, later = Decimal(0), Decimal(0)
    for statement in statements:
        day, amount = (
            datetime.fromisoformat(statement["statement_time"]).date(),
            Decimal(statement["settlement_amount"]),
        )
        before += amount if statement.get("payment_id") in inside and day < start else 0
        later += amount if statement.get("payment_id") not in inside and start <= day <= end else 0
    assert before
    assert later
    data = told["data"]
    assert (data["dated_before"], data["in_later_payouts"]) == ({"GBP": str(before)}, {"GBP": str(later)})
    texts = " ".join(data["warnings"])
    assert f"GBP {later} that the period's statements settled is in no journal here" in texts
    assert f"GBP {before} is of statements dated before the period" in texts
    totals = dict(zip(report["data"]["totals"]["columns"], report["data"]["totals"]["rows"][0], strict=True))
    earned = settled["data"]["totals"]
    settlement = Decimal(earned["rows"][0][earned["columns"].index("settlement_amount")])
    assert Decimal(totals["amount"]) - before + later == settlement
    assert (totals["dated_before"], totals["in_later_payouts"]) == (str(before), str(later))
    assert sum(Decimal(line["Amount"]) for line in read_lines(told)) == 0


async def test_several_shops_have_a_file_a_currency_and_none_is_forgotten(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_shops=3) as client:
        told = await call(client, "get_report", report="settlement_journal", period=PERIOD, format="xero", shop="all")
    names = {Path(each["path"]).name for each in told["data"]["files"]}
    assert names == {f"settlement-journal-xero-{currency}.csv" for currency in told["data"]["paid_out"]}
    assert len(told["data"]["shops"]) == 3
    assert "left_out_shops" not in told["data"]


async def test_a_reports_rows_are_saved_whole_by_their_types(connect: Connect) -> None:
    arguments = {"report": "sales", "period": "last 60 days", "group_by": "sku"}
    async with connect(sandbox="1", result_bytes=200_000) as client:
        shown = await call(client, "get_report", limit=10_000, columns=["all"], **arguments)
        told = await call(client, "get_report", save_as="sales.xlsx", **arguments)
        chosen = await call(client, "get_report", save_as="few.csv", columns=["units_sold"], **arguments)
        total = await call(client, "get_report", save_as="total.csv", **(arguments | {"group_by": "none"}))
    table = shown["data"]["table"]
    sheet = openpyxl.load_workbook(told["data"]["saved"]["path"]).worksheets[0]
    heading, *rows = sheet.iter_rows()
    names = [cell.value for cell in heading]
    shared = shown["data"].get("same_in_all_rows", {})  # a file repeats what an answer tells once
    assert sorted(names) == sorted([*table["columns"], *shared, "currency"])
    assert told["data"]["saved"]["rows"] == len(rows) == len(table["rows"])
    assert len(told["data"]["table"]["rows"]) == 3
    for cells, expected in zip(rows, table["rows"], strict=True):
        by_name = dict(zip(names, cells, strict=True))
        for name, value in zip(table["columns"], expected, strict=True):
            cell = by_name[name]
            if cell.number_format.startswith("[$GBP]"):
                assert Decimal(repr(cell.value)) == Decimal(value)
    assert any(cell.number_format == "[$GBP] #,##0.00" for cell in rows[0])
    assert total["data"]["saved"]["rows"] == 1
    # With columns named it has these, and what tells its rows apart.
    few = Path(chosen["data"]["saved"]["path"]).read_text(encoding="utf-8-sig").splitlines()  # noqa: ASYNC240
    assert len(few) == len(rows) + 1
    assert set(few[0].split(",")) == {"currency", "seller_sku", "product_name", "sku_name", "units_sold"}


async def test_profits_are_saved_whole_with_amounts_as_numbers(connect: Connect) -> None:
    arguments = {"period": "last 60 days", "group_by": "order"}
    async with connect(sandbox="1", result_bytes=300_000) as client:
        told = await call(client, "get_profit", save_as="profit.xlsx", **arguments)
        every_column = told["data"]["profit"]["columns"]
        shown = await call(client, "get_profit", limit=5_000, columns=every_column, **arguments)
    table = shown["data"]["profit"]
    heading, *rows = openpyxl.load_workbook(told["data"]["saved"]["path"]).worksheets[0].iter_rows()
    names = [cell.value.removesuffix(" (Europe/London)") for cell in heading]
    shared = shown["data"].get("same_in_all_rows", {})  # a file repeats what an answer tells once
    assert sorted(names) == sorted([*table["columns"], *shared, "currency"])
    assert len(rows) == told["data"]["saved"]["rows"] == len(table["rows"]) > 20
    assert told["data"]["profit"]["columns"] == names
    place, shown_place = names.index("settlement"), table["columns"].index("settlement")
    assert {row[place].number_format for row in rows if row[place].value is not None} == {"[$GBP] #,##0.00"}
    found = sum(Decimal(repr(row[place].value)) for row in rows if row[place].value is not None)
    assert found == sum(Decimal(row[shown_place]) for row in table["rows"] if row[shown_place] is not None)
    assert told["data"]["totals"] == shown["data"]["totals"]


@pytest.mark.parametrize(
    ("more", "argument"),
    [
        ({"report": "sales", "period": "today", "format": "xero"}, "format"),
        ({"report": "settlement_journal", "format": "sage"}, "format"),
        ({"report": "settlement_journal", "format": "xero", "save_as": "x.xlsx"}, "save_as"),
        ({"report": "settlement_journal", "save_as": "x/y.csv"}, "save_as"),
    ],
)
async def test_what_can_not_be_written_is_refused_with_what_can(
    connect: Connect, more: dict[str, str], argument: str
) -> None:
    async with connect(sandbox="1") as client:
        told = await call(client, "get_report", **more)
    assert told["error"] == "invalid_arguments"
    assert told["problems"][0]["argument"] == argument
    assert ("for another program leave format away: group_by line" in told.get("hint", "")) is (
        more.get("format") == "sage"
    )
