"""Any replica answers any request: what one stored the other finds, what one did the other does not do again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pydantic import SecretStr

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.state.accounts import Account
from tests.keys import call_agreed, reply, sign_in_address
from tests.platform.test_tokens import READ, RENEW, WRITE, bad, done, good, reference
from tests.teams.replicas import Replica, sandbox_keys, serve_pair, serve_replicas

if TYPE_CHECKING:
    from pathlib import Path


async def read_stored(replica: Replica, tenant: str = "default") -> dict[str, Account]:
    assert replica.state is not None
    store = replica.state.make_stores(tenant).accounts
    await store.refresh()
    return store.read().accounts


async def test_what_one_replica_kept_another_gives(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=60)
    async with serve_pair(home, database_url, sandbox) as (_first, one, other):
        kept = good(await one.call_tool("get_order_list", {"page_size": 50, "pages": 2, "fields": ["*"]}))
        result = good(await other.call_tool("read_result", {"id": kept["result_id"]}))
        assert "data" in result
        assert (await other.read_resource(f"tiktok-shop://results/{kept['result_id']}")).contents


async def test_a_token_that_one_replica_gave_is_used_once_on_any(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    product = next(p for p in sandbox.accounts[0].shops[0].products.values() if p.status == "ACTIVATE")
    settings = sandbox_keys(sandbox, "") | {"confirm": "asks"}
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **(settings | {"api_url": url, "auth_url": url})) as replicas,
        replicas[0].connect() as one,
        replicas[1].connect() as other,
    ):
        asked = reply(await one.call_tool("delete_products", {"product_ids": [product.id]}))
        assert asked["status"] == "confirmation_required"
        answers = await asyncio.gather(
            *(client.call_tool("confirm_write", {"token": asked["confirm"]}) for client in (one, other) * 5)
        )
    assert sum("error" not in reply(answer) for answer in answers) == 1
    assert done(sandbox, "delete_products") == 1
    assert product.status == "DELETED"


async def test_a_write_that_one_replica_did_is_not_done_again_by_another(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with serve_pair(home, database_url, sandbox) as (_first, one, other):
        results = await asyncio.gather(*(c.call_tool(WRITE, reference(sandbox)) for c in (one, other) * 4))
        assert done(sandbox, WRITE) == 1
        assert sum(not result.is_error for result in results) == 1
        assert {reply(r)["error"] for r in results if r.is_error} <= {"already_done", "unknown_outcome"}
        changes = good(await other.call_tool("list_changes", {}))
    assert len(changes["data"]["changes"]["rows"]) == 1


async def test_eighty_callers_on_two_replicas_renew_an_expired_token_once(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with serve_pair(home, database_url, sandbox) as (first, one, other):
        good(await one.call_tool(READ, {}))
        good(await other.call_tool(READ, {}))
        sandbox.expire_access_token()
        sandbox.log.clear()
        for result in await asyncio.gather(*(client.call_tool(READ, {}) for client in (one, other) * 40)):
            good(result)
        (account,) = (await read_stored(first)).values()
    assert len(sandbox.log.list_entries(RENEW)) == 1
    newest = sandbox.accounts[0]
    assert account.access_token.get_secret_value() == newest.access_token
    assert account.refresh_token.get_secret_value() == newest.refresh_token


async def test_who_signs_in_at_one_replica_is_signed_in_at_the_next_call_to_another(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=20)
    settings = {name: value for name, value in sandbox_keys(sandbox, "").items() if "token" not in name}
    async with (
        sandbox.serve() as url,
        serve_replicas(
            2, home, database_url, **(settings | {"api_url": url, "auth_url": url, "service_id": "7"})
        ) as replicas,
        replicas[0].connect() as one,
        replicas[1].connect() as other,
    ):
        assert bad(await other.call_tool(READ, {}))["error"] in ("signed_out", "not_configured")
        address = await sign_in_address(one, sandbox.authorization_code())
        good(await call_agreed(other, "exchange_authorization_code", {"auth_code": address}))
        good(await one.call_tool(READ, {}))
        good(await other.call_tool(READ, {}))


async def test_a_sign_in_that_one_replica_asked_about_is_agreed_to_at_another(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    settings = {name: value for name, value in sandbox_keys(sandbox, "").items() if "token" not in name}
    settings |= {"service_id": "7", "confirm": "asks"}
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **(settings | {"api_url": url, "auth_url": url})) as replicas,
        replicas[0].connect() as one,
        replicas[1].connect() as other,
    ):
        address = {"auth_code": await sign_in_address(one, sandbox.authorization_code())}
        asked = reply(await one.call_tool("exchange_authorization_code", address))
        assert asked["status"] == "confirmation_required"
        good(await other.call_tool("exchange_authorization_code", address | {"confirm": asked["confirm"]}))
        good(await one.call_tool(READ, {}))
        assert done(sandbox, "exchange_authorization_code") == 1
        state = replicas[0].state
        assert state is not None
        kept = await state.database.fetch_all("SELECT key FROM expiring_records WHERE kind = 'unsaved pair'")
    assert kept == []


# ---- tenants


async def put_accounts(replica: Replica, tenant: str, sandbox: Sandbox, number: int) -> None:
    assert replica.state is not None
    await replica.state.directory.add(tenant)
    seller = sandbox.accounts[number]
    async with replica.state.make_stores(tenant).accounts.edit() as transaction:
        transaction.accounts[seller.open_id] = Account(
            id=seller.open_id,
            app_key=sandbox.app_key,
            access_token=SecretStr(seller.access_token),
            refresh_token=SecretStr(seller.refresh_token),
        )
        await transaction.save()


async def test_a_tenant_reaches_its_own_shops_and_no_other_whatever_it_asks(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **sandbox_keys(sandbox, url)) as replicas,
    ):
        names: dict[str, set[str]] = {}
        for number in (0, 1):
            await put_accounts(replicas[0], f"tenant-{number}", sandbox, number)
            names[f"tenant-{number}"] = {shop.id for shop in sandbox.accounts[number].shops}

        async def ask(tenant: str, replica: Replica) -> tuple[str, set[str]]:
            async with replica.connect(tenant) as client:
                results: list[Any] = [await client.call_tool("list_shops", {})]
                for foreign in names["tenant-0" if tenant == "tenant-1" else "tenant-1"]:
                    results.append(await client.call_tool("get_order_list", {"shop": foreign, "page_size": 1}))
                    assert results[-1].is_error
                return tenant, {shop["id"] for shop in good(results[0])["data"]["shops"]}

        for tenant, shops in await asyncio.gather(*(ask(t, r) for t in names for r in replicas for _ in range(3))):
            assert shops == names[tenant]


async def test_the_tokens_of_the_environment_are_the_default_tenants_alone(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replicas(1, home, database_url, **sandbox_keys(sandbox, url)) as (replica,),
    ):
        assert replica.state is not None
        await replica.state.directory.add("tea")
        async with replica.connect() as client:
            good(await client.call_tool(READ, {}))
        async with replica.connect("tea") as client:
            assert bad(await client.call_tool(READ, {}))["error"] == "signed_out"


async def test_a_tenant_that_there_is_not_is_refused_in_words(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replicas(1, home, database_url, **sandbox_keys(sandbox, url)) as (replica,),
        replica.connect("nobody") as client,
    ):
        assert bad(await client.call_tool(READ, {}))["error"] == "not_permitted"
        with pytest.raises(Exception, match="no tenant 'nobody'"):
            await client.read_resource("tiktok-shop://shops")
        with pytest.raises(Exception, match="no tenant 'nobody'"):
            await client.list_tools()


async def test_the_token_of_all_replicas_is_let_in_and_no_other(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        sandbox.serve() as url,
        serve_replicas(2, home, database_url, **sandbox_keys(sandbox, url)) as (first, second),
    ):
        assert first.token == second.token
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {first.token}x"}) as client:
            assert (await client.post(second.url, json={})).status_code == 401
