"""Lays out what was compared: a row for each statement, totals per currency, and what is to be followed up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.money import ZERO, format_amount
from mcp_server_tiktok_shop.tools.payouts.agreeing import sum_transactions
from mcp_server_tiktok_shop.tools.payouts.paying import PAID_STATUSES
from mcp_server_tiktok_shop.tools.payouts.records import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.payouts.findings import Finding
    from mcp_server_tiktok_shop.tools.payouts.records import Statement, StatementTransactions, UnsettledTransaction

STATEMENT_COLUMNS = (
    "statement_id",
    "cut_on",
    "currency",
    "settlement",
    "transactions",
    "difference",
    "payment_id",
    "payment_status",
    "verdict",
)
TOTAL_COLUMNS = ("settlement", *PARTS, "reserve", "paid", "not_paid_yet", "unsettled", "difference")
WAITING_COLUMNS = ("kind", "id", "order_id", "currency", "amount", "since", "why")
MAX_PROBLEMS, MAX_WAITING_ROWS = 100, 12


def format_statements(checked: list[tuple[Statement, StatementTransactions]], problems: Iterable[Finding]) -> Json:
    """A row for each statement; a payment's problem is one of every statement that names it."""
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        place = problem.place
        if key := place.statement_id or place.payment_id:
            kinds.setdefault(key, []).append(problem.kind)
    rows = []
    for statement, contents in checked:
        said, found = statement.amounts.get("settlement"), sum_transactions(contents)
        wrong = kinds.get(statement.id, []) + (kinds.get(statement.payment_id, []) if statement.payment_id else [])
        agrees = "agrees" if statement.status in PAID_STATUSES else "agrees, not paid yet"
        rows.append(
            [
                statement.id,
                datetime.fromtimestamp(statement.time, UTC).date().isoformat() if statement.time else "",
                statement.currency,
                _format_optional_amount(said),
                _format_optional_amount(found),
                _format_optional_amount(None if said is None or found is None else found - said),
                statement.payment_id,
                statement.status,
                ", ".join(dict.fromkeys(wrong)) or agrees,
            ]
        )
    return {"columns": list(STATEMENT_COLUMNS), "rows": rows}


def compute_totals(
    checked: Iterable[tuple[Statement, StatementTransactions]], unsettled: Iterable[UnsettledTransaction] | None
) -> list[Json]:
    """Sums per currency of what can be read; parts, as the transactions tell them, bear the platform's sign.

    `unsettled` is left out where it was not asked for.
    """
    counts: dict[str, int] = {}
    sums: dict[str, dict[str, Decimal]] = {}
    for statement, contents in checked:
        said, found = statement.amounts.get("settlement"), sum_transactions(contents)
        counts[statement.currency] = counts.get(statement.currency, 0) + 1
        held = sums.setdefault(statement.currency, dict.fromkeys(TOTAL_COLUMNS, ZERO))
        for part in (*PARTS, "reserve"):
            held[part] += sum_transactions(contents, part) or ZERO
        held["settlement"] += said or ZERO
        held["paid" if statement.status in PAID_STATUSES else "not_paid_yet"] += said or ZERO
        held["difference"] += ZERO if said is None or found is None else found - said
    for row in unsettled or ():
        held = sums.setdefault(row.currency, dict.fromkeys(TOTAL_COLUMNS, ZERO))
        held["unsettled"] += row.amounts.get("settlement") or ZERO
    left_out = {"reserve"} | ({"unsettled"} if unsettled is None else set())
    return [
        {"currency": currency, "statements": counts.get(currency, 0)}
        | {name: format_amount(amount) for name, amount in held.items() if amount or name not in left_out}
        for currency, held in sorted(sums.items())
    ]


def format_problems(problems: list[Finding], zone: ZoneInfo) -> Json:
    """The problems, the first of them where there are too many to read, and how many there are then."""
    told: Json = {"problems": [problem.to_json(zone) for problem in problems[:MAX_PROBLEMS]]}
    return told | ({"problems_in_all": len(problems)} if len(problems) > MAX_PROBLEMS else {})


def format_waiting(findings: list[Finding], zone: ZoneInfo) -> Json:
    """The same for what is on its way, as a table: there is much of it, and little to say of each."""
    rows = [
        [
            finding.kind,
            finding.place.statement_id or finding.place.transaction_id,
            finding.place.order_id,
            finding.place.currency,
            _format_optional_amount(finding.expected if isinstance(finding.expected, Decimal) else None),
            datetime.fromtimestamp(finding.since, zone).isoformat(timespec="minutes") if finding.since else None,
            finding.message,
        ]
        for finding in findings[:MAX_WAITING_ROWS]
    ]
    told: Json = {"waiting": {"columns": list(WAITING_COLUMNS), "rows": rows}}
    return told | ({"waiting_in_all": len(findings)} if len(findings) > MAX_WAITING_ROWS else {})


def _format_optional_amount(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
