"""Reads the rules for warnings before a write: what its things must be, or must not be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation

# By operation and kind of thing: a field of what the platform answered of it, its values that are warned of (`one_of`),
# or those that are not (`none_of`), and the warning.
WARNINGS_FILE = Path(__file__).with_name("warnings.json")


class WarningRule(Struct, frozen=True):
    """Warns of things of a kind by one field of theirs; `text` has places for `id` and `value`, or `count` for all."""

    noun: str
    field: str
    text: str
    bad_values: tuple[Any, ...] | None
    good_values: tuple[Any, ...] | None

    @property
    def is_of_all(self) -> bool:
        """Whether it is said once, with how many things it is about."""
        return "{count}" in self.text

    def applies_to(self, value: Any) -> bool:
        """Whether there is something to warn of where the field has this value."""
        return value in self.bad_values if self.bad_values is not None else value not in (self.good_values or ())


def find_warning_rules(operation: Operation) -> list[WarningRule]:
    """The rules for one operation. They stand in `warnings.json`."""
    return [rule for names, rule in _load_rules() if operation.name in names]


@cache
def _load_rules() -> list[tuple[frozenset[str], WarningRule]]:
    rules: list[dict[str, Any]] = json.loads(WARNINGS_FILE.read_text(encoding="utf-8"))
    return [
        (
            frozenset(rule["operations"]),
            WarningRule(
                rule["noun"],
                rule["field"],
                rule["says"],
                tuple(rule["one_of"]) if "one_of" in rule else None,
                tuple(rule["none_of"]) if "none_of" in rule else None,
            ),
        )
        for rule in rules
    ]
