"""The folder in which files for people are saved: none is overwritten, half-written ones never bear their name."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import (
    PARTIAL_SUFFIX,
    make_private_folder,
    make_storage_error,
    to_json_bytes,
)
from mcp_server_tiktok_shop.table_files.csv_files import write_csv
from mcp_server_tiktok_shop.table_files.file_names import FileName, parse_file_name
from mcp_server_tiktok_shop.table_files.json_files import write_json
from mcp_server_tiktok_shop.table_files.xlsx_files import write_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.table_files.tables import Table

MAX_NUMBERED_FILES = 999  # of one name
JSON_INDENT = 1


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was saved; `notes` are sentences for the one who opens it."""

    path: Path
    row_count: int
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a result tells it: where the file is, what it holds, and what to mind."""
        result: dict[str, Any] = {"path": str(self.path), "rows": self.row_count}
        if self.columns:
            result["columns"] = list(self.columns)
        return result | ({"advice": " ".join(self.notes)} if self.notes else {})


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """A folder of this server's own, readable by its owner alone; `clock` gives Unix seconds."""

    path: Path
    clock: Callable[[], float]

    async def save_table(self, file_name: str, table: Table) -> SavedFile:
        """Save a table under a name as a caller gave it (`save_as`); its extension decides on the form.

        Where a file of that name is there already, a number is added and said.

        Raises:
            ShopError: `invalid_arguments`: no name for a file, or a table too large for its form; `not_configured`:
                the folder can't be written.

        """
        name = parse_file_name(file_name)
        names = tuple(column.name for column in table.columns)

        def write(file: IO[bytes]) -> tuple[str, ...]:
            if name.format == "xlsx":
                return write_xlsx(table, file, self.path, datetime.fromtimestamp(self.clock(), UTC))
            if name.format == "csv":
                return write_csv(table, file)
            write_json(table, file)
            return ()

        path, notes = await asyncio.to_thread(self._save, name, write)
        return SavedFile(path, len(table.rows), names, (*notes, *table.notes))

    async def save_json(self, file_name: str, data: Any, row_count: int) -> SavedFile:
        """Save data as it is, under a name that ends in .json; `row_count` is told. It raises as `save_table` does."""
        name = parse_file_name(file_name)

        def write(file: IO[bytes]) -> tuple[str, ...]:
            file.write(to_json_bytes(data, JSON_INDENT) + b"\n")
            return ()

        path, notes = await asyncio.to_thread(self._save, name, write)
        return SavedFile(path, row_count, (), notes)

    async def save_bytes(self, file_name: str, content: bytes, row_count: int) -> SavedFile:
        """Save the whole content of a file that was made elsewhere; raises as `save_table` does."""
        name = parse_file_name(file_name)

        def write(file: IO[bytes]) -> tuple[str, ...]:
            file.write(content)
            return ()

        path, notes = await asyncio.to_thread(self._save, name, write)
        return SavedFile(path, row_count, (), notes)

    def _save(self, name: FileName, write: Callable[[IO[bytes]], tuple[str, ...]]) -> tuple[Path, tuple[str, ...]]:
        """Write a file under a partial name, then give it its own, which no other file has."""
        try:
            make_private_folder(self.path)
            with NamedTemporaryFile(dir=self.path, prefix="export", suffix=PARTIAL_SUFFIX, delete=False) as file:
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
        renamed_note = f"There is a {name} already: this is {path.name}."
        return path, ((renamed_note, *notes) if path.name != str(name) else notes)

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
