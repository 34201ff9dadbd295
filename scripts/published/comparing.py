"""Finds where the published description and the catalog's records say different things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.import_facts import arguments as side_by_side
from scripts.published import wording
from scripts.published.description import Address, Description, Json, Published

BOUNDS = ("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")
# In the order in which they are told.
KINDS = (
    "operation added",
    "operation gone",
    "operation superseded",
    "cipher changed",
    "argument added",
    "argument removed",
    "argument moved",
    "required changed",
    "type changed",
    "values added",
    "values removed",
    "limit changed",
    "answer field added",
    "answer type changed",
    "reworded",
)


@dataclass(frozen=True)
class Difference:
    """One thing that the two say differently: `ours` stands in the catalog, `theirs` in the description."""

    kind: str
    operation: str  # its name; of one that the catalog lacks, its address
    place: str = ""  # the argument, or the field of the answer, by dots; for a limit its keyword after a blank
    ours: Any = None
    theirs: Any = None

    @property
    def identity(self) -> str:
        """What makes it the same difference in a later run, whatever the catalog says by then."""
        parts = (self.kind, self.place, "" if self.theirs is None else str(self.theirs))
        return " | ".join((*parts, str(self.ours)) if self.kind.endswith("removed") else parts)


@dataclass(frozen=True)
class Ours:
    """A record with its name, area and the shape of its answer."""

    name: str
    area: str
    record: Json
    shape: Json

    @property
    def address(self) -> Address:
        return Address(self.record["method"], self.record["path"])


@dataclass(frozen=True)
class Pairs:
    """Who is who: each record beside the operation of the description that it stands for."""

    known: tuple[tuple[Ours, Published], ...]
    added: tuple[Published, ...]
    unseen: tuple[Ours, ...]  # ours from other sources, or no longer described
    older: tuple[Published, ...]  # versions that a record of ours has left behind


def paired(catalog: list[Ours], description: Description) -> Pairs:
    families: dict[str, Ours] = {}
    for ours in catalog:
        families[ours.address.family] = ours
        for address in replaced(ours):
            families.setdefault(address.family, ours)
    addresses = {str(ours.address): ours for ours in catalog}
    left_behind = {str(address) for ours in catalog for address in replaced(ours)}
    found: dict[str, tuple[Ours, Published]] = {}
    added, older = [], []
    for address, published in sorted(description.operations.items()):
        exact = addresses.get(address)
        relative = exact or families.get(published.address.family)
        if relative is None and address not in left_behind:
            added.append(published)
        elif relative is None or not exact and (address in left_behind or not _newer(published, relative)):
            older.append(published)
        elif relative.name not in found or _newer(published, found[relative.name][1]):
            found[relative.name] = (relative, published)
    unseen = tuple(ours for ours in catalog if ours.name not in found)
    return Pairs(tuple(found.values()), tuple(added), unseen, tuple(older))


def replaced(ours: Ours) -> list[Address]:
    """The older addresses of a record; a method stands before the path only where it differs."""
    return [
        Address(*path.split(" ", 1)) if " " in path else Address(ours.record["method"], path)
        for path in ours.record.get("replaces", [])
    ]


def _newer(published: Published, than: Ours | Published) -> bool:
    return published.address.version > than.address.version


def differences(pairs: Pairs, remembered: dict[str, str]) -> list[Difference]:
    """All of them, sorted by kind; `remembered` are the digests of the operations described last time."""
    found = [Difference("operation added", str(published.address), theirs=published.title) for published in pairs.added]
    for ours in pairs.unseen:
        if str(ours.address) in remembered:
            found.append(Difference("operation gone", ours.name, ours=str(ours.address)))
    for ours, published in pairs.known:
        facts = list(_of_operation(ours, published))
        digest = remembered.get(str(published.address), published.digest)
        if digest != published.digest and not facts:
            found.append(Difference("reworded", ours.name, theirs=published.digest))
        found += facts
    return sorted(found, key=lambda each: (KINDS.index(each.kind), each.operation, each.place))


def _of_operation(ours: Ours, published: Published) -> Iterator[Difference]:
    facts, record, name = published.facts, ours.record, ours.name
    if str(ours.address) != str(published.address):
        yield Difference("operation superseded", name, ours=str(ours.address), theirs=str(published.address))
    if (record["cipher"] == "never") != (facts["shop_cipher"] == "never"):
        yield Difference("cipher changed", name, ours=record["cipher"], theirs=facts["shop_cipher"])
    theirs = side_by_side({**facts, "host": record.get("host")}, {}, raw=True)
    told = {name for name in facts["required"] if name in theirs}
    if published.says_required:
        told |= set((facts["body"] or {}).get("required", []))
    needed = {n for n in record["required"] if published.says_required or "body" not in theirs.get(n, {}).get("in", "")}
    yield from _required(name, "", needed & set(theirs), told)
    yield from _of_fields(name, "", record["arguments"], theirs, published.says_required)
    yield from _of_answer(name, "", ours.shape, facts["response"])
