"""Reads history in windows of time, newest first and in parallel, wider where there are fewer rows."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import aclosing
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.json_values import parse_count, parse_time
from mcp_server_tiktok_shop.mirror.batches import BatchKey
from mcp_server_tiktok_shop.mirror.reading import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.batches import Batch, BatchKind
    from mcp_server_tiktok_shop.mirror.reading import SourceReader
    from mcp_server_tiktok_shop.mirror.tables import TimeFilter
    from mcp_server_tiktok_shop.platform.paging import Page

PAGES_PER_WINDOW = 8  # where a span is divided: the last page of each is mostly half empty
MAX_PAGES_PER_WINDOW = 12  # a span of no more is read as it is
MAX_PARTS = 64  # of one span that is divided


class HistoryReader(Struct):
    """Reads what `reader` reads of the time from `start` until before `end`, in Unix seconds.

    `handle_batch` is called with each window that is whole. What lies in the spool of it is taken up.
    """

    reader: SourceReader
    history: TimeFilter
    kind: BatchKind
    start: int
    end: int
    handle_batch: Callable[[Batch], Awaitable[None]]
    _spans: list[tuple[int, int]] = field(default_factory=list)  # (-end, start), a heap: the newest first
    _active_count: int = 0
    _is_counted: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Read the whole span.

        Raises:
            ShopError: A page was refused; what was read lies in the spool.

        """
        await self._take_up()
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(MAX_IN_FLIGHT):
                    tasks.create_task(self._work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _take_up(self) -> None:
        """Plan what is not in the spool; what is there and whole is handled, what is there in part goes on."""
        edge = self.end
        batches = sorted(self.reader.spool.list_batches(self.reader.source.name, self.kind), key=lambda b: -b.key.end)
        for batch in batches:
            if batch.key.end > edge or batch.key.start < self.start:
                self.reader.spool.delete(batch)  # of a span that was read another way
                continue
            self._plan(batch.key.end, edge)
            if batch.is_complete:
                await self.handle_batch(batch)
            else:
                self._push(batch.key.start, batch.key.end)
            edge = batch.key.start
        self._plan(self.start, edge)

    def _plan(self, start: int, end: int) -> None:
        longest = self.history.max_span_s or end - start
        while start < end:
            self._push(max(start, end - longest), end)
            end -= longest

    def _push(self, start: int, end: int) -> None:
        heapq.heappush(self._spans, (-end, start))

    async def _work(self) -> None:
        while (span := await self._take_span()) is not None:
            batch = await self._read_window(*span)
            await self.handle_batch(batch)
            async with self._changed:
                self._active_count -= 1
                self._changed.notify_all()

    async def _take_span(self) -> tuple[int, int] | None:
        """The newest span that nobody reads; None where there is none and none can come any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._spans or not self._active_count)
            if not self._spans:
                return None
            self._active_count += 1
            end, start = heapq.heappop(self._spans)
            return start, -end

    async def _read_window(self, start: int, end: int) -> Batch:
        """Read a window to its start; or to where the rest is better read by several, for which windows are planned."""
        filters = self._make_filters(start, end)
        key = BatchKey(self.reader.source.name, self.kind, start, end)
        read_at = self.reader.clock()
        batch = self.reader.spool.open_batch(key, read_at)
        if batch.resume:
            return await self.reader.read_list(key, filters)
        row_count = 0
        pages = self.reader.paginator.iter_pages(
            self.reader.source.operation, {**self.reader.source.arguments, **filters}, self.reader.target
        )
        async with aclosing(pages):
            async for page in pages:
                self._expect_rows(page)
                row_count += len(page.rows)
                edge = self._find_edge(page, start, end)
                rest = self._estimate_rest(page, row_count, edge, start, end) if edge is not None else 0
                part_count = self._count_parts(rest)
                if edge is not None and part_count > 1:
                    await self.reader.spool_page(batch, page, filters, read_at, cut_at=edge)
                    await self._divide(start, edge, part_count)
                    break
                await self.reader.spool_page(batch, page, filters, read_at)
                del page  # it takes some megabytes: not while the next one is waited for
        return batch

    def _expect_rows(self, page: Page) -> None:
        if not self._is_counted:
            self._is_counted = True
            self.reader.progress.expect_rows(parse_count(page.data.get("total_count")) or 0)

    def _make_filters(self, start: int, end: int) -> Json:
        filters: Json = {self.history.from_argument: start, self.history.until_argument: end}
        if self.history.sort_field:
            filters |= {"sort_field": self.history.sort_field, "sort_order": "DESC"}
        return filters

    def _find_edge(self, page: Page, start: int, end: int) -> int | None:
        """From when on a page of a window, with those before it, is all that there is; None where that is not told."""
        times = [parse_time(row.get(self.history.column)) for row in page.rows]
        if page.next_token is None or not self.history.sort_field or not times or None in times:
            return None
        edge = min(time for time in times if time is not None) + 1
        return edge if start < edge < end else None

    def _count_parts(self, row_count: int) -> int:
        """In how many windows so many rows are best read: enough for who has nothing to do, and who asks."""
        page_count = ceil(row_count / self.reader.source.page_size)
        idle_count = 0 if self._spans else MAX_IN_FLIGHT - self._active_count + 1
        busy_parts = ceil(page_count / PAGES_PER_WINDOW) if page_count > MAX_PAGES_PER_WINDOW else 1
        return max(busy_parts, min(page_count, idle_count))

    def _estimate_rest(self, page: Page, row_count: int, edge: int, start: int, end: int) -> int:
        """How many rows are older than an edge: as the platform counts, or as many as those from it on let expect."""
        total = parse_count(page.data.get("total_count"))
        if total is not None:
            return total - row_count
        return ceil(row_count * (edge - start) / max(1, end - edge))

    async def _divide(self, start: int, end: int, part_count: int) -> None:
        parts = min(MAX_PARTS, part_count, end - start)
        edges = [start + (end - start) * part // parts for part in range(parts + 1)]
        async with self._changed:
            for part_start, part_end in pairwise(edges):
                self._push(part_start, part_end)
            self._changed.notify_all()
