"""How far a sync is: rows that came, of how many that are expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable


class ProgressReporter(Protocol):
    """Hears how far a sync is: rows done, of how many (None: unknown), and a few words."""

    def __call__(self, done: float, total: float | None, message: str, /) -> Awaitable[None]: ...


@dataclass(slots=True)
class SyncProgress:
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
