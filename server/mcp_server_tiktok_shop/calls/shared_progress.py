"""Reports the progress of reading several shops to one caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.calls.caller import Caller

    # Hears how far a read is: done, of how many (None: unknown), and a few words for a person.
    ReportProgress = Callable[[float, float | None, str], Awaitable[None]]


class SharedProgress:
    """The progress of several shops as one: it never goes back, and knows its end when all of them know theirs.

    Nothing is told once the call `is_over`: reading may go on behind it.
    """

    def __init__(self, caller: Caller, shops: int) -> None:
        self._caller = caller
        self._done = [0.0] * shops
        self._totals: list[float | None] = [None] * shops
        self._reported = 0.0
        self.is_over = False

    def has_begun(self, place: int) -> bool:
        """Whether one of the shops has given a part of what it is read for."""
        return self._done[place] > 0

    def create_reporter(self, place: int) -> ReportProgress:
        """What one of the shops reports to."""

        async def report(done: float, total: float | None, message: str, /) -> None:
            self._done[place], self._totals[place] = max(done, self._done[place]), total
            sum_done = sum(self._done)
            if self.is_over or sum_done <= self._reported:
                return
            self._reported = sum_done
            totals = [each for each in self._totals if each is not None]
            sum_total = sum(totals) if len(totals) == len(self._totals) else None
            await self._caller.report_progress(sum_done, sum_total, message)

        return report
