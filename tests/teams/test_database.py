"""The database keeps each tenant's state apart, its secrets sealed, and what it says it stored."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from pydantic import SecretStr

from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp, Shop
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.migrations import SCHEMA_STEPS, load_migrations, migrate
from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
from mcp_server_tiktok_shop.state.postgres.results import PostgresResultStore, reseal_results
from mcp_server_tiktok_shop.state.postgres.server_secrets import get_shared_token, reseal_token
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores
from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher, compute_key_id
from tests.teams.databases import CIPHER, KEY, TENANT, open_database
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from scripts.team.services import Postgres

    from mcp_server_tiktok_shop.state.stores import StateStores

NEW_KEY = base64.b64encode(bytes(range(1, 33))).decode()
SECRETS = ("ROW_access", "ROW_refresh", "ci-pher", "app-s3cret", "pr0xy-password")


def cipher(*keys: str) -> ValueCipher:
    return ValueCipher.from_setting(SecretStr(",".join(keys)))


def make_stores(database: Database, tenant: str = TENANT) -> StateStores:
    def clock() -> float:
        return 1_000_000.0

    return make_postgres_stores(database, CIPHER, tenant, InMemoryRateMarks(clock), clock)


def make_account(account_id: str = "7", token: str = SECRETS[0]) -> Account:
    return Account(
        id=account_id,
        app_key="key",
        name="Tea \0 House",
        access_token=SecretStr(token),
        refresh_token=SecretStr("ROW_refresh"),
        shops=(Shop(id="1", name="Tea", cipher=SecretStr("ci-pher")),),
        proxy=SecretStr("http://user:pr0xy-password@proxy.example:8080"),
    )


async def sign_in(store: PostgresAccountStore, *accounts: Account) -> None:
    async with store.edit() as transaction:
        transaction.app = PartnerApp(key="key", secret=SecretStr("app-s3cret"))
        transaction.accounts |= {account.id: account for account in accounts}
        await transaction.save()


def dump(url: str) -> bytes:
    """Everything that lies in the database, as its own bytes."""
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names]
    return repr(rows).encode()


# ---- secrets


async def test_no_secret_lies_open_in_the_database(database_url: str) -> None:
    async with open_database(database_url) as database:
        await sign_in(PostgresAccountStore(database, CIPHER, TENANT), make_account())
        token, _ = await get_shared_token(database, CIPHER)
        another = PostgresAccountStore(database, CIPHER, TENANT)
        await another.refresh()
        kept = await make_stores(database).results.put(b"a buyer's name")
        assert await make_stores(database).results.get(kept) == b"a buyer's name"
    assert another.read().accounts == {"7": make_account()}
    content = dump(database_url)
    assert b"Tea" in content
    for secret in (*SECRETS, token, KEY, "a buyer"):
        assert secret.encode() not in content
        assert repr(secret.encode())[2:-1].encode() not in content


async def test_a_secret_can_be_opened_only_where_it_was_put(database_url: str) -> None:
    async with open_database(database_url) as database:
        await sign_in(PostgresAccountStore(database, CIPHER, TENANT), make_account(), make_account("8"))
        await database.execute(
            "UPDATE accounts SET access_token = (SELECT access_token FROM accounts WHERE id = '7') WHERE id = '8'"
        )
        with pytest.raises(ShopError, match="access_token of '8'"):
            await PostgresAccountStore(database, CIPHER, TENANT).refresh()


async def test_a_key_is_rotated_without_a_moment_in_which_a_secret_is_lost(database_url: str) -> None:
    async with open_database(database_url) as database:
        await sign_in(PostgresAccountStore(database, CIPHER, TENANT), make_account(), make_account("8"))
        token, is_new = await get_shared_token(database, CIPHER)
        assert is_new
        with pytest.raises(ShopError, match=CIPHER.key_id):
            await PostgresAccountStore(database, cipher(NEW_KEY), TENANT).refresh()
        both = PostgresAccountStore(database, cipher(NEW_KEY, KEY), TENANT)
        assert await both.reseal()
        assert not await both.reseal()
        await reseal_token(database, cipher(NEW_KEY, KEY))
        results = PostgresResultStore(database, CIPHER, TENANT)
        kept, damaged = await results.put(b"kept"), await results.put(b"damaged")
        await database.execute("UPDATE results SET content = 'x' WHERE id = %s", damaged)
        await reseal_results(database, cipher(NEW_KEY, KEY))
        with_new_key = PostgresResultStore(database, cipher(NEW_KEY), TENANT)
        assert (await with_new_key.get(kept), await with_new_key.get(damaged)) == (b"kept", None)
        assert await results.get(kept) is None
        new = PostgresAccountStore(database, cipher(NEW_KEY), TENANT)
        await new.refresh()
        assert await get_shared_token(database, cipher(NEW_KEY)) == (token, False)
        ids = await database.fetch_all("SELECT key_id FROM accounts UNION SELECT key_id FROM apps")
    assert new.read().accounts == {"7": make_account(), "8": make_account("8")}
    assert new.read().app == PartnerApp(key="key", secret=SecretStr("app-s3cret"))
    assert ids == [(compute_key_id(base64.b64decode(NEW_KEY)),)]


@pytest.mark.parametrize("text", ["", "hunter2", base64.b64encode(b"x" * 31).decode(), f"{KEY},hunter2"])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="TIKTOK_SHOP_DATABASE_KEY") as caught:
        cipher(text)
    assert "hunter2" not in str(caught.value)


# ---- schema


async def test_the_schema_is_made_once_however_many_replicas_start(database_url: str) -> None:
    async def start() -> int:
        database = Database(database_url, SecretStr(""))
        await database.open()
        try:
            return await migrate(database)
        finally:
            await database.close()

    assert sorted(await asyncio.gather(*(start() for _ in range(5)))) == [0, 0, 0, 0, len(load_migrations())]


def test_each_step_of_the_schema_has_a_number_of_its_own() -> None:
    assert len(load_migrations()) == sum(entry.name.endswith(".sql") for entry in SCHEMA_STEPS.iterdir())


async def test_a_schema_of_a_later_version_is_left_alone(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.execute("INSERT INTO schema_steps (number) VALUES (9999)")
        with pytest.raises(ShopError, match="9999") as caught:
            await migrate(database)
    assert "Update" in caught.value.hint


# ---- audit log


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET entry = '{}'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
async def test_nobody_changes_the_audit_log_not_even_at_the_database(database_url: str, statement: str) -> None:
    async with open_database(database_url) as database:
        log = make_stores(database).audit_log
        await log.append({"id": "a", "operation": "ship_package", "note": "\0"})
        with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.RaiseException):
            connection.execute(statement)
        entries = await log.read_entries()
    assert entries == [{"id": "a", "operation": "ship_package", "note": "\0", "outcome": "unknown"}]


# ---- tenants


async def test_a_tenant_finds_nothing_of_another(database_url: str) -> None:
    async with open_database(database_url, "tea", "tin") as database:
        tea, tin = make_stores(database, "tea"), make_stores(database, "tin")
        for store in (tea.confirmations, tea.write_outcomes, tea.jobs):
            await store.put("a", {"by": "tea"}, 60)
        result_id = await tea.results.put(b"tea")
        await tea.audit_log.append({"id": "a"})
        await tea.issued_documents.remember("https://documents.example/1")
        state = await tea.oauth_states.create()
        await tea.write_marks.mark("7001", "orders")
        assert isinstance(tea.accounts, PostgresAccountStore)
        assert isinstance(tin.accounts, PostgresAccountStore)
        await sign_in(tea.accounts, make_account())
        await tin.accounts.refresh()
        assert tin.accounts.read().accounts == {}
        assert tin.accounts.read().app is None
        assert [await store.take("a") for store in (tin.confirmations, tin.write_outcomes, tin.jobs)] == [None] * 3
        assert await tin.results.get(result_id) is None
        assert await tin.audit_log.read_entries() == []
        assert not await tin.issued_documents.is_issued("https://documents.example/1")
        assert not await tin.oauth_states.is_valid(state)
        assert await tin.write_marks.find_latest("7001", ["orders"]) == 0
        assert await tea.confirmations.take("a") == {"by": "tea"}


async def test_a_tenant_that_is_removed_is_gone_but_for_what_it_did(database_url: str) -> None:
    async with open_database(database_url, "tea") as database:
        store = PostgresAccountStore(database, CIPHER, "tea")
        await sign_in(store, make_account())
        await make_stores(database, "tea").audit_log.append({"id": "a"})
        directory = TenantDirectory(database)
        await directory.remove("tea")
        with pytest.raises(ShopError, match="no tenant 'tea'"):
            await store.refresh()
        with pytest.raises(ShopError, match="no tenant 'tea'"):
            await directory.remove("tea")
        assert await directory.add("tea")
        await store.refresh()
        assert store.read().accounts == {}
        assert await make_stores(database, "tea").audit_log.read_entries() != []
        assert [(tenant.id, tenant.account_count) for tenant in await directory.list_all()] == [("tea", 0)]


@pytest.mark.parametrize("name", ["", "Tea", "../tea", "tea\0", "tea shop", "-tea", "t" * 65])
async def test_what_can_not_name_a_tenant_is_refused(database_url: str, name: str) -> None:
    async with open_database(database_url) as database:
        with pytest.raises(ShopError, match="can't name a tenant"):
            await TenantDirectory(database).add(name)


# ---- several replicas


async def test_who_edits_waits_for_a_replica_that_does_and_sees_what_it_saved(database_url: str) -> None:
    async with open_database(database_url) as one, open_database(database_url) as other:
        first, second = (PostgresAccountStore(each, CIPHER, TENANT) for each in (one, other))

        async def add(store: PostgresAccountStore, name: str) -> None:
            async with store.edit() as transaction:
                await asyncio.sleep(0.01)
                transaction.accounts[name] = make_account(name)
                await transaction.save()

        await asyncio.gather(*(add(store, f"{n}{m}") for n in range(8) for m, store in enumerate((first, second))))
        await first.refresh()
        assert len(first.read().accounts) == 16


async def test_what_is_saved_is_seen_while_the_lock_is_still_there(database_url: str) -> None:
    async with open_database(database_url) as one, open_database(database_url) as other:
        writer, reader = (PostgresAccountStore(each, CIPHER, TENANT) for each in (one, other))
        async with writer.edit() as transaction:
            transaction.accounts["7"] = make_account()
            await transaction.save()
            await reader.refresh()
            assert "7" in reader.read().accounts
            transaction.accounts["7"] = make_account(token="ROW_second")
            await transaction.save()
        contents = reader.read()
        await reader.refresh()
        assert reader.read().accounts["7"].access_token.get_secret_value() == "ROW_second"
        assert reader.read() is not contents


async def test_a_replica_that_lost_its_lock_overwrites_nothing(database_url: str, postgres: Postgres) -> None:
    async with open_database(database_url) as one, open_database(database_url) as other:
        slow, fast = (PostgresAccountStore(each, CIPHER, TENANT) for each in (one, other))
        with pytest.raises(ShopError):  # noqa: PT012 - the lock's own connection is gone, too
            async with slow.edit() as transaction:
                await asyncio.to_thread(postgres.restart)
                await sign_in(fast, make_account(token="ROW_fast"))
                transaction.accounts["7"] = make_account(token="ROW_slow")
                with pytest.raises(ShopError, match="in the meantime"):
                    await transaction.save()
        await slow.refresh()
        assert slow.read().accounts["7"].access_token.get_secret_value() == "ROW_fast"


HOLDER = """
import asyncio, sys
from pydantic import SecretStr
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
from tests.teams.databases import CIPHER, TENANT, open_database

async def hold():
    async with open_database(sys.argv[1]) as database, PostgresAccountStore(database, CIPHER, TENANT).edit():
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


async def test_a_lock_goes_with_the_process_that_has_it(database_url: str) -> None:
    async with open_database(database_url) as database:
        holder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HOLDER, database_url), stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
        )
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        store = PostgresAccountStore(database, CIPHER, TENANT)
        waiting = asyncio.create_task(sign_in(store, make_account()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        holder.send_signal(signal.SIGKILL)
        await asyncio.wait_for(waiting, PATIENCE_S / 2)  # the holder would have it for as long as that
        await holder.communicate()
    assert "7" in store.read().accounts


# ---- restarts


async def test_after_a_restart_the_first_step_works_on_every_connection(database_url: str, postgres: Postgres) -> None:
    async with open_database(database_url) as database:
        records = make_stores(database).confirmations
        await asyncio.gather(*(records.put(str(n), {}, 60) for n in range(20)))
        await asyncio.to_thread(postgres.restart)
        assert await asyncio.gather(*(records.take(str(n)) for n in range(20))) == [{}] * 20


async def test_after_a_restart_the_first_lock_among_servers_is_had(database_url: str, postgres: Postgres) -> None:
    async with open_database(database_url) as database:
        locks, others = ReplicaLocks(database.conninfo), ReplicaLocks(database.conninfo)
        assert await locks.acquire("a")
        await asyncio.to_thread(postgres.restart)
        assert await locks.acquire("b")
        assert await others.acquire("a")  # which went with its connection
        assert not await others.acquire("b")
        await asyncio.gather(locks.close(), others.close())


async def test_a_database_that_is_away_is_said_in_words_and_used_when_it_is_back(
    database_url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(database_url) as database:
        records = make_stores(database).write_outcomes
        await records.put("a", {}, 60)
        await asyncio.to_thread(postgres.stop)
        try:
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(ShopError, match="can't be used") as caught:
                    await records.claim("b", {}, 60)
                monkeypatch.setattr("mcp_server_tiktok_shop.state.postgres.database.WAIT_TIMEOUT_S", 10 * PATIENCE_S)
                with pytest.raises(ShopError, match="can't be used"):  # told at once
                    await records.claim("c", {}, 60)
                monkeypatch.undo()
        finally:
            await asyncio.to_thread(postgres.start)
        assert caught.value.retryable
        assert caught.value.message.endswith("Nothing was sent.")
        assert "127.0.0.1" not in caught.value.message
        assert await records.claim("b", {}, 60) is None
        assert await records.get("a") == {}
