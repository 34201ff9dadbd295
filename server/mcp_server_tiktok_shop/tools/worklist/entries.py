"""What waits for a seller, as values: entries with their deadlines, how many there are, and how current they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.worklist_kinds import WorklistKind

Urgency = Literal["late", "today", "in_24_h", "later"]
NEXT_DAY = timedelta(days=1)
# Columns of a kind's SQL that mean the same everywhere; the one beside them is the id of what is to be done.
SHARED_COLUMNS = ("deadline", "order_id", "detail", "product_name")


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """One thing to do. `id` is that of what is to be done, by the name `id_name`; `zone` is the shop's.

    `place` counts what its kind found in the shop: what is most pressing comes first.
    """

    kind: WorklistKind
    shop: str
    zone: ZoneInfo
    place: int
    deadline: datetime | None
    id_name: str
    id: str
    order_id: str
    detail: str
    product_name: str

    @classmethod
    def from_row(
        cls, kind: WorklistKind, shop: str, zone: ZoneInfo, place: int, columns: Sequence[str], row: Sequence[Any]
    ) -> WorklistEntry:
        """The entry of a row that the kind's SQL found."""
        cells = dict(zip(columns, row, strict=True))
        id_name = next(name for name in columns if name not in SHARED_COLUMNS)
        return cls(
            kind=kind,
            shop=shop,
            zone=zone,
            place=place,
            deadline=cells.get("deadline"),
            id_name=id_name,
            id=str(cells[id_name] or ""),
            order_id=str(cells.get("order_id") or ""),
            detail=str(cells.get("detail") or ""),
            product_name=str(cells.get("product_name") or ""),
        )

    def get_urgency(self, now: datetime) -> Urgency:
        """How soon it is due, by the shop's own day; `later` also where it has no deadline."""
        if self.deadline is None:
            return "later"
        if self.deadline < now:
            return "late"
        if self.deadline.astimezone(self.zone).date() == now.astimezone(self.zone).date():
            return "today"
        return "in_24_h" if self.deadline < now + NEXT_DAY else "later"

    @property
    def sort_key(self) -> tuple[bool, float, int, str, str]:
        """By deadline; what has none comes after, as its kind sorts it."""
        moment = self.deadline.timestamp() if self.deadline is not None else 0.0
        return (self.deadline is None, moment, self.place, self.kind.name, self.id)


@dataclass(frozen=True, slots=True)
class StaleTable:
    """A table of a shop that could not be brought up to date; `as_of` is empty where it was never read."""

    shop: str
    table: str
    as_of: str
    problem: str


@dataclass(frozen=True, slots=True)
class Worklist:
    """All that waits, sorted by deadline. `unanswered` tells by shop why nothing can be said of it at all."""

    now: datetime
    as_of: datetime | None
    shops: tuple[str, ...]
    entries: tuple[WorklistEntry, ...]
    stale_tables: tuple[StaleTable, ...]
    unanswered: Mapping[str, str]

    def count(self, urgency: Urgency, entries: Iterable[WorklistEntry] | None = None) -> int:
        """How many of these entries, or of all, are so urgent."""
        return sum(entry.get_urgency(self.now) == urgency for entry in (self.entries if entries is None else entries))

    @property
    def is_late(self) -> bool:
        return any(entry.get_urgency(self.now) == "late" for entry in self.entries)

    def group_by_kind(self) -> dict[WorklistKind, list[WorklistEntry]]:
        """The entries of each kind that has some, the kind with the most urgent one first."""
        groups: dict[str, list[WorklistEntry]] = {}
        for entry in self.entries:
            groups.setdefault(entry.kind.name, []).append(entry)
        return {entries[0].kind: entries for entries in groups.values()}
