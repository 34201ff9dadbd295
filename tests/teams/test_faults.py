"""Replicas, database and Redis may go at any moment: nothing is done twice, no token is lost, calls come back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_tokens import READ, RENEW, WRITE, bad, done, good, reference
from tests.teams.replicas import Replica, sandbox_keys, serve_pair, serve_replica, serve_replicas, start_replica
from tests.teams.test_replicas import read_stored
from tests.waits import until

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.team.services import Postgres, Redis

KILLS = 40 if os.environ.get("SOAK") else 4
WRITES = 12
linux = pytest.mark.skipif(sys.platform != "linux", reason="PostgreSQL and kills as on Linux")


async def call_until_cut(replica: Replica, name: str, arguments: dict[str, Any]) -> Any:
    """The result of a call; None where its replica is killed under it."""
    try:
        async with replica.connect() as client:
            return await client.call_tool(name, arguments)
    except (MCPError, httpx2.HTTPError, ExceptionGroup):
        return None


# ---- a replica is killed


async def test_a_write_whose_replica_is_killed_is_unknown_at_the_other_and_not_sent_again(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, **sandbox_keys(sandbox, url)) as stays,
        start_replica(home, database_url, stays.token, **sandbox_keys(sandbox, url)) as goes,
    ):
        gate = sandbox.faults.hold(WRITE)
        cut = asyncio.create_task(call_until_cut(goes, WRITE, reference(sandbox)))
        await until(lambda: gate.waiting)
        await goes.kill()
        assert await cut is None
        gate.open()
        async with stays.connect() as client:
            told = bad(await client.call_tool(WRITE, reference(sandbox)))
            assert told["error"] == "unknown_outcome"
            assert bad(await client.call_tool(WRITE, reference(sandbox)))["error"] == "unknown_outcome"
            changes = good(await client.call_tool("list_changes", {}))["data"]["changes"]
    assert done(sandbox, WRITE) <= 1
    assert len(changes["rows"]) == 1
    assert changes["rows"][0][changes["columns"].index("outcome")] == "unknown"


async def test_no_write_is_done_twice_whenever_replicas_are_killed(home: Path, database_url: str) -> None:
    """Each write is asked for until somebody knows what came of it: of the killed, of those that go on."""
    sandbox = Sandbox(orders=20)
    drawn = random.Random(11)
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, **sandbox_keys(sandbox, url)) as stays,
    ):
        for kill in range(KILLS):
            work = [reference(sandbox, f"A-{kill}-{number}") for number in range(WRITES)]
            async with start_replica(home, database_url, stays.token, **sandbox_keys(sandbox, url)) as goes:
                good(await call_until_cut(goes, READ, {}))
                sandbox.faults.clear()
                sandbox.faults.add(WRITE, times=WRITES, delay=drawn.choice((0.0, 0.05)))
                calls = [asyncio.create_task(call_until_cut(goes, WRITE, arguments)) for arguments in work]
                await asyncio.sleep(drawn.uniform(0.05, 0.6))
                await goes.kill()
                first = await asyncio.gather(*calls)
            sandbox.faults.clear()
            await asyncio.sleep(0.1)  # what the dead one had sent still arrives
            await until(lambda: not sandbox.app.in_flight)
            async with stays.connect() as client:
                second = await asyncio.gather(*(client.call_tool(WRITE, arguments) for arguments in work))
            for earlier, later in zip(first, second, strict=True):
                told = reply(later)
                if earlier is not None and not earlier.is_error:
                    assert told["error"] in ("already_done", "unknown_outcome")
                assert told.get("error") in (None, "already_done", "unknown_outcome"), told
            ran = [entry.body for entry in sandbox.log.list_entries(WRITE) if entry.ran]
            assert len(ran) == len(set(ran)), "a write was done twice"


async def test_a_pair_survives_the_kill_of_the_replica_that_renews_it(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    drawn = random.Random(5)
    async with (
        sandbox.serve() as url,
        AsyncExitStack() as stack,
    ):
        settings = sandbox_keys(sandbox, url)  # the first pair tells the account, also when it was renewed
        stays = await stack.enter_async_context(serve_replica(home, database_url, **settings))
        async with stays.connect() as client:
            good(await client.call_tool(READ, {}))
        for number in range(KILLS):
            async with start_replica(home, database_url, stays.token, **settings) as goes:
                good(await call_until_cut(goes, READ, {}))
                (before,) = (await read_stored(stays)).values()
                sandbox.expire_access_token()
                sandbox.faults.add(RENEW, delay=drawn.choice((0.0, 0.05)))
                call = asyncio.create_task(call_until_cut(goes, READ, {}))
                await asyncio.sleep(drawn.uniform(0.0, 0.3))
                await goes.kill()
                await call
            await asyncio.sleep(0.1)
            await until(lambda: not sandbox.app.in_flight)
            sandbox.faults.clear()
            (account,) = (await read_stored(stays)).values()
            newest = sandbox.accounts[0].refresh_token
            is_newest = account.refresh_token.get_secret_value() == newest
            assert is_newest or account.renewing_since, f"kill {number} lost a pair and its state"
            async with stays.connect() as client:
                result = await client.call_tool(READ, {})
                if is_newest:
                    good(result)
                    continue
                told = bad(result)  # it was rotated, and the answer went with the killed one
                assert told["error"] == "signed_out"
                assert "earlier renewal" in told["message"]
                assert before.refresh_token.get_secret_value() != newest
                return


# ---- the database is restarted


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
async def test_calls_end_in_words_while_the_database_restarts_and_come_back(
    home: Path, database_url: str, postgres: Postgres, number: signal.Signals
) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **sandbox_keys(sandbox, url)) as replicas,
        AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(replica.connect()) for replica in replicas]
        for client in clients:
            good(await client.call_tool(READ, {}))
        restart = asyncio.create_task(asyncio.to_thread(postgres.restart, number))
        results = []
        for turn in range(WRITES):
            client = clients[turn % 2]
            results.append(await client.call_tool(READ, {}))
            results.append(await client.call_tool(WRITE, reference(sandbox, f"B-{turn}")))
            await asyncio.sleep(0.02)
        await restart
        for result in results:
            if result.is_error:
                told = reply(result)
                assert told["error"] in ("not_configured", "unknown_outcome"), told
                assert "Traceback" not in told["message"]
        for client in clients:
            good(await client.call_tool(READ, {}))
        for turn in range(WRITES):
            again = reply(await clients[turn % 2].call_tool(WRITE, reference(sandbox, f"B-{turn}")))
            assert again.get("error") in (None, "already_done", "unknown_outcome"), again
    ran = [entry.body for entry in sandbox.log.list_entries(WRITE) if entry.ran]
    assert len(ran) == len(set(ran)), "a write was done twice"


@linux
async def test_a_renewal_during_a_restart_of_the_database_loses_no_pair(
    home: Path, database_url: str, postgres: Postgres
) -> None:
    sandbox = Sandbox(orders=20)
    async with serve_pair(home, database_url, sandbox) as (first, one, other):
        good(await one.call_tool(READ, {}))
        sandbox.expire_access_token()
        gate = sandbox.faults.hold(RENEW)
        calls = asyncio.gather(*(one.call_tool(READ, {}) for _ in range(5)))
        await until(lambda: gate.waiting)
        await asyncio.to_thread(postgres.restart)
        gate.open()
        for result in await calls:
            assert not result.is_error or reply(result)["error"] in ("not_configured", "internal"), reply(result)

        async def read_refresh_token() -> str:
            (account,) = (await read_stored(first)).values()
            return account.refresh_token.get_secret_value()

        await until(read_refresh_token, sandbox.accounts[0].refresh_token)  # what could not be stored is tried again
        for client in (one, other):
            good(await client.call_tool(READ, {}))
        assert await read_refresh_token() == sandbox.accounts[0].refresh_token


@linux
async def test_a_replica_without_its_database_is_not_ready_and_says_why(
    home: Path, database_url: str, postgres: Postgres
) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, **sandbox_keys(sandbox, url)) as replica,
        replica.connect() as client,
    ):
        assert await replica.ask_readiness() == (200, {"status": "ready", "missing": {}})
        await asyncio.to_thread(postgres.stop)
        try:
            told = bad(await client.call_tool(READ, {}))
            await asyncio.sleep(1.1)
            status, report = await replica.ask_readiness()
        finally:
            await asyncio.to_thread(postgres.start)
        assert (told["error"], told["retryable"]) == ("not_configured", True)
        assert (status, report["status"]) == (503, "not ready")
        assert "database" in report["missing"]["database"]
        good(await client.call_tool(READ, {}))
        await until(replica.ask_readiness, (200, {"status": "ready", "missing": {}}))


# ---- Redis


async def test_while_redis_is_away_calls_go_on_and_readiness_tells(home: Path, database_url: str, redis: Redis) -> None:
    sandbox = Sandbox(orders=20)
    async with serve_pair(home, database_url, sandbox, redis=redis.url) as (first, one, other):
        good(await one.call_tool(READ, {}))
        good(await other.call_tool(READ, {}))
        assert await first.ask_readiness() == (200, {"status": "ready", "missing": {}})
        await asyncio.to_thread(redis.stop)
        for client in (one, other) * 5:
            good(await client.call_tool(READ, {}))
        await asyncio.sleep(1.1)
        status, report = await first.ask_readiness()
        assert (status, list(report["missing"])) == (200, ["redis"])
        await asyncio.to_thread(redis.start)
        good(await one.call_tool(READ, {}))
        await until(first.ask_readiness, (200, {"status": "ready", "missing": {}}))


async def test_what_one_replica_learns_of_a_rate_the_other_keeps_to(
    home: Path, database_url: str, redis: Redis
) -> None:
    sandbox = Sandbox(orders=20)
    async with serve_pair(home, database_url, sandbox, redis=redis.url) as (_first, one, other):
        good(await one.call_tool(READ, {}))
        good(await other.call_tool(READ, {}))
        sandbox.faults.add(READ, status=429, code=36009002, message="Too many requests.", retry_after=5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        throttled = asyncio.create_task(one.call_tool(READ, {}))
        await until(lambda: any(entry.status == 429 for entry in sandbox.log.list_entries(READ)))
        await asyncio.sleep(1.5)
        good(await other.call_tool(READ, {}))
        assert loop.time() - began >= 5.0
        good(await throttled)
