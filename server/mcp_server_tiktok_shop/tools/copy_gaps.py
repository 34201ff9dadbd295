"""Says what a shop's copy lacks: tables that do not reach far enough or are not up to date."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.shop_snapshot import TableState


class TableGap(Struct, frozen=True):
    """What is lacking of a table, and what in it is not up to date; empty where nothing is."""

    lacking: str = ""
    stale: str = ""

    @classmethod
    def find(cls, state: TableState, zone: ZoneInfo, start: int | None = None, *, is_recent: bool = False) -> TableGap:
        """The gap of a table in which something from the moment `start` on is asked for, or all that there is.

        Where only what `is_recent` matters, nobody asks for what lies before its history.
        """
        reaches = _format_moment(state.history_from, zone) if state.history_from else ""
        reason = f": {state.problem}" if state.problem else ""
        count = state.unreadable_count
        odd = f"has {count} values or rows that can't be read and are left out" if count else ""
        if not state.as_of:
            return cls("could not be read" + (reason or " yet"), odd)
        if reaches:
            is_lacking = not is_recent and (start is None or start < (state.history_from or 0))
            lacking = f"reaches back to {reaches} only" if is_lacking else ""
        else:
            lacking = "" if state.is_complete else f"is not read to its end yet{reason}"
        old = f"is of {_format_moment(state.as_of, zone)}{reason}" if state.problem and not lacking else ""
        return cls(lacking, "; ".join(filter(None, (old, odd))))


def _format_moment(moment: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="minutes")
