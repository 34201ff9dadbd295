"""Updates the catalog's records with differences to the description; removes nothing, and leaves the words there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.import_facts import ARGUMENT_WORDS, extract_shape, merge_record, merge_schema, read_json, write_json
from scripts.published.comparison import CatalogOperation, Difference, Json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_NAME_CHARS = 40
FOLDER_NAMES = ("areas", "responses")


@dataclass(frozen=True)
class CatalogRecords:
    """The catalog's records, and the shapes of its responses, by area."""

    folder: Path
    areas: dict[str, Json]
    responses: dict[str, Json]

    @classmethod
    def load(cls, folder: Path) -> CatalogRecords:
        areas, responses = (
            {p.stem: read_json(p) for p in sorted((folder / kind).glob("*.json"))} for kind in FOLDER_NAMES
        )
        return cls(folder, areas, responses)

    def list_operations(self) -> list[CatalogOperation]:
        """The operations of the platform; this server's own tools, which have no path, are none of them."""
        return [
            CatalogOperation(name, area, each, self.responses.get(area, {}).get(name, {}))
            for area, records in self.areas.items()
            for name, each in records.items()
            if "path" in each
        ]

    def save(self) -> None:
        """Write the files that have changed."""
        for kind, files in zip(FOLDER_NAMES, (self.areas, self.responses), strict=True):
            for area, data in files.items():
                path = self.folder / kind / f"{area}.json"
                if data != read_json(path):
                    write_json(path, data)


def apply_differences(differences: list[Difference], records: CatalogRecords) -> list[Difference]:
    """Update the records and save them; returns the differences that a person has to judge, in their order."""
    operations = {ours.name: ours for ours in records.list_operations()}
    remaining = []
    for each in differences:
        if each.kind == "operation added":
            _add_operation(each, records)
        elif each.kind in WRITERS:
            WRITERS[each.kind](operations[each.operation], each)
        else:
            remaining.append(each)
    records.save()
    return remaining


def _add_operation(difference: Difference, records: CatalogRecords) -> None:
    """Add a record without words. Until somebody judges it, all but a GET counts as what can't be undone."""
    facts: Json = difference.facts or {}
    is_read = facts["method"] == "GET"
    judgement = {
        "effect": "read" if is_read else "destructive",
        "asks": not is_read,
        "paging": {"in": _find_paging(facts)},
        **dict.fromkeys(("scope", "regions", "superseded_by", "older_versions")),
    }
    area = _choose_area(facts["path"], records)
    name = _choose_name(str(difference.theirs), facts["path"], {n for each in records.areas.values() for n in each})
    new_record = merge_record(facts | judgement, {})
    for argument in new_record["arguments"].values():
        argument.update(_open_enums(argument))
    records.areas.setdefault(area, {})[name] = new_record
    records.responses.setdefault(area, {})[name] = extract_shape(facts["response"])


def _find_paging(facts: Json) -> str | None:
    body = (facts["body"] or {}).get("properties", {})
    return "query" if "page_token" in facts["query"] else "body" if "page_token" in body else None


def _choose_area(path: str, records: CatalogRecords) -> str:
    """The area with most records whose path begins alike; else one of its own."""
    first_step = path.split("/")[1]
    counts = {
        area: sum(each.get("path", "").startswith(f"/{first_step}/") for each in group.values())
        for area, group in records.areas.items()
    }
    best_area = max(counts, key=lambda area: counts[area], default=first_step)
    return best_area if counts.get(best_area) else first_step


def _choose_name(title: str, path: str, existing_names: set[str]) -> str:
    """The platform's own name in our spelling, cut at a word; to be tidied by hand where it reads badly."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", title) or re.findall(r"[a-z]+", path)
    name = "_".join(words).lower()
    while len(name) > MAX_NAME_CHARS:
        name = name[:MAX_NAME_CHARS].rpartition("_")[0] if "_" in name[:MAX_NAME_CHARS] else name[:MAX_NAME_CHARS]
    number = 2
    candidate = name
    while candidate in existing_names:
        candidate, number = f"{name[: MAX_NAME_CHARS - 3]}_{number}", number + 1
    return candidate


def _find_parent(top: Json, place: str) -> tuple[Json, str]:
    """The schema around a field, and its name. A schema of a list stands for its items."""
    *steps, name = place.split(".")
    parent = top
    for step in steps:
        parent = _unwrap_items(parent["properties"][step])
    return parent, name


def _unwrap_items(each: Json) -> Json:
    while "items" in each:
        each = each["items"]
    return each


def _to_object_schema(ours: CatalogOperation) -> Json:
    """A record's arguments and required names as a schema of an object; changes to it change the record."""
    return {"properties": ours.record["arguments"], "required": ours.record["required"]}


def _find_field(ours: CatalogOperation, place: str) -> Json:
    parent, name = _find_parent(_to_object_schema(ours), place)
    field_schema: Json = parent["properties"][name]
    return field_schema


def _supersede_operation(ours: CatalogOperation, each: Difference) -> None:
    method, path = str(each.theirs).split(" ", 1)
    old = ours.record["path"] if method == ours.record["method"] else str(each.ours)
    ours.record["replaces"] = [*ours.record.get("replaces", []), old]
    ours.record.update(method=method, path=path)


def _set_cipher(ours: CatalogOperation, each: Difference) -> None:
    ours.record["cipher"] = each.theirs


def _add_argument(ours: CatalogOperation, each: Difference) -> None:
    parent, name = _find_parent(_to_object_schema(ours), each.place)
    facts = each.facts or {}
    field_schema = {"in": facts["in"]} if "in" in facts else {}
    field_schema |= merge_schema(facts, {}) | {"description": ""}
    parent.setdefault("properties", {})[name] = field_schema | _open_enums(field_schema)


def _open_enums(node: Json) -> Json:
    """Mark lists of values as open, at every depth: one source may not know all of them."""
    if "items" in node:
        node["items"] |= _open_enums(node["items"])
    for each in node.get("properties", {}).values():
        each.update(_open_enums(each))
    return {"x-enum-open": True} if "enum" in node else {}


def _move_argument(ours: CatalogOperation, each: Difference) -> None:
    _find_field(ours, each.place)["in"] = each.theirs


def _set_required(ours: CatalogOperation, each: Difference) -> None:
    parent, name = _find_parent(_to_object_schema(ours), each.place)
    names = parent.setdefault("required", [])
    names.append(name) if each.theirs else names.remove(name)


def _replace_type(ours: CatalogOperation, each: Difference) -> None:
    field_schema = _find_field(ours, each.place)
    preserved = {key: field_schema[key] for key in ("in", *ARGUMENT_WORDS) if key in field_schema}
    new_schema = merge_schema(each.facts or {}, field_schema)
    field_schema.clear()
    field_schema |= preserved | new_schema | preserved
    field_schema |= _open_enums(field_schema)


def _add_value(ours: CatalogOperation, each: Difference) -> None:
    inner = _unwrap_items(_find_field(ours, each.place))
    if "enum" not in inner:
        inner |= {"enum": [], "x-enum-open": True}
    inner["enum"] = [*inner["enum"], each.theirs]


def _set_limit(ours: CatalogOperation, each: Difference) -> None:
    place, bound = each.place.rsplit(" ", 1)
    field_schema = _find_field(ours, place.removesuffix("[]"))
    (field_schema["items"] if place.endswith("[]") else field_schema)[bound] = each.theirs


def _set_response_field(ours: CatalogOperation, each: Difference) -> None:
    parent, name = _find_parent(_unwrap_items(ours.shape), each.place)
    parent.setdefault("properties", {})[name] = extract_shape(each.facts or {})


WRITERS: dict[str, Callable[[CatalogOperation, Difference], Any]] = {
    "operation superseded": _supersede_operation,
    "cipher changed": _set_cipher,
    "argument added": _add_argument,
    "argument moved": _move_argument,
    "required changed": _set_required,
    "type changed": _replace_type,
    "value added": _add_value,
    "limit changed": _set_limit,
    "answer field added": _set_response_field,
    "answer type changed": _set_response_field,
}
