"""The tool that reconciles payouts: gathers, compares, and says what agrees, what does not, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.payouts import agreeing, paying
from mcp_server_tiktok_shop.tools.payouts.findings import Place, unreadable
from mcp_server_tiktok_shop.tools.payouts.reading import Reading
from mcp_server_tiktok_shop.tools.payouts.table import followed_up, table, totals, waiting
from mcp_server_tiktok_shop.tools.periods import Period, period

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.paging import Walker
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.tools.payouts.findings import Finding
    from mcp_server_tiktok_shop.tools.payouts.records import Contents, Payment, Statement, Unsettled

NAME = "reconcile_payouts"
DAY = 24 * 3600
# Statements that share a payment with one of the period lie at most this far from it.
AROUND = 31 * DAY
MARGIN = 3.0
# Where statements are settled into a balance, and payments may not be listed.
BALANCE_ONLY = ("ID", "MY", "PH", "SG", "TH", "VN")
ORDERS_A_CALL = 50
NO_TIME = "no time was left; a shorter period leaves more"
NOTE = (
    "Amounts bear the platform's sign: fees are negative. A statement is cut at 00:00 UTC for the day before and "
    "belongs to the period by that moment; cut_on is its UTC date. difference is found minus expected. "
    "waiting is on its way and no disagreement; unsettled are orders placed before the period's end: "
    "get_unsettled_transactions lists them all."
)


@dataclass(slots=True)
class Books:
    """What was gathered so far of one shop's books, and why the rest was not."""

    known: list[Statement] = field(default_factory=list)
    wanted: list[Statement] = field(default_factory=list)
    contents: dict[str, Contents] = field(default_factory=dict)
    payments: dict[str, Payment] | None = None
    unsettled: list[Unsettled] | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    unchecked: list[str] = field(default_factory=list)

    @property
    def checked(self) -> list[tuple[Statement, Contents]]:
        return [(row, self.contents[row.id]) for row in self.wanted if row.id in self.contents]

    @property
    def left(self) -> Statement | None:
        """The first statement whose transactions were not read."""
        return next((row for row in self.wanted if row.id not in self.contents), None)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    walker: Walker
    platform: Platform
    offers: Callable[[Operation], bool]
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """The `data` of `reconcile_payouts`: verdict, totals per currency, a row for each statement, and problems.

        `agrees` is None where nothing disagrees but not all was checked.
        """
        until = self.platform.until() - MARGIN
        statement_id: str | None = values.get("statement_id")
        if statement_id is not None and "period" in values:
            problem = Problem("period", "is given beside statement_id", "period or statement_id, one of them")
            raise ShopError("invalid_arguments", "Give period or statement_id, not both.", problems=(problem,))
        target = await self.platform.shops.choose(shop, "required")
        zone = target.zone(self.zone)
        default: str = self.walker.catalog.operations[NAME].arguments["period"]["default"]
        span = period(str(values.get("period", default)), zone, self.clock()) if statement_id is None else None
        books = Books()
        await self._gather(Reading(self.walker, self.offers, target, until), books, span, statement_id, caller)
        start, end = _ends(span, books, zone)
        return _told(books, start, end, zone)

    async def _gather(
        self, reading: Reading, books: Books, span: Period | None, statement_id: str | None, caller: Caller
    ) -> None:
        await self._statements(reading, books, span, statement_id)
        total = len(books.wanted) + 3
        await caller.progress(1, total, f"{len(books.wanted)} statements found")
        ids = {row.payment_id for row in books.wanted if row.payment_id}
        oldest = min((row.time for row in books.wanted), default=0)
        region = reading.target.shop.region if reading.target.shop else ""

        async def payments() -> None:
            found = await reading.payments(ids, oldest)
            if found or not ids or region not in BALANCE_ONLY:
                books.payments = found
            else:
                books.unchecked.append("payments: the platform lists none for this market; see get_withdrawals")

        async def transactions() -> None:
            for done, row in enumerate(books.wanted, 2):
                books.contents[row.id] = await reading.contents(row.id)
                await caller.progress(done, total, f"statement {done - 1} of {len(books.wanted)}")

        async def unsettled() -> None:
            if span is not None:
                books.unsettled = await reading.unsettled(span.end)

        async def orders() -> None:
            rows = [row for _, contents in books.checked for row in contents.transactions if row.order_id]
            every = list(dict.fromkeys(row.order_id for row in rows))
            for start in range(0, len(every), ORDERS_A_CALL):
                part = every[start : start + ORDERS_A_CALL]
                books.statuses |= await reading.orders(part)
                books.asked |= set(part)

        await self._as_far_as_possible(reading, books, "payments", payments)
        await self._as_far_as_possible(reading, books, "transactions", transactions)
        await self._as_far_as_possible(reading, books, "unsettled", unsettled)
        await self._as_far_as_possible(reading, books, "orders", orders)
        await caller.progress(total, total, "compared")

    async def _statements(self, reading: Reading, books: Books, span: Period | None, statement_id: str | None) -> None:
        now = int(self.clock())
        if span is not None:
            start, end = span.start, span.end
        else:
            start = await reading.time_of(statement_id or "")
            end = start + 1
        books.known = await reading.statements(start - AROUND, min(end + AROUND, max(now, end)))
        meant = [row for row in books.known if start <= row.time < end and statement_id in (None, row.id)]
        books.wanted = [row for row in meant if row.id]
        if not all(row.id and row.time for row in books.known):
            books.unchecked.append("statements: one is listed without an id or a time")
        if statement_id is not None and not books.wanted:
            told = f"Statement {statement_id} has transactions, but get_statements does not list it at its time."
            raise ShopError("not_found", told, hint="See get_transactions_by_statement for what it holds.")

    async def _as_far_as_possible(
        self, reading: Reading, books: Books, what: str, step: Callable[[], Awaitable[None]]
    ) -> None:
        """One step; what it could not do is said, and what was gathered before it still told."""
        if self.platform.left(reading.until) <= 0:
            books.unchecked.append(f"{what}: {NO_TIME}")
            return
        try:
            await step()
        except ShopError as error:
            late = self.platform.left(reading.until) <= 1
            if what == "transactions" and not books.contents:
                if not late:
                    raise
                told = "Not even the first statement's transactions could be read in time."
                hint = "Try again, or read them with get_transactions_by_statement."
                raise ShopError("network", told, hint=hint, retryable=True) from None
            books.unchecked.append(f"{what}: {NO_TIME if late else error.message}")


def _ends(span: Period | None, books: Books, zone: ZoneInfo) -> tuple[datetime, datetime]:
    cut = 0 if span else books.wanted[0].time
    start, end = (span.start, span.end) if span else (cut - DAY, cut)
    return datetime.fromtimestamp(start, zone), datetime.fromtimestamp(end, zone)


def _told(books: Books, start: datetime, end: datetime, zone: ZoneInfo) -> Json:
    checked = books.checked
    problems = _problems(books)
    payments = {row.payment_id for row in books.wanted if row.payment_id} if books.payments is not None else set()
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
            "orders": len(books.asked),
        },
        "totals": totals(checked, books.unsettled),
    }
    if books.unchecked:
        told["unchecked"] = books.unchecked
    if (left := books.left) is not None:
        told["checked_until"] = datetime.fromtimestamp(left.time, zone).isoformat()
        told["go_on"] = _go_on(left, end, zone)
    told |= followed_up(problems, zone)
    told |= waiting(paying.waiting([row for row, _ in checked], books.unsettled or ()), zone)
    return told | {"table": table(checked, problems), "note": NOTE}


def _problems(books: Books) -> list[Finding]:
    checked = books.checked
    found = [finding for statement, contents in checked for finding in agreeing.of_statement(statement, contents)]
    found += agreeing.doubled(checked)
    found += paying.of_payments([row for row, _ in checked], books.known, books.contents, books.payments)
    found += agreeing.of_orders(checked, books.statuses, books.asked)
    for row in books.unsettled or ():
        found += unreadable(
            row.amounts, "an unsettled transaction", Place(transaction_id=row.id, order_id=row.order_id)
        )
    return found


def _go_on(left: Statement, end: datetime, zone: ZoneInfo) -> str:
    first = datetime.fromtimestamp(left.time, zone).date()
    last = (end - timedelta(seconds=1)).astimezone(zone).date()
    return f"Call reconcile_payouts again with period {first}/{last}: nothing from there on is in these totals."
