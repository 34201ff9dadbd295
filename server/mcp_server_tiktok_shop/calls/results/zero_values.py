"""Tells values that say nothing: flags that are down, amounts that are zero, and what is empty."""

from __future__ import annotations

import re
from typing import Any

ZERO_NUMBER = re.compile(r"-?0+(\.0*)?")
EMPTY_VALUES: tuple[Any, ...] = (None, "", [], {})


def is_zero_or_empty(value: Any) -> bool:
    """Whether a flag is down, an amount zero, or nothing there."""
    return (
        value in EMPTY_VALUES
        or value is False
        or (isinstance(value, str | int | float) and ZERO_NUMBER.fullmatch(str(value)) is not None)
    )


def drop_zeros(value: Any) -> Any:
    """The value without the flags that are down and the amounts that are zero in it."""
    if isinstance(value, list):
        return [drop_zeros(item) for item in value]
    if isinstance(value, dict):
        pairs = ((name, drop_zeros(inner)) for name, inner in value.items())
        return {name: inner for name, inner in pairs if not is_zero_or_empty(inner)}
    return value
