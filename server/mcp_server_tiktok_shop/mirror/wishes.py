"""What waiting processes want the writing one to read."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.state.shared_copies import CopyKey, SharedCopies

WISH_SUFFIX = ".wish"

log = logging.getLogger(__name__)


class Wishes(Protocol):
    """The wishes for one copy. One that nobody took is taken by the next who writes, and mostly fulfilled by then.

    Every method raises OSError, or ShopError where they lie elsewhere.
    """

    look_interval_s: float  # at which who writes looks for them

    async def put(self, source_name: str, since: float) -> None:
        """Wish that a source be of a moment or later, in Unix seconds."""

    async def take_all(self) -> dict[str, float]:
        """The latest moment that is wished for of each source; they are taken with that."""


class FolderWishes:
    """An empty file for each."""

    look_interval_s = 0.1

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, source_name: str, since: float) -> None:
        make_private_folder(self._folder)
        (self._folder / f"{source_name}.{since:.6f}{WISH_SUFFIX}").touch(mode=0o600)

    async def take_all(self) -> dict[str, float]:
        wishes: dict[str, float] = {}
        for path in self._folder.glob(f"*{WISH_SUFFIX}"):
            source_name, _, moment = path.name.removesuffix(WISH_SUFFIX).partition(".")
            with suppress(ValueError):  # no wish of ours
                wishes[source_name] = max(float(moment), wishes.get(source_name, 0.0))
            path.unlink(missing_ok=True)
        return wishes


class SharedWishes:
    """Those of all replicas that share the copy."""

    look_interval_s = 0.5

    def __init__(self, copies: SharedCopies, key: CopyKey) -> None:
        self._copies = copies
        self._key = key

    async def put(self, source_name: str, since: float) -> None:
        await self._copies.wish(self._key, source_name, since)

    async def take_all(self) -> dict[str, float]:
        return await self._copies.take_wishes(self._key)


async def fulfill(wishes: Wishes, is_reading: Callable[[], bool], read: Callable[[str, float], None]) -> None:
    """Take wishes and have them read, as long as there is anything that is being read."""
    while is_reading():
        try:
            found = await wishes.take_all()
        except OSError as error:
            log.warning("wishes of other processes can't be read: %s", error.strerror)
            return
        except ShopError as error:
            log.warning("wishes of other replicas can't be read: %s", error.message)
            return
        for source_name, since in found.items():
            read(source_name, since)
        await asyncio.sleep(wishes.look_interval_s)
