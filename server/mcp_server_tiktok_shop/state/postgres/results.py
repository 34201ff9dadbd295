"""The result store of a tenant in PostgreSQL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.postgres.resealing import reseal_rows
from mcp_server_tiktok_shop.state.postgres.value_cipher import SEAL_BYTES, ValuePlace
from mcp_server_tiktok_shop.state.stores import (
    MAX_RESULTS,
    MAX_RESULTS_BYTES,
    RESULT_ID_BYTES,
    RESULT_TTL_S,
    check_content_size,
)

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.postgres.resealing import Statement
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher

INSERT = "INSERT INTO results (tenant_id, id, key_id, content, stored_at) VALUES (%s, %s, %s, %s, unix_now())"
EVICT = f"""
DELETE FROM results USING (
    SELECT id, row_number() OVER newest AS place, sum(octet_length(content) - {SEAL_BYTES}) OVER newest AS bytes
    FROM results WHERE tenant_id = %(tenant)s
    WINDOW newest AS (ORDER BY stored_at DESC, number DESC)
) AS places
WHERE results.tenant_id = %(tenant)s AND results.id = places.id
    AND (place > %(max_results)s OR bytes > %(max_bytes)s)
"""
SELECT = "SELECT content, key_id FROM results WHERE tenant_id = %s AND id = %s AND stored_at > unix_now() - %s"
SELECT_OTHERWISE_SEALED = "SELECT tenant_id, id, content, key_id FROM results WHERE key_id <> %s LIMIT %s"
UPDATE = "UPDATE results SET key_id = %s, content = %s WHERE tenant_id = %s AND id = %s"
DELETE = "DELETE FROM results WHERE tenant_id = %s AND id = %s"
RESEAL_ROWS = 16  # at once: each may have some megabytes


class PostgresResultStore:
    """Contents as bytes, sealed, by the database's clock; the limits are those of one tenant."""

    def __init__(
        self, database: Database, cipher: ValueCipher, tenant_id: str, max_bytes: int = MAX_RESULTS_BYTES
    ) -> None:
        self.database = database
        self._cipher = cipher
        self._tenant_id = tenant_id
        self._max_bytes = max_bytes

    async def put(self, content: bytes) -> str:
        check_content_size(content, self._max_bytes)
        result_id = secrets.token_hex(RESULT_ID_BYTES)
        limits = {"tenant": self._tenant_id, "max_results": MAX_RESULTS, "max_bytes": self._max_bytes}
        async with self.database.transact() as connection:
            sealed = self._cipher.seal_bytes(content, _get_place(self._tenant_id, result_id))
            await connection.execute(INSERT, (self._tenant_id, result_id, self._cipher.key_id, sealed))
            await connection.execute(EVICT, limits)
        return result_id

    async def get(self, result_id: str) -> bytes | None:
        if "\0" in result_id:  # which no text of the database can hold
            return None
        row = await self.database.fetch_one(SELECT, self._tenant_id, result_id, RESULT_TTL_S)
        if row is None:
            return None
        return self._cipher.unseal_bytes(row[0], row[1], _get_place(self._tenant_id, result_id))


async def reseal_results(database: Database, cipher: ValueCipher) -> None:
    """Seal all results with the key in force; one that can't be opened goes. Raises as `Database.transact`."""

    def make_statement(tenant_id: str, result_id: str, sealed: bytes, key_id: str) -> Statement:
        place = _get_place(tenant_id, result_id)
        content = cipher.unseal_bytes(sealed, key_id, place)
        if content is None:
            return DELETE.encode(), (tenant_id, result_id)
        return UPDATE.encode(), (cipher.key_id, cipher.seal_bytes(content, place), tenant_id, result_id)

    await reseal_rows(database, SELECT_OTHERWISE_SEALED, cipher.key_id, RESEAL_ROWS, make_statement)


def _get_place(tenant_id: str, result_id: str) -> ValuePlace:
    return ValuePlace(tenant_id, result_id, "result")
