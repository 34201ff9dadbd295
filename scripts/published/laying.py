"""Lays what the description newly says into the catalog's records; takes nothing away, and leaves our words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.import_facts import ARGUMENT_WORDS, read, record, schema, shape, write
from scripts.published.comparing import Difference, Json, Ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST_NAME = 40
KINDS_OF_FILE = ("areas", "responses")


@dataclass(frozen=True)
class Records:
    """The catalog's two folders, by area."""

    folder: Path
    areas: dict[str, Json]
    answers: dict[str, Json]

    @classmethod
    def opened(cls, folder: Path) -> Records:
        areas, answers = ({p.stem: read(p) for p in sorted((folder / kind).glob("*.json"))} for kind in KINDS_OF_FILE)
        return cls(folder, areas, answers)

    def operations(self) -> list[Ours]:
        """Every record that asks the platform; the local tools have no path."""
        return [
            Ours(name, area, each, self.answers.get(area, {}).get(name, {}))
            for area, records in self.areas.items()
            for name, each in records.items()
            if "path" in each
        ]

    def save(self) -> None:
        for kind, files in zip(KINDS_OF_FILE, (self.areas, self.answers), strict=True):
            for area, data in files.items():
                path = self.folder / kind / f"{area}.json"
                if data != read(path):
                    write(path, data)


def lay(differences: list[Difference], records: Records) -> list[Difference]:
    """Write what can be written; what is left, in the order given, is for the reader."""
    known = {ours.name: ours for ours in records.operations()}
    left = []
    for each in differences:
        if each.kind == "operation added":
            _add(each, records)
        elif each.kind in WRITERS:
            WRITERS[each.kind](known[each.operation], each)
        else:
            left.append(each)
    records.save()
    return left


def _add(added: Difference, records: Records) -> None:
    """A record without words. Until somebody judges it, all but a GET counts as what can't be undone."""
    facts: Json = added.facts or {}
    reads = facts["method"] == "GET"
    judged = {
        "effect": "read" if reads else "destructive",
        "asks": not reads,
        "paging": {"in": _paging(facts)},
        **dict.fromkeys(("scope", "regions", "superseded_by", "older_versions")),
    }
    area = _area(facts["path"], records)
    name = _name(str(added.theirs), facts["path"], {n for each in records.areas.values() for n in each})
    made = record(facts | judged, {})
    for argument in made["arguments"].values():
        argument.update(_openly(argument))
    records.areas.setdefault(area, {})[name] = made
    records.answers.setdefault(area, {})[name] = shape(facts["response"])


def _paging(facts: Json) -> str | None:
    body = (facts["body"] or {}).get("properties", {})
    return "query" if "page_token" in facts["query"] else "body" if "page_token" in body else None


def _area(path: str, records: Records) -> str:
    """Where most records of the same first step are; else an area of its own."""
    first = path.split("/")[1]
    counts = {
        area: sum(each.get("path", "").startswith(f"/{first}/") for each in found.values())
        for area, found in records.areas.items()
    }
    best = max(counts, key=lambda area: counts[area], default=first)
    return best if counts.get(best) else first


def _name(title: str, path: str, taken: set[str]) -> str:
    """The platform's own name in our spelling, cut at a word; to be tidied by hand where it reads badly."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", title) or re.findall(r"[a-z]+", path)
    name = "_".join(words).lower()
    while len(name) > LONGEST_NAME:
        name = name[:LONGEST_NAME].rpartition("_")[0] if "_" in name[:LONGEST_NAME] else name[:LONGEST_NAME]
    number = 2
    free = name
    while free in taken:
        free, number = f"{name[: LONGEST_NAME - 3]}_{number}", number + 1
    return free


def _parent(top: Json, place: str) -> tuple[Json, str]:
    """The schema around a field, and its name. A schema of a list stands for its items."""
    *way, name = place.split(".")
    around = top
    for step in way:
        around = _inner(around["properties"][step])
    return around, name


def _inner(each: Json) -> Json:
    while "items" in each:
        each = each["items"]
    return each


def _request(ours: Ours) -> Json:
    """A record's arguments and required names, seen as the object that they are; changes go into the record."""
    return {"properties": ours.record["arguments"], "required": ours.record["required"]}


def _field(ours: Ours, place: str) -> Json:
    around, name = _parent(_request(ours), place)
    found: Json = around["properties"][name]
    return found


def _supersede(ours: Ours, each: Difference) -> None:
    method, path = str(each.theirs).split(" ", 1)
    old = ours.record["path"] if method == ours.record["method"] else str(each.ours)
    ours.record["replaces"] = [*ours.record.get("replaces", []), old]
    ours.record.update(method=method, path=path)


def _cipher(ours: Ours, each: Difference) -> None:
    ours.record["cipher"] = each.theirs


def _argument(ours: Ours, each: Difference) -> None:
    around, name = _parent(_request(ours), each.place)
    facts = each.facts or {}
    made = {"in": facts["in"]} if "in" in facts else {}
    made |= schema(facts, {}) | {"description": ""}
    around.setdefault("properties", {})[name] = made | _openly(made)


def _openly(made: Json) -> Json:
    """One source's list of values is not the whole truth: it is told, and others are let through."""
    if "items" in made:
        made["items"] |= _openly(made["items"])
    for each in made.get("properties", {}).values():
        each.update(_openly(each))
    return {"x-enum-open": True} if "enum" in made else {}


def _move(ours: Ours, each: Difference) -> None:
    _field(ours, each.place)["in"] = each.theirs


def _require(ours: Ours, each: Difference) -> None:
    around, name = _parent(_request(ours), each.place)
    names = around.setdefault("required", [])
    names.append(name) if each.theirs else names.remove(name)


def _retype(ours: Ours, each: Difference) -> None:
    had = _field(ours, each.place)
    kept = {key: had[key] for key in ("in", *ARGUMENT_WORDS) if key in had}
    made = schema(each.facts or {}, had)
    had.clear()
    had |= kept | made | kept
    had |= _openly(had)


def _value(ours: Ours, each: Difference) -> None:
    inner = _inner(_field(ours, each.place))
    if "enum" not in inner:
        inner |= {"enum": [], "x-enum-open": True}
    inner["enum"] = [*inner["enum"], each.theirs]


def _limit(ours: Ours, each: Difference) -> None:
    place, bound = each.place.rsplit(" ", 1)
    found = _field(ours, place.removesuffix("[]"))
    (found["items"] if place.endswith("[]") else found)[bound] = each.theirs


def _answer(ours: Ours, each: Difference) -> None:
    around, name = _parent(_inner(ours.shape), each.place)
    around.setdefault("properties", {})[name] = shape(each.facts or {})


WRITERS: dict[str, Callable[[Ours, Difference], Any]] = {
    "operation superseded": _supersede,
    "cipher changed": _cipher,
    "argument added": _argument,
    "argument moved": _move,
    "required changed": _require,
    "type changed": _retype,
    "value added": _value,
    "limit changed": _limit,
    "answer field added": _answer,
    "answer type changed": _answer,
}
