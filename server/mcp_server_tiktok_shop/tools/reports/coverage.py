"""How far the copy behind a report reaches: no sum silently crosses that edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.tools.copy_gaps import TableGap

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot


class Coverage(Struct, frozen=True):
    """`as_of` is the moment of the oldest table, `history_from` that from which on all are whole, if one is cut.

    `part_only` says what is lacking of which tables, empty where the period lies within the copy; `stale` what is not
    up to date. `cut_tables` are those that are whole from some moment on.
    """

    as_of: int
    history_from: int | None
    lacking_tables: tuple[str, ...]
    part_only: str
    stale: str
    cut_tables: frozenset[str] = frozenset()

    def find_known_start(self, start: int) -> int | None:
        """From which moment on, `start` or later, what is in no table was not there; None where that is not known."""
        if any(table not in self.cut_tables for table in self.lacking_tables):
            return None
        return max(start, self.history_from or 0)

    @classmethod
    def measure(
        cls, snapshot: ShopSnapshot, tables: Iterable[str], start: int | None, recent_tables: Container[str] = ()
    ) -> Coverage:
        """Of these tables of a snapshot; `start` is the first moment asked for, None where all that is there is.

        Of `recent_tables` nobody asks for what lies before their history.
        """
        states = {name: snapshot.tables[name] for name in tables}
        lacking: dict[str, str] = {}
        stale = []
        for name, state in states.items():
            gap = TableGap.find(state, snapshot.zone, start, is_recent=name in recent_tables)
            if gap.lacking:
                lacking[name] = f"{name} {gap.lacking}"
            if gap.stale:
                stale.append(f"{name} {gap.stale}")
        cuts = {name: each.history_from for name, each in states.items() if each.history_from}
        moments = [moment for name, moment in cuts.items() if name not in recent_tables]
        return cls(
            as_of=min((state.as_of for state in states.values()), default=0),
            history_from=max(moments, default=None),
            lacking_tables=tuple(lacking),
            part_only="; ".join(lacking.values()),
            stale="; ".join(stale),
            cut_tables=frozenset(cuts),
        )
