"""Tells from the journal what was changed here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.tools.periods import period

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import Shops
    from mcp_server_tiktok_shop.state.audit_log import Journal

COLUMNS = ("time", "shop", "operation", "outcome", "ids", "made")


@dataclass(frozen=True, slots=True)
class Changes:
    """The writes that were sent from this home folder; on a pinned server those at its own shop alone."""

    journal: Journal
    shops: Shops
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        known = await self.shops.known()
        zone = self.zone or (known[0].zone(None) if known else ZoneInfo("UTC"))
        span = period(values["period"], zone, self.clock())
        entries = await asyncio.to_thread(self.journal.entries)
        ours = {target.shop.id for target in known if target.shop is not None}
        rows = []
        for entry in entries:
            moment = datetime.fromisoformat(entry.get("time", "1970-01-01T00:00:00+00:00"))
            if not span.start <= moment.timestamp() < span.end:
                continue
            if self.shops.pinned is not None and entry.get("shop_id") not in ours:
                continue
            rows.append(_row(entry, moment.astimezone(zone)))
        told: Json = {"period": span.told, "time_zone": zone.key, "writes": len(rows)}
        return told | ({"changes": {"columns": list(COLUMNS), "rows": rows}} if rows else {})


def _row(entry: dict[str, Any], moment: datetime) -> list[Any]:
    shop = entry.get("shop") or entry.get("account")
    told = {**entry, "time": moment.isoformat(timespec="seconds"), "shop": shop}
    return [told.get(column) for column in COLUMNS]
