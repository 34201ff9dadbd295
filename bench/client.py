"""Measures a server as its client, at next to no cost: JSON-RPC lines over pipes, in blocking calls of one thread."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BENCH_FOLDER = Path(__file__).parent
OUR_COMMAND = (sys.executable, "-m", "mcp_server_tiktok_shop")
MAX_SERVER_LIFETIME_S = 300.0  # a hanging server is killed, so that the run ends
MAX_QUOTED_RESPONSE_CHARS = 300
MAX_QUOTED_STDERR_BYTES = 1500
ORDER_ID = "576461413038785752"
SMALL_CALL = {"name": "get_order_detail", "arguments": {"ids": [ORDER_ID]}}
PAGE_CALL = {"name": "get_order_list", "arguments": {"page_size": 20}}  # some 67 kB, of which a default view is shown
FULL_PAGE_CALL = {"name": "get_order_list", "arguments": {"page_size": 100, "fields": ["*"]}}
PEER_CALL = {"name": "get_order_detail_tool", "arguments": {"order_ids": [ORDER_ID]}}
INITIALIZE_PARAMS = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class BenchmarkError(Exception):
    """A server that did not start or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How to start a server, and what to call it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


class ServerProcess:
    """A running server, from spawn to end. Its methods raise `BenchmarkError` where it does not answer as it should."""

    def __init__(self, server_command: ServerCommand) -> None:
        self._server_command = server_command
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            server_command.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=dict(server_command.environment),
            cwd=server_command.folder,
        )
        self._kill_timer = threading.Timer(MAX_SERVER_LIFETIME_S, self._process.kill)
        self._kill_timer.daemon = True
        self._last_id = 0

    def __enter__(self) -> Self:
        self._kill_timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_timer.cancel()
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    def connect(self) -> list[dict[str, Any]]:
        """Initialize and list the tools, as a client does when it starts."""
        self.request("initialize", INITIALIZE_PARAMS)
        self._write(_encode_line({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        tools: list[dict[str, Any]] = self.request("tools/list", {})["tools"]
        return tools

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send one request and wait for its result."""
        self._write(self._encode_request(method, params))
        response = json.loads(self._read())
        if "result" not in response or response["id"] != self._last_id:
            text = str(response)[:MAX_QUOTED_RESPONSE_CHARS]
            raise BenchmarkError(f"{self._server_command.name} did not answer {method} as it should: {text}")
        result: dict[str, Any] = response["result"]
        return result

    def measure_latencies(self, call_count: int, call: dict[str, Any] = SMALL_CALL) -> list[float]:
        """Milliseconds of each call, one after the other."""
        latencies = []
        for _ in range(call_count):
            line = self._encode_request("tools/call", call)
            start_time = time.perf_counter()
            self._write(line)
            response = self._read()
            latencies.append((time.perf_counter() - start_time) * 1000)
            self._check_response(response)
        return latencies

    def measure_rate(self, call_count: int, max_in_flight: int) -> float:
        """Calls a second, with so many in flight at any time."""
        lines = [self._encode_request("tools/call", SMALL_CALL) for _ in range(call_count)]
        start_time = time.perf_counter()
        self._write(b"".join(lines[:max_in_flight]))
        responses = []
        for number in range(call_count):
            responses.append(self._read())
            if number + max_in_flight < call_count:
                self._write(lines[number + max_in_flight])
        elapsed_s = time.perf_counter() - start_time
        for response in responses:
            self._check_response(response)
        return call_count / elapsed_s

    def measure_memory(self) -> float | None:
        return read_memory_mb(self._process.pid)

    def _encode_request(self, method: str, params: dict[str, Any]) -> bytes:
        self._last_id += 1
        return _encode_line({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})

    def _write(self, line: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except OSError:
            raise self._build_exit_error() from None

    def _read(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise self._build_exit_error()
        return line

    def _check_response(self, response: bytes) -> None:
        result = json.loads(response).get("result", {})
        text = result.get("content", [{}])[0].get("text", "")
        if result.get("isError") or ORDER_ID not in text:
            quoted_response = response[:MAX_QUOTED_RESPONSE_CHARS]
            raise BenchmarkError(f"{self._server_command.name} did not answer with the order: {quoted_response!r}")

    def _build_exit_error(self) -> BenchmarkError:
        self._stderr.seek(0)
        tail = self._stderr.read()[-MAX_QUOTED_STDERR_BYTES:].decode(errors="replace")
        return BenchmarkError(
            f"{self._server_command.name} ended or said nothing for {MAX_SERVER_LIFETIME_S:.0f} s:\n{tail}"
        )


def _encode_line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


@contextmanager
def run_script(name: str, *arguments: str) -> Iterator[str]:
    """The first line that a script of this folder prints, which then runs until the end."""
    command = [sys.executable, str(BENCH_FOLDER / name), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout is not None else ""
        finally:
            process.kill()


def read_memory_mb(pid: int) -> float | None:
    """Megabytes of a process that are resident now; None on a system that has no such number."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024
    except OSError:
        pass
    try:
        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)], text=True)) / 1024  # noqa: S607
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
