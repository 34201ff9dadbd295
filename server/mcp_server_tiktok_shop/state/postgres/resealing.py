"""Re-encrypts rows with the current key, batch by batch, so that a replaced key can be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.state.postgres.database import Database

Statement = tuple[bytes, tuple[Any, ...]]  # with its values


async def reseal_rows(
    database: Database, select: str, key: str, rows_at_once: int, make_statement: Callable[..., Statement]
) -> None:
    """Write each row anew that `select` finds by `key` and a number of rows, until it finds no more.

    `make_statement` is given the columns of a row, and says what is to be done with it: sealed anew, select finds it no
    longer. Raises as `Database.transact`, and what that raises.
    """
    while True:
        async with database.transact() as connection:
            rows = await (await connection.execute(select.encode(), (key, rows_at_once))).fetchall()
            for row in rows:
                await connection.execute(*make_statement(*row))
        if len(rows) < rows_at_once:
            return
