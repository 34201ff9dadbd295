"""What all tenants of a process share: the database, its key, the rates, and how a tenant's app is made."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from mcp_server_tiktok_shop.app import REAL_RUNTIME, build_app
from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.settings import DEFAULT_TENANT
from mcp_server_tiktok_shop.state.change_notices import ChangeNotices, NoNotices
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore, index_shops
from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.expiring_records import reseal_records
from mcp_server_tiktok_shop.state.postgres.migrations import migrate, read_database_id
from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
from mcp_server_tiktok_shop.state.postgres.results import reseal_results
from mcp_server_tiktok_shop.state.postgres.server_secrets import reseal_token
from mcp_server_tiktok_shop.state.postgres.shared_copies import reseal_blocks
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores, sweep_repeatedly
from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
from mcp_server_tiktok_shop.teams.tenant_settings import ensure_stricter, overlay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks
    from mcp_server_tiktok_shop.state.stores import RateMarkStore, StateStores

MAX_PLATFORM_CONNECTIONS = 256  # of all tenants together, whose calls take turns on them


class TeamState(Struct, frozen=True):
    """What all tenants of a process have in common. `settings` are the operator's, for every tenant."""

    settings: Settings
    database: Database
    database_id: str
    cipher: ValueCipher
    redis: RedisRateMarks | None
    notices: ChangeNotices
    locks: ReplicaLocks
    runtime: Runtime
    catalog: Catalog
    answer_plans: AnswerPlans
    transport: HttpTransport
    rate_marks: RateMarkStore
    snapshot_workers: SnapshotWorkers

    async def open_app(self, tenant_id: str) -> App:
        """The app of a tenant, with its accounts.

        Raises:
            ShopError: As `make_app`, `TenantDirectory.read` and `PostgresAccountStore.follow`.

        """
        state = await self.directory.read(tenant_id)
        accounts = self.make_accounts(tenant_id)
        app = self.make_app(tenant_id, state.settings, accounts)
        await accounts.follow(state.accounts_revision)
        return app

    def make_app(
        self, tenant_id: str, texts: Mapping[str, str], accounts: PostgresAccountStore, metrics: Metrics = NO_METRICS
    ) -> App:
        """The app of a tenant with these texts of settings of its own.

        Raises:
            ShopError: `not_configured` where the texts can't be followed.

        """
        try:
            return build_app(
                overlay(self._get_settings(tenant_id), texts),
                runtime=self.runtime,
                catalog=self.catalog,
                answer_plans=self.answer_plans,
                transport=self.transport.share_pool(),
                metrics=metrics,
                stores=replace(self.make_stores(tenant_id), accounts=accounts),
                snapshot_workers=self.snapshot_workers,
            )
        except SettingsError as error:
            message = f"The settings of tenant {tenant_id} can't be followed: {error}."
            raise ShopError("not_configured", message, hint=f"`tenant set {tenant_id}` mends them.") from None

    def make_accounts(self, tenant_id: str) -> PostgresAccountStore:
        return PostgresAccountStore(self.database, self.cipher, tenant_id)

    def make_stores(self, tenant_id: str) -> StateStores:
        """The stores of a tenant, without a look whether there is one."""
        return make_postgres_stores(
            self.database,
            self.cipher,
            tenant_id,
            self.rate_marks,
            self.runtime.clock,
            self.notices,
            self.locks,
            self.database_id,
        )

    def _get_settings(self, tenant_id: str) -> Settings:
        """The tokens and the files of the environment are the default tenant's alone."""
        if tenant_id == DEFAULT_TENANT:
            return replace(self.settings, tenant=tenant_id)
        home = self.settings.home_folder.get_tenant_home(tenant_id).root
        nothing = SecretStr("")
        return replace(
            self.settings, tenant=tenant_id, home=home, files=None, access_token=nothing, refresh_token=nothing
        )

    def ensure_followable(self, tenant_id: str, texts: Mapping[str, str]) -> None:
        """Go on only where a tenant's settings can be followed, and none asks for more than the operator's.

        Raises:
            SettingsError: Why not.

        """
        settings = self._get_settings(tenant_id)
        ensure_stricter(settings, texts)
        build_offer(overlay(settings, texts), self.catalog)

    @property
    def directory(self) -> TenantDirectory:
        return TenantDirectory(self.database)

    async def reseal(self) -> int:
        """Seal all secrets with the key in force; answers of how many tenants something was sealed with another.

        Raises:
            ShopError: As `ValueCipher.unseal`, and where the database can't be used.

        """
        await reseal_token(self.database, self.cipher)
        await reseal_records(self.database, self.cipher)
        await reseal_results(self.database, self.cipher)
        await reseal_blocks(self.database, self.cipher)
        tenants = await self.directory.list_all()
        return sum([await PostgresAccountStore(self.database, self.cipher, t.id).reseal() for t in tenants])

    async def find_redis_fault(self) -> str:
        """Why the rates are not shared now; empty where they are, or are not meant to be."""
        if self.redis is None or await self.redis.is_reachable():
            return ""
        return "Redis does not answer: this server keeps to its share of the rates by itself."


@asynccontextmanager
async def open_team_state(
    settings: Settings, runtime: Runtime = REAL_RUNTIME, catalog: Catalog | None = None
) -> AsyncIterator[TeamState]:
    """The state of a database, with the schema of this version and the default tenant in it.

    Raises:
        SettingsError: The key of the database is missing, or is none.
        ShopError: The database can't be used.

    """
    cipher = ValueCipher.from_setting(settings.database_key)
    database = Database(settings.database, settings.database_password)
    locks = ReplicaLocks(database.conninfo)
    redis: RedisRateMarks | None = None
    notices: ChangeNotices = NoNotices()
    transport = HttpTransport(
        proxy=settings.proxy, loopback=settings.is_loopback, max_connections=MAX_PLATFORM_CONNECTIONS
    )
    workers = SnapshotWorkers()
    await database.open()
    sweeper = asyncio.create_task(sweep_repeatedly(database))
    try:
        await migrate(database)
        await locks.ensure_sessions(database)
        await index_shops(database, cipher)
        database_id = await read_database_id(database)
        if settings.redis:
            from mcp_server_tiktok_shop.state.redis.notices import RedisNotices  # noqa: PLC0415 - where it is wanted
            from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks  # noqa: PLC0415

            redis = RedisRateMarks(settings.redis, settings.redis_password, runtime.clock, runtime.monotonic)
            notices = RedisNotices(settings.redis, settings.redis_password, runtime.monotonic, database_id)
        catalog = catalog or Catalog()
        rate_marks = redis or InMemoryRateMarks(runtime.monotonic)
        plans = AnswerPlans(catalog)
        state = TeamState(
            *(settings, database, database_id, cipher, redis, notices, locks, runtime, catalog, plans, transport),
            *(rate_marks, workers),
        )
        await state.directory.add(DEFAULT_TENANT)
        yield state
    finally:
        sweeper.cancel()
        await asyncio.wait([sweeper])
        workers.close()
        for connection in (transport, redis, notices, locks, database):
            if connection is not None:
                await connection.close()
