"""The audit log as lines of JSON in an owner-only file, to which every process on one home folder appends."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import contain_faults
from mcp_server_tiktok_shop.state.files.private_files import (
    lock_file,
    make_private_folder,
    make_storage_error,
    to_json_bytes,
)
from mcp_server_tiktok_shop.state.stores import AUDIT_OUTCOME_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import UnionType

    from mcp_server_tiktok_shop.state.stores import Record

MAX_FILE_BYTES = 8 * 2**20  # of one file: beyond that it takes the place of the one rotated before

# What an entry holds where it holds it, by name; what else stands there is not read.
ENTRY_TYPES: dict[str, type | UnionType] = {
    "time": str,
    "shop": str,
    "shop_id": str,
    "account": str,
    "operation": str,
    "outcome": str,
    "request_id": str | None,
    "code": int,
    "ids": dict,
    "made": dict,
    "before": list,
    "now": list,
    "undo": dict,
    "undo_of": str,
    "job": str,
    "job_name": str,
    "pictures": list,
}

log = logging.getLogger(__name__)


class FileAuditLog(Struct, frozen=True):
    """One entry a line, and the file before this one beside it. Half a line, left by a full disk, is passed over."""

    path: Path

    async def append(self, entry: Record) -> None:
        """Add a line; where that fails, the server's log says so."""
        with contain_faults(log, "an entry of the audit log %s can't be written", self.path):
            try:
                await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(self._append, entry)))
            except OSError as error:
                reason = error.strerror or type(error).__name__
                log.error("the audit log %s can't be written: %s", self.path, reason)  # noqa: TRY400 - no traceback

    def _append(self, entry: Record) -> None:
        make_private_folder(self.path.parent)
        if self._is_full():
            self._rotate()
        line = to_json_bytes(entry) + b"\n"
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "rb+", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # what a full disk left of a line must not swallow this one
                    line = b"\n" + line
            if file.write(line) != len(line):  # in one piece: other processes add lines, too
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_full(self) -> bool:
        try:
            return self.path.stat().st_size > MAX_FILE_BYTES
        except FileNotFoundError:  # another process has just rotated it
            return False

    def _rotate(self) -> None:
        with lock_file(self.path):
            if self._is_full():
                self.path.replace(self._rotated_path)

    @property
    def _rotated_path(self) -> Path:
        return self.path.with_suffix(".old.jsonl")

    async def read_entries(self) -> list[Record]:
        return await asyncio.to_thread(self._read_entries)

    def _read_entries(self) -> list[Record]:
        """The lines of one id laid over each other."""
        entry_by_id: dict[str, Record] = {}
        for line in self._iter_lines():
            if (entry := _parse_entry(line)) is not None:
                entry_by_id[entry["id"]] = entry_by_id.get(entry["id"], {}) | entry
        return [{"outcome": AUDIT_OUTCOME_UNKNOWN} | entry for entry in entry_by_id.values()]

    async def count_unreadable(self) -> int:
        return await asyncio.to_thread(lambda: sum(_parse_entry(line) is None for line in self._iter_lines()))

    def _iter_lines(self) -> Iterator[str]:
        for path in (self._rotated_path, self.path):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise make_storage_error(path, "read", error) from None
            yield from filter(str.strip, text.split("\n"))


def _parse_entry(line: str) -> Record | None:
    """The entry of a line; None where it is none, or what stands in it is not what should."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return None
    is_sound = all(isinstance(entry.get(name), types) for name, types in ENTRY_TYPES.items() if name in entry)
    return entry if is_sound and _is_time(entry.get("time")) else None


def _is_time(text: str | None) -> bool:
    try:
        return text is None or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
