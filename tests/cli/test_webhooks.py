"""The command `register-webhooks`: it tells where events go, and sets it once somebody said yes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_login import plain, run, secrets_of
from tests.platform.worker import keys

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://shops.example.com/webhooks/tiktok"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=5)


async def test_what_is_set_is_told_and_nothing_is_set_without_a_yes(sandbox: Sandbox, home: Path) -> None:
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        told = await run(home, "register-webhooks", **settings)
        planned = await run(home, "register-webhooks", "--url", URL, **settings)
    for ran in (told, planned):
        plain(ran, *secrets_of(sandbox))
    assert (told.code, planned.code) == (0, 1)
    assert "no events are reported" in told.out
    assert "to be set" not in told.out
    assert f"ORDER_STATUS_CHANGE                 to be set to {URL}" in planned.out
    assert "--yes" in planned.err
    assert all(not shop.webhooks for shop in sandbox.state.shops)


async def test_events_of_use_are_set_for_each_shop_and_once(sandbox: Sandbox, home: Path) -> None:
    first, second = sandbox.accounts[0].shops[:2]
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        one = await run(home, "register-webhooks", "--url", URL, "--shop", first.id, "--yes", **settings)
        assert not second.webhooks
        every = await run(home, "register-webhooks", "--yes", http_webhook_url=URL, **settings)
        sandbox.log.clear()
        again = await run(home, "register-webhooks", "--json", http_webhook_url=URL, **settings)
    assert (one.code, every.code, again.code) == (0, 0, 0)
    for shop in (first, second):
        assert {webhook.address for webhook in shop.webhooks.values()} == {URL}
        assert {"ORDER_STATUS_CHANGE", "RETURN_STATUS_CHANGE", "NEW_MESSAGE"} <= shop.webhooks.keys()
        assert not {"REVERSE_STATUS_UPDATE", "SELLER_DEAUTHORIZATION"} & shop.webhooks.keys()
    reports = json.loads(again.out)["shops"]
    assert [report["to_set"] for report in reports] == [[], []]
    assert {entry.operation for entry in sandbox.log if entry.method != "GET"} == set()


async def test_an_address_of_another_server_is_shown_before_it_is_replaced(sandbox: Sandbox, home: Path) -> None:
    other = "https://other.example.com/webhooks/tiktok"
    shop = sandbox.accounts[0].shops[0]
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        await run(home, "register-webhooks", "--url", other, "--shop", shop.id, "--yes", **settings)
        planned = await run(home, "register-webhooks", "--url", URL, "--shop", shop.id, **settings)
    assert other in planned.out
    assert URL in planned.out
    assert {webhook.address for webhook in shop.webhooks.values()} == {other}


async def test_what_can_not_be_set_is_told_and_ends_in_exit_code_1(sandbox: Sandbox, home: Path) -> None:
    sandbox.faults.add("update_shop_webhook", times=1, status=403, code=105005, message="Access denied: no scope.")
    shop = sandbox.accounts[0].shops[0]
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        ran = await run(home, "register-webhooks", "--url", URL, "--shop", shop.id, "--yes", **settings)
        wrong = await run(home, "register-webhooks", "--url", "http://shops.example.com/", **settings)
        locked = await run(home, "register-webhooks", "--url", URL, "--yes", read_only="true", **settings)
    plain(ran, *secrets_of(sandbox))
    assert ran.code == 1
    assert f"{shop.name}: " in ran.err
    assert len(shop.webhooks) > 5
    assert wrong.code == 2
    assert "--url" in wrong.err
    assert locked.code == 1
    assert not sandbox.accounts[0].shops[1].webhooks
