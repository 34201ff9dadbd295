"""Locks among all replicas, each held while one works on something; they end with its connection."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.database import STATEMENT_TIMEOUT_S, name_faults

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Connection, Database

# So that a replica whose computer went without a word is let go of within half a minute.
SERVER_KEEPALIVE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
KEY_BYTES = 8  # a lock of PostgreSQL's is a number of so many
# Whether the connection that asks has the lock.
IS_LOCKED_HERE = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
    AND (classid::bigint << 32) | objid::bigint = %s
)
"""
POOLER_HINT = (
    "Connect to PostgreSQL itself, or to a pooler that pools sessions and passes `options` on (pgbouncer: transaction "
    "mode does neither). Each server takes up to 19 connections."
)

log = logging.getLogger(__name__)


class ReplicaLocks:
    """The locks of this process, all on one connection of their own, outside any transaction.

    A row's lock would be as safe, and would keep a transaction open for as long as a shop is read, maybe for hours.
    Where the connection breaks they are gone, and may be another's: what is done under one has to bear that.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()  # of who uses the connection
        self._names: set[str] = set()
        self._steps: set[asyncio.Task[bool]] = set()

    async def acquire(self, name: str) -> bool:
        """Take the lock of a name where nobody has it, in this process neither; whether it is ours now.

        Raises:
            ShopError: As `Database.transact`.

        """
        step = asyncio.ensure_future(self._acquire(name))
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:  # it may have come about, and nobody would let go of it
            self._keep(asyncio.ensure_future(self._undo(step, name)))
            raise

    async def ensure_sessions(self, database: Database) -> None:
        """Go on only where a connection is a session of the database's own, with our settings and locks.

        A pooler between may drop the settings, and give one's connection to another between two transactions: then a
        lock is everybody's, or nobody's. What is tried is only what such a one does when it is not busy.

        Raises:
            ShopError: `not_configured`: it is not so; else as `acquire`.

        """
        name = f"session {uuid.uuid4()}"
        await self.acquire(name)
        try:
            async with database.transact() as connection:  # which takes the place of ours, where that is shared
                select = "SELECT current_setting('statement_timeout'), pg_try_advisory_xact_lock(%s)"
                row = await (await connection.execute(select, (_compute_key(name),))).fetchone()
                with name_faults():
                    async with self._turn:
                        is_ours_still = await self._execute(IS_LOCKED_HERE, name)
        finally:
            self.release(name)
        if row is None or row[0] != f"{STATEMENT_TIMEOUT_S}s" or row[1] or not is_ours_still:
            message = "Something between this server and its database shares connections, or drops their settings."
            raise ShopError("not_configured", message, hint=POOLER_HINT)

    def release(self, name: str) -> None:
        """Let go of a lock, in the background; who acquires it after that comes behind."""
        self._keep(asyncio.ensure_future(self._release(name)))

    async def close(self) -> None:
        """Let go of all."""
        if self._steps:
            await asyncio.wait(self._steps)
        async with self._turn:
            await self._disconnect()

    async def _acquire(self, name: str) -> bool:
        async with self._turn:
            if name in self._names:
                return False
            is_ours = await self._ask("SELECT pg_try_advisory_lock(%s)", name)
            if is_ours:
                self._names.add(name)
            return is_ours

    async def _release(self, name: str) -> bool:
        async with self._turn:
            if name not in self._names:
                return False
            self._names.discard(name)
            with suppress(psycopg.Error):  # then it went with its connection
                await self._execute("SELECT pg_advisory_unlock(%s)", name)
            return True

    async def _undo(self, step: asyncio.Future[bool], name: str) -> bool:
        return await step and await self._release(name)

    def _keep(self, step: asyncio.Task[bool]) -> None:
        self._steps.add(step)
        step.add_done_callback(self._finish)

    def _finish(self, step: asyncio.Task[bool]) -> None:
        self._steps.discard(step)
        if not step.cancelled() and (error := step.exception()) is not None:
            log.warning("a lock among replicas was not let go of in order: %s", type(error).__name__)

    async def _ask(self, query: str, name: str) -> bool:
        is_connected = self._connection is not None
        with name_faults():
            try:
                return await self._execute(query, name)
            except psycopg.OperationalError:
                if not is_connected:
                    raise
                return await self._execute(query, name)  # a restart cut it since it was last used

    async def _execute(self, query: str, name: str) -> bool:
        """Raises psycopg.Error, and then no lock is left."""
        try:
            if self._connection is None:
                self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                for setting, seconds in SERVER_KEEPALIVE.items():
                    await self._connection.execute("SELECT set_config(%s, %s, false)", (setting, str(seconds)))
            row = await (await self._connection.execute(query.encode(), (_compute_key(name),))).fetchone()
        except psycopg.Error:
            await self._disconnect()
            raise
        return row is not None and bool(row[0])

    async def _disconnect(self) -> None:
        self._names.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _compute_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:KEY_BYTES], signed=True)
