"""Replicas of one server over HTTP: in this process, where tests look into them, or in one that can be killed."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from scripts.team.identity_provider import AUDIENCE
from scripts.team.replicas import run_replica
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.cli.serve import open_team_webhooks
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.protocol.address import make_url
from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app
from mcp_server_tiktok_shop.protocol.oauth.resource_server import build_resource_server
from mcp_server_tiktok_shop.protocol.operating import Operating
from mcp_server_tiktok_shop.protocol.readiness import Readiness
from mcp_server_tiktok_shop.protocol.sign_in_callback import SignInCallback
from mcp_server_tiktok_shop.protocol.tenancy import attach_tenant
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.postgres.server_secrets import get_shared_token
from mcp_server_tiktok_shop.teams.team_state import TeamState, open_team_state
from mcp_server_tiktok_shop.teams.tenant_apps import TenantApps
from mcp_server_tiktok_shop.teams.tenant_sign_in import TenantSignIn
from tests.conftest import CATALOG
from tests.platform.worker import INHERITED, keys
from tests.teams.databases import KEY
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.identity_provider import IdentityProvider
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.http import Authorizer
    from mcp_server_tiktok_shop.protocol.oauth.resource_server import ResourceServer
    from mcp_server_tiktok_shop.sandbox import Sandbox

TENANT_HEADER = b"x-test-tenant"
TENANT_CLAIM = "org"


def make_environment(home: Path, database_url: str, **more: str) -> dict[str, str]:
    settings = {"home": str(home), "database": database_url, "database_key": KEY, "confirm": "none"} | more
    return {f"TIKTOK_SHOP_{name.upper()}": value for name, value in settings.items()}


def sandbox_keys(sandbox: Sandbox, url: str, account: int = 0) -> dict[str, str]:
    return keys(sandbox, url, account)


@dataclass(frozen=True)
class Replica:
    """One that is served on a port of this computer; `state` and `apps` where it runs in this process."""

    port: int
    token: str
    process: asyncio.subprocess.Process | None = None
    state: TeamState | None = None
    apps: TenantApps | None = None

    @property
    def url(self) -> str:
        return make_url("127.0.0.1", self.port)

    @asynccontextmanager
    async def connect(self, tenant: str = "", mode: str = "auto", **more: Any) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.token}"} | ({TENANT_HEADER.decode(): tenant} if tenant else {})
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http_client,
            Client(streamable_http_client(self.url, http_client=http_client), mode=mode, **more) as client,
        ):
            yield client

    async def ask_readiness(self) -> tuple[int, dict[str, Any]]:
        async with httpx2.AsyncClient() as client:
            response = await client.get(self.url.replace("/mcp", "/readyz"))
        return response.status_code, response.json()

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@dataclass(frozen=True)
class HeaderTenants:
    """Takes the tenant from a header, in the place of what checks who calls: for tests alone."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tenant = dict(scope.get("headers", ())).get(TENANT_HEADER)
        await self.app(attach_tenant(scope, tenant.decode()) if tenant else scope, receive, send)


@asynccontextmanager
async def serve_replica(home: Path, database_url: str, **more: str) -> AsyncIterator[Replica]:
    """A replica in this process, for who bears the shared token."""
    async with serve_authorized(home, database_url, more) as replica:
        yield replica


@asynccontextmanager
async def serve_authorized(
    home: Path,
    database_url: str,
    more: dict[str, str],
    authorizer: Authorizer | None = None,
    metrics: Metrics = NO_METRICS,
) -> AsyncIterator[Replica]:
    """A replica in this process, for whom the authorizer lets in."""
    settings = read_settings(make_environment(home, database_url, **more))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with open_team_state(settings, catalog=CATALOG) as state:
        token, _ = await get_shared_token(state.database, state.cipher)
        apps = TenantApps.from_state(state, token, metrics)
        readiness = Readiness({"database": state.database.find_fault}, {"redis": state.find_redis_fault})
        operating = Operating(readiness)
        webhooks = open_team_webhooks(apps, port, Output.from_settings(settings))
        callback = SignInCallback(settings.http_url, port, TenantSignIn(apps), apps.metrics)
        http_app = build_http_app(
            apps.build_server(), authorizer or SharedToken(token), port, "", operating, webhooks, callback=callback
        )
        async with run_web_server(HeaderTenants(http_app), listener):
            yield Replica(port, token, None, state, apps)


def make_provider_authorizer(
    provider: IdentityProvider, home: Path, database_url: str, more: dict[str, str]
) -> ResourceServer:
    """Lets in who signs in at the provider, for the tenant that their token names."""
    settings = read_settings(make_environment(home, database_url, **more))
    return build_resource_server(
        provider.issuer,
        "https://shops.example",
        audience=AUDIENCE,
        jwks_url="",
        tenant_claim=TENANT_CLAIM,
        proxy=None,
        operations=build_offer(settings, CATALOG).operations,
    )


@asynccontextmanager
async def serve_replicas(count: int, home: Path, database_url: str, **more: str) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serve_replica(home, database_url, **more)) for _ in range(count)]


@asynccontextmanager
async def start_replica(home: Path, database_url: str, token: str, **more: str) -> AsyncIterator[Replica]:
    """A replica as the command starts it, in a process of its own."""
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    async with run_replica(variables | make_environment(home, database_url, **more)) as replica:
        yield Replica(replica.port, token, replica.process)


@asynccontextmanager
async def serve_pair(
    home: Path, database_url: str, sandbox: Sandbox, **more: str
) -> AsyncIterator[tuple[Replica, Client, Client]]:
    """Two replicas for the first seller of a simulated shop: the first of them, and a client of each."""
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **sandbox_keys(sandbox, url) | more) as (first, second),
        first.connect() as one,
        second.connect() as other,
    ):
        yield first, one, other
