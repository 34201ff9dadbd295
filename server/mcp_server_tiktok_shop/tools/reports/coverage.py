"""Tells how far the copy behind a report reaches: no sum crosses an edge of it unsaid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot


@dataclass(frozen=True, slots=True)
class Coverage:
    """`as_of` is the moment of the oldest table, `history_from` that from which on all are whole, if one is cut.

    `part_only` says what is lacking of which tables, empty where the period lies within the copy; `stale` what is not
    up to date.
    """

    as_of: int
    history_from: int | None
    lacking_tables: tuple[str, ...]
    part_only: str
    stale: str

    @classmethod
    def measure(cls, snapshot: ShopSnapshot, tables: Iterable[str], start: int | None) -> Coverage:
        """Of these tables of a snapshot; `start` is the first moment asked for, None where all that is there is."""
        states = {name: snapshot.tables[name] for name in tables}
        lacking: dict[str, str] = {}
        stale = []
        for name, state in states.items():
            reaches = _format_moment(state.history_from, snapshot) if state.history_from else ""
            if not state.as_of:
                lacking[name] = f"{name} could not be read" + (f": {state.problem}" if state.problem else " yet")
            elif reaches and (start is None or start < (state.history_from or 0)):
                lacking[name] = f"{name} reaches back to {reaches} only"
            elif not reaches and not state.is_complete:
                lacking[name] = f"{name} is not read to its end yet" + (f": {state.problem}" if state.problem else "")
            elif state.problem:
                stale.append(f"{name} is of {_format_moment(state.as_of, snapshot)}: {state.problem}")
            if state.unreadable_count:
                stale.append(f"{state.unreadable_count} values or rows of {name} can't be read and are in no sum")
        cuts = [state.history_from for state in states.values() if state.history_from]
        return cls(
            as_of=min((state.as_of for state in states.values()), default=0),
            history_from=max(cuts, default=None),
            lacking_tables=tuple(lacking),
            part_only="; ".join(lacking.values()),
            stale="; ".join(stale),
        )


def _format_moment(moment: int | None, snapshot: ShopSnapshot) -> str:
    return datetime.fromtimestamp(moment or 0, snapshot.zone).isoformat(timespec="minutes")
