"""How far a list that is sorted by time has been added up: enough to go on without counting a row twice."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import parse_time
from mcp_server_tiktok_shop.platform.paging import is_invalid_page_token

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.paging import Page
    from mcp_server_tiktok_shop.tools.summaries.course import ShopPaginator, SummaryRequest

MAX_PAGE_SIZE = 100


class Position:
    """The time of the last row, and the ids of that very second: page tokens may be dead by the next call.

    While the token of the next page is alive, it is the way on: one second may hold more rows than a call can pass.
    """

    def __init__(self, state: Json | None = None) -> None:
        state = state or {}
        self.time: int | None = state.get("time")
        self.ids: set[str] = set(state.get("ids", ()))
        self._timeless_ids: set[str] = set(state.get("timeless_ids", ()))
        self._query_start: int | None = state.get("query_start")
        self._next_token: str | None = state.get("next_token")

    def advance(self, row: Json, field: str) -> int | None:
        """A row is added up; its time, None where that can't be read."""
        time = parse_time(row.get(field))
        row_id = str(row.get("id"))
        if time is None:
            self._timeless_ids.add(row_id)
        elif self.time is None or time > self.time:
            self.time, self.ids = time, {row_id}
        elif time == self.time:
            self.ids.add(row_id)
        return time

    def finish(self, page: Page, field: str) -> None:
        """All rows of a page are added up."""
        self._query_start = page.resume_filter.get(f"{field}_ge", self._query_start)
        self._next_token = page.next_token

    def to_state(self) -> Json:
        state: Json = {"time": self.time, "ids": sorted(self.ids), "timeless_ids": sorted(self._timeless_ids)}
        return state | {"query_start": self._query_start, "next_token": self._next_token}

    async def iter_pages(
        self, walk: ShopPaginator, name: str, field: str, terms: SummaryRequest
    ) -> AsyncGenerator[Page, None]:
        """What is left of a list in the period, old rows first. The one who adds them up says so: `finish`."""
        if self._next_token is not None:
            token, self._next_token = self._next_token, None
            try:
                async with aclosing(self._iter_query(walk, name, field, terms, token)) as pages:
                    async for page in pages:
                        yield page
            except ShopError as error:
                if not is_invalid_page_token(error):
                    raise
            else:
                return
        self._query_start = terms.start if self.time is None else self.time
        async with aclosing(self._iter_query(walk, name, field, terms, None)) as pages:
            async for page in pages:
                yield page

    async def _iter_query(
        self, walk: ShopPaginator, name: str, field: str, terms: SummaryRequest, token: str | None
    ) -> AsyncGenerator[Page, None]:
        values: Json = {"page_size": MAX_PAGE_SIZE, "sort_field": field, "sort_order": "ASC"}
        values |= {f"{field}_ge": self._query_start, f"{field}_lt": terms.end}
        if token is not None:
            values["page_token"] = token
        async with aclosing(walk(name, values, self.ids | self._timeless_ids)) as pages:
            async for page in pages:
                self._next_token = None  # until its rows are added up, the way on is from the last row's second
                yield page
