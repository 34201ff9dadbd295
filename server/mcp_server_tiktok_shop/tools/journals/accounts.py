"""Decides which account each journal entry is booked to: the default, or one from the seller's file."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENTRIES_PATH = Path(__file__).parent / "entries.json"
FALLBACK_ENTRY = "not_itemised"
COLUMNS = ("entry", "account", "tax_rate")
MAX_LISTED_FAULTS = 10
NO_TAX, NO_TAX_BY_REGION = "Tax Exempt", {"GB": "No VAT"}


class BookAccount(Struct, frozen=True):
    """An account as an accounting program knows it, by code or name, and the tax rate of what is booked to it."""

    account: str
    tax_rate: str


class AccountMapping(Struct, frozen=True):
    """The accounts of one program. Those of a seller's file go first: by kind of amount, then by entry.

    `source` is the file's name, empty where there is none.
    """

    program: str
    no_tax: str
    own: Mapping[str, BookAccount] = field(default_factory=dict)
    source: str = ""

    def find(self, entry: str, kind: str) -> BookAccount:
        for name in (kind, entry):
            if (account := self.own.get(name)) is not None:
                return BookAccount(account.account, account.tax_rate or self.no_tax)
        return BookAccount(load_entries()[entry][self.program], self.no_tax)


@cache
def load_entries() -> Mapping[str, Any]:
    """Every entry by its name, with its words, the kinds of amounts that it takes, and its default accounts."""
    entries: dict[str, Any] = json.loads(ENTRIES_PATH.read_text(encoding="utf-8"))
    return entries


@cache
def _load_names() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The entry of each kind that is named, and of all others by their section."""
    entries = load_entries().items()
    kinds = {kind: name for name, entry in entries for kind in entry.get("kinds", ())}
    sections = {entry["section"]: name for name, entry in entries if "section" in entry}
    return kinds, sections


def choose_entry(section: str, kind: str) -> str:
    """The entry that an amount of a statement belongs to."""
    kinds, sections = _load_names()
    return kinds.get(kind) or sections.get(section, FALLBACK_ENTRY)


def choose_no_tax_rate(region: str) -> str:
    """What programs of a region call the rate of no tax at all."""
    return NO_TAX_BY_REGION.get(region, NO_TAX)


def parse_csv_accounts(content: bytes, source: str) -> Mapping[str, BookAccount]:
    """The accounts in a CSV file whose first line names the columns, separated by commas or semicolons.

    `entry` is the name of an entry or a kind of amount, `account` a code or name as the program has it; `tax_rate` may
    be left empty.

    Raises:
        ShopError: `invalid_arguments`: a line can't be taken, and would be booked to another account in silence.

    """
    text = content.decode("utf-8-sig", "replace")
    heading = text.partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    rows = [[cell.strip() for cell in cells] for cells in lines]
    names = ["_".join(name.casefold().split()) for name in rows[0]] if rows else []
    if missing := [name for name in COLUMNS[:2] if name not in names]:
        raise _make_error([Problem(source, f"has no column {', '.join(missing)}", ", ".join(COLUMNS))])
    values = (dict(zip(names, cells, strict=False)) for cells in rows[1:])
    return _collect_accounts(
        [(each.get("entry", ""), each.get("account", ""), each.get("tax_rate", "")) for each in values], source
    )


def parse_json_accounts(content: bytes, source: str) -> Mapping[str, BookAccount]:
    """The accounts in JSON: an object of entries, each an account or an object of `account` and `tax_rate`.

    Raises:
        ShopError: As `parse_csv_accounts`.

    """
    try:
        data = json.loads(content)
        rows = [
            (str(name), value, "")
            if isinstance(value, str)
            else (str(name), str(value["account"]), str(value.get("tax_rate", "")))
            for name, value in data.items()
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        allowed = '{"sales": {"account": "200", "tax_rate": "No VAT"}}'
        raise _make_error([Problem(source, "is no such JSON", allowed)]) from None
    return _collect_accounts(rows, source)


def _collect_accounts(rows: Iterable[tuple[str, str, str]], source: str) -> Mapping[str, BookAccount]:
    """The accounts of rows of entry, account and tax rate; empty rows are passed over."""
    accounts: dict[str, BookAccount] = {}
    faults = []
    for number, (name, account, tax_rate) in enumerate(rows, start=1):
        entry = name.casefold().replace(" ", "_")
        fault = ""
        if not (entry or account or tax_rate):
            continue
        if not entry or not account:
            fault = "has no entry or no account"
        elif entry in accounts:
            fault = f"names {entry} a second time"
        elif not _is_known(entry):
            fault = f"names an entry that there is not: {entry[:40]}"
        if fault:
            faults.append(Problem(f"{source}, entry {number}", fault, ", ".join(load_entries())))
        accounts[entry] = BookAccount(account, tax_rate)
    if faults:
        raise _make_error(faults)
    return accounts


def _is_known(entry: str) -> bool:
    """Whether there may be such an entry; of the kinds of amounts nobody has a whole list."""
    kinds, _ = _load_names()
    return entry in load_entries() or entry in kinds or entry.endswith(("_fee", "_commission", "_tax", "_amount"))


def _make_error(problems: list[Problem]) -> ShopError:
    message = "; ".join(f"{problem.argument} {problem.message}" for problem in problems[:3])
    hint = "Nothing was saved. Mend the file, or take it away for the default accounts."
    return ShopError("invalid_arguments", message, hint=hint, problems=tuple(problems[:MAX_LISTED_FAULTS]))
