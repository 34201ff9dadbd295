"""The folder for saved files: none is overwritten, and a half-written one never has its final name."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import (
    PARTIAL_SUFFIX,
    make_private_folder,
    make_storage_error,
    to_json_bytes,
)
from mcp_server_tiktok_shop.table_files.tables import to_plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.table_files.file_names import FileName
    from mcp_server_tiktok_shop.table_files.nested_rows import NestedRows
    from mcp_server_tiktok_shop.table_files.tables import FileTable

PARTIAL_PREFIX = "export-"
ABANDONED_WRITE_S = 3600  # after which whoever left a file half-written has given up
MAX_NUMBERED_FILES = 999  # of one name
JSON_INDENT = 1
MAX_TOLD_COLUMNS = 40  # of a file, in a result
PREVIEW_ROWS = 3  # of a table, for a result that tells of its file


class SavedFile(Struct, frozen=True):
    """A file that was saved; `notes` are sentences for the one who opens it."""

    path: Path
    row_count: int
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    first_rows: list[list[Any]] = field(default_factory=list)
    sheets: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a result tells it: where the file is, what it holds, and what to mind."""
        result: dict[str, Any] = {"path": str(self.path), "rows": self.row_count}
        if self.columns:
            result["columns"] = list(self.columns[:MAX_TOLD_COLUMNS])
        if len(self.columns) > MAX_TOLD_COLUMNS:
            result["columns_in_all"] = len(self.columns)
        if self.sheets:
            result["sheets"] = list(self.sheets)
        return result | ({"advice": " ".join(self.notes)} if self.notes else {})


class ExportFolder(Struct, frozen=True):
    """A folder of this server's own, readable by its owner alone; `clock` gives Unix seconds."""

    path: Path
    clock: Callable[[], float]

    async def save_table(self, name: FileName, table: FileTable) -> SavedFile:
        """Save one table: see `save_tables`."""
        return await self.save_tables(name, [table])

    async def save_tables(self, name: FileName, tables: Sequence[FileTable]) -> SavedFile:
        """Save tables in the form that the name's extension says: a sheet for each in .xlsx, one alone elsewhere.

        Where a file of that name is there already, a number is added and said.

        Raises:
            ShopError: `invalid_arguments`: a table is too large for its form; `not_configured`: the folder can't be
                written.

        """
        table = tables[0]

        def write(file: IO[bytes]) -> tuple[str, ...]:
            from mcp_server_tiktok_shop.table_files.formats import write_tables  # noqa: PLC0415 - seldom asked for

            created_at = datetime.fromtimestamp(self.clock(), UTC)
            with TemporaryDirectory(PARTIAL_SUFFIX, PARTIAL_PREFIX, self.path) as folder:
                return write_tables(tables, name, file, Path(folder), created_at)

        path, notes = await asyncio.to_thread(self._save, name, write)
        return SavedFile(
            path,
            sum(len(each.rows) for each in tables),
            tuple(column.name for column in table.columns) if len(tables) == 1 else (),
            (*notes, *(note for each in tables for note in each.notes)),
            _take_first_rows(table) if len(tables) == 1 else [],
            tuple(each.sheet_name for each in tables) if len(tables) > 1 else (),
        )

    async def save_rows(self, name: FileName, rows: NestedRows, zone: ZoneInfo | None) -> SavedFile:
        """Save nested objects: as they are in JSON, else as the table that `NestedRows.to_table` lays out.

        It raises as `save_table` does.
        """
        if name.format != "json":
            return await self.save_table(name, rows.to_table(zone, name.stem))
        return await self._save_json(name, _to_json_lines(rows), rows.count)

    async def save_json(self, name: FileName, data: Any) -> SavedFile:
        """Save data as it is; it raises as `save_table` does."""
        return await self._save_json(name, [to_json_bytes(data, JSON_INDENT), b"\n"], 1)

    async def _save_json(self, name: FileName, parts: Iterable[bytes], row_count: int) -> SavedFile:
        def write(file: IO[bytes]) -> tuple[str, ...]:
            file.writelines(parts)
            return ()

        path, notes = await asyncio.to_thread(self._save, name, write)
        return SavedFile(path, row_count, (), notes)

    async def save_bytes(self, name: FileName, content: bytes, row_count: int) -> SavedFile:
        """Save what was written elsewhere; it raises as `save_table` does."""
        return await self._save_json(name, [content], row_count)

    def _save(self, name: FileName, write: Callable[[IO[bytes]], tuple[str, ...]]) -> tuple[Path, tuple[str, ...]]:
        """Write a file under a partial name, then give it its own, which no other file has."""
        try:
            make_private_folder(self.path)
            self._delete_leftovers()
            with NamedTemporaryFile(dir=self.path, prefix=PARTIAL_PREFIX, suffix=PARTIAL_SUFFIX, delete=False) as file:
                partial_path = self.path / os.path.basename(file.name)  # noqa: PTH119 - of a text, no place on a disk
                try:
                    notes = write(file)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:
                    file.close()
                    partial_path.unlink(missing_ok=True)
                    raise
            path = self._reserve_path(name)
            try:
                partial_path.replace(path)
            except OSError:
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    partial_path.unlink()
                raise
        except OSError as error:
            raise make_storage_error(self.path, "written", error) from None
        renamed_note = f"{name} is there already: this is {path.name}."
        return path, ((renamed_note, *notes) if path.name != str(name) else notes)

    def _delete_leftovers(self) -> None:
        """Delete what processes that were killed left half-written."""
        for leftover in self.path.glob(f"{PARTIAL_PREFIX}*{PARTIAL_SUFFIX}"):
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > ABANDONED_WRITE_S:  # the disk's time, not the clock's
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _reserve_path(self, name: FileName) -> Path:
        """The path of a new, empty file of that name, with a number where it is taken."""
        for number in range(1, MAX_NUMBERED_FILES + 1):
            path = self.path / str(name if number == 1 else name.add_number(number))
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            return path
        message = f"There are {MAX_NUMBERED_FILES} files named {name.stem} already."
        raise ShopError("invalid_arguments", message, hint="Choose another name.")


def _to_json_lines(rows: NestedRows) -> Iterator[bytes]:
    """A JSON list of the objects, one a line."""
    separator = b"[\n"
    for item in rows.iter_items():
        yield separator + to_json_bytes(item)
        separator = b",\n"
    yield b"\n]\n" if rows.count else b"[]\n"


def _take_first_rows(table: FileTable) -> list[list[Any]]:
    return [
        [to_plain_value(column, value, table.zone) for column, value in zip(table.columns, row, strict=True)]
        for row in islice(table.rows, PREVIEW_ROWS)
    ]
