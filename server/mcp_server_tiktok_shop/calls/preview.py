"""Shows what a write would send: whole to a model, in a few quoted lines to the person who is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.free_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.accounts import Shop

LONGEST = 60  # characters of a value in a question
MOST_LINES = 20
DOES = {"write": "adds or changes", "destructive": "overwrites, ships, cancels or deletes: may not be undone"}


@dataclass(frozen=True, slots=True)
class Preview:
    """A write before it is sent. `values` and `call` hold no secret; buyer data in them is masked already.

    `now` is what a read tells of the things concerned, by path; None where nobody looked.
    """

    operation: Operation
    shop: Shop | None
    values: Json
    call: ApiCall | None
    now: list[tuple[str, Any]] | None = None

    def told(self) -> Json:
        """As a model reads it: the request that would go out."""
        told: Json = {"operation": self.operation.name, "effect": self.operation.effect}
        told |= {"shop": self.shop.label} if self.shop else {}
        told |= {"method": self.operation.record["method"]}
        if self.call is None:  # a token call: what it sends is secret
            return told | {"path": self.operation.record["path"]}
        told |= {"path": self.call.path, "query": dict(self.call.query)}
        if self.call.files:
            files = {n: {"filename": f.filename, "bytes": len(f.content)} for n, f in self.call.files.items()}
            return told | {"form": dict(self.call.form), "files": files}
        told |= {"body": json.loads(self.call.body) if self.call.body is not None else None}
        if not self.now:
            return told
        # What stands there now may be in the words of others.
        return told | {"now": [f"{path}: {value}" for path, value in self.now], "untrusted": ["now"]}

    def question(self) -> str:
        """As a person reads it: values quoted behind our own headings, a line each, so none poses as the question."""
        shop = f"{quoted(self.shop.label)} ({on_one_line(self.shop.region)})" if self.shop else "the whole account"
        lines = [
            f"Shop: {shop}",
            f"Operation: {self.operation.title} ({self.operation.name})",
            f"Effect: {DOES[self.operation.effect]}",
            *_bounded("Sends", list(flat(self.values))),
        ]
        if self.now:
            lines += _bounded("At the shop now", self.now)
        return "\n".join([*lines, "Do it?"])


def _bounded(heading: str, rows: list[tuple[str, Any]]) -> list[str]:
    if not rows:
        return []
    shown = [f"  {on_one_line(path)}: {quoted(value)}" for path, value in rows[:MOST_LINES]]
    more = [f"  and {len(rows) - MOST_LINES} more values"] if len(rows) > MOST_LINES else []
    return [f"{heading}:", *shown, *more]


def flat(values: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; a list of plain values in one, with their number."""
    for name, value in values.items():
        yield from _flat(value, f"{path}.{name}" if path else name)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from flat(value, path)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        if len(value) > 1:
            yield path, f"{len(value)} entries"
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}[{index}]")
    elif isinstance(value, list) and len(value) > 1:
        yield f"{path} ({len(value)})", ", ".join(map(str, value))
    else:
        yield path, value[0] if isinstance(value, list) and value else value


def quoted(value: Any) -> str:
    """A value on one line, in quotes that it can't end, cut where it is long."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    text = on_one_line(str(value))
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return '"' + cut.replace("\\", "\\\\").replace('"', "'") + '"'


def on_one_line(text: str) -> str:
    """The text without what breaks a line, turns its direction or can't be seen."""
    spaced = (" " if c.isspace() else c for c in visible(text))
    return " ".join("".join(c for c in spaced if c == " " or c.isprintable()).split())
