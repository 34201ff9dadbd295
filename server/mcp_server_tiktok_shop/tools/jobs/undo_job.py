"""The job `undo_job`: takes back what one job did, write by write, where there is a way back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.audit_changes import describe_changes
from mcp_server_tiktok_shop.calls.current_state import NOT_LOOKED_UP, CurrentState
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.undo_checks import find_changes, make_step_items, narrow_step
from mcp_server_tiktok_shop.calls.undo_items import AS_BEFORE, describe_late_changes, describe_now
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.undo_checks import JobWrite, UndoChecker
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import Record

LATER_REASON = "a later write of the job is taken back first: call again for this one"
ELSEWHERE_REASON = "it is of no job that changed this shop from here"
BESIDE_REASON = "it goes by one write with what has changed since"


class UndoJob(Job, frozen=True):
    """`undo_checker` knows the writes of a job, and whether one is still as it was left."""

    undo_checker: UndoChecker

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """Every thing that the job changed: set back, or skipped with the reason why it can't be.

        Raises:
            ShopError: `not_found`: the job did nothing at this shop, or is none.

        """
        shop = context.target.shop
        job_writes = await self.undo_checker.list_job_writes(values["id"].strip(), shop.id if shop else "")
        if not job_writes and context.has_other_shops:
            return Plan((JobItem("job", values["id"].strip(), skip_reason=ELSEWHERE_REASON, is_missing=True),))
        if not job_writes:
            problem = Problem(
                "id", "is of no job that changed this shop from here", "the id of a job, from list_changes"
            )
            raise ShopError("not_found", f"id {problem.message}.", hint="Nothing was sent.", problems=(problem,))
        state = await _read_state(job_writes, context)
        items: dict[str, JobItem] = {}
        for job_write in job_writes:
            made = _make_items(job_write, state.items)
            if items.keys() & {item.key for item in made}:
                made = (_make_lasting_item(job_write.entry, LATER_REASON),)
            items |= {item.key: item for item in made}
        waiting = {item.parameters["write"] for item in items.values() if not item.skip_reason}
        leaves = [w.step["leaves"] for w in job_writes if w.step and "leaves" in w.step and w.entry["id"] in waiting]
        first = job_writes[-1].entry
        moment = datetime.fromisoformat(first["time"]).astimezone(context.zone).isoformat(timespec="seconds")
        words = f"Takes back {first['job_name']} of {moment}."
        return Plan(tuple(items.values()), state, explanations=tuple(dict.fromkeys((words, *leaves))))

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """A write for each that is taken back."""
        groups: dict[str, list[JobItem]] = {}
        for item in items:
            groups.setdefault(item.parameters["write"], []).append(item)
        return [_make_step(write_id, tuple(some)) for write_id, some in groups.items()]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> str | None:
        """The values that were set back."""
        return describe_now(item, state)


async def _read_state(job_writes: Iterable[JobWrite], context: JobContext) -> CurrentState:
    """How the things stand now that are to be set back, read together."""
    arguments_by_tool: dict[str, dict[str, list[object]]] = {}
    for step in (job_write.step for job_write in job_writes if job_write.step):
        merged = arguments_by_tool.setdefault(step["tool"], {})
        for name, value in step["arguments"].items():
            merged.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    items: dict[tuple[str, str], Item] = {}
    for tool, arguments in arguments_by_tool.items():
        items |= {item.key: item for item in (await context.read_state(tool, arguments)).items}
    return CurrentState(tuple(items.values()))


def _make_items(job_write: JobWrite, state: Sequence[Item]) -> tuple[JobItem, ...]:
    """The things that a write changed, each with what becomes of it."""
    entry, step = job_write.entry, job_write.step
    if step is None:
        return (_make_lasting_item(entry, job_write.reason),)
    nouns = {(noun, str(thing_id)) for noun, thing_id in (next(iter(each.items())) for each in step["expects"])}
    items = make_step_items(entry, step, [item for item in state if item.key in nouns])
    if not items:
        items = (JobItem("write", entry["id"], _name_write(entry), will_be=AS_BEFORE, parameters={"thing": ""}),)
    reasons = {str(next(iter(c.values()))): _describe_late_change(c) for c in find_changes(entry, step, state)}
    rest = narrow_step(step, frozenset(reasons))  # where that can't be, none of its things goes back
    # The arguments as one text: of the ids in them, an error that names one means its own item alone.
    arguments = to_json_text((rest or step)["arguments"])
    parameters = {"write": entry["id"], "tool": step["tool"], "arguments": arguments}
    made = [replace(item, parameters=parameters | item.parameters) for item in items]
    return tuple(
        replace(item, will_be="", skip_reason=reason)
        if (reason := reasons.get(item.parameters["thing"]) or ("" if rest else _find_reason(item, reasons)))
        else item
        for item in made
    )


def _find_reason(item: JobItem, reasons: dict[str, str]) -> str:
    """Why an item that has not changed stays all the same: of a write as a whole what is said of its first thing."""
    return BESIDE_REASON if item.parameters["thing"] else next(iter(reasons.values()))


def _describe_late_change(change: Json) -> str:
    if NOT_LOOKED_UP in change["now"]:
        return "how it stands now can't be read"
    return f"it has changed since: {describe_late_changes([change])}"


def _make_lasting_item(entry: Record, reason: str) -> JobItem:
    return JobItem("write", entry["id"], _name_write(entry), skip_reason=reason, parameters={"write": entry["id"]})


def _name_write(entry: Record) -> Json:
    """What a person knows a write by."""
    return {"operation": entry.get("operation", ""), "changed": describe_changes(entry)}


def _make_step(write_id: str, items: tuple[JobItem, ...]) -> Step:
    parameters = items[0].parameters
    return Step(parameters["tool"], json.loads(parameters["arguments"]), items, undo_of=write_id)
