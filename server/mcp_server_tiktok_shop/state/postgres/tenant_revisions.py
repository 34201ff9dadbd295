"""Whether what was read of a tenant still holds: asked for by every request, and by one statement for many of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Fetch = Callable[..., Awaitable[list[tuple[Any, ...]]]]

SELECT_REVISIONS = "SELECT id, revision FROM tenants WHERE id = any(%s)"


@dataclass(slots=True)
class TenantRevisions:
    """One statement at a time: who asks while one is under way is answered by the next, of what holds after that."""

    fetch_all: Fetch
    _waiting_ids: set[str] = field(default_factory=set)
    _next: asyncio.Task[dict[str, int]] | None = None  # of those that wait: it has not begun
    _last: asyncio.Task[dict[str, int]] | None = None

    async def find(self, tenant_id: str) -> int | None:
        """The revision of a tenant; None where there is no such tenant. Raises as `Database.transact`."""
        self._waiting_ids.add(tenant_id)
        if self._next is None:
            self._next = self._last = asyncio.create_task(self._fetch(self._last))
            self._next.add_done_callback(_retrieve_exception)
        try:
            revisions = await asyncio.shield(self._next)
        except ShopError as error:  # each has its own, to say more in it
            raise ShopError(error.kind, error.message, hint=error.hint, retryable=error.retryable) from None
        return revisions.get(tenant_id)

    async def _fetch(self, previous: asyncio.Task[dict[str, int]] | None) -> dict[str, int]:
        if previous is not None:
            await asyncio.wait([previous])
        tenant_ids, self._waiting_ids, self._next = self._waiting_ids, set(), None
        return dict(await self.fetch_all(SELECT_REVISIONS, list(tenant_ids)))


def _retrieve_exception(task: asyncio.Task[dict[str, int]]) -> None:
    """Whoever still waits raises it."""
    if not task.cancelled():
        task.exception()
