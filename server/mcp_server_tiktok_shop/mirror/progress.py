"""How far a sync is: rows read, out of how many expected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

REPORT_INTERVAL_S = 0.5


class ProgressReporter(Protocol):
    """Hears how far a sync is: rows done, of how many (None: unknown), and a few words."""

    def __call__(self, done: float, total: float | None, message: str, /) -> Awaitable[None]: ...


class SyncProgress(Struct):
    """Rows that were read, and rows that lists which were begun tell of."""

    row_count: int = 0
    expected_count: int = 0

    def add_rows(self, count: int) -> None:
        self.row_count += count

    def expect_rows(self, count: int) -> None:
        self.expected_count += count

    @property
    def total(self) -> int | None:
        return self.expected_count if self.expected_count >= self.row_count else None

    async def wait(
        self,
        tasks: Iterable[asyncio.Task[None]],
        deadline: float,
        monotonic: Callable[[], float],
        report: ProgressReporter | None,
    ) -> None:
        """Wait until all are done, or the deadline has come, and report meanwhile."""
        pending = set(tasks)
        while pending and (remaining := deadline - monotonic()) > 0:
            done, pending = await asyncio.wait(pending, timeout=min(REPORT_INTERVAL_S, remaining))
            for task in done:
                task.result()
            if report is not None and pending:
                await report(self.row_count, self.total, f"{self.row_count} rows read")
