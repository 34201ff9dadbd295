"""Whose shops a caller reaches is what its access token says, and nothing that it sends beside it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from scripts.team.identity_provider import IdentityProvider, run_provider

from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.protocol.traces import TracingMetrics
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import bad, good
from tests.protocol.trace_receiver import receive_traces
from tests.teams.replicas import TENANT_CLAIM, Replica, make_provider_authorizer, sandbox_keys, serve_authorized
from tests.teams.test_replicas import put_accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.metrics import Metrics


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


async def test_a_trace_names_the_tenant_and_not_the_person(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receive_traces() as receiver:
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
