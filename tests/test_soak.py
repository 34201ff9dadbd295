"""A platform that fails at random: no write is done twice, none is reported as done that was not, and all is told."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import pytest

from mcp_server_tiktok_shop.errors import ErrorKind
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import KINDS, Sandbox
from tests.platform.test_tokens import READ, good
from tests.platform.worker import keys
from tests.soak_calls import Asked, Ran, reads, writes
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import Client

    from tests.conftest import Connect

CALLS = 10_000 if os.environ.get("SOAK") else 250  # in each of the two eras
SEED = int(os.environ.get("SOAK_SEED", "11"))
RATES = dict.fromkeys(KINDS, 0.02) | {"refused": 0.05}  # a third of all requests
AT_ONCE = 25
FASTER = 20.0
TRACES = ("Traceback", "httpx", "httpcore", "Errno", "object at 0x", '.py"', "asyncio")
CLASS = re.compile(r"\b[A-Z][A-Za-z]*[a-z](Error|Exception|Timeout|Warning)\b")
# What a fault of the platform can come out as; anything else is a fault of ours, or of the calls made here.
TOLD = {"rate_limited", "platform", "network", "unknown_outcome"}


def hasty() -> Runtime:
    """Time that runs faster than it does, for whoever waits and for deadlines alike."""
    began = time.monotonic()
    return Runtime(
        time.time,
        lambda: (time.monotonic() - began) * FASTER,
        lambda seconds: asyncio.sleep(seconds / FASTER),
    )


@dataclass
class Run:
    """What was asked, and what was told."""

    results: list[tuple[Asked, dict[str, Any], bool]] = field(default_factory=list)
    ran: Ran = field(default_factory=Ran)

    async def all(self, client: Client, sandbox: Sandbox, asked: Iterator[Asked], calls: int) -> None:
        for start in range(0, calls, AT_ONCE):
            batch = list(islice(asked, min(AT_ONCE, calls - start)))
            results = await asyncio.gather(*(client.call_tool(one.tool, one.arguments) for one in batch))
            for one, result in zip(batch, results, strict=True):
                self.results.append((one, understood(one, result), result.is_error))
            self.ran.take(sandbox.log)

    def check(self) -> None:
        for asked, told, is_error in self.results:
            if not asked.mark:
                continue
            times = self.ran.times(asked)
            if not is_error:
                assert times == 1, f"reported as done, but done {times} times: {asked} {told}"
            elif told["error"] == "unknown_outcome":
                assert times <= 1, f"done {times} times: {asked} {told}"
                assert told["retryable"] is False
            else:
                assert times == 0, f"reported as refused, but done: {asked} {told}"

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(
            f"{'write' if asked.mark else 'read'} {told['error'] if is_error else 'ok'}"
            for asked, told, is_error in self.results
        )


def understood(asked: Asked, result: Any) -> dict[str, Any]:
    """What a result tells: one JSON object, nothing internal in it; and an error is one that a fault explains."""
    (content,) = result.content
    told: dict[str, Any] = json.loads(content.text)
    for trace in TRACES:
        assert trace not in content.text, (asked, told)
    if result.is_error:
        assert not CLASS.search(content.text), (asked, told)
        assert told["error"] in get_args(ErrorKind)
        assert told["error"] in TOLD, (asked, told)
        assert asked.mark or told["error"] != "unknown_outcome", (asked, told)
        assert told["message"]
        assert told["hint"]
        assert isinstance(told["retryable"], bool)
    else:
        assert "data" in told
        assert "error" not in told
    return told


def mixed(sandbox: Sandbox, drawn: random.Random) -> Iterator[Asked]:
    """Three writes to two reads, without end; made as they are asked for, since some need what others made."""
    some, others = writes(sandbox), reads(sandbox, drawn)
    while True:
        yield next(some if drawn.random() < 0.6 else others)


def report(name: str, run: Run, began: float) -> None:
    if os.environ.get("SOAK_REPORT"):
        told = {"outcomes": run.outcomes, "faults": run.ran.faults, "requests": run.ran.requests}
        seconds = round(time.monotonic() - began, 1)
        with open(os.environ["SOAK_REPORT"], "a", encoding="utf-8") as out:  # noqa: PTH123
            out.write(json.dumps({"run": name, "seconds": seconds, **told}) + "\n")


async def test_a_platform_that_fails_at_random_gets_no_write_twice_and_no_wrong_report(
    connect: Connect, era: str
) -> None:
    sandbox = Sandbox(orders=1000)
    run, began = Run(), time.monotonic()
    async with (
        sandbox.serve() as url,
        connect(**keys(sandbox, url), toolsets="all", confirm="none", runtime=hasty()) as client,
    ):
        good(await client.call_tool(READ, {}))
        sandbox.log.clear()
        sandbox.faults.fail_at_random(SEED, RATES)
        await run.all(client, sandbox, mixed(sandbox, random.Random(SEED)), CALLS)
    run.ran.take(sandbox.log)
    report(f"random {era}", run, began)
    run.check()
    assert len(run.results) == CALLS
    assert {"write ok", "read ok", "write unknown_outcome"} <= set(run.outcomes)
    assert {"write platform", "read platform"} & set(run.outcomes)  # which of the two hangs on the order of arrival
    assert set(run.ran.faults) == {*KINDS, "none"}


@pytest.mark.parametrize("era", ["auto"])
async def test_answers_that_come_after_the_deadline_are_not_taken_for_refusals(connect: Connect) -> None:
    """Half of the requests take longer than a call may."""
    sandbox = Sandbox(orders=300)
    run, began = Run(), time.monotonic()
    async with (
        sandbox.serve() as url,
        connect(**keys(sandbox, url), toolsets="all", confirm="none", call_timeout_s=0.19) as client,
    ):

        async def is_read() -> bool:
            return not (await client.call_tool(READ, {})).is_error

        await until(is_read)  # a busy machine may want more than one call to get to know its shops
        sandbox.log.clear()
        sandbox.faults.fail_at_random(SEED, {"slow": 0.5, "cut_before": 0.05, "cut_after": 0.05, "throttled": 0.05})
        await run.all(client, sandbox, mixed(sandbox, random.Random(SEED)), CALLS // 3)
        await asyncio.sleep(0.3)  # what was given up here may still be done there
        await until(lambda: not sandbox.app.in_flight)
    run.ran.take(sandbox.log)
    report("late", run, began)
    run.check()
    assert run.outcomes["write unknown_outcome"] > CALLS // 15
