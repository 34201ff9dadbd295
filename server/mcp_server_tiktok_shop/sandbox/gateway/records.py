"""The catalog's records as the gateway needs them: which operation a path means, and what it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.json_types import Json

CATALOG = Path(__file__).parents[2] / "catalog"


@dataclass(frozen=True)
class Operation:
    """One operation: how it is called, and its arguments by the place they stand in."""

    name: str
    area: str
    method: str
    path: str
    host: str
    effect: str
    cipher: str
    other_cipher: str
    multipart: bool
    paging: str
    scope: tuple[str, ...]
    required: frozenset[str]
    in_path: Mapping[str, Json]
    in_query: Mapping[str, Json]
    in_body: Mapping[str, Json]
    replaces: tuple[tuple[str, str], ...]
    answer: Json = field(repr=False)

    @property
    def reads(self) -> bool:
        return self.effect == "read"


@dataclass(frozen=True)
class Place:
    """A path that the platform knows: its operations by method, and what took over its retired ones."""

    template: str
    operations: dict[str, Operation] = field(default_factory=dict)
    retired: dict[str, Operation] = field(default_factory=dict)


def _placed(record: Json, place: str) -> dict[str, Json]:
    return {n: a for n, a in record["arguments"].items() if place in _places(a)}


def _places(argument: Json) -> list[str]:
    place = argument["in"]
    return [place] if isinstance(place, str) else list(place)


def _operation(name: str, area: str, record: Json, answer: Json) -> Operation:
    older = [old.rsplit(" ", 1) for old in record.get("replaces", [])]
    return Operation(
        name=name,
        area=area,
        method=record["method"],
        path=record["path"],
        host=record.get("host", "api"),
        effect=record["effect"],
        cipher=record["cipher"],
        other_cipher=record.get("other_cipher", ""),
        multipart=record.get("multipart", False),
        paging=record.get("paging", ""),
        scope=tuple(record.get("scope", ())),
        required=frozenset(record["required"]),
        in_path=_placed(record, "path"),
        in_query=_placed(record, "query"),
        in_body=_placed(record, "body"),
        replaces=tuple((o[0] if len(o) > 1 else record["method"], o[-1]) for o in older),
        answer=answer,
    )


class Records:
    """All operations, found by path."""

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = {operation.name: operation for operation in operations}
        self._plain: dict[str, Place] = {}
        self._templates: dict[int, list[tuple[tuple[str, ...], Place]]] = {}
        for operation in operations:
            self._place(operation.path).operations[operation.method] = operation
        for operation in operations:
            for method, path in operation.replaces:
                self._place(path).retired.setdefault(method, operation)

    def _place(self, template: str) -> Place:
        place = self._plain.get(template)
        if place is None:
            place = self._plain[template] = Place(template)
            if "{" in template:
                segments = tuple(template.split("/"))
                self._templates.setdefault(len(segments), []).append((segments, place))
        return place

    def find(self, path: str) -> tuple[Place, dict[str, str]] | None:
        """The place of a path with the ids that stand in it; None where there is nothing."""
        if "{" not in path and path in self._plain:
            return self._plain[path], {}
        segments = path.split("/")
        found: tuple[Place, dict[str, str]] | None = None
        for template, place in self._templates.get(len(segments), ()):
            ids = _ids(template, segments)
            if ids is not None and (found is None or len(ids) < len(found[1])):
                found = place, ids
        return found


def _ids(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    ids = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{") and given:
            ids[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return ids


@cache
def load() -> Records:
    operations = []
    for source in sorted((CATALOG / "areas").glob("*.json")):
        records: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        # Tools that never reach the platform have no path, and no answer of its.
        records = {name: record for name, record in records.items() if "path" in record}
        if records:
            answers = CATALOG / "responses" / source.name
            shapes: dict[str, Any] = json.loads(answers.read_text(encoding="utf-8"))
            operations += [_operation(n, source.stem, r, shapes.get(n, {})) for n, r in records.items()]
    return Records(operations)
