"""Previews a write before it is sent: whole for a model, in a few quoted lines for the person who is asked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.free_text import strip_invisible
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.accounts import Shop

MAX_VALUE_CHARS = 60  # characters of a value in a question
MAX_LINES_PER_SECTION = 20
MAX_HEAD_CHARS, MAX_HEAD_VALUE_CHARS = 100, 40  # characters in a line at the head of a question, and of a value there
ID_PATH_PATTERN = re.compile(r"(^|[._])ids?\b")  # `product_id`, `skus[0].id`, `product_ids (3)`
NAME_FIELDS = ("title", "name", "product_name")  # that a person knows a thing by
EFFECT_DESCRIPTIONS = {"write": "Adds or changes", "destructive": "Can't simply be undone"}
Row = tuple[str, Any]  # a path and the value there


@dataclass(frozen=True, slots=True)
class Preview:
    """A write before it is sent; `values` and `call` hold no secret, and buyers' data in them is redacted already.

    `target` and `call` are None for a token call, whose request is secret. `current_state` holds pairs of path and
    value as `CurrentStateReader` reads them; None where nothing was read. `account` names the account that a sign-in
    stores.
    """

    operation: Operation
    target: Target | None
    values: Json
    call: ApiCall | None
    current_state: list[Row] | None = None
    account: Json | None = None

    @property
    def shop(self) -> Shop | None:
        return self.target.shop if self.target else None

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

    def to_question(self, *closing_lines: str) -> str:
        """The question to a person, with `closing_lines` before its last.

        Its first three lines are all that some clients show: what is done and where; to what; whether it can be undone,
        and with which values. Values are quoted behind our words, and none breaks a line, so that none poses as ours.
        """
        subject_rows, value_rows = self._divide_rows()
        subject = "the shop as a whole" if self.shop else "the account as a whole"
        effect = EFFECT_DESCRIPTIONS[self.operation.effect]
        lines = [
            f"{self.operation.title} {self._describe_place()}",
            f"To: {_join_rows(subject_rows) or subject}",
            ": ".join(filter(None, (effect, _join_rows(value_rows)))),
            f"Operation: {self.operation.name}",
            str(self.operation.record["summary"]),
            *_format_section("Sends", list(flatten(self.values))),
            *_format_section("Account that is signed in by it", list(flatten(self.account or {}))),
        ]
        if self.current_state:
            lines += _format_section("At the shop now", self.current_state)
        return "\n".join([*lines, *closing_lines, "Do it?"])

    def _describe_place(self) -> str:
        """At which shop, or where the write is for none, for what else."""
        if self.shop:
            return f"at {quote(self.shop.label)} ({to_single_line(self.shop.region)})"
        if self.target and (asset := self.target.asset):
            return f"for {quote(asset.category or asset.category_id)} ({to_single_line(asset.market)})"
        return f"for the account {quote(self.target.account.name)}" if self.target else "for an account"

    def _divide_rows(self) -> tuple[list[Row], list[Row]]:
        """How many things the write is about, their names and ids, or else its first value; and its other values."""
        rows = [row for row in flatten(self.account or self.values) if row[0] not in IDEMPOTENCY_KEY_ARGUMENTS]
        lists = [row for row in rows if isinstance(self.values.get(row[0].partition(" (")[0]), list)]
        names = [row for row in self.current_state or () if row[0].rpartition(".")[2] in NAME_FIELDS]
        ids = [row for row in rows if ID_PATH_PATTERN.search(row[0]) and row not in lists]
        others = [row for row in rows if row not in ids and row not in lists]
        subjects = [*lists, *names, *ids]
        return (subjects, others) if subjects else (others[:1], others[1:])


def _join_rows(rows: list[Row]) -> str:
    """As many of the rows as one short line holds, each by the last name of its path, and how many more there are."""
    text = ""
    for index, (path, value) in enumerate(rows):
        item = f"{to_single_line(path.rpartition('.')[2])} {quote(value, MAX_HEAD_VALUE_CHARS)}"
        if text and len(text) + len(item) > MAX_HEAD_CHARS:
            return f"{text}, and {len(rows) - index} more"
        text += f", {item}" if text else item
    return text


def _format_section(heading: str, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [f"  {to_single_line(path)}: {quote(value)}" for path, value in rows[:MAX_LINES_PER_SECTION]]
    remainder = [f"  and {len(rows) - MAX_LINES_PER_SECTION} more values"] if len(rows) > MAX_LINES_PER_SECTION else []
    return [f"{heading}:", *lines, *remainder]


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


def to_single_line(text: str) -> str:
    """The text without what breaks a line, turns its direction or can't be seen."""
    spaced = (" " if c.isspace() else c for c in strip_invisible(text))
    return " ".join("".join(c for c in spaced if c == " " or c.isprintable()).split())
