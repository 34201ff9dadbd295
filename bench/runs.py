"""Runs both servers in turn, so that what the machine does meanwhile strikes both alike."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.client import FULL_PAGE_CALL, PAGE_CALL, PEER_CALL, SMALL_CALL, ServerProcess

if TYPE_CHECKING:
    from typing import Any

    from bench.client import ServerCommand

WARM_UP_CALLS = 60  # before anything counts: connections, validators, caches
LATENCY_CALLS_PER_ROUND, RATE_CALLS_PER_ROUND, MAX_IN_FLIGHT = 100, 600, 32
PAGE_CALLS_PER_ROUND, FULL_PAGE_CALLS_PER_ROUND = 30, 10
PAUSE_S, WARM_CALLS_PER_PAUSE = 20.0, 7
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


def measure_cold_start(command: ServerCommand) -> float:
    """Milliseconds from spawn to the answer of tools/list."""
    start_time = time.perf_counter()
    with ServerProcess(command) as server:
        server.connect()
        return (time.perf_counter() - start_time) * 1000


def measure_cold_starts(ours: ServerCommand, bare: ServerCommand, round_count: int) -> PairedSamples:
    """Milliseconds of cold starts, ours and bare in turn."""
    samples = PairedSamples()
    for number in range(round_count):
        if number % 2:
            samples.ours.append(measure_cold_start(ours))
            samples.bare.append(measure_cold_start(bare))
        else:
            samples.bare.append(measure_cold_start(bare))
            samples.ours.append(measure_cold_start(ours))
    return samples


def measure_first_call(command: ServerCommand) -> float:
    """Milliseconds from spawn to the answer of the first call."""
    start_time = time.perf_counter()
    with ServerProcess(command) as server:
        server.connect()
        server.measure_latencies(1)
        return (time.perf_counter() - start_time) * 1000


def measure_first_calls(ours: ServerCommand, bare: ServerCommand, round_count: int) -> PairedSamples:
    """Milliseconds until first calls are answered, ours and bare in turn."""
    samples = PairedSamples()
    for number in range(round_count):
        for command in (ours, bare) if number % 2 else (bare, ours):
            getattr(samples, "ours" if command is ours else "bare").append(measure_first_call(command))
    return samples


def measure_pauses(ours: ServerCommand, round_count: int) -> PairedSamples:
    """Milliseconds of calls after a pause, beside warm ones in the place of bare ones."""
    samples = PairedSamples()
    with ServerProcess(ours) as server:
        server.connect()
        server.measure_latencies(1)
        for _ in range(round_count):
            samples.bare.append(statistics.median(server.measure_latencies(WARM_CALLS_PER_PAUSE)))
            time.sleep(PAUSE_S)
            samples.ours += server.measure_latencies(1)
    return samples


def measure_peer(ours: ServerCommand, peer: ServerCommand, round_count: int) -> tuple[PairedSamples, PairedSamples]:
    """Milliseconds until the tools are listed, and of a small call; the peer in the place of the bare server."""
    starts, calls = measure_cold_starts(ours, peer, round_count), PairedSamples()
    with ServerProcess(ours) as first, ServerProcess(peer) as second:
        for server, call in ((first, SMALL_CALL), (second, PEER_CALL)):
            server.connect()
            server.measure_latencies(WARM_UP_CALLS // 3, call)
        for _ in range(round_count):
            calls.ours.append(statistics.median(first.measure_latencies(PAGE_CALLS_PER_ROUND)))
            calls.bare.append(statistics.median(second.measure_latencies(PAGE_CALLS_PER_ROUND, PEER_CALL)))
    return starts, calls


@dataclass(slots=True)
class LoadSamples:
    """What calls cost: milliseconds, calls a second, megabytes after them."""

    median: PairedSamples = field(default_factory=PairedSamples)
    p95: PairedSamples = field(default_factory=PairedSamples)
    page: PairedSamples = field(default_factory=PairedSamples)
    full_page: PairedSamples = field(default_factory=PairedSamples)
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
            _measure_calls(first, second, load.page, PAGE_CALL, PAGE_CALLS_PER_ROUND)
            for number in range(ROUNDS_PER_LIFE):
                for server in (first, second) if number % 2 else (second, first):
                    side = "ours" if server is first else "bare"
                    getattr(load.rate, side).append(server.measure_rate(RATE_CALLS_PER_ROUND, MAX_IN_FLIGHT))
            our_memory, bare_memory = first.measure_memory(), second.measure_memory()
            if our_memory is not None and bare_memory is not None:
                load.memory.ours.append(our_memory)
                load.memory.bare.append(bare_memory)
            _measure_calls(first, second, load.full_page, FULL_PAGE_CALL, FULL_PAGE_CALLS_PER_ROUND)
    return load


def _measure_calls(
    first: ServerProcess, second: ServerProcess, samples: PairedSamples, call: dict[str, Any], call_count: int
) -> None:
    """Add the medians of calls in turn, ours first and bare first."""
    for server in (first, second):
        server.measure_latencies(call_count // 5, call)
    for number in range(ROUNDS_PER_LIFE):
        for server in (first, second) if number % 2 else (second, first):
            median = statistics.median(server.measure_latencies(call_count, call))
            (samples.ours if server is first else samples.bare).append(median)


def measure_tool_list(command: ServerCommand) -> tuple[int, int]:
    """The number of tools in the list, and their bytes as compact JSON."""
    with ServerProcess(command) as server:
        tools = server.connect()
    return len(tools), len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
