"""Finds in the audit log what jobs did and was taken back since, together with its job or by a call of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.undo_checks import DONE_OUTCOMES, list_undoings
from mcp_server_tiktok_shop.calls.way_back import WayBack, get_subject_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mcp_server_tiktok_shop.state.stores import AuditLog, Record


class UndoneThing(Struct, frozen=True):
    """A thing that a job changed at a shop, and that was taken back at that moment, in ISO 8601."""

    id: str
    job_id: str
    shop_id: str
    undone_at: str


async def list_undone(audit_log: AuditLog, job_ids: Collection[str]) -> list[UndoneThing]:
    """What writes of these jobs changed, and is taken back.

    Raises:
        ShopError: As `AuditLog.read_entries`.

    """
    if not job_ids:
        return []
    entries = await audit_log.read_entries()
    undoings = list_undoings(entries)
    return [
        UndoneThing(thing_id, entry["job"], entry.get("shop_id", ""), moment)
        for entry in entries
        if entry.get("job") in job_ids
        for thing_id, moment in _find_undone_ids(undoings, entry).items()
    ]


def _find_undone_ids(undoings: Sequence[Record], entry: Record) -> dict[str, str]:
    """The ids in what took a write back, with its moment, unless that was taken back itself."""
    undone: dict[str, str] = {}
    for undoing in undoings:
        if undoing.get("undo_of") == entry["id"] and undoing["outcome"] in DONE_OUTCOMES and "time" in undoing:
            own = _list_changed_ids(undoing) or _list_changed_ids(entry)
            undone |= dict.fromkeys(own - _find_undone_ids(undoings, undoing).keys(), str(undoing["time"]))
    return undone


def _list_changed_ids(entry: Record) -> frozenset[str]:
    """The ids of what a write changed, by its way back, which holds all of them."""
    way_back = WayBack.from_json(entry.get("undo"))
    steps = way_back.steps if way_back else ()
    return frozenset(thing_id for step in steps for thing_id in get_subject_ids(step["arguments"]))
