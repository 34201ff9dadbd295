"""Writes a result as text, and takes of it what fits: whole items, in order, with a count of what is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from mcp_server_tiktok_shop.calls.results.json_paths import PathStep, format_path
from mcp_server_tiktok_shop.calls.results.tabular import is_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json

TRUNCATION_NOTICE_BYTES = 600  # bytes for what is said of the parts left out
MIN_USEFUL_BYTES = 200  # bytes, and characters of a text: less of a value than this is of no use
MAX_NOTICE_PARTS, MAX_NOTICE_PATH_CHARS = 3, 60  # parts that a note names, and characters of a path in it
JsonPath = tuple[PathStep, ...]


class Cut(NamedTuple):
    """A list (or an object of too many fields) of which only the first `kept` of `of` are shown."""

    path: str
    shown_count: int
    total_count: int


@dataclass(frozen=True, slots=True)
class TruncatedResult:
    """A result that fits. Paths in `cuts` and `shortened` are within `data`, those `…beside` it outside of it."""

    result: Json
    left_out: int = 0
    cuts: tuple[Cut, ...] = ()
    shortened: tuple[str, ...] = ()
    outer_cuts: tuple[Cut, ...] = ()
    outer_shortened: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not (self.cuts or self.shortened or self.outer_cuts or self.outer_shortened)


def to_json_text(data: Any) -> str:
    """The text of a result: compact JSON, names as they are."""
    try:
        return to_json(data).decode()
    except ValueError:  # half a character in the platform's data can only be written as its escape
        return _to_escaped_json_text(data)


def _to_escaped_json_text(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def choose_measure(data: Any) -> Callable[[Any], int]:
    """How many bytes a part of this value takes in the text of a result."""
    try:
        to_json(data)
    except ValueError:
        return lambda part: len(_to_escaped_json_text(part))
    return lambda part: len(to_json(part))


def truncate(result: Json, max_bytes: int, notice_bytes: int = TRUNCATION_NOTICE_BYTES) -> TruncatedResult:
    """The result, or as much of it as `budget` bytes hold beside `spare` bytes for what is then said of the rest.

    Of lists the first items stay, whole; only where not even the first one fits is it gone into: its long texts are
    shortened, with their length told, then its lists cut. Where something was left out, `next_page_token` is taken
    away: it would skip what is not shown.
    """
    measure = choose_measure(result)
    if (full_size := measure(result)) <= max_bytes:
        return TruncatedResult(result)
    available_bytes = max(max_bytes - notice_bytes, 2)
    truncator = _Truncator(measure)
    while True:
        part = truncator.truncate_value(result, full_size, available_bytes, ()) or _TruncatedValue({}, 2)
        excess_bytes = len(to_json_text(part.value).encode()) - (max_bytes - notice_bytes)
        if excess_bytes <= 0 or not part.value:
            return _build_truncated_result(result, part)
        available_bytes -= excess_bytes  # numbers can be longer in one way of writing than in the other


def _build_truncated_result(result: Json, truncated: _TruncatedValue) -> TruncatedResult:
    shown: Json = truncated.value
    if truncated.cuts or shown.get("next_page_token") != result.get("next_page_token"):
        shown = {name: value for name, value in shown.items() if name != "next_page_token"}
    cuts = [
        (path, Cut(_format_list_path(result, path), shown_count, total_count))
        for path, shown_count, total_count in truncated.cuts
    ]
    return TruncatedResult(
        shown,
        sum(cut.total_count - cut.shown_count for _, cut in cuts),
        tuple(cut for path, cut in cuts if path[:1] == ("data",)),
        tuple(format_path(path[1:]) for path in truncated.texts if path[0] == "data"),
        tuple(cut for path, cut in cuts if path[:1] != ("data",)),
        tuple(format_path(path) for path in truncated.texts if path[0] != "data"),
    )


def _format_list_path(result: Json, path: JsonPath) -> str:
    """The path of a list within `data`. A table's rows go by the name of the list that it stands for."""
    value: Any = result
    for step in path[:-1]:
        value = value[step]
    path = path[:-1] if path[-1:] == ("rows",) and is_table(value) else path
    return format_path(path[1:] if path[:1] == ("data",) else path)


def build_truncation_notice(truncated: TruncatedResult, result_id: str | None) -> Json:
    """What a result says of the parts that it leaves out, in at most `SPARE` bytes; nothing where it is whole.

    `result_id` is None where the answer could not be kept.
    """
    if truncated.is_complete:
        return {}
    notice: Json = {"left_out": truncated.left_out} if truncated.left_out else {}
    lists = [
        f"{_shorten_path(cut.path) or 'data'}: {cut.shown_count} of {cut.total_count}"
        for cut in (*truncated.cuts, *truncated.outer_cuts)[:MAX_NOTICE_PARTS]
    ]
    parts = [f"Shown of {', '.join(lists)}."] if lists else []
    if texts := (*truncated.shortened, *truncated.outer_shortened):
        parts.append(
            f"Shortened: {', '.join(map(_shorten_path, texts[:MAX_NOTICE_PARTS]))}"
            f"{', …' * (len(texts) > MAX_NOTICE_PARTS)}."
        )
    if result_id is None:
        return notice | {"note": " ".join([*parts, "Ask for less at once to see the rest."])}
    call = f"read_result with id {result_id}"
    first_cut = next(iter((*truncated.cuts, *truncated.outer_cuts)), None)
    if first_cut is not None and len(first_cut.path) <= MAX_NOTICE_PATH_CHARS:
        call += f", path {first_cut.path or 'data'}, offset {first_cut.shown_count}"
    return notice | {
        "result_id": result_id,
        "note": " ".join([*parts, f"To go on: {call}; save_result makes a CSV of it."]),
    }


def _shorten_path(path: str) -> str:
    return path if len(path) <= MAX_NOTICE_PATH_CHARS else path[: MAX_NOTICE_PATH_CHARS // 2] + "…"


@dataclass(slots=True)
class _TruncatedValue:
    """A value made to fit, its bytes, and what was done: lists cut at (kept, of), texts shortened at."""

    value: Any
    size: int
    cuts: list[tuple[JsonPath, int, int]] = field(default_factory=list)
    texts: list[JsonPath] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Truncator:
    """Every method answers None where nothing of a value fits; `size` was measured by the caller, once."""

    measure: Callable[[Any], int]

    def truncate_value(
        self, value: Any, size: int, max_bytes: int, path: JsonPath, *, within_item: bool = False
    ) -> _TruncatedValue | None:
        """As much of a value as there is room for; `inside` an item that should be kept as whole as can be."""
        if size <= max_bytes:
            return _TruncatedValue(value, size)
        if isinstance(value, str):
            return self._truncate_text(value, max_bytes, path)
        if not isinstance(value, list | dict) or max_bytes < 2:  # noqa: PLR2004 - two brackets
            return None
        if within_item and (part := self._shorten_texts(value, max_bytes, path)) is not None:
            return part
        return (
            self._truncate_list(value, max_bytes, path)
            if isinstance(value, list)
            else self._truncate_object(value, max_bytes, path, within_item=within_item)
        )

    def _truncate_list(self, value: list[Any], max_bytes: int, path: JsonPath) -> _TruncatedValue | None:
        part = _TruncatedValue([], 2)
        for item in value:
            size = self.measure(item) + bool(part.value)
            if part.size + size > max_bytes:
                break
            part.value.append(item)
            part.size += size
        if not part.value and max_bytes - 2 >= MIN_USEFUL_BYTES:
            first = self.truncate_value(value[0], size, max_bytes - 2, (*path, 0), within_item=True)
            if first is not None:
                part = _TruncatedValue([first.value], first.size + 2, first.cuts, first.texts)
        if len(part.value) < len(value):
            part.cuts.insert(0, (path, len(part.value), len(value)))
        return part

    def _truncate_object(
        self, value: Json, max_bytes: int, path: JsonPath, *, within_item: bool
    ) -> _TruncatedValue | None:
        """Small fields stay whole and large ones share what room they leave; too many are cut as a list is."""
        name_sizes = {name: self.measure(name) + 2 for name in value}  # with colon and comma
        value_sizes = {name: self.measure(inner) for name, inner in value.items()}
        remaining_bytes = max_bytes - 1 - sum(name_sizes.values())
        pending = sorted(value, key=lambda name: value_sizes[name])
        while pending and value_sizes[pending[0]] <= remaining_bytes // len(pending):
            remaining_bytes -= value_sizes[pending.pop(0)]
        if remaining_bytes < MIN_USEFUL_BYTES * len(pending):
            return self._take_first_fields(value, value_sizes, name_sizes, max_bytes, path)
        parts = {
            name: _TruncatedValue(inner, value_sizes[name]) for name, inner in value.items() if name not in pending
        }
        while pending:
            name = pending.pop(0)
            share = remaining_bytes // (len(pending) + 1)
            part = self.truncate_value(value[name], value_sizes[name], share, (*path, name), within_item=within_item)
            if part is not None:
                parts[name] = part
                remaining_bytes -= part.size
        return self._assemble_object(
            [(name, parts[name]) for name in value if name in parts], max_bytes - remaining_bytes, len(value), path
        )

    def _take_first_fields(
        self, value: Json, value_sizes: dict[str, int], name_sizes: dict[str, int], max_bytes: int, path: JsonPath
    ) -> _TruncatedValue:
        fields: list[tuple[str, _TruncatedValue]] = []
        used_bytes = 1
        for name, inner in value.items():
            size = name_sizes[name] + value_sizes[name]
            if used_bytes + size > max_bytes:
                break
            fields.append((name, _TruncatedValue(inner, value_sizes[name])))
            used_bytes += size
        if not fields and (remaining_bytes := max_bytes - 1 - name_sizes[name]) >= MIN_USEFUL_BYTES:
            first = self.truncate_value(inner, value_sizes[name], remaining_bytes, (*path, name), within_item=True)
            if first is not None:
                fields, used_bytes = [(name, first)], 1 + name_sizes[name] + first.size
        return self._assemble_object(fields, max(used_bytes, 2), len(value), path)

    def _assemble_object(
        self, parts: list[tuple[str, _TruncatedValue]], size: int, total_count: int, path: JsonPath
    ) -> _TruncatedValue:
        assembled = _TruncatedValue({name: part.value for name, part in parts}, size)
        if len(parts) < total_count:
            assembled.cuts.append((path, len(parts), total_count))
        for _, part in parts:
            assembled.cuts += part.cuts
            assembled.texts += part.texts
        return assembled

    def _truncate_text(self, value: str, max_bytes: int, path: JsonPath) -> _TruncatedValue | None:
        """The start of a text, and how long it is."""
        suffix = _format_length_note(value)
        if self.measure(suffix) > max_bytes:
            return None
        low, high = 0, min(len(value), max_bytes)
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(value[:middle] + suffix) <= max_bytes:
                low = middle
            else:
                high = middle - 1
        text = value[:low] + suffix
        return _TruncatedValue(text, self.measure(text), [], [path])

    def _shorten_texts(self, value: Any, max_bytes: int, path: JsonPath) -> _TruncatedValue | None:
        """The whole value with its long texts shortened, all to the same length and as little as will do."""
        part, max_chars = None, MIN_USEFUL_BYTES
        while max_chars <= max_bytes:
            shortener = _TextShortener(max_chars, max_bytes)
            try:
                shortened_value = shortener.shorten(value, path)
            except _TooLargeError:
                break
            if (size := self.measure(shortened_value)) > max_bytes:
                break
            part, max_chars = _TruncatedValue(shortened_value, size, [], shortener.texts), max_chars * 2
        return part


class _TooLargeError(Exception):
    """A value does not fit, however short its texts."""


def _format_length_note(text: str) -> str:
    return f"… [{len(text):,} characters in all]"


@dataclass(slots=True)
class _TextShortener:
    """Shortens texts to `most` characters; gives up where the rest alone is more than `room`, before it costs time."""

    max_chars: int
    remaining_bytes: int
    texts: list[JsonPath] = field(default_factory=list)

    def shorten(self, value: Any, path: JsonPath) -> Any:
        """The value with short texts; where they were longer is added to `texts`."""
        self.remaining_bytes -= 1
        if self.remaining_bytes < 0:
            raise _TooLargeError
        if isinstance(value, str) and len(value) > self.max_chars:
            self.texts.append(path)
            return value[: self.max_chars] + _format_length_note(value)
        if isinstance(value, list):
            return [self.shorten(item, (*path, place)) for place, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.shorten(inner, (*path, name)) for name, inner in value.items()}
        return value
