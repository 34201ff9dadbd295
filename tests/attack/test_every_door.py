"""What a server was started not to do is refused at every door; no account joins a store that nobody agreed to."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp import MCPError
from mcp.types import ElicitResult, PromptReference

from mcp_server_tiktok_shop.calls.caller import MIN_READING_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_login import run
from tests.keys import call_agreed, reply, sign_in_address
from tests.platform.test_tokens import bad, good
from tests.platform.worker import keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect

EXCHANGE = "exchange_authorization_code"
SHOP_PROMPT = PromptReference(name="morning")


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=20)


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as served:
        yield served


def signed_in(sandbox: Sandbox, url: str, **more: Any) -> dict[str, Any]:
    return keys(sandbox, url) | {"service_id": "7"} | more


def signed_out(sandbox: Sandbox, url: str, **more: Any) -> dict[str, Any]:
    return signed_in(sandbox, url, access_token="", refresh_token="", **more)


async def text_of(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    return str(content.text)  # type: ignore[union-attr]


async def refusal_of(client: Client, uri: str) -> str:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)
    return str(refused.value)


async def completions(client: Client, prompt: PromptReference, argument: str) -> list[str]:
    return list((await client.complete(prompt, {"name": argument, "value": ""})).completion.values)


def names_stored(home: Path) -> list[str]:
    """The sellers in the store; none where it is not there yet."""
    path = home / "accounts.json"
    return [str(a["name"]) for a in json.loads(path.read_text(encoding="utf-8"))["accounts"]] if path.exists() else []


# ---- what is excluded


async def test_a_server_that_excludes_list_shops_names_no_shop_through_another_door(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    names = [shop.name for account in sandbox.accounts for shop in account.shops]
    async with connect(**signed_in(sandbox, url, exclude_tools="list_shops")) as client:
        assert "switched off" in await refusal_of(client, "tiktok-shop://shops")
        resources = [r.uri for r in (await client.list_resources()).resources if not r.uri.startswith("skill://")]
        assert resources == ["tiktok-shop://toolsets"]
        assert await completions(client, SHOP_PROMPT, "shop") == []
        checked = good(await client.call_tool("check_connection", {}))
        assert checked["data"]["ok"] is True
        exchanged = await call_agreed(client, EXCHANGE, {"auth_code": sandbox.authorization_code(1)})
        for name in names:
            assert name not in json.dumps([checked, good(exchanged)])


async def test_a_failed_sign_in_names_no_account_where_shops_are_not_named(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    async with connect(**signed_in(sandbox, url, exclude_tools="list_shops")) as client:
        good(await call_agreed(client, EXCHANGE, {"auth_code": sandbox.authorization_code()}))
        sandbox.revoke()
        told = good(await client.call_tool("check_connection", {}))["data"]
    assert told["sign_in"]["failed"]
    assert sandbox.accounts[0].name not in json.dumps(told)


async def test_a_server_that_excludes_read_result_gives_no_stored_result_as_a_resource(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    async with connect(**signed_in(sandbox, url, exclude_tools="read_result", result_bytes=4000)) as client:
        kept = good(await client.call_tool("get_order_list", {"page_size": 20, "fields": ["*"], "shop": "GB"}))
        assert "switched off" in await refusal_of(client, f"tiktok-shop://results/{kept['result_id']}")
        assert (await client.list_resource_templates()).resource_templates == []


async def test_check_connection_does_not_ask_what_is_excluded(connect: Connect, sandbox: Sandbox, url: str) -> None:
    async with connect(**signed_in(sandbox, url, exclude_tools="get_active_shops")) as client:
        told = good(await client.call_tool("check_connection", {}))["data"]
    assert told["ok"] is True
    assert all("active" not in shop for shop in told["sign_in"]["shops"])
    assert sandbox.log.list_entries("get_active_shops") == []


async def test_commands_keep_to_what_is_excluded(sandbox: Sandbox, url: str, home: Path) -> None:
    excluded = {"exclude_tools": "check_connection,list_shops"}
    shops = await run(home, "shops", **signed_in(sandbox, url, **excluded))
    assert shops.code == 1
    assert "list_shops is switched off" in shops.shown
    checked = await run(home, "check", **signed_in(sandbox, url, **excluded))
    assert checked.code == 1
    assert "check_connection is switched off" in checked.shown
    checked = await run(home, "check", **signed_in(sandbox, url, exclude_tools="list_shops"))
    assert checked.code == 0, checked.shown
    assert not [shop.name for shop in sandbox.accounts[0].shops if shop.name in shops.shown + checked.shown]


@pytest.mark.parametrize(
    ("prompt", "argument", "more", "kind"),
    [
        ("weekly-sales", "period", {"exclude_tools": "get_report"}, "switched off"),
        ("todays-parcels", "shop", {"exclude_tools": "ship_orders"}, "switched off"),
        ("list-a-product", "shop", {"exclude_tools": "recommend_category"}, "switched off"),
        ("list-a-product", "shop", {"read_only": True}, "read-only"),
    ],
)
async def test_a_prompt_for_what_this_server_does_not_do_is_neither_listed_nor_given(
    connect: Connect, sandbox: Sandbox, url: str, prompt: str, argument: str, more: dict[str, Any], kind: str
) -> None:
    async with connect(**signed_in(sandbox, url, **more)) as client:
        assert prompt not in [p.name for p in (await client.list_prompts()).prompts]
        with pytest.raises(MCPError, match=kind):
            await client.get_prompt(prompt, {"product": "a teapot"} if prompt == "list-a-product" else {})
        assert await completions(client, PromptReference(name=prompt), argument) == []


async def test_a_pinned_server_names_its_own_shop_at_every_door(connect: Connect, sandbox: Sandbox, url: str) -> None:
    mine, other = sandbox.accounts[0].shops
    async with connect(**signed_in(sandbox, url, shop=mine.id)) as client:
        told = [
            await text_of(client, "tiktok-shop://shops"),
            json.dumps(await completions(client, SHOP_PROMPT, "shop")),
            json.dumps(good(await client.call_tool("check_connection", {}))),
        ]
    for text in told:
        assert mine.name in text
        assert other.id not in text
        assert other.region not in text or other.region in mine.name


# ---- signing in from a chat


@pytest.mark.parametrize(("more", "kind"), [({"read_only": True}, "read_only"), ({"shop": "GB"}, "not_permitted")])
@pytest.mark.parametrize("is_bare", [True, False])
async def test_nobody_signs_in_on_a_read_only_or_pinned_server(
    connect: Connect, sandbox: Sandbox, url: str, home: Path, more: dict[str, Any], kind: str, *, is_bare: bool
) -> None:
    async with connect(**signed_in(sandbox, url, **more)) as client:
        code = sandbox.authorization_code(1)
        given = {"auth_code": code if is_bare else await sign_in_address(client, code)}
        told = bad(await client.call_tool(EXCHANGE, given))
        assert told["error"] == kind
        assert "login" in told["hint"]
        told = bad(await client.call_tool("run_write_operation", {"name": EXCHANGE, "arguments": given}))
        assert told["error"] == kind
        if more.get("read_only"):
            assert EXCHANGE not in [tool.name for tool in (await client.list_tools()).tools]
    assert sandbox.log.list_entries(EXCHANGE) == []
    assert sandbox.accounts[1].name not in names_stored(home)


class Person:
    """Answers questions as a test says, and remembers them with what was stored at that moment."""

    def __init__(self, home: Path, action: str) -> None:
        self.store, self.action = home / "accounts.json", action
        self.questions: list[str] = []

    async def __call__(self, _context: Any, params: Any) -> ElicitResult:
        self.questions.append(params.message)
        assert not self.store.exists() or "Tea Company" not in self.store.read_text(encoding="utf-8")
        await asyncio.sleep(MIN_READING_S + 0.1)  # whoever answers sooner has not read it
        content = {"do_it": True} if self.action == "accept" else None
        return ElicitResult(action=self.action, content=content)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_bare", [True, False])
@pytest.mark.parametrize("confirm", ["none", "asks", "all", "person"])
async def test_the_person_is_asked_about_the_account_before_it_is_stored(
    connect: Connect, sandbox: Sandbox, url: str, home: Path, confirm: str, *, is_bare: bool
) -> None:
    person = Person(home, "accept")
    async with connect(asked=person, **signed_out(sandbox, url, confirm=confirm)) as client:
        code = sandbox.authorization_code(1)
        given = {"auth_code": code if is_bare else await sign_in_address(client, code)}
        told = good(await client.call_tool(EXCHANGE, given))["data"]
        good(await client.call_tool("get_warehouse_list", {}))
    assert told["seller"] == sandbox.accounts[1].name
    # Only who started the server with `none`, and brings an address of its own link, is not asked.
    assert len(person.questions) == (0 if confirm == "none" and not is_bare else 1)
    for question in person.questions:
        first_lines = question.split("\n")[:3]  # all that some clients show
        assert sandbox.accounts[1].name in first_lines[1]
        assert "new" in first_lines[2]
        assert code not in question
    assert len(sandbox.log.list_entries(EXCHANGE)) == 1


@pytest.mark.parametrize("action", ["decline", "cancel"])
@pytest.mark.parametrize("is_bare", [True, False])
async def test_without_a_yes_the_pair_is_dropped_and_said_so(
    connect: Connect, sandbox: Sandbox, url: str, home: Path, action: str, *, is_bare: bool
) -> None:
    person = Person(home, action)
    async with connect(asked=person, **signed_out(sandbox, url, confirm="asks")) as client:
        code = sandbox.authorization_code(1)
        given = {"auth_code": code if is_bare else await sign_in_address(client, code)}
        told = bad(await client.call_tool(EXCHANGE, given))
        assert told["error"] == "declined"
        assert "dropped" in told["message"]
        assert "no account was stored" in told["message"]
        assert bad(await client.call_tool("get_warehouse_list", {}))["error"] == "signed_out"
        assert bad(await client.call_tool(EXCHANGE, given))["code"] == 36004004  # it is gone from memory as well
    assert len(person.questions) == 1
    assert names_stored(home) == []


BY_ITSELF = [
    ElicitResult(action="accept", content={"do_it": True}),
    ElicitResult(action="accept", content={}),
    ElicitResult(action="accept", content={"do_it": "perhaps"}),
]


@pytest.mark.parametrize("answer", BY_ITSELF, ids=["at once", "empty", "garbage"])
@pytest.mark.parametrize("confirm", ["none", "asks", "all", "person"])
async def test_a_client_that_agrees_by_itself_signs_nobody_in(
    connect: Connect, sandbox: Sandbox, url: str, home: Path, confirm: str, answer: ElicitResult
) -> None:
    questions: list[str] = []

    async def agree(_context: Any, params: Any) -> ElicitResult:
        questions.append(params.message)
        return answer

    async with connect(asked=agree, **signed_out(sandbox, url, confirm=confirm)) as client:
        given = {"auth_code": sandbox.authorization_code(1)}
        asked = reply(await client.call_tool(EXCHANGE, given))
        assert sandbox.accounts[1].name in questions[0]
        assert asked["status"] == "confirmation_required"
        assert asked["preview"]["account"]["seller"] == sandbox.accounts[1].name
        assert "no person has agreed" in asked["note"]
        assert names_stored(home) == []
        made_up = reply(await client.call_tool(EXCHANGE, given | {"confirm": "yes"}))
        assert made_up["status"] == "confirmation_required"
        assert names_stored(home) == []
        if confirm == "person":
            assert "confirm" not in asked
        else:  # what was shown stands for a yes once more, and its token counts as long as nothing else was tried
            token = made_up["confirm"]
            assert good(await client.call_tool(EXCHANGE, given | {"confirm": token}))["data"]["seller"]
            assert names_stored(home) == [sandbox.accounts[1].name]
    assert len(sandbox.log.list_entries(EXCHANGE)) == 1


async def test_a_client_that_can_not_ask_gets_a_preview_that_names_the_account(
    connect: Connect, sandbox: Sandbox, url: str, home: Path
) -> None:
    async with connect(**signed_out(sandbox, url, confirm="none")) as client:
        code = sandbox.authorization_code(1)
        asked = reply(await client.call_tool(EXCHANGE, {"auth_code": code}))
        assert asked["status"] == "confirmation_required"
        assert asked["preview"]["account"] == {
            "seller": sandbox.accounts[1].name,
            "region": sandbox.accounts[1].region,
            "known_here": "new",
        }
        assert asked["preview"]["untrusted"] == ["account"]
        assert code not in json.dumps(asked)
        assert names_stored(home) == []
        other = {"auth_code": sandbox.authorization_code(0), "confirm": asked["confirm"]}
        assert good(await client.call_tool(EXCHANGE, other))["status"] == "confirmation_required"
        assert names_stored(home) == []
        # The token was for the other code, and is used up: it is asked anew, and the code not sent again.
        told = good(await call_agreed(client, EXCHANGE, {"auth_code": code, "confirm": asked["confirm"]}))["data"]
        assert told["seller"] == sandbox.accounts[1].name
    assert len(sandbox.log.list_entries(EXCHANGE)) == 2
    assert names_stored(home) == [sandbox.accounts[1].name]


async def test_an_account_that_is_known_is_named_as_such(connect: Connect, sandbox: Sandbox, url: str) -> None:
    async with connect(**signed_out(sandbox, url)) as client:
        good(await call_agreed(client, EXCHANGE, {"auth_code": sandbox.authorization_code(1)}))
        asked = reply(await client.call_tool(EXCHANGE, {"auth_code": sandbox.authorization_code(1)}))
    assert asked["preview"]["account"]["known_here"] == "signed in before"


async def test_a_code_is_not_spent_where_nobody_can_be_asked(connect: Connect, sandbox: Sandbox, url: str) -> None:
    async with connect(**signed_out(sandbox, url, confirm="person")) as client:
        told = reply(await client.call_tool(EXCHANGE, {"auth_code": sandbox.authorization_code()}))
    assert told["status"] == "confirmation_required"
    assert "confirm" not in told
    assert sandbox.log.list_entries(EXCHANGE) == []


async def test_a_state_of_another_server_is_refused_and_the_code_not_sent(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    async with connect(**signed_out(sandbox, url)) as client:
        own = await sign_in_address(client, sandbox.authorization_code(1))
        state = parse_qs(urlsplit(own).query)["state"][0]
        for strange in (own.replace(state, "of-somebody-else"), own.replace(f"&state={state}", "")):
            told = bad(await client.call_tool(EXCHANGE, {"auth_code": strange}))
            assert told["error"] == "invalid_arguments"
    assert sandbox.log.list_entries(EXCHANGE) == []


async def test_a_caller_that_goes_away_before_the_answer_stores_nothing(
    connect: Connect, sandbox: Sandbox, url: str, home: Path
) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def ask(_context: Any, _params: Any) -> ElicitResult:
        asked.set()
        await never.wait()
        raise AssertionError

    code = sandbox.authorization_code(1)
    async with connect(asked=ask, **signed_out(sandbox, url)) as client:
        call = asyncio.create_task(client.call_tool(EXCHANGE, {"auth_code": code}))
        await asked.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert len(sandbox.log.list_entries(EXCHANGE)) == 1
    assert names_stored(home) == []
