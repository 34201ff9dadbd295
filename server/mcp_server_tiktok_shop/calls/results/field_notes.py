"""Notes about the fields of a result: unknown ones, empty ones, and what its deadlines mean."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.json_paths import find_values, format_path, has_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity
    from mcp_server_tiktok_shop.json_paths import FieldPath

MAX_LISTED_PATHS = 10  # in one note
MAX_LISTED_PATH_CHARS = 80


class FieldNotes(Struct, frozen=True):
    """What is to be said of the fields of one page or of a whole result.

    `unknown` are those that were asked for and do not exist, in words; `empty` the known ones without a value, and
    `omitted` those of buyers' data that this server does not show; `deadlines` gives the meaning of those shown.
    """

    unknown: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    deadlines: Mapping[str, str] = field(default_factory=dict)

    def merge(self, other: FieldNotes) -> FieldNotes:
        """The notes on this page and a further one: empty is what is empty on both."""
        return FieldNotes(
            tuple(dict.fromkeys((*self.unknown, *other.unknown))),
            tuple(path for path in self.empty if path in other.empty),
            tuple(dict.fromkeys((*self.omitted, *other.omitted))),
            {**self.deadlines, **other.deadlines},
        )

    def to_texts(self, *, is_anything_found: bool = True) -> list[str]:
        """The notes as sentences; where nothing was found at all, no field is called empty."""
        notes = self if is_anything_found else replace(self, empty=())
        texts = [f"Unknown, left out: {_list_paths(notes.unknown)}."] if notes.unknown else []
        texts += [f"Empty here: {_list_paths(notes.empty)}."] if notes.empty else []
        texts += [f"Buyers' data, not shown: {_list_paths(notes.omitted)}."] if notes.omitted else []
        if notes.deadlines:
            texts.append("; ".join(f"{name}: {meaning}" for name, meaning in notes.deadlines.items()) + ".")
        return texts


def describe_unknown_path(path: str, suggestion: str) -> str:
    """The path that nobody knows, with the one that was probably meant, if any."""
    return path[:MAX_LISTED_PATH_CHARS] + (f" (did you mean {suggestion}?)" if suggestion else "")


def find_empty_paths(
    paths: Iterable[FieldPath], data: Json, root: FieldSensitivity, *, omits_personal: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the paths that have no value in a response's data: the empty ones, and buyers' data that is omitted."""
    empty: list[str] = []
    omitted: list[str] = []
    for names in paths:
        if names and not has_value(data, names):
            is_omitted = omits_personal and _is_personal(names, root)
            (omitted if is_omitted else empty).append(format_path(names)[:MAX_LISTED_PATH_CHARS])
    return tuple(dict.fromkeys(empty)), tuple(dict.fromkeys(omitted))


def select_deadlines(deadlines: Mapping[str, str], data: Json) -> dict[str, str]:
    """The meaning, by the name of the field, of those deadlines (by dotted path) that have a value in the data."""
    names_by_parent: defaultdict[str, set[str]] = defaultdict(set)
    for path in deadlines:
        parent, _, name = path.rpartition(".")
        names_by_parent[parent].add(name)
    found_paths: set[str] = set()
    for parent, names in names_by_parent.items():  # so that each row is looked at once
        for item in find_values(data, parent.split(".") if parent else ()):
            if isinstance(item, dict) and (present_names := names & item.keys()):
                found_names = {name for name in present_names if has_value(item[name], ())}
                found_paths.update(f"{parent}.{name}" if parent else name for name in found_names)
                names.difference_update(found_names)
    return {path.rpartition(".")[2]: meaning for path, meaning in deadlines.items() if path in found_paths}


def _is_personal(names: FieldPath, root: FieldSensitivity) -> bool:
    sensitivity = root
    for name in names:
        sensitivity = sensitivity.get_child(name)
        if sensitivity.is_personal:
            return True
    return False


def _list_paths(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - MAX_LISTED_PATHS} more" if len(paths) > MAX_LISTED_PATHS else ""
    return ", ".join(paths[:MAX_LISTED_PATHS]) + more
