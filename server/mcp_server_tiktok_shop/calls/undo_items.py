"""Describes what an undo restores: for each thing, its value now and the one it returns to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.audit_changes import describe_changes, iter_value_changes, iter_values
from mcp_server_tiktok_shop.calls.jobs.job import JobItem
from mcp_server_tiktok_shop.calls.value_texts import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_server_tiktok_shop.calls.audit_changes import ValueChange
    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import Record

AS_BEFORE = "as it was"  # of what too many things changed with for each to be kept
NOT_THERE = "none"
TITLE_FIELD, CURRENCY_FIELD = "title", "currency"
# What is sent along and changes nothing.
ID_NAMES, ID_SUFFIXES = ("id", "ids", CURRENCY_FIELD), ("_id", "_ids", "_version")


def make_undo_items(
    entry: Record, step: Json, then: Sequence[Json], state: Iterable[Item], passing_values: Json
) -> tuple[JobItem, ...]:
    """What a step sets back: as things stand in `state`, and as they stood `then`, in what the write made otherwise.

    `passing_values` are those that things have until they are as before by themselves.

    A write that is taken back by taking away what it made has none.
    """
    things = {(item.noun, item.id): item.to_json() for item in state}
    changes = iter_value_changes({"before": list(then), "now": entry.get("now", ())})
    watched = tuple(_iter_watched_names(step["expects"]))
    rows: dict[tuple[str, str, str], list[ValueChange]] = {}
    for change in changes:
        is_own_value = change.name.rpartition(".")[2] != CURRENCY_FIELD
        is_watched = any(change.name == name or change.name.startswith(f"{name}.") for name in watched)
        if (change.noun, change.id) in things and is_own_value and is_watched and then:
            rows.setdefault((change.noun, change.id, change.row_path), []).append(change)
    items = [_make_item(row, things[noun, thing_id], passing_values) for (noun, thing_id, _), row in rows.items()]
    known = {(noun, thing_id) for noun, thing_id, _ in rows}
    for expected in step["expects"] if items else ():
        noun, thing_id = next((noun, str(thing_id)) for noun, thing_id in expected.items())
        rest = _count_lost_rows(entry, expected)
        if (noun, thing_id) not in known or rest > 0:
            title = things.get((noun, thing_id), {}).get(TITLE_FIELD)
            will_be = f"{rest} more of it {AS_BEFORE}" if (noun, thing_id) in known else AS_BEFORE
            names = {TITLE_FIELD: title} if title else {}
            items.append(JobItem(noun, thing_id, names, will_be=will_be, parameters={"thing": thing_id}))
    return tuple(items)


def select_untold(values: Json, items: Iterable[JobItem]) -> Json:
    """The arguments of an undo that hold what none of its items tells."""
    told = {text for item in items for text in item.parameters.get("texts", ())}
    return {
        name: value
        for name, value in values.items()
        if any(
            last_name not in ID_NAMES and not last_name.endswith(ID_SUFFIXES) and text not in told
            for last_name, text in _iter_leaves(name, value)
        )
    }


def describe_now(item: JobItem, state: Iterable[Json]) -> str | None:
    """How an item stands in what was read of its thing since; None where that was not read."""
    for thing in state:
        if "places" in item.parameters and item.parameters["thing"] == str(next(iter(thing.values()), "")):
            return _say(item.parameters["places"], dict(iter_values(thing)))
    return None


def describe_late_changes(changes: Iterable[Json]) -> str:
    """What differs from how a write left things, in one text: `changes` as `compare_states` tells them."""
    sides: dict[str, list[Json]] = {"before": [], "now": []}
    for change in changes:
        key = {name: value for name, value in change.items() if name not in sides}
        for name, things in sides.items():
            things.append(key | change[name])
    return describe_changes(sides)


def _count_lost_rows(entry: Record, expected: Json) -> int:
    """How many rows of a thing the audit log does not keep, since they are too many."""
    noun, thing_id = next(iter(expected.items()))
    kept = [thing for thing in entry.get("now", ()) if thing.get(noun) == thing_id]
    lists = [(name, rows) for thing in kept for name, rows in thing.items() if isinstance(rows, list)]
    return sum(len(expected[name]) - len(rows) for name, rows in lists if len(expected.get(name, ())) > len(rows))


def _iter_watched_names(expected_items: Iterable[Json]) -> Iterator[str]:
    """The names of what must not have changed, of things and of their rows."""
    for item in expected_items:
        for name, value in item.items():
            yield name
            for row in value if isinstance(value, list) else ():
                yield from row if isinstance(row, dict) else ()


def _make_item(changes: list[ValueChange], thing: Json, passing_values: Json) -> JobItem:
    """The item of one thing or row, called as people call it."""
    first = changes[0]
    places = [(change.row_path, change.row, change.name) for change in changes]
    now_values = dict(iter_values(thing))
    then_values = {
        place: _add_course(change.before, passing_values.get(change.name))
        for place, change in zip(places, changes, strict=True)
    }
    currencies = {place: value for place, value in now_values.items() if place[2].endswith(CURRENCY_FIELD)}
    title = thing.get(TITLE_FIELD) or first.title
    names = {TITLE_FIELD: title} if title and places[0][2] != TITLE_FIELD else {}
    noun, item_id = first.noun, first.id
    if first.row_path:
        list_name, _, item_id = first.row_path.partition(".")
        noun = list_name.removesuffix("s")
        names |= {"seller_sku": first.row} if first.row != item_id else {}
    texts = [part for change in changes for part in str(change.before).split(", ")]
    return JobItem(
        noun,
        item_id,
        names,
        _say(places, now_values),
        _say(places, then_values | currencies),
        parameters={"thing": first.id, "places": places, "texts": texts, "row": item_id},
    )


def _add_course(value: Any, first: Any) -> Any:
    """A value of before, and where that comes only later by itself, what it is until then."""
    return value if first in (None, value) else f"{first} at first, then {value}"


def _say(places: Sequence[tuple[str, str, str]], values: dict[tuple[str, str, str], Any]) -> str:
    """The values at these places, each by its name where there are several; an amount with its currency."""
    parts = []
    for place in places:
        row_path, row, name = place
        group, _, last_name = name.rpartition(".")
        value = values.get(place)
        if value is None:
            continue
        currency = values.get((row_path, row, f"{group}.{CURRENCY_FIELD}")) if group else None
        text = " ".join(map(str, filter(None, (value if value != 0 else "0", currency))))
        parts.append(text if len(places) == 1 else f"{last_name} {text}")
    return ", ".join(parts) or NOT_THERE


def _iter_leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    for path, leaf in flatten({name: value}):
        last_name = path.rpartition(" (")[0] or path
        last_name = last_name.rpartition(".")[2].partition("[")[0]
        is_count = isinstance(leaf, str) and leaf.endswith(" entries")
        if not is_count:
            yield last_name, str(leaf)
