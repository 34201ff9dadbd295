"""Writes a result as text, and takes of it what fits: whole items, in order, with a count of what is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from mcp_server_tiktok_shop.calls.results.json_paths import Step, write_path
from mcp_server_tiktok_shop.calls.results.tabular import is_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json

SPARE = 600  # bytes for what is said of the parts left out
THIN = 200  # bytes, and characters of a text: less of a value than this is of no use
NAMED, LONGEST_PATH = 3, 60  # parts that a note names, and characters of a path in it
At = tuple[Step, ...]


class Cut(NamedTuple):
    """A list (or an object of too many fields) of which only the first `kept` of `of` are shown."""

    path: str
    kept: int
    of: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A result that fits. Paths in `cuts` and `shortened` are within `data`, those `…beside` it outside of it."""

    told: Json
    left_out: int = 0
    cuts: tuple[Cut, ...] = ()
    shortened: tuple[str, ...] = ()
    beside: tuple[Cut, ...] = ()
    shortened_beside: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return not (self.cuts or self.shortened or self.beside or self.shortened_beside)


def written(told: Any) -> str:
    """The text of a result: compact JSON, names as they are."""
    try:
        return to_json(told).decode()
    except ValueError:  # half a character in the platform's data can only be written as its escape
        return _escaped(told)


def _escaped(told: Any) -> str:
    return json.dumps(told, separators=(",", ":"))


def measure_for(whole: Any) -> Callable[[Any], int]:
    """How many bytes a part of this value takes in the text of a result."""
    try:
        to_json(whole)
    except ValueError:
        return lambda part: len(_escaped(part))
    return lambda part: len(to_json(part))


def fitted(told: Json, budget: int, spare: int = SPARE) -> Fitted:
    """The result, or as much of it as `budget` bytes hold beside `spare` bytes for what is then said of the rest.

    Of lists the first items stay, whole; only where not even the first one fits is it gone into: its long texts are
    shortened, with their length told, then its lists cut. Where something was left out, `next_page_token` is taken
    away: it would skip what is not shown.
    """
    size = measure_for(told)
    if (all_of_it := size(told)) <= budget:
        return Fitted(told)
    room = max(budget - spare, 2)
    fitting = _Fitting(size)
    while True:
        part = fitting.part(told, all_of_it, room, ()) or _Part({}, 2)
        over = len(written(part.value).encode()) - (budget - spare)
        if over <= 0 or not part.value:
            return _fitted(told, part)
        room -= over  # numbers can be longer in one way of writing than in the other


def _fitted(told: Json, part: _Part) -> Fitted:
    made: Json = part.value
    if part.cuts or made.get("next_page_token") != told.get("next_page_token"):
        made = {name: value for name, value in made.items() if name != "next_page_token"}
    cuts = [(at, Cut(_list_path(told, at), kept, of)) for at, kept, of in part.cuts]
    return Fitted(
        made,
        sum(cut.of - cut.kept for _, cut in cuts),
        tuple(cut for at, cut in cuts if at[:1] == ("data",)),
        tuple(write_path(at[1:]) for at in part.texts if at[0] == "data"),
        tuple(cut for at, cut in cuts if at[:1] != ("data",)),
        tuple(write_path(at) for at in part.texts if at[0] != "data"),
    )


def _list_path(told: Json, at: At) -> str:
    """The path of a list within `data`. A table's rows go by the name of the list that it stands for."""
    value: Any = told
    for step in at[:-1]:
        value = value[step]
    at = at[:-1] if at[-1:] == ("rows",) and is_table(value) else at
    return write_path(at[1:] if at[:1] == ("data",) else at)


def rest(of: Fitted, result_id: str | None) -> Json:
    """What a result says of the parts that it leaves out, in at most `SPARE` bytes; nothing where it is whole.

    `result_id` is None where the answer could not be kept.
    """
    if of.whole:
        return {}
    told: Json = {"left_out": of.left_out} if of.left_out else {}
    lists = [f"{_start(cut.path) or 'data'}: {cut.kept} of {cut.of}" for cut in (*of.cuts, *of.beside)[:NAMED]]
    parts = [f"Shown of {', '.join(lists)}."] if lists else []
    if texts := (*of.shortened, *of.shortened_beside):
        parts.append(f"Shortened: {', '.join(map(_start, texts[:NAMED]))}{', …' * (len(texts) > NAMED)}.")
    if result_id is None:
        return told | {"note": " ".join([*parts, "Ask for less at once to see the rest."])}
    call = f"read_result with id {result_id}"
    first = next(iter((*of.cuts, *of.beside)), None)
    if first is not None and len(first.path) <= LONGEST_PATH:
        call += f", path {first.path or 'data'}, offset {first.kept}"
    return told | {
        "result_id": result_id,
        "note": " ".join([*parts, f"To go on: {call}; save_result makes a CSV of it."]),
    }


def _start(path: str) -> str:
    return path if len(path) <= LONGEST_PATH else path[: LONGEST_PATH // 2] + "…"


@dataclass(slots=True)
class _Part:
    """A value made to fit, its bytes, and what was done: lists cut at (kept, of), texts shortened at."""

    value: Any
    size: int
    cuts: list[tuple[At, int, int]] = field(default_factory=list)
    texts: list[At] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Every method answers None where nothing of a value fits; `size` was measured by the caller, once."""

    measure: Callable[[Any], int]

    def part(self, value: Any, size: int, room: int, at: At, *, inside: bool = False) -> _Part | None:
        """As much of a value as there is room for; `inside` an item that should be kept as whole as can be."""
        if size <= room:
            return _Part(value, size)
        if isinstance(value, str):
            return self._text(value, room, at)
        if not isinstance(value, list | dict) or room < 2:  # noqa: PLR2004 - two brackets
            return None
        if inside and (part := self._with_short_texts(value, room, at)) is not None:
            return part
        return self._list(value, room, at) if isinstance(value, list) else self._fields(value, room, at, inside=inside)

    def _list(self, value: list[Any], room: int, at: At) -> _Part | None:
        part = _Part([], 2)
        for item in value:
            size = self.measure(item) + bool(part.value)
            if part.size + size > room:
                break
            part.value.append(item)
            part.size += size
        if not part.value and room - 2 >= THIN:
            first = self.part(value[0], size, room - 2, (*at, 0), inside=True)
            if first is not None:
                part = _Part([first.value], first.size + 2, first.cuts, first.texts)
        if len(part.value) < len(value):
            part.cuts.insert(0, (at, len(part.value), len(value)))
        return part

    def _fields(self, value: Json, room: int, at: At, *, inside: bool) -> _Part | None:
        """Small fields stay whole and large ones share what room they leave; too many are cut as a list is."""
        names = {name: self.measure(name) + 2 for name in value}  # with colon and comma
        sizes = {name: self.measure(inner) for name, inner in value.items()}
        left = room - 1 - sum(names.values())
        waiting = sorted(value, key=lambda name: sizes[name])
        while waiting and sizes[waiting[0]] <= left // len(waiting):
            left -= sizes[waiting.pop(0)]
        if left < THIN * len(waiting):
            return self._first_fields(value, sizes, names, room, at)
        parts = {name: _Part(inner, sizes[name]) for name, inner in value.items() if name not in waiting}
        while waiting:
            name = waiting.pop(0)
            share = left // (len(waiting) + 1)
            part = self.part(value[name], sizes[name], share, (*at, name), inside=inside)
            if part is not None:
                parts[name] = part
                left -= part.size
        return self._together([(name, parts[name]) for name in value if name in parts], room - left, len(value), at)

    def _first_fields(self, value: Json, sizes: dict[str, int], names: dict[str, int], room: int, at: At) -> _Part:
        kept: list[tuple[str, _Part]] = []
        used = 1
        for name, inner in value.items():
            size = names[name] + sizes[name]
            if used + size > room:
                break
            kept.append((name, _Part(inner, sizes[name])))
            used += size
        if not kept and (left := room - 1 - names[name]) >= THIN:
            first = self.part(inner, sizes[name], left, (*at, name), inside=True)
            if first is not None:
                kept, used = [(name, first)], 1 + names[name] + first.size
        return self._together(kept, max(used, 2), len(value), at)

    def _together(self, parts: list[tuple[str, _Part]], size: int, of: int, at: At) -> _Part:
        made = _Part({name: part.value for name, part in parts}, size)
        if len(parts) < of:
            made.cuts.append((at, len(parts), of))
        for _, part in parts:
            made.cuts += part.cuts
            made.texts += part.texts
        return made

    def _text(self, value: str, room: int, at: At) -> _Part | None:
        """The start of a text, and how long it is."""
        end = _length_told(value)
        if self.measure(end) > room:
            return None
        low, high = 0, min(len(value), room)
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(value[:middle] + end) <= room:
                low = middle
            else:
                high = middle - 1
        text = value[:low] + end
        return _Part(text, self.measure(text), [], [at])

    def _with_short_texts(self, value: Any, room: int, at: At) -> _Part | None:
        """The whole value with its long texts shortened, all to the same length and as little as will do."""
        part, most = None, THIN
        while most <= room:
            shortening = _Shortening(most, room)
            try:
                short = shortening.of(value, at)
            except _TooLargeError:
                break
            if (size := self.measure(short)) > room:
                break
            part, most = _Part(short, size, [], shortening.texts), most * 2
        return part


class _TooLargeError(Exception):
    """A value does not fit, however short its texts."""


def _length_told(text: str) -> str:
    return f"… [{len(text):,} characters in all]"


@dataclass(slots=True)
class _Shortening:
    """Shortens texts to `most` characters; gives up where the rest alone is more than `room`, before it costs time."""

    most: int
    room: int
    texts: list[At] = field(default_factory=list)

    def of(self, value: Any, at: At) -> Any:
        """The value with short texts; where they were longer is added to `texts`."""
        self.room -= 1
        if self.room < 0:
            raise _TooLargeError
        if isinstance(value, str) and len(value) > self.most:
            self.texts.append(at)
            return value[: self.most] + _length_told(value)
        if isinstance(value, list):
            return [self.of(item, (*at, place)) for place, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.of(inner, (*at, name)) for name, inner in value.items()}
        return value
