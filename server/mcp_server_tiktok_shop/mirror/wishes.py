"""Wishes: what processes that wait want the one that writes to read, an empty file for each."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WISH_SUFFIX = ".wish"
LOOK_INTERVAL_S = 0.1

log = logging.getLogger(__name__)


class Wishes:
    """The wishes in a folder. One that nobody took is taken by the next who writes, and mostly fulfilled by then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source_name: str, since: float) -> None:
        """Wish that a source be of a moment or later, in Unix seconds. Raises OSError."""
        make_private_folder(self._folder)
        (self._folder / f"{source_name}.{since:.6f}{WISH_SUFFIX}").touch(mode=0o600)

    def take_all(self) -> dict[str, float]:
        """The latest moment that is wished for of each source; they are taken with that. Raises OSError."""
        wishes: dict[str, float] = {}
        for path in self._folder.glob(f"*{WISH_SUFFIX}"):
            source_name, _, moment = path.name.removesuffix(WISH_SUFFIX).partition(".")
            with suppress(ValueError):  # no wish of ours
                wishes[source_name] = max(float(moment), wishes.get(source_name, 0.0))
            path.unlink(missing_ok=True)
        return wishes

    async def fulfill(self, is_reading: Callable[[], bool], read: Callable[[str, float], None]) -> None:
        """Take wishes and have them read, as long as there is anything that is being read."""
        while is_reading():
            try:
                wishes = self.take_all()
            except OSError as error:
                log.warning("wishes of other processes can't be read: %s", error.strerror)
                return
            for source_name, since in wishes.items():
                read(source_name, since)
            await asyncio.sleep(LOOK_INTERVAL_S)
