"""Checks a call that takes an earlier write back: that it is the one offered, once, and that nothing changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.current_state import NOT_LOOKED_UP, compare_states
from mcp_server_tiktok_shop.calls.undo_items import make_undo_items, select_untold
from mcp_server_tiktok_shop.calls.way_back import WayBack, get_subject_ids, select_watched
from mcp_server_tiktok_shop.catalog.undo import Watch, find_undo_rule, is_expected_course
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.calls.jobs.job import JobItem
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.undo import UndoStep
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record

DONE_OUTCOMES = ("done", "partly done")
NOT_KEPT = "No way back is known: an older version sent this, or its outcome was not seen."
LOOK_HINT = "list_changes lists the writes, each with the call that takes it back."


class Undoing(Struct, frozen=True):
    """What a call takes back: which write, what is not as before even then, and what it sets back in which things.

    `untold` are the arguments that those `items` do not tell.
    """

    write: str
    leaves: str
    items: tuple[JobItem, ...]
    untold: Json


class JobWrite(Struct, frozen=True):
    """A write of a job that is to be taken back: the `step` that does it, or in words why none does."""

    entry: Record
    step: Json | None
    reason: str = ""


class UndoChecker(Struct, frozen=True):
    """Holds a call with `undo_of` to the entry of the audit log that it names; `clock` gives Unix seconds."""

    audit_log: AuditLog
    clock: Callable[[], float]

    async def complete_arguments(self, operation: Operation, arguments: Json) -> Json:
        """The arguments of a call: of one that takes a write back and gives no more than its id, those of its way back.

        Raises:
            ShopError: `invalid_arguments` where it is not the way back of such a write, `already_done`.

        """
        given = {name: value for name, value in arguments.items() if value not in (None, "")}
        undo_of = given.get("undo_of")
        if not isinstance(undo_of, str) or any(name in operation.arguments for name in given):
            return arguments
        entries = await self.audit_log.read_entries()
        entry = find_entry(entries, undo_of.strip())
        if entry is None:
            raise _make_argument_error("is not the id of a write sent from here")
        step = _require_step(entries, entry, operation)
        shop = {"shop": entry["shop_id"]} if "shop_id" in entry else {}
        completed: Json = self._get_arguments(entry, step) | shop | given
        return completed

    async def list_job_writes(self, job_id: str, shop_id: str) -> list[JobWrite]:
        """The writes of a job to this shop that were done, newest first, with the step that takes each back."""
        entries = await self.audit_log.read_entries()
        undoings = list_undoings(entries)
        job_writes = []
        for entry in reversed(entries):
            if (
                entry.get("job") != job_id
                or entry.get("shop_id") != shop_id
                or not {"time", "job_name"} <= entry.keys()
            ):
                continue
            way_on = find_way_on(undoings, entry)
            if isinstance(way_on, dict):
                step = way_on | {"arguments": self._get_arguments(entry, way_on)}
                job_writes.append(JobWrite(entry, step))
            elif way_on is not None:
                job_writes.append(JobWrite(entry, None, way_on))
        return job_writes

    async def ensure_undoable(
        self,
        undo_of: str,
        operation: Operation,
        values: Json,
        target: Target,
        state: CurrentState,
        *,
        may_be_part: bool = False,
    ) -> Undoing | None:
        """What the call takes back, if it is the way back of that write and in time; `state` is read just now.

        None of a call without `undo_of`. Where it `may_be_part`, the things may be left out that have changed since.

        Raises:
            ShopError: `invalid_arguments` where it is not its way back, `already_done`, or `declined` with `changed`.

        """
        if not undo_of:
            return None
        entries = await self.audit_log.read_entries()
        entry = find_entry(entries, undo_of)
        if entry is None or entry.get("shop_id") != (target.shop.id if target.shop else None):
            raise _make_argument_error("is not the id of a write sent to this shop from here")
        step = _require_step(entries, entry, operation)
        if may_be_part:
            step = narrow_step(step, _get_thing_ids(step["expects"]) - get_subject_ids(values)) or step
        if not _is_as_offered(entry, step, values):
            raise _make_argument_error("goes alone, or with the arguments of that way back, and with no others")
        changed = find_changes(entry, step, state.items)
        if changed:
            message = f"{operation.name} was not sent: what it would restore has changed since."
            hint = "Show it to the person. If they want a change now, make it a write of its own, without `undo_of`."
            raise ShopError("declined", message, hint=hint, changed=changed, untrusted=["changed"])
        items = make_step_items(entry, step, state.items)
        words = f"{entry.get('operation', 'a write')} of {entry.get('time', 'an unknown time')}"
        leaves = (WayBack.from_json(entry.get("undo")) or WayBack()).leaves
        return Undoing(words, leaves, items, select_untold(values, items))

    async def describe_rest(self, undo_of: str) -> str:
        """That a way back has a further step; nothing where it is done."""
        entries = await self.audit_log.read_entries()
        step = find_next_step(entries, find_entry(entries, undo_of) or {})
        return f"The way back has one more step, {step['tool']}: list_changes gives the call." if step else ""

    def _get_arguments(self, entry: Record, step: Json) -> Json:
        """The arguments of a step; moments that must lie ahead when it is sent are moved where they do not."""
        arguments: Json = step["arguments"]
        return arguments | {
            name: max(arguments[name], int(self.clock()) + seconds)
            for name, seconds in _get_moving_arguments(entry, step["tool"]).items()
            if isinstance(arguments.get(name), int)
        }


def find_entry(entries: Iterable[Record], entry_id: str) -> Record | None:
    return next((entry for entry in entries if entry["id"] == entry_id), None)


def _require_step(entries: list[Record], entry: Record, operation: Operation) -> Json:
    """The step of an entry's way back that an operation takes, if it was not taken yet.

    Raises:
        ShopError: `invalid_arguments`: there is none; `already_done`.

    """
    way_back = WayBack.from_json(entry.get("undo"))
    steps = way_back.steps if way_back else ()
    step = next((step for step in steps if step["tool"] == operation.name), None)
    if step is None:
        raise _make_argument_error(f"names a write that {operation.name} does not take back")
    if (undone := find_undoing(entries, entry["id"], operation.name)) is not None:
        message = f"That write is back already, since {undone.get('time', 'an unknown time')}: nothing was sent."
        raise ShopError("already_done", message, hint=LOOK_HINT)
    return step


def narrow_step(step: Json, lost_ids: frozenset[str]) -> Json | None:
    """The step for all things but these; None where it can't be taken without them."""
    arguments = {
        name: [each for each in value if _get_id(each) not in lost_ids] if isinstance(value, list) else value
        for name, value in step["arguments"].items()
    }
    is_without = not get_subject_ids(arguments) & lost_ids and all(arguments[name] != [] for name in arguments)
    expected_items = [item for item in step["expects"] if not _get_thing_ids([item]) & lost_ids]
    return step | {"arguments": arguments, "expects": expected_items} if is_without else None


def _get_id(value: Any) -> str:
    return str(value.get("id")) if isinstance(value, dict) else str(value)


def _get_thing_ids(expected_items: Iterable[Json]) -> frozenset[str]:
    return frozenset(str(next(iter(item.values()))) for item in expected_items)


def make_step_items(entry: Record, step: Json, state: Iterable[Item]) -> tuple[JobItem, ...]:
    """What a step sets back, thing by thing, as far as that was kept."""
    way_back = WayBack.from_json(entry.get("undo")) or WayBack()
    tools = [each["tool"] for each in way_back.steps]
    following = way_back.steps[tools.index(step["tool"]) + 1 :]
    then = following[0]["expects"] if following else entry.get("before", [])
    rule_step = _find_rule_step(entry, step["tool"])
    return make_undo_items(entry, step, then, state, rule_step.first if rule_step else {})


def list_undoings(entries: Iterable[Record]) -> list[Record]:
    """The entries that take others back, all that counts for the way back of any: they are few among all."""
    return [entry for entry in entries if entry.get("undo_of")]


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
    """The step that takes a write back next, or a sentence why there is none; None where the write was not done.

    Of `entries` those count that take writes back.
    """
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
        words = f"Undone at {undone['time']}." if undone and "time" in undone else "Undone."
        return " ".join(filter(None, (words, way_back.leaves)))
    return step | ({"leaves": way_back.leaves} if way_back.leaves else {})


def find_job_way_on(entries: list[Record], job_entries: Iterable[Record]) -> Json | str | None:
    """Which `tools` take the writes of a job back next, or why none does; None where none of them was done."""
    ways = [(find_way_on(entries, entry), entry) for entry in job_entries]
    steps = [way for way, _ in ways if isinstance(way, dict)]
    words = [(way, _is_undone(entries, entry)) for way, entry in ways if isinstance(way, str)]
    final = dict.fromkeys(way for way, is_undone in words if not is_undone)
    if not steps:
        undone = [way for way, is_undone in words if is_undone]
        return " ".join((*undone[-1:], *final)) or None
    count = sum(not is_undone for _, is_undone in words)
    rest = f"Of {count} of its writes: {' '.join(final)}" if final else ""
    leaves = " ".join(dict.fromkeys(filter(None, (*(step.get("leaves", "") for step in steps), rest))))
    return {"tools": list(dict.fromkeys(step["tool"] for step in steps))} | ({"leaves": leaves} if leaves else {})


def _is_undone(entries: list[Record], entry: Record) -> bool:
    way_back = WayBack.from_json(entry.get("undo"))
    return bool(way_back and way_back.steps) and find_next_step(entries, entry) is None


def _get_moving_arguments(entry: Record, tool: str) -> dict[str, int]:
    """The arguments of a step that are moments ahead, with the seconds that they must lie so."""
    rule_step = _find_rule_step(entry, tool)
    return rule_step.in_future if rule_step else {}


def _find_rule_step(entry: Record, tool: str) -> UndoStep | None:
    """The rule of a step of an entry's way back."""
    rule = find_undo_rule(entry.get("operation", ""))
    return next((step for way in rule.ways for step in way.steps if step.tool == tool), None) if rule else None


def _is_as_offered(entry: Record, step: Json, values: Json) -> bool:
    """Whether the arguments are those of the step, but for moments that move with the clock."""
    moving_names = _get_moving_arguments(entry, step["tool"])
    given, offered = ({n: v for n, v in side.items() if n not in moving_names} for side in (values, step["arguments"]))
    return given == offered


def find_changes(entry: Record, step: Json, items: Iterable[Item]) -> list[Json]:
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
