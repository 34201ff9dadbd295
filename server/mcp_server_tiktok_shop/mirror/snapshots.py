"""Writes snapshots: immutable DuckDB files, each the one before with the batches of a source laid in."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import TikTokShopServerError
from mcp_server_tiktok_shop.mirror.row_replacement import (
    BASE,
    MARKS_TABLE,
    TARGET,
    has_differences,
    replace_rows,
    stage_rows,
)
from mcp_server_tiktok_shop.mirror.spool import divide_batches, measure_batches, open_private
from mcp_server_tiktok_shop.mirror.staging import quote_name, quote_text
from mcp_server_tiktok_shop.mirror.states import MirrorState, load_state, store_state
from mcp_server_tiktok_shop.state.files.private_files import PARTIAL_SUFFIX, make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from mcp_server_tiktok_shop.mirror.spool import Batch
    from mcp_server_tiktok_shop.mirror.tables import Source, TableCatalog
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

MIN_WRITER_BYTES, WRITER_THREADS = 64 * 10**6, 1
WRITER_SHARE = 12  # bytes of memory that a byte of spooled pages takes while it is laid in
BLOCK_BYTES = 65536  # smaller ones pack worse, larger ones cost room for each table, however few rows it has
RETAINED_SNAPSHOTS = 2
MIN_RETAIN_S = 60.0  # seconds for which an older one stays: another process may be about to open it
MIN_COMPACT_BYTES, MAX_FREE_SHARE = 8 * 2**20, 0.2  # a smaller snapshot, or one with less free room, stays as it is
COPY_BYTES = 2**20  # at once, of a file
COMPACT = "compact_copy"


class Parent(Struct, frozen=True):
    """A row that a source is asked for: the value to ask with, and whether what comes need never be read again."""

    value: str
    is_stable: bool


class SnapshotError(TikTokShopServerError):
    """A snapshot can't be read or written; `is_of_storage` says that the disk failed, or has no room."""

    def __init__(self, message: str, *, is_of_storage: bool = False) -> None:
        super().__init__(message)
        self.is_of_storage = is_of_storage


class SnapshotStore:
    """The snapshots of one shop's copy. `clock` gives Unix seconds. Only who has the writer's lock may write."""

    def __init__(self, folder: MirrorFolder, catalog: TableCatalog, clock: Callable[[], float]) -> None:
        self.folder = folder
        self._catalog = catalog
        self._clock = clock

    def load_state(self) -> MirrorState:
        """What is in force; an empty state where the snapshot it names is not there whole."""
        state = load_state(self.folder.state_path, self._catalog.fingerprint)
        try:
            is_whole = state.snapshot == 0 or self.get_path(state).stat().st_size == state.size
        except OSError:
            is_whole = False
        return state if is_whole else MirrorState(self._catalog.fingerprint)

    def get_path(self, state: MirrorState) -> Path:
        return self.folder.get_snapshot_path(state.snapshot)

    def store_state(self, state: MirrorState) -> None:
        """Put a state with the same snapshot in force. Raises OSError."""
        store_state(self.folder.state_path, state)

    def adopt(self, state: MirrorState, path: Path | None) -> None:
        """Put in force what was made elsewhere, with its snapshot where that is not here yet. Raises OSError."""
        if path is not None:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            path.rename(self.get_path(state))
        self.store_state(state)
        self.delete_old(state)

    def delete_leftovers(self) -> None:
        """Delete what killed processes left half-written."""
        for path in self.folder.root.glob(f"*{PARTIAL_SUFFIX}*"):
            path.unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Delete the copy, and all that was read for it; the lock stays, which is ours. Raises OSError."""
        self.folder.state_path.unlink(missing_ok=True)
        for path in self.folder.root.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.folder.lock_path:
                path.unlink(missing_ok=True)

    def is_whole(self, state: MirrorState) -> bool:
        """Whether everything in the snapshot in force can be read."""
        if not state.snapshot:
            return True
        try:
            with _connect(self.folder.spool_folder) as connection:
                self._attach_base(connection, state)
                for name in map(quote_name, self._catalog.tables):
                    connection.execute(f"SELECT bit_xor(hash(each_row)) FROM {BASE}.{name} AS each_row").fetchall()
        except SnapshotError:
            return False
        return True

    def delete_old(self, state: MirrorState) -> None:
        """Delete the snapshots that nobody opens any more; one that can't be deleted is tried again next time."""
        snapshots = self.folder.list_snapshots()
        now = time.time()
        for number, path in snapshots[:-RETAINED_SNAPSHOTS]:
            with suppress(OSError):
                if number != state.snapshot and now - path.stat().st_mtime > MIN_RETAIN_S:
                    path.unlink()

    def lay_in(self, state: MirrorState, source: Source, batches: Sequence[Batch], **changes: Any) -> MirrorState:
        """Put a state in force in which the batches of one kind are laid in, with these changes of the source.

        Where nothing differs the snapshot stays. Raises OSError or SnapshotError, and then the old state is in force.
        """
        target: Path | None = None
        unreadable_count = state.get_source(source.name).unreadable_count
        if batches:
            largest_bytes = max(measure_batches(part) for part in divide_batches(batches))
            memory_bytes = max(MIN_WRITER_BYTES, WRITER_SHARE * largest_bytes)
            with _connect(self.folder.spool_folder, memory_bytes) as connection:
                self._attach_base(connection, state)
                for part in divide_batches(batches):
                    unreadable_count += stage_rows(connection, source, part, state.get_source(source.name).history_from)
                    if target is None and (state.snapshot == 0 or has_differences(connection, source, part)):
                        target = self._begin_target(connection, state)
                    if target is not None:
                        replace_rows(connection, source, part)
                if target is not None:
                    target = self._finish_target(connection, target)
        state = state.with_source(source.name, **changes, unreadable_count=unreadable_count)
        if target is not None:
            return self._publish(state, target)
        self.store_state(state)
        return state

    def get_parent_source(self, source: Source) -> Source:
        """The source of the table that a source is asked for each row of."""
        assert source.for_each is not None  # noqa: S101 - only such a source has one
        return self._catalog.sources[self._catalog.tables[source.for_each.table].source]

    def count_rows(self, state: MirrorState, source: Source, start: int, end: int) -> int:
        """How many rows of the source's list were made from `start` until before `end`, in Unix seconds.

        Raises SnapshotError where the snapshot is damaged.
        """
        assert source.history is not None  # noqa: S101 - only a history has times
        column = quote_name(source.history.column)
        with _connect(self.folder.spool_folder) as connection:
            self._attach_base(connection, state)
            count: int = _fetch_value(
                connection,
                f"SELECT count(*) FROM {BASE}.{quote_name(source.main_table.name)} "
                f"WHERE {column} >= to_timestamp({start}) AND {column} < to_timestamp({end})",
            )
        return count

    def count_all_rows(self, state: MirrorState) -> dict[str, int]:
        """How many rows each table has. Raises SnapshotError where the snapshot is damaged."""
        if not state.snapshot:
            return dict.fromkeys(self._catalog.tables, 0)
        with _connect(self.folder.spool_folder) as connection:
            self._attach_base(connection, state)
            return {
                name: _fetch_value(connection, f"SELECT count(*) FROM {BASE}.{quote_name(name)}")
                for name in self._catalog.tables
            }

    def list_parents(self, state: MirrorState, source: Source, since: float) -> list[Parent]:
        """The rows that a source is to be asked for, newest first: not the stable ones, nor those read since a moment.

        Raises SnapshotError where the snapshot is damaged.
        """
        for_each = source.for_each
        if for_each is None or not state.snapshot:
            return []
        column, history = quote_name(for_each.column), self.get_parent_source(source).history
        is_dated = history is not None and history.column in self._catalog.tables[for_each.table].columns
        order = f"max({quote_name(history.column)}) DESC" if is_dated and history is not None else column
        sql = (
            f"SELECT {column}, bool_and(coalesce({for_each.stable_when}, false)) "
            f"FROM {BASE}.{quote_name(for_each.table)} WHERE ({for_each.where}) AND {column} NOT IN "
            f"(SELECT parent FROM {BASE}.{MARKS_TABLE} WHERE source = ? AND (is_stable OR read_at >= ?)) "
            f"GROUP BY {column} ORDER BY {order}"
        )
        with _connect(self.folder.spool_folder) as connection:
            self._attach_base(connection, state)
            return [Parent(*row) for row in connection.execute(sql, [source.name, since]).fetchall()]

    def find_oldest_reading(self, state: MirrorState, source: Source, since: float) -> int | None:
        """When the oldest of the rows was read that are not asked for again since they were read since a moment.

        None where there is none. Raises SnapshotError where the snapshot is damaged.
        """
        for_each = source.for_each
        if for_each is None or not state.snapshot:
            return None
        sql = (
            f"SELECT min(read_at) FROM {BASE}.{MARKS_TABLE} WHERE source = ? AND NOT is_stable AND read_at >= ? "
            f"AND parent IN (SELECT {quote_name(for_each.column)} FROM {BASE}.{quote_name(for_each.table)} "
            f"WHERE {for_each.where})"
        )
        with _connect(self.folder.spool_folder) as connection:
            self._attach_base(connection, state)
            oldest: int | None = connection.execute(sql, [source.name, since]).fetchall()[0][0]
        return oldest

    def _attach_base(self, connection: DuckDBPyConnection, state: MirrorState) -> None:
        if state.snapshot:
            connection.execute(f"ATTACH {quote_text(str(self.get_path(state)))} AS {BASE} (READ_ONLY)")

    def _begin_target(self, connection: DuckDBPyConnection, state: MirrorState) -> Path:
        """A copy of the base, open to be changed."""
        make_private_folder(self.folder.root)
        path = self.make_partial_path()
        if state.snapshot:
            with (
                self.get_path(state).open("rb") as base,
                open(path, "xb", opener=open_private) as copy,
            ):
                shutil.copyfileobj(base, copy, COPY_BYTES)
        options = "" if state.snapshot else f" (BLOCK_SIZE {BLOCK_BYTES})"
        connection.execute(f"ATTACH {quote_text(str(path))} AS {TARGET}{options}")
        path.chmod(0o600)
        connection.execute("BEGIN")
        if not state.snapshot:
            for table in self._catalog.tables.values():
                columns = ", ".join(f"{quote_name(each.name)} {each.sql_type}" for each in table.columns.values())
                connection.execute(f"CREATE TABLE {TARGET}.{quote_name(table.name)} ({columns})")
            connection.execute(f"CREATE SCHEMA {TARGET}.sync")
            connection.execute(
                f"CREATE TABLE {TARGET}.{MARKS_TABLE} "
                "(source VARCHAR, parent VARCHAR, is_stable BOOLEAN, read_at BIGINT)"
            )
        return path

    def _finish_target(self, connection: DuckDBPyConnection, path: Path) -> Path:
        """The copy, written whole; where much of it is room that nothing uses any more, a closer one in its place."""
        connection.execute("COMMIT")
        connection.execute(f"CHECKPOINT {TARGET}")
        sizes = connection.execute("SELECT database_name, total_blocks, free_blocks FROM pragma_database_size()")
        ((total, free),) = [(total, free) for name, total, free in sizes.fetchall() if name == TARGET]
        if total * BLOCK_BYTES < MIN_COMPACT_BYTES or free < MAX_FREE_SHARE * total:
            connection.execute(f"DETACH {TARGET}")
            return path
        compact_path = self.make_partial_path()
        connection.execute(f"ATTACH {quote_text(str(compact_path))} AS {COMPACT} (BLOCK_SIZE {BLOCK_BYTES})")
        compact_path.chmod(0o600)
        connection.execute(f"COPY FROM DATABASE {TARGET} TO {COMPACT}")
        connection.execute(f"DETACH {TARGET}")
        connection.execute(f"DETACH {COMPACT}")
        path.unlink()
        return compact_path

    def make_partial_path(self) -> Path:
        """Where a file may be begun, which counts for nothing before it has its name."""
        return self.folder.root / f"{time.time_ns()}{PARTIAL_SUFFIX}"

    def _publish(self, state: MirrorState, path: Path) -> MirrorState:
        """Give a new snapshot its name, and put it in force."""
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        number = max([time.time_ns(), *(number + 1 for number, _ in self.folder.list_snapshots()[-1:])])
        state = replace(state, snapshot=number, size=path.stat().st_size)
        path.rename(self.get_path(state))
        self.store_state(state)
        self.delete_old(state)
        return state


@contextmanager
def _connect(folder: Path, memory_bytes: int = MIN_WRITER_BYTES) -> Iterator[DuckDBPyConnection]:
    """A connection that swaps into a folder."""
    import duckdb  # noqa: PLC0415 - at the first sync only

    make_private_folder(folder)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_bytes}B",
        "threads": WRITER_THREADS,
        "temp_directory": str(folder / "swap"),
    }
    try:
        connection = duckdb.connect(config=config)
        try:
            connection.execute("SET TimeZone='UTC'")
            connection.execute("SET preserve_insertion_order=false")
            yield connection
        finally:
            connection.close()
    except duckdb.Error as error:
        raise SnapshotError(str(error).splitlines()[0], is_of_storage=isinstance(error, duckdb.IOException)) from error


def _fetch_value(connection: DuckDBPyConnection, sql: str) -> Any:
    return connection.execute(sql).fetchall()[0][0]
