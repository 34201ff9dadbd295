"""A wrong shop is never touched: it is named, or it is the only one, or nothing is sent."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import call_agreed, reply
from tests.platform.test_tokens import bad, done, good, token_of
from tests.platform.worker import keys
from tests.wire.recorder import COFFEE, TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Entry
    from tests.conftest import Connect

READ, SEARCH, WRITE = "get_warehouse_list", "search_products", "delete_products"
ACCOUNT_WIDE = "get_active_shops"
FETCH = "get_authorized_shops"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=20)


@asynccontextmanager
async def two_shops(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Client]:
    """One account with a shop in GB and one in DE."""
    async with sandbox.serve() as url, connect(**(keys(sandbox, url) | more)) as client:
        yield client


@asynccontextmanager
async def two_accounts(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Client]:
    """The account from the environment, and one signed in with its shop in US."""
    async with two_shops(connect, sandbox, **more) as client:
        good(await call_agreed(client, "exchange_authorization_code", {"auth_code": sandbox.authorization_code(1)}))
        good(await client.call_tool("list_shops", {}))
        sandbox.log.clear()
        yield client


def cipher_of(entry: Entry) -> str | None:
    _, found, rest = entry.query.partition("shop_cipher=")
    return rest.partition("&")[0] if found else None


def products(sandbox: Sandbox, shop: int = 0) -> dict[str, Any]:
    return {"product_ids": [next(iter(sandbox.state.shops[shop].products))]}


async def test_two_shops_and_none_named_is_refused_and_nothing_is_sent(connect: Connect, sandbox: Sandbox) -> None:
    async with two_shops(connect, sandbox) as client:
        for tool, arguments in ((READ, {}), (WRITE, products(sandbox)), ("get_order_list", {"page_size": 1})):
            told = bad(await client.call_tool(tool, arguments))
            assert told["error"] == "shop_required"
            assert [shop["name"] for shop in told["shops"]] == ["Sandbox Tea House", "Sandbox Tea House DE"]
            assert "shop" in told["hint"]
            assert ('Or "all", or several with commas: each is asked.' in told["hint"]) is (tool != WRITE)
            assert ("get_worklist, get_report, query_shop." in told["hint"]) is (tool != WRITE)
    assert {entry.operation for entry in sandbox.log} == {FETCH}
    assert done(sandbox, WRITE) == 0


async def test_a_shop_is_named_by_name_id_or_region(connect: Connect, sandbox: Sandbox) -> None:
    german = sandbox.state.shops[1]
    async with two_shops(connect, sandbox) as client:
        names = (german.name, german.name.upper(), german.name.lower(), f" {german.name} ", german.id, "DE", "de")
        for name in names:
            told = good(await client.call_tool(READ, {"shop": name}))
            assert told["shop"] == german.name
    assert [cipher_of(entry) for entry in sandbox.log.list_entries(READ)] == [german.cipher] * len(names)


async def test_a_write_reaches_the_shop_that_was_named_and_no_other(connect: Connect, sandbox: Sandbox) -> None:
    before = {shop.name: shop.version for shop in sandbox.state.shops}
    async with two_shops(connect, sandbox) as client:
        good(await client.call_tool(WRITE, products(sandbox, 1) | {"shop": "DE"}))
    changed = [shop.name for shop in sandbox.state.shops if shop.version != before[shop.name]]
    assert changed == ["Sandbox Tea House DE"]


@pytest.mark.parametrize("name", ["Sandbox", "FR", "0", "Sandbox Tea House UK", "  ", "*", "%", "None", "a" * 5000])
async def test_an_unknown_shop_is_refused_with_those_there_are(connect: Connect, sandbox: Sandbox, name: str) -> None:
    async with two_shops(connect, sandbox) as client:
        told = bad(await client.call_tool(WRITE, products(sandbox) | {"shop": name}))
    assert told["error"] in ("shop_required", "invalid_arguments")
    assert told["error"] == "invalid_arguments" or len(told["shops"]) == 2
    if told["error"] == "shop_required" and name.strip():
        assert "connected by get_authorization_url" in told["hint"]
        assert "FR" not in told["hint"]  # a word that was refused is no example of what counts
    assert sandbox.log.list_entries(WRITE) == []


async def test_a_region_with_two_shops_is_not_enough(connect: Connect) -> None:
    twin = TEA | {"id": "7495540735365777999", "name": "Leaf and Kettle Outlet", "cipher": "GCP_another_cipher"}
    async with (
        Recorder(shops=[TEA, COFFEE, twin]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        told = bad(await client.call_tool(READ, {"shop": "gb"}))
        assert told["error"] == "shop_required"
        assert [shop["id"] for shop in told["shops"]] == [TEA["id"], twin["id"]]
        assert recorder.calls == []
        assert good(await client.call_tool(READ, {"shop": "de"}))["shop"] == COFFEE["name"]


async def test_two_shops_of_one_name_are_told_apart_by_id_alone(connect: Connect) -> None:
    twin = COFFEE | {"name": TEA["name"].upper()}
    async with (
        Recorder(shops=[TEA, twin]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        assert bad(await client.call_tool(READ, {"shop": TEA["name"]}))["error"] == "shop_required"
        assert recorder.calls == []
        good(await client.call_tool(READ, {"shop": twin["id"]}))
    [request] = recorder.calls
    assert f"shop_cipher={twin['cipher']}" in request.target


async def test_blank_is_no_name_for_a_nameless_shop(connect: Connect) -> None:
    nameless = COFFEE | {"name": "", "region": ""}
    async with (
        Recorder(shops=[TEA, nameless]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        assert bad(await client.call_tool(READ, {"shop": " "}))["error"] in ("shop_required", "invalid_arguments")
    assert recorder.calls == []


async def test_no_shop_at_all_is_refused_before_anything_is_sent(connect: Connect) -> None:
    async with Recorder(shops=[]) as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        told = bad(await client.call_tool(READ, {}))
    assert (told["error"], told["shops"]) == ("shop_required", [])
    assert told["hint"]
    assert recorder.calls == []


async def test_one_account_needs_no_shop_where_no_cipher_is_sent(connect: Connect, sandbox: Sandbox) -> None:
    async with two_shops(connect, sandbox) as client:
        good(await client.call_tool(ACCOUNT_WIDE, {}))
    assert [cipher_of(entry) for entry in sandbox.log] == [None]


async def test_with_two_accounts_the_shop_chooses_the_token(connect: Connect, sandbox: Sandbox) -> None:
    async with two_accounts(connect, sandbox) as client:
        told = bad(await client.call_tool(ACCOUNT_WIDE, {}))
        assert told["error"] == "shop_required"
        assert len(told["shops"]) == 3
        assert sandbox.log == []
        for shop, account in (("US", 1), ("GB", 0), ("DE", 0)):
            good(await client.call_tool(ACCOUNT_WIDE, {"shop": shop}))
            assert token_of(sandbox.log[-1]) == sandbox.accounts[account].access_token
            assert cipher_of(sandbox.log[-1]) is None
        for shop, account in (("US", 1), ("DE", 0)):
            good(await client.call_tool(READ, {"shop": shop}))
            assert token_of(sandbox.log[-1]) == sandbox.accounts[account].access_token


async def test_with_two_accounts_the_shop_chooses_whose_pair_is_renewed(connect: Connect, sandbox: Sandbox) -> None:
    before = sandbox.accounts[0].access_token
    async with two_accounts(connect, sandbox) as client:
        assert bad(await client.call_tool("refresh_access_token", {}))["error"] == "shop_required"
        told = good(await client.call_tool("refresh_access_token", {"shop": "US"}))
    assert told["data"]["seller"] == sandbox.accounts[1].name
    assert sandbox.accounts[0].access_token == before
    assert sandbox.tokens.renewals == 1


async def test_one_account_that_is_revoked_keeps_no_other_from_working(connect: Connect, sandbox: Sandbox) -> None:
    async with two_accounts(connect, sandbox) as client:
        sandbox.revoke(1)
        good(await client.call_tool(READ, {"shop": "GB"}))
        assert bad(await client.call_tool(READ, {"shop": "US"}))["error"] == "signed_out"


async def test_list_shops_names_each_shop_with_its_account_and_no_cipher(connect: Connect, sandbox: Sandbox) -> None:
    async with two_accounts(connect, sandbox) as client:
        result = await client.call_tool("list_shops", {})
    shops = good(result)["data"]["shops"]
    assert {(shop["name"], shop["region"], shop["id"]) for shop in shops} == {
        (shop.name, shop.region, shop.id) for shop in sandbox.state.shops
    }
    for account in sandbox.accounts:
        for secret in (account.access_token, account.refresh_token, *(shop.cipher for shop in account.shops)):
            assert secret not in str(reply(result))


@pytest.mark.parametrize("tool", [READ, WRITE])
async def test_a_stale_cipher_is_fetched_anew_and_the_call_repeated_once(
    connect: Connect, sandbox: Sandbox, tool: str
) -> None:
    german = sandbox.state.shops[1]
    arguments = {"shop": "DE"} | (products(sandbox, 1) if tool == WRITE else {})
    async with two_shops(connect, sandbox) as client:
        good(await client.call_tool(READ, {"shop": "DE"}))
        sandbox.log.clear()
        old, german.cipher = german.cipher, "ROW_a_cipher_of_a_new_time"
        good(await client.call_tool(tool, arguments))
        good(await client.call_tool(READ, {"shop": "DE"}))
    assert [cipher_of(entry) for entry in sandbox.log.list_entries(tool)][:2] == [old, german.cipher]
    assert len(sandbox.log.list_entries(FETCH)) == 1
    assert tool != WRITE or done(sandbox, WRITE) == 1


async def test_a_cipher_that_stays_refused_is_reported_and_not_tried_again(connect: Connect, sandbox: Sandbox) -> None:
    async with two_shops(connect, sandbox) as client:
        sandbox.faults.add(WRITE, times=None, code=101000, message="Invalid 'shop_cipher'.")
        told = bad(await client.call_tool(WRITE, products(sandbox) | {"shop": "GB"}))
    assert (told["error"], told["code"]) == ("platform", 101000)
    assert "list_shops" in told["hint"]
    assert len(sandbox.log.list_entries(WRITE)) == 1


async def test_the_same_shop_under_two_authorizations_is_one_and_the_newest_wins(connect: Connect) -> None:
    sandbox = Sandbox(orders=20)
    async with two_shops(connect, sandbox) as client:
        good(await client.call_tool(READ, {}))
        old = sandbox.accounts[0].access_token
        good(await call_agreed(client, "exchange_authorization_code", {"auth_code": sandbox.authorization_code()}))
        assert len(good(await client.call_tool("list_shops", {}))["data"]["shops"]) == 1
        for tool in (READ, ACCOUNT_WIDE):
            good(await client.call_tool(tool, {}))
            assert token_of(sandbox.log[-1]) == sandbox.accounts[0].access_token != old


async def test_renewing_an_older_authorization_does_not_make_it_the_newest(connect: Connect) -> None:
    sandbox = Sandbox(orders=20)
    async with two_shops(connect, sandbox) as client:
        good(await client.call_tool(READ, {}))
        old = sandbox.accounts[0].access_token
        good(await call_agreed(client, "exchange_authorization_code", {"auth_code": sandbox.authorization_code()}))
        newest = sandbox.accounts[0].access_token
        sandbox.tokens._access[old].expires = 0
        good(await client.call_tool("check_connection", {}))  # asks for the shops of each account
        assert sandbox.tokens.renewals == 1
        good(await client.call_tool(READ, {}))
    assert token_of(sandbox.log[-1]) == newest


async def test_twenty_first_calls_ask_for_the_shops_once(connect: Connect) -> None:
    import asyncio

    sandbox = Sandbox(orders=20)
    async with two_shops(connect, sandbox) as client:
        for result in await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(20))):
            good(result)
    assert len(sandbox.log.list_entries(FETCH)) == 1


Calls = tuple[tuple[str, dict[str, Any]], ...]
NEVER: Calls = (
    (ACCOUNT_WIDE, {}),
    ("get_seller_permissions", {}),
    (FETCH, {}),
    ("get_global_seller_warehouses", {}),
)
ALWAYS: Calls = (
    (READ, {}),
    (SEARCH, {}),
    ("get_order_list", {}),
    ("get_statements", {}),
    ("get_payments", {}),
)


@pytest.mark.parametrize("shop", [{}, {"shop": "GB"}], ids=["unnamed", "named"])
async def test_a_cipher_is_sent_where_it_is_wanted_and_nowhere_else(connect: Connect, shop: dict[str, str]) -> None:
    sandbox = Sandbox(orders=20)
    async with two_shops(connect, sandbox) as client:
        for tool, arguments in (*NEVER, *ALWAYS):
            good(await client.call_tool(tool, arguments | shop))
    for tool, _ in NEVER:
        assert {cipher_of(entry) for entry in sandbox.log.list_entries(tool)} == {None}
    for tool, _ in ALWAYS:
        assert {cipher_of(entry) for entry in sandbox.log.list_entries(tool)} == {sandbox.state.main.cipher}


async def test_a_pinned_server_reaches_and_shows_no_other_shop(connect: Connect, sandbox: Sandbox) -> None:
    german = sandbox.state.shops[1]
    async with two_shops(connect, sandbox, shop="GB") as client:
        told = good(await client.call_tool(READ, {}))
        assert told["shop"] == "Sandbox Tea House"
        for name in (german.name, german.id, "DE", "US"):
            refused = await client.call_tool(WRITE, products(sandbox, 1) | {"shop": name})
            assert bad(refused)["error"] == "shop_required"
            assert german.id not in str(reply(refused)["shops"])
        for tool in ("list_shops", FETCH, ACCOUNT_WIDE, "check_connection"):
            told = reply(await client.call_tool(tool, {}))
            assert german.id not in str(told)
            assert german.name not in str(told)
    assert sandbox.log.list_entries(WRITE) == []
    assert german.cipher not in {cipher_of(entry) for entry in sandbox.log}
