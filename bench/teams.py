"""Measures a replica with PostgreSQL and access tokens beside the SDK's bare server over HTTP, in turn in one run."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import statistics
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from scripts.team.identity_provider import AUDIENCE, IdentityProvider, run_provider
from scripts.team.replicas import ROOT, ReplicaProcess, make_variables, run_replica
from scripts.team.services import find_free_port, run_postgres

from bench.client import OUR_COMMAND, PAGE_CALL, BenchmarkError, ServerCommand, read_memory_mb
from bench.http_load import encode_call, run_load
from bench.rows import Row, make_row
from bench.runs import PairedSamples, measure_first_call
from bench.stand_in import SHOP
from mcp_server_tiktok_shop.protocol.address import MCP_PATH
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.accounts import Account
from mcp_server_tiktok_shop.teams.team_state import TeamState, open_team_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

MAX_IN_FLIGHT = 64
TENANT_CLAIM = "org"
TENANTS = 1000
CALLS_PER_ROUND, ROUNDS = 640, 6
MEMORY_CALLS = 3 * TENANTS
MEMORY_IN_FLIGHT = 8  # as many as one tenant may have: with more of them more work would be under way
STARTS = 7


@dataclass(slots=True)
class TeamSamples:
    """What calls over HTTP cost, beside the bare server's."""

    rate: PairedSamples = field(default_factory=PairedSamples)
    cpu_ms: PairedSamples = field(default_factory=PairedSamples)
    p50_ms: PairedSamples = field(default_factory=PairedSamples)
    p99_ms: PairedSamples = field(default_factory=PairedSamples)


def name_tenant(number: int) -> str:
    return f"tenant-{number}"


async def add_tenants(variables: Mapping[str, str], count: int) -> None:
    """Tenants, each with an account of its own."""
    async with open_team_state(read_settings(variables)) as state:
        for number in range(count):
            await add_tenant(state, name_tenant(number), f"seller-{number}")


async def add_tenant(state: TeamState, tenant_id: str, account_id: str) -> None:
    await state.directory.add(tenant_id)
    app_key = state.settings.app_key
    async with state.make_stores(tenant_id).accounts.edit() as transaction:
        token = SecretStr(f"ROW_{secrets.token_hex(20)}")
        transaction.accounts[account_id] = Account(id=account_id, app_key=app_key, access_token=token)
        await transaction.save()


@asynccontextmanager
async def run_bare(platform_url: str, provider: IdentityProvider) -> AsyncIterator[ReplicaProcess]:
    """The bare server, from when it answers."""
    port = find_free_port()
    own = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    keys = {"TIKTOK_SHOP_API_URL": platform_url, "BENCH_SHOP_CIPHER": SHOP["cipher"]}
    keys |= {f"TIKTOK_SHOP_{name}": secrets.token_hex(16) for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")}
    own |= keys | {"BENCH_ISSUER": provider.issuer, "BENCH_AUDIENCE": AUDIENCE, "BENCH_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare_http", cwd=ROOT, env=own)
    try:
        await _wait_for_port(port)
        yield ReplicaProcess(port, process)
    finally:
        process.kill()
        await process.wait()


async def _wait_for_port(port: int) -> None:
    for _ in range(1000):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise BenchmarkError("the bare server did not start")


async def measure_load(ours: ReplicaProcess, bare: ReplicaProcess, token: str, round_count: int) -> TeamSamples:
    """Call both servers in turn, with `MAX_IN_FLIGHT` calls at any time."""
    samples = TeamSamples()
    for number in range(-1, round_count):  # the first warms up
        for server in (ours, bare) if number % 2 else (bare, ours):
            requests = [encode_call(server.port, token, PAGE_CALL)] * CALLS_PER_ROUND
            load = await run_load(server.port, server.process.pid, requests, MAX_IN_FLIGHT)
            if number < 0:
                continue
            side = "ours" if server is ours else "bare"
            getattr(samples.rate, side).append(load.rate)
            getattr(samples.cpu_ms, side).append(load.cpu_ms)
            getattr(samples.p50_ms, side).append(statistics.median(load.latencies_ms))
            getattr(samples.p99_ms, side).append(statistics.quantiles(load.latencies_ms, n=100)[-1])
    return samples


async def measure_memory(variables: Mapping[str, str], tokens: Sequence[str]) -> float:
    """Megabytes of a replica that answered the same number of calls, each bearing the next of the tokens."""
    async with run_replica(variables) as replica:
        requests = [encode_call(replica.port, tokens[call % len(tokens)], PAGE_CALL) for call in range(MEMORY_CALLS)]
        await run_load(replica.port, replica.process.pid, requests, MEMORY_IN_FLIGHT)
        memory_mb = read_memory_mb(replica.process.pid)
    if memory_mb is None:
        raise BenchmarkError("this system does not tell what a process takes of memory")
    return memory_mb


async def measure_starts(variables: Mapping[str, str], stdio: ServerCommand, round_count: int) -> PairedSamples:
    """Milliseconds until a replica is ready, beside those until a server on standard input answered its first call."""
    samples = PairedSamples()
    for _ in range(round_count):
        samples.bare.append(await asyncio.to_thread(measure_first_call, stdio))
        start_time = time.perf_counter()
        async with run_replica(variables):
            samples.ours.append((time.perf_counter() - start_time) * 1000)
    return samples


def measure(platform_url: str, home: Path, *, is_quick: bool) -> list[Row]:
    """All rows against the platform at `platform_url`.

    Raises:
        BenchmarkError: A server did not answer as it should.
        ServiceError: PostgreSQL or a server is not there, or did not start.

    """
    with run_postgres() as postgres:
        return asyncio.run(_measure(platform_url, home, postgres.make_database(), is_quick=is_quick))


async def _measure(platform_url: str, home: Path, database_url: str, *, is_quick: bool) -> list[Row]:
    async with run_provider(audience=AUDIENCE) as provider:
        settings = {
            "home": str(home),
            "api_url": platform_url,
            "auth_url": platform_url,
            "app_key": secrets.token_hex(8),
            "app_secret": secrets.token_hex(16),
        }
        stdio_variables = make_variables(settings | {"access_token": f"ROW_{secrets.token_hex(20)}"})
        stdio = ServerCommand("our server on standard input", OUR_COMMAND, stdio_variables, home)
        variables = make_variables(
            settings
            | {
                "database": database_url,
                "database_key": base64.b64encode(secrets.token_bytes(32)).decode(),
                "http_issuer": provider.issuer,
                "http_url": AUDIENCE.removesuffix(MCP_PATH),
                "http_tenant_claim": TENANT_CLAIM,
            }
        )
        tenant_count = TENANTS // 10 if is_quick else TENANTS
        await add_tenants(variables, tenant_count)
        tokens = [sign_token(provider, name_tenant(number)) for number in range(tenant_count)]
        async with run_replica(variables) as ours, run_bare(platform_url, provider) as bare:
            load = await measure_load(ours, bare, tokens[0], 2 if is_quick else ROUNDS)
        starts = await measure_starts(variables, stdio, 2 if is_quick else STARTS)
        memory = PairedSamples([await measure_memory(variables, tokens)], [await measure_memory(variables, tokens[:1])])
    return [
        make_row(f"calls a second, {MAX_IN_FLIGHT} in flight", load.rate, min_ratio=0.7),
        make_row("  processor for a call, ms", load.cpu_ms),
        make_row("  p50 ms", load.p50_ms),
        make_row("  p99 ms", load.p99_ms),
        make_row("ready, over stdio's first call answered, ms", starts, max_ratio=1.3),
        make_row(f"memory with {tenant_count} tenants, over 1, MB", memory, max_ratio=1.1),
    ]


def sign_token(provider: IdentityProvider, tenant_id: str) -> str:
    claims: dict[str, Any] = {TENANT_CLAIM: tenant_id, "scope": "shop:read shop:write"}
    return provider.sign("RS256", **claims)
