"""Write outcomes: a write whose outcome is unknown is remembered, so that none is done twice, not after a restart."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record

DEDUPE_TTL_S = 600.0  # for which the same write is refused
IN_FLIGHT_WINDOW_S = 60.0  # in which a write ends that nobody cut off: the deadline of a call, and some

log = logging.getLogger(__name__)


class ProcessLookup(Protocol):
    """The processes that may have sent a write."""

    @property
    def own_name(self) -> str:
        """The name of this process, unique among all that share the records."""

    def is_dead(self, name: str) -> bool:
        """Whether the process of that name surely is no more; False where that can't be known."""


@dataclass(frozen=True, slots=True)
class WriteOutcomes:
    """A record for each write, by its fingerprint, from before it is sent until its outcome is known.

    A record holds the operation's name, `sent` in Unix seconds as `clock` gives them, the name of the sending
    `process`, the idempotency `key`, and `lost` where the outcome will not be known.
    """

    records: ExpiringRecords
    clock: Callable[[], float]
    processes: ProcessLookup

    async def reserve(
        self, fingerprint: str, operation_name: str, *, repeat: bool, idempotency_key: str = ""
    ) -> tuple[Record, Record | None]:
        """Enter a write. Answers its record, and the earlier one that stands in the way, if one does.

        A repeated write takes over the earlier one's idempotency key, so that the platform can tell it is the same;
        else it has `idempotency_key`, the caller's own, or a new one. It is not let through while the earlier one may
        still be in flight.

        Raises:
            ShopError: `not_configured` where the records can't be read or written; nothing may be sent then.

        """
        record: Record = {"operation": operation_name, "sent": int(self.clock()), "process": self.processes.own_name}
        record["key"] = idempotency_key or str(uuid.uuid4())

        def replace_earlier(existing: Record) -> Record | None:
            is_recent = 0 <= record["sent"] - existing["sent"] < IN_FLIGHT_WINDOW_S
            if is_recent and not existing.get("lost") and not self.is_cut_off(existing):
                return None
            record["key"] = existing["key"]
            return record

        earlier = await self.records.claim(fingerprint, record, DEDUPE_TTL_S, replace_earlier if repeat else None)
        return record, earlier

    async def mark_unknown(self, fingerprint: str, record: Record) -> None:
        """The outcome of the write will not be known: DEDUPE_TTL_S begin now."""
        await self._record_outcome(self.records.put(fingerprint, record | {"lost": True}, DEDUPE_TTL_S))

    async def clear(self, fingerprint: str) -> None:
        """The outcome is known: done, or surely not done."""
        await self._record_outcome(self.records.take(fingerprint))

    def is_cut_off(self, record: Record) -> bool:
        """Whether the process that sent the write surely is no more, so that nobody waits for its answer."""
        return self.processes.is_dead(str(record.get("process", "")))

    async def _record_outcome(self, change: Awaitable[object]) -> None:
        """What came of a write is reported although it can't be entered; the record made before stands for its time."""
        try:
            await change
        except ShopError as error:
            log.error("the outcome of a write can't be entered: %s", error.message)  # noqa: TRY400 - no traceback


def format_timestamp(seconds: float) -> str:
    """Unix seconds in ISO 8601 and UTC, as audit log and errors say when a write was sent."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
