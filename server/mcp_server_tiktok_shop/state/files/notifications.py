"""Notifications as files: one marks it as known, another stays until it is followed up."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import asdict

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder, make_storage_error, write_private_file
from mcp_server_tiktok_shop.state.stores import NOTIFICATION_TTL_S, Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

T = TypeVar("T")

KEY_CHARS = 32  # of the hash of an id, which comes from outside
PENDING_SUFFIX = ".json"
CLEANING_INTERVAL_S = 3600
THREADS = 2  # of its own: the sender waits for seconds alone, and the threads of all may be at a shop's copy for longer


log = logging.getLogger(__name__)


class FileNotifications:
    """The notifications of a home folder, for all processes on it. `clock` gives Unix seconds.

    The file that says that one is known holds its type.
    """

    def __init__(self, known_folder: Path, pending_folder: Path, clock: Callable[[], float]) -> None:
        self._known_folder = known_folder
        self._pending_folder = pending_folder
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="notifications")
        self._cleaned_at = 0.0

    async def add(self, notification: Notification) -> bool:
        return await self._run(lambda: self._add(notification), "written")

    async def list_pending(self) -> list[Notification]:
        return await self._run(self._list_pending, "read")

    async def finish(self, notifications: Iterable[Notification]) -> None:
        paths = [self._pending_folder / f"{_make_key(each)}{PENDING_SUFFIX}" for each in notifications]

        def delete() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        await self._run(delete, "written")

    async def count_types(self) -> dict[int, int]:
        def count() -> dict[int, int]:
            self._clean_up(self._clock())
            texts = (path.read_text(encoding="ascii") for path in self._list_known())
            return dict(Counter(int(text) for text in texts if text))

        return await self._run(count, "read")

    async def _run(self, function: Callable[[], T], action: str) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)
        except OSError as error:
            raise make_storage_error(self._pending_folder, action, error) from None

    def _add(self, notification: Notification) -> bool:
        """What is pending is on the disk before it counts as known: a process may be killed in between."""
        key, now = _make_key(notification), self._clock()
        known_path = self._known_folder / key
        self._delete_if_too_old(known_path, now)
        if known_path.exists():
            return False
        pending_path = self._pending_folder / f"{key}{PENDING_SUFFIX}"
        write_private_file(pending_path, json.dumps({**asdict(notification), "came_at": now}).encode())
        make_private_folder(self._known_folder)
        try:
            handle = os.open(known_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # it came twice at once
            return False
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(str(notification.type))
        os.utime(known_path, (now, now))
        return True

    def _list_pending(self) -> list[Notification]:
        now = self._clock()
        if abs(now - self._cleaned_at) >= CLEANING_INTERVAL_S:  # a busy shop has thousands of them
            self._clean_up(now)
        came: list[tuple[float, Notification]] = []
        for path in self._pending_folder.glob(f"*{PENDING_SUFFIX}"):
            try:
                record = json.loads(path.read_bytes())
                came_at = float(record.pop("came_at"))
                notification = Notification(**record)
            except FileNotFoundError:  # another process was first
                continue
            except (ValueError, TypeError, KeyError, AttributeError):
                log.warning("the notification %s can't be understood; it is passed over", path)
                path.unlink(missing_ok=True)
                continue
            if abs(now - came_at) < NOTIFICATION_TTL_S:
                came.append((came_at, notification))
            else:
                path.unlink(missing_ok=True)
        return [notification for _, notification in sorted(came, key=lambda pair: (pair[0], pair[1].id))]

    def _list_known(self) -> list[Path]:
        return list(self._known_folder.glob("?" * KEY_CHARS))

    def _clean_up(self, now: float) -> None:
        self._cleaned_at = now
        for path in self._list_known():
            self._delete_if_too_old(path, now)

    def _delete_if_too_old(self, path: Path, now: float) -> None:
        with suppress(FileNotFoundError):  # there is none, or another process was first
            if abs(now - path.stat().st_mtime) >= NOTIFICATION_TTL_S:
                path.unlink()


def _make_key(notification: Notification) -> str:
    return hashlib.sha256(notification.id.encode()).hexdigest()[:KEY_CHARS]
