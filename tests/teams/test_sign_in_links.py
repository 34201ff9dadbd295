"""A seller signs in to one tenant by a link, from any computer: once, with no word of the request on the page."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.setting_texts import CALLBACK_PATH
from mcp_server_tiktok_shop.state.redis.rate_marks import RedisRateMarks
from mcp_server_tiktok_shop.teams.tenant_sign_in import RETURNS_A_MINUTE, make_link
from tests.cli.test_login import consented
from tests.keys import sign_in_address
from tests.platform.test_tokens import READ, bad, good, nowhere
from tests.teams.replicas import Replica, sandbox_keys, serve_replicas, start_replica
from tests.teams.test_replicas import read_stored
from tests.teams.test_tenant_settings import run
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scripts.team.services import Redis

    from mcp_server_tiktok_shop.teams.team_state import TeamState

EXCHANGE = "exchange_authorization_code"
TENANTS = ("tea", "tin")
SERVICE = "7123456789012345678"


@asynccontextmanager
async def served(home: Path, url: str, sandbox: Sandbox, count: int = 1, **more: str) -> AsyncIterator[list[Replica]]:
    """Replicas whose app is known and to which nobody signed in; the simulated seller's page leads to the first."""
    async with sandbox.serve() as platform_url:
        keys = {name: text for name, text in sandbox_keys(sandbox, platform_url).items() if "token" not in name}
        async with serve_replicas(count, home, url, **keys | {"service_id": SERVICE} | more) as replicas:
            sandbox.redirect_url = find_callback(replicas[0])
            for tenant in TENANTS:
                await state_of(replicas[0]).directory.add(tenant)
            yield replicas


def state_of(replica: Replica) -> TeamState:
    assert replica.state is not None
    return replica.state


def find_callback(replica: Replica) -> str:
    return f"http://127.0.0.1:{replica.port}{CALLBACK_PATH}"


async def link_to(replica: Replica, tenant: str = "tea") -> str:
    return await make_link(state_of(replica), tenant)


def state_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["state"][0]


async def come_back(address: str, *, method: str = "GET", **headers: str) -> httpx2.Response:
    """What the seller's browser is answered; it says what must hold of every page."""
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as browser:
        response = await browser.request(method, address, headers=headers)
    if response.headers.get("content-type", "").startswith("text/html"):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<(?!!doctype html|/?(html|meta|title|h1|p)\b)", response.text), response.text
        for values in parse_qs(urlsplit(address).query).values():
            assert not any(value in response.text for value in values if len(value) > 4)
    return response


def exchanges(sandbox: Sandbox) -> int:
    return len(sandbox.log.list_entries(EXCHANGE))


def test_the_command_prints_a_link_and_where_it_leads_back(home: Path, database_url: str) -> None:
    team: dict[str, str] = {
        "http_issuer": "https://login.example/",
        "http_url": "https://shops.example",
        "app_key": "key",
        "app_secret": "secret-of-the-app",
        "service_id": SERVICE,
        "region": "us",
    }
    run(home, database_url, "tenant", "add", "tea")
    printed = run(home, database_url, "tenant", "sign-in-link", "tea", **team)
    assert printed.exit_code == 0, printed.output
    (link,) = re.findall(r"^ *(https://services\.us\.tiktokshop\.com/open/authorize\S+)$", printed.stdout, re.MULTILINE)
    assert parse_qs(urlsplit(link).query)["service_id"] == [SERVICE]
    assert f"https://shops.example{CALLBACK_PATH}" in printed.stdout
    as_json = json.loads(run(home, database_url, "tenant", "sign-in-link", "tea", "--json", **team).stdout)
    assert as_json["redirect_url"] == f"https://shops.example{CALLBACK_PATH}"
    assert state_in(as_json["url"]) != state_in(link)
    assert "secret-of-the-app" not in printed.output


@pytest.mark.parametrize(
    ("lacking", "tenant", "words"),
    [
        ("http_url", "tea", "--http-url is missing"),
        ("app_secret", "tea", "APP_SECRET is empty or missing"),
        ("service_id", "tea", "service id is not known"),
        ("", "nobody", "no tenant 'nobody'"),
    ],
)
def test_a_link_that_would_lead_nowhere_is_refused(
    home: Path, database_url: str, lacking: str, tenant: str, words: str
) -> None:
    team: dict[str, str] = {
        "http_issuer": "https://login.example/",
        "http_url": "https://shops.example",
        "app_key": "key",
        "app_secret": "secret",
        "service_id": SERVICE,
    }
    team.pop(lacking, "")
    run(home, database_url, "tenant", "add", "tea")
    refused = run(home, database_url, "tenant", "sign-in-link", tenant, **team)
    assert refused.exit_code != 0
    assert words in " ".join(refused.stderr.split())


async def test_a_seller_who_agrees_is_signed_in_to_the_tenant_of_the_link_alone(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox, 2) as replicas:
        async with replicas[1].connect("tea") as client, replicas[1].connect("tin") as other:
            assert bad(await client.call_tool(READ, {}))["error"] == "signed_out"
            page = await come_back(await consented(await link_to(replicas[0])))
            assert page.status_code == 200
            assert "You are signed in" in page.text
            good(await client.call_tool(READ, {}))
            assert bad(await other.call_tool(READ, {}))["error"] == "signed_out"
        (account,) = (await read_stored(replicas[0], "tea")).values()
        assert account.access_token.get_secret_value() == sandbox.accounts[0].access_token
        for secret in (*account.collect_secrets(), sandbox.app_secret, account.name):
            assert secret not in page.text


async def test_a_tenant_that_may_sign_in_nobody_itself_is_signed_in_by_a_link(home: Path, database_url: str) -> None:
    async with served(home, database_url, Sandbox(orders=20)) as (replica,):
        await state_of(replica).directory.change_settings("tea", lambda _: {"read_only": "true"})
        assert (await come_back(await consented(await link_to(replica)))).status_code == 200
        async with replica.connect("tea") as client:
            good(await client.call_tool(READ, {}))


async def test_who_does_not_agree_is_told_so_and_can_think_again(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        link = await link_to(replica)
        page = await come_back(await consented(link, "Decline"))
        assert (page.status_code, exchanges(sandbox)) == (403, 0)
        assert "did not agree" in page.text
        assert (await come_back(await consented(link))).status_code == 200


async def test_a_callback_that_comes_again_does_nothing(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        link = await link_to(replica)
        back = await consented(link)
        assert (await come_back(back)).status_code == 200
        again = [await come_back(back), await come_back(await consented(link))]  # with another code, too
        assert [page.status_code for page in again] == [409, 409]
        assert "used already" in again[0].text
        assert exchanges(sandbox) == 1


async def test_of_callbacks_to_two_replicas_at_once_one_spends_the_code(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox, 2) as replicas:
        back = await consented(await link_to(replicas[0]))
        elsewhere = back.replace(str(replicas[0].port), str(replicas[1].port))
        pages = await asyncio.gather(*(come_back(address) for address in (back, elsewhere) * 10))
    assert sorted(page.status_code for page in pages) == [200, *[409] * 19]
    assert exchanges(sandbox) == 1


async def test_a_link_that_is_too_old_is_told_from_one_that_never_was(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = await consented(await link_to(replica))
        await state_of(replica).database.execute("UPDATE sign_in_links SET expires_at = unix_now() - 1")
        assert (await come_back(back)).status_code == 410
        await state_of(replica).directory.remove("tea")
        assert (await come_back(back)).status_code == 404
    assert exchanges(sandbox) == 0


async def test_a_state_is_good_for_its_own_purpose_and_tenant_alone(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        code = sandbox.authorization_code()
        state = state_in(await link_to(replica, "tea"))
        async with replica.connect("tea") as client, replica.connect("tin") as other:
            for each in (client, other):  # an assistant's own sign-in does not take what a link had
                address = f"{find_callback(replica)}?code={code}&state={state}"
                assert bad(await each.call_tool(EXCHANGE, {"auth_code": address}))["error"] == "invalid_arguments"
            address = await sign_in_address(client, code)  # nor the other way round
            assert (await come_back(f"{find_callback(replica)}?{urlsplit(address).query}")).status_code == 404
        assert exchanges(sandbox) == 0
        assert (await come_back(f"{find_callback(replica)}?code={code}&state={state}&tenant=tin")).status_code == 200
        assert len(await read_stored(replica, "tea")) == 1
        assert await read_stored(replica, "tin") == {}


MARKUP = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"code": "CODE"}, 400),
        ({"state": "STATE"}, 400),
        ({"code": "", "state": "STATE"}, 400),
        ({"code": ["CODE", "CODE"], "state": "STATE"}, 400),
        ({"code": "CODE", "state": ["STATE", "STATE"]}, 400),
        ({"code": "C" * 2_500, "state": "STATE"}, 400),
        ({"code": "CODE", "state": "STATE", "x": "y" * 9_000}, 400),
        ({"code": "CODE", "state": "STATE"} | {f"x{number}": "y" for number in range(40)}, 400),
        ({"code": "CO\0DE", "state": "STATE"}, 400),
        ({"code": "CO DE", "state": "STATE"}, 400),
        ({"code": "CODE", "state": "x" * 43}, 404),
        ({"code": "CODE", "state": "STATE' OR '1'='1"}, 404),
        ({"code": "CODE", "state": "\0" * 43}, 404),
        ({"code": "CODE", "state": MARKUP}, 404),
        ({"code": MARKUP, "state": "x" * 43}, 404),
        ({"error": MARKUP, "state": "STATE"}, 403),
        ({"code": "null", "state": MARKUP}, 403),
        ({MARKUP: MARKUP}, 400),
    ],
)
async def test_an_address_that_is_no_answer_of_the_platforms_leaves_the_link_as_it_is(
    home: Path, database_url: str, query: dict[str, Any], status: int
) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = await consented(await link_to(replica))
        real = {"STATE": state_in(back), "CODE": parse_qs(urlsplit(back).query)["code"][0]}

        def fill(value: str) -> str:
            for word, text in real.items():
                value = value.replace(word, text)
            return value

        filled = {
            name: [fill(each) for each in value] if isinstance(value, list) else fill(value)
            for name, value in query.items()
        }
        page = await come_back(f"{find_callback(replica)}?{urlencode(filled, doseq=True)}")
        assert page.status_code == status
        assert exchanges(sandbox) == 0
        assert (await come_back(back)).status_code == 200


async def test_only_a_browser_that_was_sent_back_is_let_in(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = await consented(await link_to(replica))
        for method in ("HEAD", "POST", "PUT", "OPTIONS"):
            assert (await come_back(back, method=method)).status_code == 405
        assert (await come_back(back, Host="evil.example")).status_code == 421
        assert (await come_back(back, Origin="https://evil.example")).status_code == 403
        assert (await come_back(back.replace(CALLBACK_PATH, f"{CALLBACK_PATH}/x"))).status_code == 401
        assert exchanges(sandbox) == 0
        assert (await come_back(back)).status_code == 200


async def test_a_code_that_the_platform_refuses_is_not_sent_again(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = f"{find_callback(replica)}?code=ROW_no-such-code&state={state_in(await link_to(replica))}"
        page = await come_back(back)
        assert page.status_code == 502
        assert "refused the code" in page.text
        assert (await come_back(back)).status_code == 409
        assert exchanges(sandbox) == 1
        assert await read_stored(replica, "tea") == {}


async def test_a_code_whose_answer_is_lost_is_not_sent_again(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = await consented(await link_to(replica))
        sandbox.faults.add(EXCHANGE, cut="after")
        page = await come_back(back)
        assert page.status_code == 504
        assert "its answer was lost" in page.text
        assert (await come_back(back)).status_code == 409
        assert exchanges(sandbox) == 1


async def test_a_code_that_could_not_be_sent_is_good_for_another_try(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with (
        served(home, database_url, sandbox) as (replica,),
        serve_replicas(1, home, database_url, app_key=sandbox.app_key, app_secret="x", auth_url=nowhere()) as (
            cut_off,
        ),
    ):
        back = await consented(await link_to(replica))
        page = await come_back(back.replace(str(replica.port), str(cut_off.port)))
        assert page.status_code == 503
        assert "retry-after" in page.headers
        assert exchanges(sandbox) == 0
        assert (await come_back(back)).status_code == 200


async def test_who_makes_states_up_is_sent_away_and_a_seller_is_let_in_a_little_later(
    home: Path, database_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox, now = Sandbox(orders=20), time.time()
    monkeypatch.setattr(RedisRateMarks, "now", lambda _marks: now)
    async with served(home, database_url, sandbox, 2, redis=redis.url) as (one, other):
        back = await consented(await link_to(one))
        for _ in range(100):  # what is no state by its form costs nothing
            assert (await come_back(f"{find_callback(one)}?code=c&state=short")).status_code == 404
        made_up = urlencode({"code": "c", "state": secrets.token_urlsafe(32)})
        tries = (f"{find_callback(each)}?{made_up}" for each in (one, other) * (RETURNS_A_MINUTE // 2 + 5))
        pages = [page.status_code for page in await asyncio.gather(*map(come_back, tries))]
        assert set(pages) == {404, 429}
        assert RETURNS_A_MINUTE <= pages.count(404) <= RETURNS_A_MINUTE + 1
        await asyncio.gather(*(come_back(f"{find_callback(one)}?{made_up}") for _ in range(20)))
        page = await come_back(back)
        assert page.status_code == 429
        assert "retry-after" in page.headers
        assert exchanges(sandbox) == 0
        now += 1.5  # one is let in every second
        assert (await come_back(back)).status_code == 200


async def test_a_code_whose_tokens_can_not_be_stored_is_told_so(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        back = await consented(await link_to(replica))
        gate = sandbox.faults.hold(EXCHANGE)
        coming = asyncio.create_task(come_back(back))
        await until(lambda: gate.waiting)
        await state_of(replica).database.execute("ALTER TABLE account_locks RENAME TO account_locks_elsewhere")
        gate.open()
        page = await coming
        assert page.status_code == 500
        assert "could not be stored" in page.text
        await state_of(replica).database.execute("ALTER TABLE account_locks_elsewhere RENAME TO account_locks")
        assert (await come_back(await consented(await link_to(replica)))).status_code == 200


async def test_a_server_that_the_command_started_takes_sellers_back(home: Path, database_url: str) -> None:
    sandbox = Sandbox(orders=20)
    async with served(home, database_url, sandbox) as (replica,):
        settings = state_of(replica).settings
        keys = {"api_url": settings.api_url, "auth_url": settings.auth_url, "app_key": sandbox.app_key}
        async with start_replica(home, database_url, replica.token, **keys, app_secret=sandbox.app_secret) as other:
            sandbox.redirect_url = find_callback(other)
            back = await consented(await link_to(replica))
            assert f":{other.port}/" in back
            assert (await come_back(back)).status_code == 200
        async with replica.connect("tea") as client:
            good(await client.call_tool(READ, {}))
