"""Reads the rows of the report `settlement_journal`, grouped by line, as lines of settlements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.tools.journals.books import Payout, SettlementLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def read_settlement_lines(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[SettlementLine]:
    """The lines of rows of Python's own values; times are in the shop's zone."""
    return [_read_line(dict(zip(names, row, strict=True))) for row in rows]


def _read_line(row: dict[str, Any]) -> SettlementLine:
    payout = Payout(
        id=row["payout_id"],
        day=row["payout_time"].date(),
        settlement=row["payout_settlement"],
        paid=row["paid"],
        paid_currency=row["paid_currency"] or "",
        bank_amount=row["bank_amount"],
        bank_currency=row["bank_currency"] or "",
    )
    return SettlementLine(
        payout=payout,
        statement_id=row["statement_id"] or "",
        day=row["statement_day"] or payout.day,
        currency=row["currency"] or "",
        section=row["section"],
        kind=row["kind"],
        amount=row["amount"],
    )
