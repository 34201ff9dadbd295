"""Tenants, whose accounts and state are kept apart, as rows in PostgreSQL."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.accounts import MAX_SHOWN_ID_CHARS, make_no_tenant_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mcp_server_tiktok_shop.state.postgres.database import Database

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ADD = "INSERT INTO tenants (id, settings) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id"
ADD_LOCK = "INSERT INTO account_locks (tenant_id) VALUES (%s)"
LIST = """
SELECT id, created_at, (SELECT count(*) FROM accounts WHERE tenant_id = tenants.id), settings FROM tenants ORDER BY id
"""
SELECT_SETTINGS = "SELECT settings FROM tenants WHERE id = %s FOR UPDATE"
UPDATE_SETTINGS = "UPDATE tenants SET settings = %s, settings_revision = settings_revision + 1 WHERE id = %s"


def is_tenant_id(text: str) -> bool:
    """Whether it can name a tenant: nothing else is looked for in the database, or kept an app for."""
    return ID_PATTERN.fullmatch(text) is not None


class Tenant(Struct, frozen=True):
    """One tenant, since when there is one, how many accounts it has, and the texts of settings of its own."""

    id: str
    created_at: datetime
    account_count: int
    settings: Mapping[str, str]


class TenantState(Struct, frozen=True):
    """By which a replica knows what of a tenant has changed: revisions of accounts and settings, and the latter."""

    accounts_revision: int
    settings_revision: int
    settings_text: str

    @property
    def settings(self) -> dict[str, str]:
        """The texts of settings of its own, by their names."""
        settings: dict[str, str] = json.loads(self.settings_text)
        return settings


class TenantDirectory:
    """The tenants of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: str, settings: Mapping[str, str] | None = None) -> bool:
        """Add a tenant, with texts of settings of its own; whether there was none of this id.

        Raises:
            ShopError: `invalid_arguments`: this can't be one; else as `Database.transact`.

        """
        if not is_tenant_id(tenant_id):
            shown_id = tenant_id[:MAX_SHOWN_ID_CHARS]
            message = f"{shown_id!r} can't name a tenant: use up to 64 of a-z, 0-9, dot, dash and underscore."
            raise ShopError("invalid_arguments", message, hint="Take another name.")
        async with self._database.transact() as connection:
            values = (tenant_id, json.dumps(dict(settings or {})))
            if await (await connection.execute(ADD, values)).fetchone() is None:
                return False
            await connection.execute(ADD_LOCK, (tenant_id,))
        return True

    async def list_all(self) -> list[Tenant]:
        rows = await self._database.fetch_all(LIST)
        return [Tenant(name, since, count, json.loads(settings)) for name, since, count, settings in rows]

    async def read(self, tenant_id: str) -> TenantState:
        """What there is of a tenant now.

        Raises:
            ShopError: `not_permitted` where there is none; else as `Database.transact`.

        """
        row = await self._database.tenant_rows.find(tenant_id) if is_tenant_id(tenant_id) else None
        if row is None:
            raise make_no_tenant_error(tenant_id)
        return TenantState(*row)

    async def change_settings(
        self, tenant_id: str, change: Callable[[dict[str, str]], dict[str, str]]
    ) -> dict[str, str]:
        """Put what `change` makes of a tenant's texts of settings in their place; answers them. Raises as `read`."""
        async with self._database.transact() as connection:
            row = await (await connection.execute(SELECT_SETTINGS, (tenant_id,))).fetchone()
            if row is None:
                raise make_no_tenant_error(tenant_id)
            settings = change(json.loads(row[0]))
            await connection.execute(UPDATE_SETTINGS, (json.dumps(settings), tenant_id))
        return settings

    async def remove(self, tenant_id: str) -> None:
        """Delete a tenant with its accounts and all its state but the audit log.

        Raises:
            ShopError: `not_permitted` where there is none; else as `Database.transact`.

        """
        row = await self._database.fetch_one("DELETE FROM tenants WHERE id = %s RETURNING id", tenant_id)
        if row is None:
            raise make_no_tenant_error(tenant_id)
