"""A server for teams: state in PostgreSQL, rates in Redis, and for each tenant that is asked for an app of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mcp_server_tiktok_shop.app import REAL_RUNTIME, build_app
from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.logs import SecretRedactor
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.protocol.client_view import ToolListing
from mcp_server_tiktok_shop.protocol.delivery import ImmediateDelivery
from mcp_server_tiktok_shop.protocol.server import build_server
from mcp_server_tiktok_shop.settings import DEFAULT_TENANT
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.expiring_records import reseal_records
from mcp_server_tiktok_shop.state.postgres.migrations import migrate
from mcp_server_tiktok_shop.state.postgres.server_secrets import reseal_token
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores, sweep_repeatedly
from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks
from mcp_server_tiktok_shop.tenant_settings import ensure_stricter, overlay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.offer import Offer
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.server import McpServer, RequestHandlers
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.postgres.tenants import TenantState
    from mcp_server_tiktok_shop.state.stores import RateMarkStore, StateStores

MAX_LISTINGS = 32  # of tools, of which most tenants have one in common; each is some hundred kB
MAX_IDLE_APPS = 64  # of tenants that nobody asks for just now; each is some 15 kB, and its connections


@dataclass(frozen=True, slots=True)
class TeamState:
    """What all tenants of a process have in common. `settings` are the operator's, for every tenant."""

    settings: Settings
    database: Database
    cipher: ValueCipher
    redis: RedisRateMarks | None
    runtime: Runtime
    catalog: Catalog
    rate_marks: RateMarkStore

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
                metrics=metrics,
                stores=replace(self.make_stores(tenant_id), accounts=accounts),
            )
        except SettingsError as error:
            message = f"The settings of tenant {tenant_id} can't be followed: {error}."
            raise ShopError("not_configured", message, hint=f"`tenant set {tenant_id}` mends them.") from None

    def make_accounts(self, tenant_id: str) -> PostgresAccountStore:
        return PostgresAccountStore(self.database, self.cipher, tenant_id)

    def make_stores(self, tenant_id: str) -> StateStores:
        """The stores of a tenant, without a look whether there is one."""
        return make_postgres_stores(self.database, self.cipher, tenant_id, self.rate_marks, self.runtime.clock)

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
    redis = None
    if settings.redis:
        redis = RedisRateMarks(settings.redis, settings.redis_password, runtime.clock, runtime.monotonic)
    await database.open()
    sweeper = asyncio.create_task(sweep_repeatedly(database))
    try:
        await migrate(database)
        rate_marks = redis or InMemoryRateMarks(runtime.monotonic)
        state = TeamState(settings, database, cipher, redis, runtime, catalog or Catalog(), rate_marks)
        await state.directory.add(DEFAULT_TENANT)
        yield state
    finally:
        sweeper.cancel()
        await asyncio.wait([sweeper])
        if redis is not None:
            await redis.close()
        await database.close()


@dataclass(slots=True)
class TenantApp:
    """The app of one tenant by one revision of its settings, and how many requests it is answering."""

    app: App
    handlers: RequestHandlers
    accounts: PostgresAccountStore
    settings_revision: int
    request_count: int = 0


@dataclass(slots=True)
class TenantApps:
    """The apps of the tenants that were asked for of late: made when first asked for, closed when long idle.

    A request that names no tenant is for `settings.tenant`. `token` is the one that clients bear. Where a tenant's
    settings have changed a new app takes the place of its old one, which ends with its last request.
    """

    state: TeamState
    token: str = field(repr=False)
    metrics: Metrics = NO_METRICS
    access_log: AccessLog | None = None
    offer: Offer = field(init=False)
    _apps: dict[str, TenantApp] = field(default_factory=dict)
    _replaced: list[TenantApp] = field(default_factory=list)
    _listings: dict[tuple[Any, ...], ToolListing] = field(default_factory=dict)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _own_guard: OutgoingGuard = field(init=False)

    def __post_init__(self) -> None:
        secrets = SecretRedactor()
        secrets.register_secrets(*self.state.settings.collect_secrets(), self.token)
        self._own_guard = OutgoingGuard(secrets, self.state.settings.buyer_data)
        self.offer = build_offer(self.state.settings, self.state.catalog)

    def __len__(self) -> int:
        return len(self._apps) + len(self._replaced)

    @asynccontextmanager
    async def open(self, tenant_id: str | None) -> AsyncIterator[RequestHandlers]:
        """What answers a tenant's request, with its accounts and settings as they are now, whoever changed them last.

        Raises:
            ShopError: `not_permitted` where there is no such tenant; `not_configured` where that can't be found out, or
                its settings can't be followed.

        """
        async with self.open_app(tenant_id or self.state.settings.tenant) as tenant_app:
            yield tenant_app.handlers

    @asynccontextmanager
    async def open_app(self, tenant_id: str) -> AsyncIterator[TenantApp]:
        """As `open`, for what is no request of an assistant's."""
        state = await self.state.directory.read(tenant_id)
        tenant_app = self._get_app(tenant_id, state)
        tenant_app.request_count += 1
        try:
            await tenant_app.accounts.follow(state.accounts_revision)
            yield tenant_app
        finally:
            tenant_app.request_count -= 1
            self._close_idle()

    def build_server(self, access_log: AccessLog | None = None) -> McpServer:
        """The MCP server for all tenants, which closes their apps at its end."""
        self.access_log = access_log
        instructions = self.offer.write_instructions(self.state.settings, self._own_guard)
        return build_server(instructions, self, self._own_guard, self.close, self.metrics, self.state.catalog)

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
        for tenant_app in [*self._apps.values(), *self._replaced]:
            self._start_closing(tenant_app)
        self._apps, self._replaced = {}, []
        if self._closing:
            await asyncio.wait(self._closing)

    def _get_app(self, tenant_id: str, state: TenantState) -> TenantApp:
        """The tenant's app by its settings as they are; the last one asked for stands last."""
        tenant_app = self._apps.get(tenant_id)
        # Of two requests the one that read first may come here last: what is newer stays.
        if tenant_app is None or tenant_app.settings_revision < state.settings_revision:
            new_app = self._make(tenant_id, state, tenant_app)
            if tenant_app is not None:
                self._replaced.append(tenant_app)
            tenant_app = new_app
        self._apps.pop(tenant_id, None)
        self._apps[tenant_id] = tenant_app
        return tenant_app

    def _make(self, tenant_id: str, state: TenantState, former: TenantApp | None) -> TenantApp:
        accounts = former.accounts if former is not None else self.state.make_accounts(tenant_id)
        app = self.state.make_app(tenant_id, state.settings, accounts, self.metrics)
        app.secrets.register_secrets(self.token)
        instructions = app.offer.write_instructions(app.settings, app.guard)
        handlers = app.make_handlers(instructions, self._get_listing(app), ImmediateDelivery(), self.access_log)
        return TenantApp(app, handlers, accounts, state.settings_revision)

    def _get_listing(self, app: App) -> ToolListing:
        """The tools that the app lists; one object for all tenants that list the same."""
        offer, list_shop = app.offer, app.settings.shop is None
        key = (offer.listed_tools, offer.operations.policy, offer.confirmation_rule)
        if key not in self._listings:
            if len(self._listings) >= MAX_LISTINGS:
                self._listings.clear()
            self._listings[key] = ToolListing(offer.list_tools(list_shop=list_shop), offer.operations)
        return self._listings[key]

    def _list_guards(self) -> list[OutgoingGuard]:
        apps = [*self._apps.values(), *self._replaced]
        return [self._own_guard, *(tenant_app.app.guard for tenant_app in apps)]

    def _close_idle(self) -> None:
        for tenant_app in [each for each in self._replaced if each.request_count == 0]:
            self._replaced.remove(tenant_app)
            self._start_closing(tenant_app)
        idle = [tenant_id for tenant_id, tenant_app in self._apps.items() if tenant_app.request_count == 0]
        for tenant_id in idle[: max(0, len(idle) - MAX_IDLE_APPS)]:
            self._start_closing(self._apps.pop(tenant_id))

    def _start_closing(self, tenant_app: TenantApp) -> None:
        task = asyncio.create_task(tenant_app.app.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
