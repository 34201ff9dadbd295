"""The commands of an operator: tenants, keys, the audit log; and what is refused at the start, in words."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.accounts import Account
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores
from tests.teams.databases import CIPHER, KEY, open_database
from tests.teams.replicas import make_environment
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

NEW_KEY = base64.b64encode(bytes(range(2, 34))).decode()
PASSWORD = "hunter2-hunter2"


def run(home: Path, url: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIKTOK_SHOP_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "mcp_server_tiktok_shop", *arguments],
        env=own | make_environment(home, url, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def test_tenants_are_added_named_and_removed(home: Path, database_url: str) -> None:
    assert "tea now" in run(home, database_url, "tenant", "add", "tea").stdout
    assert "tea already" in run(home, database_url, "tenant", "add", "tea").stdout
    listed = json.loads(run(home, database_url, "tenant", "list", "--json").stdout)
    assert [(tenant["id"], tenant["accounts"]) for tenant in listed["tenants"]] == [("default", 0), ("tea", 0)]
    assert "deleted" in run(home, database_url, "tenant", "remove", "tea", "--yes").stdout
    gone = run(home, database_url, "tenant", "remove", "tea", "--yes")
    assert gone.returncode == 1
    assert "no tenant 'tea'" in gone.stderr
    assert "tea" not in run(home, database_url, "tenant", "list").stdout
    assert not home.exists()


def test_a_command_is_for_the_tenant_that_is_named(home: Path, database_url: str) -> None:
    async def prepare() -> None:
        async with open_database(database_url, "tea", "tin") as database:
            marks = InMemoryRateMarks(lambda: 0.0)
            stores = make_postgres_stores(database, CIPHER, "tea", marks, lambda: 0.0)
            await stores.audit_log.append({"id": "a", "operation": "ship_package", "time": "2026-11-29T08:00:00+00:00"})
            async with stores.accounts.edit() as transaction:
                account = Account(id="7", app_key="key", name="Tea House", access_token=SecretStr("ROW_tea"))
                transaction.accounts["7"] = account
                await transaction.save()

    asyncio.run(prepare())
    assert "ship_package" in run(home, database_url, "journal", tenant="tea").stdout
    assert "Nothing was changed" in run(home, database_url, "journal", tenant="tin").stdout
    assert "Tea House" in run(home, database_url, "logout", "Tea House", tenant="tea").stdout
    nobody = run(home, database_url, "shops", tenant="nobody")
    assert nobody.returncode == 1
    assert "no tenant 'nobody'" in nobody.stderr


def test_a_key_is_rotated_by_setting_both_and_then_the_new_one(home: Path, database_url: str) -> None:
    async def read(key: str) -> str:
        cipher = CIPHER.from_setting(SecretStr(key))
        async with open_database(database_url, "tea") as database:
            store = PostgresAccountStore(database, cipher, "tea")
            async with store.edit() as transaction:
                if not transaction.accounts:
                    transaction.accounts["7"] = Account(id="7", app_key="key", access_token=SecretStr("ROW_tea"))
                    await transaction.save()
            return store.read().accounts["7"].access_token.get_secret_value()

    assert asyncio.run(read(KEY)) == "ROW_tea"
    done = run(home, database_url, "tenant", "rotate-key", database_key=f"{NEW_KEY},{KEY}")
    assert done.returncode == 0, done.stderr
    assert "1 tenants" in done.stdout
    assert asyncio.run(read(NEW_KEY)) == "ROW_tea"


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"database": f"postgresql://me:{PASSWORD}@db.example/shops"}, "password"),
        ({"database": f"postgresql://db.example/shops?password={PASSWORD}"}, "password"),
        ({"database": "mysql://db.example/shops"}, "postgresql://"),
        ({"database": "postgresql://db.example:port/shops"}, "postgresql://"),
        ({"database": "postgresql://db.example/shops", "redis": f"redis://:{PASSWORD}@cache.example"}, "password"),
        ({"database": "postgresql://db.example/shops", "sandbox": "1"}, "sandbox"),
        ({"redis": "redis://cache.example"}, "TIKTOK_SHOP_DATABASE"),
        ({"tenant": "tea"}, "TIKTOK_SHOP_DATABASE"),
        ({"database_key": KEY}, "TIKTOK_SHOP_DATABASE"),
    ],
)
def test_settings_that_can_not_be_followed_are_named_without_their_secrets(settings: dict[str, str], word: str) -> None:
    with pytest.raises(SettingsError, match=word) as caught:
        read_settings({f"TIKTOK_SHOP_{name.upper()}": value for name, value in settings.items()})
    assert PASSWORD not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "more", "word"),
    [
        (("serve", "--http", "--port", "0"), {"database_key": ""}, "TIKTOK_SHOP_DATABASE_KEY"),
        (("serve", "--http", "--port", "0"), {"database_key": "short"}, "TIKTOK_SHOP_DATABASE_KEY"),
        (("serve", "--http", "--port", "0"), {"database": "postgresql://127.0.0.1:1/none"}, "can't be used"),
        (("serve", "--http", "--port", "0"), {"toolsets": "nothing_like_it"}, "nothing_like_it"),
        (("serve",), {}, "serve --http"),
        ((), {}, "serve --http"),
    ],
)
def test_a_server_that_can_not_start_says_why(
    home: Path, database_url: str, arguments: tuple[str, ...], more: dict[str, str], word: str
) -> None:
    settings = {"database": database_url} | more
    url = settings.pop("database")
    done = run(home, url, *arguments, **settings)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr
