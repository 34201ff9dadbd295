"""The forms in which accounting programs import journals: columns and dates as each of them publishes them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.money import get_fraction_digits
from mcp_server_tiktok_shop.table_files.tables import FileColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from mcp_server_tiktok_shop.tools.journals.accounts import AccountMapping
    from mcp_server_tiktok_shop.tools.journals.books import Journal

DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


class JournalForm(Protocol):
    """How one program wants its journals: `columns`, at most `max_lines` a file, and `advice` for who imports it."""

    @property
    def columns(self) -> tuple[FileColumn, ...]: ...

    @property
    def max_lines(self) -> int: ...

    @property
    def advice(self) -> str: ...

    def to_rows(self, journal: Journal, accounts: AccountMapping, region: str) -> list[list[str]]:
        """The rows of one journal of a shop in a region."""
        ...


def format_plain(amount: Decimal, currency: str) -> str:
    """An amount without separators, with as many decimals as its currency has."""
    digits = get_fraction_digits(currency)
    step = Decimal(1).scaleb(-(2 if digits is None else digits))
    return f"{amount.quantize(step) if amount == amount.quantize(step) else amount:f}"


@dataclass(frozen=True, slots=True)
class XeroForm:
    """Manual journals for Xero: one signed amount, lines of the same narration and date are one journal.

    Columns, dates and the 300 lines of a file are those of Xero's help page on importing manual journals.
    """

    columns: tuple[FileColumn, ...] = (
        FileColumn("Narration"),
        FileColumn("Date"),
        FileColumn("Description"),
        FileColumn("AccountCode"),
        FileColumn("TaxRate"),
        FileColumn("Amount"),
    )
    max_lines: int = 300
    advice: str = (
        "In Xero: Manual Journals, Import; they come as drafts. Account codes and the full names of tax rates must be "
        "those of your organisation."
    )

    def to_rows(self, journal: Journal, accounts: AccountMapping, _region: str) -> list[list[str]]:
        rows = []
        for line in journal.lines:
            account = accounts.find(line.entry, line.kind)
            amount = format_plain(line.amount, journal.currency)
            day = _format_day(journal.day, DAY_FIRST)
            rows.append([journal.narration, day, line.description, account.account, account.tax_rate, amount])
        return rows


@dataclass(frozen=True, slots=True)
class QuickBooksForm:
    """Journal entries for QuickBooks Online: debits and credits side by side, lines of one number are one journal.

    Columns are those of Intuit's help page on importing journal entries; dates are month first in the US.
    """

    columns: tuple[FileColumn, ...] = (
        FileColumn("Journal No."),
        FileColumn("Journal Date"),
        FileColumn("Account Name"),
        FileColumn("Description"),
        FileColumn("Debits"),
        FileColumn("Credits"),
    )
    max_lines: int = 1_000
    advice: str = (
        "In QuickBooks Online: turn account numbers off, then Import data, Journal entries; choose the date format. "
        "Accounts must exist by these names, with Parent:Sub for a sub-account."
    )

    def to_rows(self, journal: Journal, accounts: AccountMapping, region: str) -> list[list[str]]:
        rows = []
        for line in journal.lines:
            account = accounts.find(line.entry, line.kind).account
            amount = format_plain(abs(line.amount), journal.currency)
            sides = [amount, ""] if line.amount > 0 else ["", amount]
            day = _format_day(journal.day, MONTH_FIRST if region == "US" else DAY_FIRST)
            description = f"{line.description} ({journal.narration})"
            rows.append([journal.number, day, account, description, *sides])
        return rows


def _format_day(day: date, pattern: str) -> str:
    return day.strftime(pattern)


FORMS: Mapping[str, JournalForm] = {"xero": XeroForm(), "quickbooks": QuickBooksForm()}
