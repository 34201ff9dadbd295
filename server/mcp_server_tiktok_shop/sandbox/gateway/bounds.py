"""Puts the bounds of made-up ranges in order: no minimum above its maximum, no end before its start."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

UPPER_BY_LOWER = {
    "min": "max",
    "minimum": "maximum",
    "lowest": "highest",
    "earliest": "latest",
    "start": "end",
    "begin": "end",
}
LIMIT_NAMES = frozenset({"min", "minimum", "max", "maximum", "lowest", "highest"})


def is_bound(name: str) -> bool:
    """Whether a field of this name holds the lower or the upper end of a range."""
    return not LIMIT_NAMES.isdisjoint(name.split("_"))


def order_bounds(payload: Json) -> None:
    """Exchanges two neighbours where the lower end lies above the upper one."""
    for name in list(payload):
        parts = name.split("_")
        for place, part in enumerate(parts):
            upper = "_".join([*parts[:place], UPPER_BY_LOWER.get(part, ""), *parts[place + 1 :]])
            if part in UPPER_BY_LOWER and upper in payload and _is_above(payload[name], payload[upper]):
                payload[name], payload[upper] = payload[upper], payload[name]


def _is_above(low: Any, high: Any) -> bool:
    if isinstance(low, int) and isinstance(high, int):
        return low > high
    if not isinstance(low, str) or not isinstance(high, str):
        return False
    try:
        return Decimal(low) > Decimal(high)
    except InvalidOperation:  # dates, written so that they sort as text
        return low > high
