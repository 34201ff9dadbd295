"""Reads JSON that others wrote: no deeper than what can be gone through, and without the numbers that JSON lacks."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from pydantic_core import from_json

from mcp_server_tiktok_shop.errors import NestingError

MAX_DEPTH = 64  # levels of lists and objects; answers of the platform have a dozen
TOO_DEEP_MESSAGE = f"it is nested deeper than {MAX_DEPTH} levels"


def parse_json(text: str | bytes) -> Any:
    """The value of JSON text. NaN, Infinity and what is too large for a number become null.

    Raises:
        NestingError: It is nested deeper than `MAX_DEPTH`.
        ValueError: It is no JSON.

    """
    try:
        try:
            value = from_json(text, allow_inf_nan=False)
        except ValueError:  # stricter than it need be: half a character is no reason to lose an answer
            value = json.loads(text, parse_constant=lambda _name: None)
    except RecursionError:
        raise NestingError(TOO_DEEP_MESSAGE) from None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict | list):
        _drop_non_finite(value, 1)
    return value


def _drop_non_finite(container: dict[str, Any] | list[Any], depth: int) -> None:
    """Put null in the place of numbers that are none; this runs over every answer, so it does no more."""
    if depth > MAX_DEPTH:
        raise NestingError(TOO_DEEP_MESSAGE)
    items: Any = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in items:
        kind = type(value)
        if kind is dict or kind is list:
            _drop_non_finite(value, depth + 1)
        elif kind is float and not isfinite(value):
            container[key] = None  # the keys stay the same, so going on is safe
