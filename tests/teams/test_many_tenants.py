"""Many tenants at once on two replicas: no answer bears another's canary, no write is done twice, no token is lost.

With SOAK set there are 1,000 of them, and 200 calls in flight for five minutes (or SOAK_SECONDS).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import statistics
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx2
from pydantic import SecretStr
from scripts.team.identity_provider import AUDIENCE, run_provider
from scripts.team.replicas import ReplicaProcess, make_variables, run_replica
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
from mcp_server_tiktok_shop.state.postgres import database
from mcp_server_tiktok_shop.state.postgres.tenant_rows import TenantRows
from mcp_server_tiktok_shop.teams.team_state import open_team_state
from tests.platform.test_tokens import RENEW, WRITE, reference
from tests.teams.databases import KEY, TENANT, open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest
    from scripts.team.services import Postgres, Redis

IS_LONG = bool(os.environ.get("SOAK"))
TENANTS, IN_FLIGHT = (1000, 200) if IS_LONG else (30, 20)
SECONDS = float(os.environ.get("SOAK_SECONDS", "300" if IS_LONG else "6"))
CANARY = re.compile(r"canary[a-z]{4}")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
EXPIRY_PAUSE_S = 0.25
CLIENT_TIMEOUT_S = 600  # so many at once take long where the machine has other work
CONTENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
# What may come of a call that is made twice at once, or of a write that is under way.
SECOND_OUTCOMES = ("already_done", "unknown_outcome")
# What a call is told that waits for too long, on a machine that is not made for so much: nothing was sent then.
BUSY_OUTCOMES = ("not_configured", "network") if IS_LONG else ()


def name_canary(number: int) -> str:
    """In letters alone: digits would be masked as a phone's."""
    return "canary" + "".join(LETTERS[number // 26**place % 26] for place in range(4))


@dataclass
class Seller:
    """A tenant, its simulated shop, and the token of somebody who belongs to it."""

    number: int
    sandbox: Sandbox
    token: str = ""
    writes: int = 0

    @property
    def tenant(self) -> str:
        return f"tenant-{self.number}"

    @property
    def canary(self) -> str:
        return name_canary(self.number)


@dataclass
class Market:
    """The simulated shops of all sellers at one address: an app's key tells whose is meant."""

    sellers: list[Seller]
    _by_app: dict[str, Seller] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_app = {seller.sandbox.app_key: seller for seller in self.sellers}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            (key,) = parse_qs(scope["query_string"].decode())["app_key"]
            await self._by_app[key].sandbox.app(scope, receive, send)


def make_seller(number: int) -> Seller:
    seller = Seller(number, Sandbox(orders=3, seed_word=f"seller-{number}"))
    for shop in seller.sandbox.accounts[0].shops:
        shop.name = f"Shop of {seller.canary}"
    for order in seller.sandbox.state.main.orders.values():
        order.buyer_message = order.seller_note = f"from {seller.canary}"
    return seller


@dataclass
class Play:
    """Calls of all sellers' people, and what came of them."""

    sellers: list[Seller]
    replicas: list[ReplicaProcess]
    draw: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    async def call(self, client: httpx2.AsyncClient, seller: Seller, name: str, arguments: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        headers = CONTENT | {"Authorization": f"Bearer {seller.token}"}
        started_at = time.perf_counter()
        response = await client.post(self.draw.choice(self.replicas).url, json=message, headers=headers)
        self.latencies_ms.append((time.perf_counter() - started_at) * 1000)
        assert response.status_code == 200, response.text
        assert set(CANARY.findall(response.text)) <= {seller.canary}, (seller.canary, response.text[:2000])
        result = response.json()["result"]
        told = json.loads(result["content"][0]["text"])
        if result.get("isError") and told["error"] in BUSY_OUTCOMES:
            assert told["retryable"], told
        elif result.get("isError"):
            assert name == WRITE, told
            assert told["error"] in SECOND_OUTCOMES, told
        elif name != WRITE:
            assert seller.canary in response.text, response.text[:2000]
        self.outcomes[f"{name}: {told.get('error', 'ok')}"] += 1

    async def work(self, client: httpx2.AsyncClient, until: float) -> None:
        while time.monotonic() < until:
            seller = self.draw.choice(self.sellers)
            kind = self.draw.random()
            if kind < 0.6:
                await self.call(client, seller, "get_order_list", {"page_size": 3, "fields": ["*"]})
            elif kind < 0.8:
                await self.call(client, seller, "list_shops", {})
            else:  # twice at once, on whichever replicas
                seller.writes += 1
                arguments = reference(seller.sandbox, f"{seller.canary}-{seller.writes}")
                await asyncio.gather(*(self.call(client, seller, WRITE, arguments) for _ in range(2)))

    async def expire_tokens(self) -> None:
        """One seller's token after the other's, so that no call meets two expiries of the same one."""
        for seller in cycle(self.sellers):
            await asyncio.sleep(EXPIRY_PAUSE_S)
            seller.sandbox.expire_access_token()

    async def play(self) -> None:
        async with httpx2.AsyncClient(
            timeout=CLIENT_TIMEOUT_S, limits=httpx2.Limits(max_connections=2 * IN_FLIGHT)
        ) as client:
            until = time.monotonic() + SECONDS
            expiring = asyncio.create_task(self.expire_tokens())
            await asyncio.gather(*(self.work(client, until) for _ in range(IN_FLIGHT)))
            expiring.cancel()
            for seller in self.sellers:  # whatever went before, the tokens that are stored are good
                await self.call(client, seller, "list_shops", {})


@asynccontextmanager
async def serve_sellers(home: Path, database_url: str, redis_url: str) -> AsyncIterator[Play]:
    sellers = [make_seller(number) for number in range(TENANTS)]
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for seller in sellers:
        seller.sandbox.base_url = url
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(run_web_server(Market(sellers), listener))
        provider = await stack.enter_async_context(run_provider())
        settings = {
            "home": str(home),
            "api_url": url,
            "auth_url": url,
            "confirm": "none",
            "database": database_url,
            "database_key": KEY,
            "redis": redis_url,
            "http_issuer": provider.issuer,
            "http_url": AUDIENCE.removesuffix("/mcp"),
            "http_tenant_claim": "org",
        }
        variables = make_variables(settings)
        async with open_team_state(read_settings(variables)) as state:
            for seller in sellers:
                claims: dict[str, Any] = {"org": seller.tenant, "exp": int(time.time() + SECONDS + 3600)}
                seller.token = provider.sign(**claims)
                await state.directory.add(seller.tenant)
                account, sandbox = seller.sandbox.accounts[0], seller.sandbox
                async with state.make_stores(seller.tenant).accounts.edit() as transaction:
                    transaction.app = PartnerApp(key=sandbox.app_key, secret=SecretStr(sandbox.app_secret))
                    transaction.accounts[account.open_id] = Account(
                        id=account.open_id,
                        app_key=sandbox.app_key,
                        access_token=SecretStr(account.access_token),
                        refresh_token=SecretStr(account.refresh_token),
                    )
                    await transaction.save()
            replicas = [await stack.enter_async_context(run_replica(variables)) for _ in range(2)]
            play = Play(sellers, replicas, random.Random(os.environ.get("SOAK_SEED", "3")))
            yield play
            for seller in sellers:
                accounts = state.make_stores(seller.tenant).accounts
                await accounts.refresh()
                (stored,) = accounts.read().accounts.values()
                newest = seller.sandbox.accounts[0]
                assert stored.refresh_token.get_secret_value() == newest.refresh_token, "a token is lost"


async def test_no_tenant_sees_anothers_shop_and_nothing_is_done_twice_or_lost(
    home: Path, database_url: str, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve_sellers(home, database_url, redis.url) as play:
        await play.play()
    renewals = 0
    for seller in play.sellers:
        ran = [entry.body for entry in seller.sandbox.log.list_entries(WRITE) if entry.ran]
        assert len(ran) == len(set(ran)), "a write was done twice"
        assert len(ran) <= seller.writes
        assert len(ran) == seller.writes or IS_LONG, "a write was not done"
        assert all(seller.canary.encode() in body for body in ran)
        renewals += len(seller.sandbox.log.list_entries(RENEW))
    assert renewals > 0
    if IS_LONG:
        quantiles = statistics.quantiles(play.latencies_ms, n=100)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{TENANTS} tenants, {IN_FLIGHT} in flight, {SECONDS:.0f} s: {dict(play.outcomes)}\n"
                f"renewals: {renewals}; p50 {quantiles[49]:.0f} ms, p99 {quantiles[98]:.0f} ms\n"
            )


# ---- the database is asked much


async def test_who_waits_for_a_busy_database_is_not_told_that_it_is_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WAIT_TIMEOUT_S", 0.3)
    async with open_database(database_url) as opened:

        async def dawdle() -> None:
            async with opened.transact():
                await asyncio.sleep(0.2)

        await asyncio.gather(*(dawdle() for _ in range(5 * database.MAX_CONNECTIONS)))


async def test_what_was_changed_before_it_is_asked_for_is_seen_by_each_who_asks(database_url: str) -> None:
    async with open_database(database_url) as opened:
        statements = 0

        async def fetch_all(query: str, *values: Any) -> list[tuple[Any, ...]]:
            nonlocal statements
            statements += 1
            return await opened.fetch_all(query, *values)

        rows = TenantRows(fetch_all)

        async def change_and_ask() -> None:
            bump = "UPDATE tenants SET revision = revision + 1 WHERE id = %s RETURNING revision"
            row = await opened.fetch_one(bump, TENANT)
            assert row is not None
            found = await rows.find(TENANT)
            assert found is not None
            assert found[0] >= row[0]

        await asyncio.gather(*(change_and_ask() for _ in range(100)))
        assert statements < 100
        statements = 0
        found = await asyncio.gather(*(rows.find(name) for name in [TENANT, "nobody"] * 50))
        assert found[1] is None
        assert len(set(found)) == 2
        assert statements <= 2


async def test_while_the_database_is_away_each_who_asks_is_told_so(database_url: str, postgres: Postgres) -> None:
    async with open_database(database_url) as opened:
        await asyncio.to_thread(postgres.stop)
        try:
            answers = await asyncio.gather(
                *(opened.tenant_rows.find(TENANT) for _ in range(20)), return_exceptions=True
            )
        finally:
            await asyncio.to_thread(postgres.start)
        errors = [answer for answer in answers if isinstance(answer, ShopError)]
        assert len(errors) == 20
        assert len(set(map(id, errors))) == 20
        assert all(error.retryable and "can't be used" in error.message for error in errors)
        assert await opened.tenant_rows.find(TENANT) is not None
