"""Lists what was changed from here, from the audit log, each with the call that takes it back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from mcp_server_tiktok_shop.calls.audit_changes import describe_changes
from mcp_server_tiktok_shop.calls.results.answer_tables import SHARED_VALUES, find_shared_values, remove_columns
from mcp_server_tiktok_shop.calls.undo_checks import list_undoings
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets
from mcp_server_tiktok_shop.tools.change_rows import ChangeRows
from mcp_server_tiktok_shop.tools.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

COLUMNS = ("id", "time", "shop", "operation", "writes", "outcome", "what", "undo", "undo_of")
LASTING_COLUMNS = ("id", "time", "operation", "what", "undo", "undo_of")
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
        wanted = self.operations.get(values["operation"]) if values.get("operation") else None
        entries = await self.audit_log.read_entries()
        change_rows = ChangeRows(self.operations, entries, list_undoings(entries), len(targets) > 1)
        shop_names = {target.shop.id: target.shop.label for target in targets if target.shop is not None}
        wanted_id = values.get("id")
        found: list[Record] = []
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
            if wanted is not None and not _is_meant(wanted, entry):
                continue
            is_in_period = period_range.start <= moment.timestamp() < period_range.end
            if is_in_period if wanted_id is None else wanted_id in (entry["id"], entry.get("job")):
                undo = change_rows.describe_undo(entry)
                found.append(entry | {"undo": undo} | _name_place(entry, moment, zone, shop_names))
        if wanted_id is not None:
            return {"time_zone": zone.key, "change": _select_change(change_rows, found, wanted_id)} | {
                "untrusted": ["change"]
            }
        rows = [
            [cells.get(column) for column in COLUMNS]
            for cells in (
                change_rows.describe_job(writes)
                if len(writes) > 1
                else writes[0] | {"what": describe_changes(writes[0])}
                for writes in _group_by_job(found)
            )
        ]
        result: Json = {"period": period_range.description, "time_zone": zone.key, "writes": len(found)}
        result |= _lay_out(rows[::-1]) if rows else {}
        return result | {"note": " ".join(filter(None, (ELSEWHERE_NOTE, skipped.describe())))}


def _is_meant(operation: Operation, entry: Record) -> bool:
    """Whether a write is of this operation, or one that this job makes and no other job made."""
    names = {operation.name, *operation.job_writes}
    return entry.get("operation") in names and (
        not operation.is_job or entry.get("job_name", operation.name) == operation.name
    )


def _select_change(change_rows: ChangeRows, chosen: list[Record], wanted_id: str) -> Json:
    """The one write of this id with all that is known of it, or the job with its writes.

    Raises:
        ShopError: `not_found`.

    """
    if not chosen:
        problem = Problem("id", f"{wanted_id!r} is no write that was sent from here", "an id that list_changes tells")
        raise ShopError("not_found", f"id: {problem.message}", problems=(problem,))
    if chosen[0]["id"] == wanted_id:
        return chosen[0]
    names = ("id", "time", "operation", "outcome", "what", "undo", "undo_of")
    writes = [{"what": describe_changes(entry)} | entry for entry in chosen]
    rows = [{name: write[name] for name in names if write.get(name)} for write in writes]
    return change_rows.describe_job(chosen) | {"writes": rows}


def _group_by_job(entries: list[Record]) -> list[list[Record]]:
    """Each write by itself, and those of one job together, where the last of them stands."""
    groups: dict[str, list[Record]] = {}
    for entry in entries:
        key = entry["job"] if "job" in entry else entry["id"]
        groups[key] = [*groups.pop(key, ()), entry]
    return list(groups.values())


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
