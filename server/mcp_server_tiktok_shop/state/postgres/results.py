"""The result store of a tenant in PostgreSQL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.stores import (
    MAX_RESULTS,
    MAX_RESULTS_BYTES,
    RESULT_ID_BYTES,
    RESULT_TTL_S,
    check_content_size,
)

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Database

INSERT = "INSERT INTO results (tenant_id, id, content, stored_at) VALUES (%s, %s, %s, unix_now())"
EVICT = """
DELETE FROM results USING (
    SELECT id, row_number() OVER newest AS place, sum(octet_length(content)) OVER newest AS bytes
    FROM results WHERE tenant_id = %(tenant)s
    WINDOW newest AS (ORDER BY stored_at DESC, number DESC)
) AS places
WHERE results.tenant_id = %(tenant)s AND results.id = places.id
    AND (place > %(max_results)s OR bytes > %(max_bytes)s)
"""
SELECT = "SELECT content FROM results WHERE tenant_id = %s AND id = %s AND stored_at > unix_now() - %s"


class PostgresResultStore:
    """Contents as bytes, by the database's clock; the limits are those of one tenant."""

    def __init__(self, database: Database, tenant_id: str, max_bytes: int = MAX_RESULTS_BYTES) -> None:
        self.database = database
        self._tenant_id = tenant_id
        self._max_bytes = max_bytes

    async def put(self, content: bytes) -> str:
        check_content_size(content, self._max_bytes)
        result_id = secrets.token_hex(RESULT_ID_BYTES)
        limits = {"tenant": self._tenant_id, "max_results": MAX_RESULTS, "max_bytes": self._max_bytes}
        async with self.database.transact() as connection:
            await connection.execute(INSERT, (self._tenant_id, result_id, content))
            await connection.execute(EVICT, limits)
        return result_id

    async def get(self, result_id: str) -> bytes | None:
        if "\0" in result_id:  # which no text of the database can hold
            return None
        row = await self.database.fetch_one(SELECT, self._tenant_id, result_id, RESULT_TTL_S)
        return None if row is None else bytes(row[0])
