"""State stores in the memory of one process."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp, StoredAccounts
from mcp_server_tiktok_shop.state.stores import (
    AUDIT_OUTCOME_UNKNOWN,
    DOCUMENT_URL_TTL_S,
    MAX_RESULTS,
    MAX_RESULTS_BYTES,
    NOTIFICATION_TTL_S,
    OAUTH_STATE_BYTES,
    OAUTH_STATE_TTL_S,
    RESULT_ID_BYTES,
    RESULT_TTL_S,
    RateMarks,
    StateStores,
    check_content_size,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from mcp_server_tiktok_shop.state.stores import (
        AccountTransaction,
        Notification,
        RateKey,
        RateMarksChange,
        Record,
        ReplaceRule,
    )

NO_MARKS = RateMarks()


class InMemoryAccountStore(Struct):
    """Accounts that one coroutine at a time may change."""

    contents: StoredAccounts = field(default_factory=StoredAccounts)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def read(self) -> StoredAccounts:
        return self.contents

    async def refresh(self) -> None:
        """Nobody else changes them."""

    async def check_writable(self) -> None:
        """Memory always is."""

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AccountTransaction]:
        async with self._lock:
            yield _InMemoryTransaction(self.contents.app, dict(self.contents.accounts), self)


class _InMemoryTransaction(Struct):
    app: PartnerApp | None
    accounts: dict[str, Account]
    store: InMemoryAccountStore

    async def save(self, *, is_another_sure: bool = False) -> None:  # noqa: ARG002 - memory has room
        self.store.contents = StoredAccounts(self.app, dict(self.accounts))


class InMemoryExpiringRecords:
    """Records in a dict, each beside its expiry. `clock` gives seconds; of one that is never set, where that counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: dict[str, tuple[float, Record]] = {}

    async def claim(
        self, key: str, record: Record, ttl_s: float, replace_if: ReplaceRule | None = None
    ) -> Record | None:
        existing = await self.get(key)
        replacement = record if existing is None else replace_if(existing) if replace_if else None
        if replacement is None:
            return existing
        await self.put(key, replacement, ttl_s)
        return None

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        self._delete_expired_records()
        self._records[key] = (self._clock() + ttl_s, dict(record))

    async def get(self, key: str) -> Record | None:
        self._delete_expired_records()
        return dict(self._records[key][1]) if key in self._records else None

    async def take(self, key: str) -> Record | None:
        record = await self.get(key)
        self._records.pop(key, None)
        return record

    def _delete_expired_records(self) -> None:
        now = self._clock()
        self._records = {key: entry for key, entry in self._records.items() if entry[0] > now}


class InMemoryResultStore:
    """Contents in a dict, oldest first, each beside the moment it was stored at. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float], max_bytes: int = MAX_RESULTS_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._contents: dict[str, tuple[float, bytes]] = {}

    async def put(self, content: bytes) -> str:
        check_content_size(content, self._max_bytes)
        result_id = secrets.token_hex(RESULT_ID_BYTES)
        self._contents[result_id] = (self._clock(), content)
        self._evict()
        return result_id

    async def get(self, result_id: str) -> bytes | None:
        self._evict()
        return self._contents[result_id][1] if result_id in self._contents else None

    def _evict(self) -> None:
        """Delete what is too old, then the oldest of what is too much."""
        now = self._clock()
        self._contents = {key: entry for key, entry in self._contents.items() if abs(now - entry[0]) < RESULT_TTL_S}
        total_bytes = sum(len(content) for _, content in self._contents.values())
        while len(self._contents) > MAX_RESULTS or total_bytes > self._max_bytes:
            _, content = self._contents.pop(next(iter(self._contents)))
            total_bytes -= len(content)


class InMemoryAuditLog:
    """Entries in the order in which they were added."""

    def __init__(self) -> None:
        self._entries: dict[str, Record] = {}

    async def append(self, entry: Record) -> None:
        self._entries[entry["id"]] = self._entries.get(entry["id"], {}) | entry

    async def read_entries(self) -> list[Record]:
        return [{"outcome": AUDIT_OUTCOME_UNKNOWN} | entry for entry in self._entries.values()]

    async def count_unreadable(self) -> int:
        return 0


class InMemoryIssuedDocuments:
    """Links and when they expire. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._urls = InMemoryExpiringRecords(clock)

    async def remember(self, url: str) -> None:
        await self._urls.put(url, {}, DOCUMENT_URL_TTL_S)

    async def is_issued(self, url: str) -> bool:
        return await self._urls.get(url) is not None


class InMemoryOAuthStates:
    """States and when they expire. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._states = InMemoryExpiringRecords(clock)

    async def create(self) -> str:
        state = secrets.token_urlsafe(OAUTH_STATE_BYTES)
        await self._states.put(state, {}, OAUTH_STATE_TTL_S)
        return state

    async def is_valid(self, state: str) -> bool:
        return await self._states.get(state) is not None


class InMemoryRateMarks:
    """Marks of the keys that something is known of. `monotonic` gives seconds of a clock that is never set."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._marks: dict[RateKey, RateMarks] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def now(self) -> float:
        return self._monotonic()

    async def update(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        before = self._marks.get(key, NO_MARKS)
        after = change(before)
        if after == NO_MARKS:
            self._marks.pop(key, None)
        elif key in self._marks:
            self._marks[key] = after
        else:
            now = self._monotonic()
            self._marks = {k: marks for k, marks in self._marks.items() if marks.expires_at > now} | {key: after}
        return before


class InMemoryWriteMarks:
    """Marks of the writes of this process. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._moments: dict[tuple[str, str], float] = {}

    async def mark(self, shop_id: str, area: str) -> None:
        self._moments[shop_id, area] = self._clock()

    async def find_latest(self, shop_id: str, areas: Iterable[str]) -> float:
        return max((self._moments.get((shop_id, area), 0.0) for area in areas), default=0.0)


class InMemoryNotifications:
    """Notifications by id, each beside the moment it came. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Notification]] = {}
        self._pending: dict[str, Notification] = {}

    async def add(self, notification: Notification) -> bool:
        self._forget_oldest()
        if notification.id in self._known:
            return False
        self._known[notification.id] = (self._clock(), notification)
        self._pending[notification.id] = notification
        return True

    async def list_pending(self) -> list[Notification]:
        self._forget_oldest()
        return list(self._pending.values())

    async def finish(self, notifications: Iterable[Notification]) -> None:
        for notification in notifications:
            self._pending.pop(notification.id, None)

    async def count_types(self) -> dict[int, int]:
        self._forget_oldest()
        return dict(Counter(notification.type for _, notification in self._known.values()))

    def _forget_oldest(self) -> None:
        """Those that came first stand first."""
        now = self._clock()
        while self._known:
            first_id, (came_at, _) = next(iter(self._known.items()))
            if abs(now - came_at) < NOTIFICATION_TTL_S:
                return
            del self._known[first_id]
            self._pending.pop(first_id, None)


def create_memory_stores(clock: Callable[[], float], monotonic: Callable[[], float]) -> StateStores:
    """Empty stores. `clock` gives Unix seconds, `monotonic` seconds of a clock that is never set."""
    return StateStores(
        accounts=InMemoryAccountStore(),
        confirmations=InMemoryExpiringRecords(monotonic),
        write_outcomes=InMemoryExpiringRecords(monotonic),
        jobs=InMemoryExpiringRecords(monotonic),
        results=InMemoryResultStore(clock),
        audit_log=InMemoryAuditLog(),
        issued_documents=InMemoryIssuedDocuments(clock),
        oauth_states=InMemoryOAuthStates(clock),
        rate_marks=InMemoryRateMarks(monotonic),
        write_marks=InMemoryWriteMarks(clock),
        notifications=InMemoryNotifications(clock),
    )
