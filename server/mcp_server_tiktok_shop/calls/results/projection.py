"""Takes of an answer the fields that were asked for, or those that its record shows by default."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.field_paths import LONGEST, missing, refused
from mcp_server_tiktok_shop.calls.results.json_paths import read_path, write_path
from mcp_server_tiktok_shop.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

Names = tuple[str, ...]
EVERYTHING = "*"
ZERO = re.compile(r"-?0+(\.0*)?")
EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(slots=True)
class _Wanted:
    """What is wanted of a value: all of it (`whole`), or fields by name; lists are passed through."""

    whole: bool = False
    fields: dict[str, _Wanted] = field(default_factory=dict)
    start: int | None = None
    merged: bool = False
    if_any: bool = False

    untouched: bool = False

    def settled(self) -> _Wanted:
        """The same, ready to be asked often whether a value is taken as it is."""
        self.untouched = self.whole and not self.fields and self.start is None and not self.merged
        for inner in self.fields.values():
            inner.settled()
        return self

    def add(self, names: Names) -> None:
        at = self
        for name in names:
            if at.whole:
                return
            at = at.fields.setdefault(name, _Wanted())
        at.whole = True
        at.fields.clear()

    def shown(self, names: Names) -> _Wanted | None:
        """The place of these names, if it is shown at all."""
        at = self
        for name in names:
            if name not in at.fields and not at.whole:
                return None
            at = at.fields.setdefault(name, _Wanted(whole=at.whole))
        return at


@dataclass(slots=True)
class _Taking:
    """Takes what is wanted, and notices what it leaves."""

    left_out: bool = False
    shortened: bool = False
    merged: bool = False

    def of(self, value: Any, wanted: _Wanted) -> Any:
        if wanted.untouched:
            return value
        if isinstance(value, list):
            items = [self.of(item, wanted) for item in value]
            return self._merge(items) if wanted.merged else items
        if isinstance(value, dict):
            return self._fields(value, wanted)
        if not wanted.whole:
            self.left_out = self.left_out or value not in EMPTY
            return {}  # a row keeps its place, so that rows can be counted
        if wanted.start is not None and isinstance(value, str) and len(value) > wanted.start:
            self.shortened = True
            return value[: wanted.start] + "…"
        return value

    def _fields(self, value: Json, wanted: _Wanted) -> Json:
        if wanted.whole:
            return {n: self.of(v, wanted.fields[n]) if n in wanted.fields else v for n, v in value.items()}
        made: Json = {}
        for name, inner in wanted.fields.items():
            if name in value:
                there = value[name]
                taken = _with_any(self.of(there, inner)) if inner.if_any else self.of(there, inner)
                if (inner.whole or isinstance(there, dict | list)) and not (inner.if_any and _nothing(taken)):
                    made[name] = taken
        if not self.left_out:
            self.left_out = any(n not in wanted.fields and v not in EMPTY for n, v in value.items())
        return made

    def _merge(self, items: list[Any]) -> list[Any]:
        """Items alike in all that is shown of them, once, with their number; those with a number of their own stay."""
        if any(not isinstance(item, dict) or "quantity" in item for item in items):
            return items
        counts: dict[str, int] = {}
        firsts: dict[str, Json] = {}
        for item in items:
            key = json.dumps(item, sort_keys=True)
            counts[key] = counts.get(key, 0) + 1
            firsts.setdefault(key, item)
        self.merged = self.merged or len(firsts) < len(items)
        return [{**item, "quantity": counts[key]} for key, item in firsts.items()]


@dataclass(frozen=True, slots=True)
class Selection:
    """Fields that are known to be there, ready to be taken from any part of the answer they were held against."""

    wanted: _Wanted

    def of(self, value: Any) -> Any:
        """The fields, in the order asked; a row that has none of them stays as {}."""
        return _Taking().of(value, self.wanted)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of an answer by default, and what was done to it."""

    data: Json
    left_out: bool = False  # fields with a value in them
    shortened: bool = False  # texts of which only the start is shown
    merged: bool = False  # items alike shown once


def written_paths(fields: Sequence[str], problem_argument: str = "fields") -> list[Names]:
    """The names along each path. What can't be a path can be refused so before anything is sent.

    Raises:
        ShopError: `invalid_arguments`: a path can't be read, or picks an item by its place.

    """
    paths: list[Names] = []
    problems = []
    for place, text in enumerate(fields):
        argument, steps = f"{problem_argument}[{place}]", read_path(text)
        if not steps:
            told = f"is {text[:LONGEST]!r}, which is not a path of names with dots"
            problems.append(Problem(argument, told, "such as orders.id"))
        elif any(isinstance(step, int) for step in steps):
            right = write_path(step for step in steps if isinstance(step, str)) or EVERYTHING
            told = f"is {text[:LONGEST]!r}: fields are taken from every item, not from one by its place"
            problems.append(Problem(argument, told, right[:LONGEST]))
        else:
            paths.append(tuple(str(step) for step in steps))
    if problems:
        raise refused(problems)
    return paths


def selection(fields: Sequence[str], shape: Json, data: Any, problem_argument: str = "fields") -> Selection:
    """What `fields` name in an answer; no fields, or `*`, name everything.

    `shape` is the JSON Schema of the answer's `data`; an empty one leaves it to the answer to say what there is.

    Raises:
        ShopError: `invalid_arguments`: neither shape nor answer has a field; the nearest right path is told.

    """
    wanted = _Wanted(whole=not fields)
    problems = []
    for place, path in enumerate(written_paths(fields, problem_argument)):
        names = plain_names(path, shape, data)
        problem = missing(names, shape, data)
        if problem is not None:
            shown = write_path(path)[:LONGEST]
            told = f"is {shown}, which the answer does not have{problem.message}"
            problems.append(Problem(f"{problem_argument}[{place}]", told, problem.allowed))
        wanted.add(names)
    if problems:
        raise refused(problems)
    return Selection(wanted.settled())


def select(data: Json, fields: Sequence[str], shape: Json, problem_argument: str = "fields") -> Json:
    """The part of an answer's `data` that dotted paths name; see `selection`."""
    part: Json = selection(fields, shape, data, problem_argument).of(data)
    return part


def plain_names(names: Names, shape: Json, data: Any) -> Names:
    """The names without what only means "all of it", and without `data` where that is the answer itself."""
    known = {*shape.get("properties", ()), *(data if isinstance(data, dict) else ())}
    if names[0] == "data" and "data" not in known:
        names = names[1:]
    return tuple(name for name in names if name != EVERYTHING)


@dataclass(frozen=True, slots=True)
class Viewing:
    """A default view made ready, as a record's `shows` describes it.

    `fields` are paths as in `select`; `starts` gives for a text the number of characters shown of it; `merges` names
    lists whose items, where alike in all that is shown, are shown once with their number as `quantity`; `if_any` names
    flags and amounts (or objects of them) that are left out where they are false or zero.
    """

    wanted: _Wanted

    @classmethod
    def made(cls, shows: Json) -> Viewing:
        wanted = _Wanted()
        for names in _names(shows["fields"]):
            wanted.add(names)
        for path, length in shows.get("starts", {}).items():
            if (at := wanted.shown(*_names([path]))) is not None:
                at.start = length
        for names in _names(shows.get("merges", ())):
            if (at := wanted.shown(names)) is not None:
                at.merged = True
        for names in _names(shows.get("if_any", ())):
            wanted.add(names)
            if (at := wanted.shown(names)) is not None:
                at.if_any = True
        return cls(wanted.settled())

    def of(self, data: Json) -> View:
        """What is shown of an answer. What it does not have is just not there; where nothing would be left, all is."""
        taking = _Taking()
        part = taking.of(data, self.wanted)
        if taking.left_out and _bare(part):
            return View(data)
        return View(part, taking.left_out, taking.shortened, taking.merged)


def viewed(data: Json, shows: Json) -> View:
    """The default view of an answer; see `Viewing`."""
    return Viewing.made(shows).of(data)


def _nothing(value: Any) -> bool:
    """Whether a flag is down, an amount zero, or nothing there."""
    return (
        value in EMPTY
        or value is False
        or (isinstance(value, str | int | float) and ZERO.fullmatch(str(value)) is not None)
    )


def _with_any(value: Any) -> Any:
    """The value without the flags that are down and the amounts that are zero in it."""
    if isinstance(value, list):
        return [_with_any(item) for item in value]
    if isinstance(value, dict):
        made = ((name, _with_any(inner)) for name, inner in value.items())
        return {name: inner for name, inner in made if not _nothing(inner)}
    return value


def _names(paths: Iterable[str]) -> list[Names]:
    return [tuple(n for n in names if n != EVERYTHING) for names in written_paths(list(paths), "shows")]


def _bare(value: Any) -> bool:
    """Whether there is nothing in a value but braces."""
    if isinstance(value, dict):
        return all(map(_bare, value.values()))
    return isinstance(value, list) and all(map(_bare, value))


def without_empty(value: Any) -> Any:
    """The value without fields that hold nothing, at every depth; items of lists keep their place."""
    if isinstance(value, list):
        return [without_empty(item) if isinstance(item, list | dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    made: Json = {}
    for name, inner in value.items():
        kind = type(inner)  # most are texts: this runs over every field of every answer
        if kind is str:
            if inner:
                made[name] = inner
        elif kind is dict or kind is list:
            if held := without_empty(inner):
                made[name] = held
        elif inner is not None:
            made[name] = inner
    return made
