"""Replicas are killed, the database crashes and Redis goes while many write: nothing is done twice, no token is lost.

With SOAK set there are 60 of these events; else a few.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_tokens import READ, RENEW, WRITE, done, good, reference
from tests.protocol.test_operating import CONTENT, make_call
from tests.teams.replicas import Replica, sandbox_keys, serve_replica, start_replica
from tests.teams.test_replicas import read_stored
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.services import Postgres, Redis

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PostgreSQL and kills as on Linux")

Event = Literal["kill", "crash", "restart", "redis", "renewal"]
LONG = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SOAK_SEED", "23"))
# Of each kind, in an order that is drawn; most of the long run are kills of a replica.
EVENTS: dict[Event, int] = (
    {"kill": 50, "crash": 10, "restart": 10, "redis": 10, "renewal": 10}
    if LONG
    else {"kill": 2, "crash": 1, "restart": 1, "redis": 1, "renewal": 1}
)
WRITERS = 8
CALLERS = 80  # who find that the token has expired, at the same moment
KILLED_ROUNDS = 30 if LONG else 4
PATIENCE_S = 120.0  # in which a call that is repeated has to come back: three times what one may take
FINAL = {"already_done", "unknown_outcome"}  # what is said of a write that was sent
PASSING = {"not_configured", "network", "internal", "rate_limited"}  # with `retryable`, and nothing was sent


@dataclass
class Tally:
    """What became of the writes: as their callers were told, and as the shop counts them."""

    told: Counter[str] = field(default_factory=Counter)
    sent: Counter[bytes] = field(default_factory=Counter)
    longest_wait_s: float = 0.0

    def count_sent(self, sandbox: Sandbox) -> None:
        """Count what the shop carried out since it was last asked; none of it twice."""
        self.sent.update(entry.body for entry in sandbox.log.list_entries(WRITE) if entry.ran)
        sandbox.log.clear()
        twice = [body for body, count in self.sent.items() if count > 1]
        assert not twice, f"done twice: {twice[:3]}"


@dataclass
class Team:
    """Two replicas in processes of their own, of which one may be missing."""

    home: Path
    database_url: str
    token: str
    settings: dict[str, str]
    ports: list[int] = field(default_factory=lambda: [0, 0])
    stacks: list[AsyncExitStack] = field(default_factory=lambda: [AsyncExitStack(), AsyncExitStack()])
    replicas: list[Replica | None] = field(default_factory=lambda: [None, None])

    async def start(self, number: int) -> None:
        replica = start_replica(self.home, self.database_url, self.token, **self.settings)
        self.replicas[number] = await self.stacks[number].enter_async_context(replica)

    async def kill(self, number: int) -> None:
        replica = self.replicas[number]
        assert replica is not None
        await replica.kill()
        self.replicas[number] = None
        await self.stacks[number].aclose()

    async def close(self) -> None:
        for stack in self.stacks:
            await stack.aclose()

    async def call(self, client: httpx2.AsyncClient, name: str, arguments: dict[str, Any], number: int) -> Any:
        """What a replica tells; None where it is gone, or goes meanwhile."""
        replica = self.replicas[number]
        if replica is None:
            return None
        try:
            response = await client.post(replica.url, json=make_call(name, **arguments))
        except httpx2.TransportError:
            return None
        assert response.status_code == 200, response.text
        return json.loads(response.json()["result"]["content"][0]["text"])


@asynccontextmanager
async def run_team(home: Path, database_url: str, sandbox: Sandbox, **more: str) -> AsyncIterator[Team]:
    async with sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | more
        async with serve_replica(home, database_url, **settings) as first:
            token = first.token
            async with first.connect() as client:
                good(await client.call_tool(READ, {}))
        team = Team(home, database_url, token, settings)
        try:
            await asyncio.gather(team.start(0), team.start(1))
            yield team
        finally:
            await team.close()


async def write_until(team: Team, sandbox: Sandbox, tally: Tally, writer: int, stop: asyncio.Event) -> None:
    """Write one thing after the other, each until it is known what came of it, and then once more."""
    drawn = random.Random(SEED * 100 + writer)
    headers = CONTENT | {"Authorization": f"Bearer {team.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
        count = 0
        while not stop.is_set():
            count += 1
            arguments = reference(sandbox, f"W-{writer}-{count}")
            outcome = await write_once(team, client, arguments, tally, drawn)
            tally.told[outcome] += 1
            again = await team.call(client, WRITE, arguments, drawn.randrange(2))
            if again is not None and again.get("error") not in PASSING:
                assert again.get("error") in FINAL, (outcome, again)


async def write_once(
    team: Team, client: httpx2.AsyncClient, arguments: dict[str, Any], tally: Tally, drawn: random.Random
) -> str:
    began = time.monotonic()
    while True:
        told = await team.call(client, WRITE, arguments, drawn.randrange(2))
        waited_s = time.monotonic() - began
        tally.longest_wait_s = max(tally.longest_wait_s, waited_s)
        assert waited_s < PATIENCE_S, told
        if told is not None:
            error = told.get("error", "ok")
            assert "Traceback" not in str(told)
            if error == "ok" or error in FINAL:
                return str(error)
            assert error in PASSING, told
            assert told["retryable"], told
            tally.told["repeated"] += 1
        else:
            tally.told["cut"] += 1
        await asyncio.sleep(drawn.uniform(0.02, 0.1))


async def renew_at_once(team: Team, sandbox: Sandbox) -> int:
    """How many renewals it takes where all callers of both replicas find the token expired."""
    headers = CONTENT | {"Authorization": f"Bearer {team.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
        for number in (0, 1):
            assert "data" in await team.call(client, READ, {}, number)
        before = len(sandbox.log.list_entries(RENEW))
        sandbox.expire_access_token()
        told = await asyncio.gather(*(team.call(client, READ, {}, caller % 2) for caller in range(CALLERS)))
    assert all("data" in answer for answer in told)
    return len(sandbox.log.list_entries(RENEW)) - before


async def cause(event: Event, team: Team, sandbox: Sandbox, services: tuple[Postgres, Redis], number: int) -> None:
    postgres, redis = services
    if event == "kill":
        await team.kill(number)
        await team.start(number)
    elif event == "crash":
        await asyncio.to_thread(postgres.restart, signal.SIGQUIT)
    elif event == "restart":
        await asyncio.to_thread(postgres.restart, signal.SIGINT)
    elif event == "redis":
        await asyncio.to_thread(redis.stop)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(redis.start)
    else:
        assert await renew_at_once(team, sandbox) == 1


async def test_no_write_is_done_twice_and_no_token_lost_whatever_goes(
    home: Path, database_url: str, postgres: Postgres, redis: Redis
) -> None:
    sandbox = Sandbox(orders=20)
    drawn = random.Random(SEED)
    events = [event for event, count in EVENTS.items() for _ in range(count)]
    drawn.shuffle(events)
    tally, stop, began = Tally(), asyncio.Event(), time.monotonic()
    async with run_team(home, database_url, sandbox, redis=redis.url) as team:
        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(write_until(team, sandbox, tally, writer, stop))
            for event in events:
                sandbox.faults.clear()
                sandbox.faults.add(WRITE, times=None, delay=drawn.choice((0.0, 0.05, 0.2)))
                await asyncio.sleep(drawn.uniform(0.2, 1.0))
                await cause(event, team, sandbox, (postgres, redis), drawn.randrange(2))
                tally.count_sent(sandbox)
            sandbox.faults.clear()
            stop.set()
        await asyncio.sleep(0.3)  # what the dead had sent still arrives
        await until(lambda: not sandbox.app.in_flight)
        tally.count_sent(sandbox)
        assert await renew_at_once(team, sandbox) == 1
    async with serve_replica(home, database_url, **team.settings) as replica:
        (account,) = (await read_stored(replica)).values()
    assert account.refresh_token.get_secret_value() == sandbox.accounts[0].refresh_token
    assert account.access_token.get_secret_value() == sandbox.accounts[0].access_token
    assert len(tally.sent) >= tally.told["ok"] > 0
    report(events, tally, time.monotonic() - began)


def report(events: list[Event], tally: Tally, seconds: float) -> None:
    if os.environ.get("SOAK_REPORT"):
        numbers = {"seconds": round(seconds), "events": Counter(events), "told": tally.told, "done": len(tally.sent)}
        with open(os.environ["SOAK_REPORT"], "a", encoding="utf-8") as out:  # noqa: PTH123
            out.write(json.dumps({"run": "outages", "longest_wait_s": round(tally.longest_wait_s, 1)} | numbers) + "\n")


# ---- between a question and its answer


async def never(_context: Any, _params: Any) -> ElicitResult:
    raise AssertionError


async def answer(replica: Replica, arguments: dict[str, Any], state: str | None) -> Any:
    """A yes to a question that some replica put; None where this one is killed meanwhile."""
    yes: dict[str, Any] = {"confirm": ElicitResult(action="accept", content={"do_it": True})}
    try:
        async with replica.connect(elicitation_callback=never) as client:
            return await client.session.call_tool(
                "delete_products", arguments, request_state=state, input_responses=yes, allow_input_required=True
            )
    except (MCPError, httpx2.HTTPError, ExceptionGroup):
        return None


async def test_a_yes_counts_once_though_replicas_die_before_or_after_it(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    drawn = random.Random(SEED)
    products = [p for p in sandbox.accounts[0].shops[0].products.values() if p.status == "ACTIVATE"]
    outcomes: Counter[str] = Counter()
    async with sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | {"confirm": "all"}
        async with serve_replica(home, database_url, **settings) as stays:
            for round_number in range(KILLED_ROUNDS):
                sandbox.faults.clear()
                arguments = {"product_ids": [products[round_number % len(products)].id], "repeat": True}
                before = done(sandbox, "delete_products")
                async with start_replica(home, database_url, stays.token, **settings) as goes:
                    async with goes.connect(elicitation_callback=never) as client:
                        asked = await client.session.call_tool("delete_products", arguments, allow_input_required=True)
                    assert isinstance(asked, InputRequiredResult)
                    await asyncio.sleep(0.35)  # as long as a person takes at least
                    if round_number % 2:  # the yes goes to the one that dies
                        sandbox.faults.add("delete_products", delay=drawn.choice((0.0, 0.05)))
                        call = asyncio.create_task(answer(goes, arguments, asked.request_state))
                        await asyncio.sleep(drawn.uniform(0.0, 0.4))
                        await goes.kill()
                        first = await call
                    else:
                        await goes.kill()
                        first = None
                await asyncio.sleep(0.1)
                await until(lambda: not sandbox.app.in_flight)
                second = await answer(stays, arguments, asked.request_state)
                assert isinstance(second, CallToolResult)
                told = reply(second)
                outcomes[told.get("error", "ok")] += 1
                ran = done(sandbox, "delete_products") - before
                assert ran <= 1, "a yes was used twice"
                if first is not None and not first.is_error:
                    assert second.is_error
                assert told.get("error", "ok") in {"ok", "declined", "platform"} | FINAL, told
                if round_number % 2 == 0:
                    assert ran == 1 or told["error"] == "platform"
    assert outcomes["ok"]
