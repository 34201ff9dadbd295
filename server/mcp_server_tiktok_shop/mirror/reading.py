"""Reads a source from the platform into the spool: whole lists, windows of time, changes, rows one by one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import parse_count
from mcp_server_tiktok_shop.mirror.threads import wait_to_end
from mcp_server_tiktok_shop.platform.large_answers import run_by_size
from mcp_server_tiktok_shop.platform.paging import is_invalid_page_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.batches import Batch, BatchKey
    from mcp_server_tiktok_shop.mirror.extraction import RowExtractor
    from mcp_server_tiktok_shop.mirror.progress import SyncProgress
    from mcp_server_tiktok_shop.mirror.snapshots import Parent
    from mcp_server_tiktok_shop.mirror.spool import Spool
    from mcp_server_tiktok_shop.mirror.tables import Source
    from mcp_server_tiktok_shop.platform.paging import Page, Paginator
    from mcp_server_tiktok_shop.platform.shops import Target

T = TypeVar("T")

MAX_RESUME_AGE_S = 600  # of pages of a whole list: the later ones would be of another time
MAX_IN_FLIGHT = 10  # pages of one source at once: as many as the rate limiter sends, and some that have come


class SourceReader(Struct, frozen=True):
    """Reads one source of one shop. `clock` gives Unix seconds; `progress` hears of the rows of each page."""

    source: Source
    target: Target
    paginator: Paginator
    extractor: RowExtractor
    spool: Spool
    clock: Callable[[], float]
    progress: SyncProgress

    async def read_list(self, key: BatchKey, filters: Json) -> Batch:
        """All pages of the list, with these arguments besides the source's own.

        Raises:
            ShopError: A page was refused; those before lie in the spool.

        """
        batch = self.spool.open_batch(key, self.clock())
        if key.kind == "all" and self.clock() - batch.read_at > MAX_RESUME_AGE_S:
            self.spool.delete(batch)
            batch = self.spool.open_batch(key, self.clock())
        if not batch.is_complete:
            try:
                await self._read_pages(batch, filters)
            except ShopError as error:
                if not batch.resume or not is_invalid_page_token(error):
                    raise
                self.spool.delete(batch)
                batch = self.spool.open_batch(key, self.clock())
                await self._read_pages(batch, filters)
        return batch

    async def read_parents(self, key: BatchKey, parents: Iterable[Parent]) -> Batch:
        """What the source answers for each of these rows. Raises as `read_list`."""
        batch = self.spool.open_batch(key, self.clock())
        for_each = self.source.for_each
        assert for_each is not None  # noqa: S101 - only such a source has parents
        missing = [parent for parent in parents if parent.value not in batch.parents]
        size = for_each.batch or 1
        groups = [missing[start : start + size] for start in range(0, len(missing), size)]
        places = asyncio.Semaphore(MAX_IN_FLIGHT)

        async def read_group(group: list[Parent]) -> None:
            values = [parent.value for parent in group]
            arguments = {for_each.argument: values if for_each.batch else values[0]}
            marks = {"parents": values, "stable_parents": [parent.value for parent in group if parent.is_stable]}
            async with places:
                await self._read_group(batch, arguments, marks)

        try:
            async with asyncio.TaskGroup() as tasks:
                for group in groups:
                    tasks.create_task(read_group(group))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return batch

    async def _read_group(self, batch: Batch, arguments: Json, marks: Json) -> None:
        """What is answered for some rows, spooled at once: it counts whole or not at all."""
        rows: dict[str, list[list[object]]] = {table.name: [] for table in self.source.tables}
        at = self.clock()
        values = {**self.source.arguments, **arguments}
        async with aclosing(self.paginator.iter_pages(self.source.operation, values, self.target)) as pages:
            async for page in pages:
                extracted = await self._run(page, partial(self._extract, page, values))
                for name, cells in extracted.items():
                    rows[name] += cells
        self.spool.append(batch, rows, at, **marks)
        self.progress.add_rows(len(rows[self.source.main_table.name]))

    async def _read_pages(self, batch: Batch, filters: Json) -> None:
        values = {**self.source.arguments, **filters, **batch.resume}
        at = self.clock()
        async with aclosing(self.paginator.iter_pages(self.source.operation, values, self.target)) as pages:
            async for page in pages:
                await self.spool_page(batch, page, filters, at)
                del page  # it takes some megabytes: not while the next one is waited for
                at = self.clock()

    async def spool_page(
        self, batch: Batch, page: Page, filters: Json, at: float, *, cut_at: int | None = None
    ) -> None:
        """Spool a page of a list that was asked for with these arguments `at` a moment.

        It is the batch's last where the list ends with it, or where the batch is cut: to begin at a later time.
        """
        is_complete = cut_at is not None or page.next_token is None
        resume = {} if is_complete else {"page_token": page.next_token, **page.resume_filter}
        mark: Json = {"resume": resume, "is_complete": is_complete} | ({} if cut_at is None else {"start": cut_at})
        values = {**self.source.arguments, **filters}

        def spool() -> None:
            self.spool.append(batch, self._extract(page, values), at, **mark)

        await self._run(page, spool)
        self.progress.add_rows(len(page.rows))

    async def _run(self, page: Page, function: Callable[[], T]) -> T:
        """What a function returns that works on a page, which goes on to its end even where who waits is cancelled."""
        return await wait_to_end(run_by_size(page.size_bytes, function))

    def _extract(self, page: Page, values: Json) -> dict[str, list[list[object]]]:
        return self.extractor.extract(page.data, page.rows, page.list_path, values)


async def count_rows(reader: SourceReader, filters: Json) -> int | None:
    """How many rows the platform counts for these arguments; None where it does not tell. Raises ShopError."""
    operation = reader.paginator.catalog.operations[reader.source.operation]
    page_size = max(1, operation.arguments.get("page_size", {}).get("minimum", 1))
    values = {**reader.source.arguments, **filters, "page_size": page_size}
    async with aclosing(reader.paginator.iter_pages(reader.source.operation, values, reader.target)) as pages:
        page = await anext(pages)
    return parse_count(page.data.get("total_count"))
