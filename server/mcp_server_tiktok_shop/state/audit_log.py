"""Writes down what was changed: one line before a write is sent and one when its outcome is known."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.state.account_store import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_BYTES = 8 * 2**20  # bytes; then the file becomes `journal.old.jsonl`, in the place of the last one
OUTCOME_UNKNOWN = "unknown"
LOCK_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Lines of JSON in an owner-only file. A line holds ids and outcomes, no buyer data and no secret."""

    path: Path

    async def append(self, entry: dict[str, Any]) -> None:
        """Add a line. A journal that can't be written must not undo what was done: the log says so."""
        try:
            await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(self._append, entry)))
        except OSError as error:
            log.error("the journal %s can't be written: %s", self.path, error.strerror)  # noqa: TRY400 - no traceback

    def _append(self, entry: dict[str, Any]) -> None:
        make_private_folder(self.path.parent)
        if self._is_full():
            self._rotate()
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
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
        except FileNotFoundError:  # another process has just set it aside
            return False

    def _rotate(self) -> None:
        from filelock import FileLock  # noqa: PLC0415 - once in a long while

        with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S):
            if self._is_full():
                self.path.replace(self._rotated_path)

    @property
    def _rotated_path(self) -> Path:
        return self.path.with_suffix(".old.jsonl")

    def read_entries(self) -> list[dict[str, Any]]:
        """One entry for each write, oldest first; one whose second line is missing was cut off: its outcome is unknown.

        A half-written line is passed over.
        """
        entry_by_id: dict[str, dict[str, Any]] = {}
        for entry in self._iter_lines():
            entry_by_id[entry["id"]] = entry_by_id.get(entry["id"], {}) | entry
        return [{"outcome": OUTCOME_UNKNOWN} | entry for entry in entry_by_id.values()]

    def _iter_lines(self) -> Iterator[dict[str, Any]]:
        for path in (self._rotated_path, self.path):
            try:
                lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            except FileNotFoundError:
                continue
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                    yield entry
