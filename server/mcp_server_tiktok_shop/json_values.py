"""Reads values in a JSON answer that may be malformed: used where their meaning is exact, skipped otherwise."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

# Unix times of an answer, from 2001 to the year 5138: between the two ranges a number is no time.
MIN_UNIX_SECONDS, MAX_UNIX_SECONDS = 10**9, 10**11
MILLISECONDS_PER_SECOND = 1000
MAX_NUMBER_CHARS = 20


class SkippedValues(Counter[str]):
    """How many values were passed over because they can't be read, by the name of the field they stood in."""

    def add(self, name: str, count: int = 1) -> None:
        if count:
            self[name] += count

    def select_objects(self, value: Any, name: str) -> list[Json]:
        """The objects in a list; what else stands in it, or in its place, is counted under `name`."""
        if not isinstance(value, list):
            self.add(name, int(not is_empty(value)))
            return []
        objects = [item for item in value if isinstance(item, dict)]
        self.add(name, len(value) - len(objects))
        return objects

    def describe(self) -> str:
        """A sentence with every count; empty where nothing was passed over."""
        counts = [f"{count} in {name or 'data'}" for name, count in sorted(self.items())]
        return f"Passed over, since it can't be read: {', '.join(counts)}." if counts else ""


def is_empty(value: Any) -> bool:
    """Whether a field says nothing, which is no fault."""
    return value is None or value in ("", [])


def read_text(row: Mapping[str, Any], name: str) -> str:
    """An id or another text, which may have been sent as a number; empty where there is none."""
    value = row.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != 0 else ""


def parse_count(value: Any) -> int | None:
    """A whole number, which may have been sent as text or with an empty fraction; None where it is none."""
    if isinstance(value, str):
        text = value.strip()
        is_number = text.isascii() and text.removeprefix("-").isdigit() and len(text) < MAX_NUMBER_CHARS
        return int(text) if is_number else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_time(value: Any) -> int | None:
    """A moment in Unix seconds: sent in seconds, in milliseconds or as ISO 8601 with offset, as number or as text.

    None where it is no time of these years, or one whose zone is not told.
    """
    if isinstance(value, float):
        value = int(value) if isfinite(value) else None
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < MAX_NUMBER_CHARS else _parse_iso(text)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if MIN_UNIX_SECONDS * MILLISECONDS_PER_SECOND <= value < MAX_UNIX_SECONDS * MILLISECONDS_PER_SECOND:
        value //= MILLISECONDS_PER_SECOND
    return value if MIN_UNIX_SECONDS <= value < MAX_UNIX_SECONDS else None


def _parse_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.timestamp()) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
