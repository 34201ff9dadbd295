"""Runs both servers in turn, so that what the machine does meanwhile strikes both alike."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.client import ServerProcess

if TYPE_CHECKING:
    from bench.client import ServerCommand

WARM_UP_CALLS = 60  # calls before anything counts: connections, validators, caches
CALLS_PER_ROUND, FLOOD_CALLS, MAX_IN_FLIGHT = 100, 600, 32
ROUNDS_PER_LIFE = 5  # of each kind in the life of a pair of servers


@dataclass(slots=True)
class PairedSamples:
    """What was measured for ours and for the bare server, side by side in time."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours: noise that lasts longer than a round falls out."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def measure_cold_start(command: ServerCommand) -> float:
    """Milliseconds from spawn to the answer of tools/list."""
    start_time = time.perf_counter()
    with ServerProcess(command) as server:
        server.connect()
        return (time.perf_counter() - start_time) * 1000


def measure_cold_starts(ours: ServerCommand, bare: ServerCommand, rounds: int) -> PairedSamples:
    samples = PairedSamples()
    for number in range(rounds):
        if number % 2:
            samples.ours.append(measure_cold_start(ours))
            samples.bare.append(measure_cold_start(bare))
        else:
            samples.bare.append(measure_cold_start(bare))
            samples.ours.append(measure_cold_start(ours))
    return samples


@dataclass(slots=True)
class LoadSamples:
    """What calls cost: milliseconds, calls a second, megabytes after them."""

    median: PairedSamples = field(default_factory=PairedSamples)
    p95: PairedSamples = field(default_factory=PairedSamples)
    rate: PairedSamples = field(default_factory=PairedSamples)
    memory: PairedSamples = field(default_factory=PairedSamples)


def measure_load(ours: ServerCommand, bare: ServerCommand, lives: int) -> LoadSamples:
    """Both servers alive at once, called in turn; a new pair each life, since two processes are never quite alike."""
    load = LoadSamples()
    for _ in range(lives):
        with ServerProcess(ours) as first, ServerProcess(bare) as second:
            for server in (first, second):
                server.connect()
                server.measure_latencies(WARM_UP_CALLS)
            for number in range(ROUNDS_PER_LIFE):
                for server in (first, second) if number % 2 else (second, first):
                    times = server.measure_latencies(CALLS_PER_ROUND)
                    side = "ours" if server is first else "bare"
                    getattr(load.median, side).append(statistics.median(times))
                    getattr(load.p95, side).append(statistics.quantiles(times, n=20)[-1])
            for number in range(ROUNDS_PER_LIFE):
                for server in (first, second) if number % 2 else (second, first):
                    side = "ours" if server is first else "bare"
                    getattr(load.rate, side).append(server.measure_rate(FLOOD_CALLS, MAX_IN_FLIGHT))
            memory_used = first.measure_memory(), second.measure_memory()
            if memory_used[0] is not None and memory_used[1] is not None:
                load.memory.ours.append(memory_used[0])
                load.memory.bare.append(memory_used[1])
    return load


def measure_tool_list(command: ServerCommand) -> tuple[int, int]:
    """How many tools are listed, and their bytes as compact JSON."""
    with ServerProcess(command) as server:
        tools = server.connect()
    return len(tools), len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
