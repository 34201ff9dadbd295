"""Writes data as JSON text, and measures its size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


ENCODER = msgspec.json.Encoder()


def to_json_text(data: Any) -> str:
    """Write data as compact JSON, in characters and not in escapes wherever that can be encoded.

    NaN and Infinity, which JSON does not have, are written as null.
    """
    try:
        return ENCODER.encode(data).decode()
    except ValueError:  # half a character in the platform's data can only be written as its escape
        return _to_escaped_json_text(data)


def _to_escaped_json_text(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def choose_measure(data: Any) -> Callable[[Any], int]:
    """Choose how to measure values of this data: in bytes of the JSON that `to_json_text` writes of the whole."""
    return measure_whole(data)[0]


def measure_whole(data: Any) -> tuple[Callable[[Any], int], int]:
    """How to measure values of this data, and the bytes of all of it."""
    try:
        return _measure, _measure(data)
    except ValueError:
        return _measure_in_escapes, _measure_in_escapes(data)


def _measure(value: Any) -> int:
    return len(ENCODER.encode(value))


def _measure_in_escapes(value: Any) -> int:
    return len(_to_escaped_json_text(value))
