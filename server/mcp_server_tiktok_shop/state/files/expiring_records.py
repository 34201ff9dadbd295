"""Expiring records in one file, shared by every process on one home folder."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import (
    lock_file,
    make_storage_error,
    to_json_bytes,
    write_private_file,
)
from mcp_server_tiktok_shop.state.steady_clock import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mcp_server_tiktok_shop.state.steady_clock import SteadyClock
    from mcp_server_tiktok_shop.state.stores import Record, ReplaceRule

EXPIRY_KEY = "until"  # of the moment in each record of the file
MAX_REMAINING_S = 600.0  # the longest that any record lives: what claims more was put when a clock was wrong

log = logging.getLogger(__name__)


class FileExpiringRecords:
    """One JSON object of records: owner-only, replaced as a whole, locked across processes.

    How long a record lives is measured by a clock that is never set. That of a record from before the machine was
    started, or of another machine, is known by the time of day alone: it lives MAX_REMAINING_S more at most. So does a
    record that can't be understood: it stands for something, and nobody knows since when.
    """

    def __init__(self, path: Path, clock: SteadyClock) -> None:
        self.path = path
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
            records[key] = new_record | self._make_expiry(ttl_s)
            return None

        return await self._update(apply)

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        def apply(records: dict[str, Record]) -> None:
            records[key] = record | self._make_expiry(ttl_s)

        await self._update(apply)

    async def get(self, key: str) -> Record | None:
        record = (await asyncio.to_thread(self._read_unexpired)).get(key)
        if record is None:
            return None
        expiry = _read_expiry(record)
        if expiry is not None and self._clock.is_measurable(expiry):
            return record
        return await self._update(lambda records: records.get(key))  # so that its time begins to run

    async def count_unreadable(self) -> int:
        """How many records can't be understood. Raises ShopError as `get`."""
        return sum(_read_expiry(record) is None for record in (await asyncio.to_thread(self._read)).values())

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
            refusal = make_storage_error(self.path, "written", error)
            refusal.message += " Nothing was sent."
            raise refusal from None

    @contextmanager
    def _edit(self) -> Iterator[dict[str, Record]]:
        with lock_file(self.path):
            stored = self._read()
            records = {key: self._rebase(record) for key, record in self._select_unexpired(stored).items()}
            yield records
            if records != stored:
                write_private_file(self.path, to_json_bytes(records))

    def _make_expiry(self, ttl_s: float) -> Record:
        return self._clock.compute_moment(ttl_s).to_record(EXPIRY_KEY)

    def _rebase(self, record: Any) -> Record:
        """The record with an expiry that the clock that is never set decides about."""
        expiry = _read_expiry(record)
        if expiry is None:
            log.warning("a record in %s can't be understood; it stands for its time", self.path)
            return (dict(record) if isinstance(record, dict) else {}) | self._make_expiry(MAX_REMAINING_S)
        if self._clock.is_measurable(expiry):
            return dict(record)
        return dict(record) | self._make_expiry(min(self._clock.compute_remaining_seconds(expiry), MAX_REMAINING_S))

    def _read_unexpired(self) -> dict[str, Record]:
        """The records that have not expired; of what can't be understood, that it is there."""
        unexpired = self._select_unexpired(self._read())
        return {key: record if isinstance(record, dict) else {} for key, record in unexpired.items()}

    def _select_unexpired(self, stored: dict[str, Any]) -> dict[str, Any]:
        expiries = {key: _read_expiry(record) for key, record in stored.items()}
        return {
            key: stored[key]
            for key, expiry in expiries.items()
            if expiry is None or self._clock.compute_remaining_seconds(expiry) > 0
        }

    def _read(self) -> dict[str, Any]:
        """What the file has, in whatever form."""
        stored: Any = {}
        try:
            stored = json.loads(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise make_storage_error(self.path, "read", error) from None
        except (ValueError, RecursionError) as error:
            raise self._damage_error(type(error).__name__) from None
        if not isinstance(stored, dict):
            raise self._damage_error("it is no object")
        return dict(stored)

    def _damage_error(self, reason: str) -> ShopError:
        message = f"{self.path} can't be read ({reason}). Nothing was sent."
        return ShopError("not_configured", message, hint="Delete the file once its last writes are looked up.")


def _read_expiry(record: Any) -> Moment | None:
    return Moment.from_record(record, EXPIRY_KEY) if isinstance(record, dict) else None
