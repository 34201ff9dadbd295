"""Watches a process with those that it starts: the most memory that they have at one time, and their processor time.

A page that several of them share counts once (Pss). Where there is no `/proc` nothing is told.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

PROCESSES = Path("/proc")
SAMPLE_INTERVAL_S = 0.05
MEGABYTE = 2**20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class TreeWatch:
    """Watches from when it is entered until it is left."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._first_cpu_seconds: dict[int, float] = {}
        self._cpu_seconds: dict[int, float] = {}
        self.peak_megabytes = 0.0

    @property
    def worker_cpu_seconds(self) -> float:
        """What the processes took that were started, as far as they were seen, since the watch began."""
        return sum(self._cpu_seconds.values()) - sum(self._first_cpu_seconds.values())

    def __enter__(self) -> Self:
        self._look()
        self._first_cpu_seconds = dict(self._cpu_seconds)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._is_over.wait(SAMPLE_INTERVAL_S):
            self._look()

    def _look(self) -> None:
        size_bytes = 0
        for process_id in _iter_tree(self._process_id):
            with suppress(OSError):  # it has ended meanwhile
                size_bytes += _read_size(process_id)
                if process_id != self._process_id:
                    self._cpu_seconds[process_id] = _read_cpu_seconds(process_id)
        self.peak_megabytes = max(self.peak_megabytes, size_bytes / MEGABYTE)


def _iter_tree(process_id: int) -> Iterator[int]:
    yield process_id
    for path in (PROCESSES / str(process_id)).glob("task/*/children"):
        with suppress(OSError):
            for child in path.read_text().split():
                yield from _iter_tree(int(child))


def _read_size(process_id: int) -> int:
    lines = (PROCESSES / str(process_id) / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _read_cpu_seconds(process_id: int) -> float:
    fields = (PROCESSES / str(process_id) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
