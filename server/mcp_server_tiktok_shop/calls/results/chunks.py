"""Gives one part of a large answer at a time, so that following `next_offset` reads all of it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.json_paths import Step, read_path, write_path
from mcp_server_tiktok_shop.calls.results.projection import selection
from mcp_server_tiktok_shop.calls.results.tabular import as_table, is_table
from mcp_server_tiktok_shop.calls.results.truncation import measure_for
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

SMALL = 200  # bytes up to which a value is shown among the fields of an object too large to show
NAMED = 12
HEAD = 200  # bytes for the counts beside a part
Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which part is wanted. `fields` start at what the path names; `limit` is None for as much as there is room."""

    path: str | None = None
    fields: Sequence[str] = ()
    offset: int = 0
    limit: int | None = None


def part(data: Any, wish: Wish, room: int) -> Json:
    """The part of `data` that is wanted, in at most `room` bytes (and always at least one step further).

    A list comes as `items` with its `total`; a table as `columns` and `rows`; a text as `text`, counted in characters;
    another value as `value`. An object that is too large comes as `values` (its small fields) and `parts` (what the
    others are, to be read by their path). `next_offset` is there as long as there is more; `in_parts` is the path of
    an item too large to be shown with others, or at all.

    Raises:
        ShopError: `invalid_arguments`: there is no such path, offset or field.

    """
    steps, defaulted = _steps(data, wish.path)
    value, steps = found(data, steps)
    told: Json = {"path": write_path(steps)} if defaulted and steps else {}
    return told | _Reader(measure_for(data), room - HEAD, wish, steps).read(value)


def _steps(data: Any, path: str | None) -> tuple[Steps, bool]:
    """The steps to take, and whether they were chosen here: to the one list that an answer is about."""
    if path is not None:
        steps = read_path(path)
        if steps is None:
            raise _wrong("path", f"{path[:60]!r} is not a path", "such as orders[3].line_items")
        inside = isinstance(data, dict) and "data" in data
        return (steps[1:] if steps[:1] == ("data",) and not inside else steps), False
    lists = [name for name, value in data.items() if isinstance(value, list)] if isinstance(data, dict) else []
    tables = [name for name, value in data.items() if is_table(value)] if isinstance(data, dict) else []
    only = [*lists, *tables]
    return ((only[0],) if len(only) == 1 else ()), True


def found(data: Any, steps: Steps) -> tuple[Any, Steps]:
    """What is at the end of the steps. The rows of a table, named as such, are the table."""
    at = data
    for depth, step in enumerate(steps):
        here = steps[:depth]
        if is_table(at) and step == "rows" and depth == len(steps) - 1:
            return at, here
        if isinstance(step, int):
            at = _item(at, step, here, steps[depth + 1 :])
        elif isinstance(at, dict) and step in at:
            at = at[step]
        else:
            raise _no_field(at, step, here, steps[depth + 1 :])
    return at, steps


def _item(at: Any, place: int, here: Steps, after: Steps) -> Any:
    where = write_path(here) or "data"
    if is_table(at):
        right = write_path((*here, "rows", place, *after))
        raise _wrong("path", f"{where} is a table; did you mean {right}?", right)
    if not isinstance(at, list):
        raise _wrong("path", f"{where} is {what(at)}: it has no items", where)
    if place >= len(at):
        raise _wrong("path", f"{where} has {len(at)} items, counted from 0", f"0-{len(at) - 1}" if at else "no items")
    return at[place]


def _no_field(at: Any, name: str, here: Steps, after: Steps) -> ShopError:
    where = write_path(here) or "data"
    if isinstance(at, list) and at:
        right = write_path((*here, 0, name, *after))
        told = f"{where} is a list: name one of its items, such as {right}, or read {where} with fields"
        return _wrong("path", told, right)
    if not isinstance(at, dict):
        return _wrong("path", f"{where} is {what(at)}: there is no {name[:60]!r} in it", where)
    near = get_close_matches(name, at, n=1, cutoff=0.6)
    if near:
        right = write_path((*here, near[0], *after))
        return _wrong("path", f"{where} has no field {name[:60]!r}; did you mean {right}?", right)
    names = [write_path((*here, known)) for known in list(at)[:NAMED]] + ["…"] * (len(at) > NAMED)
    return _wrong("path", f"{where} has no field {name[:60]!r}", ", ".join(names) or "it is empty")


def _wrong(argument: str, message: str, allowed: str) -> ShopError:
    hint = 'path "data" shows what there is.' if argument == "path" else "Correct it and call again."
    problem = Problem(argument, message, allowed)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))


def what(value: Any) -> str:
    """What a value is and how large, in a few words."""
    if is_table(value):
        return f"a table of {len(value['rows'])} rows"
    if isinstance(value, list):
        return f"a list of {len(value)} items"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    return "a plain value"


@dataclass(frozen=True, slots=True)
class _Reader:
    measure: Callable[[Any], int]
    room: int
    wish: Wish
    steps: Steps

    def read(self, value: Any) -> Json:
        if is_table(value):
            return self._table(value)
        if fields := self._fields(value):
            chosen = selection(fields, {}, value)
            if isinstance(value, list):
                return self._chosen(fields, chosen.of(value[self.wish.offset : self._end(len(value))]), len(value))
            value = chosen.of(value)
        if isinstance(value, list):
            return self._items("items", value[self.wish.offset : self._end(len(value))], len(value), self.steps)
        if isinstance(value, str):
            return self._text(value)
        paged = self.wish.offset or self.wish.limit
        if isinstance(value, dict) and (paged or self.measure(value) > self.room):
            return self._outline(value)
        self._end(1)
        return {"value": value}

    def _end(self, total: int) -> int:
        """Where the part wanted ends."""
        if self.wish.offset and self.wish.offset >= total:
            message = f"is {self.wish.offset}, and there are {total} in all, counted from 0"
            raise _wrong("offset", message, f"0-{total - 1}" if total else "0")
        return total if self.wish.limit is None else min(total, self.wish.offset + self.wish.limit)

    def _fields(self, value: Any) -> list[str]:
        """The fields from here on; those that a model wrote from the top, as for the tool itself, are shortened."""
        above = write_path(step for step in self.steps if isinstance(step, str)) + "."
        rows = value["columns"] if is_table(value) else value if isinstance(value, list) else [value]
        here = any(name in row for row in rows if isinstance(row, dict | str) for name in self.steps[:1])
        return [field if here else field.strip().removeprefix(above) for field in self.wish.fields]

    def _chosen(self, fields: list[str], items: list[Any], total: int) -> Json:
        """Fields of a list's items: a table where they are plain."""
        table = as_table({"items": items}, [f"items.{field}" for field in fields])
        if table is None:
            return self._items("items", items, total, self.steps)
        columns = {"columns": table["items"]["columns"]}
        return self._items("rows", table["items"]["rows"], total, self.steps, columns)

    def _table(self, table: Json) -> Json:
        columns, rows = table["columns"], table["rows"]
        wanted = list(range(len(columns)))
        if fields := self._fields(table):
            chosen = [_columns(columns, name, place) for place, name in enumerate(fields)]
            wanted = list(dict.fromkeys(index for indexes in chosen for index in indexes))
        part = rows[self.wish.offset : self._end(len(rows))]
        part = [[row[index] for index in wanted] for row in part] if fields else part
        head = {"columns": [columns[index] for index in wanted]}
        return self._items("rows", part, len(rows), (*self.steps, "rows"), head)

    def _items(self, name: str, items: list[Any], total: int, steps: Steps, head: Json | None = None) -> Json:
        head = head or {}
        left = self.room - self.measure(head)
        shown = self._fitting(items, left)
        first = self.wish.offset
        told: Json = {"total": total}
        end = first + shown
        if items and not shown:
            told["in_parts"] = write_path((*steps, first))
            told["note"] = "That item alone is too large: read it by this path."
            end += 1
        if end < total:
            told["next_offset"] = end
        return told | head | {name: items[:shown]}

    def _fitting(self, items: list[Any], left: int) -> int:
        for count, item in enumerate(items):
            left -= self.measure(item) + 1
            if left < 0:
                return count
        return len(items)

    def _text(self, text: str) -> Json:
        whole = text[self.wish.offset : self._end(len(text))]
        low = min(1, len(whole))
        high = max(low, min(len(whole), self.room))
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(whole[:middle]) <= self.room:
                low = middle
            else:
                high = middle - 1
        end = self.wish.offset + low
        return {"total": len(text)} | ({"next_offset": end} if end < len(text) else {}) | {"text": whole[:low]}

    def _outline(self, value: Json) -> Json:
        """The fields of an object: the small ones whole, of the others what they are."""
        values: Json = {}
        parts: Json = {}
        left = self.room
        names = list(value)
        end = self.wish.offset
        for name in names[end : self._end(len(names))]:
            inner = value[name]
            shown = inner if self.measure(inner) <= SMALL else what(inner)
            left -= self.measure(name) + self.measure(shown) + 2
            if left < 0 and end > self.wish.offset:
                break
            (values if shown is inner else parts)[name] = shown
            end += 1
        told: Json = {"total": len(names)} | ({"next_offset": end} if end < len(names) else {})
        return told | ({"values": values} if values else {}) | ({"parts": parts} if parts else {})


def _columns(columns: list[str], name: str, place: int) -> list[int]:
    """The columns that a path names: one, or those of all fields below it."""
    indexes = [i for i, column in enumerate(columns) if name in (column, "*") or column.startswith(f"{name}.")]
    if indexes:
        return indexes
    near = get_close_matches(name, columns, n=1, cutoff=0.6)
    did_you_mean = f"; did you mean {near[0]}?" if near else ""
    raise _wrong(
        f"fields[{place}]", f"{name[:60]!r} is no column{did_you_mean}", near[0] if near else ", ".join(columns)
    )
