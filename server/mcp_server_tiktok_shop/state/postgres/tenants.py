"""Tenants: whose accounts and state are kept apart, as rows in PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.accounts import MAX_SHOWN_ID_CHARS, make_no_tenant_error

if TYPE_CHECKING:
    from datetime import datetime

    from mcp_server_tiktok_shop.state.postgres.database import Database

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ADD = "INSERT INTO tenants (id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
ADD_LOCK = "INSERT INTO account_locks (tenant_id) VALUES (%s)"
LIST = """
SELECT id, created_at, (SELECT count(*) FROM accounts WHERE tenant_id = tenants.id) FROM tenants ORDER BY id
"""


def is_tenant_id(text: str) -> bool:
    """Whether it can name a tenant: nothing else is looked for in the database, or kept an app for."""
    return ID_PATTERN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant, since when there is one, and how many accounts it has."""

    id: str
    created_at: datetime
    account_count: int


class TenantDirectory:
    """The tenants of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: str) -> bool:
        """Add a tenant; whether there was none of this id.

        Raises:
            ShopError: `invalid_arguments`: this can't be one; else as `Database.transact`.

        """
        if not is_tenant_id(tenant_id):
            shown_id = tenant_id[:MAX_SHOWN_ID_CHARS]
            message = f"{shown_id!r} can't name a tenant: up to 64 of a-z, 0-9, dot, dash and underscore do."
            raise ShopError("invalid_arguments", message, hint="Take another name.")
        async with self._database.transact() as connection:
            if await (await connection.execute(ADD, (tenant_id,))).fetchone() is None:
                return False
            await connection.execute(ADD_LOCK, (tenant_id,))
        return True

    async def list_all(self) -> list[Tenant]:
        return [Tenant(*row) for row in await self._database.fetch_all(LIST)]

    async def remove(self, tenant_id: str) -> None:
        """Delete a tenant with its accounts and all its state but the audit log.

        Raises:
            ShopError: `not_permitted` where there is none; else as `Database.transact`.

        """
        row = await self._database.fetch_one("DELETE FROM tenants WHERE id = %s RETURNING id", tenant_id)
        if row is None:
            raise make_no_tenant_error(tenant_id)
