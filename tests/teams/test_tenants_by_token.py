"""Whose shops a caller reaches is what its access token says, and nothing that it sends beside it."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from scripts.team.identity_provider import SIGNERS, IdentityProvider, run_provider

from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.protocol.traces import TracingMetrics
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import bad, good
from tests.protocol.otlp_receiver import receive_otlp
from tests.protocol.test_http_malformed import read_memory_mb
from tests.protocol.test_oauth import CONTENT, encode, make_call, make_forgeries, sign
from tests.teams.replicas import TENANT_CLAIM, Replica, make_provider_authorizer, sandbox_keys, serve_authorized
from tests.teams.test_replicas import put_accounts
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.metrics import Metrics

TOKENS = 10_000 if os.environ.get("SOAK") else 800
MAX_GROWTH_MB = 16


@asynccontextmanager
async def served(
    home: Path, database_url: str, sandbox: Sandbox, metrics: Metrics = NO_METRICS
) -> AsyncIterator[tuple[Replica, IdentityProvider]]:
    """A replica for who signs in at a provider, with a tenant for each of two sellers."""
    async with run_provider() as provider, sandbox.serve() as url:
        authorizer = make_provider_authorizer(provider, home, database_url, sandbox_keys(sandbox, url))
        async with serve_authorized(home, database_url, sandbox_keys(sandbox, url), authorizer, metrics) as replica:
            for number in (0, 1):
                await put_accounts(replica, f"tenant-{number}", sandbox, number)
            yield replica, provider
        await authorizer.close()


async def test_each_caller_reaches_the_shops_of_the_tenant_that_its_token_names(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    shops = [{shop.id for shop in account.shops} for account in sandbox.accounts[:2]]
    async with served(home, database_url, sandbox) as (replica, provider):

        async def ask(number: int, person: int) -> None:
            token = provider.sign(sub=f"person-{person}", org=f"tenant-{number}")
            async with replace(replica, token=token).connect() as client:
                listed = good(await client.call_tool("list_shops", {}))["data"]["shops"]
                assert {shop["id"] for shop in listed} == shops[number]
                for foreign in shops[1 - number]:
                    assert (await client.call_tool("get_order_list", {"shop": foreign, "page_size": 1})).is_error

        await asyncio.gather(*(ask(person % 2, person) for person in range(12)))


@pytest.mark.parametrize("value", [None, "", 7, ["tenant-0"], {"id": "tenant-0"}])
async def test_a_token_that_names_no_tenant_reaches_none(home: Path, database_url: str, value: Any) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with served(home, database_url, sandbox) as (replica, provider):
        sandbox.log.clear()
        headers = {"Authorization": f"Bearer {provider.sign(org=value)}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            response = await client.post(replica.url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert response.status_code == 403
    assert TENANT_CLAIM in response.json()["error"]
    assert sandbox.log == []


@pytest.mark.parametrize("name", ["nobody", "../tenant-0", "TENANT-0", "tenant-0 ", "tenant-0\0", "\ud800", "t" * 300])
async def test_a_tenant_that_there_is_not_is_told_so(home: Path, database_url: str, name: str) -> None:
    async with (
        served(home, database_url, Sandbox(orders=20, shops=3)) as (replica, provider),
        replace(replica, token=provider.sign(org=name)).connect() as client,
    ):
        refused = bad(await client.call_tool("get_order_list", {}))
        assert refused["error"] == "not_permitted"
        assert len(refused["message"]) < 200


async def test_no_token_of_another_tenant_nor_a_forged_one_reaches_a_tenants_shops(
    home: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The shops of `tenant-1`, whose people call nobody here; with SOAK set by 10,000 tokens."""
    sandbox = Sandbox(orders=20, shops=3)
    draw = random.Random(6)
    foreign = sandbox.accounts[1].shops[0]
    statuses: Counter[int] = Counter()
    async with served(home, database_url, sandbox) as (replica, provider):
        own = provider.sign(org="tenant-0")
        head, _, signature = own.split(".")

        def sign_other() -> str:
            return provider.sign(
                org=draw.choice(["tenant-0", "nobody", "tenant-1 ", "TENANT-1", "tenant-1\0", "x" * 99])
            )

        def sign_none() -> str:
            return provider.sign(org=draw.choice([None, "", 7, ["tenant-1"], {"id": "tenant-1"}, True]))

        def change_tenant() -> str:
            return f"{head}.{encode(provider.make_claims(org='tenant-1', n=draw.random()))}.{signature}"

        def name_twice() -> str:
            claims = json.dumps(provider.make_claims(org="tenant-1"))[:-1].encode() + b', "org": "tenant-0"}'
            return sign(SIGNERS["ES256"], "ES256", "key-ES256", claims)

        forgeries = await asyncio.to_thread(make_forgeries, provider, TOKENS // 2)
        kinds = (sign_other, sign_none, change_tenant, name_twice)
        tokens = forgeries + [draw.choice(kinds)() for _ in range(TOKENS - len(forgeries))]
        draw.shuffle(tokens)
        call = make_call("get_order_list", shop=foreign.id, page_size=1, fields=["*"])
        sandbox.log.clear()
        async with httpx2.AsyncClient(headers=CONTENT, timeout=PATIENCE_S) as client:

            async def send_all(some: list[str]) -> None:
                for token in some:
                    response = await client.post(replica.url, headers={"Authorization": f"Bearer {token}"}, json=call)
                    statuses[response.status_code] += 1
                    assert response.status_code in (401, 403, 503) or response.json()["result"]["isError"], token
                    assert foreign.name not in response.text

            async def send(some: list[str]) -> None:
                await asyncio.gather(*(send_all(some[number::8]) for number in range(8)))

            await send(tokens[: TOKENS // 4])
            memory_mb = read_memory_mb()
            await send(tokens[TOKENS // 4 :])
            assert read_memory_mb() - memory_mb < MAX_GROWTH_MB
    assert set(statuses) <= {200, 401, 403, 503}
    assert min(statuses[200], statuses[401], statuses[403]) > TOKENS // 20, statuses
    secrets = {sandbox.accounts[1].access_token}
    assert not [entry for entry in sandbox.log if entry.headers.get("x-tts-access-token") in secrets]
    assert "Traceback" not in caplog.text


async def test_a_trace_names_the_tenant_and_not_the_person(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receive_otlp() as receiver:
        for name, value in receiver.variables.items():
            monkeypatch.setenv(name, value)
        tracing = TracingMetrics(NO_METRICS)
        async with served(home, database_url, Sandbox(orders=20, shops=3), tracing) as (replica, provider):
            for tenant in ("tenant-0", "tenant-1", "nobody-there"):
                token = provider.sign(sub="person-of-a-name", org=tenant)
                async with replace(replica, token=token).connect() as client:
                    await client.call_tool("list_shops", {})
        await tracing.close()
        calls = receiver.list_spans("tools/call list_shops")
    told = [(call.attributes.get("tiktok_shop.tenant"), call.attributes["tiktok_shop.outcome"]) for call in calls]
    assert told == [("tenant-0", "ok"), ("tenant-1", "ok"), (None, "not_permitted")]
    assert b"person-of-a-name" not in b"".join(receiver.bodies)
    assert b"nobody-there" not in b"".join(receiver.bodies)
