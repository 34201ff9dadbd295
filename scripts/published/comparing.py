"""Finds where the published description and the catalog's records say different things."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

from scripts.published import wording
from scripts.published.description import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.published.description import Description, Published

Json = dict[str, Any]

BOUNDS = ("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")
# In the order in which they are told.
KINDS = (
    "operation added",
    "operation gone",
    "operation superseded",
    "cipher changed",
    "argument added",
    "argument not described",
    "argument moved",
    "required changed",
    "type changed",
    "value added",
    "value not described",
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
    facts: Json | None = attribute(default=None, compare=False, repr=False)  # what `--write` lays

    @property
    def identity(self) -> str:
        """What makes it the same difference in a later run: what the description says, or no longer says."""
        said = self.ours if self.kind.endswith("not described") else self.theirs
        return f"{self.kind}: {self.place}: {said}"


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
    families = {address.family: ours for ours in catalog for address in replaced(ours)}
    families |= {ours.address.family: ours for ours in catalog}
    current = {str(ours.address): ours for ours in catalog}
    left_behind = {str(address) for ours in catalog for address in replaced(ours)}
    found: dict[str, Published] = {}
    added: list[Published] = []
    older: list[Published] = []
    # By version, so that the newest of a family is the one that stays.
    for published in sorted(description.operations.values(), key=lambda each: each.address.version):
        address = str(published.address)
        ours = current.get(address) or families.get(published.address.family)
        if ours is None:
            (older if address in left_behind else added).append(published)
        elif address not in left_behind and published.address.version >= ours.address.version:
            older += [found[ours.name]] if ours.name in found else []
            found[ours.name] = published
        else:
            older.append(published)
    known = tuple((ours, found[ours.name]) for ours in catalog if ours.name in found)
    unseen = tuple(ours for ours in catalog if ours.name not in found)
    return Pairs(known, tuple(added), unseen, tuple(older))


def replaced(ours: Ours) -> list[Address]:
    """The older addresses of a record; a method stands before the path only where it differs."""
    return [
        Address(*path.split(" ", 1)) if " " in path else Address(ours.record["method"], path)
        for path in ours.record.get("replaces", [])
    ]


def differences(pairs: Pairs, remembered: dict[str, str]) -> list[Difference]:
    """All of them, sorted by kind; `remembered` are the digests of the operations described last time."""
    found = [
        Difference("operation added", str(published.address), theirs=published.title, facts=published.facts)
        for published in pairs.added
    ]
    found += [
        Difference("operation gone", ours.name, ours=str(ours.address))
        for ours in pairs.unseen
        if str(ours.address) in remembered
    ]
    for ours, published in pairs.known:
        found += _of_operation(ours, published)
        if remembered.get(str(published.address), published.digest) != published.digest:
            found.append(Difference("reworded", ours.name, ours=str(ours.address)))
    return sorted(found, key=lambda each: (KINDS.index(each.kind), each.operation, each.place))


def _of_operation(ours: Ours, published: Published) -> Iterator[Difference]:
    facts, record, name = published.facts, ours.record, ours.name
    if str(ours.address) != str(published.address):
        yield Difference("operation superseded", name, ours=str(ours.address), theirs=str(published.address))
    if (record["cipher"] == "never") != (facts["shop_cipher"] == "never"):
        yield Difference("cipher changed", name, ours=record["cipher"], theirs=facts["shop_cipher"])
    theirs = arguments(facts)
    yield from _required(name, "", record["required"], _told(facts), theirs, record["arguments"], published)
    yield from _of_fields(name, "", record["arguments"], theirs, published)
    yield from _of_answer(name, "", ours.shape, facts["response"])


def arguments(facts: Json) -> Json:
    """Path, query and body fields side by side, as a record holds them, with the texts they were read from."""
    made: Json = {}
    places = {
        "path": facts["path_params"],
        "query": facts["query"],
        "body": (facts["body"] or {}).get("properties", {}),
    }
    for place, fields in places.items():
        for name, field in fields.items():
            made[name] = field | {"in": [made[name]["in"], place] if name in made else place}
    return made


def _told(facts: Json) -> list[str]:
    return [*facts["required"], *(facts["body"] or {}).get("required", [])]


def _required(
    name: str, place: str, ours: list[str], theirs: list[str], described: Json, recorded: Json, published: Published
) -> Iterator[Difference]:
    """Bodies that tell of no field whether it is needed tell nothing by it."""
    for field in sorted(set(described) & set(recorded)):
        silent = not published.says_required and "body" in described[field].get("in", "body")
        if not silent and (field in ours) != (field in theirs):
            yield Difference("required changed", name, place + field, field in ours, field in theirs)


def _of_fields(name: str, place: str, ours: Json, theirs: Json, published: Published) -> Iterator[Difference]:
    for field in theirs:
        if field not in ours:
            yield Difference("argument added", name, place + field, theirs=_kind(theirs[field]), facts=theirs[field])
    for field in ours:
        if field not in theirs:
            yield Difference("argument not described", name, place + field, ours=_kind(ours[field]))
        else:
            yield from _of_field(name, place + field, ours[field], theirs[field], published)


def _of_field(name: str, place: str, ours: Json, theirs: Json, published: Published) -> Iterator[Difference]:
    if ours.get("in") != theirs.get("in"):
        yield Difference("argument moved", name, place, ours.get("in"), theirs.get("in"))
    if _kind(ours) != _kind(theirs):
        yield Difference("type changed", name, place, _kind(ours), _kind(theirs), facts=theirs)
        return
    inner, inside = ours.get("items", ours), theirs.get("items", theirs)
    yield from _of_values(name, place, inner, inside)
    yield from _of_bounds(name, place, ours, theirs)
    if inner is not ours:
        yield from _of_bounds(name, f"{place}[]", inner, inside)
    if "properties" in inside:
        had, has = inner.get("properties", {}), inside["properties"]
        required = inner.get("required", []), inside.get("required", [])
        yield from _required(name, f"{place}.", *required, has, had, published)
        yield from _of_fields(name, f"{place}.", had, has, published)


def _of_values(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    """A value of ours is missing only where the description lists others and doesn't name it at all."""
    had, has = ({str(value): value for value in each.get("enum", ())} for each in (ours, theirs))
    for text, value in has.items():
        if text not in had:
            yield Difference("value added", name, place, theirs=value)
    for text, value in had.items():
        if has and text not in has and not wording.mentions(theirs.get("x-hint", ""), text):
            yield Difference("value not described", name, place, ours=value)


def _of_bounds(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    for bound in BOUNDS:
        if bound in theirs and ours.get(bound) != theirs[bound]:
            yield Difference("limit changed", name, f"{place} {bound}", ours.get(bound), theirs[bound])


def _of_answer(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    """Ours may hold more, from newer sources, and ends at some depth."""
    ours, theirs = ours.get("items", ours), theirs.get("items", theirs)
    had, has = ours.get("properties", {}), theirs.get("properties", {})
    for field in has if had else ():
        at = place + field
        if field not in had:
            yield Difference("answer field added", name, at, theirs=_kind(has[field]), facts=has[field])
        elif _kind(had[field]) != _kind(has[field]):
            yield Difference("answer type changed", name, at, _kind(had[field]), _kind(has[field]), facts=has[field])
        else:
            yield from _of_answer(name, f"{at}.", had[field], has[field])


def _kind(schema: Json) -> str:
    kind = str(schema.get("type", "string"))
    return f"{kind} of {_kind(schema['items'])}" if kind == "array" and "items" in schema else kind
