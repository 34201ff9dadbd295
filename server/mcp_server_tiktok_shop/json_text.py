"""Reads JSON that others wrote, refusing what is nested too deep."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mcp_server_tiktok_shop.errors import NestingError

MAX_DEPTH = 64  # levels of lists and objects; answers of the platform have a dozen
MAX_COUNTED_CHARS = 16_384  # a longer text has more brackets than that, mostly: to count them would be for nothing
CONTAINER_TYPES = frozenset((dict, list))
DECODER = msgspec.json.Decoder()
TOO_DEEP_MESSAGE = f"it is nested deeper than {MAX_DEPTH} levels"


def parse_json(text: str | bytes) -> Any:
    """The value of JSON text. NaN and Infinity are read as they stand: who reads the value refuses or passes them over.

    Raises:
        NestingError: It is nested deeper than `MAX_DEPTH`.
        ValueError: It is no JSON.

    """
    try:
        try:
            value = DECODER.decode(text)
        except ValueError:  # stricter than it need be: half a character is no reason to lose an answer
            value = json.loads(text)
    except RecursionError:
        raise NestingError(TOO_DEEP_MESSAGE) from None
    if isinstance(value, dict | list) and not _is_shallow(text):
        _check_depth(value)
    return value


def _is_shallow(text: str | bytes) -> bool:
    """Whether a short text has so few brackets, those in its strings among them, that it can't be nested too deep."""
    if len(text) > MAX_COUNTED_CHARS:
        return False
    openings = text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
    return openings <= MAX_DEPTH


def _check_depth(value: dict[str, Any] | list[Any]) -> None:
    containers: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        containers = [
            child
            for container in containers
            for child in (container.values() if type(container) is dict else container)
            if type(child) in CONTAINER_TYPES
        ]
        if not containers:
            return
    raise NestingError(TOO_DEEP_MESSAGE)
