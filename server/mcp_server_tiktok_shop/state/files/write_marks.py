"""Write marks as empty files whose modification time any process can read."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder
from mcp_server_tiktok_shop.state.memory import InMemoryWriteMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

log = logging.getLogger(__name__)


class FileWriteMarks:
    """A file for each area of each shop, beside what this process knows itself. `clock` gives Unix seconds.

    `get_path` tells where the mark of an area lies, by the shop's id.
    """

    def __init__(self, get_path: Callable[[str, str], Path], clock: Callable[[], float]) -> None:
        self._get_path = get_path
        self._clock = clock
        self._own = InMemoryWriteMarks(clock)

    async def mark(self, shop_id: str, area: str) -> None:
        await self._own.mark(shop_id, area)
        path, now = self._get_path(shop_id, area), self._clock()
        try:
            make_private_folder(path.parent)
            path.touch(mode=0o600)
            os.utime(path, (now, now))
        except OSError as error:  # other processes go on by the age of their copy
            log.warning("other processes are not told of a write: %s", error.strerror)

    async def find_latest(self, shop_id: str, areas: Iterable[str]) -> float:
        names = tuple(areas)
        moments = [self._find_moment(self._get_path(shop_id, name)) for name in names]
        return max(await self._own.find_latest(shop_id, names), *moments, 0.0)

    def _find_moment(self, path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0
