"""Several servers share one home, and any of them may be killed at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import READ, RENEW, bad, good, holds_newest
from tests.platform.worker import keys, started, stored, waiting
from tests.waits import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

KILLS = 200 if os.environ.get("SOAK") else 20
AT_ONCE = 4  # workers that load while others work


async def test_twenty_calls_from_four_processes_renew_an_expired_token_once(home: Path, era: str) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, AsyncExitStack() as stack:
        settings = keys(sandbox, url)
        four = await asyncio.gather(*(stack.enter_async_context(waiting()) for _ in range(3)))
        client = await stack.enter_async_context(started(home, settings, era))
        good(await client.call_tool(READ, {}))
        sandbox.expire_access_token()
        sandbox.log.clear()
        for worker in four:
            worker.begin(home, settings, [(READ, {})] * 5)
        for result in await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(5))):
            good(result)
        texts = [text for worker in four for text in (await worker.end())[0]]
    assert len(texts) == 15
    for text in texts:
        assert "data" in json.loads(text), text
    assert len(sandbox.log.list_entries(RENEW)) == 1
    assert sandbox.tokens.renewals == 1
    assert holds_newest(home, sandbox)


async def test_twenty_first_calls_from_four_processes_renew_an_expired_token_once(home: Path) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, AsyncExitStack() as stack:
        settings = keys(sandbox, url)
        four = await asyncio.gather(*(stack.enter_async_context(waiting()) for _ in range(4)))
        sandbox.expire_access_token()
        for worker in four:
            worker.begin(home, settings, [(READ, {})] * 5)
        texts = [text for worker in four for text in (await worker.end())[0]]
    for text in texts:
        assert "data" in json.loads(text), text
    assert len(sandbox.log.list_entries(RENEW)) == 1
    assert holds_newest(home, sandbox)


def begun(home: Path) -> bool:
    """Whether a renewal is under way or over, as the store tells."""
    kept = stored(home)
    return bool(kept["renewing_since"] or kept["access_token_expire_in"])


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("era", ["auto"])
async def test_a_pair_survives_a_kill_at_any_moment_of_its_renewal(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(orders=20)
    drawn = random.Random(7)
    outcomes = {"before": 0, "cut off, not rotated": 0, "cut off, rotated": 0, "after": 0}
    async with sandbox.serve() as url:
        whole = 0.15  # seconds that the work takes at most; learned from runs that came to their end
        for start in range(0, KILLS, AT_ONCE):
            async with AsyncExitStack() as stack:
                workers = await asyncio.gather(*(stack.enter_async_context(waiting()) for _ in range(AT_ONCE)))
                for number, worker in enumerate(workers, start):
                    trial = home / f"trial-{number}"
                    sandbox.tokens.issue(sandbox.accounts[0])
                    settings = keys(sandbox, url)
                    async with connect(home=trial, **settings) as client:
                        good(await client.call_tool(READ, {}))
                    before = stored(trial)["refresh_token"]
                    sandbox.expire_access_token()
                    sandbox.faults.clear()
                    sandbox.faults.add(RENEW, delay=drawn.choice((0.0, 0.02)))
                    worker.begin(trial, settings, [(READ, {})])
                    # Half of the kills where the renewal is, as its request tells; half anywhere.
                    if drawn.random() < 0.5:
                        await asyncio.sleep(drawn.uniform(0, whole))
                    else:
                        await until(lambda home=trial: begun(home), pause=0)  # type: ignore[misc]
                        await asyncio.sleep(drawn.uniform(0, 0.04))
                    await worker.kill()
                    await asyncio.sleep(0.05)  # what the dead one had sent still arrives
                    await until(lambda: not sandbox.app.in_flight)
                    kept = stored(trial)
                    rotated = sandbox.accounts[0].refresh_token != before
                    newest = kept["refresh_token"] == sandbox.accounts[0].refresh_token
                    assert newest or kept["renewing_since"], f"kill {number} lost a pair and its state"
                    outcome = "after" if rotated and newest else "before"
                    if kept["renewing_since"]:
                        outcome = "cut off, rotated" if rotated else "cut off, not rotated"
                    outcomes[outcome] += 1
                    sandbox.faults.clear()
                    async with connect(home=trial, **settings) as client:
                        result = await client.call_tool(READ, {})
                        if newest:
                            good(result)
                        else:
                            told = bad(result)
                            assert told["error"] == "signed_out"
                            assert "earlier renewal" in told["message"]
                            assert told["hint"]
    assert sum(outcomes.values()) == KILLS
    assert outcomes["after"], outcomes
    assert outcomes["cut off, rotated"] + outcomes["cut off, not rotated"], outcomes


async def test_a_server_that_waits_for_the_lock_of_a_killed_one_goes_on(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, waiting() as worker:
        settings = keys(sandbox, url)
        async with connect(**settings) as client:
            good(await client.call_tool(READ, {}))
            sandbox.expire_access_token()
            sandbox.faults.hold(RENEW)
            worker.begin(home, settings, [(READ, {})])
            await until(lambda: stored(home)["renewing_since"])
            waits = asyncio.create_task(client.call_tool(READ, {}))
            await asyncio.sleep(0.2)
            assert not waits.done()
            await worker.kill()
            good(await waits)
    assert holds_newest(home, sandbox)
