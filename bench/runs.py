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

WARM_UP_CALLS = 60  # before anything counts: connections, validators, caches
LATENCY_CALLS_PER_ROUND, RATE_CALLS_PER_ROUND, MAX_IN_FLIGHT = 100, 600, 32
ROUNDS_PER_LIFE = 5  # of each kind in the life of a pair of servers


@dataclass(slots=True)
class PairedSamples:
    """Samples of our server and of the bare one, pair by pair side by side in time."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours: noise that lasts longer than a round falls out."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def measure_cold_start(command: ServerCommand, *, with_call: bool = True) -> tuple[float, float]:
    """Milliseconds from spawn to the answer of tools/list, and to that of a first call right behind it."""
    start_time = time.perf_counter()
    with ServerProcess(command) as server:
        server.connect()
        list_time = time.perf_counter()
        if with_call:
            server.measure_latencies(1)
        return (list_time - start_time) * 1000, (time.perf_counter() - start_time) * 1000


@dataclass(slots=True)
class StartSamples:
    """Milliseconds from spawn on."""

    listing: PairedSamples = field(default_factory=PairedSamples)
    first_call: PairedSamples = field(default_factory=PairedSamples)


def measure_cold_starts(
    ours: ServerCommand, bare: ServerCommand, round_count: int, *, with_call: bool = True
) -> StartSamples:
    """Cold starts, ours and bare in turn."""
    samples = StartSamples()
    for number in range(round_count):
        for command in (ours, bare) if number % 2 else (bare, ours):
            listing, first_call = measure_cold_start(command, with_call=with_call)
            side = "ours" if command is ours else "bare"
            getattr(samples.listing, side).append(listing)
            getattr(samples.first_call, side).append(first_call)
    return samples


@dataclass(slots=True)
class LoadSamples:
    """What calls cost: milliseconds, calls a second, megabytes after them."""

    median: PairedSamples = field(default_factory=PairedSamples)
    p95: PairedSamples = field(default_factory=PairedSamples)
    rate: PairedSamples = field(default_factory=PairedSamples)
    memory: PairedSamples = field(default_factory=PairedSamples)


def measure_load(ours: ServerCommand, bare: ServerCommand, life_count: int) -> LoadSamples:
    """Call both servers in turn while both run; a new pair each life, since two processes are never quite alike."""
    load = LoadSamples()
    for _ in range(life_count):
        with ServerProcess(ours) as first, ServerProcess(bare) as second:
            for server in (first, second):
                server.connect()
                server.measure_latencies(WARM_UP_CALLS)
            for number in range(ROUNDS_PER_LIFE):
                for server in (first, second) if number % 2 else (second, first):
                    latencies = server.measure_latencies(LATENCY_CALLS_PER_ROUND)
                    side = "ours" if server is first else "bare"
                    getattr(load.median, side).append(statistics.median(latencies))
                    getattr(load.p95, side).append(statistics.quantiles(latencies, n=20)[-1])
            for number in range(ROUNDS_PER_LIFE):
                for server in (first, second) if number % 2 else (second, first):
                    side = "ours" if server is first else "bare"
                    getattr(load.rate, side).append(server.measure_rate(RATE_CALLS_PER_ROUND, MAX_IN_FLIGHT))
            our_memory, bare_memory = first.measure_memory(), second.measure_memory()
            if our_memory is not None and bare_memory is not None:
                load.memory.ours.append(our_memory)
                load.memory.bare.append(bare_memory)
    return load


def measure_tool_list(command: ServerCommand) -> tuple[int, int]:
    """The number of tools in the list, and their bytes as compact JSON."""
    with ServerProcess(command) as server:
        tools = server.connect()
    return len(tools), len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
