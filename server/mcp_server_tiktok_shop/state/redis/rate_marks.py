"""Rate marks in Redis, shared by all replicas; without it each replica keeps to its last known share."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from importlib.resources import files
from math import isfinite
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from msgspec.structs import replace
from redis.exceptions import RedisError

from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.redis.connection import RETRY_PAUSE_S, make_client
from mcp_server_tiktok_shop.state.stores import RateMarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.state.stores import RateKey, RateMarksChange

KEY_PREFIX = "mcp-server-tiktok-shop:rate:"
REPLICAS_KEY = "mcp-server-tiktok-shop:replicas"
REPLICA_TTL_S = 60
MIN_TTL_S = 1.0
MAX_EXCHANGES = 50  # of one step: each that fails, another replica's succeeded
MAX_PAUSE_S = 0.02  # after one that failed, by chance: in step with others, the same one would lose each time
SCRIPT = (files("mcp_server_tiktok_shop.state.redis") / "exchange_marks.lua").read_text(encoding="utf-8")

log = logging.getLogger(__name__)


class RedisRateMarks:
    """Marks by key, exchanged by one script that no other command divides, by Redis' clock.

    While Redis is away, a replica goes on from the marks that it saw last, by as much slower as there were replicas.
    `clock` gives Unix seconds, `monotonic` seconds of a clock that is never set.
    """

    def __init__(
        self, url: str, password: SecretStr, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._client = make_client(url, password)
        self._exchange = self._client.register_script(SCRIPT)
        self._monotonic = monotonic
        self._offset = clock() - monotonic()  # of Redis' clock, until it has told its own
        self._local = InMemoryRateMarks(self.now)
        self._known: dict[RateKey, RateMarks] = {}
        self._locks: WeakValueDictionary[RateKey, asyncio.Lock] = WeakValueDictionary()
        self._own_name = str(uuid.uuid4())
        self._replica_count = 1
        self._away_until = 0.0
        self.is_away = False

    def now(self) -> float:
        return self._monotonic() + self._offset

    async def close(self) -> None:
        await self._client.aclose()

    async def update(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:  # so that only replicas can be in each other's way
            if self._monotonic() >= self._away_until:
                try:
                    before = await self._update_shared(key, change)
                except (RedisError, OSError) as error:
                    self._note_absence(error)
                else:
                    self._note_presence()
                    return before
            return await self._update_local(key, change)

    async def is_reachable(self) -> bool:
        """Whether Redis answers now."""
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            self._note_absence(error)
        else:
            self._note_presence()
        return not self.is_away

    async def _update_shared(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        before = self._known.get(key, RateMarks())
        for _ in range(MAX_EXCHANGES):
            after = change(before)
            is_put, stored = await self._exchange_once(key, before, after)
            if is_put:
                self._remember(key, after)
                return before
            before = stored
            await asyncio.sleep(random.uniform(0, MAX_PAUSE_S))
        raise RedisError("others change the same marks without an end")

    async def _exchange_once(self, key: RateKey, before: RateMarks, after: RateMarks) -> tuple[bool, RateMarks]:
        ttl_s = max(MIN_TTL_S, after.expires_at - self.now()) if isfinite(after.expires_at) else MIN_TTL_S
        sent_at = self._monotonic()
        answer: list[Any] = await self._exchange(
            keys=[KEY_PREFIX + json.dumps(key), REPLICAS_KEY],
            args=[_to_text(before), _to_text(after), int(ttl_s * 1000), self._own_name, REPLICA_TTL_S],
        )
        is_put, marks, seconds, microseconds, replica_count = answer
        self._offset = int(seconds) + int(microseconds) / 1e6 - (sent_at + self._monotonic()) / 2
        self._replica_count = max(1, int(replica_count))
        return bool(is_put), _from_text(marks)

    async def _update_local(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        if key in self._known:
            known = self._known.pop(key)
            share = replace(known, base_interval=known.base_interval * self._replica_count)
            await self._local.update(key, lambda _: share)
        return await self._local.update(key, change)

    def _remember(self, key: RateKey, marks: RateMarks) -> None:
        """What to begin from next time: most often nobody has changed it."""
        self._known.pop(key, None)
        if marks != RateMarks():
            now = self.now()
            self._known = {k: each for k, each in self._known.items() if each.expires_at > now} | {key: marks}

    def _note_absence(self, error: Exception) -> None:
        self._away_until = self._monotonic() + RETRY_PAUSE_S
        if not self.is_away:
            reason = type(error).__name__
            log.warning("Redis does not answer (%s): this replica keeps to its share of the rates by itself", reason)
        self.is_away = True

    def _note_presence(self) -> None:
        if self.is_away:
            log.info("Redis answers again")
            self._local = InMemoryRateMarks(self.now)
        self.is_away, self._away_until = False, 0.0


def _to_text(marks: RateMarks) -> str:
    """The marks as they lie in Redis; empty for those that say nothing."""
    if marks == RateMarks():
        return ""
    fields = (marks.next_send_at, marks.base_interval, marks.successes_since_throttle)
    return json.dumps([*fields, marks.last_throttled_at, marks.expires_at])


def _from_text(text: bytes) -> RateMarks:
    return RateMarks(*json.loads(text)) if text else RateMarks()
