"""Reads one chunk of a large result at a time, so that following `next_offset` reads all of it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.results.field_notes import FieldNotes, describe_unknown_path
from mcp_server_tiktok_shop.calls.results.field_paths import build_fields_error, check_field_paths
from mcp_server_tiktok_shop.calls.results.json_sizes import choose_measure
from mcp_server_tiktok_shop.calls.results.projection import resolve_selection
from mcp_server_tiktok_shop.calls.results.tabular import is_table, to_table
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_paths import format_path, parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.json_paths import JsonPath

MAX_INLINE_VALUE_BYTES = 200  # of a value that is shown among the fields of an object too large to show
MAX_LISTED_FIELDS = 12
MAX_PATH_CHARS, MAX_PATH_STEPS = 4000, 200  # of `path`, which may lead through every level of what is stored
MAX_QUOTED_PATH_CHARS = 60  # of a wrong path or name in a message
HEADER_BYTES = 200  # for the counts beside a chunk


class ChunkRequest(Struct, frozen=True):
    """Which chunk to read: `fields` are dotted paths from where `path` leads.

    `offset` and `limit` count a list's items, a table's rows, a text's characters or an object's fields; `limit` is
    None for as many as fit.
    """

    path: str | None = None
    fields: Sequence[str] = ()
    offset: int = 0
    limit: int | None = None


def read_chunk(data: Any, request: ChunkRequest, max_bytes: int) -> Json:
    """Read the chunk of `data` that is requested, in at most `max_bytes` (and always at least one step further).

    A list comes as `items` with its `total`; a table as `columns` and `rows`; a text as `text`, counted in characters;
    another value as `value`. An object that is too large comes as `values` (its small fields) and `parts` (what the
    others are, to be read by their path). `next_offset` is there as long as there is more; `in_parts` is the path of
    an item too large to be shown with others, or at all. `path` is there where it was chosen here.

    Raises:
        ShopError: `invalid_arguments`: there is no such path, offset or field.

    """
    check_field_paths(request.fields)
    steps, is_default = _choose_steps(data, request.path)
    value, steps = resolve_path(data, steps)
    chunk: Json = {"path": format_path(steps)} if is_default and steps else {}
    fields, selection = _select_fields(value, steps, request.fields)
    note = " ".join(FieldNotes(unknown=selection.unknown).to_texts())
    measure = choose_measure(data)
    remaining_bytes = max_bytes - HEADER_BYTES - measure(note)
    chunk |= _ChunkReader(measure, remaining_bytes, request, steps, fields, selection).read(value)
    notes = " ".join(filter(None, [chunk.get("note"), note]))
    return chunk | ({"note": notes} if notes else {})


def _choose_steps(data: Any, path: str | None) -> tuple[JsonPath, bool]:
    """The steps of the path, or of the default one, and whether it is that: to the only list in the data."""
    if path is not None:
        steps = parse_path(path) if len(path) <= MAX_PATH_CHARS else None
        if steps is None or len(steps) > MAX_PATH_STEPS:
            message = f"{path[:MAX_QUOTED_PATH_CHARS]!r} is not a path"
            raise _build_argument_error("path", message, "such as orders[3].line_items")
        has_data_field = isinstance(data, dict) and "data" in data
        return (steps[1:] if steps[:1] == ("data",) and not has_data_field else steps), False
    lists = [name for name, value in data.items() if isinstance(value, list)] if isinstance(data, dict) else []
    tables = [name for name, value in data.items() if is_table(value)] if isinstance(data, dict) else []
    candidates = [*lists, *tables]
    return ((candidates[0],) if len(candidates) == 1 else ()), True


def resolve_path(data: Any, steps: JsonPath) -> tuple[Any, JsonPath]:
    """Follow the steps to a value, and return it with its own steps: those of a table's rows lead to the table.

    Raises:
        ShopError: `invalid_arguments`: there is no such field or item; the nearest right path stands beside it.

    """
    value = data
    for depth, step in enumerate(steps):
        parent_path = steps[:depth]
        if is_table(value) and step == "rows" and depth == len(steps) - 1:
            return value, parent_path
        if isinstance(step, int):
            value = _get_item(value, step, parent_path, steps[depth + 1 :])
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise _build_missing_field_error(value, step, parent_path, steps[depth + 1 :])
    return value, steps


def _get_item(value: Any, index: int, parent_path: JsonPath, remaining_steps: JsonPath) -> Any:
    location = format_path(parent_path) or "data"
    if is_table(value):
        suggestion = format_path((*parent_path, "rows", index, *remaining_steps))
        raise _build_argument_error("path", f"{location} is a table; did you mean {suggestion}?", suggestion)
    if not isinstance(value, list):
        raise _build_argument_error("path", f"{location} is {describe_value(value)}: it has no items", location)
    if index >= len(value):
        raise _build_argument_error(
            "path", f"{location} has {len(value)} items, counted from 0", f"0-{len(value) - 1}" if value else "no items"
        )
    return value[index]


def _build_missing_field_error(value: Any, name: str, parent_path: JsonPath, remaining_steps: JsonPath) -> ShopError:
    location = format_path(parent_path) or "data"
    if isinstance(value, list) and value:
        suggestion = format_path((*parent_path, 0, name, *remaining_steps))
        message = f"{location} is a list: name one of its items, such as {suggestion}, or read {location} with fields"
        return _build_argument_error("path", message, suggestion)
    if not isinstance(value, dict):
        message = f"{location} is {describe_value(value)}: there is no {name[:MAX_QUOTED_PATH_CHARS]!r} in it"
        return _build_argument_error("path", message, location)
    message = f"{location} has no field {name[:MAX_QUOTED_PATH_CHARS]!r}"
    matches = get_close_matches(name, value, n=1)
    if matches:
        suggestion = format_path((*parent_path, matches[0], *remaining_steps))
        return _build_argument_error("path", f"{message}; did you mean {suggestion}?", suggestion)
    paths = [format_path((*parent_path, known_name)) for known_name in list(value)[:MAX_LISTED_FIELDS]]
    paths += ["…"] * (len(value) > MAX_LISTED_FIELDS)
    return _build_argument_error("path", message, ", ".join(paths) or "it is empty")


def _build_argument_error(argument: str, message: str, allowed: str) -> ShopError:
    hint = 'path "data" shows what there is.' if argument == "path" else "Correct it and call again."
    problem = Problem(argument, message, allowed)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))


def describe_value(value: Any) -> str:
    """Describe what a value is and how large, in a few words: "a list of 3 items"."""
    if is_table(value):
        return f"a table of {len(value['rows'])} rows"
    if isinstance(value, list):
        return f"a list of {len(value)} items"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    return "a plain value"


class _ChunkReader(Struct, frozen=True):
    measure: Callable[[Any], int]
    max_bytes: int
    request: ChunkRequest
    steps: JsonPath
    fields: Sequence[str]
    selection: Selection

    def read(self, value: Any) -> Json:
        if is_table(value):
            return self._read_table(value)
        if self.fields and isinstance(value, list):
            items = self.selection.project(value[self.request.offset : self._resolve_end(len(value))])
            return self._read_projected_items(items, len(value))
        value = self.selection.project(value)
        if isinstance(value, list):
            items = value[self.request.offset : self._resolve_end(len(value))]
            return self._read_items("items", items, len(value), self.steps)
        if isinstance(value, str):
            return self._read_text(value)
        is_paged = self.request.offset or self.request.limit
        if isinstance(value, dict) and (is_paged or self.measure(value) > self.max_bytes):
            return self._read_outline(value)
        self._resolve_end(1)
        return {"value": value}

    def _resolve_end(self, total: int) -> int:
        """The offset at which the requested chunk ends."""
        if self.request.offset and self.request.offset >= total:
            message = f"is {self.request.offset}, and there are {total} in all, counted from 0"
            raise _build_argument_error("offset", message, f"0-{total - 1}" if total else "0")
        return total if self.request.limit is None else min(total, self.request.offset + self.request.limit)

    def _read_projected_items(self, items: list[Any], total: int) -> Json:
        """Read fields of a list's items: as a table where they are plain."""
        table = to_table({"items": items}, [f"items.{field}" for field in self.fields])
        if table is None:
            return self._read_items("items", items, total, self.steps)
        columns = {"columns": table["items"]["columns"]}
        return self._read_items("rows", table["items"]["rows"], total, self.steps, columns)

    def _read_table(self, table: Json) -> Json:
        columns, rows = table["columns"], table["rows"]
        column_indexes = list(
            dict.fromkeys(index for field in self.fields or ["*"] for index in _find_columns(columns, field))
        )
        selected_rows = rows[self.request.offset : self._resolve_end(len(rows))]
        selected_rows = [[row[index] for index in column_indexes] for row in selected_rows]
        header = {"columns": [columns[index] for index in column_indexes]}
        return self._read_items("rows", selected_rows, len(rows), (*self.steps, "rows"), header)

    def _read_items(self, name: str, items: list[Any], total: int, steps: JsonPath, header: Json | None = None) -> Json:
        header = header or {}
        fitting_count = self._count_fitting_items(items, self.max_bytes - self.measure(header))
        chunk: Json = {"total": total}
        end = self.request.offset + fitting_count
        if items and not fitting_count:
            chunk["in_parts"] = format_path((*steps, self.request.offset))
            chunk["note"] = "That item alone is too large: read it by this path."
            end += 1
        if end < total:
            chunk["next_offset"] = end
        return chunk | header | {name: items[:fitting_count]}

    def _count_fitting_items(self, items: list[Any], remaining_bytes: int) -> int:
        for count, item in enumerate(items):
            remaining_bytes -= self.measure(item) + 1
            if remaining_bytes < 0:
                return count
        return len(items)

    def _read_text(self, text: str) -> Json:
        available_text = text[self.request.offset : self._resolve_end(len(text))]
        low = min(1, len(available_text))
        high = max(low, min(len(available_text), self.max_bytes))
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(available_text[:middle]) <= self.max_bytes:
                low = middle
            else:
                high = middle - 1
        end = self.request.offset + low
        return {"total": len(text)} | ({"next_offset": end} if end < len(text) else {}) | {"text": available_text[:low]}

    def _read_outline(self, value: Json) -> Json:
        """Read the fields of an object: the small ones whole, of the others what they are."""
        values: Json = {}
        parts: Json = {}
        remaining_bytes = self.max_bytes
        names = list(value)
        end = self.request.offset
        for name in names[end : self._resolve_end(len(names))]:
            inner = value[name]
            entry = inner if self.measure(inner) <= MAX_INLINE_VALUE_BYTES else describe_value(inner)
            remaining_bytes -= self.measure(name) + self.measure(entry) + 2
            if remaining_bytes < 0 and end > self.request.offset:
                break
            (values if entry is inner else parts)[name] = entry
            end += 1
        chunk: Json = {"total": len(names)} | ({"next_offset": end} if end < len(names) else {})
        return chunk | ({"values": values} if values else {}) | ({"parts": parts} if parts else {})


def _select_fields(value: Any, steps: JsonPath, fields: Sequence[str]) -> tuple[Sequence[str], Selection]:
    """The fields from here on that the value has, none for all; and the selection, which names the unknown ones.

    Raises:
        ShopError: `invalid_arguments`: the value has none of them.

    """
    fields = _to_relative_fields(value, steps, fields)
    if not is_table(value):
        selection = resolve_selection(fields, {}, value)
        return selection.fields, selection
    columns = value["columns"]
    known = [field for field in fields if _find_columns(columns, field)]
    if fields and not known:
        raise _build_columns_error(columns, fields)
    unknown = (describe_unknown_path(f, _suggest_column(columns, f)) for f in fields if f not in known)
    return known, replace(resolve_selection([], {}, value), unknown=tuple(unknown))


def _to_relative_fields(value: Any, steps: JsonPath, fields: Sequence[str]) -> list[str]:
    """The fields from here on; of those that a model wrote from the top, as for the tool itself, the rest."""
    prefix = format_path(step for step in steps if isinstance(step, str)) + "."
    rows = value["columns"] if is_table(value) else value if isinstance(value, list) else [value]
    is_relative = any(name in row for row in rows if isinstance(row, dict | str) for name in steps[:1])
    return [field if is_relative else field.strip().removeprefix(prefix) for field in fields]


def _find_columns(columns: list[str], field: str) -> list[int]:
    """The indexes of the columns that a field names: one, or those of all fields below it; none where there is none."""
    return [i for i, column in enumerate(columns) if field in (column, "*") or column.startswith(f"{field}.")]


def _suggest_column(columns: list[str], field: str) -> str:
    return next(iter(get_close_matches(field[:MAX_PATH_CHARS], columns, n=1)), "")


def _build_columns_error(columns: list[str], fields: Sequence[str]) -> ShopError:
    """Make the error of fields of which none is a column."""
    problems = []
    for index, field in enumerate(fields):
        suggestion = _suggest_column(columns, field)
        did_you_mean = f"; did you mean {suggestion}?" if suggestion else ""
        message = f"{field[:MAX_QUOTED_PATH_CHARS]!r} is no column{did_you_mean}"
        problems.append(Problem(f"fields[{index}]", message, suggestion or ", ".join(columns)))
    return build_fields_error(problems)
