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

CATALOG_FOLDER = Path(__file__).parents[2] / "catalog"


@dataclass(frozen=True)
class OperationRecord:
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
    regions: tuple[str, ...]
    required: frozenset[str]
    in_path: Mapping[str, Json]
    in_query: Mapping[str, Json]
    in_body: Mapping[str, Json]
    replaces: tuple[tuple[str, str], ...]
    answer: Json = field(repr=False)

    @property
    def is_read(self) -> bool:
        return self.effect == "read"


@dataclass(frozen=True)
class PathRecord:
    """A path that the platform knows: its operations by method, and what took over its retired ones."""

    template: str
    operations: dict[str, OperationRecord] = field(default_factory=dict)
    retired: dict[str, OperationRecord] = field(default_factory=dict)


def _select_arguments(record: Json, place: str) -> dict[str, Json]:
    return {n: a for n, a in record["arguments"].items() if place in _list_places(a)}


def _list_places(argument: Json) -> list[str]:
    place = argument["in"]
    return [place] if isinstance(place, str) else list(place)


def _build_operation(name: str, area: str, record: Json, answer: Json) -> OperationRecord:
    older = [old.rsplit(" ", 1) for old in record.get("replaces", [])]
    return OperationRecord(
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
        regions=tuple(record.get("regions", ())),
        required=frozenset(record["required"]),
        in_path=_select_arguments(record, "path"),
        in_query=_select_arguments(record, "query"),
        in_body=_select_arguments(record, "body"),
        replaces=tuple((o[0] if len(o) > 1 else record["method"], o[-1]) for o in older),
        answer=answer,
    )


class OperationRecords:
    """All operations, found by path."""

    def __init__(self, operations: list[OperationRecord]) -> None:
        self.operations = {operation.name: operation for operation in operations}
        self._plain: dict[str, PathRecord] = {}
        self._templates: dict[int, list[tuple[tuple[str, ...], PathRecord]]] = {}
        for operation in operations:
            self._add_path(operation.path).operations[operation.method] = operation
        for operation in operations:
            for method, path in operation.replaces:
                self._add_path(path).retired.setdefault(method, operation)

    def _add_path(self, template: str) -> PathRecord:
        place = self._plain.get(template)
        if place is None:
            place = self._plain[template] = PathRecord(template)
            if "{" in template:
                segments = tuple(template.split("/"))
                self._templates.setdefault(len(segments), []).append((segments, place))
        return place

    def find_path(self, path: str) -> tuple[PathRecord, dict[str, str]] | None:
        """The place of a path with the ids that stand in it; None where there is nothing."""
        if "{" not in path and path in self._plain:
            return self._plain[path], {}
        segments = path.split("/")
        match: tuple[PathRecord, dict[str, str]] | None = None
        for template, place in self._templates.get(len(segments), ()):
            ids = _match_path(template, segments)
            if ids is not None and (match is None or len(ids) < len(match[1])):
                match = place, ids
        return match


def _match_path(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    ids = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{") and segment:
            ids[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return ids


@cache
def load_operations() -> OperationRecords:
    operations = []
    for source in sorted((CATALOG_FOLDER / "areas").glob("*.json")):
        records: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        # Tools that never reach the platform have no path, and no answer of its.
        records = {name: record for name, record in records.items() if "path" in record}
        if records:
            answers = CATALOG_FOLDER / "responses" / source.name
            shapes: dict[str, Any] = json.loads(answers.read_text(encoding="utf-8"))
            operations += [_build_operation(n, source.stem, r, shapes.get(n, {})) for n, r in records.items()]
    return OperationRecords(operations)
