"""The database as this server opens it, and a clock that it follows in tests."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
from pydantic import SecretStr

from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.migrations import migrate
from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.state.test_stores import Clock

TENANT = "default"
KEY = base64.b64encode(bytes(range(32))).decode()
CIPHER = ValueCipher.from_setting(SecretStr(KEY))


@asynccontextmanager
async def open_database(url: str, *tenants: str) -> AsyncIterator[Database]:
    database = Database(url, SecretStr(""))
    await database.open()
    try:
        await migrate(database)
        for tenant in tenants or (TENANT,):
            await TenantDirectory(database).add(tenant)
        yield database
    finally:
        await database.close()


async def follow_clock(database: Database, clock: Clock) -> None:
    """From now on the database's moments are those of the clock."""
    await database.execute("CREATE TABLE test_clock (now double precision)")
    await database.execute("INSERT INTO test_clock VALUES (%s)", clock.now)
    body = "SELECT now FROM test_clock"
    await database.execute(
        f"CREATE OR REPLACE FUNCTION unix_now() RETURNS double precision LANGUAGE sql VOLATILE AS $$ {body} $$"
    )

    def set_now(now: float) -> None:
        with psycopg.connect(database.conninfo, autocommit=True) as connection:
            connection.execute("UPDATE test_clock SET now = %s", (now,))

    clock.on_change = set_now
