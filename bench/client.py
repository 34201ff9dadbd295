"""A client that costs next to nothing: JSON-RPC lines over a server's pipes, in blocking calls of one thread."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 60.0  # seconds that a server may live here; a hanging one is ended, so that the run is
CALL = {"name": "get_order_detail", "arguments": {"ids": ["576461413038785752"]}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Failed(Exception):  # noqa: N818 - what happened
    """A server did not start or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a server is started."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


class Served:
    """A started server, from spawn to end."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            start.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(start.environment),
            cwd=start.folder,
        )
        self._end = threading.Timer(PATIENCE, self._process.kill)
        self._end.daemon = True
        self._last_id = 0

    def __enter__(self) -> Self:
        self._end.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.cancel()
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def opened(self) -> list[dict[str, Any]]:
        """Shake hands and list the tools, as a client does when it starts."""
        self.answer("initialize", HELLO)
        self._write(_line({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        tools: list[dict[str, Any]] = self.answer("tools/list", {})["tools"]
        return tools

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._write(self._request(method, params))
        told = json.loads(self._read())
        if "result" not in told or told["id"] != self._last_id:
            raise Failed(f"{self._start.name} did not answer {method} as it should: {str(told)[:300]}")
        result: dict[str, Any] = told["result"]
        return result

    def times(self, calls: int) -> list[float]:
        """Milliseconds of each of some calls in a row."""
        taken = []
        for _ in range(calls):
            line = self._request("tools/call", CALL)
            began = time.perf_counter()
            self._write(line)
            told = self._read()
            taken.append((time.perf_counter() - began) * 1000)
            self._check(told)
        return taken

    def rate(self, calls: int, in_flight: int) -> float:
        """Calls a second, with so many under way at any time."""
        lines = [self._request("tools/call", CALL) for _ in range(calls)]
        began = time.perf_counter()
        self._write(b"".join(lines[:in_flight]))
        told = []
        for number in range(calls):
            told.append(self._read())
            if number + in_flight < calls:
                self._write(lines[number + in_flight])
        taken = time.perf_counter() - began
        for answer in told:
            self._check(answer)
        return calls / taken

    def memory(self) -> float | None:
        """Megabytes resident now, or None on a system that does not tell."""
        pid = self._process.pid
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            return int(status.partition("VmRSS:")[2].split()[0]) / 1024
        except OSError:
            pass
        try:
            return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)], text=True)) / 1024  # noqa: S607
        except (OSError, ValueError, subprocess.CalledProcessError):
            return None

    def _request(self, method: str, params: dict[str, Any]) -> bytes:
        self._last_id += 1
        return _line({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})

    def _write(self, line: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def _read(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise self._ended()
        return line

    def _check(self, told: bytes) -> None:
        result = json.loads(told).get("result", {})
        text = result.get("content", [{}])[0].get("text", "")
        if result.get("isError") or '"line_items"' not in text:
            raise Failed(f"{self._start.name} did not answer with the order: {told[:300]!r}")

    def _ended(self) -> Failed:
        self._errors.seek(0)
        tail = self._errors.read()[-1500:].decode(errors="replace")
        return Failed(f"{self._start.name} ended or said nothing for {PATIENCE:.0f} s:\n{tail}")


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
