"""Writes shops' journals to files that an accounting program imports, never splitting a journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import ZERO, format_amount
from mcp_server_tiktok_shop.table_files.file_names import FileName
from mcp_server_tiktok_shop.table_files.tables import FileTable
from mcp_server_tiktok_shop.tools.journals.accounts import (
    AccountMapping,
    choose_no_tax_rate,
    load_entries,
    parse_csv_accounts,
    parse_json_accounts,
)
from mcp_server_tiktok_shop.tools.journals.books import JournalBook, build_journals
from mcp_server_tiktok_shop.tools.journals.forms import FORMS, JournalForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.tools.journals.books import SettlementLine

ACCOUNT_FILES = ("settlement_mapping.csv", "settlement_mapping.json")
MAX_ACCOUNTS_BYTES = 2**20
MAX_TOLD_PROBLEMS = 20
GUESS_WARNING = (
    "No account here is the seller's own: they are usual ones, for an accountant to check before it is posted."
)
MONTH_NOTE = (
    "One journal a payout; where its statements are of several months, one a month, by statement date in the shop's "
    "zone, with rollover lines that come to nothing."
)


class ShopSettlements(Struct, frozen=True):
    """What one shop's payouts settled."""

    label: str
    region: str
    lines: Sequence[SettlementLine]


class JournalWriter(Struct, frozen=True):
    """Writes journals to `export_folder`; accounts are as a file in the first of the folders of `files` says."""

    export_folder: ExportFolder
    files: AllowedFiles

    async def write(self, program: str, save_as: FileName | None, shops: Sequence[ShopSettlements]) -> Json:
        """The files in the form of a program, one a currency: where they are, what was booked where, what is left out.

        Raises:
            ShopError: `invalid_arguments`: no such program, no name for a CSV file, or a line of the accounts' file
                that can't be taken; `not_configured` where the folder can't be written.

        """
        form, name = choose_form(program), choose_file_name(program, save_as)
        books = [build_journals(shop.lines, shop.label) for shop in shops]
        files, used_accounts, sums = [], dict[str, str](), dict[str, Any]()
        own, source = await asyncio.to_thread(self._read_accounts)
        rows_by_currency: dict[str, list[list[list[str]]]] = {}
        for shop, book in zip(shops, books, strict=True):
            accounts = AccountMapping(program, choose_no_tax_rate(shop.region), own, source)
            for journal in book.journals:
                rows_by_currency.setdefault(journal.currency, []).append(form.to_rows(journal, accounts, shop.region))
                used_accounts |= {line.entry: accounts.find(line.entry, line.kind).account for line in journal.lines}
                paid = sum((line.amount for line in journal.lines if line.entry == "clearing"), ZERO)
                sums[journal.currency] = sums.get(journal.currency, ZERO) + paid
        for currency, journals in sorted(rows_by_currency.items()):
            currency_name = FileName(f"{name.stem}-{currency}", name.format) if len(rows_by_currency) > 1 else name
            files += await self._save(currency_name, form, journals)
        rates = {choose_no_tax_rate(shop.region) for shop in shops}
        result: Json = {
            "format": program,
            "files": files,
            "journals": sum(len(book.journals) for book in books),
            "paid_out": {currency: format_amount(amount) for currency, amount in sorted(sums.items())},
            "accounts": used_accounts,
            "accounts_from": source or "defaults",
        } | ({} if source else {"warnings": [GUESS_WARNING, *form.describe_tax(rates)]})
        return result | _describe_problems(books) | {"note": _describe_import(form, source)}

    async def _save(self, name: FileName, form: JournalForm, journals: list[list[list[str]]]) -> list[Json]:
        parts = split_by_lines(journals, form.max_lines)
        files = []
        for number, rows in enumerate(parts, start=1):
            part_name = FileName(f"{name.stem}-part{number}", name.format) if len(parts) > 1 else name
            saved = await self.export_folder.save_table(part_name, FileTable(form.columns, rows, is_for_import=True))
            files.append(saved.to_json())
        return files

    def _read_accounts(self) -> tuple[Any, str]:
        """The accounts of a seller's own file, and its name; nothing where there is none."""
        folder = self.files.folders[0]
        source = next((name for name in ACCOUNT_FILES if (folder / name).exists()), "")
        if not source:
            return {}, ""
        content = self.files.read("settlement_mapping", source, MAX_ACCOUNTS_BYTES)
        if source.endswith(".json"):
            return parse_json_accounts(content, source), source
        return parse_csv_accounts(content, source), source


def choose_form(program: str) -> JournalForm:
    """The form of a program.

    Raises:
        ShopError: `invalid_arguments`: there is none, and which there are.

    """
    if (form := FORMS.get(program)) is None:
        problem = Problem("format", f"{program[:40]!r} is no form of journals", ", ".join(FORMS))
        raise ShopError("invalid_arguments", f"format: {problem.message}", problems=(problem,))
    return form


def split_by_lines(journals: Sequence[list[list[str]]], max_lines: int) -> list[list[list[str]]]:
    """The rows of journals in files of at most `max_lines`; a longer journal has a file of its own."""
    parts: list[list[list[str]]] = []
    for rows in journals:
        if parts and len(parts[-1]) + len(rows) <= max_lines:
            parts[-1].extend(rows)
        else:
            parts.append(list(rows))
    return parts


def choose_file_name(program: str, save_as: FileName | None) -> FileName:
    """The name of the file of a program's journals.

    Raises:
        ShopError: `invalid_arguments`: it is no CSV file, which alone is imported.

    """
    name = save_as or FileName(f"settlement-journal-{program}", "csv")
    if name.format != "csv":
        problem = Problem("save_as", f"{program} imports CSV", f"{name.stem}.csv")
        raise ShopError("invalid_arguments", f"save_as: {problem.message}", problems=(problem,))
    return name


def _describe_problems(books: Sequence[JournalBook]) -> Json:
    left_out = [problem for book in books for problem in book.left_out]
    not_itemised = [problem for book in books for problem in book.not_itemised]
    told: Json = {"left_out_payouts": left_out[:MAX_TOLD_PROBLEMS]} if left_out else {}
    return told | ({"not_itemised": not_itemised[:MAX_TOLD_PROBLEMS]} if not_itemised else {})


def _describe_import(form: JournalForm, source: str) -> str:
    own = f"Put {ACCOUNT_FILES[0]} (entry, account, tax_rate) into the files folder for accounts of your own; entries: "
    return " ".join([MONTH_NOTE, form.advice, *([] if source else [own + ", ".join(load_entries()) + "."])])
