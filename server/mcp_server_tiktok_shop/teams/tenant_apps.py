"""The apps of the tenants in use, each made when it is first needed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field
from pydantic import SecretStr

from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.logs import SecretRedactor
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.protocol.client_view import CommonListings, ToolListing
from mcp_server_tiktok_shop.protocol.delivery import ImmediateDelivery
from mcp_server_tiktok_shop.protocol.server import build_server
from mcp_server_tiktok_shop.teams.notifications import TeamInbox, open_inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.offer import Offer
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.server import McpServer, RequestHandlers
    from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
    from mcp_server_tiktok_shop.state.postgres.tenants import TenantState
    from mcp_server_tiktok_shop.teams.team_state import TeamState

MAX_IDLE_APPS = 64  # of tenants that nobody asks for just now; each is some 35 kB


class TenantApp(Struct):
    """The app of one tenant by one revision of its settings, and how many requests it is answering."""

    app: App
    handlers: RequestHandlers
    accounts: PostgresAccountStore
    settings_revision: int
    request_count: int = 0


class TenantApps(Struct):
    """The apps of the tenants that were asked for of late: made when first asked for, closed when long idle.

    A request that names no tenant is for `settings.tenant`. `token` is the one that clients bear. Where a tenant's
    settings have changed a new app takes the place of its old one, which ends with its last request.
    """

    state: TeamState
    token: SecretStr
    offer: Offer
    own_guard: OutgoingGuard
    metrics: Metrics = NO_METRICS
    access_log: AccessLog | None = None
    _apps: dict[str, TenantApp] = field(default_factory=dict)
    _replaced: list[TenantApp] = field(default_factory=list)
    _listings: CommonListings = field(default_factory=CommonListings)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _inbox: TeamInbox | None = None

    @classmethod
    def from_state(
        cls, state: TeamState, token: str, metrics: Metrics = NO_METRICS, access_log: AccessLog | None = None
    ) -> TenantApps:
        secrets = SecretRedactor()
        secrets.register_secrets(*state.settings.collect_secrets(), token)
        guard = OutgoingGuard(secrets, state.settings.buyer_data)
        return cls(state, SecretStr(token), build_offer(state.settings, state.catalog), guard, metrics, access_log)

    def __len__(self) -> int:
        return len(self._apps) + len(self._replaced)

    @asynccontextmanager
    async def open(self, tenant_id: str | None) -> AsyncIterator[RequestHandlers]:
        """What answers a tenant's request, with its accounts and settings as they are now, whoever changed them last.

        Raises:
            ShopError: `not_permitted` where there is no such tenant; `not_configured` where that can't be found out, or
                its settings can't be followed.

        """
        async with self.use_app(tenant_id or self.state.settings.tenant) as tenant_app:
            yield tenant_app.handlers

    def open_inbox(self) -> TeamInbox:
        """Where notifications of all tenants go; from now on they are followed up until this is closed."""
        self._inbox = open_inbox(self.state, self.use_app, self.metrics)
        return self._inbox

    @asynccontextmanager
    async def use_app(self, tenant_id: str) -> AsyncIterator[TenantApp]:
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
        instructions = self.offer.write_instructions(self.state.settings, self.own_guard)
        return build_server(instructions, self, self.own_guard, self.close, self.metrics, self.state.catalog)

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
        if self._inbox is not None:
            await self._inbox.close()
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
        app.secrets.register_secrets(self.token.get_secret_value())
        instructions = app.offer.write_instructions(app.settings, app.guard)
        key = (app.offer.listed_tools, app.offer.operations.policy, app.offer.confirmation_rule)
        listing = self._listings.get(key, lambda: _list_tools(app))
        handlers = app.make_handlers(instructions, listing, ImmediateDelivery(), self.access_log)
        return TenantApp(app, handlers, accounts, state.settings_revision)

    def _list_guards(self) -> list[OutgoingGuard]:
        return [self.own_guard, *(each.app.guard for each in [*self._apps.values(), *self._replaced])]

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


def _list_tools(app: App) -> ToolListing:
    return ToolListing(app.offer.list_tools(list_shop=app.settings.shop is None), app.offer.operations)
