"""Write marks of a tenant in PostgreSQL, seen by every replica."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.change_notices import ChangeNotice
from mcp_server_tiktok_shop.state.memory import InMemoryWriteMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.state.change_notices import ChangeNotices
    from mcp_server_tiktok_shop.state.postgres.database import Database

UPSERT = """
INSERT INTO write_marks (tenant_id, shop_id, area, written_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant_id, shop_id, area)
DO UPDATE SET written_at = greatest(write_marks.written_at, excluded.written_at)
"""
SELECT = "SELECT max(written_at) FROM write_marks WHERE tenant_id = %s AND shop_id = %s AND area = any(%s)"

log = logging.getLogger(__name__)


class PostgresWriteMarks:
    """A row for each area of each shop, beside what this replica knows itself, and what others told it.

    Moments are by `clock` (Unix seconds) of the replica that writes: they are compared with those of its own copies.
    """

    def __init__(self, database: Database, tenant_id: str, clock: Callable[[], float], notices: ChangeNotices) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._notices = notices
        self._clock = clock
        self._own = InMemoryWriteMarks(clock)

    async def mark(self, shop_id: str, area: str) -> None:
        await self._own.mark(shop_id, area)
        now = self._clock()
        await self._notices.tell(ChangeNotice(self._tenant_id, shop_id, (area,), now))
        try:
            await self._database.execute(UPSERT, self._tenant_id, shop_id, area, now)
        except ShopError as error:  # other replicas go on by the age of their copy
            log.warning("other replicas are not told of a write: %s", error.message)

    async def find_latest(self, shop_id: str, areas: Iterable[str]) -> float:
        names = list(areas)
        own = await self._own.find_latest(shop_id, names)
        own = max(own, self._notices.find_latest(self._tenant_id, shop_id, names))
        try:
            row = await self._database.fetch_one(SELECT, self._tenant_id, shop_id, names)
        except ShopError as error:
            log.warning("writes of other replicas are not known: %s", error.message)
            return own
        return max(own, row[0] or 0.0) if row is not None else own
