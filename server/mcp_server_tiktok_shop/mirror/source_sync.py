"""Brings one source of one shop up to date: first its history, then what changed, each into a snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from mcp_server_tiktok_shop.mirror.batches import BatchKey
from mcp_server_tiktok_shop.mirror.reading import MAX_IN_FLIGHT, count_rows
from mcp_server_tiktok_shop.mirror.threads import wait_to_end
from mcp_server_tiktok_shop.mirror.windows import HistoryReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.batches import Batch
    from mcp_server_tiktok_shop.mirror.reading import SourceReader
    from mcp_server_tiktok_shop.mirror.snapshots import SnapshotStore
    from mcp_server_tiktok_shop.mirror.states import MirrorState, SourceState
    from mcp_server_tiktok_shop.mirror.tables import Source, TimeFilter

SECONDS_PER_DAY = 86400
CHANGES_OVERLAP_S = 300  # what changed before this much is asked for again: clocks differ, changes are told late
MAX_PARENTS_AT_ONCE = 400
PUBLISH_INTERVAL_S = 3.0  # between two snapshots of a history that is being read
PUBLISH_SHARE = 3  # the same, as so many times what making one took
MIN_RECOUNT_SPAN_S = 3600  # a span that differs is read anew whole from here on
RESUME_AGE_S = 60  # where a first reading was cut, a row that was asked for so short a time ago is not asked for again


class Publisher(Protocol):
    """Lays batches into the snapshot, one after the other."""

    @property
    def state(self) -> MirrorState:
        """What is in force."""
        ...

    async def publish(
        self, source: Source, batches: Sequence[Batch], make_changes: Callable[[SourceState], Json]
    ) -> None:
        """Lay batches of one kind in; `make_changes` gives what changes of the source's state, by the one before."""
        ...


class SourceSync(Struct):
    """One source of one shop."""

    reader: SourceReader
    store: SnapshotStore
    publisher: Publisher
    history_days: int
    _ready: dict[int, Batch] = field(default_factory=dict)  # windows of history by their end
    _next_publish: float = 0.0

    @property
    def source(self) -> Source:
        return self.reader.source

    @property
    def state(self) -> SourceState:
        return self.publisher.state.get_source(self.source.name)

    def _now(self) -> int:
        """The moment in whole seconds, as the platform counts: what it is asked for."""
        return int(self.reader.clock())

    async def backfill(self, history: TimeFilter) -> None:
        """Read the history that is wanted and not there yet, newest first. Raises ShopError, OSError."""
        now = self._now()
        start = now - self.history_days * SECONDS_PER_DAY
        if not self.state.backfill_end:
            await self._publish([], history_start=start, backfill_end=now + 1)
        elif self.state.is_complete:  # further back than before
            await self._publish([], history_start=start, is_complete=False)
        state = self.state
        end = state.history_from or state.backfill_end
        reader = HistoryReader(self.reader, history, "history", state.history_start, end, self._take_window)
        await reader.read()
        await self._publish_history()

    async def _take_window(self, batch: Batch) -> None:
        self._ready[batch.key.end] = batch
        if time.monotonic() >= self._next_publish:
            await self._publish_history()

    async def _publish_history(self) -> None:
        """Lay in the windows that are whole and without a gap to what is there."""
        edge = self.state.history_from or self.state.backfill_end
        if not edge:  # the copy was found damaged meanwhile
            return
        batches: list[Batch] = []
        while (batch := self._ready.pop(edge, None)) is not None:
            batches.append(batch)
            edge = batch.key.start
        if not batches and edge > self.state.history_start:
            return
        self._next_publish = float("inf")
        began = time.monotonic()
        read_at = min([batch.read_at for batch in batches], default=self.reader.clock())

        def make_changes(state: SourceState) -> Json:
            is_complete = edge <= state.history_start
            as_of = min(state.as_of or read_at, read_at)
            listed_at = self._now() if is_complete else 0
            return {"history_from": edge, "as_of": as_of, "is_complete": is_complete, "listed_at": listed_at}

        await self.publisher.publish(self.source, batches, make_changes)
        duration = time.monotonic() - began
        self._next_publish = time.monotonic() + max(PUBLISH_INTERVAL_S, PUBLISH_SHARE * duration)

    async def freshen(self, since: float) -> None:
        """Read what may have changed since the source was read last, so that it is of `since` or later.

        Raises ShopError, OSError.
        """
        source, state, began, now = self.source, self.state, self.reader.clock(), self._now()
        is_relisting = source.relist_after_s > 0 and now - state.listed_at >= source.relist_after_s
        if source.for_each is not None:
            await self._read_parents(since)
        elif source.changes is None and source.history is None:
            await self._read_all()
        elif source.changes is None and source.history is not None:
            start = max(state.history_from, now - source.reread_s)
            await self._read_again(source.history, [(start, now + 1)], as_of=began)
        elif source.history is None and (not state.is_complete or is_relisting):
            await self._read_all()
        elif source.changes is not None:
            await self._read_changes(source.changes)
            if is_relisting and source.history is not None and state.is_complete:
                spans = await self._find_differences(source.history, self.state.history_from, int(self.state.as_of))
                await self._read_again(source.history, spans, listed_at=now)

    async def _read_all(self) -> None:
        now = self._now()
        batch = await self.reader.read_list(BatchKey(self.source.name, "all"), {})
        await self._publish([batch], as_of=batch.read_at, listed_at=now, is_complete=True)

    async def _read_changes(self, changes: TimeFilter) -> None:
        now, as_of = self._now(), self.state.as_of
        key = BatchKey(self.source.name, "changes", max(0, int(as_of) - CHANGES_OVERLAP_S), now + 1)
        for earlier in self.reader.spool.list_batches(self.source.name, "changes"):
            if earlier.key.start == key.start:
                key = earlier.key  # that was cut
            else:
                self.reader.spool.delete(earlier)
        filters: Json = {changes.from_argument: key.start}
        if changes.until_argument:
            filters[changes.until_argument] = key.end
        if changes.sort_field:
            filters |= {"sort_field": changes.sort_field, "sort_order": "ASC"}
        batch = await self.reader.read_list(key, filters)

        def make_changes(state: SourceState) -> Json:
            # A window of history that was read before this, and laid in meanwhile, is older.
            return {"as_of": batch.read_at if state.as_of >= key.start else state.as_of}

        await self.publisher.publish(self.source, [batch], make_changes)

    async def _read_again(self, history: TimeFilter, spans: Sequence[tuple[int, int]], **changes: Any) -> None:
        """Read spans of the history anew, and put what is there now in the place of what was.

        What lay in the spool of a reading that was cut is older: it is of its own moment.
        """
        for start, end in spans:
            batches: list[Batch] = []

            async def take_batch(batch: Batch, batches: list[Batch] = batches) -> None:
                batches.append(batch)

            await HistoryReader(self.reader, history, "again", start, end, take_batch).read()
            if "as_of" in changes:
                changes["as_of"] = min([changes["as_of"], *(batch.read_at for batch in batches)])
            await self._publish(sorted(batches, key=lambda batch: -batch.key.end))
        await self._publish([], **changes)

    async def _find_differences(self, history: TimeFilter, start: int, end: int) -> list[tuple[int, int]]:
        """The spans of history in which the platform counts other rows than there are here."""
        if start >= end:
            return []
        filters = {history.from_argument: start, history.until_argument: end}
        theirs = await count_rows(self.reader, filters)
        ours = await wait_to_end(self.store.count_rows(self.publisher.state, self.source, start, end))
        if theirs is None or theirs == ours:
            return []
        if end - start <= MIN_RECOUNT_SPAN_S or max(theirs, ours) <= self.source.page_size:
            return [(start, end)]
        middle = (start + end) // 2
        older = await self._find_differences(history, start, middle)
        return older + await self._find_differences(history, middle, end)

    async def _read_parents(self, since: float) -> None:
        for_each = self.source.for_each
        assert for_each is not None  # noqa: S101 - only such a source has parents
        key = BatchKey(self.source.name, "parents")
        began = self.reader.clock()
        parent_state = self.publisher.state.get_source(self.store.get_parent_source(self.source).name)
        left_over = self.reader.spool.open_batch(key, began)
        if left_over.parents:  # by who was cut
            await self._publish([left_over])
        if not self.state.is_complete:
            since = min(since, began - RESUME_AGE_S)
        oldest = await wait_to_end(self.store.find_oldest_reading(self.publisher.state, self.source, since))
        parents = await wait_to_end(self.store.list_parents(self.publisher.state, self.source, since))
        self.reader.progress.expect_rows(len(parents))
        size = max(MAX_PARENTS_AT_ONCE, for_each.batch * MAX_IN_FLIGHT)
        for start in range(0, len(parents), size):
            batch = await self.reader.read_parents(key, parents[start : start + size])
            as_of = self.state.as_of or began
            await self._publish([batch], as_of=as_of, history_from=parent_state.history_from)
        await self._publish(
            [],
            as_of=min(began, parent_state.as_of, began if oldest is None else oldest),
            history_from=parent_state.history_from,
            is_complete=parent_state.is_complete,
        )

    async def _publish(self, batches: Sequence[Batch], **changes: Any) -> None:
        await self.publisher.publish(self.source, batches, lambda _state: changes)
