"""Parses and formats the paths by which a model names a place in a result, and follows them: `orders[3].line_items`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PathStep = str | int  # a field's name, or an item's index in a list, from 0
JsonPath = tuple[PathStep, ...]
FieldPath = tuple[str, ...]  # names alone: every item of a list on the way is meant

STEP_PATTERN = re.compile(r'\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d{0,9})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')
PLAIN_NAME = re.compile(r"[\w-]+")


def parse_path(text: str) -> JsonPath | None:
    """The steps of a path; None where it is not one. `[]` after a list means nothing and is passed over.

    A name that holds a dot or a bracket stands in brackets, as JSON text: `rates["1.5"]`.
    """
    text, position, steps = text.strip(), 0, list[PathStep]()
    while position < len(text):
        match = STEP_PATTERN.match(text, position)
        if match is None or (position == 0 and text.startswith(".")):
            return None
        if match["name"]:
            steps.append(match["name"].strip())
        elif match["index"]:
            steps.append(int(match["index"]))
        elif match["quoted"]:
            try:
                steps.append(json.loads(match["quoted"]))
            except ValueError:
                return None
        position = match.end()
    return tuple(steps)


def format_path(steps: Iterable[PathStep]) -> str:
    """The path that `parse_path` reads as these steps."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif PLAIN_NAME.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step)}]"
    return path


def get_value(data: Any, path: Sequence[str]) -> Any:
    """The value at a path of names through objects alone; None where there is none."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def replace_value(data: Any, path: Sequence[str], value: Any) -> Any:
    """A copy of the data with a value at a path of names; objects that are missing on the way are made."""
    if not path:
        return value
    parent: dict[str, Any] = data if isinstance(data, dict) else {}
    return {**parent, path[0]: replace_value(parent.get(path[0]), path[1:], value)}


def find_values(data: Any, path: Sequence[str]) -> list[Any]:
    """Every value at a path of names but null; lists are passed through."""
    if isinstance(data, list):
        return [value for item in data for value in find_values(item, path)]
    if not path:
        return [] if data is None else [data]
    return find_values(data.get(path[0]), path[1:]) if isinstance(data, dict) else []


def has_value(data: Any, path: Sequence[str]) -> bool:
    """Whether there is any value but null at a path of names; lists are passed through."""
    for depth, name in enumerate(path):  # asked of every row: a call for each step would take its time
        if isinstance(data, list):
            rest = path[depth:]
            for item in data:  # noqa: SIM110 - a generator would take twice as long
                if has_value(item, rest):
                    return True
            return False
        if not isinstance(data, dict) or (data := data.get(name)) is None:
            return False
    if isinstance(data, list):
        return any(has_value(item, ()) for item in data)
    return data is not None
