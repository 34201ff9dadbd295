"""A pooler that would break the locks among servers is told at the start, and one that keeps sessions apart is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from pydantic import SecretStr
from scripts.team.services import find_free_port, make_folder

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.database import Database
from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.team.services import Postgres

POOLER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="PostgreSQL and its poolers as on Linux"),
    pytest.mark.skipif(POOLER is None, reason="pgbouncer is not installed"),
]


@contextmanager
def pool_connections(postgres: Postgres, database_url: str, **settings: str) -> Iterator[str]:
    """The URL of the same database behind a pooler."""
    name, port = database_url.rpartition("/")[2], find_free_port()
    common = {"listen_addr": "127.0.0.1", "listen_port": str(port), "auth_type": "any", "unix_socket_dir": ""}
    with make_folder(postgres.user) as folder:
        lines = ["[databases]", f"{name} = host=127.0.0.1 port={postgres.port} dbname={name} user=postgres"]
        lines += ["[pgbouncer]", *(f"{key} = {value}" for key, value in (common | settings).items())]
        (folder / "pooler.ini").write_text("\n".join(lines), encoding="utf-8")
        with (folder / "log.txt").open("wb") as log:
            command = [str(POOLER), str(folder / "pooler.ini")]
            pooler = subprocess.Popen(command, user=postgres.user, stdout=log, stderr=log)  # noqa: S603
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        try:
            for _ in range(1200):
                try:
                    psycopg.connect(url, connect_timeout=2).close()
                    break
                except psycopg.OperationalError:
                    time.sleep(0.05)
            yield url
        finally:
            pooler.terminate()
            pooler.wait()


async def ensure_sessions(url: str) -> None:
    database = Database(url, SecretStr(""))
    locks = ReplicaLocks(database.conninfo)
    await database.open()
    try:
        await locks.ensure_sessions(database)
    finally:
        await locks.close()
        await database.close()


def set_timeout(database_url: str) -> None:
    """As who runs the database can, so that a connection has it whatever is passed on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database_url.rpartition('/')[2]} SET statement_timeout = '10s'".encode())


@pytest.mark.parametrize("order", ["0", "1"])
async def test_a_pooler_of_transactions_is_refused_in_words(postgres: Postgres, database_url: str, order: str) -> None:
    set_timeout(database_url)
    settings = {"pool_mode": "transaction", "ignore_startup_parameters": "options", "server_round_robin": order}
    with pool_connections(postgres, database_url, **settings) as url:
        for _ in range(10):
            with pytest.raises(ShopError, match="shares connections") as caught:
                await ensure_sessions(url)
    assert "transaction mode" in caught.value.hint


async def test_settings_that_are_dropped_on_the_way_are_refused_in_words(postgres: Postgres, database_url: str) -> None:
    settings = {"pool_mode": "session", "ignore_startup_parameters": "options"}
    with (
        pool_connections(postgres, database_url, **settings) as url,
        pytest.raises(ShopError, match="drops their settings"),
    ):
        await ensure_sessions(url)


async def test_sessions_of_the_databases_own_are_good(postgres: Postgres, database_url: str) -> None:
    for _ in range(5):
        await ensure_sessions(database_url)
    set_timeout(database_url)
    settings = {"pool_mode": "session", "ignore_startup_parameters": "options"}
    with pool_connections(postgres, database_url, **settings) as url:
        for _ in range(5):
            await ensure_sessions(url)
