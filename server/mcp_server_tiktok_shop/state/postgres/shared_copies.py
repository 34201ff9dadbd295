"""Copies of a tenant's shops in PostgreSQL, as encrypted blocks; the writer holds a lock on a connection."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.resealing import reseal_rows
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValuePlace
from mcp_server_tiktok_shop.state.shared_copies import HASH_BYTES, CopyKey, PublishedCopy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping

    from mcp_server_tiktok_shop.state.postgres.database import Connection, Database
    from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
    from mcp_server_tiktok_shop.state.postgres.resealing import Statement
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher

BLOCKS_AT_ONCE = 64  # that are on their way: some megabytes
COPY_TTL_S = 30 * 86400  # since anybody brought it up to date
OF_KEY = "WHERE tenant_id = %s AND shop_id = %s AND buyer_data = %s AND fingerprint = %s"
WISH = """
INSERT INTO shop_copy_wishes (tenant_id, shop_id, buyer_data, fingerprint, source, since)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, shop_id, buyer_data, fingerprint, source)
DO UPDATE SET since = greatest(shop_copy_wishes.since, excluded.since)
"""
INSERT = """
INSERT INTO shop_copies (tenant_id, shop_id, buyer_data, fingerprint, state, blocks) VALUES (%s, %s, %s, %s, '', '')
ON CONFLICT DO NOTHING RETURNING id
"""
INSERT_BLOCK = """
INSERT INTO shop_copy_blocks (copy_id, hash, key_id, content) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
SELECT_OTHERWISE_SEALED = """
SELECT copy_id, hash, content, key_id, tenant_id, shop_id, buyer_data, fingerprint
FROM shop_copy_blocks JOIN shop_copies ON id = copy_id WHERE key_id <> %s LIMIT %s
"""
UPDATE_BLOCK = "UPDATE shop_copy_blocks SET key_id = %s, content = %s WHERE copy_id = %s AND hash = %s"
DELETE_BLOCK = "DELETE FROM shop_copy_blocks WHERE copy_id = %s AND hash = %s"
UPDATE = """
UPDATE shop_copies SET revision = revision + 1, state = %s, blocks = %s, updated_at = unix_now()
WHERE id = %s RETURNING revision
"""
DELETE_OLD = "DELETE FROM shop_copies WHERE updated_at <= unix_now() - %s"


class PostgresSharedCopies:
    """A row for each copy, and one for each block of its file."""

    def __init__(self, database: Database, cipher: ValueCipher, locks: ReplicaLocks, tenant_id: str) -> None:
        self._database = database
        self._cipher = cipher
        self._locks = locks
        self._tenant_id = tenant_id

    async def acquire(self, key: CopyKey) -> bool:
        return await self._locks.acquire(self._get_lock_name(key))

    def release(self, key: CopyKey) -> None:
        self._locks.release(self._get_lock_name(key))

    async def find_revision(self, key: CopyKey) -> int:
        row = await self._database.fetch_one(f"SELECT revision FROM shop_copies {OF_KEY}", *self._list_values(key))
        return int(row[0]) if row is not None else 0

    async def fetch(
        self,
        key: CopyKey,
        choose: Callable[[PublishedCopy], Awaitable[Collection[bytes]]],
        take: Callable[[Mapping[bytes, bytes]], Awaitable[None]],
    ) -> PublishedCopy | None:
        async with self._database.transact() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            select = f"SELECT id, revision, state, blocks FROM shop_copies {OF_KEY}"
            row = await (await connection.execute(select.encode(), self._list_values(key))).fetchone()
            if row is None:
                return None
            copy_id, revision, state, hashes = row
            copy = PublishedCopy(revision, state, _split_hashes(hashes))
            for some in _divide(await choose(copy)):
                select = "SELECT hash, content, key_id FROM shop_copy_blocks WHERE copy_id = %s AND hash = any(%s)"
                rows = await (await connection.execute(select, (copy_id, list(some)))).fetchall()
                await take({block_hash: self._open(key, block_hash, *sealed) for block_hash, *sealed in rows})
            return copy

    async def publish(self, key: CopyKey, copy: PublishedCopy, read_block: Callable[[bytes], Awaitable[bytes]]) -> int:
        async with self._database.transact() as connection:
            select = f"SELECT id, revision, blocks FROM shop_copies {OF_KEY} FOR UPDATE"
            row = await (await connection.execute(select.encode(), self._list_values(key))).fetchone()
            if row is None and copy.revision == 0:
                inserted = await (await connection.execute(INSERT, self._list_values(key))).fetchone()
                row = (inserted[0], copy.revision, b"") if inserted is not None else None
            if row is None or row[1] != copy.revision:
                return 0
            copy_id, _, hashes = row

            async def seal_block(block_hash: bytes) -> bytes:
                place = _get_place(self._list_values(key), block_hash)
                return self._cipher.seal_bytes(await read_block(block_hash), place)

            await self._replace_blocks(connection, copy_id, set(_split_hashes(hashes)), set(copy.blocks), seal_block)
            values = (copy.state, b"".join(copy.blocks), copy_id)
            updated = await (await connection.execute(UPDATE, values)).fetchone()
            return int(updated[0]) if updated is not None else 0

    async def _replace_blocks(
        self,
        connection: Connection,
        copy_id: int,
        old: set[bytes],
        new: set[bytes],
        seal_block: Callable[[bytes], Awaitable[bytes]],
    ) -> None:
        async with connection.cursor() as cursor:
            for some in _divide(new - old):
                key_id = self._cipher.key_id
                rows = [(copy_id, block_hash, key_id, await seal_block(block_hash)) for block_hash in some]
                await cursor.executemany(INSERT_BLOCK, rows)
        delete = "DELETE FROM shop_copy_blocks WHERE copy_id = %s AND hash = any(%s)"
        await connection.execute(delete, (copy_id, list(old - new)))

    async def delete(self, key: CopyKey, revision: int) -> None:
        delete = f"DELETE FROM shop_copies {OF_KEY} AND revision = %s"
        await self._database.execute(delete, *self._list_values(key), revision)

    async def delete_all(self, shop_id: str | None) -> None:
        select = (
            "SELECT shop_id, buyer_data, fingerprint FROM shop_copies "
            "WHERE tenant_id = %s AND (%s::text IS NULL OR shop_id = %s)"
        )
        for row in await self._database.fetch_all(select, self._tenant_id, shop_id, shop_id):
            key = CopyKey(*row)
            if not await self.acquire(key):
                message = "Another server is reading this shop's copy from the platform."
                raise ShopError("not_permitted", message, hint="Try again later.", retryable=True)
            try:
                await self._database.execute(f"DELETE FROM shop_copies {OF_KEY}", *self._list_values(key))
            finally:
                self.release(key)

    async def wish(self, key: CopyKey, source_name: str, since: float) -> None:
        await self._database.execute(WISH, *self._list_values(key), source_name, since)

    async def take_wishes(self, key: CopyKey) -> dict[str, float]:
        delete = f"DELETE FROM shop_copy_wishes {OF_KEY} RETURNING source, since"
        return dict(await self._database.fetch_all(delete, *self._list_values(key)))

    def _open(self, key: CopyKey, block_hash: bytes, sealed: bytes, key_id: str) -> bytes:
        """A block; what can't be opened is an empty one, which is not what its hash says."""
        place = _get_place(self._list_values(key), block_hash)
        return self._cipher.unseal_bytes(sealed, key_id, place) or b""

    def _list_values(self, key: CopyKey) -> tuple[str, str, str, str]:
        return (self._tenant_id, key.shop_id, key.buyer_data, key.fingerprint)

    def _get_lock_name(self, key: CopyKey) -> str:
        return " ".join(("copy", *self._list_values(key)))


async def reseal_blocks(database: Database, cipher: ValueCipher) -> None:
    """Seal all blocks with the key in force; one that can't be opened goes. Raises as `Database.transact`."""

    def make_statement(copy_id: int, block_hash: bytes, sealed: bytes, key_id: str, *of_copy: str) -> Statement:
        tenant_id, shop_id, buyer_data, fingerprint = of_copy
        place = _get_place((tenant_id, shop_id, buyer_data, fingerprint), block_hash)
        content = cipher.unseal_bytes(sealed, key_id, place)
        if content is None:
            return DELETE_BLOCK.encode(), (copy_id, block_hash)
        return UPDATE_BLOCK.encode(), (cipher.key_id, cipher.seal_bytes(content, place), copy_id, block_hash)

    await reseal_rows(database, SELECT_OTHERWISE_SEALED, cipher.key_id, BLOCKS_AT_ONCE, make_statement)


def _get_place(of_copy: tuple[str, str, str, str], block_hash: bytes) -> ValuePlace:
    tenant_id, *names = of_copy
    return ValuePlace(tenant_id, " ".join(names), f"block {block_hash.hex()}")


def _split_hashes(hashes: bytes) -> list[bytes]:
    return [bytes(hashes[start : start + HASH_BYTES]) for start in range(0, len(hashes), HASH_BYTES)]


def _divide(hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(hashes)
    while some := list(islice(rest, BLOCKS_AT_ONCE)):
        yield some
