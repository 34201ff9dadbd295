"""Worker processes do jobs one after the other, end with a job that is given up, and are replaced where they end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.mirror.query import WORKER_MODULE
from mcp_server_tiktok_shop.workers.pool import MAX_WORKERS, WorkerEndedError, WorkerPool
from tests.protocol.test_server import children
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENDLESS = "SELECT max(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b"


def make_job(sql: str, timeout_s: float = 60) -> dict[str, Any]:
    lists: dict[str, Any] = {"shops": [], "money": [], "money_names": [], "macros": []}
    limits = {"timeout_s": timeout_s, "max_rows": 9, "max_bytes": 999}
    return {"sql": sql, "exact_sql": sql, "zone": "UTC", "parameters": {}, "tables": {}} | lists | limits


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    started = WorkerPool(WORKER_MODULE, "query", idle_timeout_s=2.0)
    try:
        yield started
    finally:
        started.close()


async def test_one_process_does_many_jobs_and_ends_when_it_is_idle(pool: WorkerPool) -> None:
    before = {*children(os.getpid())}
    workers = set()
    for number in range(3):
        reply, _ = await pool.run(make_job(f"SELECT {number}"), [], PATIENCE_S)
        assert reply["rows"] == [[number]]
        workers |= {*children(os.getpid())} - before
    assert len(workers) == 1
    await until(lambda: not {*children(os.getpid())} - before)


async def test_more_jobs_than_workers_wait_for_each_other(pool: WorkerPool) -> None:
    before = {*children(os.getpid())}
    jobs = [asyncio.create_task(pool.run(make_job(f"SELECT {n}"), [], PATIENCE_S)) for n in range(3 * MAX_WORKERS)]
    most = 0
    while not all(job.done() for job in jobs):
        most = max(most, len({*children(os.getpid())} - before))
        await asyncio.sleep(0.01)
    assert most <= MAX_WORKERS
    assert [job.result()[0]["rows"] for job in jobs] == [[[n]] for n in range(3 * MAX_WORKERS)]


async def test_a_job_that_takes_too_long_ends_with_its_process(pool: WorkerPool) -> None:
    before = {*children(os.getpid())}
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(TimeoutError):
            await pool.run(make_job(ENDLESS, timeout_s=3600), [], 2)
    await until(lambda: not {*children(os.getpid())} - before)


async def test_a_process_that_is_killed_is_told_and_replaced(pool: WorkerPool) -> None:
    before = {*children(os.getpid())}
    job = asyncio.create_task(pool.run(make_job(ENDLESS), [], PATIENCE_S))
    await until(lambda: {*children(os.getpid())} - before)
    await asyncio.sleep(0.5)
    for worker in {*children(os.getpid())} - before:
        os.kill(worker, 9)
    with pytest.raises(WorkerEndedError):
        await job
    assert (await pool.run(make_job("SELECT 7"), [], PATIENCE_S))[0]["rows"] == [[7]]


async def test_a_person_who_interrupts_the_server_does_not_interrupt_its_workers(pool: WorkerPool) -> None:
    """Ctrl-C reaches every process of a terminal: the server ends in its own way, and its workers with it."""
    before = {*children(os.getpid())}
    await pool.run(make_job("SELECT 1"), [], PATIENCE_S)
    (worker,) = {*children(os.getpid())} - before
    os.kill(worker, signal.SIGINT)
    reply, _ = await pool.run(make_job("SELECT 2"), [], PATIENCE_S)
    assert reply["rows"] == [[2]]
    assert {*children(os.getpid())} - before == {worker}


async def test_a_fault_of_this_program_is_no_refusal(pool: WorkerPool) -> None:
    with pytest.raises(RuntimeError, match="KeyError"):
        await pool.run({"sql": "SELECT 1"}, [], PATIENCE_S)
    assert (await pool.run(make_job("SELECT 7"), [], PATIENCE_S))[0]["rows"] == [[7]]
