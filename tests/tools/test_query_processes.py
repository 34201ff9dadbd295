"""A question in SQL runs beside the server: a call that is cancelled, or a client that goes, ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.attack.test_label_workers import is_running, start
from tests.protocol.test_server import END_S, UNHURRIED, children, launch, process
from tests.waits import until

ENDLESS = {"sql": "SELECT max(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")


async def wait_for_worker(pid: int) -> list[int]:
    await until(lambda: children(pid))
    return children(pid)


async def test_a_call_that_is_cancelled_ends_its_question(home: Path, era: str) -> None:
    async with launch(UNHURRIED, home, "--sandbox") as server:
        if era == "legacy":
            await server.initialize()
        question = await start(server, "query_shop", ENDLESS, era)
        workers = await wait_for_worker(server.process.pid)
        await asyncio.sleep(0.5)
        await server.send("notifications/cancelled", {"requestId": question, "reason": "given up"}, notify=True)
        await until(lambda: not any(map(is_running, workers)), patience=END_S)
        following = await start(server, "query_shop", {"sql": "SELECT 6 * 7 AS answer"}, era)
        while (told := await server.answer()).get("id") != following:
            pass
        assert not told["result"].get("isError"), told
        await server.end()


async def test_a_client_that_goes_leaves_no_question_behind(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        await server.initialize()
        await start(server, "query_shop", ENDLESS, "legacy")
        workers = await wait_for_worker(server.process.pid)
        await server.end()
        assert not any(map(is_running, workers))
