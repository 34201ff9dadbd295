"""Reads JSON that others wrote: no deeper than what can be gone through."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from mcp_server_tiktok_shop.errors import NestingError

MAX_DEPTH = 64  # levels of lists and objects; answers of the platform have a dozen
TOO_DEEP_MESSAGE = f"it is nested deeper than {MAX_DEPTH} levels"


def parse_json(text: str | bytes) -> Any:
    """The value of JSON text. NaN and Infinity are read as they stand: who reads the value refuses or passes them over.

    Raises:
        NestingError: It is nested deeper than `MAX_DEPTH`.
        ValueError: It is no JSON.

    """
    try:
        try:
            value = from_json(text, allow_inf_nan=True)
        except (ValueError, TypeError):  # stricter than it need be: half a character is no reason to lose an answer
            value = json.loads(text)
    except RecursionError:
        raise NestingError(TOO_DEEP_MESSAGE) from None
    if isinstance(value, dict | list):
        _check_depth(value, 1)
    return value


def _check_depth(container: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NestingError(TOO_DEEP_MESSAGE)
    for value in container.values() if isinstance(container, dict) else container:
        kind = type(value)
        if kind is dict or kind is list:
            _check_depth(value, depth + 1)
