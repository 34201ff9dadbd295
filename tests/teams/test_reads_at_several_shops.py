"""A read over several shops, or by an id alone, asks the shops of the caller's tenant and no other's."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.teams.replicas import sandbox_keys, serve_replica
from tests.teams.test_replicas import put_accounts
from tests.tools.several_shops import list_shops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp import Client

IDS = ["orders.id"]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=30)


@asynccontextmanager
async def connect_tenants(
    home: Path, database_url: str, sandbox: Sandbox, era: str, **more: str
) -> AsyncIterator[list[Client]]:
    """A client of the tenant with the shops of GB and DE, and one of that with the shop of the US."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(sandbox.serve())
        settings = sandbox_keys(sandbox, url) | more
        replica = await stack.enter_async_context(serve_replica(home, database_url, **settings))
        for number in (0, 1):
            await put_accounts(replica, f"tenant-{number}", sandbox, number)
        yield [await stack.enter_async_context(replica.connect(f"tenant-{n}", mode=era)) for n in (0, 1)]


async def read(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    return reply(await client.call_tool(tool, arguments))


def list_asked(sandbox: Sandbox, tool: str) -> list[str]:
    """The regions of the shops that a tool's requests were for."""
    regions = {shop.cipher: shop.region for shop in list_shops(sandbox)}
    asked = [entry.query for entry in sandbox.log.list_entries(tool)]
    return sorted(region for query in asked for cipher, region in regions.items() if f"shop_cipher={cipher}" in query)


async def test_all_shops_are_those_of_the_tenant(home: Path, database_url: str, sandbox: Sandbox, era: str) -> None:
    async with connect_tenants(home, database_url, sandbox, era) as (two, one):
        both = await read(two, "get_order_list", shop="all", page_size=2, fields=IDS)
        asked = list_asked(sandbox, "get_order_list")
        alone = await read(one, "get_order_list", shop="all", page_size=2, fields=IDS)
        foreign = await read(two, "get_order_list", shop="DE,US", page_size=2)
    gb, de, us = list_shops(sandbox)
    assert both["shops"] == {"GB": gb.name, "DE": de.name}
    assert list(both["request_ids"]) == list(both["data"]) == ["GB", "DE"]
    assert asked == ["DE", "GB"]
    assert alone["shop"] == us.name
    assert foreign["error"] == "shop_required"
    assert [shop["region"] for shop in foreign["shops"]] == ["GB", "DE"]


async def test_an_id_alone_is_looked_for_in_the_tenants_shops(
    home: Path, database_url: str, sandbox: Sandbox, era: str
) -> None:
    gb, de, us = list_shops(sandbox)
    async with connect_tenants(home, database_url, sandbox, era) as (two, one):
        own = await read(two, "get_order_detail", ids=[next(iter(de.orders))], fields=IDS)
        american = await read(two, "get_order_detail", ids=[next(iter(us.orders))], fields=IDS)
        product = await read(two, "get_product", product_id=next(iter(us.products)))
        british = await read(one, "get_product", product_id=next(iter(gb.products)))
    assert own["shop"] == de.name
    assert american["message"].endswith("None of these shops has it: GB, DE.")
    assert product["message"].endswith("None of these shops has it: GB, DE.")
    assert british["error"] == "platform"
    assert list_asked(sandbox, "get_product") == ["DE", "GB", "US"]


async def test_a_page_token_of_several_shops_leads_another_tenant_nowhere(
    home: Path, database_url: str, sandbox: Sandbox, era: str
) -> None:
    async with connect_tenants(home, database_url, sandbox, era) as (two, one):
        first = await read(two, "get_order_list", shop="all", page_size=5, fields=IDS)
        token = first["next_page_token"]
        sandbox.log.clear()
        stolen = await read(one, "get_order_list", page_token=token, page_size=5, fields=IDS)
        forged = await read(two, "get_order_list", page_token="shops:US=abc", page_size=5, fields=IDS)
        assert sandbox.log.list_entries("get_order_list") == []
        more = await read(two, "get_order_list", page_token=token, page_size=5, fields=IDS)
    assert (stolen["error"], forged["error"]) == ("shop_required", "shop_required")
    assert list(more["data"]) == ["GB", "DE"]


async def test_what_did_not_fit_of_several_shops_is_read_on_by_the_tenant_alone(
    home: Path, database_url: str, sandbox: Sandbox, era: str
) -> None:
    fields = [*IDS, "orders.status", "orders.create_time"]
    async with connect_tenants(home, database_url, sandbox, era, result_bytes="3000") as (two, one):
        told = await read(two, "get_order_list", shop="all", page_size=30, fields=fields)
        chunk = {"id": told["result_id"], "path": "DE.orders"}
        own, foreign = await read(two, "read_result", **chunk), await read(one, "read_result", **chunk)
    assert own["data"]["rows"]
    assert foreign["error"] == "not_found"
