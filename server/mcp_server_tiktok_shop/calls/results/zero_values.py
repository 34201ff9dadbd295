"""Recognises values that say nothing: flags that are off, amounts of zero, empty values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

TABLE_KEYS = {"columns", "rows"}
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


def drop_empty(value: Any) -> Any:
    """The value without fields that are null, empty texts, lists or objects, at every depth; lists keep all items."""
    if isinstance(value, list):
        return [drop_empty(item) if isinstance(item, list | dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == TABLE_KEYS:
        return value  # a cell keeps its place, and a table is one without rows as well
    cleaned: Json = {}
    for name, inner in value.items():
        kind = type(inner)  # most are texts: this runs over every field of every answer
        if kind is str:
            if inner:
                cleaned[name] = inner
        elif kind is dict or kind is list:
            if cleaned_inner := drop_empty(inner):
                cleaned[name] = cleaned_inner
        elif inner is not None:
            cleaned[name] = inner
    return cleaned
