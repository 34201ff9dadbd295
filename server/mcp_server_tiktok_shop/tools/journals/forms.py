"""The journal formats of accounting programs: columns and dates as each of them publishes them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.money import get_fraction_digits
from mcp_server_tiktok_shop.table_files.tables import FileColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date

    from mcp_server_tiktok_shop.tools.journals.accounts import AccountMapping
    from mcp_server_tiktok_shop.tools.journals.books import Journal, JournalLine

TAX_COLUMN = "TaxRate"
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


class JournalForm(Struct, frozen=True):
    """How one program wants its journals: what stands in each column, by its name, and `advice` for who imports it.

    A file holds at most `max_lines`. In `month_first_regions` days are written with the month first.
    """

    cells: Mapping[str, Callable[[LineView], str]]
    max_lines: int
    advice: str
    month_first_regions: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[FileColumn, ...]:
        return tuple(FileColumn(name) for name in self.cells)

    def describe_tax(self, rates: Collection[str]) -> list[str]:
        """That every line has the same rate, where the form has one: what is taxed and how is not known here."""
        if TAX_COLUMN not in self.cells:
            return []
        names = " or ".join(f"{rate!r}" for rate in sorted(rates))
        return [
            f"Every line has the tax rate {names}, sales too: give tax_rate in the file of accounts where tax is due."
        ]

    def to_rows(self, journal: Journal, accounts: AccountMapping, region: str) -> list[list[str]]:
        """The rows of one journal of a shop in a region."""
        day = _format_day(journal.day, MONTH_FIRST if region in self.month_first_regions else DAY_FIRST)
        views = [LineView(journal, line, accounts, day) for line in journal.lines]
        return [[write(view) for write in self.cells.values()] for view in views]


class LineView(Struct, frozen=True):
    """A line of a journal as forms write it."""

    journal: Journal
    line: JournalLine
    accounts: AccountMapping
    day: str

    @property
    def account(self) -> str:
        return self.accounts.find(self.line.entry, self.line.kind).account

    @property
    def tax_rate(self) -> str:
        return self.accounts.find(self.line.entry, self.line.kind).tax_rate

    @property
    def amount(self) -> str:
        return format_plain(self.line.amount, self.journal.currency)

    @property
    def debit(self) -> str:
        return self.amount if self.line.amount > 0 else ""

    @property
    def credit(self) -> str:
        return "" if self.line.amount > 0 else format_plain(-self.line.amount, self.journal.currency)


def format_plain(amount: Decimal, currency: str) -> str:
    """An amount without separators, with as many decimals as its currency has."""
    digits = get_fraction_digits(currency)
    step = Decimal(1).scaleb(-(2 if digits is None else digits))
    return f"{amount.quantize(step) if amount == amount.quantize(step) else amount:f}"


def _format_day(day: date, pattern: str) -> str:
    return day.strftime(pattern)


# Manual journals: one signed amount; lines of the same narration and date are one journal. Columns, dates and the lines
# of a file are those of Xero's help page on importing manual journals.
XERO = JournalForm(
    cells={
        "Narration": lambda view: view.journal.narration,
        "Date": lambda view: view.day,
        "Description": lambda view: view.line.description,
        "AccountCode": lambda view: view.account,
        TAX_COLUMN: lambda view: view.tax_rate,
        "Amount": lambda view: view.amount,
    },
    max_lines=300,
    advice="In Xero: Manual Journals, Import; they come as drafts. Account codes and the full names of tax rates must "
    "be those of your organisation.",
)
# Journal entries: debits and credits side by side; lines of one number are one journal. Columns are those of Intuit's
# help page on importing journal entries; dates are month first in the US.
QUICKBOOKS = JournalForm(
    cells={
        "Journal No.": lambda view: view.journal.number,
        "Journal Date": lambda view: view.day,
        "Account Name": lambda view: view.account,
        "Description": lambda view: f"{view.line.description} ({view.journal.narration})",
        "Debits": lambda view: view.debit,
        "Credits": lambda view: view.credit,
    },
    max_lines=1_000,
    advice="In QuickBooks Online: turn account numbers off, then Import data, Journal entries; choose the date format: "
    "day first, of shops in the US month first. "
    "Accounts must exist by these names, with Parent:Sub for a sub-account.",
    month_first_regions=frozenset(("US",)),
)
FORMS: Mapping[str, JournalForm] = {"xero": XERO, "quickbooks": QUICKBOOKS}
