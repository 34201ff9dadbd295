"""Expiring records of a tenant in PostgreSQL, encrypted, timed by its clock, each step atomic."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.resealing import reseal_rows
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValuePlace

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.postgres.resealing import Statement
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
    from mcp_server_tiktok_shop.state.stores import Record, ReplaceRule

UPSERT = """
INSERT INTO expiring_records (tenant_id, kind, key, record, expires_at) VALUES (%s, %s, %s, %s, unix_now() + %s)
ON CONFLICT (tenant_id, kind, key) DO UPDATE SET record = excluded.record, expires_at = excluded.expires_at
"""
CLAIM = f"{UPSERT} WHERE expiring_records.expires_at <= unix_now() RETURNING 1"
MATCH = "WHERE tenant_id = %s AND kind = %s AND key = %s"
MATCH_UNEXPIRED = f"{MATCH} AND expires_at > unix_now()"
SELECT_OTHERWISE_SEALED = """
SELECT tenant_id, kind, key, record FROM expiring_records
WHERE NOT starts_with(record, %s) AND expires_at > unix_now() LIMIT %s FOR UPDATE
"""
RESEAL_ROWS = 500  # in one transaction: who wants one of them waits for it
KEY_SEPARATOR = ":"


class PostgresExpiringRecords:
    """The records of one kind and tenant: each is sealed, and opened at its key alone."""

    def __init__(self, database: Database, cipher: ValueCipher, tenant_id: str, kind: str) -> None:
        self._database = database
        self._cipher = cipher
        self._owner = (tenant_id, kind)

    async def claim(
        self, key: str, record: Record, ttl_s: float, replace_if: ReplaceRule | None = None
    ) -> Record | None:
        with _say_unsent():
            while True:
                async with self._database.transact() as connection:
                    values = (*self._owner, key, self._seal(key, record), ttl_s)
                    if await (await connection.execute(CLAIM.encode(), values)).fetchone() is not None:
                        return None
                    select = f"SELECT record FROM expiring_records {MATCH_UNEXPIRED} FOR UPDATE"
                    row = await (await connection.execute(select.encode(), (*self._owner, key))).fetchone()
                    if row is None:  # it went, or expired, in between
                        continue
                    existing = self._unseal(key, row[0])
                    replacement = replace_if(existing) if replace_if else None
                    if replacement is None:
                        return existing
                    update = f"UPDATE expiring_records SET record = %s, expires_at = unix_now() + %s {MATCH}"
                    sealed = self._seal(key, replacement)
                    await connection.execute(update.encode(), (sealed, ttl_s, *self._owner, key))
                    return None

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        await self._finish(self._database.execute(UPSERT, *self._owner, key, self._seal(key, record), ttl_s))

    async def get(self, key: str) -> Record | None:
        with _say_unsent():
            row = await self._database.fetch_one(
                f"SELECT record FROM expiring_records {MATCH_UNEXPIRED}", *self._owner, key
            )
            return None if row is None else self._unseal(key, row[0])

    async def take(self, key: str) -> Record | None:
        delete = f"DELETE FROM expiring_records {MATCH_UNEXPIRED} RETURNING record"
        row = await self._finish(self._database.fetch_one(delete, *self._owner, key))
        with _say_unsent():
            return None if row is None else self._unseal(key, row[0])

    def _seal(self, key: str, record: Record) -> str:
        return _seal_text(self._cipher, json.dumps(record), *self._owner, key)

    def _unseal(self, key: str, text: str) -> Record:
        record: Record = json.loads(_unseal_text(self._cipher, text, *self._owner, key))
        return record

    async def _finish(self, step: Coroutine[Any, Any, Any]) -> Any:
        """Carry a step out although its caller is gone."""
        task = asyncio.ensure_future(step)
        with _say_unsent():
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise


async def reseal_records(database: Database, cipher: ValueCipher) -> None:
    """Seal all records of all tenants with the key in force. Raises as `Database.transact` and `ValueCipher.unseal`."""

    def make_statement(tenant_id: str, kind: str, key: str, text: str) -> Statement:
        sealed = _seal_text(cipher, _unseal_text(cipher, text, tenant_id, kind, key), tenant_id, kind, key)
        return f"UPDATE expiring_records SET record = %s {MATCH}".encode(), (sealed, tenant_id, kind, key)

    await reseal_rows(database, SELECT_OTHERWISE_SEALED, cipher.key_id + KEY_SEPARATOR, RESEAL_ROWS, make_statement)


def _seal_text(cipher: ValueCipher, text: str, tenant_id: str, kind: str, key: str) -> str:
    sealed = cipher.seal(text, ValuePlace(tenant_id, key, kind))
    return f"{cipher.key_id}{KEY_SEPARATOR}{base64.b64encode(sealed).decode()}"


def _unseal_text(cipher: ValueCipher, text: str, tenant_id: str, kind: str, key: str) -> str:
    key_id, _, encoded = text.partition(KEY_SEPARATOR)
    try:
        sealed = base64.b64decode(encoded)
    except binascii.Error:
        sealed = b""  # which is told as what it is: not what was stored there
    return cipher.unseal(sealed, key_id, ValuePlace(tenant_id, key, kind))


@contextmanager
def _say_unsent() -> Iterator[None]:
    """What the records are asked before a write is sent stops it where they don't answer."""
    try:
        yield
    except ShopError as error:
        error.message += " Nothing was sent."
        raise
