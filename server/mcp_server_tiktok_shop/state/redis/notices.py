"""Notices between replicas by Redis' publish and subscribe; none is stored."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from mcp_server_tiktok_shop.state.change_notices import ChangeNotice
from mcp_server_tiktok_shop.state.redis.connection import RETRY_PAUSE_S, make_client

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pydantic import SecretStr

CHANNEL_PREFIX = "mcp-server-tiktok-shop:changes:"  # a database's id follows: its tenants are no other's
END_PAUSE_S = 0.1  # before listening is told once more to end
LISTENING_S = 5.0  # after which the connection is made sure of
MAX_MOMENTS = 20_000  # of shops and areas: what is forgotten lies in the database as well

log = logging.getLogger(__name__)


class RedisNotices:
    """The latest moment of each shop's area that this or another replica told; it listens from when it is made.

    `monotonic` is a clock that is never set.
    """

    def __init__(self, url: str, password: SecretStr, monotonic: Callable[[], float], database_id: str) -> None:
        self._channel = f"{CHANNEL_PREFIX}{database_id}"
        self._client = make_client(url, password, retry_count=1)
        self._monotonic = monotonic
        self._moments: dict[tuple[str, str, str], float] = {}
        self._away_until = 0.0
        self._is_listening = True  # until it turns out otherwise, which is told once
        self._listening = asyncio.create_task(self._listen_on())

    async def close(self) -> None:
        while not self._listening.done():  # the client may take one for its own timeout, and listen on
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=END_PAUSE_S)
        await self._client.aclose()

    async def tell(self, notice: ChangeNotice) -> None:
        self._note(notice)
        if self._monotonic() < self._away_until:
            return
        fields = (notice.tenant_id, notice.shop_id, notice.areas, notice.moment)
        try:
            await self._client.publish(self._channel, json.dumps(fields))
        except (RedisError, OSError) as error:
            self._away_until = self._monotonic() + RETRY_PAUSE_S
            log.warning("other replicas are not told at once of a change: %s", type(error).__name__)

    def find_latest(self, tenant_id: str, shop_id: str, areas: Collection[str]) -> float:
        return max((self._moments.get((tenant_id, shop_id, area), 0.0) for area in areas), default=0.0)

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if self._is_listening:
                    log.warning("other replicas' changes are not heard of at once: %s", type(error).__name__)
                self._is_listening = False
            await asyncio.sleep(RETRY_PAUSE_S)

    async def _listen(self) -> None:
        """Listen until the connection breaks. Raises RedisError, OSError."""
        async with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            self._is_listening = True
            while True:
                message = await pubsub.get_message(timeout=LISTENING_S)
                if message is None:
                    await pubsub.ping()
                elif message["type"] == "message" and (notice := _read_notice(message["data"])) is not None:
                    self._note(notice)

    def _note(self, notice: ChangeNotice) -> None:
        for area in notice.areas:
            key = (notice.tenant_id, notice.shop_id, area)
            self._moments[key] = max(notice.moment, self._moments.pop(key, 0.0))  # the newest stand last
        while len(self._moments) > MAX_MOMENTS:
            del self._moments[next(iter(self._moments))]


def _read_notice(text: bytes) -> ChangeNotice | None:
    """What another replica told; None where it is of another version."""
    try:
        tenant_id, shop_id, areas, moment = json.loads(text)
        return ChangeNotice(str(tenant_id), str(shop_id), tuple(map(str, areas)), float(moment))
    except (ValueError, TypeError):
        return None
