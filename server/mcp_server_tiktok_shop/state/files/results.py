"""The result store as owner-only files in one folder, shared by every process on one home folder.

A content is written before its id is told, so that every process finds it and a full disk shows itself in time. But it
is not waited for until the disk has it: a power cut may cost the results of the last seconds, which then are not found.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.state.files.private_files import PARTIAL_SUFFIX, make_storage_error, write_private_file
from mcp_server_tiktok_shop.state.stores import (
    MAX_RESULTS,
    MAX_RESULTS_BYTES,
    RESULT_ID_BYTES,
    RESULT_TTL_S,
    check_content_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ABANDONED_WRITE_S = 600  # after which whoever left a file half-written has given up
RESULT_ID_PATTERN = re.compile(r"[0-9a-f]{16}")
CONTENT_SUFFIX = ".json"
# Milliseconds stand in the name: a file's own time is the disk's, and the clock is a parameter.
FILE_NAME_PATTERN = re.compile(
    rf"(?P<id>[0-9a-f]{{16}})-(?P<stored_at_ms>\d{{1,15}}){re.escape(CONTENT_SUFFIX)}"
    rf"(?P<partial>.*{re.escape(PARTIAL_SUFFIX)})?"
)


class _StoredFile(Struct, frozen=True):
    path: Path
    result_id: str
    stored_at: float
    is_partial: bool  # being written, or left so by a process that was killed


class FileResultStore:
    """A file for each content, named by its id and the moment it was stored at. `clock` gives Unix seconds."""

    def __init__(self, folder: Path, clock: Callable[[], float], max_bytes: int = MAX_RESULTS_BYTES) -> None:
        self._folder = folder
        self._clock = clock
        self._max_bytes = max_bytes

    async def put(self, content: bytes) -> str:
        check_content_size(content, self._max_bytes)
        result_id = secrets.token_hex(RESULT_ID_BYTES)
        await asyncio.to_thread(self._write, result_id, content, self._clock())
        return result_id

    async def get(self, result_id: str) -> bytes | None:
        return await asyncio.to_thread(self._read, result_id, self._clock())

    def _write(self, result_id: str, content: bytes, now: float) -> None:
        path = self._folder / f"{result_id}-{int(now * 1000)}{CONTENT_SUFFIX}"
        try:
            write_private_file(path, content, survives_power_cut=False)
        except OSError as error:
            raise make_storage_error(self._folder, "written", error) from None
        self._evict(now, path)

    def _read(self, result_id: str, now: float) -> bytes | None:
        self._evict(now)
        if not RESULT_ID_PATTERN.fullmatch(result_id):
            return None
        for file in self._iter_files():
            if file.result_id == result_id and not file.is_partial and _is_alive(file, now):
                try:
                    return file.path.read_bytes()
                except FileNotFoundError:  # another process has just deleted it
                    return None
                except OSError as error:
                    raise make_storage_error(self._folder, "read", error) from None
        return None

    def _iter_files(self) -> Iterator[_StoredFile]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix in (CONTENT_SUFFIX, PARTIAL_SUFFIX)]
        except OSError:  # nothing was ever stored; what is wrong with the folder shows itself in writing
            return
        for path in paths:
            if match := FILE_NAME_PATTERN.fullmatch(path.name):
                yield _StoredFile(path, match["id"], int(match["stored_at_ms"]) / 1000, match["partial"] is not None)

    def _evict(self, now: float, newest: Path | None = None) -> None:
        """Delete what is too old or too much; never `newest`, which was just put here."""
        count = total_bytes = 0
        for file in sorted(self._iter_files(), key=lambda file: (file.path != newest, -file.stored_at)):
            if file.is_partial:
                is_expired = not _is_alive(file, now, ABANDONED_WRITE_S)
            else:
                count += 1
                with suppress(OSError):
                    total_bytes += file.path.stat().st_size
                is_expired = not _is_alive(file, now) or count > MAX_RESULTS or total_bytes > self._max_bytes
            if is_expired and file.path != newest:
                with suppress(OSError):  # on Windows one that is being read stays until the next time
                    file.path.unlink()


def _is_alive(file: _StoredFile, now: float, ttl_s: float = RESULT_TTL_S) -> bool:
    """Whether it is younger than `ttl_s`; one from the future is a trace of a clock that was wrong."""
    return abs(now - file.stored_at) < ttl_s
