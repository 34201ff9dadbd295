"""The local copy of the shops: brought up to date as far as a deadline allows, and seen as immutable snapshots."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.extraction import RowExtractor
from mcp_server_tiktok_shop.mirror.reading import SourceReader
from mcp_server_tiktok_shop.mirror.snapshots import SnapshotStore
from mcp_server_tiktok_shop.mirror.spool import BatchKey, Spool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.mirror.states import MirrorState, SourceState
    from mcp_server_tiktok_shop.mirror.tables import Source, TableCatalog
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.accounts import Shop
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

SECONDS_PER_DAY = 86400
CHANGES_OVERLAP_S = 300  # what changed before this much is asked for again: clocks differ, and changes are told late

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TableState:
    """How far a table of a snapshot reaches. Moments are Unix seconds.

    `as_of` is the moment of which it is, 0 where it was never read. `history_from` is the moment from which on it is
    whole; None where it has no history, or all of it. `is_complete` says that as much of it is there as is wanted. `problem` is why it is
    not up to date, empty where nothing is in the way. `unreadable_count` are values and rows that were passed over.
    """

    as_of: int
    history_from: int | None
    is_complete: bool
    problem: str
    unreadable_count: int


@dataclass(frozen=True, slots=True)
class ShopSnapshot:
    """An immutable copy of one shop: a DuckDB file with a table for each record. `zone` is where its days begin."""

    shop: Shop
    zone: ZoneInfo
    path: Path
    tables: Mapping[str, TableState]


class ProgressReporter(Protocol):
    """Hears how far a sync is."""

    def __call__(self, done: float, total: float | None, message: str, /) -> Awaitable[None]: ...


@dataclass(frozen=True)
class MirrorParts:
    """What a mirror is made of. `redact_data` redacts an answer's data by its operation's name, `hide_secrets` a text.

    `get_folder` tells where the copy of a shop lies, by its id; `clock` gives Unix seconds, `monotonic` seconds of the
    clock of deadlines; `history_days` is how far back history is read.
    """

    table_catalog: TableCatalog
    catalog: Catalog
    policy: AccessPolicy
    sensitive_fields: SensitiveFields
    paginator: Paginator
    redact_data: Callable[[str, Json], Json]
    hide_secrets: Callable[[str], str]
    get_folder: Callable[[str], MirrorFolder]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    history_days: int


class Mirror:
    """The local copies of all shops that this server can reach."""

    def __init__(self, parts: MirrorParts) -> None:
        self._parts = parts
        self._shops: dict[str, _ShopMirror] = {}

    @property
    def table_catalog(self) -> TableCatalog:
        return self._parts.table_catalog

    async def refresh(
        self,
        target: Target,
        tables: Collection[str],
        *,
        max_age_s: float,
        deadline: float,
        report_progress: ProgressReporter | None = None,
    ) -> ShopSnapshot:
        """The shop's copy, in which these tables are no older than `max_age_s`, as far as `deadline` allows.

        What is not done by then goes on behind it; the snapshot tells of each table how far it reaches.

        Raises:
            ShopError: Nothing at all can be answered from.

        """
        shop = target.shop
        if shop is None:
            raise ShopError("shop_required", "A local copy is one shop's.", hint="Name a shop.")
        if shop.id not in self._shops:
            self._shops[shop.id] = _ShopMirror(self._parts, self._parts.get_folder(shop.id))
        return await self._shops[shop.id].refresh(
            target, self.table_catalog.find_sources(tables), max_age_s, deadline, report_progress
        )

    async def close(self) -> None:
        """End what goes on in the background; what was read so far lies in the spool."""
        for shop in self._shops.values():
            await shop.close()


class _ShopMirror:
    def __init__(self, parts: MirrorParts, folder: MirrorFolder) -> None:
        self._parts = parts
        self._store = SnapshotStore(folder, parts.table_catalog, parts.clock)
        self._spool = Spool(folder.spool_folder, parts.hide_secrets)
        self._state: MirrorState | None = None
        self._lock = asyncio.Lock()
        self._extractors: dict[str, RowExtractor] = {}

    async def refresh(
        self,
        target: Target,
        sources: list[Source],
        max_age_s: float,
        _deadline: float,
        _report_progress: ProgressReporter | None,
    ) -> ShopSnapshot:
        async with self._lock:
            if self._state is None:
                self._state = await asyncio.to_thread(self._store.load_state)
            for source in sources:
                known = self._state.get_source(source.name)
                if known.is_complete and known.as_of >= self._parts.clock() - max_age_s:
                    continue
                try:
                    self._state = await self._sync(target, source, self._state)
                except ShopError as error:
                    log.warning("%s could not be read: %s", source.name, error.message)
                    self._state = self._state.with_source(
                        source.name, problem=error.message, problem_at=int(self._parts.clock())
                    )
            if not self._state.snapshot:
                raise ShopError("platform", self._state.get_source(sources[-1].name).problem, hint="")
            return self._to_snapshot(target, self._state)

    async def close(self) -> None:
        return

    async def _sync(self, target: Target, source: Source, state: MirrorState) -> MirrorState:
        now = int(self._parts.clock())
        reader = SourceReader(
            source,
            target,
            self._parts.paginator,
            self._get_extractor(source),
            self._spool,
            self._parts.clock,
            lambda _rows: None,
        )
        if source.for_each is not None:
            parent_source = self._parts.table_catalog.sources[
                self._parts.table_catalog.tables[source.for_each.table].source
            ]
            parents = await asyncio.to_thread(self._store.list_parents, state, source, parent_source, now)
            batch = await reader.read_parents(BatchKey(source.name, "parents"), parents)
            batches = [batch] if parents else []
            changes = {"history_from": state.get_source(parent_source.name).history_from}
        elif source.history is not None:
            start = now - self._parts.history_days * SECONDS_PER_DAY
            filters = {source.history.from_argument: start, source.history.until_argument: now + 1}
            batches = [await reader.read_list(BatchKey(source.name, "history", start, now + 1), filters)]
            changes = {"history_from": start}
        else:
            batches = [await reader.read_list(BatchKey(source.name, "all"), {})]
            changes = {}
        lay_in = partial(
            self._store.lay_in, state, source, batches, as_of=now, is_complete=True, problem="", problem_at=0, **changes
        )
        state = await asyncio.to_thread(lay_in)
        for batch in batches:
            self._spool.delete(batch)
        return state

    def _get_extractor(self, source: Source) -> RowExtractor:
        if source.name not in self._extractors:
            self._extractors[source.name] = RowExtractor(
                source, self._parts.sensitive_fields.get_root(source.operation), self._parts.redact_data
            )
        return self._extractors[source.name]

    def _to_snapshot(self, target: Target, state: MirrorState) -> ShopSnapshot:
        assert target.shop is not None  # noqa: S101
        tables = {
            table.name: _to_table_state(state.get_source(source.name))
            for source in self._parts.table_catalog.sources.values()
            for table in source.tables
        }
        zone = target.resolve_zone(self._parts.paginator.zone)
        return ShopSnapshot(target.shop, zone, self._store.get_path(state), tables)


def _to_table_state(state: SourceState) -> TableState:
    return TableState(state.as_of, state.history_from or None, state.is_complete, state.problem, state.unreadable_count)
