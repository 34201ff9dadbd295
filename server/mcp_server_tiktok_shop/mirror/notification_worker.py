"""Follows up the platform's notifications: what may have changed counts as old, and is read again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.catalog.webhook_events import load_webhook_events
from mcp_server_tiktok_shop.errors import ShopError, contain_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.platform.shops import ShopResolver, Target
    from mcp_server_tiktok_shop.state.stores import Notification, NotificationStore, WriteMarks

LOOK_INTERVAL_S = 60.0  # at which the store is looked at unasked: for what failed, or another process left
COLLECTING_S = 0.2  # that more is waited for when one has come: they come in bursts, and each look reads all that wait
# Between two readings of a shop, and as so many times what the one before took: who asks needs the platform's rate too.
REFRESH_PAUSE_S = 5.0
PAUSE_SHARE = 4
REFRESH_TIMEOUT_S = 120.0  # that a reading is waited for; it goes on behind that

log = logging.getLogger(__name__)


class NotificationWorker(Struct):
    """Makes the copies of shops fresh, one reading at a time for each shop. `monotonic` is the clock of deadlines.

    A notification is a hint: what is there now is read from the platform, so that neither the order in which they come
    nor the words they use matter. Shops without a copy are not read. A notification is finished when its shop was read;
    what a reading could not reach counts as old, and is read when it is asked for.
    """

    store: NotificationStore
    write_marks: WriteMarks
    shops: ShopResolver
    get_mirror: Callable[[], Mirror]
    monotonic: Callable[[], float]
    metrics: Metrics
    refresh_pause_s: float = REFRESH_PAUSE_S
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _refreshes: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by shop
    _taken_up: set[tuple[str, str]] = field(default_factory=set)  # by shop and id: marked, and not finished

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look at what was stored just now."""
        self._arrival.set()

    async def close(self) -> None:
        """Stop; what is not finished is taken up by the next who starts."""
        tasks = [task for task in (self._task, *self._refreshes.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def read_shops(self, notifications: Collection[Notification]) -> None:
        """Read again at once what these may have changed of the shops that they are about. Raises ShopError."""
        areas = list_areas(notifications)
        targets = await self.shops.list_targets()
        by_shop = {
            target.shop.id: target
            for notification in notifications
            for target in _find_targets(notification, targets)
            if target.shop is not None
        }
        for target in by_shop.values():
            await self._read_changes(target, areas)

    async def _run(self) -> None:
        while True:
            self._arrival.clear()
            with contain_faults(log, "notifications can't be followed up"):
                try:
                    pending = await self.store.list_pending()
                    self.metrics.record_pending_notifications(len(pending))
                    await self._follow_up(pending)
                except ShopError as error:
                    log.warning("notifications can't be followed up yet: %s", error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrival.wait(), LOOK_INTERVAL_S)
                await asyncio.sleep(COLLECTING_S)

    async def _follow_up(self, pending: list[Notification]) -> None:
        """Mark what is new, and begin to read the shops that are not being read. Raises ShopError."""
        if not pending:
            return
        targets = await self.shops.list_targets()
        waiting: dict[str, tuple[Target, list[Notification]]] = {}
        needless: list[Notification] = []
        for notification in pending:
            found = _find_targets(notification, targets)
            if not list_areas([notification]) or not found:
                needless.append(notification)
                continue
            for target in found:
                if target.shop is not None:
                    waiting.setdefault(target.shop.id, (target, []))[1].append(notification)
        await self.store.finish(needless)
        for shop_id, (target, notifications) in waiting.items():
            news = [each for each in notifications if (shop_id, each.id) not in self._taken_up]
            for area in list_areas(news):
                await self.write_marks.mark(shop_id, area)
            self._taken_up |= {(shop_id, each.id) for each in news}
            if shop_id not in self._refreshes:
                self._refreshes[shop_id] = asyncio.create_task(self._refresh(target, notifications))

    async def _refresh(self, target: Target, notifications: list[Notification]) -> None:
        """Read again what these may have changed of a shop, then let others have their turn."""
        assert target.shop is not None  # noqa: S101 - a mirror is one shop's
        shop_id, pause_s = target.shop.id, LOOK_INTERVAL_S
        began = self.monotonic()
        try:
            with contain_faults(log, "what was notified of can't be read"):
                try:
                    await self._read_changes(target, list_areas(notifications))
                    await self.store.finish(notifications)
                    pause_s = max(self.refresh_pause_s, PAUSE_SHARE * (self.monotonic() - began))
                except ShopError as error:
                    log.warning("what was notified of can't be read yet: %s", error.message)
            await asyncio.sleep(pause_s)
        finally:
            self._taken_up -= {(shop_id, each.id) for each in notifications}
            del self._refreshes[shop_id]
            self._arrival.set()

    async def _read_changes(self, target: Target, areas: set[str]) -> None:
        mirror = self.get_mirror()
        snapshot = await mirror.look(target)
        if snapshot is None:
            return
        catalog = mirror.table_catalog
        tables = [
            name
            for name in catalog.list_eager_tables()
            if snapshot.tables[name].is_complete
            and areas & set(catalog.sources[catalog.tables[name].source].written_by)
        ]
        if tables:
            deadline = self.monotonic() + REFRESH_TIMEOUT_S
            await mirror.refresh(target, tables, max_age_s=inf, deadline=deadline)


def _find_targets(notification: Notification, targets: Iterable[Target]) -> list[Target]:
    """The shops that a notification is about, of those that this server reaches: one, or all of a seller's."""
    if notification.shop_id:
        return [target for target in targets if target.shop is not None and target.shop.id == notification.shop_id]
    return [target for target in targets if target.account.id == notification.seller_id]


def list_areas(notifications: Iterable[Notification]) -> set[str]:
    """The areas of what may have changed; of an event that is not known, none."""
    events = load_webhook_events()
    return {area for each in notifications if each.type in events for area in events[each.type].areas}
