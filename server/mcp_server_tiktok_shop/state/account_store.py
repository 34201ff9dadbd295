"""Keeps accounts: in one file that only its owner can read, or in memory for the simulated shop."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import Account, App

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

VERSION = 1
LOCK_PATIENCE = 40.0  # Longer than the longest renewal that another process may be in.
WINDOWS_TRIES = 20  # A scanner or an editor may hold the file for a moment.


@dataclass(frozen=True, slots=True)
class Contents:
    """What is kept: the app, where its key and secret were given at sign-in, and the accounts by id."""

    app: App | None = None
    accounts: dict[str, Account] = field(default_factory=dict)


class Held(Protocol):
    """The contents while no one else may change them."""

    app: App | None
    accounts: dict[str, Account]

    async def save(self) -> None: ...


class Store(Protocol):
    """Where accounts are kept. Reading needs no lock; a change is made inside `held`."""

    def now(self) -> Contents: ...

    def held(self) -> AbstractAsyncContextManager[Held]: ...


@dataclass
class MemoryStore:
    """Contents of this process alone; what is saved is gone with it."""

    contents: Contents = field(default_factory=Contents)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> Contents:
        return self.contents

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Held]:
        async with self._lock:
            yield _HeldInMemory(self.contents.app, dict(self.contents.accounts), self)


@dataclass
class _HeldInMemory:
    app: App | None
    accounts: dict[str, Account]
    store: MemoryStore

    async def save(self) -> None:
        self.store.contents = Contents(self.app, dict(self.accounts))


class FileStore:
    """Contents in `accounts.json`: owner-only, replaced as a whole, locked across processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "accounts.json"
        self._seen: tuple[int, int, int] | None = None
        self._contents = Contents()

    def now(self) -> Contents:
        """The contents as the file has them, read again only where it changed.

        Raises:
            ShopError: `not_configured` where the file can't be understood.

        """
        try:
            stat = self.path.stat()
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if mark != self._seen:
                self._contents = self._parsed(self.path.read_bytes())
                self._seen = mark
        except FileNotFoundError:
            if self._seen is not None:
                self._seen, self._contents = None, Contents()
        except OSError as error:
            raise self._unreadable(f"{error.strerror}") from None
        return self._contents

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Held]:
        from filelock import AsyncFileLock, Timeout  # noqa: PLC0415 - only when something is to be stored

        try:
            await asyncio.to_thread(private_folder, self.path.parent)
        except OSError as error:
            raise self._unreadable(f"{error.strerror}") from None
        lock = AsyncFileLock(self.path.with_suffix(".lock"), timeout=LOCK_PATIENCE, thread_local=False)
        try:
            await lock.acquire()
        except Timeout:
            told = f"Another process has held {lock.lock_file} for {LOCK_PATIENCE:.0f} s."
            hint = "Try again; if it stays, end other servers."
            raise ShopError("internal", told, hint=hint, retryable=True) from None
        try:
            self._seen = None  # what is decided under the lock must not hang on a file's time stamp
            contents = await asyncio.to_thread(self.now)
            await asyncio.to_thread(self._sweep)
            yield _HeldInFile(contents.app, dict(contents.accounts), self)
        finally:
            await lock.release()

    def _sweep(self) -> None:
        """Take away what a killed process left half-written."""
        for left in self.path.parent.glob(f"{self.path.name}*.new"):
            left.unlink(missing_ok=True)

    def set_aside(self) -> Path | None:
        """Move a file that can't be understood out of the way, so that a new sign-in can be stored.

        Raises:
            ShopError: `not_configured` where the file can't even be read: it may be whole.

        """
        try:
            self.now()
        except ShopError as error:
            if not error.more.get("damaged"):
                raise
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            aside = self.path.with_name(f"accounts.unreadable-{stamp}.json")
            self.path.rename(aside)
            return aside
        return None

    def write(self, contents: Contents) -> None:
        kept = {
            "version": VERSION,
            "app": contents.app.model_dump(mode="json") if contents.app else None,
            "accounts": [account.model_dump(mode="json") for account in contents.accounts.values()],
        }
        write_private(self.path, json.dumps(kept, ensure_ascii=False, indent=1).encode())

    def _parsed(self, content: bytes) -> Contents:
        try:
            data = json.loads(content)
            if data["version"] != VERSION:
                raise self._unreadable(
                    damaged=True, reason=f"it has format {data['version']}, and this server knows format {VERSION}"
                )
            app = App.model_validate(data["app"]) if data.get("app") else None
            accounts = [Account.model_validate(kept) for kept in data["accounts"]]
        except (ValueError, TypeError, KeyError, RecursionError, ValidationError) as error:
            # The text of the fault may quote tokens.
            raise self._unreadable(f"it is damaged ({type(error).__name__})", damaged=True) from None
        return Contents(app, {account.id: account for account in accounts})

    def _unreadable(self, reason: str, *, damaged: bool = False) -> ShopError:
        hint = "It is left as it is. Update the server, or sign in anew: the old file is then kept aside."
        told = f"The store {self.path} can't be read: {reason}."
        error = ShopError("not_configured", told, hint=hint)
        if damaged:
            error.more["damaged"] = True
        return error


@dataclass
class _HeldInFile:
    app: App | None
    accounts: dict[str, Account]
    store: FileStore

    async def save(self) -> None:
        contents = Contents(self.app, dict(self.accounts))
        writing = asyncio.ensure_future(asyncio.to_thread(self.store.write, contents))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])  # the lock must outlive the write
            raise
        except OSError as error:
            told = f"The store {self.store.path} can't be written: {error.strerror}."
            raise ShopError("not_configured", told, hint="Make room, or mend the folder's permissions.") from None


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, their owner's alone."""
    if not folder.parent.exists():
        private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, readable by its owner alone: old or new, never half of one."""
    private_folder(path.parent)
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".new", delete=False) as file:
        temporary = Path(file.name)  # made with mode 0600
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _replace(temporary, path)


def _replace(temporary: Path, path: Path) -> None:
    import time  # noqa: PLC0415

    for attempt in range(WINDOWS_TRIES):
        try:
            temporary.replace(path)
            break
        except PermissionError:
            if os.name != "nt" or attempt == WINDOWS_TRIES - 1:
                temporary.unlink(missing_ok=True)
                raise
            time.sleep(0.05)
    if os.name != "nt":  # the rename itself must survive a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
