"""Checks whether what was read of a tenant is current: for every request, many at once in one statement."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Row = tuple[Any, ...]
    Fetch = Callable[..., Awaitable[list[Row]]]

SELECT_ROWS = "SELECT id, revision, settings_revision, settings FROM tenants WHERE id = any(%s)"


class TenantRows(Struct):
    """One statement at a time: who asks while one is under way is answered by the next, of what holds after that."""

    fetch_all: Fetch
    _waiting_ids: set[str] = field(default_factory=set)
    _next: asyncio.Task[dict[str, Row]] | None = None  # of those that wait: it has not begun
    _last: asyncio.Task[dict[str, Row]] | None = None

    async def find(self, tenant_id: str) -> Row | None:
        """Revisions of a tenant's accounts and settings, and these; None where there is none. Raises as `transact`."""
        self._waiting_ids.add(tenant_id)
        if self._next is None:
            self._next = self._last = asyncio.create_task(self._fetch(self._last))
            self._next.add_done_callback(_retrieve_exception)
        try:
            rows = await asyncio.shield(self._next)
        except ShopError as error:  # each has its own, to say more in it
            raise ShopError(error.kind, error.message, hint=error.hint, retryable=error.retryable) from None
        return rows.get(tenant_id)

    async def _fetch(self, previous: asyncio.Task[dict[str, Row]] | None) -> dict[str, Row]:
        if previous is not None:
            await asyncio.wait([previous])
        tenant_ids, self._waiting_ids, self._next = self._waiting_ids, set(), None
        return {tenant_id: tuple(row) for tenant_id, *row in await self.fetch_all(SELECT_ROWS, list(tenant_ids))}


def _retrieve_exception(task: asyncio.Task[dict[str, Row]]) -> None:
    """Whoever still waits raises it."""
    if not task.cancelled():
        task.exception()
