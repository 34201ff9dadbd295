"""Small records with an end, shared by every process on one home: pending confirmations, unknown outcomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.account_store import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = dict[str, Any]
Heir = Callable[[Record], Record | None]
PATIENCE = 10.0


class Records(Protocol):
    """Records by key, each gone `life` seconds after it was put. Every method is one step that no other divides."""

    async def claim(self, key: str, record: Record, life: float, heir: Heir | None = None) -> Record | None:
        """Put the record where there is none; else answer the one that is there.

        `heir` may make a record that takes the place of the one that is there.
        """
        ...

    async def put(self, key: str, record: Record, life: float) -> None: ...

    async def get(self, key: str) -> Record | None: ...

    async def take(self, key: str) -> Record | None:
        """The record, which is gone with that."""
        ...


class FileRecords:
    """Records in one file: owner-only, replaced as a whole, locked across processes. `clock` gives Unix seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def claim(self, key: str, record: Record, life: float, heir: Heir | None = None) -> Record | None:
        def step(known: dict[str, Record]) -> Record | None:
            entered: Record | None = record
            if key in known:
                entered = heir(known[key]) if heir else None
            if entered is None:
                return known[key]
            known[key] = entered | {"until": self._clock() + life}
            return None

        return await self._changed(step)

    async def put(self, key: str, record: Record, life: float) -> None:
        def step(known: dict[str, Record]) -> None:
            known[key] = record | {"until": self._clock() + life}

        await self._changed(step)

    async def get(self, key: str) -> Record | None:
        return (await asyncio.to_thread(self._known)).get(key)

    async def take(self, key: str) -> Record | None:
        return await self._changed(lambda known: known.pop(key, None))

    async def _changed(self, step: Callable[[dict[str, Record]], Record | None]) -> Record | None:
        """What the step answers; a change that has begun is carried out although its caller is gone."""
        changing = asyncio.ensure_future(asyncio.to_thread(self._change, step))
        try:
            return await asyncio.shield(changing)
        except asyncio.CancelledError:
            await asyncio.wait([changing])
            raise

    def _change(self, step: Callable[[dict[str, Record]], Record | None]) -> Record | None:
        try:
            with self._held() as known:
                return step(known)
        except OSError as error:
            told = f"{self._path} can't be written: {error.strerror or type(error).__name__}. Nothing was sent."
            raise ShopError("not_configured", told, hint="Make room, or mend the folder's permissions.") from None

    @contextmanager
    def _held(self) -> Iterator[dict[str, Record]]:
        from filelock import FileLock  # noqa: PLC0415 - only when something is to be kept

        private_folder(self._path.parent)
        with FileLock(self._path.with_suffix(".lock"), timeout=PATIENCE):
            known = self._known()
            before = json.dumps(known)
            yield known
            if (after := json.dumps(known)) != before:
                write_private(self._path, after.encode())

    def _known(self) -> dict[str, Record]:
        """The records that have not ended.

        Raises:
            ShopError: `not_configured` where the file can't be read: what it would say is not to be passed over.

        """
        try:
            kept = json.loads(self._path.read_bytes())
            return {key: record for key, record in kept.items() if record["until"] > self._clock()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            told = f"{self._path} can't be read ({type(error).__name__}). Nothing was sent."
            raise ShopError(
                "not_configured", told, hint="Delete the file once its last writes are looked up."
            ) from None
