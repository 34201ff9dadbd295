"""Reads and writes the paths by which a model names a place in an answer, such as `orders[3].line_items`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Step = str | int  # a field's name, or an item's place in a list, from 0

PART = re.compile(r'\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d{0,9})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')
PLAIN = re.compile(r"[\w-]+")


def read_path(text: str) -> tuple[Step, ...] | None:
    """The steps of a path; None where it is not one. `[]` after a list says nothing and is passed over.

    A name that holds a dot or a bracket stands in brackets, as JSON text: `rates["1.5"]`.
    """
    text, at, steps = text.strip(), 0, list[Step]()
    while at < len(text):
        found = PART.match(text, at)
        if found is None or (at == 0 and text.startswith(".")):
            return None
        if found["name"]:
            steps.append(found["name"].strip())
        elif found["index"]:
            steps.append(int(found["index"]))
        elif found["quoted"]:
            try:
                steps.append(json.loads(found["quoted"]))
            except ValueError:
                return None
        at = found.end()
    return tuple(steps)


def write_path(steps: Iterable[Step]) -> str:
    """The path that is read back as these steps."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif PLAIN.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step)}]"
    return path


def values_at(data: Any, path: Sequence[str]) -> list[Any]:
    """Every value at a path of names; lists are passed through."""
    if isinstance(data, list):
        return [value for item in data for value in values_at(item, path)]
    if not path:
        return [] if data is None else [data]
    return values_at(data.get(path[0]), path[1:]) if isinstance(data, dict) else []


def stands_at(data: Any, path: Sequence[str]) -> bool:
    """Whether there is any value at a path of names; lists are passed through."""
    if isinstance(data, list):
        return any(stands_at(item, path) for item in data)
    if not path:
        return data is not None
    return isinstance(data, dict) and stands_at(data.get(path[0]), path[1:])
