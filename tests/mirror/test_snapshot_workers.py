"""The processes that write snapshots: the server loads no DuckDB, and one that is killed is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from mcp_server_tiktok_shop.mirror.snapshot_workers import WORKER_MODULE
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.mirror.shops import only_target, open_app, refreshed, rows_of
from tests.mirror.test_kills import check_snapshot, count_expected
from tests.mirror.worker import count
from tests.platform.worker import ROOT, environment, keys
from tests.protocol.test_server import children

GATHERING = """
import asyncio, os, sys, time
from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.settings import read_settings

async def gather():
    app = build_app(read_settings(os.environ))
    target = await app.platform.shops.choose(None, "required")
    snapshot = await app.mirror.refresh(target, ["orders"], max_age_s=0, deadline=time.monotonic() + 60)
    print(snapshot.tables["orders"].is_complete, "duckdb" in sys.modules, "_duckdb" in sys.modules)
    await app.close()

asyncio.run(gather())
"""


def find_snapshot_workers() -> list[int]:
    commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in children(os.getpid())}
    return [pid for pid, path in commands.items() if path.exists() and WORKER_MODULE.encode() in path.read_bytes()]


def find_files(home: Path, pattern: str) -> list[Path]:
    return list(home.rglob(pattern))


async def test_the_server_gathers_a_copy_without_loading_duckdb(home: Path) -> None:
    sandbox = Sandbox(orders=300)
    async with sandbox.serve() as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            GATHERING,
            cwd=ROOT,
            env={**os.environ, **environment(home, keys(sandbox, url))},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert out.decode().split() == ["True", "False", "False"]


async def test_a_process_that_was_killed_while_it_had_nothing_to_do_is_replaced(home: Path) -> None:
    sandbox = Sandbox(orders=200)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        await refreshed(app, ["orders"])
        (worker,) = find_snapshot_workers()
        os.kill(worker, signal.SIGKILL)
        order = next(iter(sandbox.state.main.orders.values()))
        order.seller_note, order.touched_time = "changed", int(time.time())
        sandbox.state.main.mark_changed()
        found = await refreshed(app, ["orders"])
        assert [row["id"] for row in rows_of(found, "orders", "id", "seller_note = 'changed'")] == [order.id]
        assert worker not in find_snapshot_workers()


async def test_one_that_is_killed_in_the_midst_of_it_leaves_the_old_snapshot(home: Path) -> None:
    sandbox = Sandbox(orders=2500)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        target = await only_target(app)
        gathering = asyncio.create_task(
            app.mirror.refresh(target, ["orders"], max_age_s=0, deadline=time.monotonic() + 60)
        )
        killed = 0
        while not gathering.done():
            for worker in find_snapshot_workers() if find_files(home, "*.new") else ():
                os.kill(worker, signal.SIGKILL)
                killed += 1
                await check_snapshot(app, sandbox)
            await asyncio.sleep(0.002)
        await asyncio.gather(gathering, return_exceptions=True)
        found = await refreshed(app, ["orders"])
        assert killed
        assert count(found.path) == count_expected(sandbox)
    assert not find_files(home, "*.ndjson")


async def test_its_processes_end_with_the_server(home: Path) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        await refreshed(app, ["orders"])
        assert find_snapshot_workers()
    assert not find_snapshot_workers()
