"""Replicas share the copy of a shop: one reads it from the platform at a time, and all answer from what is whole."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.postgres.value_cipher import SEAL_BYTES
from mcp_server_tiktok_shop.teams.team_state import open_team_state
from tests.conftest import CATALOG
from tests.platform.test_tokens import good
from tests.teams.databases import KEY
from tests.teams.replicas import Replica, make_environment, sandbox_keys, serve_replica, start_replica
from tests.teams.test_faults import call_until_cut, linux
from tests.teams.test_replicas import put_accounts
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.services import Postgres

READ = "get_order_list"
ORDERS = 2_500  # 25 pages
COUNT = "SELECT count(*), sum(total_amount) FROM orders"
DAY_S = 86400
FILE_MARK = b"DUCK"  # near the beginning of the file that a copy is


@dataclass(frozen=True)
class Pair:
    """Two replicas with a home folder each: nothing is between them but the database."""

    replicas: list[Replica]
    homes: list[Path]
    sandbox: Sandbox
    database_url: str

    async def ask(self, replica: int, sql: str = COUNT, max_age: int = DAY_S, tenant: str = "") -> dict[str, Any]:
        async with self.replicas[replica].connect(tenant) as client:
            result = good(await client.call_tool("query_shop", {"sql": sql, "max_age": max_age}))
        return dict(result["data"])

    async def ask_wrongly(self, replica: int) -> None:
        """A question that may be refused once, as a damaged file is found."""
        async with self.replicas[replica].connect() as client:
            await client.call_tool("query_shop", {"sql": COUNT, "max_age": DAY_S})

    def change_order(self, note: str) -> str:
        shop = self.sandbox.state.main
        order = next(iter(shop.orders.values()))
        order.seller_note, order.touched_time = note, int(self.sandbox.now())
        shop.mark_changed()
        return f"SELECT seller_note FROM orders WHERE id = '{order.id}'"

    def find_snapshots(self, replica: int) -> list[Path]:
        return sorted(self.homes[replica].glob("**/snapshot-*.duckdb"))

    def find_partial_files(self) -> list[Path]:
        return [path for each in self.homes for path in each.glob("**/*.new*")]

    def run_sql(self, sql: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def settings(self, url: str) -> dict[str, str]:
        return sandbox_keys(self.sandbox, url)


@asynccontextmanager
async def serve_apart(home: Path, database_url: str, sandbox: Sandbox, url: str, **more: str) -> AsyncIterator[Pair]:
    homes = [home / name for name in ("one", "other")]
    settings = sandbox_keys(sandbox, url) | more
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(serve_replica(each, database_url, **settings)) for each in homes]
        yield Pair(replicas, homes, sandbox, database_url)


def cells(data: dict[str, Any]) -> Any:
    return data["result"]["rows"][0]


def first(data: dict[str, Any]) -> Any:
    return cells(data)[0]


# ---- one reads, all answer


async def test_what_one_replica_read_the_other_answers_from_as_of_the_same_moment(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        one = await pair.ask(0)
        sandbox.log.clear()
        other = await pair.ask(1)
        assert sandbox.log == []
        assert (cells(other), other["as_of"]) == (cells(one), one["as_of"])
        assert first(one) == ORDERS
        assert pair.find_snapshots(0)[-1].read_bytes() == pair.find_snapshots(1)[-1].read_bytes()
        assert pair.find_snapshots(1)[-1].stat().st_mode & 0o777 == 0o600


async def test_what_one_replica_brought_up_to_date_the_other_has_with_its_next_question(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        for replica in (0, 1):
            await pair.ask(replica)
        for number in range(6):
            asked = pair.change_order(f"note {number}")
            seen = await pair.ask(number % 2, asked, max_age=0)
            assert first(seen) == f"note {number}"
            sandbox.log.clear()
            assert first(await pair.ask(1 - number % 2, asked)) == f"note {number}"
            assert sandbox.log == []


async def test_two_that_ask_at_once_for_the_first_time_read_the_shop_once(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        answers = await asyncio.gather(*(pair.ask(replica) for replica in (0, 1) * 4))
        assert {first(answer) for answer in answers} == {ORDERS}
        pages = [entry for entry in sandbox.log.list_entries(READ) if b"create_time_ge" in entry.body]
        assert len(pages) < 2 * ORDERS // 100, "the history was read by both"

        async def list_rights() -> list[Any]:
            return pair.run_sql("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")

        await until(list_rights, [])


async def test_while_one_replica_reads_for_long_the_other_is_answered_what_it_asks_for(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        gate = sandbox.faults.hold(READ, times=None)
        reading = asyncio.create_task(pair.ask(0))
        await until(lambda: gate.waiting)
        assert first(await pair.ask(1, "SELECT count(*) FROM products")) > 0
        assert not reading.done()
        gate.open()
        await reading


async def test_copies_of_one_shop_are_apart_for_each_tenant(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        await put_accounts(pair.replicas[0], "tea", sandbox, 0)
        await pair.ask(0)
        sandbox.log.clear()
        assert first(await pair.ask(1, tenant="tea")) == 20
        assert sandbox.log.list_entries(READ)
        assert pair.run_sql("SELECT tenant_id FROM shop_copies ORDER BY 1") == [("default",), ("tea",)]
        state = pair.replicas[0].state
        assert state is not None
        await state.directory.remove("tea")
        assert pair.run_sql("SELECT DISTINCT tenant_id FROM shop_copies") == [("default",)]
        ids = pair.run_sql("SELECT DISTINCT copy_id FROM shop_copy_blocks")
        assert ids == pair.run_sql("SELECT id FROM shop_copies")


async def test_a_copy_that_is_forgotten_is_forgotten_by_all(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        for replica in (0, 1):
            await pair.ask(replica)
        apps = pair.replicas[0].apps
        assert apps is not None
        async with apps.use_app("default") as opened:
            await opened.app.mirror.forget(None)
        assert pair.run_sql("SELECT id FROM shop_copies") == []
        assert pair.run_sql("SELECT hash FROM shop_copy_blocks") == []
        apps = pair.replicas[1].apps
        assert apps is not None
        async with apps.use_app("default") as opened:
            target = await opened.app.platform.shops.choose(None, "required")
            assert await opened.app.mirror.look(target) is None
        assert pair.find_snapshots(0) == pair.find_snapshots(1) == []


async def test_only_the_newest_copy_takes_room_in_the_database(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        await pair.ask(0)
        for number in range(5):
            asked = pair.change_order(f"note {number}")
            await pair.ask(0, asked, max_age=0)
        ((size,),) = pair.run_sql("SELECT sum(length(content) - %s) FROM shop_copy_blocks", SEAL_BYTES)
        assert size <= pair.find_snapshots(0)[-1].stat().st_size


# ---- what goes


@linux
async def test_where_a_replica_is_killed_while_it_reads_the_other_goes_on(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        for number in range(3):
            pair.run_sql("DELETE FROM shop_copies")
            settings = pair.settings(url)
            async with start_replica(home / f"goes-{number}", database_url, pair.replicas[0].token, **settings) as goes:
                sandbox.faults.add(READ, times=None, delay=0.5)
                sandbox.log.clear()
                cut = asyncio.create_task(call_until_cut(goes, "query_shop", {"sql": COUNT, "max_age": DAY_S}))
                await wait_until_reading(sandbox)
                await asyncio.sleep(0.7 * number)
                await goes.kill()
                await cut
            sandbox.faults.clear()
            answer = await pair.ask(number % 2)
            assert first(answer) == ORDERS


@linux
async def test_where_a_replica_lost_its_right_to_write_what_both_answer_is_true(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        gate = sandbox.faults.hold(READ, times=None)
        reading = asyncio.create_task(pair.ask(0))
        await until(lambda: gate.waiting)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        assert pair.run_sql(cut)
        also_reading = asyncio.create_task(pair.ask(1))
        await asyncio.sleep(1)
        gate.open()
        await asyncio.gather(reading, also_reading)
        asked = pair.change_order("true")
        for replica in (0, 1):
            assert first(await pair.ask(replica)) == ORDERS
            assert first(await pair.ask(replica, asked, max_age=0)) == "true"


@linux
async def test_a_database_that_restarts_while_a_shop_is_read_loses_nothing(
    home: Path, database_url: str, postgres: Postgres
) -> None:
    sandbox = Sandbox(orders=ORDERS)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        sandbox.faults.add(READ, times=None, delay=0.2)
        reading = asyncio.create_task(pair.ask_wrongly(0))
        await wait_until_reading(sandbox)
        await asyncio.to_thread(postgres.restart)
        await reading
        sandbox.faults.clear()
        for replica in (1, 0):
            assert first(await pair.ask(replica, max_age=0)) == ORDERS


# ---- what is damaged


DAMAGES = {
    "a block that was changed": "UPDATE shop_copy_blocks SET content = overlay(content PLACING '\\xdead' FROM 100)",
    "a block of another key": "UPDATE shop_copy_blocks SET key_id = 'x'",
    "a block that is cut": "UPDATE shop_copy_blocks SET content = substring(content FROM 1 FOR 100)",
    "blocks that are gone": "DELETE FROM shop_copy_blocks WHERE hash < '\\x80'",
    "a state that says nothing": "UPDATE shop_copies SET state = '{'",
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_published_copy_that_is_damaged_is_not_served_and_made_anew(
    home: Path, database_url: str, damage: str
) -> None:
    sandbox = Sandbox(orders=300)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        await pair.ask(0)
        pair.run_sql(DAMAGES[damage])
        assert first(await pair.ask(1)) == 300
        assert first(await pair.ask(0)) == 300
        assert pair.find_partial_files() == []


async def test_blocks_are_sealed_and_a_new_key_opens_them(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=300)
    new_key = base64.b64encode(bytes(range(32, 64))).decode()
    async with sandbox.serve() as url:
        async with serve_apart(home, database_url, sandbox, url) as pair:
            await pair.ask(0)
            content = pair.find_snapshots(0)[-1].read_bytes()
            assert FILE_MARK in content[:64]
            stored = [bytes(row[0]) for row in pair.run_sql("SELECT content FROM shop_copy_blocks")]
            words = [content[at : at + 24] for at in range(0, len(content), len(content) // 997)]
            words = [word for word in words if len(set(word)) > 12]
            assert len(words) > 50
            assert not [block for block in stored if FILE_MARK in block[:64] or any(word in block for word in words)]
        settings = read_settings(make_environment(home, database_url, database_key=f"{new_key},{KEY}"))
        async with open_team_state(settings, catalog=CATALOG) as state:
            await state.reseal()
        sandbox.log.clear()
        async with serve_apart(home / "new", database_url, sandbox, url, database_key=new_key) as pair:
            assert first(await pair.ask(1)) == 300
            assert sandbox.log.list_entries(READ) == []


async def test_a_file_that_is_damaged_at_one_replica_is_fetched_anew_and_not_read_from_the_platform(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=300)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        for replica in (0, 1):
            await pair.ask(replica)
        path = pair.find_snapshots(1)[-1]
        content = path.read_bytes()
        path.write_bytes(content[:20_000] + bytes(len(content) - 20_000))
        sandbox.log.clear()
        await pair.ask_wrongly(1)
        assert first(await pair.ask(1)) == 300
        assert sandbox.log == []


async def test_a_file_that_was_cut_short_is_fetched_anew(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=300)
    async with sandbox.serve() as url, serve_apart(home, database_url, sandbox, url) as pair:
        for replica in (0, 1):
            await pair.ask(replica)
        path = pair.find_snapshots(1)[-1]
        path.write_bytes(path.read_bytes()[:-1000])
        sandbox.log.clear()
        assert first(await pair.ask(1)) == 300
        assert sandbox.log == []


async def wait_until_reading(sandbox: Sandbox) -> None:
    async def is_reading() -> bool:
        return bool(sandbox.log.list_entries(READ)) or sandbox.app.max_in_flight > 2

    await until(is_reading)
