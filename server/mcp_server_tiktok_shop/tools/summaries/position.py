"""How far a list that is sorted by time has been added up: enough to go on without counting a row twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.calls.paging import Page
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import ShopPaginator, SummaryRequest

MAX_PAGE_SIZE = 100


class Position:
    """The time of the last row, and the ids of that very second: page tokens may be dead by the next call."""

    def __init__(self, state: Json | None = None) -> None:
        self.time: int | None = state["time"] if state else None
        self.ids: set[str] = set(state["ids"]) if state else set()

    def advance(self, row: Json, field: str) -> int:
        """A row is added up; answers its time."""
        time = int(row.get(field) or self.time or 0)
        if self.time is None or time > self.time:
            self.time, self.ids = time, set()
        if time == self.time:
            self.ids.add(str(row.get("id")))
        return time

    def to_state(self) -> Json:
        return {"time": self.time, "ids": sorted(self.ids)}

    def iter_pages(
        self, walk: ShopPaginator, name: str, field: str, terms: SummaryRequest
    ) -> AsyncGenerator[Page, None]:
        """What is left of a list in the period, old rows first. The one who adds a row up says that it is passed."""
        values: Json = {"page_size": MAX_PAGE_SIZE, "sort_field": field, "sort_order": "ASC"}
        values |= {f"{field}_ge": terms.start if self.time is None else self.time, f"{field}_lt": terms.end}
        return walk(name, values, self.ids)
