"""Makes journals of settlements: one for each payout and month, debits and credits equal to the cent."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.money import ZERO, format_amount
from mcp_server_tiktok_shop.tools.journals.accounts import choose_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from decimal import Decimal

MAX_NUMBER_CHARS = 21  # of a journal's number, in QuickBooks


class Payout(Struct, frozen=True):
    """Money paid out, and what it settled. `paid` is what was paid before any exchange, None where that is not told."""

    id: str
    day: date
    settlement: Decimal | None
    paid: Decimal | None
    paid_currency: str
    bank_amount: Decimal | None
    bank_currency: str


class SettlementLine(Struct, frozen=True):
    """One amount of a statement, positive where the seller gets it: `kind` names it, `section` where it belongs."""

    payout: Payout
    statement_id: str
    day: date
    currency: str
    section: str
    kind: str
    amount: Decimal


class JournalLine(Struct, frozen=True):
    """A line to be booked: a debit where the amount is positive, a credit where it is negative."""

    entry: str
    kind: str
    description: str
    amount: Decimal


class Journal(Struct, frozen=True):
    """A journal, whose lines add up to nothing. `number` is its own; `narration` with `day` is as well."""

    number: str
    narration: str
    day: date
    currency: str
    lines: tuple[JournalLine, ...]


class JournalBook(Struct, frozen=True):
    """The journals of a shop, and sentences on the payouts that could not be booked, or not wholly named."""

    journals: tuple[Journal, ...]
    left_out: tuple[str, ...]
    not_itemised: tuple[str, ...]


def build_journals(lines: Iterable[SettlementLine], shop: str) -> JournalBook:
    """The journals of the payouts that the lines are of; `shop` is the name under which they are told apart.

    A payout whose statements are not what it says that it settled is left out: nobody could match it with the bank.
    """
    journals: list[Journal] = []
    left_out, not_itemised = [], []
    ordered = sorted(lines, key=lambda line: (line.payout.day, line.payout.id, line.day, line.statement_id))
    for payout, group in groupby(ordered, key=lambda line: line.payout):
        payout_lines = list(group)
        if problem := _find_problem(payout, payout_lines):
            left_out.append(f"Payout {payout.id}: {problem}.")
            continue
        if unnamed := sum((line.amount for line in payout_lines if line.section == "other"), ZERO):
            not_itemised.append(f"Payout {payout.id}: nothing names {format_amount(unnamed)} of it.")
        journals += _build_payout_journals(payout, payout_lines, shop)
    return JournalBook(tuple(journals), tuple(left_out), tuple(not_itemised))


def _find_problem(payout: Payout, lines: Sequence[SettlementLine]) -> str:
    """Why a payout can't be booked; empty where it can."""
    currencies = {line.currency for line in lines}
    total = sum((line.amount for line in lines), ZERO)
    if len(currencies) > 1:
        return f"its statements are in {', '.join(sorted(currencies))}"
    if payout.settlement is not None and payout.settlement != total:
        return f"its statements add up to {format_amount(total)}, it settled {format_amount(payout.settlement)}"
    return ""


def _build_payout_journals(payout: Payout, lines: Sequence[SettlementLine], shop: str) -> list[Journal]:
    """A journal for each month; all but the last carry what they come to over to the next, so that it is the payout's.

    The day of each is that of its last statement.
    """
    currency = lines[0].currency
    months = [list(group) for _, group in groupby(lines, key=lambda line: (line.day.year, line.day.month))]
    carried = ZERO
    journals = []
    for number, month in enumerate(months, start=1):
        total = sum((line.amount for line in month), ZERO)
        booked = _sum_by_kind(month)
        if carried:
            words = f"Carried over from {months[number - 2][-1].day:%B %Y}"
            booked.append(JournalLine("rollover", "rollover", words, -carried))
        if number < len(months):
            carried += total
            words = f"Carried over to {months[number][0].day:%B %Y}"
            booked.append(JournalLine("rollover", "rollover", words, carried))
        else:
            booked += _book_payment(payout, carried + total, currency)
        is_split = len(months) > 1
        part = f", part {number} of {len(months)}" if is_split else ""
        journals.append(
            Journal(
                f"{payout.id}-{number}" if is_split else payout.id,
                f"TikTok Shop {shop}: payout {payout.id}{part}",
                month[-1].day,
                currency,
                tuple(line for line in booked if line.amount),
            )
        )
    return [journal for journal in journals if journal.lines]


def _sum_by_kind(lines: Iterable[SettlementLine]) -> list[JournalLine]:
    """A line for each kind of amount, what the seller gets as a credit."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        key = (line.section, line.kind)
        sums[key] = sums.get(key, ZERO) + line.amount
    return [
        JournalLine(choose_entry(section, kind), kind, kind.replace("_", " ").capitalize(), -amount)
        for (section, kind), amount in sorted(sums.items())
    ]


def _book_payment(payout: Payout, total: Decimal, currency: str) -> list[JournalLine]:
    """What was paid out, as a debit, and what of the settlement was kept back for it, or released with it."""
    is_paid_told = payout.paid is not None and payout.paid_currency in ("", currency)
    paid = payout.paid if is_paid_told and payout.paid is not None else total
    words = f"Payout of {payout.day.isoformat()}"
    if payout.bank_amount is not None and payout.bank_currency not in ("", currency):
        words += f", exchanged to {payout.bank_currency} {format_amount(payout.bank_amount)}"
    return [
        JournalLine("reserve", "reserve", "Kept back by the platform, or released", total - paid),
        JournalLine("clearing", "clearing", words, paid),
    ]
