"""Writes the things that a job or an undo is about for people: a line for each, what it is now and what it will be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import JobItem

NAME_CHARS, BRIEF_NAME_CHARS, VALUE_CHARS = 60, 30, 80


def format_item(item: JobItem) -> str:
    """The item on one line, what others wrote in quotes."""
    names = " ".join(quote(value, NAME_CHARS) for value in item.names.values())
    return _format_change(item, " ".join(filter(None, (item.noun, to_single_line(item.id), names))) + _name_shop(item))


def format_briefly(item: JobItem) -> str:
    """The item by its shortest name, where there are too many for more."""
    name = item.names.get("seller_sku") or next(iter(item.names.values()), "")
    head = quote(name, BRIEF_NAME_CHARS) if name else to_single_line(item.id)
    return _format_change(item, head + _name_shop(item))


def fit_lines(lines: list[str], room_chars: int, shops: Sequence[str] = ()) -> list[str]:
    """As many lines as there is room for, and how many more there are.

    Where `shops` tell the one of each line, every shop has its part of the room: of none all is cut away.
    """
    names = list(shops) or [""] * len(lines)
    ranks: Counter[str] = Counter()
    places: list[tuple[int, int]] = []
    for index, name in enumerate(names):
        places.append((ranks[name], index))
        ranks[name] += 1
    fitting: list[int] = []
    for _, index in sorted(places):
        room_chars -= len(lines[index]) + 3
        if room_chars < 0:
            break
        fitting.append(index)
    if len(fitting) == len(lines):
        return lines
    ranks.subtract(names[index] for index in fitting)
    left = ", ".join(f"{name} {count}" for name, count in ranks.items() if name and count)
    more = f"and {len(lines) - len(fitting)} lines more{f' ({left})' if left else ''}, which a dry run shows"
    return [*(lines[index] for index in sorted(fitting)), more]


def _name_shop(item: JobItem) -> str:
    return f" at {quote(item.shop, BRIEF_NAME_CHARS)}" if item.shop else ""


def _format_change(item: JobItem, head: str) -> str:
    now = quote(item.now, VALUE_CHARS) if item.now else ""
    if item.skip_reason:
        return f"{head}: skipped, {to_single_line(item.skip_reason)}"
    details = ", ".join(f"{name} {to_single_line(str(value))}" for name, value in item.details.items() if value)
    change = f" ({details})" if details else ""
    return f"{head}: {' -> '.join(filter(None, (now, quote(item.will_be, VALUE_CHARS))))}{change}"
