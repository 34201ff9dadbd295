"""Remembers writes whose outcome is unknown, so that none is done twice: across processes, and over a restart."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.tiktok.records import Record, Records
    from mcp_server_tiktok_shop.tiktok.shops import Target

LIFE = 600.0  # seconds that the same write is refused for


@dataclass(frozen=True, slots=True)
class Ledger:
    """A write stands in it from before it is sent until its outcome is known. `clock` gives Unix seconds."""

    records: Records
    clock: Callable[[], float]

    async def begin(self, mark: str, operation: Operation, *, repeat: bool) -> tuple[Record, Record | None]:
        """Enter a write. Answers its entry, and the earlier one that stands in the way, if one does.

        A repeated write keeps the earlier one's idempotency key, so that the platform can tell it is the same.
        """
        entry: Record = {"operation": operation.name, "sent": int(self.clock()), "key": str(uuid.uuid4())}
        earlier = await self.records.claim(mark, entry, LIFE)
        if earlier is None or not repeat:
            return entry, earlier
        entry["key"] = earlier["key"]
        await self.records.put(mark, entry, LIFE)
        return entry, None

    async def lost(self, mark: str, entry: Record) -> None:
        """The outcome of the write will not be known: the ten minutes begin now."""
        await self.records.put(mark, entry | {"lost": True}, LIFE)

    async def settled(self, mark: str) -> None:
        """The outcome is known: done, or surely not done."""
        await self.records.take(mark)


def fingerprint(operation: Operation, values: Json, target: Target | None) -> str:
    """Tells the same write from another: operation, whom it is for, exact arguments."""
    whom = ""
    if target is not None:
        asset = target.asset.cipher.get_secret_value() if target.asset else ""
        whom = f"{target.shop.id if target.shop else target.account.id}/{asset}"
    told = json.dumps([operation.name, whom, values], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
