"""Gathers what is to be compared, page by page, until a moment by which it must be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues, parse_count, parse_time, read_text
from mcp_server_tiktok_shop.money import parse_amounts
from mcp_server_tiktok_shop.tools.payouts.records import (
    TRANSACTION_TOTAL_FIELDS,
    Payment,
    Statement,
    StatementTransactions,
    Transaction,
    UnsettledTransaction,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.paging import Page, Paginator
    from mcp_server_tiktok_shop.platform.shops import Target

MAX_PAGE_SIZE = 100
CLOCK_TOLERANCE_S = 3600  # a payment is not made before its statements, but for clocks that differ


@dataclass(frozen=True, slots=True)
class PayoutReader:
    """Reads one shop's books. `deadline` is a moment of the monotonic clock; `policy` says what may be read.

    What stands in a list and is no row is passed over, and counted in `skipped`.

    Every method raises a ShopError where the platform refuses or does not answer in time.
    """

    paginator: Paginator
    policy: AccessPolicy
    target: Target
    deadline: float
    skipped: SkippedValues = field(default_factory=SkippedValues)

    async def fetch_statements(self, start: int, end: int) -> list[Statement]:
        """The statements cut from `start` until before `end`, in Unix seconds, each once, the oldest first."""
        given = {"statement_time_ge": start, "statement_time_lt": end}
        found = {row.id: row async for row in self._iter_statements(given)}
        return sorted(found.values(), key=lambda row: (row.time, row.id))

    async def _iter_statements(self, given: Json) -> AsyncIterator[Statement]:
        async for page in self._iter_pages("get_statements", given):
            for row in self._list_rows(page, "statements"):
                yield Statement.from_row(row)

    async def fetch_statement_time(self, statement_id: str) -> int:
        """When a statement was cut.

        Raises:
            ShopError: `not_found`, where the platform does not tell.

        """
        async for page in self._iter_pages("get_transactions_by_statement", {"statement_id": statement_id}):
            if time := parse_time(page.data.get("create_time")):
                return time
            break
        told = f"The platform tells no time of statement {statement_id}."
        raise ShopError("not_found", told, hint="Give the period instead that it lies in.")

    async def fetch_transactions(self, statement_id: str) -> StatementTransactions:
        """A statement's transactions, all of them."""
        rows: list[Transaction] = []
        whole: Json = {}
        async for page in self._iter_pages("get_transactions_by_statement", {"statement_id": statement_id}):
            whole = whole or page.data
            rows += map(Transaction.from_row, self._list_rows(page, "transactions"))
        return StatementTransactions(
            statement_id,
            tuple(rows),
            parse_count(whole.get("total_count")),
            read_text(whole, "currency"),
            parse_amounts(whole, TRANSACTION_TOTAL_FIELDS),
        )

    async def fetch_payments(self, wanted: set[str], since: int) -> dict[str, Payment]:
        """Those of the wanted payments that there are; made since the oldest of their statements."""
        found: dict[str, Payment] = {}
        if not wanted:
            return found
        async for page in self._iter_pages("get_payments", {"create_time_ge": since - CLOCK_TOLERANCE_S}):
            found |= {
                row.id: row for row in map(Payment.from_row, self._list_rows(page, "payments")) if row.id in wanted
            }
            if len(found) == len(wanted):
                break
        return found

    async def fetch_unsettled(self, before: int) -> list[UnsettledTransaction]:
        """What waits of orders placed before a moment."""
        found: dict[str, UnsettledTransaction] = {}
        async for page in self._iter_pages("get_unsettled_transactions", {"search_time_lt": before}):
            rows = list(map(UnsettledTransaction.from_row, self._list_rows(page, "transactions")))
            found |= {row.id or f"{len(found)}/{place}": row for place, row in enumerate(rows)}
        return list(found.values())

    async def fetch_order_statuses(self, ids: Sequence[str]) -> dict[str, str]:
        """The status of those orders that there are; at most 50 ids."""
        found: dict[str, str] = {}
        async for page in self._iter_pages("get_order_detail", {"ids": list(ids)}):
            found |= {read_text(row, "id"): read_text(row, "status") for row in self._list_rows(page, "orders")}
        return found

    def _iter_pages(self, name: str, given: Json) -> AsyncIterator[Page]:
        operation = self.paginator.catalog.operations[name]
        if not self.policy.is_available(operation):
            raise ShopError("not_permitted", f"{name} is switched off on this server.")
        size: dict[str, Any] = {"page_size": MAX_PAGE_SIZE} if "page_size" in operation.arguments else {}
        values, _ = coerce_arguments(operation, given | size)
        return self.paginator.iter_pages(name, values, self.target, deadline=self.deadline)

    def _list_rows(self, page: Page, name: str) -> list[Json]:
        """The rows as they were sent: a walk may leave out what comes twice, and that is what is looked for here."""
        return self.skipped.select_objects(page.data.get(name), name)
