"""Flattens nested objects into a table: nested fields become columns, and a list of lines one row per line."""

from __future__ import annotations

import json
import re
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.state.files.private_files import make_private_folder, make_storage_error, to_json_bytes
from mcp_server_tiktok_shop.table_files.column_kinds import CellObservation, describe_columns
from mcp_server_tiktok_shop.table_files.tables import FileTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from zoneinfo import ZoneInfo

MAX_BYTES_IN_MEMORY = 4 * 2**20  # of items; more lie on the disk
MAX_COLUMNS = 4_000
MIN_LINE_FIELDS = 2  # a list of objects of less than that is no list of lines
ID_FIELD = re.compile(r"(.*_)?id")
LINE_NUMBER = "line"
ITEM_FIELDS = ("id", "create_time", "status", "payment")  # that an item without its lines is told by, where it has them

FieldPath = tuple[str, ...]
Cells = dict[FieldPath, Any]


class _NestedList(Struct):
    """A list of objects that items have at one place: its columns, and how many rows there were if each had one."""

    columns: dict[FieldPath, CellObservation] = field(default_factory=dict)
    extra_rows: int = 0

    @property
    def is_list_of_lines(self) -> bool:
        """Whether it is of things that have an id of their own, with something to say of each."""
        return len(self.columns) >= MIN_LINE_FIELDS and any(ID_FIELD.fullmatch(path[-1]) for path in self.columns)


class NestedRows:
    """Collects objects of a list, of any number, and gives them as a table; closed, it forgets them.

    `temporary_folder` is where they lie when they are many, in an owner-only file without a name. Where the fields were
    chosen (`has_chosen_fields`), every list in them is one of lines.
    """

    def __init__(self, temporary_folder: Path, *, has_chosen_fields: bool = False) -> None:
        try:
            make_private_folder(temporary_folder)
        except OSError as error:
            raise make_storage_error(temporary_folder, "written", error) from None
        self.count = 0
        self._folder = temporary_folder
        self._has_chosen_fields = has_chosen_fields
        self._file = SpooledTemporaryFile(MAX_BYTES_IN_MEMORY, dir=str(temporary_folder))  # noqa: SIM115 - closed by close
        self._columns: dict[FieldPath, CellObservation] = {}
        self._lists: dict[FieldPath, _NestedList] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def add(self, items: Iterable[Any]) -> None:
        """Add items, as JSON has them.

        Raises:
            ShopError: `invalid_arguments`: they have more fields than a table can; `not_configured`: the disk is full.

        """
        for item in items:
            try:
                self._file.write(to_json_bytes(item) + b"\n")
            except OSError as error:
                raise make_storage_error(self._folder, "written", error) from None
            self.count += 1
            cells = flatten(item)
            _observe(self._columns, cells)
            for path, value in cells.items():
                if isinstance(value, list) and any(isinstance(line, dict) for line in value):
                    nested_list = self._lists.setdefault(path, _NestedList())
                    nested_list.extra_rows += max(len(value), 1) - 1
                    for line in value:
                        _observe(nested_list.columns, flatten(line))
            if len(self._columns) > MAX_COLUMNS:
                problem = Problem("save_as", f"has more than {MAX_COLUMNS:,} columns", "a .json file, or fields")
                message = f"A table of all fields would have more than {MAX_COLUMNS:,} columns."
                raise ShopError(
                    "invalid_arguments", message, hint="Name fields, or save as .json.", problems=(problem,)
                )

    @property
    def cell_count(self) -> int:
        """How many cells there are, lines not counted one by one: a measure of the work to write them."""
        return self.count * len(self._columns) + sum(
            (self.count + nested.extra_rows) * len(nested.columns) for nested in self._lists.values()
        )

    def iter_items(self) -> Iterator[Any]:
        """The items as they were added."""
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def to_table(self, zone: ZoneInfo | None, sheet_name: str) -> FileTable:
        """The items as a table: a row each, or where they have a list of lines, a row for each line.

        Fields of the item then stand on each of its rows; the lines are numbered, so that the first of each can be
        told. Of several such lists the one with the most fields is laid out, and the others are JSON text.
        """
        line_path, lines = self._find_lines()
        observations: dict[FieldPath, CellObservation] = {}
        for path, observation in self._columns.items():
            if not line_path or path != line_path:
                observations[path] = observation
                continue
            numbers = CellObservation()
            numbers.add(1)
            observations[(*path, LINE_NUMBER, "")] = numbers  # by a path that no field of a line has
            observations |= {(*path, *inner): found for inner, found in lines.columns.items()}
        names = [
            (".".join(path[:-1] if path[-1] == "" and len(path) > 1 else path), observation)
            for path, observation in observations.items()
        ]
        rows = _Rows(self, tuple(observations), line_path, self.count + lines.extra_rows)
        list_name = ".".join(line_path)
        note = (
            f"A row is one of {list_name}; what is the whole item's is repeated on each: add it up where "
            f"{list_name}.{LINE_NUMBER} is 1."
        )
        return FileTable(describe_columns(names), rows, zone, sheet_name, (note,) if lines.extra_rows else ())

    def list_item_fields(self) -> list[str]:
        """A few fields by which items with lines of their own are a row each; none where they have no lines."""
        line_path, lines = self._find_lines()
        heads = list(dict.fromkeys(path[0] for path in self._columns if path and path not in self._lists))
        named = [name for name in ITEM_FIELDS if name in heads] or heads[: len(ITEM_FIELDS)]
        return named if line_path and lines.extra_rows else []

    def _find_lines(self) -> tuple[FieldPath, _NestedList]:
        """The list that has a row for each of its lines, and where it is; an empty path where there is none."""
        lists = [
            (path, nested) for path, nested in self._lists.items() if self._has_chosen_fields or nested.is_list_of_lines
        ]
        return max(lists, key=lambda pair: len(pair[1].columns), default=((), _NestedList()))


class _Rows(Struct, frozen=True):
    """The rows of a table of nested items, made as they are gone through."""

    source: NestedRows
    paths: tuple[FieldPath, ...]
    line_path: FieldPath
    count: int

    def __len__(self) -> int:
        return self.count

    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)

    def __iter__(self) -> Iterator[list[Any]]:
        for item in self.source.iter_items():
            cells = flatten(item)
            lines = cells.get(self.line_path) if self.line_path else None
            if not isinstance(lines, list) or not lines:
                yield [cells.get(path) for path in self.paths]
                continue
            for number, line in enumerate(lines, start=1):
                line_cells = {(*self.line_path, *path): value for path, value in flatten(line).items()}
                row_cells = cells | line_cells | {(*self.line_path, LINE_NUMBER, ""): number}
                yield [row_cells.get(path) for path in self.paths]


def flatten(item: Any) -> Cells:
    """The fields of an item by their paths; lists are one value, and so is an item that is no object."""
    if not isinstance(item, dict):
        return {("value",): item}
    cells: Cells = {}
    _flatten_into(cells, item, ())
    return cells


def _flatten_into(cells: Cells, value: dict[str, Any], path: FieldPath) -> None:
    for name, inner in value.items():
        if isinstance(inner, dict):
            _flatten_into(cells, inner, (*path, name))
        else:
            cells[(*path, name)] = inner


def _observe(columns: dict[FieldPath, CellObservation], cells: Cells) -> None:
    """Add what the cells are; a column that was not there before stands behind the one it follows here."""
    if not cells.keys() <= columns.keys():
        order = list(columns)
        position = 0
        for path in cells:
            if path in columns:
                position = order.index(path) + 1
            else:
                order.insert(position, path)
                position += 1
        merged = {path: columns.get(path) or CellObservation() for path in order}
        columns.clear()
        columns.update(merged)
    for path, value in cells.items():
        columns[path].add(value)
