"""Gathers what is to be compared, page by page, until a moment by which it must be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import read
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.payouts.amounts import amounts
from mcp_server_tiktok_shop.tools.payouts.records import (
    CONTENTS,
    Contents,
    Payment,
    Statement,
    Transaction,
    Unsettled,
    seconds,
    text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from mcp_server_tiktok_shop.calls.paging import Page, Walker
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target

LARGEST_PAGE = 100
LATENESS = 3600  # a payment is not made before its statements, but for clocks that differ


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads one shop's books. `until` is a moment of the monotonic clock; `offers` tells what may be called here.

    Every method raises a ShopError where the platform refuses or does not answer in time.
    """

    walker: Walker
    offers: Callable[[Operation], bool]
    target: Target
    until: float

    async def statements(self, start: int, end: int) -> list[Statement]:
        """The statements cut from `start` until before `end`, in Unix seconds, each once, the oldest first."""
        given = {"statement_time_ge": start, "statement_time_lt": end}
        found = {row.id: row async for row in self._statements(given)}
        return sorted(found.values(), key=lambda row: (row.time, row.id))

    async def _statements(self, given: Json) -> AsyncIterator[Statement]:
        async for page in self._walk("get_statements", given):
            for row in _rows(page, "statements"):
                yield Statement.of(row)

    async def time_of(self, statement_id: str) -> int:
        """When a statement was cut.

        Raises:
            ShopError: `not_found`, where the platform does not tell.

        """
        async for page in self._walk("get_transactions_by_statement", {"statement_id": statement_id}):
            if time := seconds(page.data, "create_time"):
                return time
            break
        told = f"The platform tells no time of statement {statement_id}."
        raise ShopError("not_found", told, hint="Give the period instead that it lies in.")

    async def contents(self, statement_id: str) -> Contents:
        """A statement's transactions, all of them."""
        rows: list[Transaction] = []
        whole: Json = {}
        async for page in self._walk("get_transactions_by_statement", {"statement_id": statement_id}):
            whole = whole or page.data
            rows += map(Transaction.of, _rows(page, "transactions"))
        count = whole.get("total_count")
        count = count if isinstance(count, int) and not isinstance(count, bool) else None
        return Contents(statement_id, tuple(rows), count, text(whole, "currency"), amounts(whole, CONTENTS))

    async def payments(self, wanted: set[str], since: int) -> dict[str, Payment]:
        """Those of the wanted payments that there are; made since the oldest of their statements."""
        found: dict[str, Payment] = {}
        if not wanted:
            return found
        async for page in self._walk("get_payments", {"create_time_ge": since - LATENESS}):
            found |= {row.id: row for row in map(Payment.of, _rows(page, "payments")) if row.id in wanted}
            if len(found) == len(wanted):
                break
        return found

    async def unsettled(self, before: int) -> list[Unsettled]:
        """What waits of orders placed before a moment."""
        found: dict[str, Unsettled] = {}
        async for page in self._walk("get_unsettled_transactions", {"search_time_lt": before}):
            rows = list(map(Unsettled.of, _rows(page, "transactions")))
            found |= {row.id or f"{len(found)}/{place}": row for place, row in enumerate(rows)}
        return list(found.values())

    async def orders(self, ids: Sequence[str]) -> dict[str, str]:
        """The status of those orders that there are; at most 50 ids."""
        found: dict[str, str] = {}
        async for page in self._walk("get_order_detail", {"ids": list(ids)}):
            found |= {text(row, "id"): text(row, "status") for row in _rows(page, "orders")}
        return found

    def _walk(self, name: str, given: Json) -> AsyncIterator[Page]:
        operation = self.walker.catalog.operations[name]
        if not self.offers(operation):
            raise ShopError("not_permitted", f"{name} is switched off on this server.")
        size: dict[str, Any] = {"page_size": LARGEST_PAGE} if "page_size" in operation.arguments else {}
        values, _ = read(operation, given | size)
        return self.walker.walk(name, values, self.target, until=self.until)


def _rows(page: Page, name: str) -> list[Json]:
    """The rows as they were sent: a walk may leave out what comes twice, and that is what is looked for here."""
    return [row for row in page.data.get(name) or () if isinstance(row, dict)]
