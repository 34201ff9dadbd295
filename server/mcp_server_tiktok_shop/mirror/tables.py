"""Tables of the local copy as records: which list of the platform's each is made of, its key, its columns."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TABLES_FOLDER = Path(__file__).parent / "tables"
SQL_TYPES = {
    "BIGINT": "BIGINT",
    "BOOLEAN": "BOOLEAN",
    "MONEY": "DECIMAL(18,2)",
    "RATE": "DECIMAL(24,10)",
    "TIME": "TIMESTAMPTZ",
    "TIME_MS": "TIMESTAMPTZ",
    "VARCHAR": "VARCHAR",
    "VARCHAR[]": "VARCHAR[]",
}


class Column(Struct, frozen=True):
    """A column: where it stands in an answer (see `column_paths`), its type as the record and as SQL says it.

    `is_main` says that it is named wherever a table is told in short.
    """

    name: str
    type: str
    path: str
    meaning: str
    is_main: bool = False

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


class Table(Struct, frozen=True):
    """A table. `rows` is the path of its rows in the answer; `unpivot` the objects that each give a row an amount.

    `repeats` are fields of those objects that tell an amount again, by the field beside it that tells it already.
    `parent_table` and `parent_column` are those of the table whose rows these rows belong to; empty where none.
    `example` is a question in SQL, `note` what is told of it with every answer, where something is looked for in vain.
    """

    name: str
    meaning: str
    rows: tuple[str, ...]
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    source: str
    unpivot: tuple[str, ...] = ()
    repeats: Mapping[str, str] = field(default_factory=dict)
    parent_table: str = ""
    parent_column: str = ""
    example: str = ""
    note: str = ""


class TimeFilter(Struct, frozen=True):
    """A time by which a list can be asked for: its column, the arguments of both ends, and the sort by it, if any.

    `max_span_s` are the seconds that may lie between both ends; 0 where any.
    """

    column: str
    from_argument: str
    until_argument: str = ""
    sort_field: str = ""
    max_span_s: int = 0

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> TimeFilter | None:
        if record is None:
            return None
        return cls(
            column=record["column"],
            from_argument=record["from"],
            until_argument=record.get("until", ""),
            sort_field=record.get("sort_field", ""),
            max_span_s=record.get("max_span_s", 0),
        )


class ForEach(Struct, frozen=True):
    """A source that is asked for each row of another table, `batch` of them at once where the argument takes several.

    `stored_as` is the column in which the source's own tables hold the value that was asked for. What is `stable`, or
    whose row of the other table is so by the SQL condition `stable_when`, is never read again; what has a time in the
    other table's column `changed_at` is read again when that is later than its last reading.
    """

    table: str
    column: str
    argument: str
    stored_as: str
    where: str = "true"
    batch: int = 0
    stable_when: str = "false"
    changed_at: str = ""
    is_lazy: bool = False

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> ForEach | None:
        if record is None:
            return None
        return cls(
            table=record["table"],
            column=record["column"],
            argument=record["argument"],
            stored_as=record["stored_as"],
            where=record.get("where", "true"),
            batch=record.get("batch", 0),
            stable_when="true" if record.get("stable") else record.get("stable_when", "false"),
            changed_at=record.get("changed_at", ""),
            is_lazy=bool(record.get("lazy")),
        )


class Source(Struct, frozen=True):
    """One list of the platform's, and the tables that are made of it; the first is that of the list's own rows.

    `history` is the time by which all of it is read in windows, `changes` that of what changed since. Without such a
    filter the last `reread_s` seconds are read anew, or without a history everything. After `relist_after_s` seconds
    everything is read anew, or of a history that in which the platform counts other rows than there are here: so what
    the platform deleted disappears. A write of an area that it is `written_by` may have changed it.
    """

    name: str
    operation: str
    arguments: Mapping[str, Any]
    tables: tuple[Table, ...]
    history: TimeFilter | None = None
    changes: TimeFilter | None = None
    for_each: ForEach | None = None
    reread_s: int = 0
    relist_after_s: int = 0
    written_by: tuple[str, ...] = ()

    @property
    def main_table(self) -> Table:
        return self.tables[0]

    @property
    def page_size(self) -> int:
        return int(self.arguments.get("page_size", 0))


class TableCatalog(Struct, frozen=True, dict=True):
    """All tables by name, read from their records when first needed."""

    folder: Path = TABLES_FOLDER
    _texts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Every source by its name, which is its file's."""
        return {name: _read_source(name, json.loads(text)) for name, text in self._record_texts.items()}

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        return {table.name: table for source in self.sources.values() for table in source.tables}

    @cached_property
    def fingerprint(self) -> str:
        """What tells a copy by these records from one by others."""
        return hashlib.sha256(json.dumps(self._record_texts, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _record_texts(self) -> Mapping[str, str]:
        return {path.stem: path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.json"))}

    def find_sources(self, tables: Iterable[str]) -> list[Source]:
        """The sources of tables and of those that they are asked for each row of, these first."""
        found: dict[str, Source] = {}
        for name in tables:
            source = self.sources[self.tables[name].source]
            if source.for_each is not None:
                found |= {each.name: each for each in self.find_sources([source.for_each.table])}
            found[source.name] = source
        return list(found.values())

    def list_eager_tables(self) -> list[str]:
        """The tables that a whole sync reads: all but those that are filled only when they are asked for."""
        eager = (source for source in self.sources.values() if source.for_each is None or not source.for_each.is_lazy)
        return [table.name for source in eager for table in source.tables]


def _read_source(name: str, record: Mapping[str, Any]) -> Source:
    return Source(
        name=name,
        operation=record["operation"],
        arguments=record.get("arguments", {}),
        tables=tuple(_read_table(table, fields, name) for table, fields in record["tables"].items()),
        history=TimeFilter.from_record(record.get("history")),
        changes=TimeFilter.from_record(record.get("changes")),
        for_each=ForEach.from_record(record.get("for_each")),
        reread_s=record.get("reread_s", 0),
        relist_after_s=record.get("relist_after_s", 0),
        written_by=tuple(record.get("written_by", ())),
    )


def _read_table(name: str, record: Mapping[str, Any], source: str) -> Table:
    columns = {
        column: Column(column, fields["type"], fields.get("path", column), fields["meaning"], bool(fields.get("main")))
        for column, fields in record["columns"].items()
    }
    parent = record.get("parent", {})
    return Table(
        name=name,
        meaning=record["meaning"],
        example=record["example"],
        note=record.get("note", ""),
        rows=tuple(record["rows"].split(".")),
        key=tuple(record["key"]),
        columns=columns,
        source=source,
        unpivot=tuple(record.get("unpivot", ())),
        repeats=record.get("repeats", {}),
        parent_table=parent.get("table", ""),
        parent_column=parent.get("column", ""),
    )
