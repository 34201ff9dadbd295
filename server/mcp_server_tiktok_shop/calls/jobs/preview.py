"""Previews a job as one: every item on a line, what it is now and what it will be, or why it is skipped."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
from mcp_server_tiktok_shop.calls.jobs.item_lines import fit_lines, format_briefly, format_item
from mcp_server_tiktok_shop.calls.jobs.item_tables import ITEMS, REASONS, lay_out_items
from mcp_server_tiktok_shop.calls.preview import (
    CLOSING_CHARS,
    MAX_QUESTION_CHARS,
    Preview,
    format_section,
)
from mcp_server_tiktok_shop.calls.question_values import format_values
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line
from mcp_server_tiktok_shop.calls.way_back import WayBack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import JobItem, Step
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

MAX_GIVEN_VALUES = 3  # of a list of arguments that a question repeats: what comes of a longer one are the items
MAX_QUESTION_WARNINGS = 20
DIGEST_CHARS = 16  # of what tells one plan from another


class JobPreview(Preview, frozen=True):
    """A job before it is done. `items` are all it is about, `steps` the writes for those that are to be done.

    `explanation` says what holds for all of them.
    """

    items: tuple[JobItem, ...] = ()
    steps: tuple[Step, ...] = ()
    explanation: str = ""

    @property
    def state_name(self) -> str:
        return ITEMS

    def to_json(self) -> Json:
        """Counts, the writes by name, and each item on a line or, of many, in a row: those to be done first."""
        waiting = _list_waiting(self.steps)
        writes = Counter(step.operation for step in self.steps)
        untrusted = [*(["warnings"] if self.warnings else []), *(["explanation"] if self.explanation else []), ITEMS]
        data: Json = {"warnings": list(self.warnings)} if self.warnings else {}
        data |= {"operation": self.operation.name, "effect": self.operation.effect}
        data |= {"explanation": self.explanation} if self.explanation else {}
        data |= {"undo": self.way_back.describe()} if self.way_back else {}
        data |= self.describe_shop()
        data |= {"to_do": len(waiting), "skipped": len(self.items) - len(waiting), "writes": dict(writes)}
        entries = lay_out_items([item.to_json() for item in self._sort_items()])
        return data | entries | {"untrusted": untrusted + [REASONS] * (REASONS in entries)}

    def to_question(self, *closing_lines: str) -> str:
        """The question to a person: what is done, where and to how much in three lines, then every item on one."""
        waiting = _list_waiting(self.steps)
        given = {
            name: f"{len(value)} entries" if isinstance(value, list) and len(value) > MAX_GIVEN_VALUES else value
            for name, value in self.values.items()
        }
        more = len(self.warnings) - MAX_QUESTION_WARNINGS
        warnings = [to_single_line(warning) for warning in self.warnings[:MAX_QUESTION_WARNINGS]]
        lines = [
            f"{self.operation.title} {self.describe_place()}",
            f"To: {_describe_number(waiting)}",
            self.describe_effect() + self.describe_warnings(),
            *format_section(
                "Warnings", [*warnings, *([f"and {more} more, which a dry run shows"] if more > 0 else [])]
            ),
            f"Operation: {self.operation.name}",
            str(self.operation.record["summary"]),
            *filter(None, (self.explanation, self.way_back.describe() if self.way_back else "")),
            *format_section("Given", format_values(given)),
        ]
        room_chars = MAX_QUESTION_CHARS - CLOSING_CHARS - sum(len(line) + 1 for line in lines)
        sorted_items = self._sort_items()
        item_lines = [format_item(item) for item in sorted_items]
        if sum(len(line) + 3 for line in item_lines) > room_chars:
            item_lines = [format_briefly(item) for item in sorted_items]
        lines += format_section("Items", fit_lines(item_lines, room_chars, [item.shop for item in sorted_items]))
        return "\n".join([*lines, *closing_lines, "Do it?"])

    def describe_shop(self) -> Json:
        """The shop; its currency only where an amount is told."""
        values = Preview.describe_shop(self)
        has_amounts = values.get("currency", "") in to_json_text([item.to_json() for item in self.items])
        return values if has_amounts else {name: value for name, value in values.items() if name != "currency"}

    def _sort_items(self) -> list[JobItem]:
        """The items that something is done with, then those that are skipped."""
        return sorted(self.items, key=lambda item: bool(item.skip_reason))


def make_plan_state(
    operation: Operation, items: Iterable[JobItem], steps: Iterable[Step], left_out: str = ""
) -> CurrentState:
    """What a yes is held to: each item as it is shown, and in one more entry that there are no others.

    `left_out` are the shops where nothing is done, and why.
    """
    content = [[step.operation, step.arguments, [item.key for item in step.items]] for step in steps]
    plan_items = list(items)
    skipped = sum(bool(item.skip_reason) for item in plan_items)
    digest = hashlib.sha256(to_json_text([content, [item.to_json() for item in plan_items]]).encode()).hexdigest()
    facts: Json = {"to_do": len(plan_items) - skipped, "skipped": skipped, "plan": digest[:DIGEST_CHARS]}
    facts |= {"left_out": left_out} if left_out else {}
    shown = [
        Item(item.noun, item.id, {name: value for name, value in item.to_json().items() if name != item.noun})
        for item in plan_items
    ]
    return CurrentState((*shown, Item("job", operation.name, facts)))


def join_ways_back(ways: Sequence[WayBack]) -> WayBack:
    """The way back of several writes that are shown as one."""
    steps = tuple(step for way in ways for step in way.steps)
    final = [way.reason for way in ways if not way.steps]
    reasons = " and ".join(dict.fromkeys(final))
    if not steps:
        return WayBack(reason=reasons)
    rest = f"{len(final)} of {len(ways)} writes can't be taken back: {reasons}." if final else ""
    leaves = " ".join(dict.fromkeys(filter(None, (*(way.leaves for way in ways), rest))))
    return WayBack(steps, leaves, is_one_call=True)


def _list_waiting(steps: Iterable[Step]) -> list[JobItem]:
    return [item for step in steps for item in step.items]


def _describe_number(items: list[JobItem]) -> str:
    """How many of which kind, and the first by its name."""
    counts = Counter(item.noun for item in items)
    numbers = " and ".join(f"{count} {noun}{'s' * (count > 1)}" for noun, count in counts.items())
    first = items[0] if items else None
    name = next(iter(first.names.values()), first.id) if first else ""
    return f"{numbers or 'nothing'}: {quote(name)}" + (f" and {len(items) - 1} more" if len(items) > 1 else "")
