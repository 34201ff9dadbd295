"""The account store of a tenant in PostgreSQL: secrets encrypted, changes made under a row lock."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp, StoredAccounts
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValuePlace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.state.postgres.database import Connection, Database
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
    from mcp_server_tiktok_shop.state.stores import AccountTransaction

RENEWAL_LOCK_TIMEOUT_S = 40  # longer than the longest renewal that another replica may be in
SEALED_FIELDS = ("access_token", "refresh_token", "shops", "assets", "proxy")  # shops and assets hold ciphers
MAX_SHOWN_ID_CHARS = 80
APP_OWNER = ""  # in place of an account's id
SET_TIMEOUTS = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
SELECT_STATE = """
SELECT tenants.revision, apps.public, apps.key_id, apps.secret
FROM tenants LEFT JOIN apps ON apps.tenant_id = tenants.id WHERE tenants.id = %s
"""
SELECT_ACCOUNTS = f"SELECT id, public, key_id, {', '.join(SEALED_FIELDS)} FROM accounts WHERE tenant_id = %s"
UPSERT_APP = """
INSERT INTO apps (tenant_id, public, key_id, secret) VALUES (%s, %s, %s, %s) ON CONFLICT (tenant_id)
DO UPDATE SET public = excluded.public, key_id = excluded.key_id, secret = excluded.secret
"""
UPSERT_ACCOUNT = f"""
INSERT INTO accounts (tenant_id, id, public, key_id, shop_ids, {", ".join(SEALED_FIELDS)})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, id)
DO UPDATE SET public = excluded.public, key_id = excluded.key_id, shop_ids = excluded.shop_ids,
    {", ".join(f"{name} = excluded.{name}" for name in SEALED_FIELDS)}
"""
SELECT_UNKNOWN_SHOPS = "SELECT tenant_id, id, key_id, shops FROM accounts WHERE shop_ids IS NULL"
SET_SHOP_IDS = "UPDATE accounts SET shop_ids = %s WHERE tenant_id = %s AND id = %s AND shop_ids IS NULL AND shops = %s"

log = logging.getLogger(__name__)


class LoadedAccounts(Struct, frozen=True):
    """What lay in the database at a revision; -1 where nothing was read. `key_ids` are by account, the app's by ""."""

    revision: int = -1
    contents: StoredAccounts = field(default_factory=StoredAccounts)
    key_ids: dict[str, str] = field(default_factory=dict)


class PostgresAccountStore:
    """The app and accounts of one tenant. `read` answers what `refresh` found last."""

    def __init__(self, database: Database, cipher: ValueCipher, tenant_id: str) -> None:
        self._database = database
        self._cipher = cipher
        self._tenant_id = tenant_id
        self._loaded = LoadedAccounts()

    def read(self) -> StoredAccounts:
        return self._loaded.contents

    async def refresh(self) -> None:
        """Read what lies in the database, where that has changed since it was read.

        Raises:
            ShopError: `not_permitted` where there is no such tenant; else as `Database.transact`, and where something
                can't be unsealed.

        """
        row = await self._database.tenant_rows.find(self._tenant_id)
        if row is None:
            raise make_no_tenant_error(self._tenant_id)
        await self.follow(row[0])

    async def follow(self, revision: int) -> None:
        """Read what lies in the database, where that has another revision than what was read. Raises as `refresh`."""
        if revision != self._loaded.revision:
            async with self._database.transact() as connection:
                await self._load(connection)

    async def check_writable(self) -> None:
        async with self.edit() as transaction:
            await transaction.save()

    async def reseal(self) -> bool:
        """Seal what is sealed with a former key with the one in force; whether there was anything."""
        async with self._edit() as transaction:
            is_old = any(key_id != self._cipher.key_id for key_id in transaction.loaded.key_ids.values())
            if is_old:
                await transaction.save()
            return is_old

    def edit(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """The contents while this transaction has the tenant's row of locks, which goes with its connection.

        What is saved meanwhile is stored at once by transactions of its own: a token must be there before it is used.
        """
        return self._edit()

    @asynccontextmanager
    async def _edit(self) -> AsyncIterator[_PostgresTransaction]:
        async with self._database.hold() as connection:
            await connection.execute(SET_TIMEOUTS, (f"{RENEWAL_LOCK_TIMEOUT_S}s",) * 2)
            lock = "SELECT 1 FROM account_locks WHERE tenant_id = %s FOR UPDATE"
            if await (await connection.execute(lock, (self._tenant_id,))).fetchone() is None:
                raise make_no_tenant_error(self._tenant_id)
            loaded = await self._load(connection)
            yield _PostgresTransaction(loaded.contents.app, dict(loaded.contents.accounts), loaded, self)

    async def _load(self, connection: Connection) -> LoadedAccounts:
        row = await (await connection.execute(SELECT_STATE, (self._tenant_id,))).fetchone()
        if row is None:
            raise make_no_tenant_error(self._tenant_id)
        revision, app_public, app_key_id, secret = row
        if revision == self._loaded.revision:  # the same object for as long as nothing changed
            return self._loaded
        app, key_ids = None, {}
        if app_public is not None:
            app = _unseal_app(self._cipher, self._tenant_id, app_public, app_key_id, secret)
            key_ids[APP_OWNER] = app_key_id
        accounts: dict[str, Account] = {}
        for account_id, public, key_id, *sealed in await (
            await connection.execute(SELECT_ACCOUNTS.encode(), (self._tenant_id,))
        ).fetchall():
            accounts[account_id] = self._unseal_account(account_id, public, key_id, sealed)
            key_ids[account_id] = key_id
        return self._keep(LoadedAccounts(revision, StoredAccounts(app, accounts), key_ids))

    def _keep(self, loaded: LoadedAccounts) -> LoadedAccounts:
        """What is read from now on, but for something newer that came meanwhile."""
        if loaded.revision > self._loaded.revision:
            self._loaded = loaded
        return loaded

    async def save(self, loaded: LoadedAccounts, contents: StoredAccounts) -> LoadedAccounts:
        """Store what differs from what was read; only for one who has the lock.

        Raises:
            ShopError: `internal`, retryable, where the lock was lost and another replica was faster; else as
                `Database.transact`.

        """
        app, key_id = contents.app, self._cipher.key_id
        async with self._database.transact() as connection:
            bump = "UPDATE tenants SET revision = revision + 1 WHERE id = %s AND revision = %s RETURNING revision"
            row = await (await connection.execute(bump, (self._tenant_id, loaded.revision))).fetchone()
            if row is None:
                message = "Another replica has changed the accounts in the meantime: nothing was stored."
                raise ShopError("internal", message, hint="Try again.", retryable=True)
            if app is not None and (app != loaded.contents.app or loaded.key_ids.get(APP_OWNER) != key_id):
                secret = self._cipher.seal(app.secret.get_secret_value(), self._get_place(APP_OWNER, "secret"))
                public = json.dumps(app.model_dump(mode="json", exclude={"secret"}))
                await connection.execute(UPSERT_APP, (self._tenant_id, public, key_id, secret))
            if app is None:
                await connection.execute("DELETE FROM apps WHERE tenant_id = %s", (self._tenant_id,))
            for account in contents.accounts.values():
                if account != loaded.contents.accounts.get(account.id) or loaded.key_ids[account.id] != key_id:
                    await connection.execute(UPSERT_ACCOUNT.encode(), self._seal_account(account))
            removed = [account_id for account_id in loaded.contents.accounts if account_id not in contents.accounts]
            if removed:
                delete = "DELETE FROM accounts WHERE tenant_id = %s AND id = any(%s)"
                await connection.execute(delete, (self._tenant_id, removed))
        owners = [*contents.accounts, *([APP_OWNER] if app is not None else [])]
        return self._keep(LoadedAccounts(row[0], contents, dict.fromkeys(owners, key_id)))

    def _seal_account(self, account: Account) -> tuple[Any, ...]:
        data = account.model_dump(mode="json")
        shop_ids = None if account.shops is None else [shop.id for shop in account.shops]
        sealed = [
            self._cipher.seal(json.dumps(data.pop(name)), self._get_place(account.id, name)) for name in SEALED_FIELDS
        ]
        return (self._tenant_id, account.id, json.dumps(data), self._cipher.key_id, shop_ids, *sealed)

    def _unseal_account(self, account_id: str, public: str, key_id: str, sealed: list[bytes]) -> Account:
        data = json.loads(public)
        for name, value in zip(SEALED_FIELDS, sealed, strict=True):
            data[name] = json.loads(self._cipher.unseal(value, key_id, self._get_place(account_id, name)))
        return Account.model_validate(data)

    def _get_place(self, owner: str, name: str) -> ValuePlace:
        return ValuePlace(self._tenant_id, owner, name)


class _PostgresTransaction(Struct):
    app: PartnerApp | None
    accounts: dict[str, Account]
    loaded: LoadedAccounts
    store: PostgresAccountStore

    async def save(self, *, is_another_sure: bool = False) -> None:  # noqa: ARG002 - a database has room, or says so
        contents = StoredAccounts(self.app, dict(self.accounts))
        save_task = asyncio.ensure_future(self.store.save(self.loaded, contents))
        try:
            self.loaded = await asyncio.shield(save_task)
        except asyncio.CancelledError:
            await asyncio.wait([save_task])  # the lock must outlive the write
            raise


async def load_apps(database: Database, cipher: ValueCipher) -> list[PartnerApp]:
    """The apps of all tenants, each of them once. Raises ShopError as `PostgresAccountStore.refresh`."""
    rows = await database.fetch_all("SELECT tenant_id, public, key_id, secret FROM apps")
    apps = [_unseal_app(cipher, *row) for row in rows]
    return list({(app.key, app.secret.get_secret_value()): app for app in apps}.values())


async def index_shops(database: Database, cipher: ValueCipher) -> None:
    """Write down of which shops accounts are that an earlier version stored, so that they are found by these.

    Raises:
        ShopError: As `Database.transact`.

    """
    for tenant_id, account_id, key_id, sealed in await database.fetch_all(SELECT_UNKNOWN_SHOPS):
        try:
            shops = json.loads(cipher.unseal(sealed, key_id, ValuePlace(tenant_id, account_id, "shops")))
        except ShopError as error:
            log.warning("the shops of an account can't be read: %s", error.message)
            continue
        if shops is not None:
            shop_ids = [shop["id"] for shop in shops]
            await database.execute(SET_SHOP_IDS, shop_ids, tenant_id, account_id, sealed)


def _unseal_app(cipher: ValueCipher, tenant_id: str, public: str, key_id: str, sealed: bytes) -> PartnerApp:
    secret = cipher.unseal(sealed, key_id, ValuePlace(tenant_id, APP_OWNER, "secret"))
    return PartnerApp.model_validate(json.loads(public) | {"secret": secret})


def make_no_tenant_error(tenant_id: str) -> ShopError:
    message = f"There is no tenant {tenant_id[:MAX_SHOWN_ID_CHARS]!r} here."
    return ShopError("not_permitted", message, hint="`tenant list` names them.")
