"""Expiring records in one file, shared by every process on one home folder."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import lock_file, make_storage_error, write_private_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mcp_server_tiktok_shop.state.stores import Record, ReplaceRule

EXPIRY_KEY = "until"  # in each record of the file, in Unix seconds


class FileExpiringRecords:
    """One JSON object of records: owner-only, replaced as a whole, locked across processes.

    `clock` gives Unix seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def claim(
        self, key: str, record: Record, ttl_s: float, replace_if: ReplaceRule | None = None
    ) -> Record | None:
        def apply(records: dict[str, Record]) -> Record | None:
            new_record: Record | None = record
            if key in records:
                new_record = replace_if(records[key]) if replace_if else None
            if new_record is None:
                return records[key]
            records[key] = new_record | {EXPIRY_KEY: self._clock() + ttl_s}
            return None

        return await self._update(apply)

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        def apply(records: dict[str, Record]) -> None:
            records[key] = record | {EXPIRY_KEY: self._clock() + ttl_s}

        await self._update(apply)

    async def get(self, key: str) -> Record | None:
        return (await asyncio.to_thread(self._read_unexpired)).get(key)

    async def take(self, key: str) -> Record | None:
        return await self._update(lambda records: records.pop(key, None))

    async def _update(self, apply: Callable[[dict[str, Record]], Record | None]) -> Record | None:
        """What `apply` answers; a change that has begun is carried out although its caller is gone."""
        change_task = asyncio.ensure_future(asyncio.to_thread(self._update_locked, apply))
        try:
            return await asyncio.shield(change_task)
        except asyncio.CancelledError:
            await asyncio.wait([change_task])
            raise

    def _update_locked(self, apply: Callable[[dict[str, Record]], Record | None]) -> Record | None:
        try:
            with self._edit() as records:
                return apply(records)
        except OSError as error:
            refusal = make_storage_error(self._path, "written", error)
            refusal.message += " Nothing was sent."
            raise refusal from None

    @contextmanager
    def _edit(self) -> Iterator[dict[str, Record]]:
        with lock_file(self._path):
            records = self._read_unexpired()
            before = json.dumps(records)
            yield records
            if (after := json.dumps(records)) != before:
                write_private_file(self._path, after.encode())

    def _read_unexpired(self) -> dict[str, Record]:
        """The records that have not expired."""
        try:
            stored = json.loads(self._path.read_bytes())
            return {key: record for key, record in stored.items() if record[EXPIRY_KEY] > self._clock()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise make_storage_error(self._path, "read", error) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{self._path} can't be read ({type(error).__name__}). Nothing was sent."
            raise ShopError(
                "not_configured", message, hint="Delete the file once its last writes are looked up."
            ) from None
