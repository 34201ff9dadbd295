"""The lock of who writes a shop's copy: one process at a time, for as long as any of its tasks writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock


class WriterLock:
    """The lock of a file. It goes with its process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: FileLock | None = None

    @property
    def is_acquired(self) -> bool:
        return self._lock is not None and self._lock.is_locked

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
