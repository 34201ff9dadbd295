"""Reads JSON that others wrote: no deeper than what can be gone through."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from mcp_server_tiktok_shop.errors import NestingError

MAX_DEPTH = 64  # levels of lists and objects; answers of the platform have a dozen
CONTAINER_TYPES = frozenset((dict, list))
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
    if isinstance(value, dict | list) and _count_openings(text) > MAX_DEPTH:
        _check_depth(value)
    return value


def _count_openings(text: str | bytes) -> int:
    """How many brackets open in a text, those of its strings among them: it is nested no deeper."""
    return text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")


def _check_depth(value: dict[str, Any] | list[Any]) -> None:
    containers = [value]
    for _ in range(MAX_DEPTH):
        containers = [
            child
            for container in containers
            for child in (container.values() if isinstance(container, dict) else container)
            if type(child) in CONTAINER_TYPES
        ]
        if not containers:
            return
    raise NestingError(TOO_DEEP_MESSAGE)
