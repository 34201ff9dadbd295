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
RELATED_READS_FILE = Path(__file__).with_name("looks.json")
MAX_RELATED_READS = 5  # things to look at before a write


@dataclass(frozen=True, slots=True)
class RelatedRead:
    """One read: its operation, its arguments, the paths in its answer that tell what is concerned.

    Of a list in the answer only the items are told whose id is in `about`, if any is: the write names those.
    """

    operation: str
    values: Json
    response_paths: tuple[str, ...]
    subject_ids: frozenset[str] = frozenset()


def find_related_reads(operation: Operation, values: Json) -> list[RelatedRead]:
    """The reads that tell what a write with these values concerns, the first few; none where nothing tells it."""
    rules = _load_rules()
    if operation.area not in rules["areas"] or operation.cipher_rule == "never":
        return []
    subject_ids = frozenset(_iter_texts(values))
    for name, rule in rules["arguments"].items():
        value = values.get(name)
        ids = value if isinstance(value, list) else [value] if value else []
        if not ids or not all(isinstance(i, str) for i in ids):
            continue
        argument, response_paths = rule["argument"], tuple(rule["tells"])
        if argument.endswith("ids"):  # one call reads them all
            return [RelatedRead(rule["operation"], {argument: ids[:50]}, response_paths, subject_ids)]
        return [
            RelatedRead(rule["operation"], {argument: i}, response_paths, subject_ids) for i in ids[:MAX_RELATED_READS]
        ]
    return []


def _iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _iter_texts(inner)


@cache
def _load_rules() -> dict[str, Any]:
    rules: dict[str, Any] = json.loads(RELATED_READS_FILE.read_text(encoding="utf-8"))
    return rules
