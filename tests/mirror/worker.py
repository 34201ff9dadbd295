"""A server's copy in a process of its own, which can be killed while it reads and writes."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.settings import read_settings
from tests.platform.worker import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

PATIENCE_S = 60.0
COUNTS = """
    SELECT (SELECT count(*) FROM orders), (SELECT sum(total_amount)::VARCHAR FROM orders),
           (SELECT count(*) FROM order_lines),
           (SELECT count(*) FROM order_lines WHERE order_id NOT IN (SELECT id FROM orders))
"""


@dataclass(frozen=True)
class CopyWorker:
    """A process that has everything loaded and waits for its work."""

    process: asyncio.subprocess.Process

    def begin(self, home: Path, settings: Mapping[str, str], rounds: int = 1) -> None:
        """Bring the orders up to date so many times, and tell after each what is there."""
        assert self.process.stdin is not None
        work = {"environment": environment(home, settings), "rounds": rounds}
        self.process.stdin.write(json.dumps(work).encode() + b"\n")

    async def kill(self) -> None:
        with suppress(ProcessLookupError):  # it may have come to its end
            self.process.kill()
        await self.process.wait()

    async def end(self) -> list[list[Any]]:
        """What was there after each round: orders, their sum, lines, lines without an order."""
        out, errors = await self.process.communicate()
        assert self.process.returncode == 0, errors.decode()
        return [json.loads(line) for line in out.splitlines()]


@asynccontextmanager
async def waiting_worker() -> AsyncIterator[CopyWorker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.mirror.worker",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield CopyWorker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def count(path: Path) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return list(connection.execute(COUNTS).fetchall()[0])


async def _work(work: dict[str, Any]) -> None:
    app = build_app(read_settings(work["environment"]))
    try:
        target = await app.platform.shops.choose(None, "required")
        for _ in range(work["rounds"]):
            deadline = time.monotonic() + PATIENCE_S
            snapshot = await app.mirror.refresh(target, ["orders"], max_age_s=0, deadline=deadline)
            sys.stdout.write(json.dumps(await asyncio.to_thread(count, snapshot.path)) + "\n")
            sys.stdout.flush()
    finally:
        await app.close()


def main() -> None:
    import filelock  # noqa: F401 - so that the time until a kill is spent on the work alone
    import httpx2  # noqa: F401

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if line:
        asyncio.run(_work(json.loads(line)))


if __name__ == "__main__":
    main()
