"""Amounts as the platform writes them: exact decimals with their sign, or what stands there instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Within these bounds sums of any length a shop can have are exact in Decimal's 28 digits.
AMOUNT_PATTERN = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)
MAX_UNREADABLE_CHARS = 40
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of one record by our names for them; one that is not told is in neither."""

    readable: Mapping[str, Decimal] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Decimal | None:
        return self.readable.get(name)

    def is_certain(self, name: str) -> bool:
        """Whether the amount is told, or left out as nothing is; not where something unreadable stands."""
        return name not in self.unreadable


def parse_amounts(row: Mapping[str, Any], names: Mapping[str, str]) -> Amounts:
    """Those amounts of a row that `names` lists: our name, and the field it stands in."""
    read: dict[str, Decimal] = {}
    unread: dict[str, str] = {}
    for name, place in names.items():
        value = row.get(place)
        if value is None or value == "":
            continue
        text = str(value)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and AMOUNT_PATTERN.fullmatch(text):
            read[name] = Decimal(text)
        else:
            unread[name] = text[:MAX_UNREADABLE_CHARS]
    return Amounts(read, unread)


def sum_amounts(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), ZERO)


def format_amount(amount: Decimal) -> str:
    """The amount with its sign, and no sign on nothing."""
    return format(amount or abs(amount), "f")
