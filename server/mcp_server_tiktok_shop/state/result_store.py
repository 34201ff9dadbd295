"""Keeps what is too large for one answer, or not finished in one call: owner-only files that live for a day."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.account_store import write_private_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RESULT_TTL_S = 24 * 3600
MAX_RESULTS = 100
MAX_TOTAL_BYTES = 256 * 2**20
ABANDONED_WRITE_S = 600  # seconds after which a file half-written has been given up
RESULT_ID_PATTERN = re.compile(r"[0-9a-f]{16}")
# The moment stands in the name: a file's own time is the disk's, and the clock is handed in.
FILE_NAME_PATTERN = re.compile(r"(?P<id>[0-9a-f]{16})-(?P<moment>\d{1,15})\.json(?P<half>.*\.new)?")


@dataclass(frozen=True, slots=True)
class _StoredFile:
    path: Path
    result_id: str
    stored_at: float
    is_partial: bool  # being written, or left so by a process that was killed


class ResultStore:
    """Contents by an id that can't be guessed, for all processes with this folder. `clock` gives Unix seconds.

    There are never more than `MOST` contents and `MOST_BYTES`: the oldest go first, and none outlives `LIFE`.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock

    async def put(self, content: bytes) -> str:
        """Keep the content; answers its id.

        Raises:
            ShopError: `internal`: it can't be written, or is more than may ever be kept. A caller to whom the content
                is a convenience catches it and goes on.

        """
        if len(content) > MAX_TOTAL_BYTES:
            raise ShopError("internal", f"{len(content) / 2**20:.0f} MB are too much to keep.", hint="Ask for less.")
        result_id = secrets.token_hex(8)
        await asyncio.to_thread(self._write, result_id, content, self._clock())
        return result_id

    async def get(self, result_id: str) -> bytes | None:
        """The content of an id; None where there is none, or no longer.

        Raises:
            ShopError: `internal`: it is there and can't be read.

        """
        return await asyncio.to_thread(self._read, result_id, self._clock())

    def _write(self, result_id: str, content: bytes, now: float) -> None:
        path = self._folder / f"{result_id}-{int(now * 1000)}.json"
        try:
            write_private_file(path, content)
        except OSError as error:
            raise _build_storage_error("written", self._folder, error) from None
        self._evict(now, path)

    def _read(self, result_id: str, now: float) -> bytes | None:
        self._evict(now)
        if not RESULT_ID_PATTERN.fullmatch(result_id):
            return None
        for file in self._iter_files():
            if file.result_id == result_id and not file.is_partial and _is_alive(file, now):
                try:
                    return file.path.read_bytes()
                except FileNotFoundError:  # another process has just taken it away
                    return None
                except OSError as error:
                    raise _build_storage_error("read", self._folder, error) from None
        return None

    def _iter_files(self) -> Iterator[_StoredFile]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix in (".json", ".new")]
        except OSError:  # nothing was ever kept; what is wrong with the folder shows itself in writing
            return
        for path in paths:
            if match := FILE_NAME_PATTERN.fullmatch(path.name):
                yield _StoredFile(path, match["id"], int(match["moment"]) / 1000, match["half"] is not None)

    def _evict(self, now: float, newest: Path | None = None) -> None:
        """Take away what is too old or too much; never what was just put here."""
        count = total_bytes = 0
        for file in sorted(self._iter_files(), key=lambda file: (file.path != newest, -file.stored_at)):
            if file.is_partial:
                is_expired = not _is_alive(file, now, ABANDONED_WRITE_S)
            else:
                count += 1
                with suppress(OSError):
                    total_bytes += file.path.stat().st_size
                is_expired = not _is_alive(file, now) or count > MAX_RESULTS or total_bytes > MAX_TOTAL_BYTES
            if is_expired and file.path != newest:
                with suppress(OSError):  # on Windows one that is being read stays until the next time
                    file.path.unlink()


def _is_alive(file: _StoredFile, now: float, ttl_s: float = RESULT_TTL_S) -> bool:
    """Whether it is younger than `life`; one from the future is a trace of a clock that was wrong."""
    return abs(now - file.stored_at) < ttl_s


def _build_storage_error(action: str, folder: Path, error: OSError) -> ShopError:
    message = f"What was to be kept in {folder} can't be {action}: {error.strerror}."
    return ShopError("internal", message, hint="Make room, or mend the folder's permissions.")
