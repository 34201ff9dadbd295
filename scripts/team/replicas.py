"""Replicas of the server as its command starts them, each a process on a free port of this computer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from scripts.team.services import ServiceError, find_free_port

from mcp_server_tiktok_shop.protocol.address import make_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "mcp_server_tiktok_shop")
INHERITED_VARIABLES = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP")
START_TIMEOUT_S, POLL_S = 60.0, 0.02


@dataclass(frozen=True, slots=True)
class ReplicaProcess:
    """A replica that answers at `url`."""

    port: int
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return make_url("127.0.0.1", self.port)

    async def end(self, number: signal.Signals) -> None:
        """Send a signal, and wait for the end."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.wait()


def make_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that has these settings and none of who starts it."""
    inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    return inherited | {f"TIKTOK_SHOP_{name.upper()}": text for name, text in settings.items()}


@asynccontextmanager
async def run_replica(
    variables: Mapping[str, str], *options: str, stop_signal: signal.Signals = signal.SIGKILL
) -> AsyncIterator[ReplicaProcess]:
    """A replica from when it is ready to the end of the block, where it gets `stop_signal`.

    Raises:
        ServiceError: It ended, or was not ready in time; with what it said.

    """
    port = find_free_port()
    command = (*COMMAND, "serve", "--http", "--port", str(port), *options)
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=dict(variables), stdout=asyncio.subprocess.DEVNULL, stderr=log
        )
        replica = ReplicaProcess(port, process)
        try:
            if not await _is_ready(replica):
                log.seek(0)
                raise ServiceError(f"A replica did not start: {log.read().decode(errors='replace')}")
            yield replica
        finally:
            await replica.end(stop_signal)


async def _is_ready(replica: ReplicaProcess) -> bool:
    """Whether it becomes ready before it ends or the time is up."""
    deadline = time.monotonic() + START_TIMEOUT_S
    async with httpx2.AsyncClient(trust_env=False) as client:
        while replica.process.returncode is None and time.monotonic() < deadline:
            try:
                response = await client.get(replica.url.replace("/mcp", "/readyz"))
            except httpx2.TransportError:
                response = None
            if response is not None and response.status_code == 200:  # noqa: PLR2004 - HTTP's own
                return True
            await asyncio.sleep(POLL_S)
    return False
