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
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

FORMAT_VERSION = 1
LOCK_TIMEOUT_S = 40.0  # Longer than the longest renewal that another process may be in.
MAX_REPLACE_ATTEMPTS = 20  # A scanner or an editor may hold the file for a moment.


@dataclass(frozen=True, slots=True)
class StoredAccounts:
    """What is kept: the app, where its key and secret were given at sign-in, and the accounts by id."""

    app: PartnerApp | None = None
    accounts: dict[str, Account] = field(default_factory=dict)


class AccountTransaction(Protocol):
    """The contents while no one else may change them."""

    app: PartnerApp | None
    accounts: dict[str, Account]

    async def save(self) -> None: ...


class AccountStore(Protocol):
    """Where accounts are kept. Reading needs no lock; a change is made inside `held`."""

    def read(self) -> StoredAccounts: ...

    def edit(self) -> AbstractAsyncContextManager[AccountTransaction]: ...


@dataclass
class InMemoryAccountStore:
    """Contents of this process alone; what is saved is gone with it."""

    contents: StoredAccounts = field(default_factory=StoredAccounts)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def read(self) -> StoredAccounts:
        return self.contents

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AccountTransaction]:
        async with self._lock:
            yield _InMemoryTransaction(self.contents.app, dict(self.contents.accounts), self)


@dataclass
class _InMemoryTransaction:
    app: PartnerApp | None
    accounts: dict[str, Account]
    store: InMemoryAccountStore

    async def save(self) -> None:
        self.store.contents = StoredAccounts(self.app, dict(self.accounts))


class FileAccountStore:
    """Contents in `accounts.json`: owner-only, replaced as a whole, locked across processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "accounts.json"
        self._loaded_stamp: tuple[int, int, int] | None = None
        self._contents = StoredAccounts()

    def read(self) -> StoredAccounts:
        """The contents as the file has them, read again only where it changed.

        Raises:
            ShopError: `not_configured` where the file can't be understood.

        """
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._loaded_stamp:
                self._contents = self._parse(self.path.read_bytes())
                self._loaded_stamp = stamp
        except FileNotFoundError:
            if self._loaded_stamp is not None:
                self._loaded_stamp, self._contents = None, StoredAccounts()
        except OSError as error:
            raise self._unreadable_error(f"{error.strerror}") from None
        return self._contents

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AccountTransaction]:
        from filelock import AsyncFileLock, Timeout  # noqa: PLC0415 - only when something is to be stored

        try:
            await asyncio.to_thread(make_private_folder, self.path.parent)
        except OSError as error:
            raise self._unreadable_error(f"{error.strerror}") from None
        lock = AsyncFileLock(self.path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S, thread_local=False)
        try:
            await lock.acquire()
        except Timeout:
            message = f"Another process has held {lock.lock_file} for {LOCK_TIMEOUT_S:.0f} s."
            hint = "Try again; if it stays, end other servers."
            raise ShopError("internal", message, hint=hint, retryable=True) from None
        try:
            self._loaded_stamp = None  # what is decided under the lock must not hang on a file's time stamp
            contents = await asyncio.to_thread(self.read)
            await asyncio.to_thread(self._delete_leftovers)
            yield _FileTransaction(contents.app, dict(contents.accounts), self)
        finally:
            await lock.release()

    def _delete_leftovers(self) -> None:
        """Take away what a killed process left half-written."""
        for leftover in self.path.parent.glob(f"{self.path.name}*.new"):
            leftover.unlink(missing_ok=True)

    def quarantine_damaged_file(self) -> Path | None:
        """Move a file that can't be understood out of the way, so that a new sign-in can be stored.

        Raises:
            ShopError: `not_configured` where the file can't even be read: it may be whole.

        """
        try:
            self.read()
        except ShopError as error:
            if not error.details.get("damaged"):
                raise
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            quarantine_path = self.path.with_name(f"accounts.unreadable-{stamp}.json")
            self.path.rename(quarantine_path)
            return quarantine_path
        return None

    def write(self, contents: StoredAccounts) -> None:
        payload = {
            "version": FORMAT_VERSION,
            "app": contents.app.model_dump(mode="json") if contents.app else None,
            "accounts": [account.model_dump(mode="json") for account in contents.accounts.values()],
        }
        write_private_file(self.path, json.dumps(payload, ensure_ascii=False, indent=1).encode())

    def _parse(self, content: bytes) -> StoredAccounts:
        try:
            data = json.loads(content)
            if data["version"] != FORMAT_VERSION:
                raise self._unreadable_error(
                    damaged=True,
                    reason=f"it has format {data['version']}, and this server knows format {FORMAT_VERSION}",
                )
            app = PartnerApp.model_validate(data["app"]) if data.get("app") else None
            accounts = [Account.model_validate(entry) for entry in data["accounts"]]
        except (ValueError, TypeError, KeyError, RecursionError, ValidationError) as error:
            # The text of the fault may quote tokens.
            raise self._unreadable_error(f"it is damaged ({type(error).__name__})", damaged=True) from None
        return StoredAccounts(app, {account.id: account for account in accounts})

    def _unreadable_error(self, reason: str, *, damaged: bool = False) -> ShopError:
        hint = "It is left as it is. Update the server, or sign in anew: the old file is then kept aside."
        message = f"The store {self.path} can't be read: {reason}."
        error = ShopError("not_configured", message, hint=hint)
        if damaged:
            error.details["damaged"] = True
        return error


@dataclass
class _FileTransaction:
    app: PartnerApp | None
    accounts: dict[str, Account]
    store: FileAccountStore

    async def save(self) -> None:
        contents = StoredAccounts(self.app, dict(self.accounts))
        write_task = asyncio.ensure_future(asyncio.to_thread(self.store.write, contents))
        try:
            await asyncio.shield(write_task)
        except asyncio.CancelledError:
            await asyncio.wait([write_task])  # the lock must outlive the write
            raise
        except OSError as error:
            message = f"The store {self.store.path} can't be written: {error.strerror}."
            raise ShopError("not_configured", message, hint="Make room, or mend the folder's permissions.") from None


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, their owner's alone."""
    if not folder.parent.exists():
        make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private_file(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, readable by its owner alone: old or new, never half of one."""
    make_private_folder(path.parent)
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

    for attempt in range(MAX_REPLACE_ATTEMPTS):
        try:
            temporary.replace(path)
            break
        except PermissionError:
            if os.name != "nt" or attempt == MAX_REPLACE_ATTEMPTS - 1:
                temporary.unlink(missing_ok=True)
                raise
            time.sleep(0.05)
    if os.name != "nt":  # the rename itself must survive a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
