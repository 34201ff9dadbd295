"""Finds the reads that show what a write is about: each thing by id and name, as it stands at the shop."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# `arguments` of writes in these `areas`, each with the kind of thing that it names by id; `operations` that differ:
# their `arguments`, those they are `without`, `lists` (kinds with the path of their ids), `each` (lists whose rows are
# read one by one); the read of each of the `things`, and of what is `surroundings` of a write. `lookups` are reads,
# with those arguments whose ids one shop alone has, and any other refuses or leaves out.
LOOKS_FILE = Path(__file__).with_name("looks.json")
MAX_IDS_PER_READ = 50  # what the platform's reads of several things take


class Look(Struct, frozen=True):
    """One read of things of a kind: the name of its operation, its arguments, and what is shown of the answer.

    `ids` are those asked for; none where the answer is about the shop as a whole. `list_name` is the list in which the
    things stand, each under its `id_field`; of the list `latest_of` the first item alone is meant. `shows` are dotted
    paths, `rows` those by a list's name that is shown row by row: of rows whose id is in `subject_ids` those alone, if
    there is any; of `named_rows` none but those, which may be named by their SKU as well. `next_things` are kinds with
    the path of their ids: they are to be read, too. What `may_be_missing` is of another kind where it is not found.
    """

    noun: str
    operation: str
    values: Json
    ids: tuple[str, ...]
    shows: tuple[str, ...]
    list_name: str = ""
    id_field: str = ""
    latest_of: str = ""
    rows: dict[str, list[str]] = field(default_factory=dict)
    named_rows: dict[str, list[str]] = field(default_factory=dict)
    subject_ids: frozenset[str] = frozenset()
    next_things: dict[str, str] = field(default_factory=dict)
    may_be_missing: bool = False


class Surrounding(Struct, frozen=True):
    """A read of what lies around a write, for warnings alone; of at most `max_pages` pages."""

    name: str
    operation: str
    values: Json
    max_pages: int


def find_looks(operation: Operation, values: Json) -> list[Look]:
    """Find the reads of what a write with these values, or this answer, is about; none where no rule names one.

    The rules stand in `looks.json`.
    """
    rules = _load_rules()
    if operation.area not in rules["areas"]:
        return []
    own_rules = rules["operations"].get(operation.name, {})
    ids_by_thing: dict[str, list[str]] = {}
    for path, thing in _iter_named_things(operation):
        ids_by_thing.setdefault(thing, []).extend(_iter_ids(_select_values(values, path.split("."))))
    subject_ids = frozenset(_iter_texts(values))
    looks = [look for thing, ids in ids_by_thing.items() for look in make_looks(thing, ids, subject_ids, values)]
    for list_name, thing in own_rules.get("each", {}).items():
        looks += _iter_row_looks(thing, values.get(list_name))
    return looks + ([_make_look(own_rules["whole"], (), subject_ids, ())] if "whole" in own_rules else [])


def find_lookup_ids(operation: Operation, values: Json) -> list[str]:
    """The ids by which a read asks for things that one shop alone can have; none where it may mean each shop."""
    names = _load_rules()["lookups"].get(operation.name, ())
    return [str(each) for name in names for each in _iter_ids(values.get(name))]


def make_looks(
    thing: str, ids: Iterable[str], subject_ids: frozenset[str] = frozenset(), shown_values: Iterable[str] = ()
) -> list[Look]:
    """The reads of things of one kind, as few as the platform's limits allow; a field of `shown_values` is shown."""
    distinct_ids = list(dict.fromkeys(ids))
    size = MAX_IDS_PER_READ if _load_rules()["things"][thing].get("argument", "ids").endswith("ids") else 1
    return [
        _make_look(thing, tuple(distinct_ids[start : start + size]), subject_ids, shown_values)
        for start in range(0, len(distinct_ids), size)
    ]


def _iter_named_things(operation: Operation) -> Iterator[tuple[str, str]]:
    """The paths of arguments with the kind of thing whose ids stand there: of the account, or of the shop."""
    rules = _load_rules()
    own_rules = rules["operations"].get(operation.name, {})
    for path, thing in (rules["arguments"] | own_rules.get("arguments", {})).items():
        is_same_owner = rules["things"][thing].get("is_of_account", False) == (operation.cipher_rule == "never")
        if is_same_owner and path not in own_rules.get("without", ()):
            yield path, thing
    for thing, path in own_rules.get("lists", {}).items():
        yield path, thing


def _iter_row_looks(thing: str, rows: Any) -> Iterator[Look]:
    """A read for each row of a list, with what stands beside its id; none where that would be too many."""
    rule = _load_rules()["things"][thing]
    if not isinstance(rows, list) or len(rows) > rule["max"]:
        return
    for row in rows:
        look = _make_look(thing, (str(row.get("id")),), frozenset(), ())
        beside = {name: _select_values(row, path.split(".")) for name, path in rule["beside"].items()}
        yield replace(look, values=look.values | beside)


def find_surroundings(operation: Operation) -> list[Surrounding]:
    """Find the reads of what lies around a write."""
    rules = _load_rules()
    names = rules["operations"].get(operation.name, {}).get("surroundings", ())
    return [Surrounding(name, **rules["surroundings"][name]) for name in names]


def describe_delay(operation: Operation) -> str:
    """What the platform does later, after a write was answered; empty where all is done at once."""
    return str(_load_rules()["operations"].get(operation.name, {}).get("later", ""))


def _make_look(thing: str, ids: tuple[str, ...], subject_ids: frozenset[str], shown_values: Iterable[str]) -> Look:
    rule = _load_rules()["things"][thing]
    argument = rule.get("argument", "")
    values = dict(rule.get("values", {}))
    if argument:
        values[argument] = list(ids) if argument.endswith("ids") else ids[0]
    names = [name for name in shown_values if name not in (argument, rule.get("id"))]
    named_paths = rule.get("shows_if_named", {})
    paths = [path for name in names for path in named_paths.get(name, (name,))]
    rows = rule.get("rows", {}) | {
        name: paths for name, paths in rule.get("rows_if_named", {}).items() if name in names
    }
    return Look(
        rule.get("noun", thing),
        rule["operation"],
        values,
        ids,
        tuple(dict.fromkeys((*rule["shows"], *(path for path in paths if path not in rows)))),
        rule.get("list", ""),
        rule.get("id", ""),
        rule.get("latest", ""),
        rows,
        rule.get("named_rows", {}),
        subject_ids,
        rule.get("then", {}),
        rule.get("may_be_missing", False),
    )


def _select_values(value: Any, path: list[str]) -> Any:
    """What stands at a path of names, lists passed through."""
    for name in path:
        if isinstance(value, list):
            value = [item[name] for item in value if isinstance(item, dict) and name in item]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _iter_ids(value: Any) -> Iterator[str]:
    """Ids, also those of the few operations that take them as numbers."""
    if isinstance(value, list):
        for inner in value:
            yield from _iter_ids(inner)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield str(value)


def _iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _iter_texts(inner)


@cache
def _load_rules() -> dict[str, Any]:
    rules: dict[str, Any] = json.loads(LOOKS_FILE.read_text(encoding="utf-8"))
    return rules
