"""The lock on writing a shop's copy: held by one process, while any of its tasks writes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock

    from mcp_server_tiktok_shop.mirror.sharing import CopySharing


class WriterLock:
    """The lock of a file. It goes with its process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: FileLock | None = None

    def acquire(self) -> bool:
        """Take the lock where nobody has it; whether it is ours now.

        Raises:
            OSError: The file can't be made.

        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - at the first sync only

        if self._lock is None:
            make_private_folder(self._path.parent)
            self._lock = FileLock(self._path, timeout=0, thread_local=False, mode=0o600)
        try:
            if not self._lock.is_locked:
                self._lock.acquire()
        except Timeout:
            return False
        return True

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()


class WritingRight:
    """The right to write a shop's copy: of all processes that use its folder, and of all replicas that share it."""

    def __init__(self, lock: WriterLock, sharing: CopySharing) -> None:
        self._lock = lock
        self._sharing = sharing
        self._is_ours = False

    async def acquire(self) -> bool:
        """Take it where nobody has it, and bring the folder up to what was published last; whether it is ours now.

        Raises:
            OSError: The folder can't be written.
            ShopError: What is shared is out of reach.

        """
        if not self._lock.acquire():
            return False
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            if await self._sharing.acquire():
                undo.callback(self._sharing.release)
                await self._sharing.follow()
                undo.pop_all()
                self._is_ours = True
        return self._is_ours

    def acquire_folder(self) -> bool:
        """Take the right to change this folder alone, where no other process uses it. Raises OSError."""
        return self._lock.acquire()

    def release(self) -> None:
        self._lock.release()
        if self._is_ours:
            self._is_ours = False
            self._sharing.release()

    async def follow(self) -> None:
        """Bring the folder up to what was published last, where no other process is at it. Raises as `acquire`."""
        if self._sharing.is_shared and self._lock.acquire():
            try:
                await self._sharing.follow()
            finally:
                self._lock.release()
