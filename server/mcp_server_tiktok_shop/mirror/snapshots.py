"""Publishes snapshots: immutable DuckDB files, each the previous one plus the batches of a source."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotError
from mcp_server_tiktok_shop.mirror.states import MirrorState, load_state, store_state
from mcp_server_tiktok_shop.mirror.threads import run_to_end
from mcp_server_tiktok_shop.state.files.private_files import PARTIAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.batches import Batch
    from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
    from mcp_server_tiktok_shop.mirror.tables import Source, TableCatalog
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

RETAINED_SNAPSHOTS = 2
MIN_RETAIN_S = 60.0  # seconds for which an older one stays: another process may be about to open it


class Parent(Struct, frozen=True):
    """A row that a source is asked for: the value to ask with, and whether what comes need never be read again."""

    value: str
    is_stable: bool


class SnapshotStore:
    """The snapshots of one shop's copy. Only who has the writer's lock may write."""

    def __init__(self, folder: MirrorFolder, catalog: TableCatalog, workers: SnapshotWorkers) -> None:
        self.folder = folder
        self._catalog = catalog
        self._workers = workers

    def load_state(self) -> MirrorState:
        """What is in force; an empty state where the snapshot it names is not there whole."""
        state = load_state(self.folder.state_path, self._catalog.fingerprint)
        try:
            is_whole = state.snapshot == 0 or self.get_path(state).stat().st_size == state.size
        except OSError:
            is_whole = False
        return state if is_whole else MirrorState(self._catalog.fingerprint)

    def get_path(self, state: MirrorState) -> Path:
        return self.folder.get_snapshot_path(state.snapshot)

    def store_state(self, state: MirrorState) -> None:
        """Put a state with the same snapshot in force. Raises OSError."""
        store_state(self.folder.state_path, state)

    def adopt(self, state: MirrorState, path: Path | None) -> None:
        """Put in force what was made elsewhere, with its snapshot where that is not here yet. Raises OSError."""
        if path is not None:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            path.rename(self.get_path(state))
        self.store_state(state)
        self.delete_old(state)

    def delete_leftovers(self) -> None:
        """Delete what killed processes left half-written."""
        for path in self.folder.root.glob(f"*{PARTIAL_SUFFIX}*"):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder.swap_folder, ignore_errors=True)

    def delete_all(self) -> None:
        """Delete the copy, and all that was read for it; the lock stays, which is ours. Raises OSError."""
        self.folder.state_path.unlink(missing_ok=True)
        for path in self.folder.root.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.folder.lock_path:
                path.unlink(missing_ok=True)

    def delete_old(self, state: MirrorState) -> None:
        """Delete the snapshots that nobody opens any more; one that can't be deleted is tried again next time."""
        snapshots = self.folder.list_snapshots()
        now = time.time()
        for number, path in snapshots[:-RETAINED_SNAPSHOTS]:
            with suppress(OSError):
                if number != state.snapshot and now - path.stat().st_mtime > MIN_RETAIN_S:
                    path.unlink()

    def get_parent_source(self, source: Source) -> Source:
        """The source of the table that a source is asked for each row of."""
        assert source.for_each is not None  # noqa: S101 - only such a source has one
        return self._catalog.sources[self._catalog.tables[source.for_each.table].source]

    # ---- what a worker does; each raises SnapshotError where the snapshot is damaged, and OSError

    def prepare(self) -> None:
        """Make ready for a snapshot to be written."""
        self._workers.prepare()

    async def lay_in(self, state: MirrorState, source: Source, batches: Sequence[Batch], **changes: Any) -> MirrorState:
        """Put a state in force in which the batches of one kind are laid in, with these changes of the source.

        Where nothing differs the snapshot stays. Where it fails the old state is in force.
        """
        former = state.get_source(source.name)
        path: str | None = None
        unreadable_count = former.unreadable_count
        if batches:
            listed = [
                {
                    "path": str(batch.path),
                    "key": asdict(batch.key),
                    "read_at": batch.read_at,
                    "parents": sorted(batch.parents),
                    "stable_parents": sorted(batch.stable_parents),
                }
                for batch in batches
            ]
            reply = await self._run("lay_in", state, source, batches=listed, history_from=former.history_from)
            path = reply["path"]
            unreadable_count += reply["unreadable_count"]
        state = state.with_source(source.name, **changes, unreadable_count=unreadable_count)
        return await run_to_end(self._put_in_force, state, path)

    async def is_whole(self, state: MirrorState) -> bool:
        """Whether everything in the snapshot in force can be read."""
        if state.snapshot:
            try:
                await self._run("read_through", state)
            except SnapshotError:
                return False
        return True

    async def count_rows(self, state: MirrorState, source: Source, start: int, end: int) -> int:
        """How many rows of the source's list were made from `start` until before `end`, in Unix seconds."""
        count: int = await self._run("count_rows", state, source, start=start, end=end)
        return count

    async def count_all_rows(self, state: MirrorState) -> dict[str, int]:
        """How many rows each table has."""
        if not state.snapshot:
            return dict.fromkeys(self._catalog.tables, 0)
        counts: dict[str, int] = await self._run("count_all_rows", state)
        return counts

    async def list_parents(self, state: MirrorState, source: Source, since: float) -> list[Parent]:
        """The rows that a source is to be asked for, newest first: not the stable ones, nor those read since a moment.

        The stable ones are asked for once.
        """
        if source.for_each is None or not state.snapshot:
            return []
        return [Parent(*row) for row in await self._run("list_parents", state, source, since=since)]

    async def find_oldest_reading(self, state: MirrorState, source: Source, since: float) -> int | None:
        """When the oldest of the rows was read that are not asked for again since they were read since a moment.

        None where there is none.
        """
        if source.for_each is None or not state.snapshot:
            return None
        oldest: int | None = await self._run("find_oldest_reading", state, source, since=since)
        return oldest

    async def _run(self, task: str, state: MirrorState, source: Source | None = None, **parts: Any) -> Any:
        """What a worker answers."""
        return await self._workers.run(
            {
                "task": task,
                "folder": str(self.folder.root),
                "base": str(self.get_path(state)) if state.snapshot else None,
                "source": source.name if source is not None else None,
                **parts,
            }
        )

    def _put_in_force(self, state: MirrorState, partial: str | None) -> MirrorState:
        """Put a state in force; a new snapshot is given its name before."""
        if partial is None:
            self.store_state(state)
            return state
        path = self.folder.root / partial
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        number = max([time.time_ns(), *(number + 1 for number, _ in self.folder.list_snapshots()[-1:])])
        state = replace(state, snapshot=number, size=path.stat().st_size)
        path.rename(self.get_path(state))
        self.store_state(state)
        self.delete_old(state)
        return state
