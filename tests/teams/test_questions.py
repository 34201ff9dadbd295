"""A question that one replica put is answered at any, once, by who was asked, for the call that it was put about."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from mcp.types import ElicitResult, InputRequiredResult
from scripts.team.identity_provider import IdentityProvider, run_provider

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_tokens import bad, done, good
from tests.teams.databases import KEY
from tests.teams.replicas import Replica, make_provider_authorizer, sandbox_keys, serve_authorized, serve_replica
from tests.teams.test_replicas import put_accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.teams.team_state import TeamState

WRITE = "delete_products"
NEW_KEY = base64.b64encode(bytes(range(2, 34))).decode()
READING_S = 0.35  # what comes sooner is no person's answer
TOLD_TWICE = {"declined", "already_done", "unknown_outcome"}  # the last while the one that counts is under way
YES = {"confirm": ElicitResult(action="accept", content={"do_it": True})}


async def never(_context: Any, _params: Any) -> ElicitResult:
    """A client that can ask: the tests send the second round themselves."""
    raise AssertionError


async def ask(client: Client, arguments: dict[str, Any]) -> str:
    """The first round of a call: the state that its question is answered with."""
    asked = await client.session.call_tool(WRITE, arguments, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    assert asked.request_state is not None
    return asked.request_state


async def agree(client: Client, arguments: dict[str, Any], state: str) -> Any:
    """The second round: a yes."""
    return await client.session.call_tool(
        WRITE, arguments, request_state=state, input_responses=dict(YES), allow_input_required=True
    )


def list_products(sandbox: Sandbox, account: int = 0) -> list[Any]:
    return [p for p in sandbox.accounts[account].shops[0].products.values() if p.status == "ACTIVATE"]


def delete(product: Any) -> dict[str, Any]:
    return {"product_ids": [product.id]}


# ---- replicas with one token


async def test_a_question_of_one_replica_is_answered_at_another_once(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    product = list_products(sandbox)[0]
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, confirm="person", **sandbox_keys(sandbox, url)) as first,
        serve_replica(home, database_url, confirm="person", **sandbox_keys(sandbox, url)) as second,
        first.connect(elicitation_callback=never) as one,
        second.connect(elicitation_callback=never) as other,
    ):
        state = await ask(one, delete(product))
        await asyncio.sleep(READING_S)
        good(await agree(other, delete(product), state))
        assert product.status == "DELETED"
        for client in (one, other):
            assert bad(await agree(client, delete(product), state))["error"] == "already_done"
            refused = bad(await agree(client, delete(product) | {"repeat": True}, state))
            assert refused["error"] == "declined"
            assert "used before" in refused["message"]
    assert done(sandbox, WRITE) == 1


async def test_one_of_many_answers_at_the_same_moment_counts(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    product = list_products(sandbox)[0]
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, confirm="all", **sandbox_keys(sandbox, url)) as first,
        serve_replica(home, database_url, confirm="all", **sandbox_keys(sandbox, url)) as second,
        first.connect(elicitation_callback=never) as one,
        second.connect(elicitation_callback=never) as other,
    ):
        state = await ask(one, delete(product))
        await asyncio.sleep(READING_S)
        answers = await asyncio.gather(*(agree(client, delete(product), state) for client in (one, other) * 5))
    assert sum(not answer.is_error for answer in answers) == 1
    assert {reply(answer)["error"] for answer in answers if answer.is_error} <= TOLD_TWICE
    assert done(sandbox, WRITE) == 1


async def test_an_answer_is_for_the_arguments_that_were_asked_about(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    product, another = list_products(sandbox)[:2]
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, confirm="all", **sandbox_keys(sandbox, url)) as replica,
        replica.connect(elicitation_callback=never) as client,
    ):
        state = await ask(client, delete(product))
        await asyncio.sleep(READING_S)
        for arguments in (delete(another), delete(product)):  # it is used up with the first of them
            assert bad(await agree(client, arguments, state))["error"] == "declined"
        changed = await ask(client, delete(product))
        await asyncio.sleep(READING_S)
        for forged in (changed[:-1] + ("A" if changed[-1] != "A" else "B"), "", "x" * 100_000, "\0"):
            assert bad(await agree(client, delete(product), forged))["error"] == "declined"
        good(await agree(client, delete(product), changed))
    assert done(sandbox, WRITE) == 1


# ---- tenants and people


@dataclass(frozen=True)
class Team:
    """Two replicas for who signs in at a provider, and two tenants of one seller: what differs is the tenant alone."""

    replicas: tuple[Replica, Replica]
    provider: IdentityProvider
    sandbox: Sandbox

    @asynccontextmanager
    async def connect(self, replica: int, tenant: int, person: str, **more: Any) -> AsyncIterator[Client]:
        token = self.provider.sign(sub=person, org=f"tenant-{tenant}")
        async with replace(self.replicas[replica], token=token).connect(**more) as client:
            yield client


@asynccontextmanager
async def serve_team(home: Path, database_url: str) -> AsyncIterator[Team]:
    sandbox = Sandbox(orders=20, shops=3)
    async with run_provider() as provider, sandbox.serve() as url:
        settings = sandbox_keys(sandbox, url) | {"confirm": "all"}
        authorizer = make_provider_authorizer(provider, home, database_url, settings)
        async with (
            serve_authorized(home, database_url, settings, authorizer) as first,
            serve_authorized(home, database_url, settings, authorizer) as second,
        ):
            for number in (0, 1):
                await put_accounts(first, f"tenant-{number}", sandbox, 0)
            yield Team((first, second), provider, sandbox)
        await authorizer.close()


@pytest.mark.parametrize(("tenant", "person"), [(0, "somebody-else"), (1, "a-person")])
async def test_nobody_answers_in_anothers_place(home: Path, database_url: str, tenant: int, person: str) -> None:
    async with serve_team(home, database_url) as team:
        arguments = delete(list_products(team.sandbox)[0]) | {"shop": team.sandbox.accounts[0].shops[0].id}
        async with (
            team.connect(0, 0, "a-person", elicitation_callback=never) as own,
            team.connect(1, tenant, person, elicitation_callback=never) as foreign,
        ):
            state = await ask(own, arguments)
            await asyncio.sleep(READING_S)
            assert bad(await agree(foreign, arguments, state))["error"] == "declined"
            assert done(team.sandbox, WRITE) == 0
        async with team.connect(1, 0, "a-person", elicitation_callback=never) as own:
            state = await ask(own, arguments)
            await asyncio.sleep(READING_S)
            good(await agree(own, arguments, state))
    assert done(team.sandbox, WRITE) == 1


@pytest.mark.parametrize(("tenant", "person"), [(0, "somebody-else"), (1, "a-person")])
async def test_a_token_of_a_preview_is_its_callers_alone(
    home: Path, database_url: str, tenant: int, person: str
) -> None:
    """Clients of the older era, of which nobody knows whether they can ask."""
    async with serve_team(home, database_url) as team:
        arguments = delete(list_products(team.sandbox)[0]) | {"shop": team.sandbox.accounts[0].shops[0].id}
        async with (
            team.connect(0, 0, "a-person", mode="legacy") as own,
            team.connect(1, tenant, person, mode="legacy") as foreign,
        ):
            token = reply(await own.call_tool(WRITE, arguments))["confirm"]
            assert bad(await foreign.call_tool("confirm_write", {"token": token}))["error"] == "declined"
            assert done(team.sandbox, WRITE) == 0
            good(await own.call_tool("confirm_write", {"token": token}))
    assert done(team.sandbox, WRITE) == 1


# ---- what lies in the database


def read_rows(database_url: str) -> list[tuple[str, str]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT key, record FROM expiring_records WHERE kind = 'confirmation'").fetchall()


def change_rows(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def test_who_reads_the_database_finds_neither_the_answer_nor_what_is_asked(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    product = list_products(sandbox)[0]
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, confirm="all", **sandbox_keys(sandbox, url)) as replica,
        replica.connect(elicitation_callback=never) as client,
        replica.connect(mode="legacy") as older,
    ):
        state = await ask(client, delete(product))
        token = reply(await older.call_tool(WRITE, delete(product)))["confirm"]
        rows = read_rows(database_url)
    assert len(rows) == 2
    for text in (state, token, product.id, WRITE):
        assert text not in str(rows)


@pytest.mark.parametrize(
    "change",
    [
        "record = 'no such thing'",
        "record = left(record, -4) || 'AAA='",
        'record = \'{"mark": "m", "way": "person"}\'',
        "record = (SELECT max(record) FROM expiring_records)",  # that of another question
    ],
)
async def test_what_was_changed_in_the_database_is_no_yes(home: Path, database_url: str, change: str) -> None:
    sandbox = Sandbox(orders=20)
    products = list_products(sandbox)[:2]
    async with (
        sandbox.serve() as url,
        serve_replica(home, database_url, confirm="all", **sandbox_keys(sandbox, url)) as replica,
        replica.connect(elicitation_callback=never) as client,
    ):
        states = [await ask(client, delete(product)) for product in products]
        await asyncio.sleep(READING_S)
        change_rows(database_url, f"UPDATE expiring_records SET {change} WHERE kind = 'confirmation'")
        outcomes = [await agree(client, delete(p), state) for p, state in zip(products, states, strict=True)]
    refusals = [reply(outcome) for outcome in outcomes if outcome.is_error]
    assert {refusal["error"] for refusal in refusals} == {"not_configured"}
    assert all("Nothing was sent." in refusal["message"] for refusal in refusals)
    assert done(sandbox, WRITE) == len(outcomes) - len(refusals) <= ("max(" in change)


async def test_a_question_outlives_the_rotation_of_the_key(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    products = list_products(sandbox)[:3]

    @asynccontextmanager
    async def serve(key: str) -> AsyncIterator[tuple[TeamState, Client]]:
        settings = sandbox_keys(sandbox, url) | {"confirm": "all", "database_key": key}
        async with (
            serve_replica(home, database_url, **settings) as replica,
            replica.connect(elicitation_callback=never) as client,
        ):
            assert replica.state is not None
            yield replica.state, client

    async with sandbox.serve() as url:
        async with serve(f"{KEY},{NEW_KEY}") as (_, client):
            states = [await ask(client, delete(product)) for product in products[:2]]
        async with serve(f"{NEW_KEY},{KEY}") as (state, client):
            states.append(await ask(client, delete(products[2])))
            await asyncio.sleep(READING_S)
            good(await agree(client, delete(products[0]), states[0]))  # sealed with the former key
            await state.reseal()
        async with serve(NEW_KEY) as (_, client):
            for product, request_state in zip(products[1:], states[1:], strict=True):
                good(await agree(client, delete(product), request_state))
    assert done(sandbox, WRITE) == 3
