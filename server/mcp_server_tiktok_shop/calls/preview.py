"""Previews a write: in full for a model, in a few quoted lines for the person who is asked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.jobs.item_lines import fit_lines, format_item
from mcp_server_tiktok_shop.calls.question_values import expand_json_texts, format_values
from mcp_server_tiktok_shop.calls.value_texts import flatten, quote, shorten, to_single_line
from mcp_server_tiktok_shop.catalog.binding import show_times
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.current_state import CurrentState
    from mcp_server_tiktok_shop.calls.listing_preview import Listing
    from mcp_server_tiktok_shop.calls.undo_checks import Undoing
    from mcp_server_tiktok_shop.calls.value_texts import Row
    from mcp_server_tiktok_shop.calls.way_back import WayBack
    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.accounts import Shop

MAX_QUESTION_CHARS = 8_000
MAX_ITEM_CHARS = 5_000  # of a question, for what an undo sets back
CLOSING_CHARS = 300  # of a question, for its last lines
MAX_SHOP_CHARS = 200  # of a shop's name
MAX_HEAD_CHARS, MAX_HEAD_VALUE_CHARS = 100, 40  # characters in a line at the head of a question, and of a value there
MAX_HEAD_WARNING_CHARS = 120
MIN_REPEATED_IDS = 5  # from which on they stand once
ID_PATH_PATTERN = re.compile(r"(^|[._])ids?\b")  # `product_id`, `skus[0].id`, `product_ids (3)`
NAME_FIELDS = ("title", "name", "product_name", "total_amount", "refund_total")  # that a person knows a thing by
EFFECT_DESCRIPTIONS = {"write": "Adds or changes", "destructive": "Can't simply be undone"}
UNDOABLE, NOT_UNDOABLE = "can be undone", "can't simply be undone"


class Preview(Struct, frozen=True):
    """A write before it is sent; `values` and `call` hold no secret, and buyers' data in them is redacted already.

    `target` and `call` are None for a token call, whose request is secret. `current_state` is how the things stand
    that it is about; None where nothing was read. `differences` are sentences on what is sent otherwise than `values`
    show it. `account` names the account that a sign-in stores. `warnings` are sentences, and may quote others.
    `way_back` is that of a write to a shop; `undoing` what it takes back itself, where it is such a call. Times are
    shown in `zone`. `new_prices` say what prices become by a discount, `listing` what a new product will be.
    """

    operation: Operation
    target: Target | None
    values: Json
    call: ApiCall | None
    current_state: CurrentState | None = None
    differences: tuple[str, ...] = ()
    account: Json | None = None
    warnings: tuple[str, ...] = ()
    way_back: WayBack | None = None
    undoing: Undoing | None = None
    zone: ZoneInfo | None = None
    new_prices: tuple[str, ...] = ()
    listing: Listing | None = None

    @property
    def shop(self) -> Shop | None:
        return self.target.shop if self.target else None

    @property
    def state_name(self) -> str:
        """The list of the JSON form that may be shown in part, with the rest within reach."""
        return "items" if self.undoing and self.undoing.items else "now"

    def to_json(self) -> Json:
        """The request that would go out, for a model: operation, effect, method, path, query, body or form."""
        data: Json = {"warnings": list(self.warnings)} if self.warnings else {}
        data |= {"operation": self.operation.name, "effect": self.operation.effect}
        data |= {"takes_back": self._describe_undoing()} if self.undoing else {}
        data |= {"undo": self.way_back.describe()} if self.way_back else {}
        data |= self.describe_shop()
        data |= {"differences": list(self.differences)} if self.differences else {}
        if self.undoing and self.undoing.items:  # which tell all, and the request only how it is told to the platform
            data |= {"sends": self._show_times(self.undoing.untold)} if self.undoing.untold else {}
            untrusted = [*(["warnings"] if self.warnings else []), "items"]
            return data | {"items": [item.to_json() for item in self.undoing.items], "untrusted": untrusted}
        data |= {"method": self.operation.record["method"]}
        if self.call is None:  # a token call: what it sends is secret
            data |= {"path": self.operation.record["path"]}
            # The account's names are its seller's words.
            return data | {"account": self.account, "untrusted": ["account"]} if self.account else data
        data |= {"path": self.call.path, "query": self._show_times(dict(self.call.query))}
        if self.call.files:
            files = {
                name: {"filename": file.filename, "bytes": len(file.content)} for name, file in self.call.files.items()
            }
            data |= {"form": dict(self.call.form), "files": files}
        elif self.listing is not None:  # which tells what a person looks at, and the body only how the platform is told
            data |= {"listing": self.listing.to_json(), "also_sends": self._show_times(self.listing.rest)}
        else:
            data |= {"body": self._show_times(json.loads(self.call.body)) if self.call.body is not None else None}
        if not self.current_state or not self.current_state.items:
            return data
        data |= {"prices_then": list(self.new_prices)} if self.new_prices else {}
        # The state may be in the words of others, and a warning may quote it.
        untrusted = [*(["warnings"] if self.warnings else []), "now"]
        return data | {"now": self.current_state.to_json(), "untrusted": untrusted}

    def name_shown_ids(self, data: Json) -> Json:
        """The JSON form where all of the state is shown: a list of just its ids is not repeated in the body."""
        ids = [item.id for item in self.current_state.items] if self.current_state else []
        body = data.get("body")
        if len(ids) < MIN_REPEATED_IDS or not isinstance(body, dict):
            return data
        words = f"the {len(ids)} ids in {self.state_name}"
        return data | {"body": {name: words if value == ids else value for name, value in body.items()}}

    def to_question(self, *closing_lines: str) -> str:
        """The question to a person, with `closing_lines` before its last.

        Its first three lines are all that some clients show: what is done and where; to what; whether it can be undone,
        and with which values. Values are quoted behind our words, and none breaks a line, so that none poses as ours.
        """
        subject_rows, value_rows = self._divide_rows()
        subject = "the shop as a whole" if self.shop else "the account as a whole"
        lines = [
            f"{self.operation.title} {self.describe_place()}",
            f"To: {_join_rows(subject_rows) or subject}",
            ": ".join(filter(None, (self.describe_effect() + self.describe_warnings(), _join_rows(value_rows)))),
            *format_section("Warnings", [to_single_line(warning) for warning in self.warnings]),
            f"Operation: {self.operation.name}",
            str(self.operation.record["summary"]),
            *([f"Takes back: {to_single_line(self._describe_undoing())}"] if self.undoing else []),
            *([self.way_back.describe()] if self.way_back else []),
            *(self._format_undoing() or self._format_sent_values()),
            *format_section("Prices then", list(self.new_prices)),
            *self.differences,
            *format_section("Account that is signed in by it", format_values(self.account or {})),
        ]
        if self.current_state and self.state_name == "now":
            room_chars = MAX_QUESTION_CHARS - CLOSING_CHARS - sum(len(line) + 1 for line in lines)
            lines += format_section("At the shop now", _format_state(self.current_state, room_chars))
        return "\n".join([*lines, *closing_lines, "Do it?"])

    def describe_effect(self) -> str:
        """Whether it can be undone."""
        effect = EFFECT_DESCRIPTIONS[self.operation.effect]
        if self.way_back is None:
            return effect
        undoable = UNDOABLE if self.way_back.steps else NOT_UNDOABLE
        return undoable.capitalize() if self.operation.effect == "destructive" else f"{effect}, {undoable}"

    def describe_warnings(self) -> str:
        """The first warning, as the end of a line at the head of a question, and how many more there are."""
        if not self.warnings:
            return ""
        more = f", and {len(self.warnings) - 1} more" if len(self.warnings) > 1 else ""
        return f". Warning: {shorten(to_single_line(self.warnings[0]), MAX_HEAD_WARNING_CHARS)}{more}"

    def describe_shop(self) -> Json:
        shop = self.target.shop if self.target else None
        values = {"shop": shop.label, "region": shop.region, "currency": shop.currency} if shop else {}
        return {name: value for name, value in values.items() if value}

    def describe_place(self) -> str:
        """At which shop, or where the write is for none, for what else."""
        if self.shop:
            market = ", ".join(filter(None, (to_single_line(self.shop.region), self.shop.currency)))
            return f"at {quote(self.shop.label, MAX_SHOP_CHARS)} ({market})"
        if self.target and (asset := self.target.asset):
            return f"for {quote(asset.category or asset.category_id)} ({to_single_line(asset.market)})"
        return f"for the account {quote(self.target.account.name)}" if self.target else "for an account"

    def _show_times(self, values: Json) -> Json:
        """The values with times as people read them, where the zone is known."""
        schema = {"properties": self.operation.arguments}
        shown: Json = show_times(schema, values, self.zone) if self.zone else values
        return shown

    def _describe_undoing(self) -> str:
        """Which write is taken back, and what is not as before even then."""
        return " ".join(filter(None, (f"{self.undoing.write}.", self.undoing.leaves))) if self.undoing else ""

    def _format_undoing(self) -> list[str]:
        """What each thing will be again, and what else is sent for that; empty where that is not known."""
        if not self.undoing or not self.undoing.items:
            return []
        lines = fit_lines([format_item(item) for item in self.undoing.items], MAX_ITEM_CHARS)
        return [*format_section("Items", lines), *format_section("Sends", format_values(self.undoing.untold))]

    def _format_sent_values(self) -> list[str]:
        """What is sent: of a listing first what a person looks at, then the rest."""
        listing_lines = format_section("Listing", self.listing.to_lines()) if self.listing else []
        values = self.listing.rest if self.listing else self.values
        return [*listing_lines, *format_section("Sends", format_values(self._show_times(values)))]

    def _divide_rows(self) -> tuple[list[Row], list[Row]]:
        """How many things the write is about, their names and ids, or else its first value; and its other values."""
        rows = [
            row
            for row in flatten(expand_json_texts(self.account or self._show_times(self.values)))
            if row[0] not in IDEMPOTENCY_KEY_ARGUMENTS
        ]
        lists = [row for row in rows if isinstance(self.values.get(row[0].partition(" (")[0]), list)]
        items = self.current_state.items if self.current_state else ()
        names = [
            (path, value)
            for item in items
            for path, value in item.facts.items()
            if path.rpartition(".")[2] in NAME_FIELDS
        ]
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


def format_section(heading: str, lines: list[str]) -> list[str]:
    return [f"{heading}:", *(f"  {line}" for line in lines)] if lines else []


def _format_state(state: CurrentState, room_chars: int) -> list[str]:
    """How things stand now, a line each, as far as the question has room: it is what is sent that is agreed to."""
    return fit_lines([line for item in state.items for line in item.to_lines()], room_chars)
