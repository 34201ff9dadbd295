"""The database: pools of connections that are checked before use, and what went wrong with one in plain words."""

from __future__ import annotations

import asyncio
import logging
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
WAIT_TIMEOUT_S = 5.0  # for a connection that is free and answers
STATEMENT_TIMEOUT_S = 10
PROBE_TIMEOUT_S = 2.0  # for who asks whether it is there
# A backend whose client is gone goes on with its query else, and keeps its locks as long.
CLIENT_CHECK_INTERVAL_S = 1
CLOSE_TIMEOUT_S = 5.0
RETRY_HINT = "Try again in a moment; if it stays, the database of this server has to be looked after."
SQLSTATE_MESSAGES = {
    "28": "it does not let this server in",
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
            **secret,
        )
        self._pool = self._make_pool("state", MAX_CONNECTIONS, min_size=1)
        self._lock_pool = self._make_pool("locks", MAX_LOCK_CONNECTIONS, min_size=0)
        self.tenant_rows = TenantRows(self.fetch_all)

    def _make_pool(self, name: str, max_size: int, min_size: int) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            self.conninfo,
            open=False,
            name=name,
            min_size=min_size,
            max_size=max_size,
            timeout=WAIT_TIMEOUT_S,
            reconnect_timeout=CONNECT_TIMEOUT_S,
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
            async with self._pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Connection]:
        """As `transact`, for a transaction that keeps a lock while other steps are carried out."""
        with name_faults():
            async with self._lock_pool.connection() as connection:
                yield connection

    async def fetch_one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a statement that is a transaction of its own. Raises as `transact`."""
        async with self.transact() as connection:
            return await (await connection.execute(query.encode(), values)).fetchone()

    async def fetch_all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement that is a transaction of its own. Raises as `transact`."""
        async with self.transact() as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def execute(self, query: str, *values: Any) -> None:
        """Carry out a statement that is a transaction of its own. Raises as `transact`."""
        async with self.transact() as connection:
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
            reason = f"no connection to it was free within {WAIT_TIMEOUT_S:.0f} s"
        log.warning("the database failed: %s %s, %s", type(error).__name__, error.sqlstate or "", reason)
        message = f"The database of this server can't be used: {reason}."
        raise ShopError("not_configured", message, hint=RETRY_HINT, retryable=True) from None
