"""Local copies that tests fill by hand: the tables of the records, with rows of the test's own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
from pydantic import SecretStr

from mcp_server_tiktok_shop.mirror.query import QueryRunner
from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot, TableState
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.state.accounts import Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

TABLES = TableCatalog()
WHOLE = TableState(1_790_000_000, 1_780_000_000, is_complete=True, problem="", unreadable_count=0)


def fill_copy(
    folder: Path,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    name: str = "Tea House",
    region: str = "GB",
    zone: str = "Europe/London",
) -> ShopSnapshot:
    """A copy with these rows by table; columns that a row leaves out are null."""
    path = folder / f"{name.replace(' ', '-')}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute("BEGIN")
        for table in TABLES.tables.values():
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns.values())
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
            for row in rows.get(table.name, ()):
                names = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" * len(row))
                connection.execute(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', list(row.values()))
        connection.execute("COMMIT")
    shop = Shop(id=f"id-of-{name}", name=name, region=region, cipher=SecretStr("c"))
    return ShopSnapshot(shop, ZoneInfo(zone), path, dict.fromkeys(TABLES.tables, WHOLE))


@asynccontextmanager
async def start_runner() -> AsyncIterator[QueryRunner]:
    """What runs questions, ended with the block."""
    runner = QueryRunner(TABLES)
    try:
        yield runner
    finally:
        runner.close()
