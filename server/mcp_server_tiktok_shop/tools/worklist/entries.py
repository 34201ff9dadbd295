"""The worklist as values: entries with deadlines, their counts, and how current they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.worklist_kinds import WorklistKind

Urgency = Literal["late", "today", "in_24_h", "later"]
DAY_S = 86_400


class WorklistEntry(Struct, frozen=True):
    """One thing to do. `id` is what its kind says; `zone` is the shop's; `rank` sorts what has no deadline.

    `words` are what a buyer wrote or gave as a reason. What is not `is_waiting` is listed behind the rest of its kind
    and in no count.
    """

    kind: WorklistKind
    shop: str
    zone: ZoneInfo
    deadline: datetime | None
    rank: int
    id: str
    order_id: str
    detail: str
    product_name: str
    buyer: str
    words: str
    is_waiting: bool

    @classmethod
    def from_cells(cls, kind: WorklistKind, shop: str, zone: ZoneInfo, cells: Mapping[str, Any]) -> WorklistEntry:
        """The entry of a row that the kind's SQL found."""
        return cls(
            kind=kind,
            shop=shop,
            zone=zone,
            deadline=cells.get("deadline"),
            rank=cells.get("rank") or 0,
            id=cells[kind.id] or "",
            order_id=cells.get("order_id") or "",
            detail=cells.get("detail") or "",
            product_name=cells.get("product_name") or "",
            buyer=cells.get("buyer") or "",
            words=" ".join((cells.get("words") or "").split()),
            is_waiting=cells.get("is_waiting") is not False,
        )

    def get_urgency(self, now: datetime) -> Urgency:
        """How soon it is due, by the shop's own day; `later` also where it has no deadline."""
        if self.deadline is None:
            return "later"
        # Python subtracts moments of one zone by its clock, which shows an hour twice where summer time ends.
        left_s = self.deadline.timestamp() - now.timestamp()
        if left_s < 0:
            return "late"
        if self.deadline.astimezone(self.zone).date() == now.astimezone(self.zone).date():
            return "today"
        return "in_24_h" if left_s < DAY_S else "later"

    @property
    def sort_key(self) -> tuple[bool, float, str, bool, int, str]:
        """By deadline; what has none comes after, by kind and as its kind ranks it, what waits for nothing last."""
        moment = self.deadline.timestamp() if self.deadline is not None else 0.0
        return (self.deadline is None, moment, self.kind.name, not self.is_waiting, self.rank, self.id)


class StaleTable(Struct, frozen=True):
    """A table of a shop that could not be brought up to date; `as_of` is empty where it was never read."""

    shop: str
    table: str
    as_of: str
    problem: str


class Worklist(Struct, frozen=True):
    """All that waits, sorted by deadline; `related_entries` are of kinds that were not asked for but may be meant, too.

    `unanswered` tells by shop why nothing can be said of it at all, `brief_labels` what each shop is called in rows.
    """

    now: datetime
    as_of: datetime | None
    shops: tuple[str, ...]
    entries: tuple[WorklistEntry, ...]
    related_entries: tuple[WorklistEntry, ...]
    stale_tables: tuple[StaleTable, ...]
    unanswered: Mapping[str, str]
    brief_labels: Mapping[str, str]

    def count(self, urgency: Urgency, entries: Iterable[WorklistEntry] | None = None) -> int:
        """How many of these entries, or of all, are so urgent."""
        return sum(entry.get_urgency(self.now) == urgency for entry in (self.entries if entries is None else entries))

    def count_waiting(self, entries: Iterable[WorklistEntry] | None = None) -> int:
        """How many of these entries, or of all, wait for the seller."""
        return sum(entry.is_waiting for entry in (self.entries if entries is None else entries))

    @property
    def is_late(self) -> bool:
        return any(entry.get_urgency(self.now) == "late" for entry in self.entries)

    def group_by_kind(self) -> dict[WorklistKind, list[WorklistEntry]]:
        """The entries of each kind that has some, the kind with the most urgent one first."""
        return _group_by_kind(self.entries)

    def group_related_by_kind(self) -> dict[WorklistKind, list[WorklistEntry]]:
        """The same of the related entries."""
        return _group_by_kind(self.related_entries)


def _group_by_kind(entries: Iterable[WorklistEntry]) -> dict[WorklistKind, list[WorklistEntry]]:
    groups: dict[WorklistKind, list[WorklistEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.kind, []).append(entry)
    return groups
