"""Brings the database's schema up to date: each step once, whichever of several replicas comes first."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Connection, Database

SCHEMA_STEPS = files("mcp_server_tiktok_shop.state.postgres") / "schema"
NAME_PATTERN = re.compile(r"(\d{4})_\w+\.sql")
MIGRATION_LOCK = 0x74696B746F6B  # of PostgreSQL's advisory locks, which are numbers
MIGRATION_TIMEOUT_S = 600


def load_migrations() -> dict[int, str]:
    """The steps' SQL by their numbers, in order."""
    steps = {
        int(match[1]): entry.read_text(encoding="utf-8")
        for entry in SCHEMA_STEPS.iterdir()
        if (match := NAME_PATTERN.fullmatch(entry.name))
    }
    return dict(sorted(steps.items()))


async def migrate(database: Database) -> int:
    """Carry out the steps that are missing, all or none; answers how many those were.

    Raises:
        ShopError: `not_configured` where the schema is of a later version of this server, or the database refuses.

    """
    async with database.hold() as connection:
        await connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{MIGRATION_TIMEOUT_S}s",))
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_steps "
            "(number integer PRIMARY KEY, carried_out_at timestamptz NOT NULL DEFAULT now())"
        )
        version = await _read_version(connection)
        steps = load_migrations()
        if version > max(steps):
            message = f"The database has schema {version}, and this server knows those up to {max(steps)}."
            raise ShopError("not_configured", message, hint="Update this server.")
        missing = {number: sql for number, sql in steps.items() if number > version}
        for number, sql in missing.items():
            await connection.execute(sql.encode())
            await connection.execute("INSERT INTO schema_steps (number) VALUES (%s)", (number,))
        return len(missing)


async def read_database_id(database: Database) -> str:
    """By what a database that is up to date is told from others. Raises as `Database.transact`."""
    row = await database.fetch_one("SELECT id FROM database_identity")
    if row is None:
        raise ShopError("not_configured", "The database does not know its own id.", hint="Restore it whole.")
    return str(row[0])


async def _read_version(connection: Connection) -> int:
    row = await (await connection.execute("SELECT coalesce(max(number), 0) FROM schema_steps")).fetchone()
    return int(row[0]) if row is not None else 0
