"""Reads the rules for taking a write back: by which operation, and where its arguments come from."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

# `operations` with the kind of thing that they change (`noun`), what of it is `watches`-ed, and the `ways` back: the
# first is taken whose `takes` name every argument that was given. Where none is, `otherwise` says why; or `idle`, that
# there is nothing to take back. `becomes`: what a value turns into by itself.
# `audited`: which of the facts shown of a thing the audit log keeps. Of operations without a rule: `undone_by` names
# those that take one back by a call that can't be readied from what is known, `undone_by_itself` are those that are
# sent again with the values of before; `no_way_back` says why there is none.
UNDO_FILE = Path(__file__).with_name("undo.json")
DEFAULT_REASON = "no operation takes it back"


class UndoStep(Struct, frozen=True):
    """One call of the way back: `template` makes its arguments (see `calls.way_back`).

    `expects` is what the things must be where that is not what the write left; arguments `in_future` are moments that
    lie at least so many seconds ahead when the call is offered. `first` are the values that the platform gives the
    things at first, until they are as before by themselves.
    """

    tool: str
    template: Json
    expects: Json
    in_future: dict[str, int]
    first: Json


class UndoWay(Struct, frozen=True):
    """One way back, for a write whose arguments are all in `takes` (None: whatever they are).

    It is there for things whose fields have one of the values of `condition`, and anything at `needed`. `leaves` is a
    sentence on what is not as before.
    """

    takes: tuple[str, ...] | None
    condition: dict[str, list[Any]]
    needed: str
    steps: tuple[UndoStep, ...]
    leaves: str

    def covers(self, paths: frozenset[str]) -> bool:
        """Whether all arguments are known to it; `discount.*` stands for all below."""
        return self.takes is None or all(
            any(path == name or (name.endswith(".*") and path.startswith(name[:-1])) for name in self.takes)
            for path in paths
        )


class Watch(Struct, frozen=True):
    """What must not have changed of a thing since a write: paths, and paths in the rows of lists."""

    shows: tuple[str, ...] = ()
    rows: dict[str, list[str]] = field(default_factory=dict)


class UndoRule(Struct, frozen=True):
    """How one operation is taken back; `is_of_made` where that is about what it made.

    `otherwise` says why there is no way back where none of the `ways` fits; where it `is_idle`, since nothing changes.
    """

    noun: str
    watch: Watch
    ways: tuple[UndoWay, ...]
    is_of_made: bool
    otherwise: str
    is_idle: bool


def find_undo_rule(name: str) -> UndoRule | None:
    """The rule of the operation of a name. They stand in `undo.json`."""
    return _load_undo_rules().get(name)


def describe_inverse(name: str) -> str:
    """By what somebody takes back an operation without a rule, in a call of their own; empty where nothing does."""
    rules = _load()
    if name in rules["undone_by_itself"]:
        return "send it again with the values of before"
    inverse_names = rules["undone_by"].get(name, ())
    return f"{' or '.join(inverse_names)} takes it back" if inverse_names else ""


def describe_no_way_back(name: str) -> str:
    """Why an operation without a rule can't be taken back."""
    return str(_load()["no_way_back"].get(name, DEFAULT_REASON))


def get_audited_paths() -> frozenset[str]:
    """The facts of things that the audit log keeps; all others may be buyers'."""
    return frozenset(_load()["audited"])


def is_expected_course(noun: str, path: str, earlier: Any, later: Any) -> bool:
    """Whether a value turns into the other by itself, as when a review is passed."""
    by_value: dict[str, list[Any]] = _load()["becomes"].get(f"{noun}.{path}", {})
    return later in by_value.get(str(earlier), ())


@cache
def _load_undo_rules() -> dict[str, UndoRule]:
    return {name: _to_rule(record) for name, record in _load()["operations"].items()}


def _to_rule(record: Json) -> UndoRule:
    watches = record["watches"]
    return UndoRule(
        record["noun"],
        Watch(tuple(watches.get("shows", ())), watches.get("rows", {})),
        tuple(map(_to_way, record["ways"])),
        record.get("is_of_made", False),
        record["idle"] if "idle" in record else record.get("otherwise", DEFAULT_REASON),
        "idle" in record,
    )


def _to_way(record: Json) -> UndoWay:
    steps = tuple(
        UndoStep(
            step["tool"], step["arguments"], step.get("expects", {}), step.get("in_future", {}), step.get("first", {})
        )
        for step in record["steps"]
    )
    takes = tuple(record["takes"]) if "takes" in record else None
    return UndoWay(takes, record.get("if", {}), record.get("has", ""), steps, record.get("leaves", ""))


@cache
def _load() -> dict[str, Any]:
    rules: dict[str, Any] = json.loads(UNDO_FILE.read_text(encoding="utf-8"))
    return rules
