"""The account store in one file that only its owner can read."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pydantic import ValidationError

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp, StoredAccounts
from mcp_server_tiktok_shop.state.files.private_files import (
    LOCK_SUFFIX,
    check_writable,
    delete_partial_files,
    give_room_back,
    make_private_folder,
    make_storage_error,
    set_room_aside,
    to_json_bytes,
    write_into_room,
    write_private_file,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.state.stores import AccountTransaction

FORMAT_VERSION = 1
SPARE_BYTES = 16 * 1024  # by which one account's new pair, names and scopes may be longer than the old
RENEWAL_LOCK_TIMEOUT_S = 40.0  # longer than the longest renewal that another process may be in


class FileAccountStore:
    """Accounts as JSON of FORMAT_VERSION in one file: owner-only, replaced as a whole, locked across processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loaded_stamp: tuple[int, int, int] | None = None
        self._contents = StoredAccounts()

    def read(self) -> StoredAccounts:
        """The contents as the file has them, parsed again only where it changed."""
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - asked several times a call, and twice as quick
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._loaded_stamp:
                self._contents = self._parse(self.path.read_bytes())
                self._loaded_stamp = stamp
        except (FileNotFoundError, NotADirectoryError):
            if self._loaded_stamp is not None:
                self._loaded_stamp, self._contents = None, StoredAccounts()
        except OSError as error:
            raise make_storage_error(self.path, "read", error) from None
        return self._contents

    async def refresh(self) -> None:
        """Reading sees by itself whether the file has changed."""

    async def check_writable(self) -> None:
        """Write another file as large as the contents, beside them."""
        async with self.edit() as transaction:
            content = _serialize(StoredAccounts(transaction.app, transaction.accounts))
            try:
                await asyncio.to_thread(check_writable, self.path, content)
            except OSError as error:
                raise make_storage_error(self.path, "written", error) from None

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AccountTransaction]:
        """The contents under a lock that is waited for up to RENEWAL_LOCK_TIMEOUT_S."""
        from filelock import AsyncFileLock, Timeout  # noqa: PLC0415 - only when something is to be stored

        lock = AsyncFileLock(self.path.with_suffix(LOCK_SUFFIX), timeout=RENEWAL_LOCK_TIMEOUT_S, thread_local=False)
        try:
            await asyncio.to_thread(make_private_folder, self.path.parent)
            await lock.acquire()
        except Timeout:
            message = f"Another process has held {lock.lock_file} for {RENEWAL_LOCK_TIMEOUT_S:.0f} s."
            hint = "Try again; if that does not help, end other servers."
            raise ShopError("internal", message, hint=hint, retryable=True) from None
        except OSError as error:
            raise make_storage_error(self.path, "written", error) from None
        try:
            self._loaded_stamp = None  # what is decided under the lock must not hang on a file's time stamp
            contents = await asyncio.to_thread(self.read)
            with suppress(OSError):  # what they take is a little room
                await asyncio.to_thread(delete_partial_files, self.path)
            try:
                yield _FileTransaction(contents.app, dict(contents.accounts), self, contents.unreadable)
            finally:
                with suppress(OSError):
                    await asyncio.to_thread(give_room_back, self.path)
        finally:
            await lock.release()

    def quarantine_damaged_file(self) -> Path | None:
        """Rename a file that can't be understood, so that a new sign-in can be stored; answers its new path.

        None where the file is sound or missing.

        Raises:
            ShopError: `not_configured` where the file can't even be read: it may be whole.

        """
        try:
            self.read()
        except ShopError as error:
            if not error.details.get("damaged"):
                raise
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            quarantine_path = self.path.with_name(f"{self.path.stem}.unreadable-{stamp}{self.path.suffix}")
            self.path.rename(quarantine_path)
            return quarantine_path
        return None

    def write(self, contents: StoredAccounts) -> None:
        """Replace the file; only for one who has the lock. What the disk gives back must say the same.

        Raises:
            OSError: It can't be written.
            ShopError: `not_configured`: what was to be written could not be read again.

        """
        self._replace(contents, write_into_room)

    def write_with_room(self, contents: StoredAccounts) -> None:
        """As `write`, and take disk space for the next `write` of contents like these first."""
        set_room_aside(self.path, len(_serialize(contents)) + SPARE_BYTES)
        self._replace(contents, write_private_file)

    def _replace(
        self, contents: StoredAccounts, write: Callable[[Path, bytes, Callable[[bytes], None] | None], None]
    ) -> None:
        payload = _to_payload(contents)

        def check(written: bytes) -> None:
            if _to_payload(self._parse(written)) != payload:
                raise self._unreadable_error("what was written is not what was to be stored")

        write(self.path, _serialize(contents), check)

    def _parse(self, content: bytes) -> StoredAccounts:
        accounts: dict[str, Account] = {}
        unreadable: list[Any] = []
        try:
            data = json.loads(content)
            if data["version"] != FORMAT_VERSION:
                raise self._unreadable_error(
                    damaged=True,
                    reason=f"it has format {data['version']}, and this server knows format {FORMAT_VERSION}",
                )
            app = PartnerApp.model_validate(data["app"]) if data.get("app") else None
            for entry in data["accounts"]:
                try:
                    account = Account.model_validate(entry)
                except ValidationError:
                    unreadable.append(entry)
                else:
                    accounts[account.id] = account
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # The text of the fault may quote tokens.
            raise self._unreadable_error(f"it is damaged ({type(error).__name__})", damaged=True) from None
        if unreadable and not accounts:
            raise self._unreadable_error("no account in it can be understood", damaged=True)
        return StoredAccounts(app, accounts, tuple(unreadable))

    def _unreadable_error(self, reason: str, *, damaged: bool = False) -> ShopError:
        hint = "It is left as it is. Update the server, or sign in again: the old file is then kept aside."
        message = f"The store {self.path} can't be read: {reason}."
        error = ShopError("not_configured", message, hint=hint)
        if damaged:
            error.details["damaged"] = True
        return error


class _FileTransaction(Struct):
    app: PartnerApp | None
    accounts: dict[str, Account]
    store: FileAccountStore
    unreadable: tuple[Any, ...] = ()

    async def save(self, *, is_another_sure: bool = False) -> None:
        contents = StoredAccounts(self.app, dict(self.accounts), self.unreadable)
        write_task = asyncio.ensure_future(asyncio.to_thread(self._write, contents, is_another_sure))
        try:
            await asyncio.shield(write_task)
        except asyncio.CancelledError:
            await asyncio.wait([write_task])  # the lock must outlive the write
            raise
        except OSError as error:
            raise make_storage_error(self.store.path, "written", error) from None

    def _write(self, contents: StoredAccounts, is_another_sure: bool) -> None:
        if is_another_sure:
            self.store.write_with_room(contents)
        else:
            self.store.write(contents)


def _serialize(contents: StoredAccounts) -> bytes:
    return to_json_bytes(_to_payload(contents), indent=1)


def _to_payload(contents: StoredAccounts) -> dict[str, Any]:
    """The contents as the file has them, those that can't be understood with them."""
    return {
        "version": FORMAT_VERSION,
        "app": contents.app.model_dump(mode="json") if contents.app else None,
        "accounts": [
            *(account.model_dump(mode="json") for account in contents.accounts.values()),
            *contents.unreadable,
        ],
    }
