"""Extracts table rows from a page of the platform's: the columns' values, redacted, one list per row."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.json_paths import get_value, replace_value
from mcp_server_tiktok_shop.mirror.column_paths import DATA_LEVEL, compile_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity
    from mcp_server_tiktok_shop.mirror.column_paths import ColumnPath
    from mcp_server_tiktok_shop.mirror.tables import Source, Table

Cells = list[Any]
AMOUNT_SUFFIX, BREAKDOWN_SUFFIX = "_amount", "_breakdown"
TIME_TYPES = ("TIME", "TIME_MS")
MAX_CELL_CHARS = 10_000  # of a text; what is nested is not cut, since it would be no JSON then
MAX_KNOWN_NAMES = 500  # fields of one object that are remembered; more of them are ids used as names


class RowExtractor:
    """The rows of one source's tables. `redact_data` redacts the data of an answer of an operation, by its name.

    What no column needs is left out first. In a row that holds a text, personal data stays until it was redacted: what
    is masked as a buyer's name is masked there as well. Each row is redacted by itself, so that it is stored alike
    whatever else stands on its page.
    """

    def __init__(self, source: Source, sensitivity: FieldSensitivity, redact_data: Callable[[str, Json], Json]) -> None:
        self._source = source
        self._redact_data = redact_data
        self._root = _FieldNode(sensitivity)
        self._tables = [(table, _TableReader(table)) for table in source.tables]
        for _, reader in self._tables:
            reader.mark_fields(self._root)
        self._root.settle()

    def extract(self, data: Json, rows: Sequence[Json], list_path: str, arguments: Json) -> dict[str, list[Cells]]:
        """The rows of each table, by its name, of the answer's `data` whose list at `list_path` is `rows`."""
        if list_path:
            names = list_path.split(".")
            redacted_rows = [get_value(self._redact(replace_value({}, names, row)), names) for row in rows]
            redacted = replace_value(self._redact(replace_value(data, names, None)), names, redacted_rows)
        else:
            redacted = self._redact(data)
        return {table.name: list(reader.iter_rows(redacted, arguments)) for table, reader in self._tables}

    def _redact(self, data: Json) -> Json:
        has_text = _has_text(data, self._root)
        pruned = self._root.prune_with_personal(data) if has_text else self._root.prune(data)
        return self._redact_data(self._source.operation, pruned)


class _FieldNode:
    """A field of the answers: whether it stays, and which of those inside of it.

    `leaves` are the names of those inside that stay as they are, `branches` those of which a part stays; `texts` are
    those of both that are, or hold, text in which personal data may stand.
    """

    def __init__(self, sensitivity: FieldSensitivity) -> None:
        self._sensitivity = sensitivity
        self.children: dict[str, _FieldNode] = {}
        self.leaves: tuple[str, ...] = ()
        self.branches: tuple[tuple[str, _FieldNode], ...] = ()
        self.texts: tuple[tuple[str, _FieldNode], ...] = ()
        self.is_whole = False
        self.is_free_text = sensitivity.is_free_text
        self.is_personal = sensitivity.is_personal and sensitivity.kind != "picture"

    def mark(self, steps: Sequence[str]) -> None:
        """Keep what is at the end of this path; steps that are no names are those through lists."""
        node = self
        for step in steps:
            if not step.isidentifier():
                if step.startswith("?"):
                    node.mark([step[1:].partition("=")[0]])
                continue
            node = node.children.setdefault(step, _FieldNode(node._sensitivity.get_child(step)))
        node.is_whole = True

    def settle(self) -> None:
        """Put down which fields columns need, when all are marked."""
        needed = self.children.items()
        for _, child in needed:
            child.settle()
        self.leaves = tuple(name for name, child in needed if child.is_whole)
        self.branches = tuple((name, child) for name, child in needed if not child.is_whole)
        self.texts = tuple((name, child) for name, child in needed if child.is_free_text or child.texts)

    def prune(self, value: Any) -> Any:
        """The value without the fields that no column needs, and those that are empty."""
        if type(value) is list:
            return [self.prune(item) for item in value]
        if type(value) is not dict:
            return value
        pruned = {name: inner for name in self.leaves if (inner := value.get(name)) or inner == 0}
        for name, child in self.branches:
            inner = value.get(name)
            if inner and type(inner) in (dict, list):
                pruned[name] = child.prune(inner)
        return pruned

    def prune_with_personal(self, value: Any) -> Any:
        """The same, but for personal fields and all in which these may be: they stay."""
        if self.is_whole:
            return value
        if type(value) is dict:
            return self._prune_object_with_personal(value)
        if type(value) is list:
            return [self.prune_with_personal(item) for item in value]
        return value

    def _prune_object_with_personal(self, value: Json) -> Json:
        pruned: Json = {}
        for name, inner in value.items():
            child = self.children.get(name)
            if child is None:
                child = self._add_child(name)
            kind = type(inner)
            if kind is dict or kind is list:
                if inner:
                    pruned[name] = child.prune_with_personal(inner)
            elif child.is_whole or child.is_personal:
                pruned[name] = inner
        return pruned

    def _add_child(self, name: str) -> _FieldNode:
        child = _FieldNode(self._sensitivity.get_child(name))
        if len(self.children) < MAX_KNOWN_NAMES:
            self.children[name] = child
        return child


class _TableReader:
    """Reads the rows of one table from an answer's data."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._paths: list[ColumnPath] = [compile_path(column.path) for column in table.columns.values()]
        fields: dict[tuple[int, tuple[str, ...]], list[int]] = {}  # columns by the object whose fields they are
        for number, path in enumerate(self._paths):
            if path.is_plain:
                fields.setdefault((path.level, path.steps[:-1]), []).append(number)
        self._objects = [
            (level, names, tuple(self._paths[number].steps[-1] for number in numbers))
            for (level, names), numbers in fields.items()
        ]
        others = [number for number, path in enumerate(self._paths) if not path.is_plain]
        self._readers = [(self._paths[number].level, self._paths[number].read) for number in others]
        order = [*chain.from_iterable(fields.values()), *others]  # in which cells are read
        self._positions = [order.index(number) for number in range(len(order))]
        self._time_columns = [
            number for number, column in enumerate(table.columns.values()) if column.type in TIME_TYPES
        ]
        self._amounts = [(tuple(path.split(".")), _name_section(path)) for path in table.unpivot]

    def mark_fields(self, root: _FieldNode) -> None:
        """Keep in answers what the columns of this table need."""
        rows = self._table.rows
        for path in self._paths:
            if path.level >= 0:
                root.mark([*rows[: len(rows) - path.level], *path.steps])
            elif path.level == DATA_LEVEL:
                root.mark(path.steps)
        for steps, _ in self._amounts:
            root.mark([*rows, *steps])

    def iter_rows(self, data: Json, arguments: Json) -> Iterator[Cells]:
        """The cells of each row, in the order of the columns."""
        for place, levels_above in enumerate(_iter_chains(data, self._table.rows, ())):
            for amount in self._iter_amounts(levels_above[0], place):
                levels = (*levels_above, data, arguments, amount)
                values: list[Any] = []
                for level, names, fields in self._objects:
                    values += map(_find_object(levels[level], names).get, fields)
                values += [read(_find_object(levels[level], ())) for level, read in self._readers]
                cells = [
                    value
                    if (value := values[position]) is None
                    or ((kind := type(value)) is str and 0 < len(value) <= MAX_CELL_CHARS)
                    or kind is int
                    or kind is bool
                    else _to_cell(value)
                    for position in self._positions
                ]
                for number in self._time_columns:
                    if cells[number] in (0, "0"):  # it stands for none
                        cells[number] = None
                yield cells

    def _iter_amounts(self, row: Json, place: int) -> Iterator[Json | None]:
        if not self._amounts:
            yield None
            return
        for steps, section in self._amounts:
            amounts = get_value(row, steps)
            for name, value in amounts.items() if isinstance(amounts, dict) else ():
                if _is_amount(value) and not _is_amount(amounts.get(self._table.repeats.get(name, ""))):
                    kind = name.removesuffix(AMOUNT_SUFFIX)
                    yield {"place": place, "section": section, "kind": kind, "amount": value}


def _iter_chains(container: Json, names: Sequence[str], above: tuple[Json, ...]) -> Iterator[tuple[Json, ...]]:
    """Each row at a path of names, with those whose lists it stands in, the nearest first."""
    value, rest = container.get(names[0]), names[1:]
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield from _iter_chains(item, rest, (item, *above)) if rest else ((item, *above),)
    if isinstance(value, dict):
        yield from _iter_chains(value, rest, above) if rest else ((value, *above),)


def _find_object(value: Any, names: Sequence[str]) -> Json:
    """The object at a path of names; an empty one where there is none."""
    for name in names:
        if type(value) is not dict:
            return {}
        value = value.get(name)
    return value if type(value) is dict else {}


def _has_text(value: Any, node: _FieldNode) -> bool:
    """Whether there is any free text that a column needs, in which personal data may stand."""
    if type(value) is dict:
        for name, child in node.texts:
            inner = value.get(name)
            if inner and _has_text(inner, child):
                return True
        return False
    if type(value) is list:
        return any(_has_text(item, node) for item in value)
    return node.is_free_text and bool(value)


def _name_section(path: str) -> str:
    """What the amounts of an object are called together: `fee_tax_breakdown.fee` is `fee`."""
    return path.rpartition(".")[2].removesuffix(BREAKDOWN_SUFFIX)


def _is_amount(value: Any) -> bool:
    """Whether it is an amount other than zero."""
    return bool(value.strip("-0. ")) if isinstance(value, str) else isinstance(value, int | float) and value != 0


def _to_cell(value: Any) -> Any:
    """A value as a cell: nothing where there is none; what is nested as JSON text."""
    kind = type(value)
    if kind is dict or kind is list:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else None
    if kind is str and len(value) > MAX_CELL_CHARS:
        return value[:MAX_CELL_CHARS]
    return None if value == "" else value
