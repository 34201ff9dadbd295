"""Writes values for people: each with its path, on one line, in quotes that it can't close."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.free_text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_VALUE_CHARS = 60  # characters of a value that is only named
MAX_WHOLE_CHARS = 1_000  # of a text that is shown as it will be sent
ENCODED_SUFFIX = "_base64"  # of arguments that nobody can read
LINE_BREAK_SIGN = " ⏎ "
Row = tuple[str, Any]  # a path and the value there


def flatten(values: Json, path: str = "") -> Iterator[Row]:
    """Every value with its path, such as `skus[0].id`; a list of plain values as one, with their number."""
    for name, value in values.items():
        yield from _flatten_value(value, f"{path}.{name}" if path else name)


def _flatten_value(value: Any, path: str) -> Iterator[Row]:
    if isinstance(value, dict):
        yield from flatten(value, path)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        if len(value) > 1:
            yield path, f"{len(value)} entries"
        for index, item in enumerate(value):
            yield from _flatten_value(item, f"{path}[{index}]")
    elif isinstance(value, list) and len(value) > 1:
        yield f"{path} ({len(value)})", ", ".join(map(str, value))
    else:
        yield path, value[0] if isinstance(value, list) and value else value


def shorten(value: Any, max_chars: int = MAX_VALUE_CHARS) -> Any:
    """The value, or the beginning of its text where that has more than `max_chars`."""
    text = str(value)
    return value if len(text) <= max_chars else f"{text[:max_chars]}…"


def quote(value: Any, max_chars: int = MAX_VALUE_CHARS) -> str:
    """A value on one line, in quotes that it can't end, shortened."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    text: str = shorten(to_single_line(str(value)), max_chars)
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def quote_whole(value: Any, path: str = "") -> str:
    """A value as it will be sent, in quotes, with a sign for a line break.

    Of a text that is longer than `MAX_WHOLE_CHARS` the beginning is shown, and behind the quotes its length.
    """
    if not isinstance(value, str):
        return quote(value)
    text = value.replace("\r\n", "\n").strip("\n").replace("\n", LINE_BREAK_SIGN)
    max_chars = MAX_VALUE_CHARS if path.endswith(ENCODED_SUFFIX) else MAX_WHOLE_CHARS
    return quote(text, max_chars) + (f" ({len(value):,} characters in all)" if len(text) > max_chars else "")


def count_invisible(text: str) -> int:
    """How many characters of a text nobody sees."""
    return len(text.replace("\r\n", "\n")) - len(strip_invisible(text))


def to_single_line(text: str) -> str:
    """The text without what breaks a line, turns its direction or can't be seen."""
    spaced = (" " if c.isspace() else c for c in strip_invisible(text))
    return " ".join("".join(c for c in spaced if c == " " or c.isprintable()).split())


def parse_json_object(text: str) -> Json | None:
    """The object that a text holds as JSON; None where it is none, or may be read in two ways."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value: Json = json.loads(text, object_pairs_hook=_to_unambiguous_object)
    except (ValueError, RecursionError):
        return None
    return value


def _to_unambiguous_object(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError(pairs)
    return value
