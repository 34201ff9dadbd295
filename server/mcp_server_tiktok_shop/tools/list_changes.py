"""Lists from the audit log what was changed here, and of each write the call that takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.calls.undo_checks import find_way_on, get_moving_arguments
from mcp_server_tiktok_shop.json_values import SkippedValues
from mcp_server_tiktok_shop.tools.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

COLUMNS = ("time", "shop", "operation", "outcome", "ids", "made", "before", "now", "undo", "undo_of")


@dataclass(frozen=True, slots=True)
class ListChangesTool:
    """The tool `list_changes`; on a pinned server of its own shop alone. `clock` gives Unix seconds."""

    audit_log: AuditLog
    operations: OperationDirectory
    shops: ShopResolver
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The writes that were sent from this home folder in a period, as a table; times in the first shop's zone.

        The newest stands first, since that is what a person wants back. `undo` is a call, or says why there is none.
        """
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
            undo = self._describe_undo(entries, entry)
            rows.append(_to_row(entry | {"undo": undo}, moment.astimezone(zone), shop_names))
        result: Json = {"period": period_range.description, "time_zone": zone.key, "writes": len(rows)}
        result |= {"changes": {"columns": list(COLUMNS), "rows": rows[::-1]}} if rows else {}
        return result | ({"note": sentence} if (sentence := skipped.describe()) else {})

    def _describe_undo(self, entries: list[Record], entry: Record) -> Json | str | None:
        """The call that takes a write back, or the next of them; or why there is none. Nothing of what was not done."""
        step = find_way_on(entries, entry)
        if not isinstance(step, dict):
            return step
        if not self.operations.are_available([step["tool"]]):
            return f"{step['tool']} takes it back; it is not permitted on this server."
        arguments = step["arguments"] | self._move_ahead(entry, step) | {"undo_of": entry["id"]}
        arguments |= {"shop": entry["shop_id"]} if "shop_id" in entry else {}
        call: Json = {"tool": step["tool"], "arguments": arguments}
        return call | ({"leaves": step["leaves"]} if "leaves" in step else {})

    def _move_ahead(self, entry: Record, step: Json) -> Json:
        """The moments that must lie ahead when the call is sent, moved where they do not."""
        return {
            name: max(step["arguments"][name], int(self.clock()) + seconds)
            for name, seconds in get_moving_arguments(entry, step["tool"]).items()
            if isinstance(step["arguments"].get(name), int)
        }


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
