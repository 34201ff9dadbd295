"""Calls a server over HTTP at next to no cost: connections that stay, requests that were written before."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.client import MAX_QUOTED_RESPONSE_CHARS, BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOCOL_VERSION = "2025-11-25"
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Load:
    """What calls took: each its milliseconds, all of them so many seconds of the wall and of the server's process."""

    latencies_ms: list[float]
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies_ms) / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the server's processor for each call."""
        return self.cpu_s * 1000 / len(self.latencies_ms)


def encode_call(port: int, token: str, call: dict[str, Any]) -> bytes:
    """The request of a tool call, with its head."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        f"MCP-Protocol-Version: {PROTOCOL_VERSION}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_cpu_s(pid: int) -> float:
    """Seconds of a processor that a process took so far; 0 on a system that has no such number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_S


async def run_load(port: int, pid: int, requests: Sequence[bytes], max_in_flight: int) -> Load:
    """Send all requests, so many at any time.

    Raises:
        BenchmarkError: One was not answered with a result.

    """
    waiting = list(reversed(requests))
    latencies_ms: list[float] = []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        try:
            while waiting:
                request = waiting.pop()
                start_time = time.perf_counter()
                writer.write(request)
                head, body = await _read_response(reader)
                latencies_ms.append((time.perf_counter() - start_time) * 1000)
                if b" 200 " not in head[:16] or b'"isError":true' in body or b'"result"' not in body[:200]:
                    raise BenchmarkError(f"no result: {(head + body)[:MAX_QUOTED_RESPONSE_CHARS]!r}")
        finally:
            writer.close()

    cpu_before_s, start_time = read_cpu_s(pid), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(max_in_flight)))
    return Load(latencies_ms, time.perf_counter() - start_time, read_cpu_s(pid) - cpu_before_s)


async def _read_response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head, await reader.readexactly(int(length))
