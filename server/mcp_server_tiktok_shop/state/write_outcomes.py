"""Remembers writes whose outcome is unknown, so that none is done twice: across processes, and over a restart."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.expiring_records import Record, Records

LIFE = 600.0  # seconds that the same write is refused for
UNDER_WAY = 60.0  # seconds in which a write ends that nobody cut off: the deadline, and some

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A write stands in it from before it is sent until its outcome is known. `clock` gives Unix seconds.

    `process` is the name of this one, and `ended` tells of another one whether it surely is no more.
    """

    records: Records
    clock: Callable[[], float]
    process: str
    ended: Callable[[str], bool]

    async def begin(
        self, mark: str, operation: Operation, *, repeat: bool, key: str = ""
    ) -> tuple[Record, Record | None]:
        """Enter a write. Answers its entry, and the earlier one that stands in the way, if one does.

        A repeated write keeps the earlier one's idempotency key, so that the platform can tell it is the same; `key`
        is the caller's own. It is not let through while the earlier one may still be on its way.
        """
        entry: Record = {"operation": operation.name, "sent": int(self.clock()), "process": self.process}
        entry["key"] = key or str(uuid.uuid4())

        def heir(earlier: Record) -> Record | None:
            recent = 0 <= entry["sent"] - earlier["sent"] < UNDER_WAY
            if recent and not earlier.get("lost") and not self.ended(str(earlier.get("process", ""))):
                return None
            entry["key"] = earlier["key"]
            return entry

        earlier = await self.records.claim(mark, entry, LIFE, heir if repeat else None)
        return entry, earlier

    async def lost(self, mark: str, entry: Record) -> None:
        """The outcome of the write will not be known: the ten minutes begin now."""
        await self._told(self.records.put(mark, entry | {"lost": True}, LIFE))

    async def settled(self, mark: str) -> None:
        """The outcome is known: done, or surely not done."""
        await self._told(self.records.take(mark))

    async def _told(self, change: Awaitable[object]) -> None:
        """What came of a write is told although it can't be entered; the entry made before stands for its time."""
        try:
            await change
        except ShopError as error:
            log.error("the outcome of a write can't be entered: %s", error.message)  # noqa: TRY400 - no traceback


def fingerprint(operation: Operation, values: Json, target: Target | None) -> str:
    """Tells the same write from another: operation, whom it is for, exact arguments."""
    whom = ""
    if target is not None:
        asset = f"{target.asset.market}/{target.asset.category_id}" if target.asset else ""  # a cipher may change
        whom = f"{target.shop.id if target.shop else target.account.id}/{asset}"
    told = json.dumps([operation.name, whom, values], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
