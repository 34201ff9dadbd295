"""Lists from the audit log what was changed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.tools.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.state.stores import AuditLog

COLUMNS = ("time", "shop", "operation", "outcome", "ids", "made")


@dataclass(frozen=True, slots=True)
class ListChangesTool:
    """The tool `list_changes`; on a pinned server of its own shop alone. `clock` gives Unix seconds."""

    audit_log: AuditLog
    shops: ShopResolver
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The writes that were sent from this home folder in a period, as a table; times in the first shop's zone."""
        targets = await self.shops.list_targets()
        zone = self.zone or (targets[0].resolve_zone(None) if targets else ZoneInfo("UTC"))
        period_range = parse_period(values["period"], zone, self.clock())
        entries = await self.audit_log.read_entries()
        own_shop_ids = {target.shop.id for target in targets if target.shop is not None}
        rows = []
        for entry in entries:
            moment = datetime.fromisoformat(entry.get("time", "1970-01-01T00:00:00+00:00"))
            if not period_range.start <= moment.timestamp() < period_range.end:
                continue
            if self.shops.pinned is not None and entry.get("shop_id") not in own_shop_ids:
                continue
            rows.append(_to_row(entry, moment.astimezone(zone)))
        result: Json = {"period": period_range.description, "time_zone": zone.key, "writes": len(rows)}
        return result | ({"changes": {"columns": list(COLUMNS), "rows": rows}} if rows else {})


def _to_row(entry: dict[str, Any], moment: datetime) -> list[Any]:
    shop = entry.get("shop") or entry.get("account")
    cells = {**entry, "time": moment.isoformat(timespec="seconds"), "shop": shop}
    return [cells.get(column) for column in COLUMNS]
