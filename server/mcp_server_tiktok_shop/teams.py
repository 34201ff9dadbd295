"""A server for teams: state in PostgreSQL, rates in Redis, and for each tenant that is asked for an app of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from mcp_server_tiktok_shop.app import REAL_RUNTIME, build_app
from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.logs import SecretRedactor
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.protocol.delivery import ImmediateDelivery
from mcp_server_tiktok_shop.protocol.server import build_server
from mcp_server_tiktok_shop.protocol.skill_extension import SkillExtension
from mcp_server_tiktok_shop.settings import DEFAULT_TENANT
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from mcp_server_tiktok_shop.state.change_notices import ChangeNotices, NoNotices
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore, index_shops, make_no_tenant_error
from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.migrations import migrate
from mcp_server_tiktok_shop.state.postgres.notification_inbox import PostgresInbox
from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
from mcp_server_tiktok_shop.state.postgres.server_secrets import reseal_token
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores, sweep_repeatedly
from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory, is_tenant_id
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
from mcp_server_tiktok_shop.state.redis.notices import RedisNotices
from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks
from mcp_server_tiktok_shop.team_notifications import TeamApps, TeamInbox, TeamNotificationWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.offer import Offer
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.server import McpServer, RequestHandlers
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import StateStores

MAX_IDLE_APPS = 64  # of tenants that nobody asks for just now; each is some 15 kB, and its connections


@dataclass(frozen=True, slots=True)
class TeamState:
    """What all tenants of a process have in common. `settings` are the operator's, for every tenant."""

    settings: Settings
    database: Database
    cipher: ValueCipher
    redis: RedisRateMarks | None
    notices: ChangeNotices
    locks: ReplicaLocks
    runtime: Runtime
    catalog: Catalog

    def make_app(self, tenant_id: str, metrics: Metrics = NO_METRICS) -> App:
        """The app of a tenant; of its accounts nothing was read yet, see `AccountStore.refresh`."""
        return build_app(
            self._get_settings(tenant_id),
            runtime=self.runtime,
            catalog=self.catalog,
            metrics=metrics,
            stores=self.make_stores(tenant_id),
        )

    def make_stores(self, tenant_id: str) -> StateStores:
        """The stores of a tenant, without a look whether there is one."""
        rate_marks = self.redis or InMemoryRateMarks(self.runtime.monotonic)
        return make_postgres_stores(
            self.database, self.cipher, tenant_id, rate_marks, self.runtime.clock, self.notices, self.locks
        )

    def _get_settings(self, tenant_id: str) -> Settings:
        """The tokens and the files of the environment are the default tenant's alone."""
        if tenant_id == DEFAULT_TENANT:
            return self.settings
        home = self.settings.home_folder.get_tenant_home(tenant_id).root
        nothing = SecretStr("")
        return replace(self.settings, home=home, files=None, access_token=nothing, refresh_token=nothing)

    @property
    def directory(self) -> TenantDirectory:
        return TenantDirectory(self.database)

    async def reseal(self) -> int:
        """Seal all secrets with the key in force; answers of how many tenants something was sealed with another.

        Raises:
            ShopError: As `ValueCipher.unseal`, and where the database can't be used.

        """
        await reseal_token(self.database, self.cipher)
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
    redis = notices = None
    if settings.redis:
        redis = RedisRateMarks(settings.redis, settings.redis_password, runtime.clock, runtime.monotonic)
        notices = RedisNotices(settings.redis, settings.redis_password, runtime.monotonic)
        notices.start()
    await database.open()
    sweeper = asyncio.create_task(sweep_repeatedly(database))
    try:
        await migrate(database)
        await index_shops(database, cipher)
        state = TeamState(
            settings, database, cipher, redis, notices or NoNotices(), locks, runtime, catalog or Catalog()
        )
        await state.directory.add(DEFAULT_TENANT)
        yield state
    finally:
        sweeper.cancel()
        await asyncio.wait([sweeper])
        for connection in (redis, notices):
            if connection is not None:
                await connection.close()
        await locks.close()
        await database.close()


@dataclass(slots=True)
class TenantApp:
    """The app of one tenant, and how many requests it is answering."""

    app: App
    handlers: RequestHandlers
    request_count: int = 0


@dataclass(slots=True)
class TenantApps:
    """The apps of the tenants that were asked for of late: made when first asked for, closed when long idle.

    A request that names no tenant is for `settings.tenant`. `token` is the one that clients bear.
    """

    state: TeamState
    token: str = field(repr=False)
    metrics: Metrics = NO_METRICS
    access_log: AccessLog | None = None
    offer: Offer = field(init=False)
    _apps: dict[str, TenantApp] = field(default_factory=dict)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _own_guard: OutgoingGuard = field(init=False)
    _notification_worker: TeamNotificationWorker | None = None

    def __post_init__(self) -> None:
        secrets = SecretRedactor()
        secrets.register_secrets(*self.state.settings.collect_secrets(), self.token)
        self._own_guard = OutgoingGuard(secrets, self.state.settings.buyer_data)
        self.offer = build_offer(self.state.settings, self.state.catalog)

    @asynccontextmanager
    async def open(self, tenant_id: str | None) -> AsyncIterator[RequestHandlers]:
        """What answers a tenant's request, with its accounts as they are now, whichever replica changed them last.

        Raises:
            ShopError: `not_permitted` where there is no such tenant; `not_configured` where that can't be found out.

        """
        async with self._use(tenant_id or self.state.settings.tenant) as tenant_app:
            yield tenant_app.handlers

    @asynccontextmanager
    async def open_app(self, tenant_id: str) -> AsyncIterator[App]:
        """The app of a tenant, for what nobody asked for. Raises as `open`."""
        async with self._use(tenant_id) as tenant_app:
            yield tenant_app.app

    def open_inbox(self) -> TeamInbox:
        """Where notifications of all tenants go; from now on they are followed up until this is closed."""
        settings, database, runtime = self.state.settings, self.state.database, self.state.runtime
        own_app = PartnerApp.from_texts(settings.app_key, settings.app_secret)
        store = PostgresInbox(database, runtime.clock)
        worker = TeamNotificationWorker(store, self.state.locks, self.open_app, runtime.monotonic)
        worker.start()
        self._notification_worker = worker
        team_apps = TeamApps(database, self.state.cipher, own_app, runtime.monotonic)
        return TeamInbox(team_apps, store, self.state.notices, runtime.clock, worker.wake)

    @asynccontextmanager
    async def _use(self, tenant_id: str) -> AsyncIterator[TenantApp]:
        """Raises as `open`."""
        if not is_tenant_id(tenant_id):
            raise make_no_tenant_error(tenant_id)
        tenant_app = self._apps.pop(tenant_id, None) or self._make(tenant_id)
        self._apps[tenant_id] = tenant_app  # the last one asked for stands last
        tenant_app.request_count += 1
        try:
            await tenant_app.app.store.refresh()
            yield tenant_app
        finally:
            tenant_app.request_count -= 1
            self._close_idle()

    def build_server(self, access_log: AccessLog | None = None) -> McpServer:
        """The MCP server for all tenants, which closes their apps at its end."""
        self.access_log = access_log
        settings, operations = self.state.settings, self.offer.operations
        introduction = self.offer.introduce(settings, self._own_guard, list_shop=settings.shop is None)
        skill_extension = SkillExtension(operations, self._own_guard)
        return build_server(introduction, self, operations, skill_extension, self._own_guard, self.close)

    def guard_log_text(self, text: str) -> str:
        """A text without the secrets of the operator and of every tenant that is being served."""
        for guard in self._list_guards():
            text = guard.guard_log_text(text)
        return text

    def guard_traceback(self, text: str) -> str:
        for guard in self._list_guards():
            text = guard.guard_traceback(text)
        return text

    async def close(self) -> None:
        """Finish what is being stored, for every tenant."""
        if self._notification_worker is not None:
            await self._notification_worker.close()
        while self._apps:
            self._start_closing(next(iter(self._apps)))
        if self._closing:
            await asyncio.wait(self._closing)

    def _make(self, tenant_id: str) -> TenantApp:
        app = self.state.make_app(tenant_id, self.metrics)
        app.secrets.register_secrets(self.token)
        return TenantApp(app, app.make_handlers(ImmediateDelivery(), self.access_log))

    def _list_guards(self) -> list[OutgoingGuard]:
        return [self._own_guard, *(tenant_app.app.guard for tenant_app in self._apps.values())]

    def _close_idle(self) -> None:
        idle = [tenant_id for tenant_id, tenant_app in self._apps.items() if tenant_app.request_count == 0]
        for tenant_id in idle[: max(0, len(idle) - MAX_IDLE_APPS)]:
            self._start_closing(tenant_id)

    def _start_closing(self, tenant_id: str) -> None:
        task = asyncio.create_task(self._apps.pop(tenant_id).app.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
