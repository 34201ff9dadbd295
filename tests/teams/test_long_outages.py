"""Redis or PostgreSQL is away for a minute while many read and write at two replicas; with SOAK unset, for seconds."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import READ, WRITE, reference
from tests.protocol.test_operating import CONTENT
from tests.teams.test_outages import FINAL, Tally, Team, run_team
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from scripts.team.services import Postgres, Redis

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PostgreSQL and kills as on Linux")

LONG = bool(os.environ.get("SOAK"))
AWAY_S = 60.0 if LONG else 5.0
AROUND_S = 10.0 if LONG else 2.0  # before and after it
READY: tuple[int, list[str]] = (200, [])
CALLERS = 8  # half of them read, the others write
PAUSE_S = 0.2  # of a caller between two calls: as much as goes by the shop's rate
ANSWER_S = 30.0  # in which a call is told that the database is away: it takes three, and may take 45


@dataclass
class Phase:
    """What callers are told, and after how long."""

    told: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def summarize(self) -> dict[str, Any]:
        hundredths = statistics.quantiles(self.seconds, n=100)
        numbers = {"p50_ms": hundredths[49] * 1000, "p99_ms": hundredths[98] * 1000, "max_ms": max(self.seconds) * 1000}
        return {"calls": len(self.seconds), "told": dict(self.told)} | {k: round(v) for k, v in numbers.items()}


@dataclass
class Load:
    """Calls without a pause longer than a moment at both replicas, counted by the phase in which they began."""

    team: Team
    sandbox: Sandbox
    phases: dict[str, Phase] = field(default_factory=dict)
    current: str = "before"
    written: Counter[str] = field(default_factory=Counter)

    async def run(self, caller: int) -> None:
        headers = CONTENT | {"Authorization": f"Bearer {self.team.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as client:
            number = 0
            while True:
                number += 1
                if caller % 2:
                    await self._call(client, READ, {}, number % 2)
                else:
                    await self._write(client, f"W-{caller}-{number}", number)
                await asyncio.sleep(PAUSE_S)

    async def _write(self, client: httpx2.AsyncClient, text: str, number: int) -> None:
        """Write something, and once more where nothing was sent, until it is known what came of it."""
        arguments = reference(self.sandbox, text)
        while True:
            told = await self._call(client, WRITE, arguments, number % 2)
            error = told.get("error", "ok")
            if error == "ok" or error in FINAL:
                self.written[error] += 1
                return
            assert told["retryable"], told
            await asyncio.sleep(PAUSE_S)

    async def _call(self, client: httpx2.AsyncClient, name: str, arguments: dict[str, Any], number: int) -> Any:
        phase, began = self.phases.setdefault(self.current, Phase()), time.monotonic()
        told = await self.team.call(client, name, arguments, number)
        phase.seconds.append(time.monotonic() - began)
        phase.told[told.get("error", "ok")] += 1
        return told


async def play(load: Load, stop: Callable[[], None], start: Callable[[], None]) -> AsyncIterator[str]:
    """Begin with calls, take the service away for a while, bring it back; each phase is given in its middle."""
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(load.run(caller)) for caller in range(CALLERS)]
        for load.current, seconds, change in (
            ("before", AROUND_S, None),
            ("away", AWAY_S, stop),
            ("back", 0.0, start),
            ("after", AROUND_S, None),
        ):
            if change is not None:
                await asyncio.to_thread(change)
            if load.current != "back":
                await asyncio.sleep(seconds / 2)
            yield load.current
            if load.current != "back":
                await asyncio.sleep(seconds / 2)
        for caller in callers:
            caller.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*callers)


async def ask_readiness(team: Team) -> list[tuple[int, list[str]]]:
    """What both replicas say of themselves: the status, and what is missing."""
    answers = [await replica.ask_readiness() for replica in team.replicas if replica is not None]
    assert len(answers) == 2
    return [(status, list(report["missing"])) for status, report in answers]


async def wait_for_readiness(team: Team, expected: tuple[int, list[str]]) -> float:
    """Seconds until both replicas say this of themselves."""
    began = time.monotonic()

    async def is_ready() -> bool:
        return await ask_readiness(team) == [expected] * 2

    await until(is_ready, pause=0.1)
    return time.monotonic() - began


async def play_outage(
    load: Load, stop: Callable[[], None], start: Callable[[], None], expected: tuple[int, list[str]]
) -> None:
    """Play it, look at readiness in each phase, and count what the shop carried out: nothing of it twice."""
    tally, ready_again_s = Tally(), 0.0
    async for phase in play(load, stop, start):
        waited_s = await wait_for_readiness(load.team, expected if phase == "away" else READY)
        if phase == "back":
            ready_again_s = waited_s
        tally.count_sent(load.sandbox)
    tally.count_sent(load.sandbox)
    assert len(tally.sent) >= load.written["ok"] > 0
    assert set(load.phases["after"].told) <= {"ok"}, load.phases["after"].told
    report(expected[1][0], ready_again_s, load)


def report(missing: str, ready_again_s: float, load: Load) -> None:
    if os.environ.get("SOAK_REPORT"):
        numbers: dict[str, Any] = {"run": f"{missing} away", "away_s": AWAY_S, "ready_again_s": round(ready_again_s, 1)}
        numbers |= {"writes": dict(load.written)} | {name: each.summarize() for name, each in load.phases.items()}
        with open(os.environ["SOAK_REPORT"], "a", encoding="utf-8") as out:  # noqa: PTH123
            out.write(json.dumps(numbers) + "\n")


async def test_without_redis_calls_go_on_and_it_is_shared_again_when_it_is_back(
    home: Path, database_url: str, redis: Redis
) -> None:
    sandbox = Sandbox(orders=20)
    async with run_team(home, database_url, sandbox, redis=redis.url) as team:
        load = Load(team, sandbox)
        await play_outage(load, redis.stop, redis.start, (200, ["redis"]))
    for phase in load.phases.values():
        assert set(phase.told) <= {"ok"}, phase.told


async def test_without_postgres_calls_are_told_so_soon_and_come_back_by_themselves(
    home: Path, database_url: str, postgres: Postgres
) -> None:
    sandbox = Sandbox(orders=20)
    async with run_team(home, database_url, sandbox) as team:
        load = Load(team, sandbox)
        await play_outage(load, postgres.stop, postgres.start, (503, ["database"]))
    away = load.phases["away"]
    assert set(away.told) <= {"ok", "not_configured"} | FINAL, away.told
    assert away.told["not_configured"] >= CALLERS
    assert max(away.seconds) < ANSWER_S
