"""Expiring records of a tenant in PostgreSQL, by its clock: every step is one statement, or one transaction."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.stores import Record, ReplaceRule

UPSERT = """
INSERT INTO expiring_records (tenant_id, kind, key, record, expires_at) VALUES (%s, %s, %s, %s, unix_now() + %s)
ON CONFLICT (tenant_id, kind, key) DO UPDATE SET record = excluded.record, expires_at = excluded.expires_at
"""
CLAIM = f"{UPSERT} WHERE expiring_records.expires_at <= unix_now() RETURNING 1"
MATCH = "WHERE tenant_id = %s AND kind = %s AND key = %s"
MATCH_UNEXPIRED = f"{MATCH} AND expires_at > unix_now()"


class PostgresExpiringRecords:
    """The records of one kind and tenant."""

    def __init__(self, database: Database, tenant_id: str, kind: str) -> None:
        self._database = database
        self._owner = (tenant_id, kind)

    async def claim(
        self, key: str, record: Record, ttl_s: float, replace_if: ReplaceRule | None = None
    ) -> Record | None:
        with _say_unsent():
            while True:
                async with self._database.transact() as connection:
                    values = (*self._owner, key, json.dumps(record), ttl_s)
                    if await (await connection.execute(CLAIM.encode(), values)).fetchone() is not None:
                        return None
                    select = f"SELECT record FROM expiring_records {MATCH_UNEXPIRED} FOR UPDATE"
                    row = await (await connection.execute(select.encode(), (*self._owner, key))).fetchone()
                    if row is None:  # it went, or expired, in between
                        continue
                    existing: Record = json.loads(row[0])
                    replacement = replace_if(existing) if replace_if else None
                    if replacement is None:
                        return existing
                    update = f"UPDATE expiring_records SET record = %s, expires_at = unix_now() + %s {MATCH}"
                    await connection.execute(update.encode(), (json.dumps(replacement), ttl_s, *self._owner, key))
                    return None

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        await self._finish(self._database.execute(UPSERT, *self._owner, key, json.dumps(record), ttl_s))

    async def get(self, key: str) -> Record | None:
        with _say_unsent():
            row = await self._database.fetch_one(
                f"SELECT record FROM expiring_records {MATCH_UNEXPIRED}", *self._owner, key
            )
        return None if row is None else json.loads(row[0])

    async def take(self, key: str) -> Record | None:
        delete = f"DELETE FROM expiring_records {MATCH_UNEXPIRED} RETURNING record"
        row = await self._finish(self._database.fetch_one(delete, *self._owner, key))
        return None if row is None else json.loads(row[0])

    async def _finish(self, step: Coroutine[Any, Any, Any]) -> Any:
        """Carry a step out although its caller is gone."""
        task = asyncio.ensure_future(step)
        with _say_unsent():
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise


@contextmanager
def _say_unsent() -> Iterator[None]:
    """What the records are asked before a write is sent stops it where they don't answer."""
    try:
        yield
    except ShopError as error:
        error.message += " Nothing was sent."
        raise
