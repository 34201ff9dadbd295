"""Works out how to take a write back: ready calls, and what must not have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.catalog.undo import describe_inverse, describe_no_way_back, find_undo_rule
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_paths import find_values, get_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.catalog.undo import UndoRule, UndoStep, UndoWay, Watch

UNREAD_BEFORE = "its state before could not be read"
UNREAD_AFTER = "its state after could not be read"
UNSET_BEFORE = "what was not set before can't be removed again"
NOTHING_CHANGED = "nothing was changed by it"
REST_STAYS = "Can't be taken back: {names}, since {reason}."
REST_UNTOUCHED = "Nothing to take back of {names}: {reason}."  # before a write that will not change them
MAX_NAMED_THINGS = 5  # of those that stay
ITEM_ID = "@id"


class WayBack(Struct, frozen=True):
    """How a write is taken back: `steps` are calls (`tool`, `arguments`, `expects`), one after the other.

    `leaves` says what stays otherwise; without steps `reason` why, or `inverse` how; those of a job are `is_one_call`.
    """

    steps: tuple[Json, ...] = ()
    leaves: str = ""
    reason: str = ""
    inverse: str = ""
    is_one_call: bool = False

    @classmethod
    def from_json(cls, record: Any) -> WayBack | None:
        """What the audit log says; None where an entry of another version or another hand has none."""
        if not isinstance(record, dict):
            return None
        steps, texts = record.get("steps", []), [record.get(name, "") for name in ("leaves", "reason", "inverse")]
        if not isinstance(steps, list) or not all(isinstance(text, str) for text in texts):
            return None
        return cls(tuple(steps), *texts) if all(map(_is_step, steps)) else None

    def to_json(self) -> Json:
        data = {"steps": list(self.steps), "leaves": self.leaves, "reason": self.reason, "inverse": self.inverse}
        return {name: value for name, value in data.items() if value}

    def describe(self) -> str:
        """One line for the preview: by what it is taken back, or why not."""
        if not self.steps:
            return f"No ready way back: {self.inverse}." if self.inverse else f"No way back: {self.reason}."
        tools = dict.fromkeys(step["tool"] for step in self.steps)
        calls = "the call" if len(self.steps) == 1 or self.is_one_call else "the calls"
        text = f"Can be undone by {' and '.join(tools)}: list_changes gives {calls}."
        return " ".join(filter(None, (text, self.leaves)))


def _is_step(step: Any) -> bool:
    return (
        isinstance(step, dict)
        and isinstance(step.get("tool"), str)
        and isinstance(step.get("arguments"), dict)
        and isinstance(step.get("expects"), list)
        and all(isinstance(item, dict) and item for item in step["expects"])
    )


def plan_way_back(
    operations: OperationDirectory,
    operation: Operation,
    values: Json,
    earlier: CurrentState | None,
    later: CurrentState | None = None,
    made: Json | None = None,
) -> WayBack:
    """The way back of a write with these values.

    Before it is sent `later` is None: then the steps are as far as they can be known. `made` is its answer.
    """
    rule = find_undo_rule(operation.name)
    if rule is None:
        return WayBack(reason=describe_no_way_back(operation.name), inverse=describe_inverse(operation.name))
    way = next((way for way in rule.ways if way.covers(_collect_paths(values))), None)
    if way is None:
        return WayBack(reason=rule.otherwise)
    if rule.is_of_made:
        return _plan_removal(operations, rule, way, later, made)
    known = [item for item in earlier.items if item.noun == rule.noun and not item.problem] if earlier else []
    if not known:
        return WayBack(reason=UNREAD_BEFORE)
    return _plan_steps(operations, rule, way, _Sources(values, {}, known, _collect_id_texts(values)), later)


def select_watched(watch: Watch, item: Item, subject_ids: frozenset[str]) -> Json:
    """The parts of a thing that must not have changed; of rows those that hold one of these ids."""
    if item.problem:
        return item.to_json()
    selected: Json = {item.noun: item.id}
    for path in watch.shows:
        if values := find_values(item.data, path.split(".")):
            selected[path] = values[0] if len(values) == 1 else values
    for name, paths in watch.rows.items():
        rows = [row for row in item.data.get(name) or [] if isinstance(row, dict)]
        selected[name] = [_select_cells(row, paths) for row in rows if _collect_row_ids(row) & subject_ids]
    return selected


def get_subject_ids(arguments: Json) -> frozenset[str]:
    """The ids that the arguments of a call name."""
    return _collect_id_texts(arguments)


class _Sources(Struct, frozen=True):
    """Where arguments are taken from: those that were `given`, the answer (`made`), and the things as they were."""

    given: Json
    made: Json
    items: Sequence[Item]
    named_ids: frozenset[str]

    @property
    def root(self) -> Json:
        return self.items[0].data | {ITEM_ID: self.items[0].id} if self.items else {}


def _plan_steps(
    operations: OperationDirectory, rule: UndoRule, way: UndoWay, sources: _Sources, later: CurrentState | None
) -> WayBack:
    """The way back of what changed the things of `sources`, as far as it changed them."""
    later_by_key = {item.key: item for item in later.items if not item.problem} if later else {}
    changed = [
        item
        for item in sources.items
        if later is None or _is_changed(rule, item, later_by_key.get(item.key), sources.named_ids)
    ]
    if not changed:
        return WayBack(reason=NOTHING_CHANGED if later_by_key.keys() & {i.key for i in sources.items} else UNREAD_AFTER)
    items = [
        item for item in changed if _fulfils(item.data, way.condition) and (not way.needed or item.data.get(way.needed))
    ]
    sources = replace(sources, items=items)
    if items and _lacks_earlier_value(way, sources):
        return WayBack(reason=UNSET_BEFORE)
    steps: list[Json] = []
    for step in way.steps if items else ():
        if (arguments := _make_arguments(operations, step, sources)) is not None:
            expected_items = _expect(rule, step, arguments, items, later_by_key)
            steps.append({"tool": step.tool, "arguments": arguments, "expects": expected_items})
    if not steps:
        return WayBack(reason=rule.otherwise)
    lasting = [item for item in changed if item not in items]
    rest = (REST_UNTOUCHED if later is None else REST_STAYS).format(names=_name_things(lasting), reason=rule.otherwise)
    return WayBack(tuple(steps), " ".join(filter(None, (way.leaves, rest if lasting else ""))))


def _plan_removal(
    operations: OperationDirectory, rule: UndoRule, way: UndoWay, later: CurrentState | None, made: Json | None
) -> WayBack:
    """The way back of what made a new thing: it is taken away."""
    step = way.steps[0]
    if later is None:  # not sent yet
        return WayBack(({"tool": step.tool, "arguments": {}, "expects": []},), way.leaves)
    arguments = _make_arguments(operations, step, _Sources({}, made or {}, (), frozenset()))
    ids = _collect_id_texts(arguments or {})
    items = [item for item in later.items if item.noun == rule.noun and item.id in ids and not item.problem]
    if arguments is None or not items:
        return WayBack(reason=UNREAD_AFTER)
    expected_items = [select_watched(rule.watch, item, ids) for item in items]
    return WayBack(({"tool": step.tool, "arguments": arguments, "expects": expected_items},), way.leaves)


def _make_arguments(operations: OperationDirectory, step: UndoStep, sources: _Sources) -> Json | None:
    """The arguments of a step, checked like any; None where it has nothing to do, or they would be refused."""
    lists = [name for name, part in step.template.items() if isinstance(part, dict) and "each" in part]
    arguments: Json = _evaluate(step.template, sources.root, sources) or {}
    if lists and not any(name in arguments for name in lists):
        return None
    operation = operations.get(step.tool)
    values, problems = coerce_arguments(operation, arguments)
    try:
        validate(operation, values, problems)
    except ShopError:
        return None
    return values


def _name_things(items: Sequence[Item]) -> str:
    """The ids of things, each with its status where that is known."""
    names = [" ".join((item.id, str(item.data.get("status") or ""))).strip() for item in items[:MAX_NAMED_THINGS]]
    return ", ".join(names) + (f" and {len(items) - MAX_NAMED_THINGS} more" if len(items) > MAX_NAMED_THINGS else "")


def _expect(
    rule: UndoRule, step: UndoStep, arguments: Json, items: Sequence[Item], later_by_key: dict[tuple[str, str], Item]
) -> list[Json]:
    """What the things of a step must be like when it is taken: as the write left them, or as the step says."""
    ids = _collect_id_texts(arguments)
    concerned = [item for item in items if len(items) == 1 or item.id in ids]
    if step.expects:
        return [{item.noun: item.id} | step.expects for item in concerned]
    return [select_watched(rule.watch, later_by_key[item.key], ids) for item in concerned if item.key in later_by_key]


def _lacks_earlier_value(way: UndoWay, sources: _Sources) -> bool:
    """Whether an argument was given for what had no value before."""
    names = [part["as_given"] for step in way.steps for part in step.template.values() if "as_given" in part]
    return any(name in sources.given and sources.root.get(name) is None for name in names)


def _is_changed(rule: UndoRule, earlier: Item, later: Item | None, named_ids: frozenset[str]) -> bool:
    return later is not None and select_watched(rule.watch, earlier, named_ids) != select_watched(
        rule.watch, later, named_ids
    )


def _evaluate(template: Any, row: Any, sources: _Sources) -> Any:
    """What a template stands for, None where that is nothing.

    A text is a path in the `row` (`@`: itself), or behind `=` in the given arguments, behind `+` in the answer. An
    object makes an object, or with `each` a list of what `give` makes of the rows there, with `first` that of the first
    alone; with `as_given` it is the path of a value that is meant only where the argument of this name was given.
    """
    if isinstance(template, str):
        return _resolve(template, row, sources)
    if isinstance(template, list):
        return [value for part in template if (value := _evaluate(part, row, sources)) is not None]
    if "as_given" in template:
        name = template["as_given"]
        return _resolve(name, row, sources) if name in sources.given else None
    if "each" in template or "first" in template:
        selected_rows = [each for each in _iter_rows(template, row, sources) if _is_meant(template, each, sources)]
        made = (_evaluate(template["give"], each, sources) for each in selected_rows)
        results = [value for value in made if value is not None]
        return (results or None) if "each" in template else next(iter(results), None)
    values = {name: _evaluate(part, row, sources) for name, part in template.items()}
    return {name: value for name, value in values.items() if value is not None} or None


def _resolve(path: str, row: Any, sources: _Sources) -> Any:
    if path == "@":
        return row
    source = {"=": sources.given, "+": sources.made}.get(path[0])
    return get_value(row, path.split(".")) if source is None else get_value(source, path[1:].split("."))


def _iter_rows(template: Json, row: Any, sources: _Sources) -> Iterator[Any]:
    path = str(template.get("each") or template.get("first"))
    if path == "@items":
        yield from (item.data | {ITEM_ID: item.id} for item in sources.items)
        return
    lists = find_values(sources.given if path.startswith("=") else row, path.removeprefix("=").split("."))
    for value in lists:
        yield from value if isinstance(value, list) else [value]


def _is_meant(template: Json, row: Any, sources: _Sources) -> bool:
    """Whether a row is one of those that `each` means: `named` by the write, with a value of `if`, lacking a field."""
    row_id = str(row.get("id")) if isinstance(row, dict) else str(row)
    if template.get("named") and not _collect_row_ids(row) & sources.named_ids:
        return False
    if "lacks" in template and row.get(template["lacks"]):
        return False
    if "in" in template and row_id not in _find_texts(sources.root, template["in"]):
        return False
    if "not_in" in template and row_id in _find_texts(sources.root, template["not_in"]):
        return False
    return not isinstance(row, dict) or _fulfils(row, template.get("if", {}))


def _fulfils(data: Json, condition: dict[str, list[Any]]) -> bool:
    return all(get_value(data, path.split(".")) in values for path, values in condition.items())


def _find_texts(data: Json, path: str) -> set[str]:
    return set(map(str, find_values(data, path.split("."))))


def _select_cells(row: Json, paths: list[str]) -> Json:
    values_by_path = {path: find_values(row, path.split(".")) for path in paths}
    return {path: values[0] if len(values) == 1 else values for path, values in values_by_path.items() if values}


def _collect_paths(values: Json) -> frozenset[str]:
    """The paths of all plain values, without positions in lists and without idempotency keys."""
    return frozenset(path for path in _iter_paths(values, "") if path not in IDEMPOTENCY_KEY_ARGUMENTS)


def _iter_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _iter_paths(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _iter_paths(inner, path)
    else:
        yield path


def _collect_row_ids(row: Json) -> frozenset[str]:
    """The id of a row, and those of the SKUs in it; not of what else it mentions, such as warehouses."""
    return frozenset(map(str, (*find_values(row, ["id"]), *find_values(row, ["skus", "id"]))))


def _collect_id_texts(value: Any) -> frozenset[str]:
    """Every id that stands in arguments, or in a row of an answer."""
    return frozenset(_iter_id_texts(value, ""))


def _iter_id_texts(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            yield from _iter_id_texts(inner, inner_name)
    elif isinstance(value, list):
        for inner in value:
            yield from _iter_id_texts(inner, name)
    elif name in ("id", "ids") or name.endswith(("_id", "_ids")):
        yield str(value)
