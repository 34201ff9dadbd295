"""The command `mirror`: it reads the copies, tells what is in them, and deletes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_login import plain, run, secrets_of
from tests.platform.worker import keys

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=40)


async def test_copies_are_made_told_and_deleted(sandbox: Sandbox, home: Path) -> None:
    async with sandbox.serve() as url:
        settings = keys(sandbox, url, 1)
        nothing = await run(home, "mirror", "status", **settings)
        synced = await run(home, "mirror", "sync", **settings)
        told = await run(home, "mirror", "status", **settings)
        for_scripts = await run(home, "mirror", "status", "--json", **settings)
        shops = [shop for shop in sandbox.state.shops if shop.name in synced.out]
        one = await run(home, "mirror", "forget", "--shop", shops[0].id, **settings)
        left = await run(home, "mirror", "status", "--json", **settings)
        everything = await run(home, "mirror", "forget", **settings)
        wrong = await run(home, "mirror", "sync", "--shop", "no such shop", **settings)
    for ran in (nothing, synced, told, for_scripts, one, left, everything):
        plain(ran, *secrets_of(sandbox))
    assert nothing.out.count("no copy yet") == len(shops)
    assert " rows in " in synced.out
    assert "orders" in told.out
    reports = json.loads(for_scripts.out)["shops"]
    for report, shop in zip(reports, shops, strict=True):
        (orders,) = [table for table in report["tables"] if table["table"] == "orders"]
        assert orders["rows"] == len(shop.orders)
        assert orders["complete"]
        assert orders["reaches_back_to"] < orders["as_of"]
        assert report["size_bytes"] > 0
    assert [report["tables"] == [] for report in json.loads(left.out)["shops"]] == [True] + [False] * (len(shops) - 1)
    assert not list((home / "mirror").rglob("*.duckdb"))
    assert (wrong.code, "no such shop" in wrong.err) == (1, True)


async def test_a_table_that_can_not_be_read_ends_in_exit_code_1(sandbox: Sandbox, home: Path) -> None:
    sandbox.faults.add("get_statements", times=None, status=403, code=105005, message="Access denied: no scope.")
    async with sandbox.serve() as url:
        ran = await run(home, "mirror", "sync", **keys(sandbox, url))
    assert ran.code == 1
    assert "statements" in ran.err
    assert " rows in " in ran.out
