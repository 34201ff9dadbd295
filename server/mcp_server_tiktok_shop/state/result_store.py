"""Keeps what is too large for one answer, or not finished in one call: owner-only files that live for a day."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.account_store import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIFE = 24 * 3600
MOST = 100
MOST_BYTES = 256 * 2**20
WRITING = 600  # seconds after which a file half-written has been given up
ID = re.compile(r"[0-9a-f]{16}")
# The moment stands in the name: a file's own time is the disk's, and the clock is handed in.
NAME = re.compile(r"(?P<id>[0-9a-f]{16})-(?P<moment>\d{1,15})\.json(?P<half>.*\.new)?")


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    id: str
    moment: float
    half: bool  # being written, or left so by a process that was killed


class Kept:
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
        if len(content) > MOST_BYTES:
            raise ShopError("internal", f"{len(content) / 2**20:.0f} MB are too much to keep.", hint="Ask for less.")
        name = secrets.token_hex(8)
        await asyncio.to_thread(self._put, name, content, self._clock())
        return name

    async def get(self, name: str) -> bytes | None:
        """The content of an id; None where there is none, or no longer.

        Raises:
            ShopError: `internal`: it is there and can't be read.

        """
        return await asyncio.to_thread(self._get, name, self._clock())

    def _put(self, name: str, content: bytes, now: float) -> None:
        path = self._folder / f"{name}-{int(now * 1000)}.json"
        try:
            write_private(path, content)
        except OSError as error:
            raise _failed("written", self._folder, error) from None
        self._sweep(now, path)

    def _get(self, name: str, now: float) -> bytes | None:
        self._sweep(now)
        if not ID.fullmatch(name):
            return None
        for file in self._files():
            if file.id == name and not file.half and _alive(file, now):
                try:
                    return file.path.read_bytes()
                except FileNotFoundError:  # another process has just taken it away
                    return None
                except OSError as error:
                    raise _failed("read", self._folder, error) from None
        return None

    def _files(self) -> Iterator[_File]:
        try:
            names = [path for path in self._folder.iterdir() if path.suffix in (".json", ".new")]
        except OSError:  # nothing was ever kept; what is wrong with the folder shows itself in writing
            return
        for path in names:
            if found := NAME.fullmatch(path.name):
                yield _File(path, found["id"], int(found["moment"]) / 1000, found["half"] is not None)

    def _sweep(self, now: float, newest: Path | None = None) -> None:
        """Take away what is too old or too much; never what was just put here."""
        count = size = 0
        for file in sorted(self._files(), key=lambda file: (file.path != newest, -file.moment)):
            if file.half:
                gone = not _alive(file, now, WRITING)
            else:
                count += 1
                with suppress(OSError):
                    size += file.path.stat().st_size
                gone = not _alive(file, now) or count > MOST or size > MOST_BYTES
            if gone and file.path != newest:
                with suppress(OSError):  # on Windows one that is being read stays until the next time
                    file.path.unlink()


def _alive(file: _File, now: float, life: float = LIFE) -> bool:
    """Whether it is younger than `life`; one from the future is a trace of a clock that was wrong."""
    return abs(now - file.moment) < life


def _failed(done: str, folder: Path, error: OSError) -> ShopError:
    told = f"What was to be kept in {folder} can't be {done}: {error.strerror}."
    return ShopError("internal", told, hint="Make room, or mend the folder's permissions.")
