"""Lays out what a write sends for the person who is asked: every id, every text, each number that stands out."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.redaction.free_text import strip_invisible
from mcp_server_tiktok_shop.calls.value_texts import (
    count_invisible,
    parse_json_object,
    quote,
    quote_whole,
    to_single_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_ROWS = 20  # values of a write that have a line each; of more, those of one name share a line
ID_NAME_PATTERN = re.compile(r"(^|[._])(ids?|seller_sku)(\[\])?$")
NUMBER_PATTERN = re.compile(r"-?\d{1,18}(\.\d{1,6})?", re.ASCII)
MIN_SPAN_VALUES = 4  # fewer numbers are told one by one
OUTLIER_FACTOR = 2  # a number stands out that is more than this many times the middle one, or less than its part
MAX_OUTLIERS = 20  # of one name; where more would stand out none does, and all are told
MASKED_NOTE = "Buyers' data is masked here; it is sent as it was given."
HIDDEN_NOTE = "Characters that can't be seen are sent as well: {count:,}."


class Leaf(Struct, frozen=True):
    """One plain value; `path` has no positions (`skus[].price.amount`), `subject` is the id of what it belongs to."""

    path: str
    subject: str
    value: Any


def expand_json_texts(values: Json) -> Json:
    """The values with objects in the place of texts that hold them as JSON, as chats take their messages."""
    return {name: _expand(value) for name, value in values.items()}


def _expand(value: Any) -> Any:
    if isinstance(value, dict):
        return expand_json_texts(value)
    if isinstance(value, list):
        return [_expand(item) for item in value]
    return parse_json_object(value) or value if isinstance(value, str) else value


def format_values(values: Json) -> list[str]:
    """A line for each value, with its path; where they are many, a line for all of one name."""
    values = expand_json_texts(values)
    rows = list(_iter_rows(values, ""))
    if len(rows) <= MAX_ROWS:
        return [
            _format_column(f"{path}[]", [Leaf(path, "", item) for item in value])
            if isinstance(value, list) and value
            else f"{to_single_line(path)}: {quote_whole(value, path)}"
            for path, value in rows
        ]
    columns: dict[str, list[Leaf]] = {}
    for leaf in iter_leaves(values):
        columns.setdefault(leaf.path, []).append(leaf)
    return [_format_column(path, leaves) for path, leaves in columns.items()]


def _iter_rows(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value with its path, such as `skus[0].id`; a list of plain values stays one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _iter_rows(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from _iter_rows(item, f"{path}[{index}]")
    else:
        yield path, value


def describe_differences(sent: Json, shown: Json) -> list[str]:
    """What is sent otherwise than it is shown, a sentence each: buyers' data, and characters that nobody sees."""
    sent_values = [leaf.value for leaf in iter_leaves(expand_json_texts(sent))]
    shown_values = [leaf.value for leaf in iter_leaves(expand_json_texts(shown))]
    hidden_count = sum(count_invisible(value) for value in sent_values if isinstance(value, str))
    notes = [HIDDEN_NOTE.format(count=hidden_count)] if hidden_count else []
    return [MASKED_NOTE, *notes] if [*map(_strip, sent_values)] != [*map(_strip, shown_values)] else notes


def _strip(value: Any) -> Any:
    return strip_invisible(value) if isinstance(value, str) else value


def iter_leaves(values: Json) -> Iterator[Leaf]:
    """Every plain value, in order."""
    yield from _iter_leaves(values, "", "")


def _iter_leaves(value: Any, path: str, subject: str) -> Iterator[Leaf]:
    if isinstance(value, dict):
        own_id = next((str(v) for n, v in value.items() if ID_NAME_PATTERN.search(n) and isinstance(v, str)), subject)
        for name, inner in value.items():
            yield from _iter_leaves(inner, f"{path}.{name}" if path else name, own_id)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _iter_leaves(item, f"{path}[]", subject)
    else:
        yield Leaf(path, subject, value)


def _format_column(path: str, leaves: list[Leaf]) -> str:
    """The values of one name: every id and every text, of numbers the span and what stands out of it."""
    heading = to_single_line(path.removesuffix("[]"))
    if len(leaves) == 1:
        return f"{heading}: {quote_whole(leaves[0].value, path)}"
    distinct = list(dict.fromkeys(quote_whole(leaf.value, path) for leaf in leaves))
    heading = f"{heading} ({len(leaves)})"
    if len(distinct) == 1:
        return f"{heading}: {distinct[0]} in each"
    is_id = ID_NAME_PATTERN.search(path) is not None
    if not is_id and len(leaves) >= MIN_SPAN_VALUES and all(_is_number(leaf.value) for leaf in leaves):
        outliers, rest = divide_outliers(leaves)
        if len(outliers) <= MAX_OUTLIERS:
            return f"{heading}: {_format_span(rest)}{_format_outliers(outliers)}"
    count = f", {len(distinct)} different" if len(distinct) < len(leaves) else ""
    return f"{heading}{count}: {', '.join(distinct)}"


def divide_outliers(leaves: list[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    """Those numbers that stand out, and the rest: by more than `OUTLIER_FACTOR` from the middle one, or not above 0."""
    from statistics import median  # noqa: PLC0415 - a write alone is asked about

    middle = median(Decimal(str(leaf.value)) for leaf in leaves)

    def stands_out(leaf: Leaf) -> bool:
        number = Decimal(str(leaf.value))
        if middle <= 0:
            return number != middle
        return number <= 0 or not middle / OUTLIER_FACTOR <= number <= middle * OUTLIER_FACTOR

    outliers = [leaf for leaf in leaves if stands_out(leaf)]
    return outliers, [leaf for leaf in leaves if not stands_out(leaf)]


def _format_span(leaves: list[Leaf]) -> str:
    if not leaves:
        return "none like another"
    numbers = sorted((leaf.value for leaf in leaves), key=lambda value: Decimal(str(value)))
    low, high = quote(numbers[0]), quote(numbers[-1])
    return f"{low} to {high}" if low != high else f"{low} in {len(leaves)}"


def _format_outliers(leaves: list[Leaf]) -> str:
    if not leaves:
        return ""
    texts = [f"{quote(leaf.value)} for {quote(leaf.subject)}" if leaf.subject else quote(leaf.value) for leaf in leaves]
    return f"; standing out: {', '.join(texts)}"


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and NUMBER_PATTERN.fullmatch(str(value)) is not None
