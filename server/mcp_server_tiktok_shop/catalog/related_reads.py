"""Finds the reads that give the state now of what a write changes: its name, its status, its values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# By argument of a write in these areas: the read, the argument it takes the id in, and the fields of its response.
RELATED_READS_FILE = Path(__file__).with_name("looks.json")
MAX_RELATED_READS = 5  # reads before a write, where each reads one thing
MAX_IDS_PER_READ = 50  # what the platform's reads of several things take


@dataclass(frozen=True, slots=True)
class RelatedRead:
    """One read: the name of its operation, its arguments, and the dotted paths of the fields to show of its response.

    Of a list in the response only the items whose id is in `subject_ids` are meant, if any is: the write names those.
    """

    operation: str
    values: Json
    response_paths: tuple[str, ...]
    subject_ids: frozenset[str] = frozenset()


def find_related_reads(operation: Operation, values: Json) -> list[RelatedRead]:
    """Find the reads of what a write with these values changes, five at most; none where no rule names one.

    The rules stand in `looks.json`.
    """
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
            return [RelatedRead(rule["operation"], {argument: ids[:MAX_IDS_PER_READ]}, response_paths, subject_ids)]
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
