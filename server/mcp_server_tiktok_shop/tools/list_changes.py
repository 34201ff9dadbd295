"""Lists from the audit log what was changed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.json_values import SkippedValues
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
        shop_names = {target.shop.id: target.shop.label for target in targets if target.shop is not None}
        rows = []
        skipped = SkippedValues()
        for _ in range(await self.audit_log.count_unreadable()):
            skipped.add("the journal")
        for entry in entries:
            moment = _parse_time(entry)
            if moment is None:
                skipped.add("the journal")
                continue
            if not period_range.start <= moment.timestamp() < period_range.end:
                continue
            if self.shops.pinned is not None and entry.get("shop_id") not in shop_names:
                continue
            rows.append(_to_row(entry, moment.astimezone(zone), shop_names))
        result: Json = {"period": period_range.description, "time_zone": zone.key, "writes": len(rows)}
        result |= {"changes": {"columns": list(COLUMNS), "rows": rows}} if rows else {}
        return result | ({"note": sentence} if (sentence := skipped.describe()) else {})


def _parse_time(entry: dict[str, Any]) -> datetime | None:
    """When a write was sent; None where that can't be read."""
    try:
        moment = datetime.fromisoformat(entry.get("time", "1970-01-01T00:00:00+00:00"))
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _to_row(entry: dict[str, Any], moment: datetime, shop_names: dict[str, str]) -> list[Any]:
    """The cells of an entry; a shop is called as it is today, since another of its name may have come since."""
    shop = shop_names.get(str(entry.get("shop_id"))) or entry.get("shop") or entry.get("account")
    cells = {**entry, "time": moment.isoformat(timespec="seconds"), "shop": shop}
    return [cells.get(column) for column in COLUMNS]
