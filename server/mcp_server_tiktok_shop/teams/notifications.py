"""The platform's notifications for all tenants: accepted, stored for the shop's owners, and followed up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.mirror.notification_worker import LOOK_INTERVAL_S, PAUSE_SHARE, REFRESH_PAUSE_S, list_areas
from mcp_server_tiktok_shop.platform.webhooks import is_signed
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from mcp_server_tiktok_shop.state.change_notices import ChangeNotice
from mcp_server_tiktok_shop.state.postgres.accounts import load_apps
from mcp_server_tiktok_shop.state.postgres.notification_inbox import PostgresInbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.change_notices import ChangeNotices
    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.postgres.notification_inbox import Subject
    from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
    from mcp_server_tiktok_shop.state.stores import Notification, Reception

MAX_APPS_AGE_S = 60.0  # for which the app of a tenant that is gone is let in
APPS_PAUSE_S = 1.0  # between two looks for an app that is new: whoever sends what is not signed causes them
IDLE_INTERVAL_S = 20.0  # at which is looked for what another replica left, which may have been killed
MAX_READINGS = 4  # at a time at one replica
MAX_SUBJECTS = 1000  # that one follows up: most of the time they wait, for their turn or for the next of the same shop

log = logging.getLogger(__name__)


class TeamApps(Struct):
    """The apps by whose signature a notification is let in: the operator's, and those that tenants signed in with."""

    database: Database
    cipher: ValueCipher
    own_app: PartnerApp | None
    monotonic: Callable[[], float]
    _apps: list[PartnerApp] = field(default_factory=list)
    _looked_at: float = float("-inf")
    _look_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def is_signed(self, signature: bytes, body: bytes) -> bool:
        """Whether one of them signed the body. Raises ShopError where the database can't be used."""
        await self._look(MAX_APPS_AGE_S)
        if is_signed(signature, body, self._apps):
            return True
        await self._look(APPS_PAUSE_S)
        return is_signed(signature, body, self._apps)

    async def _look(self, max_age_s: float) -> None:
        async with self._look_lock:
            if self.monotonic() - self._looked_at < max_age_s:
                return
            own = [self.own_app] if self.own_app is not None else []
            self._apps = own + [app for app in await load_apps(self.database, self.cipher) if app not in own]
            self._looked_at = self.monotonic()


class TeamInbox(Struct, frozen=True):
    """The inbox of all tenants: what comes goes to every tenant that has the shop, and to none else."""

    apps: TeamApps
    store: PostgresInbox
    notices: ChangeNotices
    clock: Callable[[], float]
    worker: TeamNotificationWorker

    async def is_signed(self, signature: bytes, body: bytes) -> bool:
        return await self.apps.is_signed(signature, body)

    async def add(self, notification: Notification) -> Reception:
        areas = list_areas([notification])
        arrival = await self.store.add(notification, areas)
        if arrival.shop_ids and areas:
            self.worker.wake()
            for tenant_id, shop_id in arrival.shop_ids:
                await self.notices.tell(ChangeNotice(tenant_id, shop_id, tuple(areas), self.clock()))
        return arrival.reception

    async def close(self) -> None:
        """Follow up nothing any more; another replica does."""
        await self.worker.close()


class OpenApp(Protocol):
    """The app of a tenant, which is not closed for as long as it is open."""

    app: App


class TeamNotificationWorker(Struct):
    """Reads again what notifications are about, each shop at one replica at a time.

    Whoever reads has a lock that ends with its connection: what a killed replica was at, another takes up when it next
    looks. `open_app` opens the app of a tenant.
    """

    store: PostgresInbox
    locks: ReplicaLocks
    open_app: Callable[[str], AbstractAsyncContextManager[OpenApp]]
    monotonic: Callable[[], float]
    metrics: Metrics
    refresh_pause_s: float = REFRESH_PAUSE_S
    idle_interval_s: float = IDLE_INTERVAL_S
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_READINGS))
    _readings: dict[Subject, asyncio.Task[None]] = field(default_factory=dict)

    def start(self) -> None:
        """Begin, with what others left."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look at what was stored just now."""
        self._arrival.set()

    async def close(self) -> None:
        """Stop; what is not finished is taken up by another replica."""
        tasks = [task for task in (self._task, *self._readings.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._arrival.clear()
            with contain_faults(log, "notifications can't be followed up"):
                try:
                    await self._take_up()
                except ShopError as error:
                    log.warning("notifications can't be followed up yet: %s", error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrival.wait(), self.idle_interval_s)

    async def _take_up(self) -> None:
        """Begin with what waits longest, as far as there is room. Raises ShopError."""
        pending_counts = await self.store.count_pending()
        self.metrics.record_pending_notifications(sum(pending_counts.values()))
        for subject in pending_counts:
            if len(self._readings) >= MAX_SUBJECTS:
                return
            if subject not in self._readings:
                self._readings[subject] = asyncio.create_task(self._follow_up(subject))

    async def _follow_up(self, subject: Subject) -> None:
        """Read what a subject's notifications are about until there are none, where no other replica does."""
        name, pause_s = f"notifications {subject.tenant_id} {subject.shop_id or subject.seller_id}", LOOK_INTERVAL_S
        try:
            with contain_faults(log, "what was notified of can't be read"):
                try:
                    if await self.locks.acquire(name):
                        try:
                            await self._read_all(subject)
                        finally:
                            self.locks.release(name)
                        pause_s = 0.0
                    else:
                        pause_s = self.refresh_pause_s  # as the other replica makes one
                except ShopError as error:
                    log.warning("what was notified of can't be read yet: %s", error.message)
            await asyncio.sleep(pause_s)
        finally:
            del self._readings[subject]
            self._arrival.set()

    async def _read_all(self, subject: Subject) -> None:
        while pending := await self.store.list_pending(subject):
            async with self._places:
                began = self.monotonic()
                async with self.open_app(subject.tenant_id) as opened:
                    await opened.app.notification_worker.read_shops(pending)
                await self.store.finish(subject, pending)
                took_s = self.monotonic() - began
            await asyncio.sleep(max(self.refresh_pause_s, PAUSE_SHARE * took_s))


class SharedState(Protocol):
    """What notifications need of the state that replicas share."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def cipher(self) -> ValueCipher: ...

    @property
    def notices(self) -> ChangeNotices: ...

    @property
    def locks(self) -> ReplicaLocks: ...

    @property
    def runtime(self) -> Runtime: ...


def open_inbox(
    state: SharedState, open_app: Callable[[str], AbstractAsyncContextManager[OpenApp]], metrics: Metrics
) -> TeamInbox:
    """The inbox of all tenants; from now on what comes is followed up until it is closed."""
    clock, monotonic = state.runtime.clock, state.runtime.monotonic
    own_app = PartnerApp.from_texts(state.settings.app_key, state.settings.app_secret)
    store = PostgresInbox(state.database, clock)
    worker = TeamNotificationWorker(store, state.locks, open_app, monotonic, metrics)
    worker.start()
    return TeamInbox(TeamApps(state.database, state.cipher, own_app, monotonic), store, state.notices, clock, worker)
