"""Replicas keep to one rate together, by one clock; each keeps to its share of it while Redis is away."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace
from pydantic import SecretStr

from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.rate_limits import InMemoryRateLimiter, RateLimitKey
from mcp_server_tiktok_shop.state.redis.connection import RETRY_PAUSE_S
from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks
from mcp_server_tiktok_shop.state.stores import RateMarks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scripts.team.services import Redis

KEY = RateLimitKey("account", "shop", "get_order_list")


@asynccontextmanager
async def open_marks(redis: Redis, seconds_ahead: float = 0.0) -> AsyncIterator[RedisRateMarks]:
    marks = RedisRateMarks(redis.url, SecretStr(""), lambda: time.time() + seconds_ahead, time.monotonic)
    try:
        yield marks
    finally:
        await marks.close()


def add_success(marks: RateMarks) -> RateMarks:
    return replace(marks, successes_since_throttle=marks.successes_since_throttle + 1, expires_at=time.time() + 60)


async def test_no_step_of_one_replica_undoes_one_of_another(redis: Redis) -> None:
    async with open_marks(redis) as one, open_marks(redis) as other, open_marks(redis) as third:
        for round_number in range(8):  # in step with the others, one of them loses again and again: not in each round
            key = (*KEY[:-1], f"operation-{round_number}")
            await asyncio.gather(*(marks.update(key, add_success) for marks in (one, other, third) * 40))
            assert not any(marks.is_away for marks in (one, other, third))
            assert (await one.update(key, add_success)).successes_since_throttle == 120


async def test_marks_are_of_one_account_shop_and_operation(redis: Redis) -> None:
    async with open_marks(redis) as one, open_marks(redis) as other:
        await one.update(KEY, add_success)
        for key in (KEY._replace(account="x"), KEY._replace(shop="x"), KEY._replace(operation="x"), ("a", '","b')):
            assert await other.update(key, lambda marks: marks) == RateMarks()


async def test_the_moments_are_redis_own_though_a_replicas_clock_is_an_hour_off(redis: Redis) -> None:
    async with open_marks(redis, 3600) as ahead, open_marks(redis, -3600) as behind:
        for marks in (ahead, behind):
            await marks.update(KEY, add_success)
        assert abs(ahead.now() - behind.now()) < 1


async def test_two_replicas_send_no_faster_than_one_may(redis: Redis) -> None:
    interval_s = 0.05
    async with open_marks(redis) as one, open_marks(redis) as other:
        limiters = [InMemoryRateLimiter(time.monotonic, asyncio.sleep, marks) for marks in (one, other)]
        now = (await one.update(KEY, lambda m: m), one.now())[1]
        throttled = RateMarks(now, interval_s, 0, now, now + 60)
        await one.update(KEY, lambda _: throttled)
        sent: list[float] = []

        async def send(limiter: InMemoryRateLimiter) -> None:
            async with limiter.acquire(KEY, time.monotonic() + 30):
                sent.append(time.monotonic())

        await asyncio.gather(*(send(limiter) for limiter in limiters * 10))
        sent.sort()
        # The interval grows smaller as time passes without a refusal, by the same curve for both.
        assert sent[-1] - sent[0] >= 19 * interval_s * 0.7


async def test_while_redis_is_away_a_replica_takes_its_share_and_no_call_waits_for_it(redis: Redis) -> None:
    async with open_marks(redis) as one, open_marks(redis) as other:
        await other.update(KEY, add_success)
        marks = RateMarks(0.0, 0.5, 0, one.now(), one.now() + 60)
        await one.update(KEY, lambda _: marks)
        await asyncio.to_thread(redis.stop)
        assert (await one.update(KEY, add_success)).base_interval == 1.0  # of two replicas
        assert (await one.update(KEY, add_success)).successes_since_throttle == 1
        assert one.is_away
        await asyncio.to_thread(redis.start)
        await asyncio.sleep(RETRY_PAUSE_S + 0.1)
        await one.update(KEY, add_success)
        assert not one.is_away
        assert (await other.update(KEY, lambda m: m)).successes_since_throttle == 1


async def test_while_redis_is_away_each_replica_takes_its_share_of_the_calls_of_a_minute(redis: Redis) -> None:
    async with open_marks(redis) as one, open_marks(redis) as other:
        limiters = [CallLimiter(marks, "tea", 20) for marks in (one, other)]

        async def count_admitted(attempts: int) -> int:
            admitted = 0
            for limiter in limiters * attempts:
                with suppress(ShopError):
                    await limiter.admit()
                    admitted += 1
            return admitted

        assert await count_admitted(2) == 4
        await asyncio.to_thread(redis.stop)
        assert 4 <= await count_admitted(20) <= 20
