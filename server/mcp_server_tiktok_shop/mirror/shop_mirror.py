"""The local copy of one shop: which sources are being read, who may write, which snapshot is current."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.progress import SyncProgress
from mcp_server_tiktok_shop.mirror.refusals import describe_refusal, make_nothing_error
from mcp_server_tiktok_shop.mirror.sharing import make_sharing
from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot, list_table_states
from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotError
from mcp_server_tiktok_shop.mirror.snapshots import SnapshotStore
from mcp_server_tiktok_shop.mirror.source_sync import SECONDS_PER_DAY
from mcp_server_tiktok_shop.mirror.spool import Spool
from mcp_server_tiktok_shop.mirror.storage_faults import DAMAGE_MESSAGE, StorageFaults
from mcp_server_tiktok_shop.mirror.sync_maker import SyncMaker
from mcp_server_tiktok_shop.mirror.threads import run_to_end, wait_to_end
from mcp_server_tiktok_shop.mirror.wishes import fulfill
from mcp_server_tiktok_shop.mirror.writer_lock import WriterLock, WritingRight
from mcp_server_tiktok_shop.state.files.private_files import make_storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.batches import Batch
    from mcp_server_tiktok_shop.mirror.parts import MirrorParts
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.states import MirrorState, SourceState
    from mcp_server_tiktok_shop.mirror.tables import Source
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

MAX_ROUNDS = 4  # of bringing sources up to date within one question

log = logging.getLogger(__name__)


class ShopMirror:
    """The copy of one shop in a folder."""

    def __init__(self, parts: MirrorParts, folder: MirrorFolder, shop_id: str | None = None) -> None:
        """Without `shop_id` it is the folder alone, of whatever shop, and is shared with no other replica."""
        self._parts = parts
        self.folder = folder
        self._store = SnapshotStore(folder, parts.table_catalog, parts.snapshot_workers)
        self._spool = Spool(folder.spool_folder, parts.hide_secrets)
        self._sharing = make_sharing(parts, folder, shop_id, self._store, self._spool)
        self._writer = WritingRight(WriterLock(folder.lock_path), self._sharing)
        self._wish_task: asyncio.Task[None] | None = None
        self._begin_lock = asyncio.Lock()
        self._publish_lock = asyncio.Lock()
        self._state: MirrorState | None = None  # as this process writes it; None while it does not
        self._has_lost_right = False  # to write, to another replica
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}  # by source and step
        self._storage_faults = StorageFaults(folder.root, parts.clock)
        self._sync_maker = SyncMaker(parts, self._store, self._spool)
        self._progress = SyncProgress()

    @property
    def state(self) -> MirrorState:
        """What is in force, and what kept this process from writing since."""
        state = self._state if self._state is not None else self._store.load_state()
        return self._storage_faults.mark(state)

    async def refresh(
        self,
        target: Target,
        sources: Sequence[Source],
        max_age_s: float,
        deadline: float,
        report_progress: ProgressReporter | None,
    ) -> ShopSnapshot:
        """See `Mirror.refresh`."""
        began = self._parts.clock()
        await self._follow()
        moments = {source.name: await self._parts.find_moment(target, source, began, max_age_s) for source in sources}
        for _ in range(MAX_ROUNDS):
            if not self._list_stale(moments, began) or self._parts.monotonic() >= deadline:
                break
            try:
                is_writer = await self._wait_for_writer(moments, began, deadline)
            except OSError as error:  # no reason not to answer from what is there
                for source in self._list_stale(moments, began):
                    self._storage_faults.add(source.name, error)
                break
            if is_writer:
                stale = self._list_stale(moments, began)
                tasks = [t for source in stale for t in self._start_steps(target, source, moments[source.name])]
                if tasks:
                    self._store.prepare()
                self._begin_fulfilling(target)
                self._end_writing()  # where another was faster, and there is nothing to read
                await self._progress.wait(tasks, deadline, self._parts.monotonic, report_progress)
        state = self.state
        if not state.snapshot:
            storage_error = self._storage_faults.find_error(source.name for source in sources)
            raise storage_error or make_nothing_error(state.get_source(source.name).problem for source in sources)
        return self._to_snapshot(target, state)

    async def look(self, target: Target) -> ShopSnapshot | None:
        """See `Mirror.look`."""
        await self._follow()
        state = self.state
        return self._to_snapshot(target, state) if state.snapshot else None

    async def count_rows(self) -> dict[str, int]:
        """See `Mirror`."""
        return await self._store.count_all_rows(self.state)

    async def discard(self, snapshot: ShopSnapshot) -> None:
        """See `Mirror.discard`."""
        state = self.state
        if state.snapshot and self._store.get_path(state) == snapshot.path:
            await self._forget_state(state)

    async def forget(self) -> None:
        """See `Mirror.forget`."""
        async with self._begin_lock:
            await self._end_tasks()
            try:
                if not self._writer.acquire_folder():
                    message = "Another process is reading this shop's copy from the platform."
                    raise ShopError("not_permitted", message, hint="End it first, or try again later.", retryable=True)
                try:
                    await run_to_end(self._store.delete_all)
                finally:
                    self._end_writing()
            except OSError as error:
                raise make_storage_error(self.folder.root, "deleted", error) from error

    async def close(self) -> None:
        """End what goes on; what was read lies in the spool."""
        await self._end_tasks()

    async def publish(
        self, source: Source, batches: Sequence[Batch], make_changes: Callable[[SourceState], Json]
    ) -> None:
        """Lay batches of one kind into the snapshot, and take them out of the spool.

        `make_changes` gives what changes of the source's state, by the one before. Raises OSError, SnapshotError.
        """
        async with self._publish_lock:
            changes = make_changes(self.state.get_source(source.name))
            self._state = await wait_to_end(self._store.lay_in(self.state, source, batches, **changes))
            for batch in batches:
                self._spool.delete(batch)
            await self._share()

    async def _share(self) -> None:
        """Let other replicas have what is in force; where one has published meanwhile, all that is read here ends."""
        assert self._state is not None  # noqa: S101 - only who writes shares
        state = await self._sharing.publish(self._state)
        if state is None:
            log.warning("another replica reads this shop now: what was not published here is read again")
            self._has_lost_right = True
            for task in self._tasks.values():
                task.cancel()
            await asyncio.get_running_loop().create_future()  # of which nothing comes: this is cancelled
        self._state = state

    def _list_stale(self, moments: Mapping[str, float], began: float) -> list[Source]:
        """The sources that are not whole, or not of their moment or later, but for those that failed since we began."""
        sources = (self._parts.table_catalog.sources[name] for name in moments)
        states = [(source, self.state.get_source(source.name)) for source in sources]
        return [
            source
            for source, state in states
            if state.problem_at < began
            and (not state.is_fresh(moments[source.name]) or self._is_backfill_due(source, state))
        ]

    async def _wait_for_writer(self, moments: Mapping[str, float], began: float, deadline: float) -> bool:
        """Be who writes; or wait while another process does, until there is what is wanted. Whether we write.

        Raises OSError.
        """
        has_wished = False
        while True:
            async with self._begin_lock:
                if await self._begin_writing():
                    return True
            await self._follow()
            stale = self._list_stale(moments, began)
            if not stale or self._parts.monotonic() >= deadline:
                return False
            if not has_wished:  # who writes may be at another table for hours
                has_wished = True
                for source in stale:
                    await self._sharing.wishes.put(source.name, moments[source.name])
            await asyncio.sleep(self._sharing.wishes.look_interval_s)

    def _begin_fulfilling(self, target: Target) -> None:
        """Read what others wish for, as long as there is anything that is being read here."""

        def read(source_name: str, since: float) -> None:
            source = self._parts.table_catalog.sources.get(source_name)
            if source is not None and self._sync_maker.is_available(source):
                self._start_steps(target, source, since)

        if self._tasks and (self._wish_task is None or self._wish_task.done()):
            self._wish_task = asyncio.create_task(fulfill(self._sharing.wishes, lambda: bool(self._tasks), read))

    async def _follow(self) -> None:
        """Have here what was published last, where this process is not the one that writes. Raises ShopError."""
        if self._sharing.is_shared:
            async with self._begin_lock:
                try:
                    if self._state is None:
                        await self._writer.follow()
                except OSError as error:  # no reason not to answer from what is there
                    log.warning("what another replica published can't be stored: %s", error.strerror)

    async def _begin_writing(self) -> bool:
        """Whether this process is the one that writes: from now on, where no other is. Raises OSError, ShopError."""
        if self._state is not None:
            return True
        if not await self._writer.acquire():
            return False
        self._store.delete_leftovers()
        self._state = self._store.load_state()
        if not self._state.snapshot:
            self._spool.delete_all()
        return True

    def _end_writing(self) -> None:
        if not self._tasks:
            self._state, self._has_lost_right = None, False
            self._progress = SyncProgress()
            self._writer.release()

    def _start_steps(self, target: Target, source: Source, since: float) -> list[asyncio.Task[None]]:
        """The tasks that bring a source up to date, begun where they do not run yet."""
        state = self.state.get_source(source.name)
        steps: list[asyncio.Task[None]] = []
        if self._is_backfill_due(source, state):
            steps.append(self._start(source, "backfill", lambda: self._backfill(target, source)))
        if (source.history is None or state.history_from) and state.as_of < since:
            steps.append(self._start(source, "freshen", lambda: self._freshen(target, source, since)))
        return steps

    def _is_backfill_due(self, source: Source, state: SourceState) -> bool:
        latest_start = int(self._parts.clock()) - (self._parts.history_days - 1) * SECONDS_PER_DAY
        return source.history is not None and (not state.is_complete or state.history_start > latest_start)

    def _start(self, source: Source, step: str, run: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
        key = (source.name, step)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(source, step, run))
            self._tasks[key].add_done_callback(partial(self._finish, key))
        return self._tasks[key]

    def _finish(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        self._end_writing()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reading %s ended with %s", key[0], type(error).__name__)

    async def _run(self, source: Source, step: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a step of a source; what is in its way is put down as the source's problem."""
        problem = ""
        self._storage_faults.remove(source.name)
        try:
            with self._parts.metrics.open_span(f"copy {source.name}", step=step):
                await run()
        except asyncio.CancelledError:
            if self._has_lost_right:
                return
            raise
        except ShopError as error:
            problem = describe_refusal(source, error)
        except OSError as error:
            problem = self._storage_faults.add(source.name, error)
        except SnapshotError as error:
            if await wait_to_end(self._store.is_whole(self.state)):
                if error.is_of_storage:
                    problem = self._storage_faults.add(source.name, OSError(0, str(error)))
                else:
                    problem = f"The local copy can't be written: {error}"
                    self._spool.delete_source(source.name)  # if it was that which can't be read, it is read anew
            else:
                await self._forget_state(self.state)
                return
        if problem:
            log.warning("%s could not be read: %s", source.name, problem)
        if problem or self.state.get_source(source.name).problem:
            now = self._parts.clock() if problem else 0
            async with self._publish_lock:
                self._state = self.state.with_source(source.name, problem=problem, problem_at=now)
                with suppress(OSError, ShopError):  # it is told in this process all the same
                    self._store.store_state(self._state)
                    await self._share()

    async def _backfill(self, target: Target, source: Source) -> None:
        if source.history is not None:
            await self._sync_maker.make(target, source, self, self._progress).backfill(source.history)

    async def _freshen(self, target: Target, source: Source, since: float) -> None:
        if source.for_each is not None:
            parent = self._store.get_parent_source(source)
            if not self.state.get_source(parent.name).is_fresh(since):
                await asyncio.gather(*self._start_steps(target, parent, since))
        await self._sync_maker.make(target, source, self, self._progress).freshen(since)

    async def _end_tasks(self) -> None:
        tasks = [*self._tasks.values(), *([self._wish_task] if self._wish_task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forget_state(self, state: MirrorState) -> None:
        """Have the copy made anew, or fetched anew where only this file of it is damaged."""
        log.warning(DAMAGE_MESSAGE)
        with suppress(OSError):  # then there is no file any more, as it should be
            await self._sharing.discard(state)
        self.folder.state_path.unlink(missing_ok=True)
        if self._state is not None:
            self._spool.delete_all()
            await self._sharing.follow()
            self._state = self._store.load_state()

    def _to_snapshot(self, target: Target, state: MirrorState) -> ShopSnapshot:
        assert target.shop is not None  # noqa: S101 - a mirror is one shop's
        zone, tables = target.resolve_zone(self._parts.paginator.zone), self._parts.table_catalog
        return ShopSnapshot(target.shop, zone, self._store.get_path(state), list_table_states(state, tables))
