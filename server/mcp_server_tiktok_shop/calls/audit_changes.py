"""Reads what a write changed from its audit log entry: value by value, or as one short text."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.value_texts import flatten, shorten, to_single_line
from mcp_server_tiktok_shop.money import parse_amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.state.stores import Record

MAX_PARTS = 12  # of the text on one write: things, or rows of one, that changed differently
MAX_NAMED_THINGS = 3  # of those that changed alike
MAX_TEXT_CHARS = 60  # of a name, or a value
ROW_NAMES = ("seller_sku", "id")  # what a row is called by, the first that it has
# Fields by the words that people have for them: empty where the value alone tells it, None where it tells them nothing.
FIELD_WORDS = {
    "package_status": "status",
    "package_sub_status": None,
    "cancel_status": "",
    "return_status": "",
    "handover_method": "handover",
    "refund_amount.refund_total": "refund",
    "payment.total_amount": "total",
    "content": "message sent:",
}
REFUND_FIELD, REFUND_CURRENCY_FIELD = "refund_amount.refund_total", "refund_amount.currency"
REQUEST_STATUSES = ("cancel_status", "return_status")
AMOUNT_WORDS = {"shipping_service_info.price": "labels bought for"}  # of amounts in answers
CHAT_NOUN, MESSAGE_FIELD = "conversation", "content"
# Of a request's status the part before what came of it, and what that is called.
REQUEST_PREFIXES = ("CANCELLATION_REQUEST_", "RETURN_OR_REFUND_REQUEST_", "REPLACEMENT_REQUEST_", "EXCHANGE_REQUEST_")
REQUEST_WORDS = {"PENDING": "asked for", "SUCCESS": "agreed", "COMPLETE": "completed", "CANCEL": "withdrawn"}
CODE_FIELDS = ("status", "handover_method")  # ends of the names of fields whose values are the platform's codes
CURRENCY_FIELD = "currency"


class ValueChange(Struct, frozen=True):
    """A value of a thing, or of one row of it, that is otherwise after a write; None where it was not there.

    `title` and `row` are what people call the thing and its row by, empty where nothing; `row_path` where the row is.
    """

    noun: str
    id: str
    title: str
    row: str
    row_path: str
    name: str
    before: Any
    now: Any

    @property
    def path(self) -> str:
        return ".".join(filter(None, (self.row_path, self.name)))


def iter_value_changes(entry: Record) -> Iterator[ValueChange]:
    """Every value that the write made otherwise, thing by thing."""
    before = {_get_key(thing): dict(iter_values(thing)) for thing in entry.get("before", ()) if thing}
    for thing in entry.get("now", ()):
        if not thing:
            continue
        noun, thing_id = key = _get_key(thing)
        earlier, now = before.get(key, {}), dict(iter_values(thing))
        if noun == CHAT_NOUN:  # its latest message is another one than before: none was overwritten
            earlier, now = {}, {place: value for place, value in now.items() if place[-1] == MESSAGE_FIELD}
        for place in dict.fromkeys((*earlier, *now)):
            row_path, row, name = place
            if earlier.get(place) != now.get(place):
                title = str(thing.get("title") or "")
                yield ValueChange(noun, thing_id, title, row, row_path, name, earlier.get(place), now.get(place))


def iter_values(thing: Record) -> Iterator[tuple[tuple[str, str, str], Any]]:
    """Every value but the thing's id, by the path and the name of its row, and its own name."""
    for name, value in islice(thing.items(), 1, None):
        if isinstance(value, list) and value and all(isinstance(row, dict) and "id" in row for row in value):
            for row in value:
                called = next((str(row[key]) for key in ROW_NAMES if row.get(key) is not None), "")
                cells = {key: cell for key, cell in row.items() if key not in ROW_NAMES}
                yield from (((f"{name}.{row['id']}", called, path), cell) for path, cell in flatten(cells))
        else:
            yield from ((("", "", path), cell) for path, cell in flatten({name: value}))


def describe_changes(entry: Record) -> str:
    """All that a write changed in one text; what several things have alike stands once, with how many they are.

    Where nothing is known of that, the ids that it named or made.
    """
    changes_by_thing: dict[tuple[str, str], list[ValueChange]] = {}
    for change in iter_value_changes(entry):
        changes_by_thing.setdefault((change.noun, change.id), []).append(change)
    things: dict[tuple[str, str], list[str]] = {}
    refunds = {_get_key(thing): _describe_refund(thing) for thing in entry.get("now", ()) if thing}
    for (noun, thing_id), changes in changes_by_thing.items():
        title = changes[0].title
        name = shorten(to_single_line(title), MAX_TEXT_CHARS) if title else to_single_line(thing_id)
        if any(c.name in REQUEST_STATUSES for c in changes) and not any(c.name == REFUND_FIELD for c in changes):
            name += refunds.get((noun, thing_id), "")
        things.setdefault((noun, _describe_values(changes)), []).append(name)
    parts = [f"{_describe_things(noun, names)}: {text}" for (noun, text), names in things.items()]
    parts += _describe_amounts(entry.get("amounts"))
    parts += [f"made {text}" for text in _iter_ids(_select_made(entry))]
    return _join(parts or list(_iter_ids(entry.get("ids"))), "; ")


def _select_made(entry: Record) -> dict[str, Any]:
    """The ids in the answer of what the write made, by name: those of things, and of rows, that nothing told before.

    An answer names again what the write was given and what was there: of a product that was edited all of its SKUs.
    """
    made = entry.get("made")
    if not isinstance(made, dict):
        return {}
    things = [thing for thing in entry.get("now", ()) if thing]
    told = {_get_key(thing)[1] for thing in things}
    told |= {place.rpartition(".")[2] for thing in things for (place, _, _), _ in iter_values(thing)}
    was_there = {_get_key(thing)[1] for thing in entry.get("before", ()) if thing}
    was_there |= {text for value in (entry.get("ids") or {}).values() for text in _list_texts(value)}
    is_edit = any(text in was_there for value in made.values() for text in _list_texts(value))
    found: dict[str, Any] = {}
    for name, value in made.items():
        depth = name.count(".")
        if depth > 1 or (depth and is_edit):  # what belongs to a part, or to a thing that was there
            continue
        if texts := [text for text in _list_texts(value) if text not in told | was_there]:
            found[name] = texts
    return found


def _list_texts(value: Any) -> list[str]:
    return list(map(str, value if isinstance(value, list) else [value]))


def _describe_refund(thing: Record) -> str:
    """What a request is about in money, behind its name; empty where that is not kept."""
    amount, currency = thing.get(REFUND_FIELD), thing.get(REFUND_CURRENCY_FIELD, "")
    return f" of {_to_text(f'{amount} {currency}'.strip())}" if amount is not None else ""


def _describe_amounts(amounts: Any) -> Iterator[str]:
    """What the answers of a write, or of those of a job, came to, those of one name and currency added up."""
    for path, texts in amounts.items() if isinstance(amounts, dict) else ():
        sums: dict[str, Decimal] = {}
        for text in texts if isinstance(texts, list) else [texts]:
            number, _, currency = str(text).partition(" ")
            if (amount := parse_amount(number)) is not None:
                sums[currency] = sums.get(currency, Decimal(0)) + amount
        name = AMOUNT_WORDS.get(path, str(path).replace(".", " ").replace("_", " "))
        for currency, total in sums.items():
            yield f"{to_single_line(name)} {total:f} {to_single_line(currency)}"


def _describe_values(changes: Iterable[ValueChange]) -> str:
    """The values of one thing that changed, those of a row behind its name."""
    by_row: dict[str, list[str]] = {}
    all_changes = list(changes)
    currencies = {
        (change.row_path, change.name.rpartition(".")[0]): change.now
        for change in all_changes
        if change.name.rpartition(".")[2] == CURRENCY_FIELD and change.before is None
    }
    for change in all_changes:
        group, _, last_name = change.name.rpartition(".")
        currency = currencies.get((change.row_path, group))
        name = FIELD_WORDS.get(change.name, last_name if change.row else change.name)
        if name is None or (last_name == CURRENCY_FIELD and currency is not None):
            continue  # it stands behind its amount
        sides = [_say_value(change.name, value) for value in (change.before, change.now) if value is not None]
        parts = (to_single_line(name), " -> ".join(sides), _to_text(currency) if currency and group else "")
        by_row.setdefault(change.row, []).append(" ".join(filter(None, parts)))
    texts = [" ".join(filter(None, (to_single_line(row), ", ".join(values)))) for row, values in by_row.items()]
    return _join(texts, "; ")


def _say_value(name: str, value: Any) -> str:
    """A value in words: a code of the platform's in small letters, of a request what came of it."""
    text = _to_text(value)
    if not name.endswith(CODE_FIELDS):
        return text
    for prefix in REQUEST_PREFIXES:
        rest = text.removeprefix(prefix)
        if rest != text:
            return REQUEST_WORDS.get(rest, rest.replace("_", " ").lower())
    return text.replace("_", " ").lower()


def _describe_things(noun: str, names: list[str]) -> str:
    if len(names) == 1:
        return f"{noun} {names[0]}"
    more = f" and {len(names) - MAX_NAMED_THINGS} more" if len(names) > MAX_NAMED_THINGS else ""
    return f"{len(names)} {noun}s, {', '.join(names[:MAX_NAMED_THINGS])}{more}"


def _iter_ids(ids: Any) -> Iterator[str]:
    for name, value in ids.items() if isinstance(ids, dict) else ():
        values = value if isinstance(value, list) else [value]
        more = f" and {len(values) - MAX_NAMED_THINGS} more" if len(values) > MAX_NAMED_THINGS else ""
        yield f"{to_single_line(str(name))} {', '.join(map(_to_text, values[:MAX_NAMED_THINGS]))}{more}"


def _join(parts: list[str], separator: str) -> str:
    more = f"{separator}and {len(parts) - MAX_PARTS} more" if len(parts) > MAX_PARTS else ""
    return separator.join(parts[:MAX_PARTS]) + more


def _to_text(value: Any) -> str:
    return str(shorten(to_single_line(str(value)), MAX_TEXT_CHARS))


def _get_key(thing: Record) -> tuple[str, str]:
    """The kind and the id of a thing: the first entry of its object."""
    noun = next(iter(thing))
    return noun, str(thing[noun])
