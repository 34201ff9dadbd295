"""Runs both servers in turn, so that what the machine does meanwhile strikes both alike."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.client import Served

if TYPE_CHECKING:
    from bench.client import Start

WARM_UP = 60  # calls before anything counts: connections, validators, caches
CALLS, FLOOD, IN_FLIGHT = 100, 600, 32
ROUNDS = 5  # of each kind in the life of a pair of servers


@dataclass(slots=True)
class Pairs:
    """What was measured for ours and for the bare server, side by side in time."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours: noise that lasts longer than a round falls out."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def cold_start(start: Start) -> float:
    """Milliseconds from spawn to the answer of tools/list."""
    began = time.perf_counter()
    with Served(start) as server:
        server.opened()
        return (time.perf_counter() - began) * 1000


def cold_starts(ours: Start, bare: Start, rounds: int) -> Pairs:
    taken = Pairs()
    for number in range(rounds):
        if number % 2:
            taken.ours.append(cold_start(ours))
            taken.bare.append(cold_start(bare))
        else:
            taken.bare.append(cold_start(bare))
            taken.ours.append(cold_start(ours))
    return taken


@dataclass(slots=True)
class Load:
    """What calls cost: milliseconds, calls a second, megabytes after them."""

    median: Pairs = field(default_factory=Pairs)
    p95: Pairs = field(default_factory=Pairs)
    rate: Pairs = field(default_factory=Pairs)
    memory: Pairs = field(default_factory=Pairs)


def loads(ours: Start, bare: Start, lives: int) -> Load:
    """Both servers alive at once, called in turn; a new pair each life, since two processes are never quite alike."""
    load = Load()
    for _ in range(lives):
        with Served(ours) as first, Served(bare) as second:
            for server in (first, second):
                server.opened()
                server.times(WARM_UP)
            for number in range(ROUNDS):
                for server in (first, second) if number % 2 else (second, first):
                    times = server.times(CALLS)
                    side = "ours" if server is first else "bare"
                    getattr(load.median, side).append(statistics.median(times))
                    getattr(load.p95, side).append(statistics.quantiles(times, n=20)[-1])
            for number in range(ROUNDS):
                for server in (first, second) if number % 2 else (second, first):
                    side = "ours" if server is first else "bare"
                    getattr(load.rate, side).append(server.rate(FLOOD, IN_FLIGHT))
            used = first.memory(), second.memory()
            if used[0] is not None and used[1] is not None:
                load.memory.ours.append(used[0])
                load.memory.bare.append(used[1])
    return load


def list_bytes(start: Start) -> tuple[int, int]:
    """How many tools are listed, and their bytes as compact JSON."""
    with Served(start) as server:
        tools = server.opened()
    return len(tools), len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
