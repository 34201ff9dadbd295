"""Lists audit log writes as rows: each with the call that takes it back, a job's as one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.audit_changes import describe_changes
from mcp_server_tiktok_shop.calls.ready_calls import UNDO_JOB, make_write_call
from mcp_server_tiktok_shop.calls.undo_checks import find_job_way_on, find_way_on

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.state.stores import Record


class ChangeRows(Struct, frozen=True):
    """Tells some of all `entries`, of which `undoings` take others back.

    Where the account `has_several_shops`, the undo of a job names its own.
    """

    operations: OperationDirectory
    entries: list[Record]
    undoings: list[Record]
    has_several_shops: bool

    def describe_job(self, writes: list[Record]) -> Json:
        """The writes of one job as one: its id is that of the job, and so is the call that takes all of them back."""
        last = writes[-1]
        ids: dict[str, list[Any]] = {}
        for write in writes:
            for name, value in write.get("ids", {}).items():
                ids.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        amounts: dict[str, list[str]] = {}
        for write in writes:
            for name, amount in write.get("amounts", {}).items():
                amounts.setdefault(name, []).append(amount)
        together = {side: [thing for write in writes for thing in write.get(side, ())] for side in ("before", "now")}
        outcomes = Counter(write["outcome"] for write in writes)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        undone_ids = {write.get("undo_of") for write in writes}
        undone = {entry.get("job") for entry in self.entries if entry["id"] in undone_ids}
        return {
            "id": last["job"],
            "time": last["time"],
            "shop": ", ".join(dict.fromkeys(str(write["shop"]) for write in writes if write["shop"])) or None,
            "operation": last.get("job_name", last["operation"]),
            "writes": len(writes),
            "outcome": last["outcome"] if len(outcomes) == 1 else counts,
            "what": describe_changes({**together, "amounts": amounts, "ids": ids}),
            "undo": self._describe_job_undo(writes),
            "undo_of": next(iter(undone)) if len(undone) == 1 else None,
        }

    def _describe_job_undo(self, writes: list[Record]) -> Json | str | None:
        """The call that takes back all writes of a job for which that can be done."""
        by_id = {entry["id"]: entry for entry in self.entries}  # with their ways back as they were entered
        way = find_job_way_on(self.undoings, [by_id[write["id"]] for write in writes])
        if not isinstance(way, dict):
            return way
        if not self.operations.are_available([UNDO_JOB, *way["tools"]]):
            return f"Write by write: list_changes with the id {writes[0]['job']} gives the calls."
        shop_ids = dict.fromkeys(str(write["shop_id"]) for write in writes if write.get("shop_id"))
        shop = {"shop": ",".join(shop_ids)} if self.has_several_shops else {}
        return self._make_call(UNDO_JOB, {"id": writes[0]["job"]} | shop, way)

    def describe_undo(self, entry: Record) -> Json | str | None:
        """The call that takes a write back, or the next of them; or why there is none. Nothing of what was not done."""
        step = find_way_on(self.undoings, entry)
        if not isinstance(step, dict):
            return step
        if not self.operations.are_available([step["tool"]]):
            return f"{step['tool']} takes it back; it is not permitted on this server."
        return self._make_call(step["tool"], {"undo_of": entry["id"]}, step)

    def _make_call(self, tool: str, arguments: Json, way: Json) -> Json:
        """A ready call, with what it leaves otherwise."""
        call = make_write_call(self.operations, tool, arguments)
        return call | ({"leaves": way["leaves"]} if "leaves" in way else {})
