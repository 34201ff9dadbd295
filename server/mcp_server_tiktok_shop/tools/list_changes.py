"""Lists from the audit log what was changed here, and of each write the call that takes it back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from mcp_server_tiktok_shop.calls.audit_changes import describe_changes
from mcp_server_tiktok_shop.calls.undo_checks import find_way_on, list_undoings
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues
from mcp_server_tiktok_shop.tools.answer_tables import SHARED_VALUES, find_shared_values, remove_columns
from mcp_server_tiktok_shop.tools.periods import parse_period
from mcp_server_tiktok_shop.tools.shop_choice import choose_targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

COLUMNS = ("id", "time", "shop", "operation", "outcome", "what", "undo", "undo_of")
LASTING_COLUMNS = ("id", "time", "operation", "what", "undo", "undo_of")
WRITE_RUNNER = "run_write_operation"
ELSEWHERE_NOTE = "What was changed elsewhere, such as in Seller Center, is not in it."


class ListChangesTool(Struct, frozen=True):
    """The tool `list_changes`; on a pinned server of its own shop alone. `clock` gives Unix seconds."""

    audit_log: AuditLog
    operations: OperationDirectory
    shops: ShopResolver
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, _caller: Caller) -> Json:
        """The writes that were sent from this home folder in a period, as a table; times in the first shop's zone.

        The newest stands first, since that is what a person wants back. `undo` is a call, or says why there is none.
        With `id` the one write alone, with all that is known of it.

        Raises:
            ShopError: There is no such shop, operation or write.

        """
        targets = await self.shops.list_targets()
        zone = self.zone or (targets[0].resolve_zone(None) if targets else ZoneInfo("UTC"))
        period_range = parse_period(values["period"], zone, self.clock())
        chosen = await choose_targets(self.shops, shop) if shop is not None else targets
        shop_ids = {target.shop.id for target in chosen if target.shop is not None}
        operation_names = self._parse_operation(values.get("operation"))
        entries = await self.audit_log.read_entries()
        undoings = list_undoings(entries)
        shop_names = {target.shop.id: target.shop.label for target in targets if target.shop is not None}
        entry_id, rows = values.get("id"), []
        skipped = SkippedValues()
        for _ in range(await self.audit_log.count_unreadable()):
            skipped.add("the journal")
        for entry in entries:
            moment = _parse_time(entry)
            if moment is None:
                skipped.add("the journal")
                continue
            if (shop is not None or self.shops.pinned is not None) and entry.get("shop_id") not in shop_ids:
                continue
            if operation_names and entry.get("operation") not in operation_names:
                continue
            is_in_period = period_range.start <= moment.timestamp() < period_range.end
            if not (is_in_period if entry_id is None else entry["id"] == entry_id):
                continue
            row = entry | {"undo": self._describe_undo(undoings, entry)} | _name_place(entry, moment, zone, shop_names)
            if entry_id is not None:
                return {"time_zone": zone.key, "change": row, "untrusted": ["change"]}
            cells = row | {"what": describe_changes(entry)}
            rows.append([cells.get(column) for column in COLUMNS])
        if entry_id is not None:
            problem = Problem(
                "id", f"{entry_id!r} is no write that was sent from here", "an id that list_changes tells"
            )
            raise ShopError("not_found", f"id: {problem.message}", problems=(problem,))
        result: Json = {"period": period_range.description, "time_zone": zone.key, "writes": len(rows)}
        result |= _lay_out(rows[::-1]) if rows else {}
        return result | {"note": " ".join(filter(None, (ELSEWHERE_NOTE, skipped.describe())))}

    def _parse_operation(self, name: str | None) -> frozenset[str]:
        """The writes that a name stands for: of a job those that it sends; none where none is named."""
        if name is None:
            return frozenset()
        operation = self.operations.get(name)
        return frozenset({operation.name, *operation.record.get("job", ())})

    def _describe_undo(self, undoings: list[Record], entry: Record) -> Json | str | None:
        """The call that takes a write back, or the next of them; or why there is none. Nothing of what was not done."""
        step = find_way_on(undoings, entry)
        if not isinstance(step, dict):
            return step
        if not self.operations.are_available([step["tool"]]):
            return f"{step['tool']} takes it back; it is not permitted on this server."
        call: Json = {"tool": step["tool"], "arguments": {"undo_of": entry["id"]}}
        if self.operations.are_available([WRITE_RUNNER]):  # which needs not be listed to be called
            call = {"tool": WRITE_RUNNER, "arguments": {"name": step["tool"], "arguments": call["arguments"]}}
        return call | ({"leaves": step["leaves"]} if "leaves" in step else {})


def _lay_out(rows: list[list[Any]]) -> Json:
    """The table without what all of many rows share, and without columns that nothing stands in."""
    table: Json = {"columns": list(COLUMNS), "rows": rows}
    empty_columns = [name for place, name in enumerate(COLUMNS) if all(row[place] in (None, "") for row in rows)]
    shared_values = find_shared_values(table, LASTING_COLUMNS)
    shared: Json = {SHARED_VALUES: shared_values} if shared_values else {}
    table = remove_columns(table, {*empty_columns, *shared_values})
    return shared | {
        "changes": table,
        "untrusted": ["changes.what", f"{SHARED_VALUES if 'shop' in shared_values else 'changes'}.shop"],
    }


def _parse_time(entry: dict[str, Any]) -> datetime | None:
    """When a write was sent; None where that can't be read."""
    try:
        moment = datetime.fromisoformat(entry.get("time", "1970-01-01T00:00:00+00:00"))
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _name_place(entry: dict[str, Any], moment: datetime, zone: ZoneInfo, shop_names: dict[str, str]) -> Json:
    """When and where it was sent; a shop is called as it is today, since another of its name may have come since."""
    shop = shop_names.get(str(entry.get("shop_id"))) or entry.get("shop") or entry.get("account")
    return {"time": moment.astimezone(zone).isoformat(timespec="seconds"), "shop": shop}
