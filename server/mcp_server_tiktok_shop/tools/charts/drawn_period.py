"""The period that a chart covers, as far as the local copy reaches."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.tools.periods import Period
    from mcp_server_tiktok_shop.tools.reports.coverage import Coverage


class DrawnPeriod(Struct, frozen=True):
    """The first and the last day of which rows of every shop can be, as ISO text, and what a title calls them.

    `suffix` says in a title that they are not over.
    """

    first_day: str
    last_day: str
    description: str
    suffix: str = ""

    @property
    def words(self) -> str:
        return self.description + self.suffix

    @classmethod
    def find(cls, period: Period, coverage: Coverage, zone: ZoneInfo, suffix: str = "") -> Self:
        """A period without what lies before the copy's history, or after the moment that it is of."""
        start = max(period.start, coverage.history_from or 0)
        end = max(min(period.end - 1, coverage.as_of), start)
        first, last = (datetime.fromtimestamp(moment, zone).date().isoformat() for moment in (start, end))
        words = period.description if start == period.start else f"{first} to {last}"
        return cls(first, last, words, suffix)

    @classmethod
    def unite(cls, periods: Iterable[Self]) -> Self | None:
        """That of several shops, whose days begin at different hours: by night one has a day that another has not."""
        found = list(dict.fromkeys(periods))
        if len(found) <= 1:
            return found[0] if found else None
        first_days, last_days = [each.first_day for each in found], [each.last_day for each in found]
        suffix = next((each.suffix for each in found if each.suffix), "")
        return cls(max(first_days), min(last_days), f"{min(first_days)} to {max(last_days)}", suffix)
