"""Which read tells what a write is about: its name, its state, what it holds now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# By argument of a write in these areas: the read, the argument it takes the id in, and what to tell of its answer.
FILE = Path(__file__).with_name("looks.json")
MOST = 5  # things to look at before a write


@dataclass(frozen=True, slots=True)
class Look:
    """One read: its operation, its arguments, the paths in its answer that tell what is concerned.

    Of a list in the answer only the items are told whose id is in `about`, if any is: the write names those.
    """

    operation: str
    values: Json
    tells: tuple[str, ...]
    about: frozenset[str] = frozenset()


def looks(operation: Operation, values: Json) -> list[Look]:
    """The reads that tell what a write with these values concerns, the first few; none where nothing tells it."""
    known = _file()
    if operation.area not in known["areas"] or operation.cipher == "never":
        return []
    about = frozenset(_texts(values))
    for name, rule in known["arguments"].items():
        given = values.get(name)
        ids = given if isinstance(given, list) else [given] if given else []
        if not ids or not all(isinstance(i, str) for i in ids):
            continue
        argument, tells = rule["argument"], tuple(rule["tells"])
        if argument.endswith("ids"):  # one call reads them all
            return [Look(rule["operation"], {argument: ids[:50]}, tells, about)]
        return [Look(rule["operation"], {argument: i}, tells, about) for i in ids[:MOST]]
    return []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


@cache
def _file() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return told
