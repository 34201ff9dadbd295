"""Notifications beside a database: for whose shop they are, once, whichever replica is asked, killed or restarted."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from pydantic import SecretStr

from mcp_server_tiktok_shop.platform.signing import sign_webhook
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from mcp_server_tiktok_shop.state.change_notices import ChangeNotice
from mcp_server_tiktok_shop.state.redis.notices import RedisNotices
from tests.platform.test_tokens import good
from tests.protocol.test_webhooks import HOST, URL
from tests.teams.databases import TENANT
from tests.teams.replicas import Replica, sandbox_keys, serve_replica, serve_replicas, start_replica
from tests.teams.test_faults import linux
from tests.teams.test_replicas import put_accounts
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.services import Postgres, Redis

READ = "get_order_list"
DAY_S = 86400
TAKING_UP_S = 180.0  # far more than the minute that it takes at most
COUNT = "SELECT count(*) FROM orders"


@dataclass(frozen=True)
class Team:
    """Two replicas that take notifications, with a tenant for each of two sellers."""

    replicas: list[Replica]
    sandbox: Sandbox

    def write(self, number: int = 0, kind: int = 1, **more: Any) -> bytes:
        shop_id = self.sandbox.accounts[number].shops[0].id
        content = {"type": kind, "tts_notification_id": "7380066284010030890", "shop_id": shop_id, "data": {}}
        return json.dumps(content | more).encode()

    async def send(self, body: bytes, replica: int = 0, signature: str | None = None) -> httpx2.Response:
        headers = {"Host": HOST, "Authorization": signature or self.sandbox.webhook_sender.sign(body)}
        url = self.replicas[replica].url.replace("/mcp", "/webhooks/tiktok")
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            return await http.post(url, content=body, headers=headers)

    async def ask(self, sql: str, number: int = 0, replica: int = 0) -> Any:
        """The first cell of an answer of the copy of a tenant's first shop, which may be a day old."""
        async with self.replicas[replica].connect(f"tenant-{number}") as client:
            arguments = {"sql": sql, "max_age": DAY_S, "shop": self.sandbox.accounts[number].shops[0].id}
            result = good(await client.call_tool("query_shop", arguments))
        return result["data"]["result"]["rows"][0][0]

    async def count(self, tenant: str) -> int:
        state = self.replicas[0].state
        assert state is not None
        return sum((await state.make_stores(tenant).notifications.count_types()).values())

    async def list_pending(self) -> list[Any]:
        state = self.replicas[0].state
        assert state is not None
        return await state.database.fetch_all("SELECT id FROM notifications WHERE is_pending")

    async def settle(self, patience: float = PATIENCE_S) -> None:
        await until(self.list_pending, [], patience)


@asynccontextmanager
async def serve_team(home: Path, database_url: str, **more: str) -> AsyncIterator[Team]:
    sandbox = Sandbox(orders=40, shops=3)
    async with sandbox.serve() as url:
        settings = (
            sandbox_keys(sandbox, url) | {"access_token": "", "refresh_token": "", "http_webhook_url": URL} | more
        )
        async with serve_replicas(2, home, database_url, **settings) as replicas:
            for number in (0, 1):
                await put_accounts(replicas[0], f"tenant-{number}", sandbox, number)
                async with replicas[0].connect(f"tenant-{number}") as client:
                    good(await client.call_tool("list_shops", {}))
            yield Team(replicas, sandbox)


# ---- whose they are


async def test_a_notification_goes_to_the_tenant_whose_shop_it_is_about_and_is_followed_up(
    home: Path, database_url: str
) -> None:
    async with serve_team(home, database_url) as team:
        before = [await team.ask(COUNT, number) for number in (0, 1)]
        assert all(before)
        team.sandbox.log.clear()
        assert (await team.send(team.write(1))).status_code == 200
        await team.settle()
        assert [await team.count(f"tenant-{number}") for number in (0, 1)] == [0, 1]
        assert {entry.operation for entry in team.sandbox.log} == {READ}
        team.sandbox.log.clear()
        await team.ask(COUNT, 1, replica=1)
        assert team.sandbox.log == []


async def test_what_a_seller_is_notified_of_goes_to_the_tenant_of_the_seller(home: Path, database_url: str) -> None:
    async with serve_team(home, database_url) as team:
        body = team.write(1, 24, shop_id="", seller_open_id=team.sandbox.accounts[1].open_id)
        assert (await team.send(body)).status_code == 200
        assert [await team.count(f"tenant-{number}") for number in (0, 1)] == [0, 1]


async def test_two_tenants_of_one_shop_are_both_told(home: Path, database_url: str) -> None:
    async with serve_team(home, database_url) as team:
        await put_accounts(team.replicas[0], "agency", team.sandbox, 0)
        async with team.replicas[0].connect("agency") as client:
            good(await client.call_tool("list_shops", {}))
        assert (await team.send(team.write(0))).status_code == 200
        assert [await team.count(name) for name in ("agency", "tenant-0", "tenant-1")] == [1, 1, 0]


async def test_one_that_no_tenant_owns_is_answered_and_dropped(home: Path, database_url: str) -> None:
    """The platform would send it for sixteen hours else."""
    async with serve_team(home, database_url) as team:
        assert (await team.send(team.write(shop_id="7000000000000000001"))).status_code == 200
        assert (await team.send(team.write(shop_id="", seller_open_id="nobody"))).status_code == 200
        assert await team.list_pending() == []
        assert [await team.count(f"tenant-{number}") for number in (0, 1)] == [0, 0]


async def test_it_is_let_in_by_the_signature_of_the_operators_or_a_tenants_app_and_no_other(
    home: Path, database_url: str
) -> None:
    async with serve_team(home, database_url) as team:
        body = team.write()
        sign = {key: sign_webhook(key, f"{key}-secret", body) for key in ("tenants", "others")}
        assert (await team.send(body, signature=sign["tenants"])).status_code == 401
        state = team.replicas[0].state
        assert state is not None
        async with state.make_stores("tenant-1").accounts.edit() as transaction:
            transaction.app = PartnerApp(key="tenants", secret=SecretStr("tenants-secret"))
            await transaction.save()
        await asyncio.sleep(1.1)
        assert (await team.send(body, signature=sign["tenants"])).status_code == 200
        assert (await team.send(body, signature=sign["others"])).status_code == 401
        assert (await team.send(body)).status_code == 200
        assert await team.count("tenant-0") == 1


async def test_shops_that_an_earlier_version_stored_are_found(home: Path, database_url: str) -> None:
    async with serve_team(home, database_url) as team:
        state = team.replicas[0].state
        assert state is not None
        await state.database.execute("UPDATE accounts SET shop_ids = NULL")
        settings = {"http_webhook_url": URL, "app_key": team.sandbox.app_key, "app_secret": team.sandbox.app_secret}
        async with serve_replicas(1, home, database_url, **settings) as (later,):
            assert (await Team([later], team.sandbox).send(team.write())).status_code == 200
        assert await team.count("tenant-0") == 1


# ---- each once


async def test_what_comes_twice_in_any_order_at_any_replica_is_taken_and_read_once(
    home: Path, database_url: str
) -> None:
    async with serve_team(home, database_url) as team:
        for replica in (0, 1):
            await team.ask(COUNT, replica=replica)
        order = next(iter(team.sandbox.accounts[0].shops[0].orders.values()))
        order.seller_note, order.touched_time = "seen", int(team.sandbox.now())
        team.sandbox.accounts[0].shops[0].mark_changed()
        team.sandbox.log.clear()
        bodies = [team.write(tts_notification_id=str(number), timestamp=number) for number in range(10)]
        sent = [team.send(body, replica) for body in reversed(bodies) for replica in (0, 1)]
        assert {response.status_code for response in await asyncio.gather(*sent)} == {200}
        assert await team.count("tenant-0") == len(bodies)
        await team.settle()
        asked = f"SELECT seller_note FROM orders WHERE id = '{order.id}'"
        assert [await team.ask(asked, replica=replica) for replica in (0, 1)] == ["seen", "seen"]
        assert len(team.sandbox.log.list_entries(READ)) <= 4, "the burst and what came meanwhile, not each by itself"


async def test_many_at_once_are_answered_within_three_seconds_while_nobody_can_follow_them_up(
    home: Path, database_url: str
) -> None:
    async with serve_team(home, database_url) as team:
        await team.ask(COUNT)
        gate = team.sandbox.faults.hold(times=None)
        places = asyncio.Semaphore(40)

        async def send(number: int) -> None:
            async with places:
                body = team.write(number % 2, tts_notification_id=str(number // 4))
                assert (await team.send(body, number // 2 % 2)).status_code == 200

        await send(0)
        await until(lambda: gate.waiting)
        await asyncio.gather(*(send(number) for number in range(1, 300)))
        gate.open()
        assert await team.count("tenant-0") + await team.count("tenant-1") == 150


# ---- what goes


@linux
async def test_while_the_database_is_away_the_platform_is_asked_to_send_it_again(
    home: Path, database_url: str, postgres: Postgres
) -> None:
    async with serve_team(home, database_url) as team:
        await team.ask(COUNT)
        assert (await team.send(team.write(tts_notification_id="1"))).status_code == 200
        postgres.stop()
        async with asyncio.timeout(PATIENCE_S / 2):
            assert (await team.send(team.write(tts_notification_id="2"))).status_code == 503
        postgres.start()
        for body in (team.write(tts_notification_id="2"), team.write(tts_notification_id="1")):
            assert (await team.send(body)).status_code == 200
        assert await team.count("tenant-0") == 2
        await team.settle(90)


@linux
async def test_what_a_killed_replica_was_reading_another_reads_within_a_minute(home: Path, database_url: str) -> None:
    async with serve_team(home, database_url) as team:
        await team.ask(COUNT)
        sandbox, (stays, _) = team.sandbox, team.replicas
        settings = (
            {"api_url": stays.state.settings.api_url, "auth_url": stays.state.settings.auth_url} if stays.state else {}
        )
        settings |= {"app_key": sandbox.app_key, "app_secret": sandbox.app_secret, "http_webhook_url": URL}
        async with start_replica(home, database_url, stays.token, **settings) as goes:
            gate = sandbox.faults.hold(READ)
            sandbox.log.clear()
            killed = Team([goes], sandbox)
            assert (await killed.send(team.write())).status_code == 200

            await until(lambda: gate.waiting)
            assert len(await team.list_pending()) == 1
            await goes.kill()
        await team.settle(TAKING_UP_S)
        assert await team.count("tenant-0") == 1


# ---- notices between replicas


async def test_a_change_is_known_at_the_other_replica_while_the_database_is_away(
    home: Path, database_url: str, postgres: Postgres, redis: Redis
) -> None:
    async with serve_replicas(2, home, database_url, redis=redis.url) as (one, other):
        assert one.state is not None
        assert other.state is not None
        marks = other.state.make_stores(TENANT).write_marks
        postgres.stop()
        await one.state.make_stores(TENANT).write_marks.mark("7", "orders")

        async def is_known() -> bool:
            return await marks.find_latest("7", ["orders"]) > 0

        await until(is_known)
        of_others = (marks, ["products"]), (other.state.make_stores("tea").write_marks, ["orders"])
        assert await asyncio.gather(*(each.find_latest("7", areas) for each, areas in of_others)) == [0, 0]
        postgres.start()


async def test_what_changed_in_one_database_is_no_news_in_another_that_shares_its_redis(
    home: Path, database_url: str, postgres: Postgres, redis: Redis
) -> None:
    notice = ChangeNotice("tea", "7", ("orders",), 5.0)
    async with (
        serve_replicas(2, home, database_url, redis=redis.url) as (one, other),
        serve_replica(home, postgres.make_database(), redis=redis.url) as elsewhere,
    ):
        states = [each.state for each in (one, other, elsewhere) if each.state is not None]

        async def is_known() -> bool:
            await states[0].notices.tell(notice)
            return states[1].notices.find_latest("tea", "7", ["orders"]) == notice.moment

        await until(is_known)
        await asyncio.sleep(0.2)
        assert states[2].notices.find_latest("tea", "7", ["orders"]) == 0


async def test_listening_ends_at_whatever_moment_it_is_told_to(redis: Redis) -> None:
    for step_count in range(60):  # of the event loop: while it connects, subscribes and listens
        notices = RedisNotices(redis.url, SecretStr(""), time.monotonic, "a")
        for _ in range(step_count):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await notices.close()


async def test_notices_come_again_when_redis_does(redis: Redis) -> None:
    one, other = (RedisNotices(redis.url, SecretStr(""), time.monotonic, "a") for _ in range(2))
    try:

        async def tell(moment: float) -> None:
            async def is_known() -> bool:
                await one.tell(ChangeNotice("tea", "7", ("orders",), moment))
                await asyncio.sleep(0.05)
                return other.find_latest("tea", "7", ["orders"]) == moment

            await until(is_known)

        await tell(1.0)
        redis.stop()
        await one.tell(ChangeNotice("tea", "7", ("orders",), 2.0))
        assert one.find_latest("tea", "7", ["orders"]) == 2.0
        assert other.find_latest("tea", "7", ["orders"]) == 1.0
        redis.start()
        await tell(3.0)
    finally:
        await one.close()
        await other.close()
