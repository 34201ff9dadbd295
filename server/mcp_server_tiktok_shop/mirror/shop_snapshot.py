"""A shop's copy as a reader sees it: an immutable file, and how far each of its tables reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.states import MirrorState, SourceState
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog
    from mcp_server_tiktok_shop.state.accounts import Shop


class TableState(Struct, frozen=True):
    """How far a table of a snapshot reaches. Moments are Unix seconds.

    `as_of` is the moment of which it is, 0 where it was never read. `history_from` is the moment from which on it is
    whole; None where it has no history. `is_complete` says that as much of it is there as is wanted. `problem` is why
    it is not up to date, empty where nothing is in the way. `unreadable_count` are values and rows that were passed
    over.
    """

    as_of: int
    history_from: int | None
    is_complete: bool
    problem: str
    unreadable_count: int

    @classmethod
    def from_source(cls, state: SourceState) -> TableState:
        """The state of each table of a source."""
        history_from = state.history_from or None
        return cls(int(state.as_of), history_from, state.is_complete, state.problem, state.unreadable_count)


class ShopSnapshot(Struct, frozen=True):
    """An immutable copy of one shop: a DuckDB file with a table for each record. `zone` is where its days begin."""

    shop: Shop
    zone: ZoneInfo
    path: Path
    tables: Mapping[str, TableState]


def list_table_states(state: MirrorState, catalog: TableCatalog) -> Mapping[str, TableState]:
    """How far each table reaches."""
    return {
        table.name: TableState.from_source(state.get_source(source.name))
        for source in catalog.sources.values()
        for table in source.tables
    }
