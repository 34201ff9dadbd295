"""Truncates a result to what fits: whole items in order, with a count of those left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.results.json_sizes import measure_whole, to_json_text
from mcp_server_tiktok_shop.calls.results.tabular import is_table
from mcp_server_tiktok_shop.json_paths import format_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.json_paths import JsonPath

TRUNCATION_NOTICE_BYTES = 600  # for what a result says of what it leaves out
MIN_USEFUL_BYTES = 200  # and characters of a text: less of a value than this is of no use
MAX_NOTICE_PARTS, MAX_NOTICE_PATH_CHARS = 3, 60  # lists that a note names, and characters of a path in it


class Cut(NamedTuple):
    """A list (or an object of too many fields) of which only the first are shown; `path` is its formatted path."""

    path: str
    shown_count: int
    total_count: int


class TruncatedResult(Struct, frozen=True):
    """A result that fits. Paths in `cuts` and `shortened` are within `data`; those in `outer_…` stand beside it."""

    result: Json
    left_out: int = 0  # items of all lists together
    cuts: tuple[Cut, ...] = ()
    shortened: tuple[str, ...] = ()
    outer_cuts: tuple[Cut, ...] = ()
    outer_shortened: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left out."""
        return not (self.cuts or self.shortened or self.outer_cuts or self.outer_shortened)


def truncate(result: Json, max_bytes: int, notice_bytes: int = TRUNCATION_NOTICE_BYTES) -> TruncatedResult:
    """Truncate a result to `max_bytes`, of which `notice_bytes` are reserved for the notice where it doesn't fit whole.

    Of lists the first items stay, whole; only where not even the first one fits is it truncated itself: its long texts
    are shortened, with a note of their length, then its lists are cut. Where a list was cut, `next_page_token` is
    dropped: it would skip what is not shown.
    """
    measure, full_size = measure_whole(result)
    if full_size <= max_bytes:
        return TruncatedResult(result)
    available_bytes = max(max_bytes - notice_bytes, 2)
    truncator = _Truncator(measure)
    while True:
        truncated = truncator.truncate_value(result, full_size, available_bytes, ()) or _TruncatedValue({}, 2)
        excess_bytes = len(to_json_text(truncated.value).encode()) - (max_bytes - notice_bytes)
        if excess_bytes <= 0 or not truncated.value:
            return _build_truncated_result(result, truncated)
        available_bytes -= excess_bytes  # numbers can be longer in one way of writing than in the other


def _build_truncated_result(result: Json, truncated: _TruncatedValue) -> TruncatedResult:
    truncated_result: Json = truncated.value
    if truncated.cuts or truncated_result.get("next_page_token") != result.get("next_page_token"):
        truncated_result = {name: value for name, value in truncated_result.items() if name != "next_page_token"}
    cuts = [
        (path, Cut(_format_list_path(result, path), shown_count, total_count))
        for path, shown_count, total_count in truncated.cuts
    ]
    return TruncatedResult(
        truncated_result,
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
    """Build what a result says of what it leaves out: `left_out`, `result_id`, `note`; empty where it is complete.

    It takes at most `TRUNCATION_NOTICE_BYTES`. `result_id` is None where the whole result could not be stored.
    """
    if truncated.is_complete:
        return {"result_id": result_id} if result_id else {}
    notice: Json = {"left_out": truncated.left_out} if truncated.left_out else {}
    lists = [
        f"{_shorten_path(cut.path) or 'data'}: {cut.shown_count} of {cut.total_count}"
        for cut in (*truncated.cuts, *truncated.outer_cuts)[:MAX_NOTICE_PARTS]
    ]
    sentences = [f"Shown of {', '.join(lists)}."] if lists else []
    if texts := (*truncated.shortened, *truncated.outer_shortened):
        sentences.append(
            f"Shortened: {', '.join(map(_shorten_path, texts[:MAX_NOTICE_PARTS]))}"
            f"{', …' * (len(texts) > MAX_NOTICE_PARTS)}."
        )
    if result_id is None:
        return notice | {"note": " ".join([*sentences, "Ask for less at once to see the rest."])}
    call = f"read_result with id {result_id}"
    first_cut = next(iter((*truncated.cuts, *truncated.outer_cuts)), None)
    if first_cut is not None and len(first_cut.path) <= MAX_NOTICE_PATH_CHARS:
        call += f", path {first_cut.path or 'data'}, offset {first_cut.shown_count}"
    return notice | {
        "result_id": result_id,
        "note": " ".join([*sentences, f"To go on: {call}; save_result makes a file of it."]),
    }


def _shorten_path(path: str) -> str:
    return path if len(path) <= MAX_NOTICE_PATH_CHARS else path[: MAX_NOTICE_PATH_CHARS // 2] + "…"


class _TruncatedValue(Struct):
    """A value that fits, its bytes, and what was done to it."""

    value: Any
    size: int
    cuts: list[tuple[JsonPath, int, int]] = field(default_factory=list)  # of a list: items shown, items in all
    texts: list[JsonPath] = field(default_factory=list)  # that were shortened


class _Truncator(Struct, frozen=True):
    """Truncates values to bytes. A method gives None where nothing of a value fits; its caller measures `size`."""

    measure: Callable[[Any], int]

    def truncate_value(
        self, value: Any, size: int, max_bytes: int, path: JsonPath, *, within_item: bool = False
    ) -> _TruncatedValue | None:
        """As much of a value as fits; `within_item`, shortening long texts comes before cutting lists."""
        if size <= max_bytes:
            return _TruncatedValue(value, size)
        if isinstance(value, str):
            return self._truncate_text(value, max_bytes, path)
        if not isinstance(value, list | dict) or max_bytes < 2:  # noqa: PLR2004 - two brackets
            return None
        if within_item and (shortened := self._shorten_texts(value, max_bytes, path)) is not None:
            return shortened
        return (
            self._truncate_list(value, max_bytes, path)
            if isinstance(value, list)
            else self._truncate_object(value, size, max_bytes, path, within_item=within_item)
        )

    def _truncate_list(self, value: list[Any], max_bytes: int, path: JsonPath) -> _TruncatedValue | None:
        truncated = _TruncatedValue([], 2)
        for item in value:
            size = self.measure(item) + bool(truncated.value)
            if truncated.size + size > max_bytes:
                break
            truncated.value.append(item)
            truncated.size += size
        if not truncated.value and max_bytes - 2 >= MIN_USEFUL_BYTES:
            first = self.truncate_value(value[0], size, max_bytes - 2, (*path, 0), within_item=True)
            if first is not None:
                truncated = _TruncatedValue([first.value], first.size + 2, first.cuts, first.texts)
        if len(truncated.value) < len(value):
            truncated.cuts.insert(0, (path, len(truncated.value), len(value)))
        return truncated

    def _truncate_object(
        self, value: Json, size: int, max_bytes: int, path: JsonPath, *, within_item: bool
    ) -> _TruncatedValue | None:
        """Small fields stay whole and large ones share the bytes that they leave; too many are cut as a list is."""
        name_sizes = {name: self.measure(name) + 2 for name in value}  # with colon and comma
        value_sizes = self._measure_fields(value, size - 1 - sum(name_sizes.values()))
        remaining_bytes = max_bytes - 1 - sum(name_sizes.values())
        pending = sorted(value, key=lambda name: value_sizes[name])
        while pending and value_sizes[pending[0]] <= remaining_bytes // len(pending):
            remaining_bytes -= value_sizes[pending.pop(0)]
        if remaining_bytes < MIN_USEFUL_BYTES * len(pending):
            return self._take_first_fields(value, value_sizes, name_sizes, max_bytes, path)
        fields = {
            name: _TruncatedValue(inner, value_sizes[name]) for name, inner in value.items() if name not in pending
        }
        while pending:
            name = pending.pop(0)
            share = remaining_bytes // (len(pending) + 1)
            field_path = (*path, name)
            truncated = self.truncate_value(value[name], value_sizes[name], share, field_path, within_item=within_item)
            if truncated is not None:
                fields[name] = truncated
                remaining_bytes -= truncated.size
        return self._assemble_object(
            [(name, fields[name]) for name in value if name in fields], max_bytes - remaining_bytes, len(value), path
        )

    def _measure_fields(self, value: Json, total: int) -> dict[str, int]:
        """The bytes of each value in an object, of all of which the total is known: the first nest is what is left."""
        nest = next((name for name, inner in value.items() if isinstance(inner, list | dict)), None)
        sizes = {name: 0 if name == nest else self.measure(inner) for name, inner in value.items()}
        if nest is not None:
            sizes[nest] = total - sum(sizes.values())
        return sizes

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
        self, fields: list[tuple[str, _TruncatedValue]], size: int, total_count: int, path: JsonPath
    ) -> _TruncatedValue:
        truncated = _TruncatedValue({name: inner.value for name, inner in fields}, size)
        if len(fields) < total_count:
            truncated.cuts.append((path, len(fields), total_count))
        for _, inner in fields:
            truncated.cuts += inner.cuts
            truncated.texts += inner.texts
        return truncated

    def _truncate_text(self, value: str, max_bytes: int, path: JsonPath) -> _TruncatedValue | None:
        """The start of a text, and a note of its length."""
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
        """The whole value with its long texts shortened, all to the same length, and no more than is needed."""
        truncated, max_chars = None, MIN_USEFUL_BYTES
        while max_chars <= max_bytes:
            shortener = _TextShortener(max_chars, max_bytes)
            try:
                shortened_value = shortener.shorten(value, path)
            except _TooLargeError:
                break
            if (size := self.measure(shortened_value)) > max_bytes:
                break
            truncated, max_chars = _TruncatedValue(shortened_value, size, [], shortener.texts), max_chars * 2
        return truncated


class _TooLargeError(Exception):
    """A value does not fit, however short its texts."""


def _format_length_note(text: str) -> str:
    return f"… [{len(text):,} characters in all]"


class _TextShortener(Struct):
    """Shortens texts to `max_chars`; gives up where a value has more parts than `remaining_bytes`, to save time."""

    max_chars: int
    remaining_bytes: int
    texts: list[JsonPath] = field(default_factory=list)

    def shorten(self, value: Any, path: JsonPath) -> Any:
        """The value with short texts; the paths of those that were longer are added to `texts`.

        Raises:
            _TooLargeError: The value can't fit, however short its texts.

        """
        self.remaining_bytes -= 1
        if self.remaining_bytes < 0:
            raise _TooLargeError
        if isinstance(value, str) and len(value) > self.max_chars:
            self.texts.append(path)
            return value[: self.max_chars] + _format_length_note(value)
        if isinstance(value, list):
            return [self.shorten(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.shorten(inner, (*path, name)) for name, inner in value.items()}
        return value
