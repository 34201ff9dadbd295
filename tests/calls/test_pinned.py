"""A server pinned to one shop: whatever tool is called however, no other shop is reached or shown."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.arguments import accepted
from tests.calls.test_every_operation import MP4, PDF, runner
from tests.cli.test_commands import signed_in
from tests.cli.test_login import app, run
from tests.keys import reply
from tests.platform.test_tokens import bad, good, token_of
from tests.wire.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.sandbox import Entry
    from tests.conftest import Connect

OPERATIONS = list(Catalog().operations.values())
PINS = {"by name": ("sandbox tea house", 0), "by id": ("", 1), "by region": ("us", 2)}
READ, WRITE = "get_warehouse_list", "delete_products"


@dataclass(frozen=True)
class World:
    """Two accounts with three shops, all signed in, and a server that is for one of them."""

    sandbox: Sandbox
    client: Client
    mine: int

    @property
    def shop(self) -> Any:
        return self.sandbox.state.shops[self.mine]

    @property
    def others(self) -> list[Any]:
        return [shop for shop in self.sandbox.state.shops if shop is not self.shop]

    def shown(self, text: str, *given: str) -> list[str]:
        """What of the other shops is in a text, but for what the caller said himself."""
        found = []
        for shop in self.others:
            longer = [s.name.removeprefix(shop.name) for s in self.sandbox.state.shops if s.name.startswith(shop.name)]
            name = re.escape(shop.name) + "".join(f"(?!{re.escape(more)})" for more in longer if more)
            found += [part for part in (shop.id, shop.cipher) if part in text and part not in given]
            if shop.name not in given and re.search(name, text, re.IGNORECASE):
                found.append(shop.name)
        return found

    def foreign(self, entry: Entry) -> list[str]:
        """What in a request belongs to another shop or account."""
        sent = f"{entry.query} {entry.body.decode('latin-1')}"
        found = [f"cipher of {shop.name}" for shop in self.others if shop.cipher in sent]
        for account in self.sandbox.accounts:
            if self.shop in account.shops:
                continue
            found += ["asset of another account" for asset in account.category_assets if asset in sent]
            token = token_of(entry)
            life = self.sandbox.tokens._access.get(token or "")
            if life is not None and life.account is account:
                found.append(f"token of {account.name}")
        return found

    async def call(self, name: str, arguments: dict[str, Any], *given: str) -> list[str]:
        """The faults of a call: what it showed, and what it sent."""
        before = len(self.sandbox.log)
        result = await self.client.call_tool(name, arguments)
        told = reply(result)
        faults = [f"shows {part}" for part in self.shown(result.content[0].text, *given)]  # type: ignore[union-attr]
        if told.get("error") == "internal":
            faults.append("internal error")
        for entry in self.sandbox.log[before:]:
            faults += [f"sends {entry.operation} with {what}" for what in self.foreign(entry)]
        return faults


@pytest.fixture
def files(home: Path) -> dict[str, str]:
    folder = home / "files"
    folder.mkdir(parents=True)
    contents = {"image": png(400, 400), "video": MP4, "file": PDF, "label": PDF, "qrcode": png(120, 120)}
    for noun, content in contents.items():
        (folder / noun).write_bytes(content)
    return {noun: str(folder / noun) for noun in contents}


@asynccontextmanager
async def pinned(connect: Connect, home: Path, how: str, **more: str) -> AsyncIterator[World]:
    name, mine = PINS[how]
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        await signed_in(home, sandbox, url, 0, 1)
        settings = app(sandbox, url) | {"access_token": "", "refresh_token": "", "log_level": "error"} | more
        pin = {"shop": name or sandbox.state.shops[mine].id}
        async with connect(**(pin | settings)) as client:
            sandbox.log.clear()
            yield World(sandbox, client, mine)


def ways(operation: Operation, given: dict[str, Any], others: list[Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The arguments without a shop, and with another named in turn by its name, id and region."""
    yield given, ""
    near, far = others if len(operation.name) % 2 else reversed(others)
    yield given | {"shop": near.id}, near.id
    yield given | {"shop": far.name.upper()}, far.name
    if operation.takes_asset:
        for market in ("GB", "US"):
            yield given | {"category_asset": f"{market}/3"}, ""


@pytest.mark.parametrize("era", ["auto"])
@pytest.mark.parametrize("how", PINS)
async def test_no_tool_reaches_or_shows_another_shop(
    connect: Connect, home: Path, files: dict[str, str], how: str
) -> None:
    faults: dict[str, list[str]] = {}
    async with pinned(connect, home, how) as world:
        for operation in OPERATIONS:
            given = accepted(operation, files)
            for arguments, said in ways(operation, given, world.others):
                if found := await world.call(operation.name, arguments, said):
                    key = f"{operation.name} {'category_asset' if 'category_asset' in arguments else said}"
                    faults[key] = found
        reached = {entry.operation for entry in world.sandbox.log}
    assert len(reached) > 150
    assert not faults, "\n".join(f"{name}: {', '.join(sorted(set(found)))}" for name, found in faults.items())


@pytest.mark.parametrize("era", ["auto"])
async def test_no_operation_reaches_another_shop_through_a_runner(
    connect: Connect, home: Path, files: dict[str, str]
) -> None:
    faults: dict[str, list[str]] = {}
    async with pinned(connect, home, "by name") as world:
        for operation in OPERATIONS:
            if not operation.uses_platform:
                continue
            given = accepted(operation, files)
            for arguments, said in list(ways(operation, given, world.others))[1:3]:
                called = {"name": operation.name, "arguments": arguments}
                if found := await world.call(runner(operation), called, said):
                    faults[f"{operation.name} {said}"] = found
    assert not faults, faults


@pytest.mark.parametrize("era", ["auto"])
async def test_writes_on_the_whole_account_are_refused_before_sending(
    connect: Connect, home: Path, files: dict[str, str]
) -> None:
    account_wide = [o for o in OPERATIONS if o.uses_platform and o.effect != "read" and o.cipher_rule == "never"]
    assert len(account_wide) >= 55
    async with pinned(connect, home, "by name") as world:
        for operation in account_wide:
            given = accepted(operation, files)
            for tool, arguments in (
                (operation.name, given),
                ("run_write_operation", {"name": operation.name, "arguments": given}),
                (operation.name, given | {"category_asset": "GB/3"}),
            ):
                told = bad(await world.client.call_tool(tool, arguments))
                assert told["error"] in ("not_permitted", "invalid_arguments"), (operation.name, told)
                assert told["error"] == "not_permitted" or "category_asset" in arguments, (operation.name, told)
        assert world.sandbox.log == []


async def test_its_own_shop_is_reached_in_every_way(connect: Connect, home: Path) -> None:
    async with pinned(connect, home, "by id") as world:
        products = {"product_ids": [next(iter(world.shop.products))]}
        for arguments in ({}, {"shop": world.shop.name}, {"shop": world.shop.id}, {"shop": "de"}):
            assert good(await world.client.call_tool(READ, arguments))["shop"] == world.shop.name
        good(await world.client.call_tool(WRITE, products))
        good(await world.client.call_tool("run_read_operation", {"name": READ, "arguments": {}}))
        assert all(entry.query.count(world.shop.cipher) == 1 for entry in world.sandbox.log)


async def test_its_own_shop_is_changed_through_the_runner_too(connect: Connect, home: Path) -> None:
    """run_write_operation itself takes no cipher, but what it runs does."""
    async with pinned(connect, home, "by name") as world:
        products = {"product_ids": [next(iter(world.shop.products))]}
        good(await world.client.call_tool("run_write_operation", {"name": WRITE, "arguments": products}))
        assert WRITE in {entry.operation for entry in world.sandbox.log}
        assert all(world.shop.cipher in entry.query for entry in world.sandbox.log)


async def test_an_order_of_another_shop_is_not_found(connect: Connect, home: Path) -> None:
    async with pinned(connect, home, "by name") as world:
        for other in world.others:
            order = next(iter(other.orders))
            result = await world.client.call_tool("get_order_detail", {"ids": [order]})
            assert order not in str(reply(result).get("data", ""))
            assert not world.shown(str(reply(result)))


async def test_what_a_model_is_told_at_the_start_names_no_other_shop(connect: Connect, home: Path) -> None:
    async with pinned(connect, home, "by name", toolsets="all") as world:
        tools = await world.client.list_tools()
        assert world.shown(tools.model_dump_json()) == []
        assert world.shown(str(world.client.instructions)) == []
        offered = [tool for tool in tools.tools if "shop" in tool.input_schema["properties"]]
        assert offered == []


@pytest.mark.parametrize("era", ["auto"])
@pytest.mark.parametrize("how", PINS)
async def test_the_connection_is_checked_with_its_own_account_alone(connect: Connect, home: Path, how: str) -> None:
    async with pinned(connect, home, how) as world:
        assert await world.call("check_connection", {}) == []
        told = good(await world.client.call_tool("check_connection", {}))["data"]["sign_in"]
        assert [shop["id"] for shop in told["shops"]] == [world.shop.id]


async def test_a_pin_that_names_no_shop_is_told_without_the_others(connect: Connect, home: Path) -> None:
    async with pinned(connect, home, "by name", shop="Sandbox Coffee") as world:
        for tool, arguments in (
            (READ, {}),
            (READ, {"shop": "GB"}),
            (WRITE, {"product_ids": ["1"]}),
            ("list_shops", {}),
            ("get_seller_permissions", {}),
            ("refresh_access_token", {}),
        ):
            told = bad(await world.client.call_tool(tool, arguments))
            assert told["error"] == "shop_required"
            assert "Sandbox Coffee" in told["message"]
            assert "--shop" in told["hint"]
            for shop in world.sandbox.state.shops:
                assert shop.id not in str(told)
                assert shop.name not in str(told)
        told = reply(await world.client.call_tool("check_connection", {}))
        for shop in world.sandbox.state.shops:
            assert shop.id not in str(told)
            assert shop.name not in str(told)
        assert {entry.operation for entry in world.sandbox.log} <= {"get_authorized_shops", "get_active_shops", ""}


async def test_a_pin_that_names_two_shops_is_told_without_them(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    sandbox.state.shops[1].region = "GB"
    async with sandbox.serve() as url:
        await signed_in(home, sandbox, url, 0, 1)
        settings = app(sandbox, url) | {"access_token": "", "refresh_token": "", "shop": "GB"}
        async with connect(**settings) as client:
            sandbox.log.clear()
            told = bad(await client.call_tool(WRITE, {"product_ids": ["1"]}))
    assert told["error"] == "shop_required"
    assert "Sandbox Tea" not in str(told)
    assert sandbox.log == []


async def test_the_commands_are_pinned_too(home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        await signed_in(home, sandbox, url, 0, 1)
        settings = app(sandbox, url) | {"shop": "DE"}
        listed = await run(home, "shops", "--json", **settings)
        called = await run(home, "call", READ, "--arguments", '{"shop": "US"}', **settings)
    assert listed.code == 0
    assert called.code == 1
    for ran in (listed, called):
        assert sandbox.state.shops[2].name not in ran.shown
        assert sandbox.state.shops[2].id not in ran.shown
