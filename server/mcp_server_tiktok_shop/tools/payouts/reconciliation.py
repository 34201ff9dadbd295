"""The tool that reconciles payouts: gathers, compares, and says what agrees, what does not, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.payouts import agreeing, paying
from mcp_server_tiktok_shop.tools.payouts.findings import Place, find_unreadable
from mcp_server_tiktok_shop.tools.payouts.reading import PayoutReader
from mcp_server_tiktok_shop.tools.payouts.table import (
    compute_totals,
    format_problems,
    format_statements,
    format_waiting,
)
from mcp_server_tiktok_shop.tools.periods import Period, parse_period

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.tools.payouts.findings import Finding
    from mcp_server_tiktok_shop.tools.payouts.records import (
        Payment,
        Statement,
        StatementTransactions,
        UnsettledTransaction,
    )

TOOL_NAME = "reconcile_payouts"
DAY_S = 24 * 3600
# Statements that share a payment with one of the period lie at most this far from it.
PAYMENT_WINDOW_S = 31 * DAY_S
DEADLINE_MARGIN_S = 3.0
# Where statements are settled into a balance, and payments may not be listed.
BALANCE_ONLY_REGIONS = ("ID", "MY", "PH", "SG", "TH", "VN")
ORDERS_PER_CALL = 50
NO_TIME_MESSAGE = "no time was left; a shorter period leaves more"
NOTE = (
    "Amounts bear the platform's sign: fees are negative. A statement is cut at 00:00 UTC for the day before and "
    "belongs to the period by that moment; cut_on is its UTC date. difference is found minus expected. "
    "waiting is on its way and no disagreement; unsettled are orders placed before the period's end: "
    "get_unsettled_transactions lists them all."
)


@dataclass(slots=True)
class ReconciliationData:
    """What was gathered so far of one shop's books, and why the rest was not."""

    all_statements: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    contents: dict[str, StatementTransactions] = field(default_factory=dict)
    payments: dict[str, Payment] | None = None
    unsettled: list[UnsettledTransaction] | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    requested_order_ids: set[str] = field(default_factory=set)
    unchecked: list[str] = field(default_factory=list)

    @property
    def checked_statements(self) -> list[tuple[Statement, StatementTransactions]]:
        return [(row, self.contents[row.id]) for row in self.statements if row.id in self.contents]

    @property
    def first_unread(self) -> Statement | None:
        """The first statement whose transactions were not read."""
        return next((row for row in self.statements if row.id not in self.contents), None)


@dataclass(frozen=True, slots=True)
class ReconcilePayoutsTool:
    paginator: Paginator
    platform: PlatformClient
    policy: AccessPolicy
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """The `data` of `reconcile_payouts`: verdict, totals per currency, a row for each statement, and problems.

        `agrees` is None where nothing disagrees but not all was checked.
        """
        until = self.platform.new_deadline() - DEADLINE_MARGIN_S
        statement_id: str | None = values.get("statement_id")
        if statement_id is not None and "period" in values:
            problem = Problem("period", "is given beside statement_id", "period or statement_id, one of them")
            raise ShopError("invalid_arguments", "Give period or statement_id, not both.", problems=(problem,))
        target = await self.platform.shops.choose(shop, "required")
        zone = target.resolve_zone(self.zone)
        default: str = self.paginator.catalog.operations[TOOL_NAME].arguments["period"]["default"]
        span = parse_period(str(values.get("period", default)), zone, self.clock()) if statement_id is None else None
        books = ReconciliationData()
        await self._gather(PayoutReader(self.paginator, self.policy, target, until), books, span, statement_id, caller)
        start, end = _get_bounds(span, books, zone)
        return _to_result(books, start, end, zone)

    async def _gather(
        self,
        reading: PayoutReader,
        books: ReconciliationData,
        span: Period | None,
        statement_id: str | None,
        caller: Caller,
    ) -> None:
        await self._select_statements(reading, books, span, statement_id)
        total = len(books.statements) + 3
        await caller.report_progress(1, total, f"{len(books.statements)} statements found")
        ids = {row.payment_id for row in books.statements if row.payment_id}
        oldest = min((row.time for row in books.statements), default=0)
        region = reading.target.shop.region if reading.target.shop else ""

        async def fetch_payments() -> None:
            found = await reading.fetch_payments(ids, oldest)
            if found or not ids or region not in BALANCE_ONLY_REGIONS:
                books.payments = found
            else:
                books.unchecked.append("payments: the platform lists none for this market; see get_withdrawals")

        async def fetch_transactions() -> None:
            for done, row in enumerate(books.statements, 2):
                books.contents[row.id] = await reading.fetch_transactions(row.id)
                await caller.report_progress(done, total, f"statement {done - 1} of {len(books.statements)}")

        async def fetch_unsettled() -> None:
            if span is not None:
                books.unsettled = await reading.fetch_unsettled(span.end)

        async def fetch_orders() -> None:
            rows = [row for _, contents in books.checked_statements for row in contents.transactions if row.order_id]
            every = list(dict.fromkeys(row.order_id for row in rows))
            for start in range(0, len(every), ORDERS_PER_CALL):
                part = every[start : start + ORDERS_PER_CALL]
                books.statuses |= await reading.fetch_order_statuses(part)
                books.requested_order_ids |= set(part)

        await self._run_step(reading, books, "payments", fetch_payments)
        await self._run_step(reading, books, "transactions", fetch_transactions)
        await self._run_step(reading, books, "unsettled", fetch_unsettled)
        await self._run_step(reading, books, "orders", fetch_orders)
        if sentence := reading.skipped.describe():
            books.unchecked.append(sentence)
        await caller.report_progress(total, total, "compared")

    async def _select_statements(
        self, reading: PayoutReader, books: ReconciliationData, span: Period | None, statement_id: str | None
    ) -> None:
        now = int(self.clock())
        if span is not None:
            start, end = span.start, span.end
        else:
            start = await reading.fetch_statement_time(statement_id or "")
            end = start + 1
        books.all_statements = await reading.fetch_statements(
            start - PAYMENT_WINDOW_S, min(end + PAYMENT_WINDOW_S, max(now, end))
        )
        meant = [row for row in books.all_statements if start <= row.time < end and statement_id in (None, row.id)]
        books.statements = [row for row in meant if row.id]
        if not all(row.id and row.time for row in books.all_statements):
            books.unchecked.append("statements: one is listed without an id or a time")
        if statement_id is not None and not books.statements:
            told = f"Statement {statement_id} has transactions, but get_statements does not list it at its time."
            raise ShopError("not_found", told, hint="See get_transactions_by_statement for what it holds.")

    async def _run_step(
        self, reading: PayoutReader, books: ReconciliationData, what: str, step: Callable[[], Awaitable[None]]
    ) -> None:
        """One step; what it could not do is said, and what was gathered before it still told."""
        if self.platform.time_remaining(reading.deadline) <= 0:
            books.unchecked.append(f"{what}: {NO_TIME_MESSAGE}")
            return
        try:
            await step()
        except ShopError as error:
            late = self.platform.time_remaining(reading.deadline) <= 1
            if what == "transactions" and not books.contents:
                if not late:
                    raise
                told = "Not even the first statement's transactions could be read in time."
                hint = "Try again, or read them with get_transactions_by_statement."
                raise ShopError("network", told, hint=hint, retryable=True) from None
            books.unchecked.append(f"{what}: {NO_TIME_MESSAGE if late else error.message}")


def _get_bounds(span: Period | None, books: ReconciliationData, zone: ZoneInfo) -> tuple[datetime, datetime]:
    cut = 0 if span else books.statements[0].time
    start, end = (span.start, span.end) if span else (cut - DAY_S, cut)
    return datetime.fromtimestamp(start, zone), datetime.fromtimestamp(end, zone)


def _to_result(books: ReconciliationData, start: datetime, end: datetime, zone: ZoneInfo) -> Json:
    checked = books.checked_statements
    problems = _find_problems(books)
    payments = {row.payment_id for row in books.statements if row.payment_id} if books.payments is not None else set()
    told: Json = {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "time_zone": zone.key,
        "complete": not books.unchecked,
        "agrees": False if problems else (None if books.unchecked else True),
        "checked": {
            "statements": len(checked),
            "transactions": sum(len(contents.transactions) for _, contents in checked),
            "payments": len(payments),
            "orders": len(books.requested_order_ids),
        },
        "totals": compute_totals(checked, books.unsettled),
    }
    if books.unchecked:
        told["unchecked"] = books.unchecked
    if (left := books.first_unread) is not None:
        told["checked_until"] = datetime.fromtimestamp(left.time, zone).isoformat()
        told["go_on"] = _format_continuation(left, end, zone)
    told |= format_problems(problems, zone)
    told |= format_waiting(paying.find_waiting([row for row, _ in checked], books.unsettled or ()), zone)
    return told | {"table": format_statements(checked, problems), "note": NOTE}


def _find_problems(books: ReconciliationData) -> list[Finding]:
    checked = books.checked_statements
    found = [finding for statement, contents in checked for finding in agreeing.check_statement(statement, contents)]
    found += agreeing.find_duplicates(checked)
    found += paying.check_payments([row for row, _ in checked], books.all_statements, books.contents, books.payments)
    found += agreeing.check_orders(checked, books.statuses, books.requested_order_ids)
    for row in books.unsettled or ():
        found += find_unreadable(
            row.amounts, "an unsettled transaction", Place(transaction_id=row.id, order_id=row.order_id)
        )
    return found


def _format_continuation(left: Statement, end: datetime, zone: ZoneInfo) -> str:
    first = datetime.fromtimestamp(left.time, zone).date()
    last = (end - timedelta(seconds=1)).astimezone(zone).date()
    return f"Call reconcile_payouts again with period {first}/{last}: nothing from there on is in these totals."
