"""What this server wrote is in the next answer from the local copy, however old that copy may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import CATALOG, told

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

DAY_S = 86400
TITLES = "SELECT id, title, status FROM products WHERE status = 'ACTIVATE' ORDER BY id"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3)


async def ask(client: Client, sql: str, shop: str) -> list[Any]:
    """The rows of an answer that may be a day old."""
    answer = await told(client, "query_shop", sql=sql, shop=shop, max_age=DAY_S)
    return list(answer["data"]["result"]["rows"])


async def pause(client: Client, product_id: str, shop: str) -> dict[str, Any]:
    arguments = {"product_ids": [product_id], "shop": shop}
    return await told(client, "run_write_operation", name="deactivate_products", arguments=arguments)


async def test_an_answer_of_the_copy_knows_what_was_just_written(connect: Connect, sandbox: Sandbox) -> None:
    """Its shop's alone, and its tables alone: nothing else is read anew."""
    first, other = [shop.name for shop in sandbox.accounts[0].shops][:2]
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        before = await ask(client, TITLES, first)
        for sql in (TITLES, "SELECT count(*) FROM orders"):
            await ask(client, sql, first)
            await ask(client, sql, other)
        await pause(client, before[0][0], first)
        assert await ask(client, TITLES, first) == before[1:]
        sandbox.log.clear()
        await ask(client, TITLES, first)
        await ask(client, TITLES, other)
        await ask(client, "SELECT count(*) FROM orders", first)
    assert sandbox.log == []


async def test_so_does_that_of_another_process_of_the_same_home(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0].name
    async with (
        connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client,
        connect(sandbox="1", sandbox_object=sandbox) as other,
    ):
        before = await ask(other, TITLES, shop)
        await pause(client, before[0][0], shop)
        assert await ask(other, TITLES, shop) == before[1:]


async def test_a_write_of_unknown_outcome_may_have_been_done(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0].name
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        before = await ask(client, TITLES, shop)
        sandbox.faults.add("deactivate_products", cut="after")
        refused = await pause(client, before[0][0], shop)
        assert refused["error"] == "unknown_outcome"
        assert await ask(client, TITLES, shop) == before[1:]


def test_every_area_that_a_table_is_written_by_has_writes() -> None:
    areas = {operation.area for operation in CATALOG.operations.values() if operation.is_platform_write}
    named = {area for source in TableCatalog().sources.values() for area in source.written_by}
    assert named
    assert named <= areas
