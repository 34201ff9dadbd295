"""Compares the published description with the catalog's records, and finds where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

from scripts.import_facts import get_required_names, iter_fields
from scripts.published import prose
from scripts.published.description import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.published.description import Description, PublishedOperation

Json = dict[str, Any]

BOUND_KEYWORDS = ("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")
# In the order of the report.
DIFFERENCE_KINDS = (
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
    """One difference between the two: `ours` stands in the catalog, `theirs` in the description."""

    kind: str
    operation: str  # its name; of one that the catalog lacks, its address
    place: str = ""  # the argument, or the field of the answer, by dots; for a limit its keyword after a blank
    ours: Any = None
    theirs: Any = None
    facts: Json | None = attribute(default=None, compare=False, repr=False)  # what `--write` merges into the record

    @property
    def identity(self) -> str:
        """What makes it the same difference in a later run: what the description says, or no longer says."""
        value = self.ours if self.kind.endswith("not described") else self.theirs
        return f"{self.kind}: {self.place}: {value}"


@dataclass(frozen=True)
class CatalogOperation:
    """A record with its name, area and the shape of its answer."""

    name: str
    area: str
    record: Json
    shape: Json

    @property
    def address(self) -> Address:
        return Address(self.record["method"], self.record["path"])


@dataclass(frozen=True)
class OperationPairs:
    """Each record beside the operation of the description that it stands for, and those without a counterpart."""

    matched: tuple[tuple[CatalogOperation, PublishedOperation], ...]
    added: tuple[PublishedOperation, ...]
    undescribed: tuple[CatalogOperation, ...]  # ours from other sources, or no longer described
    older: tuple[PublishedOperation, ...]  # versions that a record of ours supersedes


def pair_operations(catalog: list[CatalogOperation], description: Description) -> OperationPairs:
    """Pair each record with the newest published version of its operation."""
    families = {address.family: ours for ours in catalog for address in get_older_addresses(ours)}
    families |= {ours.address.family: ours for ours in catalog}
    current = {str(ours.address): ours for ours in catalog}
    older_addresses = {str(address) for ours in catalog for address in get_older_addresses(ours)}
    newest: dict[str, PublishedOperation] = {}
    added: list[PublishedOperation] = []
    older: list[PublishedOperation] = []
    # By version, so that the newest of a family is the one that stays.
    for published in sorted(description.operations.values(), key=lambda each: each.address.version):
        address = str(published.address)
        ours = current.get(address) or families.get(published.address.family)
        if ours is None:
            (older if address in older_addresses else added).append(published)
        elif address not in older_addresses and published.address.version >= ours.address.version:
            older += [newest[ours.name]] if ours.name in newest else []
            newest[ours.name] = published
        else:
            older.append(published)
    matched = tuple((ours, newest[ours.name]) for ours in catalog if ours.name in newest)
    undescribed = tuple(ours for ours in catalog if ours.name not in newest)
    return OperationPairs(matched, tuple(added), undescribed, tuple(older))


def get_older_addresses(ours: CatalogOperation) -> list[Address]:
    """The older addresses of a record; a method stands before the path only where it differs."""
    return [
        Address(*path.split(" ", 1)) if " " in path else Address(ours.record["method"], path)
        for path in ours.record.get("replaces", [])
    ]


def find_differences(pairs: OperationPairs, previous_digests: dict[str, str]) -> list[Difference]:
    """Find all differences, sorted by kind; `previous_digests` are those of the last review, by address."""
    differences = [
        Difference("operation added", str(published.address), theirs=published.title, facts=published.facts)
        for published in pairs.added
    ]
    differences += [
        Difference("operation gone", ours.name, ours=str(ours.address))
        for ours in pairs.undescribed
        if str(ours.address) in previous_digests
    ]
    for ours, published in pairs.matched:
        differences += _compare_operation(ours, published)
        if previous_digests.get(str(published.address), published.digest) != published.digest:
            differences.append(Difference("reworded", ours.name, ours=str(ours.address)))
    return sorted(differences, key=lambda each: (DIFFERENCE_KINDS.index(each.kind), each.operation, each.place))


def _compare_operation(ours: CatalogOperation, published: PublishedOperation) -> Iterator[Difference]:
    facts, record, name = published.facts, ours.record, ours.name
    if str(ours.address) != str(published.address):
        yield Difference("operation superseded", name, ours=str(ours.address), theirs=str(published.address))
    if (record["cipher"] == "never") != (facts["shop_cipher"] == "never"):
        yield Difference("cipher changed", name, ours=record["cipher"], theirs=facts["shop_cipher"])
    theirs = _collect_arguments(facts)
    yield from _compare_required(
        name, "", record["required"], get_required_names(facts), theirs, record["arguments"], published
    )
    yield from _compare_fields(name, "", record["arguments"], theirs, published)
    yield from _compare_responses(name, "", ours.shape, facts["response"])


def _collect_arguments(facts: Json) -> Json:
    """Path, query and body fields side by side, as in a record, but with the texts they were read from."""
    arguments: Json = {}
    for location, name, field in iter_fields(facts):
        arguments[name] = field | {"in": [arguments[name]["in"], location] if name in arguments else location}
    return arguments


def _compare_required(
    name: str,
    place: str,
    our_names: list[str],
    their_names: list[str],
    their_fields: Json,
    our_fields: Json,
    published: PublishedOperation,
) -> Iterator[Difference]:
    """Compare which fields are required; a body that says so of none of its fields says nothing."""
    for field in sorted(set(their_fields) & set(our_fields)):
        is_undeclared = not published.has_required_lists and "body" in their_fields[field].get("in", "body")
        if not is_undeclared and (field in our_names) != (field in their_names):
            yield Difference("required changed", name, place + field, field in our_names, field in their_names)


def _compare_fields(
    name: str, place: str, ours: Json, theirs: Json, published: PublishedOperation
) -> Iterator[Difference]:
    for field in theirs:
        if field not in ours:
            yield Difference(
                "argument added", name, place + field, theirs=_describe_type(theirs[field]), facts=theirs[field]
            )
    for field in ours:
        if field not in theirs:
            yield Difference("argument not described", name, place + field, ours=_describe_type(ours[field]))
        else:
            yield from _compare_field(name, place + field, ours[field], theirs[field], published)


def _compare_field(
    name: str, place: str, ours: Json, theirs: Json, published: PublishedOperation
) -> Iterator[Difference]:
    if ours.get("in") != theirs.get("in"):
        yield Difference("argument moved", name, place, ours.get("in"), theirs.get("in"))
    if _describe_type(ours) != _describe_type(theirs):
        yield Difference("type changed", name, place, _describe_type(ours), _describe_type(theirs), facts=theirs)
        return
    our_items, their_items = ours.get("items", ours), theirs.get("items", theirs)
    yield from _compare_values(name, place, our_items, their_items)
    yield from _compare_bounds(name, place, ours, theirs)
    if our_items is not ours:
        yield from _compare_bounds(name, f"{place}[]", our_items, their_items)
    if "properties" in their_items:
        our_fields, their_fields = our_items.get("properties", {}), their_items["properties"]
        required_names = our_items.get("required", []), their_items.get("required", [])
        yield from _compare_required(name, f"{place}.", *required_names, their_fields, our_fields, published)
        yield from _compare_fields(name, f"{place}.", our_fields, their_fields, published)


def _compare_values(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    """Compare values. One of ours is missing only where the description lists others and doesn't name it at all."""
    our_values, their_values = ({str(value): value for value in each.get("enum", ())} for each in (ours, theirs))
    for text, value in their_values.items():
        if text not in our_values:
            yield Difference("value added", name, place, theirs=value)
    for text, value in our_values.items():
        if their_values and text not in their_values and not prose.contains_word(theirs.get("x-hint", ""), text):
            yield Difference("value not described", name, place, ours=value)


def _compare_bounds(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    for bound in BOUND_KEYWORDS:
        if bound in theirs and ours.get(bound) != theirs[bound]:
            yield Difference("limit changed", name, f"{place} {bound}", ours.get(bound), theirs[bound])


def _compare_responses(name: str, place: str, ours: Json, theirs: Json) -> Iterator[Difference]:
    """Compare shapes. Ours may have more, from newer sources, and ends at some depth."""
    ours, theirs = ours.get("items", ours), theirs.get("items", theirs)
    our_fields, their_fields = ours.get("properties", {}), theirs.get("properties", {})
    for field in their_fields if our_fields else ():
        path = place + field
        if field not in our_fields:
            yield Difference(
                "answer field added", name, path, theirs=_describe_type(their_fields[field]), facts=their_fields[field]
            )
        elif _describe_type(our_fields[field]) != _describe_type(their_fields[field]):
            yield Difference(
                "answer type changed",
                name,
                path,
                _describe_type(our_fields[field]),
                _describe_type(their_fields[field]),
                facts=their_fields[field],
            )
        else:
            yield from _compare_responses(name, f"{path}.", our_fields[field], their_fields[field])


def _describe_type(schema: Json) -> str:
    kind = str(schema.get("type", "string"))
    return f"{kind} of {_describe_type(schema['items'])}" if kind == "array" and "items" in schema else kind
