"""Loads the catalog's files: records by area, the shapes of responses, the meaning of error codes."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Raw, Struct, json

from mcp_server_tiktok_shop.catalog.operation import Json, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG_FOLDER = Path(__file__).parent
MAX_SUGGESTED_NAMES = 3


class _Placing(Struct):
    """What is read of every record, to know its place; the rest waits until the operation is asked for."""

    area: str = ""


class Catalog:
    """All operations of the platform and tools of this server; files and records are read when first needed."""

    def __init__(self, folder: Path = CATALOG_FOLDER) -> None:
        self._folder = folder
        self._shape_texts: dict[str, dict[str, Raw]] = {}
        self._shapes: dict[str, Json] = {}
        self._deadlines: dict[str, dict[str, str]] = {}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Every operation by its name, area by area."""
        operations: dict[str, Operation] = {}
        for path in sorted((self._folder / "areas").glob("*.json")):
            text = path.read_bytes()
            placings = json.decode(text, type=dict[str, _Placing])
            for name, record_text in json.decode(text, type=dict[str, Raw]).items():
                operations[name] = Operation(name, placings[name].area or path.stem, record_text)
        return operations

    @cached_property
    def _error_codes(self) -> Json:
        return _load_json(self._folder / "errors.json")

    def lookup_error_code(self, code: int) -> Json:
        """What is known of the platform's error code: `meaning`, `retry` class, `hint`; empty where nothing is."""
        entry: Json = self._error_codes.get(str(code), {})
        return entry

    def get_response_shape(self, operation: Operation) -> Json:
        """The JSON Schema of the response's `data`, empty where none is known; never complete enough to validate by."""
        if operation.name not in self._shapes:
            if operation.area not in self._shape_texts:
                path = self._folder / "responses" / f"{operation.area}.json"
                texts = json.decode(path.read_bytes(), type=dict[str, Raw]) if path.exists() else {}
                self._shape_texts[operation.area] = texts
            text = self._shape_texts[operation.area].get(operation.name)
            self._shapes[operation.name] = {} if text is None else json.decode(text)
        return self._shapes[operation.name]

    @cached_property
    def _deadline_meanings(self) -> Json:
        return _load_json(self._folder / "deadlines.json")

    def get_deadlines(self, operation: Operation) -> dict[str, str]:
        """What each deadline in the response's `data` means, by its dotted path; lists are passed through."""
        if operation.name not in self._deadlines:
            self._deadlines[operation.name] = {
                path: meaning
                for path in _iter_field_paths(self.get_response_shape(operation))
                for ending, meaning in self._deadline_meanings.items()
                if f".{path}".endswith(f".{ending}")
            }
        return self._deadlines[operation.name]

    def find_by_path(self, path: str) -> Operation | None:
        """The operation that a path of the platform's belongs to, also of an older version of it; else None."""
        for operation in self.operations.values():
            if path == operation.record.get("path") or path in operation.record.get("replaces", ()):
                return operation
        return None

    def suggest_names(self, name: str) -> list[str]:
        """The names of operations that are spelled nearly so, nearest first: three at most."""
        return get_close_matches(name, self.operations, n=MAX_SUGGESTED_NAMES)


def _iter_field_paths(shape: Json, prefix: str = "") -> Iterator[str]:
    while "items" in shape:
        shape = shape["items"]
    for name, inner in shape.get("properties", {}).items():
        yield prefix + name
        yield from _iter_field_paths(inner, f"{prefix}{name}.")


def _load_json(path: Path) -> Json:
    return json.decode(path.read_bytes(), type=dict[str, Any])
