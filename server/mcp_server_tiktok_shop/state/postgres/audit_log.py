"""The audit log of a tenant in PostgreSQL, whose table refuses changes."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.state.stores import AUDIT_OUTCOME_UNKNOWN

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.stores import Record

MAX_ROWS = 50_000  # that are read at once, the newest: some three for each write
INSERT = "INSERT INTO audit_log (tenant_id, entry_id, entry) VALUES (%s, %s, %s)"
SELECT = """
SELECT entry FROM (
    SELECT number, entry FROM audit_log WHERE tenant_id = %s ORDER BY number DESC LIMIT %s
) AS newest ORDER BY number
"""

log = logging.getLogger(__name__)


class PostgresAuditLog:
    """A row for each entry, in the order in which they were added."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def append(self, entry: Record) -> None:
        with contain_faults(log, "an entry of the audit log can't be written"):
            try:
                step = self._database.execute(INSERT, self._tenant_id, entry["id"], json.dumps(entry))
                await asyncio.shield(asyncio.ensure_future(step))
            except ShopError as error:
                log.error("the audit log can't be written: %s", error.message)  # noqa: TRY400 - no traceback

    async def read_entries(self) -> list[Record]:
        """Of a longer log than MAX_ROWS the newest."""
        entry_by_id: dict[str, Record] = {}
        for (text,) in await self._database.fetch_all(SELECT, self._tenant_id, MAX_ROWS):
            entry = json.loads(text)
            entry_by_id[entry["id"]] = entry_by_id.get(entry["id"], {}) | entry
        return [{"outcome": AUDIT_OUTCOME_UNKNOWN} | entry for entry in entry_by_id.values()]

    async def count_unreadable(self) -> int:
        return 0
