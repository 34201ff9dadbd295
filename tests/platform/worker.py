"""Servers in processes of their own: one that a client starts, and one that can be killed while it works."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from mcp_server_tiktok_shop.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
LOGGERS = ("httpx2", "httpcore2", "asyncio", "filelock")  # what `set_up` keeps quiet, and more
INHERITED = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP")


def keys(sandbox: Sandbox, url: str, account: int = 0) -> dict[str, str]:
    """The settings with which a server belongs to one of the simulated sellers."""
    seller = sandbox.accounts[account]
    return {
        "api_url": url,
        "auth_url": url,
        "app_key": sandbox.app_key,
        "app_secret": sandbox.app_secret,
        "access_token": seller.access_token,
        "refresh_token": seller.refresh_token,
    }


def stored(home: Path) -> dict[str, Any]:
    """The one account in the store's file."""
    (account,) = all_stored(home)
    return account


def all_stored(home: Path) -> list[dict[str, Any]]:
    accounts: list[dict[str, Any]] = json.loads((home / "accounts.json").read_bytes())["accounts"]
    return accounts


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    own = {"home": str(home), **settings}
    return {f"TIKTOK_SHOP_{name.upper()}": value for name, value in own.items()}


@asynccontextmanager
async def started(home: Path, settings: Mapping[str, str], era: str) -> AsyncIterator[Client]:
    """The server as a client starts it: a process on standard input and output."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    how = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server_tiktok_shop"],
        env=inherited | environment(home, settings),
        cwd=ROOT,
    )
    with _nowhere() as nowhere:
        async with Client(stdio_client(how, errlog=nowhere), mode=era) as client:
            yield client


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@dataclass(frozen=True)
class Worker:
    """A process that has everything loaded and waits for its work."""

    process: asyncio.subprocess.Process

    def begin(self, home: Path, settings: Mapping[str, str], calls: Sequence[tuple[str, Any]], **options: bool) -> None:
        """Call the tools all at once, or `in_turn`. `debug`: log all that can be logged."""
        assert self.process.stdin is not None
        work = {"environment": environment(home, settings), "calls": list(calls), **options}
        self.process.stdin.write(json.dumps(work).encode() + b"\n")

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def end(self) -> tuple[list[str], str]:
        """The texts of the results, and what was logged."""
        out, errors = await self.process.communicate()
        assert self.process.returncode == 0, errors.decode()
        texts: list[str] = json.loads(out)
        return texts, errors.decode()


@asynccontextmanager
async def waiting() -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.platform.worker",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield Worker(process)
    finally:
        if process.returncode is None:
            process.kill()
        # Read to the end: pipes left open are closed only when the loop is gone, with a warning.
        await process.communicate()


async def _work(work: dict[str, Any]) -> list[str]:
    parts = build_app(read_settings(work["environment"]))
    if work.get("debug"):
        logs.configure_logging(parts.guard, "DEBUG")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
    server = parts.build_server()
    async with Client(server) as client:
        if work.get("in_turn"):
            results = [await client.call_tool(*call) for call in work["calls"]]
        else:
            results = await asyncio.gather(*(client.call_tool(*call) for call in work["calls"]))
    return [getattr(content, "text", "") for result in results for content in result.content]


def main() -> None:
    import filelock  # noqa: F401 - so that the time until a kill is spent on the work alone
    import httpx2  # noqa: F401

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if line:
        sys.stdout.write(json.dumps(asyncio.run(_work(json.loads(line)))))


if __name__ == "__main__":
    main()
