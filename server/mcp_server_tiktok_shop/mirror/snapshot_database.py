"""Reads and writes snapshots with DuckDB: immutable files, each the previous one plus new batches."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.batches import divide_batches, measure_batches
from mcp_server_tiktok_shop.mirror.duckdb_extension import connect
from mcp_server_tiktok_shop.mirror.row_replacement import (
    BASE,
    MARKS_TABLE,
    TARGET,
    has_differences,
    replace_rows,
    stage_rows,
)
from mcp_server_tiktok_shop.mirror.staging import quote_name, quote_text
from mcp_server_tiktok_shop.state.files.private_files import make_partial_path, make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.batches import Batch
    from mcp_server_tiktok_shop.mirror.duckdb_extension import DuckDBPyConnection
    from mcp_server_tiktok_shop.mirror.tables import Source, TableCatalog
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

MIN_WRITER_BYTES, WRITER_THREADS = 64 * 10**6, 1
WRITER_SHARE = 12  # bytes of memory that a byte of spooled pages takes while it is laid in
BLOCK_BYTES = 65536  # smaller ones pack worse, larger ones cost room for each table, however few rows it has
ROW_GROUP_ROWS = 16384  # a group that is not full is written again with each part; fuller ones pack better
MAX_PENDING_BYTES = 6 * 2**20  # of pages whose rows are written by one connection: with it goes what DuckDB keeps
CLOCK_MARGIN_S = 300  # what was read this soon after it changed is read once more: clocks differ
MIN_COMPACT_BYTES, MAX_FREE_SHARE = 8 * 2**20, 0.2  # a smaller snapshot, or one with less free room, stays as it is
COPY_BYTES = 2**20  # at once, of a file
COMPACT = "compact_copy"
# What is begun counts for nothing until it has its name: a log to mend it by would only be written twice, and a
# transaction around all of it would keep each part's temporary tables in memory until its end.
TARGET_OPTIONS = f"ROW_GROUP_SIZE {ROW_GROUP_ROWS}, RECOVERY_MODE no_wal_writes"


class SnapshotDatabase:
    """The snapshot of a shop at `base`, where there is one, in its folder."""

    def __init__(self, folder: MirrorFolder, catalog: TableCatalog, base: Path | None) -> None:
        self._folder = folder
        self._catalog = catalog
        self._base = base

    def read_through(self) -> None:
        """Read everything in it."""
        with self._connect() as connection:
            for name in map(quote_name, self._catalog.tables):
                connection.execute(f"SELECT bit_xor(hash(each_row)) FROM {BASE}.{name} AS each_row").fetchall()

    def lay_in(self, source: Source, batches: Sequence[Batch], history_from: int) -> tuple[Path | None, int]:
        """A new snapshot in which batches of one kind are laid in, which has no name yet; None where nothing differs.

        With it how many values and rows can't be read. Raises OSError.
        """
        target: Path | None = None
        unreadable_count = 0
        parts = list(divide_batches(batches))
        memory_bytes = max(MIN_WRITER_BYTES, WRITER_SHARE * max(map(measure_batches, parts)))
        while parts:
            with self._connect(memory_bytes) as connection:
                if target is not None:
                    self._attach(connection, target, TARGET)
                pending_bytes = 0
                while parts and pending_bytes < MAX_PENDING_BYTES:
                    part = parts.pop(0)
                    unreadable_count += stage_rows(connection, source, part, history_from)
                    if target is None and (self._base is None or has_differences(connection, source, part)):
                        target = self._begin_target(connection)
                    if target is not None:
                        replace_rows(connection, source, part)
                    pending_bytes += measure_batches(part)
                if target is not None:
                    connection.execute(f"CHECKPOINT {TARGET}")
        return self._compact(target) if target is not None else None, unreadable_count

    def count_rows(self, source: Source, start: int, end: int) -> int:
        """How many rows of the source's list were made from `start` until before `end`, in Unix seconds."""
        assert source.history is not None  # noqa: S101 - only a history has times
        column = quote_name(source.history.column)
        with self._connect() as connection:
            return _fetch_count(
                connection,
                f"{BASE}.{quote_name(source.main_table.name)} "
                f"WHERE {column} >= to_timestamp({start}) AND {column} < to_timestamp({end})",
            )

    def count_all_rows(self) -> dict[str, int]:
        """How many rows each table has."""
        with self._connect() as connection:
            return {name: _fetch_count(connection, f"{BASE}.{quote_name(name)}") for name in self._catalog.tables}

    def list_parents(self, source: Source, since: float) -> list[tuple[str, bool]]:
        """The rows that a source is to be asked for, newest first, and whether each is stable.

        Not the stable ones that were read, nor those read since a moment, or since they changed last.
        """
        for_each = source.for_each
        assert for_each is not None  # noqa: S101 - only such a source has parents
        parent_table = self._catalog.tables[for_each.table]
        column, history = quote_name(for_each.column), self._catalog.sources[parent_table.source].history
        is_dated = history is not None and history.column in parent_table.columns
        date_column = history.column if is_dated and history is not None else for_each.changed_at
        order = f"max({quote_name(date_column)}) DESC" if date_column else column
        is_unchanged = "false"
        if for_each.changed_at:
            is_unchanged = f"read_at >= epoch({quote_name(for_each.changed_at)}) + {CLOCK_MARGIN_S}"
        sql = (
            f"SELECT {column}, bool_and(coalesce({for_each.stable_when}, false)) "
            f"FROM {BASE}.{quote_name(for_each.table)} AS rows WHERE ({for_each.where}) AND NOT EXISTS "
            f"(FROM {BASE}.{MARKS_TABLE} WHERE source = ? AND parent = rows.{column} "
            f"AND (is_stable OR read_at >= ? OR {is_unchanged})) "
            f"GROUP BY {column} ORDER BY {order}"
        )
        with self._connect() as connection:
            return connection.execute(sql, [source.name, since]).fetchall()

    def find_oldest_reading(self, source: Source, since: float) -> int | None:
        """When the oldest of the rows was read that are not asked for again since they were read since a moment.

        None where there is none.
        """
        for_each = source.for_each
        assert for_each is not None  # noqa: S101 - only such a source has parents
        sql = (
            f"SELECT min(read_at) FROM {BASE}.{MARKS_TABLE} WHERE source = ? AND NOT is_stable AND read_at >= ? "
            f"AND parent IN (SELECT {quote_name(for_each.column)} FROM {BASE}.{quote_name(for_each.table)} "
            f"WHERE {for_each.where})"
        )
        with self._connect() as connection:
            oldest: int | None = connection.execute(sql, [source.name, since]).fetchall()[0][0]
        return oldest

    @contextmanager
    def _connect(self, memory_bytes: int = MIN_WRITER_BYTES) -> Iterator[DuckDBPyConnection]:
        """A connection to what is there, which swaps into the folder."""
        swap_folder = self._folder.swap_folder / str(os.getpid())
        make_private_folder(swap_folder)
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_bytes}B",
            "threads": WRITER_THREADS,
            "temp_directory": str(swap_folder),
        }
        connection = connect(config=config)
        try:
            connection.execute("SET TimeZone='UTC'")
            connection.execute("SET preserve_insertion_order=false")
            if self._base is not None:
                connection.execute(f"ATTACH {quote_text(str(self._base))} AS {BASE} (READ_ONLY)")
            yield connection
        finally:
            connection.close()
            shutil.rmtree(swap_folder, ignore_errors=True)

    def _begin_target(self, connection: DuckDBPyConnection) -> Path:
        """A copy of the base, open to be changed."""
        make_private_folder(self._folder.root)
        path = make_partial_path(self._folder.root)
        if self._base is not None:
            with self._base.open("rb") as base, open(path, "xb", opener=open_private) as copy:
                shutil.copyfileobj(base, copy, COPY_BYTES)
        self._attach(connection, path, TARGET)
        if self._base is None:
            for table in self._catalog.tables.values():
                columns = ", ".join(f"{quote_name(each.name)} {each.sql_type}" for each in table.columns.values())
                connection.execute(f"CREATE TABLE {TARGET}.{quote_name(table.name)} ({columns})")
            connection.execute(f"CREATE SCHEMA {TARGET}.sync")
            connection.execute(
                f"CREATE TABLE {TARGET}.{MARKS_TABLE} "
                "(source VARCHAR, parent VARCHAR, is_stable BOOLEAN, read_at BIGINT)"
            )
        return path

    def _attach(self, connection: DuckDBPyConnection, path: Path, name: str) -> None:
        """Attach a copy to be changed, which is made where there is none."""
        block_size = "" if path.exists() else f", BLOCK_SIZE {BLOCK_BYTES}"
        connection.execute(f"ATTACH {quote_text(str(path))} AS {name} ({TARGET_OPTIONS}{block_size})")
        path.chmod(0o600)

    def _compact(self, path: Path) -> Path:
        """The copy; where much of it is room that nothing uses any more, a closer one in its place."""
        if path.stat().st_size < MIN_COMPACT_BYTES:
            return path
        with self._connect() as connection:
            self._attach(connection, path, TARGET)
            sizes = connection.execute("SELECT database_name, total_blocks, free_blocks FROM pragma_database_size()")
            ((total, free),) = [(total, free) for name, total, free in sizes.fetchall() if name == TARGET]
            if free < MAX_FREE_SHARE * total:
                return path
            compact_path = make_partial_path(self._folder.root)
            self._attach(connection, compact_path, COMPACT)
            connection.execute(f"COPY FROM DATABASE {TARGET} TO {COMPACT}")
            connection.execute(f"CHECKPOINT {COMPACT}")
        path.unlink()
        return compact_path


def _fetch_count(connection: DuckDBPyConnection, rows: str) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0]
    return count
