"""Journals of settlements balance to the cent, end with what the bank got, and have the forms that are imported."""

from __future__ import annotations

import asyncio
import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name
from mcp_server_tiktok_shop.tools.journals.accounts import load_entries
from mcp_server_tiktok_shop.tools.journals.books import Payout, SettlementLine, build_journals
from mcp_server_tiktok_shop.tools.journals.writer import JournalWriter, ShopSettlements

CENT = Decimal("0.01")
KINDS = [
    ("revenue", "subtotal_before_discount"),
    ("revenue", "seller_discount"),
    ("shipping_cost", "actual_shipping_fee"),
    ("fee", "platform_commission"),
    ("fee", "affiliate_commission"),
    ("tax", "vat"),
    ("adjustment", "platform_penalty"),
    ("other", "not itemised"),
]
LINES = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=6),  # the statement
        st.integers(min_value=0, max_value=80),  # days after the first of October
        st.sampled_from(KINDS),
        st.decimals(min_value=-9999, max_value=9999, places=2),
    ),
    min_size=1,
    max_size=25,
)


def make_lines(drawn: list[Any], *, reserve: Decimal = Decimal(0), payout_id: str = "3448744508609196785") -> Any:
    """A payout of what was drawn, each statement on one day."""
    days = {statement: date(2026, 10, 1) + timedelta(days=day) for statement, day, _, _ in drawn}
    total = sum((amount for *_, amount in drawn), Decimal(0))
    paid = total - reserve
    payout = Payout(payout_id, max(days.values()), total, paid, "GBP", paid, "GBP")
    return [
        SettlementLine(payout, str(statement), days[statement], "GBP", section, kind, amount)
        for statement, _, (section, kind), amount in drawn
    ]


def write(folder: Path, program: str, *shops: ShopSettlements, save_as: str | None = None) -> Any:
    files = AllowedFiles((folder / "files",), folder / "home", ())
    writer = JournalWriter(ExportFolder(folder / "exports", lambda: 0.0), files)
    return asyncio.run(writer.write(program, parse_file_name(save_as) if save_as else None, shops))


def read(told: Any) -> list[list[str]]:
    """The lines of all files, without their headings."""
    lines = []
    for each in told["files"]:
        with Path(each["path"]).open(encoding="utf-8", newline="") as file:
            lines += list(csv.reader(file))[1:]
    return lines


@settings(max_examples=60)
@given(LINES, st.decimals(min_value=-99, max_value=99, places=2))
def test_every_journal_balances_and_the_last_one_is_what_was_paid(drawn: list[Any], reserve: Decimal) -> None:
    lines = make_lines(drawn, reserve=reserve)
    book = build_journals(lines, "Tea")
    total = sum(line.amount for line in lines)
    assert book.left_out == ()
    assert all(sum(line.amount for line in journal.lines) == 0 for journal in book.journals)
    assert all(line.amount for journal in book.journals for line in journal.lines)
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for journal in book.journals:
        for line in journal.lines:
            booked[line.entry] += line.amount
    assert booked["clearing"] == total - reserve
    assert booked["reserve"] == reserve
    assert booked["rollover"] == 0
    # By month and kind, what is booked is what the statements say.
    expected: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        expected[line.day.month, line.kind] -= line.amount
    found: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for journal in book.journals:
        for each in journal.lines:
            if each.entry not in ("clearing", "reserve", "rollover"):
                found[journal.day.month, each.kind] += each.amount
    assert {key: value for key, value in expected.items() if value} == dict(found)
    clearing = [journal for journal in book.journals if any(line.entry == "clearing" for line in journal.lines)]
    assert clearing in ([], list(book.journals[-1:]))
    numbers = [journal.number for journal in book.journals]
    assert len(set(numbers)) == len(numbers)
    assert all(len(number) <= 21 for number in numbers)


@settings(max_examples=40)
@given(LINES)
def test_xero_journals_add_up_to_nothing_by_narration_and_date(drawn: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        told = write(Path(folder), "xero", ShopSettlements("Tea", "GB", make_lines(drawn)))
        rows = read(told)
        headings = {Path(each["path"]).read_text(encoding="utf-8").splitlines()[0] for each in told["files"]}
    assert headings <= {"Narration,Date,Description,AccountCode,TaxRate,Amount"}
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for narration, day, _, account, tax_rate, amount in rows:
        assert account
        assert tax_rate == "No VAT"
        date(*reversed([int(part) for part in day.split("/")]))  # day first
        sums[narration, day] += Decimal(amount)
    assert set(sums.values()) <= {Decimal(0)}
    assert len(sums) == told["journals"]


@settings(max_examples=40)
@given(LINES, st.sampled_from(["US", "GB"]))
def test_quickbooks_debits_are_credits_by_number_and_the_other_side_is_blank(drawn: list[Any], region: str) -> None:
    with TemporaryDirectory() as folder:
        told = write(Path(folder), "quickbooks", ShopSettlements("Tea", region, make_lines(drawn)))
        rows = read(told)
        headings = {Path(each["path"]).read_text(encoding="utf-8").splitlines()[0] for each in told["files"]}
    assert headings <= {"Journal No.,Journal Date,Account Name,Description,Debits,Credits"}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    days: dict[str, set[str]] = defaultdict(set)
    for number, day, account, _, debit, credit in rows:
        assert account
        assert bool(debit) != bool(credit)
        assert Decimal(debit or credit) > 0
        sums[number] += Decimal(debit or 0) - Decimal(credit or 0)
        days[number].add(day)
        month_place = 0 if region == "US" else 1
        assert int(day.split("/")[month_place]) in (10, 11, 12)
    assert set(sums.values()) <= {Decimal(0)}
    assert all(len(each) == 1 for each in days.values())
    assert len(sums) == told["journals"]


def drawn_over_two_months() -> list[Any]:
    return [
        (0, 29, KINDS[0], Decimal("100.00")),
        (0, 29, KINDS[3], Decimal("-9.00")),
        (1, 30, KINDS[0], Decimal("50.00")),
        (2, 31, KINDS[0], Decimal("20.00")),
        (2, 31, KINDS[2], Decimal("-3.33")),
    ]


def test_a_payout_over_a_month_end_is_split_there_with_rollover_lines(tmp_path: Path) -> None:
    told = write(tmp_path, "xero", ShopSettlements("Tea", "GB", make_lines(drawn_over_two_months())))
    narration = "TikTok Shop Tea: payout 3448744508609196785, part"
    assert read(told) == [
        [f"{narration} 1 of 2", "31/10/2026", "Platform commission", "404", "No VAT", "9.00"],
        [f"{narration} 1 of 2", "31/10/2026", "Subtotal before discount", "200", "No VAT", "-150.00"],
        [f"{narration} 1 of 2", "31/10/2026", "Carried over to November 2026", "TTSROLL", "No VAT", "141.00"],
        [f"{narration} 2 of 2", "01/11/2026", "Subtotal before discount", "200", "No VAT", "-20.00"],
        [f"{narration} 2 of 2", "01/11/2026", "Actual shipping fee", "425", "No VAT", "3.33"],
        [f"{narration} 2 of 2", "01/11/2026", "Carried over from October 2026", "TTSROLL", "No VAT", "-141.00"],
        [f"{narration} 2 of 2", "01/11/2026", "Payout of 2026-11-01", "TTSCLEAR", "No VAT", "157.67"],
    ]
    assert told["paid_out"] == {"GBP": "157.67"}
    assert told["accounts_from"] == "defaults"
    assert told["accounts"]["rollover"] == "TTSROLL"
    assert "split" in told["note"] or "one a month" in told["note"]
    assert "settlement_mapping.csv" in told["note"]
    assert [text.partition(":")[0] for text in told["warnings"]] == [
        "No account here is the seller's own",
        "Every line has the tax rate 'No VAT', sales too",
    ]


@pytest.mark.parametrize("separator", [",", ";"])
def test_accounts_are_as_the_sellers_file_says(tmp_path: Path, separator: str) -> None:
    (tmp_path / "files").mkdir()
    lines = [
        ["Entry", "Account", "Tax rate"],
        ["sales", "210", "20% (VAT on Income)"],
        ["platform_commission", "499", ""],
    ]
    text = "\n".join(separator.join(line) for line in lines)
    (tmp_path / "files" / "settlement_mapping.csv").write_text(text, encoding="utf-8-sig")
    told = write(tmp_path, "xero", ShopSettlements("Tea", "GB", make_lines(drawn_over_two_months())))
    accounts = {(row[2], row[3], row[4]) for row in read(told)}
    assert ("Subtotal before discount", "210", "20% (VAT on Income)") in accounts
    assert ("Platform commission", "499", "No VAT") in accounts
    assert told["accounts_from"] == "settlement_mapping.csv"
    assert "warnings" not in told


@pytest.mark.parametrize("kind", ["platform_penalty", "charge_back", "gmv_payment_for_ads", "sample_shipping_fee"])
def test_what_costs_is_booked_to_no_account_of_income(tmp_path: Path, kind: str) -> None:
    drawn = [(1, 0, ("adjustment", kind), Decimal(-9)), (1, 0, ("revenue", "subtotal_before_discount"), Decimal(20))]
    told = write(tmp_path, "xero", ShopSettlements("Tea", "GB", make_lines(drawn)))
    (account,) = {row[3] for row in read(told) if row[2] == kind.replace("_", " ").capitalize()}
    assert account not in ("200", "260"), "sales and other revenue of a new organisation"


def test_accounts_may_stand_in_json(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    text = '{"sales": "Income:TikTok", "clearing": {"account": "Clearing", "tax_rate": ""}}'
    (tmp_path / "files" / "settlement_mapping.json").write_text(text, encoding="utf-8")
    told = write(tmp_path, "quickbooks", ShopSettlements("Tea", "US", make_lines(drawn_over_two_months())))
    assert {"Income:TikTok", "Clearing", "TikTok Shop Rollover"} <= {row[2] for row in read(told)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("settlement_mapping.csv", "entry,tax_rate\nsales,x"),
        ("settlement_mapping.csv", "entry,account\nsaels,200"),
        ("settlement_mapping.csv", "entry,account\nsales,200\nsales,201"),
        ("settlement_mapping.csv", "entry,account\nsales,"),
        ("settlement_mapping.json", '["sales"]'),
        ("settlement_mapping.json", '{"sales": {"tax_rate": "x"}}'),
        ("settlement_mapping.json", "no json"),
    ],
)
def test_a_fault_in_the_accounts_is_told_and_nothing_is_booked_elsewhere(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / name).write_text(text, encoding="utf-8")
    with pytest.raises(ShopError) as refused:
        write(tmp_path, "xero", ShopSettlements("Tea", "GB", make_lines(drawn_over_two_months())))
    assert refused.value.kind == "invalid_arguments"
    assert name in refused.value.message
    assert not (tmp_path / "exports").exists()


def test_what_does_not_agree_with_the_payout_is_left_out_and_told(tmp_path: Path) -> None:
    right = make_lines(drawn_over_two_months())
    wrong = make_lines(drawn_over_two_months(), payout_id="3450792194141296541")[:-1]
    told = write(tmp_path, "xero", ShopSettlements("Tea", "GB", [*right, *wrong]))
    assert told["journals"] == 2
    (problem,) = told["left_out_payouts"]
    assert "3450792194141296541" in problem
    assert "161.00" in problem
    assert "157.67" in problem


def test_a_file_is_never_longer_than_the_program_takes_and_no_journal_is_cut(tmp_path: Path) -> None:
    lines = [
        line
        for number in range(120)
        for line in make_lines(drawn_over_two_months(), payout_id=str(3450000000000000000 + number))
    ]
    told = write(tmp_path, "xero", ShopSettlements("Tea", "GB", lines), save_as="november.csv")
    assert [Path(each["path"]).name for each in told["files"]] == [f"november-part{n}.csv" for n in (1, 2, 3)]
    assert all(each["rows"] <= 300 for each in told["files"])
    for each in told["files"]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in read({"files": [each]}):
            sums[row[0]] += Decimal(row[5])
        assert set(sums.values()) == {Decimal(0)}
    assert len(read(told)) == 120 * 7


def test_currencies_have_files_of_their_own_and_whole_ones_no_cents(tmp_path: Path) -> None:
    payout = Payout("1", date(2026, 10, 3), Decimal("125000.00"), None, "", None, "")
    rupiah = [
        SettlementLine(
            payout, "s", date(2026, 10, 2), "IDR", "revenue", "subtotal_before_discount", Decimal("125000.00")
        )
    ]
    told = write(
        tmp_path,
        "xero",
        ShopSettlements("Tea", "GB", make_lines(drawn_over_two_months())),
        ShopSettlements("Kopi", "ID", rupiah),
        save_as="x.csv",
    )
    assert [Path(each["path"]).name for each in told["files"]] == ["x-GBP.csv", "x-IDR.csv"]
    assert [row[4:] for row in read({"files": told["files"][1:]})] == [
        ["Tax Exempt", "-125000"],
        ["Tax Exempt", "125000"],
    ]


def test_a_form_that_there_is_not_and_a_file_that_is_not_imported_are_refused(tmp_path: Path) -> None:
    for program, save_as in (("sage", None), ("xero", "x.xlsx"), ("xero", "../x.csv")):
        with pytest.raises(ShopError) as refused:
            write(tmp_path, program, save_as=save_as)
        assert refused.value.kind == "invalid_arguments"
        assert refused.value.problems[0].allowed


def test_every_entry_has_an_account_of_every_program() -> None:
    for name, entry in load_entries().items():
        assert entry["words"], name
        assert entry["xero"], name
        assert len(entry["xero"]) <= 10, name
        assert entry["quickbooks"], name
