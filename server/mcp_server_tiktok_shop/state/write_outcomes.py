"""Remembers writes whose outcome is unknown, so that none is done twice: across processes, and over a restart."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.state.expiring_records import ExpiringRecords, Record

DEDUPE_TTL_S = 600.0  # seconds that the same write is refused for
IN_FLIGHT_WINDOW_S = 60.0  # seconds in which a write ends that nobody cut off: the deadline, and some

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriteOutcomes:
    """A write stands in it from before it is sent until its outcome is known. `clock` gives Unix seconds.

    `process` is the name of this one, and `ended` tells of another one whether it surely is no more.
    """

    records: ExpiringRecords
    clock: Callable[[], float]
    process_name: str
    is_process_dead: Callable[[str], bool]

    async def reserve(
        self, fingerprint: str, operation_name: str, *, repeat: bool, idempotency_key: str = ""
    ) -> tuple[Record, Record | None]:
        """Enter a write. Answers its entry, and the earlier one that stands in the way, if one does.

        A repeated write keeps the earlier one's idempotency key, so that the platform can tell it is the same; `key`
        is the caller's own. It is not let through while the earlier one may still be on its way.
        """
        record: Record = {"operation": operation_name, "sent": int(self.clock()), "process": self.process_name}
        record["key"] = idempotency_key or str(uuid.uuid4())

        def replace_earlier(earlier: Record) -> Record | None:
            recent = 0 <= record["sent"] - earlier["sent"] < IN_FLIGHT_WINDOW_S
            if recent and not earlier.get("lost") and not self.is_process_dead(str(earlier.get("process", ""))):
                return None
            record["key"] = earlier["key"]
            return record

        earlier = await self.records.claim(fingerprint, record, DEDUPE_TTL_S, replace_earlier if repeat else None)
        return record, earlier

    async def mark_unknown(self, fingerprint: str, record: Record) -> None:
        """The outcome of the write will not be known: the ten minutes begin now."""
        await self._record_outcome(self.records.put(fingerprint, record | {"lost": True}, DEDUPE_TTL_S))

    async def clear(self, fingerprint: str) -> None:
        """The outcome is known: done, or surely not done."""
        await self._record_outcome(self.records.take(fingerprint))

    async def _record_outcome(self, change: Awaitable[object]) -> None:
        """What came of a write is told although it can't be entered; the entry made before stands for its time."""
        try:
            await change
        except ShopError as error:
            log.error("the outcome of a write can't be entered: %s", error.message)  # noqa: TRY400 - no traceback


def format_timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
