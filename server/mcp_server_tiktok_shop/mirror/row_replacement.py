"""Replaces rows in an open copy with their newer versions from spooled batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.staging import (
    build_prune_sql,
    build_stage_sql,
    join_names,
    name_stage,
    quote_name,
    quote_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.mirror.batches import Batch
    from mcp_server_tiktok_shop.mirror.duckdb_extension import DuckDBPyConnection
    from mcp_server_tiktok_shop.mirror.tables import Source, Table

BASE, TARGET = "base_copy", "new_copy"  # what the snapshot in force and the one to be are attached as
MARKS_TABLE = "sync.marks"  # which rows of another table a source was asked for


def stage_rows(connection: DuckDBPyConnection, source: Source, batches: Sequence[Batch], history_from: int) -> int:
    """Stage the rows of batches that count. Answers how many values and rows can't be read."""
    paths = [str(batch.path) for batch in batches]
    count = 0
    kind = batches[0].key.kind
    condition = "true"
    if source.history is not None and kind in ("history", "again", "changes"):
        column = quote_name(source.history.column)
        if kind != "changes":
            start, end = _find_range(batches)
            condition = f"{column} >= to_timestamp({start}) AND {column} < to_timestamp({end}) OR {column} IS NULL"
        else:
            condition = f"{column} >= to_timestamp({history_from}) OR {column} IS NULL"
    for table in source.tables:
        connection.execute(build_stage_sql(table, paths))
        key = quote_name(table.key[0])
        sql = f"SELECT coalesce(sum(_unreadable + CAST({key} = '' AS INTEGER)), 0) FROM {name_stage(table)}"
        count += connection.execute(sql).fetchall()[0][0]
        connection.execute(build_prune_sql(table, source.main_table, condition))
    return count


def _find_range(batches: Sequence[Batch]) -> tuple[int, int]:
    return min(batch.key.start for batch in batches), max(batch.key.end for batch in batches)


def _build_scope(source: Source, table: Table, batches: Sequence[Batch], place: str) -> str:
    """The SQL condition of the rows that the staged ones take the place of."""
    main = source.main_table
    kind = batches[0].key.kind
    if kind == "all":
        return "true"
    if kind == "parents":
        assert source.for_each is not None  # noqa: S101 - only such sources have such batches
        parents = ", ".join(map(quote_text, sorted({parent for batch in batches for parent in batch.parents})))
        stored_as, column = quote_name(source.for_each.stored_as), quote_name(source.for_each.column)
        all_parents = f"SELECT {column} FROM {place}.{quote_name(source.for_each.table)} WHERE {column} IS NOT NULL"
        return f"{stored_as} IN ({parents}) OR {stored_as} NOT IN ({all_parents})"
    key = join_names(main.key)
    scope = f"({key}) IN (SELECT ({key}) FROM {name_stage(main)})"
    if kind in ("history", "again") and source.history is not None:
        start, end = _find_range(batches)
        column = quote_name(source.history.column)
        scope = f"({column} >= to_timestamp({start}) AND {column} < to_timestamp({end})) OR {scope}"
    if table is main:
        return scope
    parent, main_key = quote_name(table.parent_column), quote_name(main.key[0])
    return (
        f"{parent} IN (SELECT {main_key} FROM {place}.{quote_name(main.name)} WHERE {scope} "
        f"UNION SELECT {main_key} FROM {name_stage(main)})"
    )


def has_differences(connection: DuckDBPyConnection, source: Source, batches: Sequence[Batch]) -> bool:
    """Whether the staged rows are others than those whose place they take."""
    for table in source.tables:
        columns = join_names(table.columns)
        scope = _build_scope(source, table, batches, BASE)
        old = f"SELECT {columns} FROM {BASE}.{quote_name(table.name)} WHERE {scope}"
        new = f"SELECT {columns} FROM {name_stage(table)}"
        for one, other in ((old, new), (new, old)):
            if connection.execute(f"SELECT 1 FROM ({one} EXCEPT ALL {other}) LIMIT 1").fetchall():
                return True
    known = connection.execute(f"SELECT parent, is_stable FROM {BASE}.{MARKS_TABLE} WHERE source = ?", [source.name])
    marks = {(parent, parent in batch.stable_parents) for batch in batches for parent in batch.parents}
    return not marks <= set(known.fetchall())


def replace_rows(connection: DuckDBPyConnection, source: Source, batches: Sequence[Batch]) -> None:
    """Put the staged rows in the place of the old ones; the tables below the main one first."""
    for table in reversed(source.tables):
        name = f"{TARGET}.{quote_name(table.name)}"
        connection.execute(f"DELETE FROM {name} WHERE {_build_scope(source, table, batches, TARGET)}")
    for table in source.tables:
        name = f"{TARGET}.{quote_name(table.name)}"
        connection.execute(f"INSERT INTO {name} SELECT {join_names(table.columns)} FROM {name_stage(table)}")
    for table in source.tables:
        connection.execute(f"DROP TABLE {name_stage(table)}")
    for batch in batches:
        marks = [(parent, parent in batch.stable_parents) for parent in sorted(batch.parents)]
        if marks:
            connection.execute(
                f"DELETE FROM {TARGET}.{MARKS_TABLE} WHERE source = ? AND parent IN (SELECT unnest(?::VARCHAR[]))",
                [source.name, [parent for parent, _ in marks]],
            )
            connection.execute(
                f"INSERT INTO {TARGET}.{MARKS_TABLE} SELECT ?, unnest(?::VARCHAR[]), unnest(?::BOOLEAN[]), ?",
                [source.name, [p for p, _ in marks], [s for _, s in marks], int(batch.read_at)],
            )
