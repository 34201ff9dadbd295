"""Keeps what is too large for one answer, or not finished in one call: owner-only files that live for a day."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.tiktok.store import write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIFE = 24 * 3600
MOST = 100
MOST_BYTES = 256 * 2**20
ID = re.compile(r"[0-9a-f]{16}")


class Kept:
    """Contents by an id that can't be guessed. `clock` gives Unix seconds, as the files' times do."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock

    async def put(self, content: bytes) -> str:
        """Keep the content; answers its id."""
        name = secrets.token_hex(8)
        await asyncio.to_thread(self._put, name, content)
        return name

    async def get(self, name: str) -> bytes | None:
        """The content of an id; None where there is none, or no longer."""
        return await asyncio.to_thread(self._get, name)

    def _put(self, name: str, content: bytes) -> None:
        write_private(self._folder / f"{name}.json", content)
        self._sweep()

    def _get(self, name: str) -> bytes | None:
        if not ID.fullmatch(name):
            return None
        path = self._folder / f"{name}.json"
        try:
            return path.read_bytes() if path.stat().st_mtime > self._clock() - LIFE else None
        except FileNotFoundError:
            return None

    def _sweep(self) -> None:
        """Take away what is a day old, and the oldest where there is too much."""
        found = [(path.stat(), path) for path in self._folder.glob("*.json")]
        newest_first = sorted(found, key=lambda pair: pair[0].st_mtime, reverse=True)
        size = 0
        for count, (stat, path) in enumerate(newest_first):
            size += stat.st_size
            if stat.st_mtime <= self._clock() - LIFE or count >= MOST or size > MOST_BYTES:
                path.unlink(missing_ok=True)
