"""A tenant has settings of its own: every replica follows them at its next request, and none lets more than ours."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_login import logging_kept
from tests.platform.test_tokens import READ, WRITE, bad, done, good, reference
from tests.teams.replicas import Replica, make_environment, sandbox_keys, serve_replicas
from tests.teams.test_replicas import put_accounts
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from click.testing import Result
    from mcp import Client
    from scripts.team.services import Postgres, Redis

TENANTS = ("tenant-0", "tenant-1")
SHOP = {"shop": "Sandbox Tea House"}  # of the two of the first seller


@asynccontextmanager
async def served(home: Path, url: str, sandbox: Sandbox, count: int = 2, **more: str) -> AsyncIterator[list[Replica]]:
    """Replicas for two tenants, each with a seller of its own."""
    async with (
        sandbox.serve() as platform_url,
        serve_replicas(count, home, url, **sandbox_keys(sandbox, platform_url) | more) as replicas,
    ):
        for number, tenant in enumerate(TENANTS):
            await put_accounts(replicas[0], tenant, sandbox, number)
        yield replicas


async def change(replica: Replica, tenant: str, **texts: str) -> None:
    """As `tenant set` does."""
    assert replica.state is not None
    await replica.state.directory.change_settings(tenant, lambda settings: settings | texts)


async def list_names(replica: Replica, tenant: str, mode: str = "auto") -> set[str]:
    async with replica.connect(tenant, mode) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


def run(home: Path, url: str, *arguments: str, **more: str) -> Result:
    """A command in this process."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.upper().startswith("TIKTOK_SHOP_")}
    with logging_kept():
        return CliRunner().invoke(main, arguments, env=others | make_environment(home, url, **more))


def run_set(home: Path, url: str, *arguments: str, **more: str) -> Result:
    return run(home, url, "tenant", "set", "tea", *arguments, **more)


def list_settings(home: Path, url: str) -> dict[str, Any]:
    """The settings of each tenant, as `tenant list` has them for scripts."""
    listed = json.loads(run(home, url, "tenant", "list", "--json").stdout)
    return {tenant["id"]: tenant["settings"] for tenant in listed["tenants"]}


# ---- the commands


def test_a_tenant_is_added_with_settings_changed_and_listed_with_them(home: Path, database_url: str) -> None:
    added = run(home, database_url, "tenant", "add", "tea", "--read-only", "--rows", "500", "--toolsets", "orders")
    assert added.exit_code == 0, added.output
    assert list_settings(home, database_url) == {
        "default": {},
        "tea": {"read_only": "true", "rows": "500", "toolsets": "orders"},
    }
    changed = run_set(home, database_url, "--calls-a-minute", "30", "--unset", "read-only", "--unset", "rows")
    assert "--toolsets orders --calls-a-minute 30" in changed.stdout
    assert "--toolsets orders --calls-a-minute 30" in run(home, database_url, "tenant", "list").stdout
    again = run(home, database_url, "tenant", "add", "tea", "--rows", "700")
    assert again.exit_code == 1
    assert "Nothing was set" in again.stdout
    assert list_settings(home, database_url)["tea"] == {"toolsets": "orders", "calls_a_minute": "30"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rows", "many"), "--rows is not a number from 100 to 50000"),
        (("--rows", "1"), "--rows is not a number from 100 to 50000"),
        (("--calls-a-minute", "0"), "--calls-a-minute is not a number"),
        (("--mirror-days", "31"), "--mirror-days 31 lets more than this server's own setting, 30"),
        (("--confirm", "asks"), "--confirm asks lets more than this server's own setting, all"),
        (("--confirm", "perhaps"), "--confirm is not one of asks, all, none, person"),
        (("--buyer-data", "full"), "--buyer-data full lets more than this server's own setting, masked"),
        (("--toolsets", "order"), "order is not a toolset; did you mean orders?"),
        (("--exclude-tools", "delete_product"), "delete_product is not a tool; did you mean delete_products?"),
        (("--shop", ""), "--shop is empty"),
        (("--shop", "${SHOP}"), "--shop holds a placeholder"),
        (("--app-secret", "x"), "No such option"),
        (("--database", "postgresql://db.example/x"), "No such option"),
    ],
)
def test_what_no_tenant_can_have_is_refused_in_the_words_of_the_settings(
    home: Path, database_url: str, arguments: tuple[str, ...], words: str
) -> None:
    own = {"mirror_days": "30", "confirm": "all"}
    assert run(home, database_url, "tenant", "add", "tea", "--rows", "900", **own).exit_code == 0
    refused = run_set(home, database_url, *arguments, **own)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split())
    assert list_settings(home, database_url)["tea"] == {"rows": "900"}
    assert run(home, database_url, "tenant", "add", "tin", *arguments, **own).exit_code == 2
    assert "tin" not in list_settings(home, database_url)


def test_a_command_for_a_tenant_does_what_its_callers_could(home: Path, database_url: str) -> None:
    run(home, database_url, "tenant", "add", "tea", "--read-only")
    assert run_set(home, database_url, "--exclude-tools", READ).exit_code == 0
    refused = run(home, database_url, "call", READ, tenant="tea")
    assert "switched off on this server" in refused.stdout + refused.stderr


# ---- what holds for a caller


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_tools_instructions_and_calls_are_those_of_the_tenant(home: Path, database_url: str, mode: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with served(home, database_url, sandbox, 1) as (replica,):
        await change(replica, "tenant-0", read_only="true", toolsets="none", tools=READ, exclude_tools="list_changes")
        names = await list_names(replica, "tenant-0", mode)
        assert READ in names
        assert not names & {"confirm_write", "run_write_operation", "ship_orders", "get_report"}
        assert {"confirm_write", "ship_orders", "get_report"} & await list_names(replica, "tenant-1", mode)
        async with replica.connect("tenant-0", mode) as client, replica.connect("tenant-1", mode) as other:
            assert "read-only" in (client.instructions or "")
            assert "read-only" not in (other.instructions or "")
            assert bad(await client.call_tool(WRITE, reference(sandbox)))["error"] == "read_only"
            nested = {"name": WRITE, "arguments": reference(sandbox)}
            assert bad(await client.call_tool("run_write_operation", nested))["error"] == "read_only"
            assert bad(await client.call_tool("list_changes", {}))["error"] == "not_permitted"
            good(await other.call_tool("list_changes", {}))
    assert done(sandbox, WRITE) == 0


async def test_every_replica_follows_a_change_at_its_next_request(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with (
        served(home, database_url, sandbox) as (one, other),
        one.connect("tenant-0") as client,
        other.connect("tenant-0") as other_client,
    ):
        good(await client.call_tool(READ, SHOP))
        good(await other_client.call_tool(READ, SHOP))
        await change(one, "tenant-0", exclude_tools=READ)
        for each in (client, other_client):
            assert bad(await each.call_tool(READ, SHOP))["error"] == "not_permitted"
        await change(other, "tenant-0", exclude_tools="delete_products")
        for each in (client, other_client):
            good(await each.call_tool(READ, SHOP))


async def test_a_call_under_way_ends_as_it_began_when_the_settings_change(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with served(home, database_url, sandbox, 1) as (replica,), replica.connect("tenant-0") as client:
        good(await client.call_tool(READ, SHOP))
        gate = sandbox.faults.hold(READ, times=5)
        under_way = [asyncio.create_task(client.call_tool(READ, SHOP)) for _ in range(5)]
        await until(lambda: gate.waiting == 5)
        await change(replica, "tenant-0", exclude_tools=READ)
        assert bad(await client.call_tool(READ, SHOP))["error"] == "not_permitted"
        gate.open()
        for result in await asyncio.gather(*under_way):
            good(result)
        assert replica.apps is not None
        assert len(replica.apps) == 1


async def test_settings_that_change_all_the_time_fail_no_call_and_leave_nothing_behind(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with (
        served(home, database_url, sandbox) as replicas,
        replicas[0].connect("tenant-0") as one,
        replicas[1].connect("tenant-0") as other,
    ):

        async def call(client: Client) -> None:
            for _ in range(12):
                good(await client.call_tool(READ, SHOP))

        calls = [asyncio.create_task(call(client)) for client in (one, other) * 4]
        for rows in range(100, 140):
            await change(replicas[rows % 2], "tenant-0", rows=str(rows))
            await asyncio.sleep(0.01)
        await asyncio.gather(*calls)
        assert [len(replica.apps or ()) for replica in replicas] == [1, 1]


async def test_the_stricter_of_tenant_and_server_holds_whatever_lies_in_the_database(
    home: Path, database_url: str
) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    own = {"read_only": "true", "buyer_data": "none", "rows": "200", "exclude_tools": "list_changes"}
    async with served(home, database_url, sandbox, 1, **own) as (replica,), replica.connect("tenant-0") as client:
        await change(replica, "tenant-0", read_only="false", buyer_data="full", rows="5000", exclude_tools=READ)
        assert bad(await client.call_tool(WRITE, reference(sandbox)))["error"] == "read_only"
        for name in ("list_changes", READ):
            assert bad(await client.call_tool(name, SHOP if name == READ else {}))["error"] == "not_permitted"
        order = next(iter(sandbox.state.main.orders.values()))
        detail = good(await client.call_tool("get_order_detail", {"ids": [order.id], "fields": ["*"], **SHOP}))
        assert "phone_number" not in json.dumps(detail), detail["data"]["orders"][0]["recipient_address"]


async def test_settings_that_can_not_be_followed_stop_their_tenant_alone(home: Path, database_url: str) -> None:
    async with served(home, database_url, Sandbox(orders=20, shops=3), 1) as (replica,):
        await change(replica, "tenant-0", toolsets="no_such_area")
        async with replica.connect("tenant-0") as client, replica.connect("tenant-1") as other:
            refused = bad(await client.call_tool(READ, SHOP))
            assert refused["error"] == "not_configured"
            assert "no_such_area is not a toolset" in refused["message"]
            good(await other.call_tool(READ, {}))


async def test_a_tenant_is_pinned_to_one_of_its_shops(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    first, second = sandbox.accounts[0].shops
    async with served(home, database_url, sandbox, 1) as (replica,), replica.connect("tenant-0") as client:
        await change(replica, "tenant-0", shop=second.id)
        shops = good(await client.call_tool("list_shops", {}))["data"]["shops"]
        assert [shop["id"] for shop in shops] == [second.id]
        assert bad(await client.call_tool("get_order_list", {"shop": first.id}))["error"] == "shop_required"


async def test_no_argument_reaches_the_settings_of_another_tenant(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with (
        served(home, database_url, sandbox, 1) as (replica,),
        replica.connect("tenant-0") as client,
        replica.connect("tenant-1") as other,
    ):
        await change(replica, "tenant-0", read_only="true", rows="100")
        for more in ({"tenant": "tenant-1"}, {"read_only": False}, {"rows": 5000}, {"settings": {"read_only": False}}):
            assert bad(await client.call_tool(WRITE, reference(sandbox) | more))["error"] in (
                "read_only",
                "invalid_arguments",
            )
            nested = {"name": WRITE, "arguments": reference(sandbox) | more, **more}
            assert (await client.call_tool("run_write_operation", nested)).is_error
        meta: Any = {"tenant": "tenant-1", "mcp_server_tiktok_shop.tenant": "tenant-1"}
        assert (await client.call_tool(WRITE, reference(sandbox), meta=meta)).is_error
        assert done(sandbox, WRITE) == 0
        good(await other.call_tool("get_order_list", {"page_size": 5}))


# ---- limits


async def test_calls_beyond_those_of_a_minute_are_refused_with_the_seconds_to_wait(
    home: Path, database_url: str, redis: Redis
) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with served(home, database_url, sandbox, redis=redis.url) as (one, other):
        await change(one, "tenant-0", calls_a_minute="10")
        async with (
            one.connect("tenant-0") as client,
            other.connect("tenant-0") as second,
            one.connect("tenant-1") as free,
        ):
            results = [await each.call_tool(READ, SHOP) for _ in range(10) for each in (client, second)]
            refused = [bad(result) for result in results if result.is_error]
            assert len(results) - len(refused) == 10
            assert {each["error"] for each in refused} == {"rate_limited"}
            assert all(each["retryable"] and 1 <= each["retry_after_seconds"] <= 6 for each in refused)
            assert f"{refused[0]['retry_after_seconds']} s" in refused[0]["hint"]
            for _ in range(12):
                good(await free.call_tool(READ, {}))
            with pytest.raises(Exception, match="10 calls a minute"):
                await second.read_resource("tiktok-shop://shops")
    assert len(sandbox.log.list_entries(READ)) == 22


async def test_tenants_of_one_name_in_two_databases_count_apart_in_one_redis(
    home: Path, database_url: str, postgres: Postgres, redis: Redis
) -> None:
    sandbox = Sandbox(orders=20, shops=3)
    async with (
        served(home, database_url, sandbox, 1, redis=redis.url) as (one,),
        served(home, postgres.make_database(), sandbox, 1, redis=redis.url) as (other,),
    ):
        for replica in (one, other):
            await change(replica, "tenant-0", calls_a_minute="2")
            async with replica.connect("tenant-0") as client:
                for _ in range(2):
                    good(await client.call_tool(READ, SHOP))
                assert bad(await client.call_tool(READ, SHOP))["error"] == "rate_limited"


async def test_without_redis_each_replica_counts_by_itself_and_a_change_forgets_nothing(
    home: Path, database_url: str
) -> None:
    async with served(home, database_url, Sandbox(orders=20, shops=3), 1) as (replica,):
        await change(replica, "tenant-0", calls_a_minute="3")
        async with replica.connect("tenant-0") as client:
            for _ in range(3):
                good(await client.call_tool(READ, SHOP))
            await change(replica, "tenant-0", rows="500")
            assert bad(await client.call_tool(READ, SHOP))["error"] == "rate_limited"


async def test_no_answer_has_more_rows_than_the_tenant_may_have(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=260, shops=3)
    async with served(home, database_url, sandbox, 1) as (replica,), replica.connect("tenant-0") as client:
        await change(replica, "tenant-0", rows="100", shop=sandbox.state.main.id)
        listed = good(
            await client.call_tool("get_order_list", {"page_size": 50, "pages": "all", "fields": ["orders.id"]})
        )
        assert "100 items; not all: no more than 100 rows" in listed["note"]
        asked = good(await client.call_tool("query_shop", {"sql": "SELECT id FROM orders", "save_as": "orders.csv"}))
        assert asked["data"]["row_count"] == 100
        assert "PART ONLY: the first 100 rows" in json.dumps(asked)
        totals = good(await client.call_tool("query_shop", {"sql": "SELECT count(*) AS n FROM orders"}))
        assert int(totals["data"]["result"]["rows"][0][0]) > 200
