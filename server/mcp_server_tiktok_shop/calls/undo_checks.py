"""Checks a call that takes an earlier write back: that it is the one offered, once, and that nothing changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.current_state import NOT_LOOKED_UP, compare_states
from mcp_server_tiktok_shop.calls.way_back import WayBack, get_subject_ids, select_watched
from mcp_server_tiktok_shop.catalog.undo import Watch, find_undo_rule, is_expected_course
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

DONE_OUTCOMES = ("done", "partly done")
NOT_KEPT = "No way back is known: an older version sent this, or its end was not seen."
LOOK_HINT = "list_changes tells the writes, and of each the call that takes it back."


@dataclass(frozen=True, slots=True)
class UndoChecker:
    """Holds a call with `undo_of` to the entry of the audit log that it names."""

    audit_log: AuditLog

    async def ensure_undoable(
        self, undo_of: str, operation: Operation, values: Json, target: Target, state: CurrentState
    ) -> None:
        """Refuse a call that is not the way back of that write, or comes too late; `state` is read just now.

        Raises:
            ShopError: `invalid_arguments` where it is not its way back, `already_done`, or `declined` with `changed`.

        """
        entries = await self.audit_log.read_entries()
        entry = next((entry for entry in entries if entry["id"] == undo_of), None)
        if entry is None or entry.get("shop_id") != (target.shop.id if target.shop else None):
            raise _make_argument_error("names no write that was sent to this shop from here")
        way_back = WayBack.from_json(entry.get("undo"))
        step = find_step(way_back, operation.name)
        if step is None:
            raise _make_argument_error(f"names a write that {operation.name} does not take back")
        if not _is_as_offered(entry, step, values):
            raise _make_argument_error("goes with the arguments that list_changes gives, and with no others")
        if (undone := find_undoing(entries, undo_of, operation.name)) is not None:
            message = (
                f"That write was taken back already, at {undone.get('time', 'an unknown time')}: nothing was sent."
            )
            raise ShopError("already_done", message, hint=LOOK_HINT)
        changed = _find_changes(entry, step, state.items)
        if changed:
            message = f"{operation.name} was not sent: what it would set back has changed since, as `changed` tells."
            hint = "Show it to the person. What they want now is a write of its own, without `undo_of`."
            raise ShopError("declined", message, hint=hint, changed=changed, untrusted=["changed"])

    async def describe_rest(self, undo_of: str) -> str:
        """That a way back has a further step; nothing where it is done."""
        entries = await self.audit_log.read_entries()
        entry: Record = next((entry for entry in entries if entry["id"] == undo_of), {})
        step = find_next_step(entries, entry)
        return f"The way back has one more step, {step['tool']}: list_changes gives the call." if step else ""


def find_step(way_back: WayBack | None, tool: str) -> Json | None:
    """The step of a way back that a tool takes."""
    return next((step for step in way_back.steps if step["tool"] == tool), None) if way_back else None


def find_undoing(entries: Iterable[Record], undo_of: str, tool: str) -> Record | None:
    """The entry of the call that took a step back of an earlier write."""
    for entry in entries:
        if entry.get("undo_of") == undo_of and entry.get("operation") == tool and entry["outcome"] in DONE_OUTCOMES:
            return entry
    return None


def find_next_step(entries: list[Record], entry: Record) -> Json | None:
    """The first step of an entry's way back that was not taken yet."""
    way_back = WayBack.from_json(entry.get("undo"))
    for step in way_back.steps if way_back else ():
        if find_undoing(entries, entry["id"], step["tool"]) is None:
            return step
    return None


def find_way_on(entries: list[Record], entry: Record) -> Json | str | None:
    """The step that takes a write back next, or a sentence why there is none; None where the write was not done."""
    if entry["outcome"] not in DONE_OUTCOMES:
        return None
    way_back = WayBack.from_json(entry.get("undo"))
    if way_back is None:
        return NOT_KEPT
    if not way_back.steps:
        return way_back.describe()
    step = find_next_step(entries, entry)
    if step is None:
        undone = find_undoing(entries, entry["id"], way_back.steps[-1]["tool"])
        return f"Undone at {undone['time']}." if undone and "time" in undone else "Undone."
    return step | ({"leaves": way_back.leaves} if way_back.leaves else {})


def get_moving_arguments(entry: Record, tool: str) -> dict[str, int]:
    """The arguments of a step that are moments ahead, with the seconds that they must lie so."""
    rule = find_undo_rule(entry.get("operation", ""))
    steps = [step for way in rule.ways for step in way.steps if step.tool == tool] if rule else []
    return steps[0].in_future if steps else {}


def _is_as_offered(entry: Record, step: Json, values: Json) -> bool:
    """Whether the arguments are those of the step, but for moments that move with the clock."""
    moving_names = get_moving_arguments(entry, step["tool"])
    given, offered = ({n: v for n, v in side.items() if n not in moving_names} for side in (values, step["arguments"]))
    return given == offered


def _find_changes(entry: Record, step: Json, items: Iterable[Item]) -> list[Json]:
    """What differs between how the write left things and how they stand; what can't be read counts as changed."""
    rule = find_undo_rule(entry.get("operation", ""))
    watch = rule.watch if rule else Watch()
    ids = get_subject_ids(step["arguments"])
    selected = {(item.noun, item.id): select_watched(watch, item, ids) for item in items}
    changes = []
    for expected in step["expects"]:
        noun, thing_id = next(iter(expected.items()))
        present = selected.get((noun, str(thing_id)))
        if present is None or NOT_LOOKED_UP in present:
            changes.append({noun: thing_id, "before": _drop_key(expected), "now": {NOT_LOOKED_UP: True}})
            continue
        course = {
            path: expected[path]
            for path, value in present.items()
            if path in expected and is_expected_course(noun, path, expected[path], value)
        }
        changes += compare_states([expected], [present | course])
    return changes


def _drop_key(item: Json) -> Json:
    return dict(list(item.items())[1:])


def _make_argument_error(text: str) -> ShopError:
    problem = Problem("undo_of", text, "the id of an entry, from list_changes, with the call given there")
    message = f"undo_of {text}. Nothing was sent."
    return ShopError("invalid_arguments", message, hint=LOOK_HINT, problems=(problem,))
