"""The database: pools of connections checked before use, and its failures in plain words."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.tenant_rows import TenantRows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pydantic import SecretStr

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]

MAX_CONNECTIONS = 10  # of a replica, for steps of milliseconds
MAX_LOCK_CONNECTIONS = 8  # for locks that last as long as a token renewal: apart, so that its steps find a connection
CONNECT_TIMEOUT_S = 5
START_TIMEOUT_S = 10.0  # for the first connection of all: both may be starting
UNANSWERED_MS = 5000  # after which what was sent counts as lost: a computer that vanished refuses nothing
WAIT_TIMEOUT_S = 3.0  # for a connection that is free and answers, while no other does: a quick restart is not noticed
BUSY_TIMEOUT_S = 30.0  # while others do: then it is only much that is asked
STATEMENT_TIMEOUT_S = 10
PROBE_TIMEOUT_S = 2.0  # for who asks whether it is there
# A backend whose client is gone goes on with its query else, and keeps its locks as long.
CLIENT_CHECK_INTERVAL_S = 1
CLOSE_TIMEOUT_S = 5.0
RETRY_HINT = "Try again in a moment; if that does not help, somebody has to look after this server's database."
SQLSTATE_MESSAGES = {
    "28": "it refuses this server",
    "3D": "there is no such database",
    "42": "it lacks a table, or the right to use one",
    "53": "it has no room",
    "55": "another replica does not let go",
    "57": "it stops, or a statement took too long",
}

log = logging.getLogger(__name__)


class Database:
    """Connections to one database, for one event loop. `url` has no password."""

    def __init__(self, url: str, password: SecretStr) -> None:
        options = (
            f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_S}s "
            f"-c client_connection_check_interval={CLIENT_CHECK_INTERVAL_S}s"
        )
        secret = {"password": password.get_secret_value()} if password.get_secret_value() else {}
        self.conninfo = make_conninfo(
            url,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=options,
            application_name="mcp-server-tiktok-shop",
            keepalives_idle=30,
            tcp_user_timeout=UNANSWERED_MS,
            **secret,
        )
        self._pool = self._make_pool("state", MAX_CONNECTIONS, min_size=1)
        self._lock_pool = self._make_pool("locks", MAX_LOCK_CONNECTIONS, min_size=0)
        self._answered_at: float | None = None
        self._is_away = False
        self._looked_at = float("-inf")
        self._look_lock = asyncio.Lock()
        self.tenant_rows = TenantRows(self.fetch_all)

    def _make_pool(self, name: str, max_size: int, min_size: int) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            self.conninfo,
            open=False,
            name=name,
            min_size=min_size,
            max_size=max_size,
            timeout=WAIT_TIMEOUT_S,
            reconnect_timeout=WAIT_TIMEOUT_S,  # who comes after that has it tried at once
            check=AsyncConnectionPool.check_connection,  # else each that a restart cut fails one call
        )

    async def open(self) -> None:
        """Begin to connect; who needs a connection waits for it."""
        await self._pool.open(wait=False)
        await self._lock_pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(CLOSE_TIMEOUT_S)
        await self._lock_pool.close(CLOSE_TIMEOUT_S)

    @asynccontextmanager
    async def transact(self) -> AsyncIterator[Connection]:
        """A connection in a transaction, which is carried out at the end of the block.

        Raises:
            ShopError: `not_configured`, retryable: the database is out of reach, or refuses a step. What was to be
                carried out may be, where the connection broke at the very end.

        """
        with name_faults():
            async with self._borrow(self._pool) as connection:
                yield connection

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Connection]:
        """As `transact`, for a transaction that keeps a lock while other steps are carried out."""
        with name_faults():
            async with self._borrow(self._lock_pool) as connection:
                yield connection

    @asynccontextmanager
    async def _borrow(self, pool: AsyncConnectionPool[Connection]) -> AsyncIterator[Connection]:
        """A connection in a transaction, once one is free."""
        connection = await self._wait_for_connection(pool)
        self._answered_at, self._is_away = time.monotonic(), False
        try:
            async with connection:
                yield connection
            self._answered_at = time.monotonic()
        finally:
            await pool.putconn(connection)

    async def _wait_for_connection(self, pool: AsyncConnectionPool[Connection]) -> Connection:
        """One that is free and answers. For as long as others are served, who comes waits.

        Raises:
            PoolTimeout: There was none in time.
            OperationalError: There was none before, and the database can't be connected to now either.

        """
        if self._is_away:
            await self._look()
        started_at = time.monotonic()
        while True:
            try:
                rest_s = self._choose_deadline(started_at) - time.monotonic()
                return await pool.getconn(min(rest_s, WAIT_TIMEOUT_S))
            except PoolTimeout:
                if time.monotonic() >= self._choose_deadline(started_at):
                    self._is_away = True
                    raise

    def _choose_deadline(self, started_at: float) -> float:
        if self._answered_at is None:
            return started_at + START_TIMEOUT_S
        return min(max(started_at, self._answered_at) + WAIT_TIMEOUT_S, started_at + BUSY_TIMEOUT_S)

    async def _look(self) -> None:
        """Go on only where the database can be connected to: the pool tries that less and less often."""
        came_at = time.monotonic()
        async with self._look_lock:
            if not self._is_away:
                return
            if self._looked_at >= came_at:
                raise psycopg.OperationalError
            self._looked_at = time.monotonic()
            connection = await psycopg.AsyncConnection.connect(self.conninfo)
            await connection.close()
            self._is_away = False

    @asynccontextmanager
    async def _run_single(self) -> AsyncIterator[Connection]:
        """A connection for one statement, which is a transaction without being told so: that spares two round trips."""
        with name_faults():
            async with self._borrow(self._pool) as connection:
                await connection.set_autocommit(True)
                try:
                    yield connection
                finally:
                    if not connection.closed:
                        await connection.set_autocommit(False)

    async def fetch_one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a statement that is a transaction of its own. Raises as `transact`."""
        async with self._run_single() as connection:
            return await (await connection.execute(query.encode(), values)).fetchone()

    async def fetch_all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement that is a transaction of its own. Raises as `transact`."""
        async with self._run_single() as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def execute(self, query: str, *values: Any) -> None:
        """Carry out a statement that is a transaction of its own. Raises as `transact`."""
        async with self._run_single() as connection:
            await connection.execute(query.encode(), values)

    async def find_fault(self) -> str:
        """Why the database can't be used now, in a few words; empty where it can."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self.fetch_one("SELECT 1")
        except ShopError as error:
            return error.message
        except TimeoutError:
            return f"The database of this server does not answer within {PROBE_TIMEOUT_S:.0f} s."
        return ""


@contextmanager
def name_faults() -> Iterator[None]:
    """What the driver raises as a refusal in words: its own may hold what was to be stored."""
    try:
        yield
    except psycopg.Error as error:
        reason = SQLSTATE_MESSAGES.get((error.sqlstate or "")[:2], "it is out of reach")
        if isinstance(error, PoolTimeout):
            reason = "it does not answer, or has no connection free"
        log.warning("the database failed: %s %s, %s", type(error).__name__, error.sqlstate or "", reason)
        message = f"The database of this server can't be used: {reason}."
        raise ShopError("not_configured", message, hint=RETRY_HINT, retryable=True) from None
