"""Previews a write before it is sent: whole for a model, in a few quoted lines for the person who is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.free_text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.accounts import Shop

MAX_VALUE_CHARS = 60  # characters of a value in a question
MAX_LINES_PER_SECTION = 20
EFFECT_DESCRIPTIONS = {
    "write": "adds or changes",
    "destructive": "overwrites, ships, cancels or deletes: may not be undone",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A write before it is sent; `values` and `call` hold no secret, and buyers' data in them is redacted already.

    `call` is None for a token call, whose request is secret. `current_state` holds pairs of path and value as
    `CurrentStateReader` reads them; None where nothing was read. `account` names the account that a sign-in stores.
    """

    operation: Operation
    shop: Shop | None
    values: Json
    call: ApiCall | None
    current_state: list[tuple[str, Any]] | None = None
    account: Json | None = None

    def to_json(self) -> Json:
        """The request that would go out, for a model: operation, effect, method, path, query, body or form."""
        data: Json = {"operation": self.operation.name, "effect": self.operation.effect}
        data |= {"shop": self.shop.label} if self.shop else {}
        data |= {"method": self.operation.record["method"]}
        if self.call is None:  # a token call: what it sends is secret
            data |= {"path": self.operation.record["path"]}
            # The account's names are its seller's words.
            return data | {"account": self.account, "untrusted": ["account"]} if self.account else data
        data |= {"path": self.call.path, "query": dict(self.call.query)}
        if self.call.files:
            files = {
                name: {"filename": file.filename, "bytes": len(file.content)} for name, file in self.call.files.items()
            }
            return data | {"form": dict(self.call.form), "files": files}
        data |= {"body": json.loads(self.call.body) if self.call.body is not None else None}
        if not self.current_state:
            return data
        # The state may be in the words of others.
        return data | {"now": [f"{path}: {value}" for path, value in self.current_state], "untrusted": ["now"]}

    def to_question(self) -> str:
        """The question to a person; values are quoted behind our headings, a line each, so that none poses as it."""
        shop = f"{quote(self.shop.label)} ({to_single_line(self.shop.region)})" if self.shop else "the whole account"
        lines = [
            f"Shop: {shop}",
            f"Operation: {self.operation.title} ({self.operation.name})",
            f"Effect: {EFFECT_DESCRIPTIONS[self.operation.effect]}",
            *_format_section("Sends", list(flatten(self.values))),
            *_format_section("Account that is signed in by it", list(flatten(self.account or {}))),
        ]
        if self.current_state:
            lines += _format_section("At the shop now", self.current_state)
        return "\n".join([*lines, "Do it?"])


def _format_section(heading: str, rows: list[tuple[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = [f"  {to_single_line(path)}: {quote(value)}" for path, value in rows[:MAX_LINES_PER_SECTION]]
    remainder = [f"  and {len(rows) - MAX_LINES_PER_SECTION} more values"] if len(rows) > MAX_LINES_PER_SECTION else []
    return [f"{heading}:", *lines, *remainder]


def flatten(values: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path, such as `skus[0].id`; a list of plain values as one, with their number."""
    for name, value in values.items():
        yield from _flatten_value(value, f"{path}.{name}" if path else name)


def _flatten_value(value: Any, path: str) -> Iterator[tuple[str, Any]]:
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


def shorten(value: Any) -> Any:
    """The value, or the beginning of its text where that has more than `MAX_VALUE_CHARS`."""
    text = str(value)
    return value if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"


def quote(value: Any) -> str:
    """A value on one line, in quotes that it can't end, shortened."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    text: str = shorten(to_single_line(str(value)))
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def to_single_line(text: str) -> str:
    """The text without what breaks a line, turns its direction or can't be seen."""
    spaced = (" " if c.isspace() else c for c in strip_invisible(text))
    return " ".join("".join(c for c in spaced if c == " " or c.isprintable()).split())
