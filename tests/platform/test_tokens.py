"""A seller signs in once and never thinks of tokens again; a refresh token is never lost."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import time
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.gateway.log import Log
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore
from tests.keys import ACCESS_TOKEN, REFRESH_TOKEN, call_agreed, reply, sign_in_address
from tests.platform.worker import all_stored, keys, stored
from tests.waits import until
from tests.wire.recorder import NEW_TOKENS, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Entry, Gate
    from mcp_server_tiktok_shop.state.accounts import StoredAccounts
    from tests.conftest import Connect

DAY = 24 * 3600
RENEW = "refresh_access_token"
READ = "get_warehouse_list"
WRITE = "add_external_order_references"
TOKEN_PATH = "/api/v2/token"


class Clock:
    """Time that moves only when told, for both sides and both of their clocks."""

    def __init__(self) -> None:
        self.now = self.began = float(int(time.time()))

    def __call__(self) -> float:
        return self.now

    @property
    def runtime(self) -> Runtime:
        return Runtime(self, lambda: time.monotonic() + self.now - self.began)


def good(result: Any) -> dict[str, Any]:
    told = reply(result)
    assert not result.is_error, told
    return told


def bad(result: Any) -> dict[str, Any]:
    told = reply(result)
    assert result.is_error, told
    return told


def reference(sandbox: Sandbox, name: str = "A-1") -> dict[str, Any]:
    """Arguments of a write that the sandbox accepts as often as it is sent."""
    order = next(iter(sandbox.state.main.orders.values()))
    lines = [{"id": "1", "origin_id": order.lines[0].id}]
    return {"orders": [{"id": order.id, "external_order": {"id": name, "platform": "SHOPIFY", "line_items": lines}}]}


def done(sandbox: Sandbox, operation: str) -> int:
    return sum(entry.ran for entry in sandbox.log.list_entries(operation))


def token_of(entry: Entry) -> str | None:
    return entry.headers.get("x-tts-access-token")


def nowhere() -> str:
    """An address on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


async def give_up(call: Coroutine[Any, Any, Any], gate: Gate) -> None:
    """The client no longer waits for a call once it has the platform waiting."""
    task = asyncio.create_task(call)
    await until(lambda: gate.arrived)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def holds_newest(home: Path, sandbox: Sandbox) -> bool:
    kept, account = stored(home), sandbox.accounts[0]
    return (kept["access_token"], kept["refresh_token"]) == (account.access_token, account.refresh_token)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


@asynccontextmanager
async def at_work(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Client]:
    """A server that knows its shops already, so that what a test breaks is met by the call it makes."""
    async with sandbox.serve() as url, connect(**(keys(sandbox, url) | more)) as client:
        good(await client.call_tool(READ, {}))
        sandbox.log.clear()
        yield client


async def test_an_expired_token_is_renewed_once_and_the_call_repeated_once(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        good(await client.call_tool(READ, {}))
        good(await client.call_tool(READ, {}))
    assert [entry.code for entry in sandbox.log.list_entries(READ)] == [105002, 0, 0]
    assert sandbox.tokens.renewals == 1
    assert holds_newest(home, sandbox)


async def test_a_write_that_met_an_expired_token_is_repeated_and_done_once(connect: Connect, sandbox: Sandbox) -> None:
    async with at_work(connect, sandbox) as client:
        # The look before it was in time.
        sandbox.faults.add(WRITE, times=1, code=105002, status=401, message="The access token is expired.")
        good(await client.call_tool(WRITE, reference(sandbox)))
    assert [entry.code for entry in sandbox.log.list_entries(WRITE)] == [105002, 0]
    assert done(sandbox, WRITE) == 1
    assert sandbox.tokens.renewals == 1


@pytest.mark.parametrize("operation", [READ, WRITE])
async def test_a_new_token_that_is_refused_as_well_is_reported_and_not_renewed_again(
    connect: Connect, sandbox: Sandbox, operation: str
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(operation, times=None, code=105002, status=401, message="The access token is expired.")
        told = bad(await client.call_tool(operation, reference(sandbox) if operation == WRITE else {}))
    assert (told["error"], told["code"]) == ("signed_out", 105002)
    assert told["request_id"]
    assert len(sandbox.log.list_entries(operation)) == 2
    assert sandbox.tokens.renewals == 1


async def test_twenty_calls_with_an_expired_token_renew_it_once(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        results = await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(20)))
    for result in results:
        good(result)
    assert len(sandbox.log.list_entries(RENEW)) == 1
    assert holds_newest(home, sandbox)


async def test_twenty_first_calls_with_an_expired_token_renew_it_once(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    sandbox.expire_access_token()
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        results = await asyncio.gather(*(client.call_tool(READ, {}) for _ in range(20)))
    for result in results:
        good(result)
    assert len(sandbox.log.list_entries(RENEW)) == 1
    assert holds_newest(home, sandbox)


async def test_a_token_is_renewed_ahead_of_its_expiry(connect: Connect, home: Path) -> None:
    clock = Clock()
    sandbox = Sandbox(orders=20, clock=clock)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        good(await client.call_tool(RENEW, {}))
        good(await client.call_tool(READ, {}))
        assert sandbox.tokens.renewals == 1
        clock.now += 7 * DAY - 5 * 60
        good(await client.call_tool(READ, {}))
    assert sandbox.tokens.renewals == 2
    assert [entry.code for entry in sandbox.log.list_entries(READ)] == [0, 0]
    assert token_of(sandbox.log[-1]) == sandbox.accounts[0].access_token
    assert holds_newest(home, sandbox)


@pytest.mark.parametrize(
    "fault",
    [
        {"code": 36004004, "message": "Invalid 'refresh_token'."},
        {"code": 36009002, "status": 429},
        {"code": 36009003, "status": 500},
        {"cut": "before"},
        {"cut": "after"},
    ],
    ids=str,
)
async def test_a_renewal_that_fails_ahead_of_expiry_leaves_the_old_token_in_use(
    connect: Connect, fault: dict[str, Any]
) -> None:
    clock = Clock()
    sandbox = Sandbox(orders=20, clock=clock)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        good(await client.call_tool(RENEW, {}))
        old = sandbox.accounts[0].access_token
        clock.now += 7 * DAY - 5 * 60
        sandbox.faults.add(RENEW, **fault)
        good(await client.call_tool(READ, {}))
    assert [token_of(entry) for entry in sandbox.log.list_entries(READ)] == [old]


async def test_a_refused_refresh_token_says_how_to_sign_in_and_nothing_is_deleted(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        before = stored(home)
        sandbox.expire_access_token()
        sandbox.faults.add(RENEW, times=None, code=36004004, message="Invalid 'refresh_token': used before.")
        told = bad(await client.call_tool(READ, {}))
    assert (told["error"], told["code"]) == ("signed_out", 36004004)
    assert "exchange_authorization_code" in told["hint"] or "login" in told["hint"]
    assert stored(home) == before


async def test_a_renewal_that_is_refused_is_asked_for_once_however_many_calls_wait(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        refused = {"code": 36004004, "message": "Invalid 'refresh_token': used before."}
        gate = sandbox.faults.hold(RENEW, times=None, **refused)
        calls = [asyncio.create_task(client.call_tool(READ, {})) for _ in range(20)]
        await until(lambda: gate.arrived and len(sandbox.log.list_entries(READ)) == 20)
        gate.open()
        results = await asyncio.gather(*calls)
        assert {bad(result)["error"] for result in results} == {"signed_out"}
    assert len(sandbox.log.list_entries(RENEW)) == 1


async def test_an_auth_host_that_is_out_of_reach_loses_nothing(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with sandbox.serve() as url:
        ours = keys(sandbox, url)
        async with connect(**(ours | {"auth_url": nowhere()})) as client:
            good(await client.call_tool(READ, {}))
            before = stored(home)
            sandbox.expire_access_token()
            told = bad(await client.call_tool(READ, {}))
        assert (told["error"], told["retryable"]) == ("network", True)
        assert stored(home) == before
        async with connect(**ours) as client:
            good(await client.call_tool(READ, {}))
    assert holds_newest(home, sandbox)


async def test_throttled_renewals_are_told_as_such_and_lose_nothing(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        before = stored(home)
        sandbox.expire_access_token()
        sandbox.faults.add(RENEW, times=None, code=36009002, status=429, message="Too many requests.")
        told = bad(await client.call_tool(READ, {}))
        assert (told["error"], told["retryable"]) == ("rate_limited", True)
        assert stored(home) == before
        sandbox.faults.clear()
        good(await client.call_tool(READ, {}))


async def test_a_renewal_whose_caller_gave_up_is_stored_all_the_same(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        gate = sandbox.faults.hold(RENEW)
        await give_up(client.call_tool(READ, {}), gate)
        assert sandbox.tokens.renewals == 0
        gate.open()
        await until(lambda: sandbox.tokens.renewals and holds_newest(home, sandbox))
        good(await client.call_tool(READ, {}))
    assert sandbox.tokens.renewals == 1


async def test_a_server_that_ends_during_a_renewal_stores_its_pair_first(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        gate = sandbox.faults.hold(RENEW)
        await give_up(client.call_tool(READ, {}), gate)
        asyncio.get_running_loop().call_later(0.5, gate.open)  # while the server ends
    # The sandbox has gone with the connection only after the server had ended.
    assert sandbox.tokens.renewals == 1
    assert holds_newest(home, sandbox)


async def test_an_exchange_whose_caller_gave_up_is_stored_all_the_same(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": "", "service_id": "7"}
        async with connect(**signed_out) as client:
            code = {"auth_code": await sign_in_address(client, sandbox.authorization_code())}
            gate = sandbox.faults.hold("exchange_authorization_code")
            await give_up(client.call_tool("exchange_authorization_code", code), gate)
            gate.open()
            await until((home / "accounts.json").exists)
            await until(lambda: holds_newest(home, sandbox))
            good(await client.call_tool(READ, {}))


async def test_a_slow_renewal_does_not_outlast_the_deadline_of_the_call(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox, call_timeout_s=2.0) as client:
        sandbox.expire_access_token()
        gate = sandbox.faults.hold(RENEW)
        result = await client.call_tool(READ, {})
        gate.open()
        await until(lambda: sandbox.tokens.renewals and holds_newest(home, sandbox))
        good(await client.call_tool(READ, {}))
    assert bad(result)["retryable"] is True


async def test_a_new_pair_is_on_disk_before_it_is_used(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    used: list[tuple[str | None, bool]] = []

    class Watched(Log):
        def append(self, entry: Entry) -> None:
            token = token_of(entry)
            if token is not None:
                used.append((token, token == stored(home)["access_token"]))
            super().append(entry)

    async with at_work(connect, sandbox) as client:
        old = sandbox.accounts[0].access_token
        sandbox.expire_access_token()
        sandbox.app._log = Watched()
        good(await client.call_tool(READ, {}))
    assert used == [(old, True), (sandbox.accounts[0].access_token, True)]


async def test_a_pair_that_could_not_be_stored_is_used_until_a_newer_one_is(
    connect: Connect, sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[bool] = []
    write = FileAccountStore.write

    def on_a_full_disk(store: FileAccountStore, contents: StoredAccounts) -> None:
        if full and sandbox.tokens.renewals:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(store, contents)

    monkeypatch.setattr(FileAccountStore, "write", on_a_full_disk)
    async with at_work(connect, sandbox) as client:
        full.append(True)
        sandbox.expire_access_token()
        good(await client.call_tool(READ, {}))
        assert not holds_newest(home, sandbox)
        good(await client.call_tool(READ, {}))
        assert sandbox.tokens.renewals == 1
        full.clear()
        for renewals in (2, 3):
            sandbox.expire_access_token()
            good(await client.call_tool(READ, {}))
            good(await client.call_tool(READ, {}))
            assert sandbox.tokens.renewals == renewals
            assert holds_newest(home, sandbox)
        sandbox.log.clear()
        good(await client.call_tool(READ, {}))
        assert [entry.code for entry in sandbox.log.list_entries(READ)] == [0]


LOST: dict[str, dict[str, Any]] = {
    "cut": {"cut": "after"},
    "empty": {"empty": True, "when": "after"},
    "half an envelope": {"body": b'{"code":0,"message":"succ', "when": "after"},
    "a page": {"body": b"<html>busy</html>", "content_type": "text/html", "when": "after"},
    "deep": {"body": b"[" * 100_000, "when": "after"},
    "a gateway's 502": {"status": 502, "when": "after"},
    "an internal fault": {"status": 500, "code": 36009003, "message": "Internal error.", "when": "after"},
    "an upstream timeout": {"status": 200, "code": 36009007, "message": "The upstream timed out.", "when": "after"},
}


@pytest.mark.parametrize("how", LOST)
async def test_a_renewal_whose_answer_is_lost_is_named_and_told_at_the_next_try(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    async with at_work(connect, sandbox) as client:
        before = stored(home)
        sandbox.expire_access_token()
        sandbox.faults.add(RENEW, **LOST[how])
        lost = bad(await client.call_tool(READ, {}))
        kept = stored(home)
        told = bad(await client.call_tool(READ, {}))
    assert sandbox.tokens.renewals == 1
    assert lost["error"] == "unknown_outcome"
    assert "renewal" in lost["message"]
    assert kept["renewing_since"] > 0
    assert kept["refresh_token"] == before["refresh_token"]
    assert told["error"] == "signed_out"
    assert "earlier renewal" in told["message"]
    assert "exchange_authorization_code" in told["hint"] or "login" in told["hint"]


@pytest.mark.parametrize("how", LOST)
async def test_a_renewal_that_was_lost_before_it_was_done_is_done_at_the_next_try(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    fault = LOST[how] | ({"cut": "before"} if "cut" in LOST[how] else {"when": "before"})
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        sandbox.faults.add(RENEW, **fault)
        assert bad(await client.call_tool(READ, {}))["error"] == "unknown_outcome"
        good(await client.call_tool(READ, {}))
    assert sandbox.tokens.renewals == 1
    assert holds_newest(home, sandbox)
    assert stored(home)["renewing_since"] == 0


async def test_a_token_call_is_never_repeated_blindly(connect: Connect, sandbox: Sandbox) -> None:
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        for operation, arguments in ((RENEW, {}), ("exchange_authorization_code", {"auth_code": "GCP_some_code"})):
            sandbox.faults.add(operation, times=None, cut="before")
            assert bad(await client.call_tool(operation, arguments))["error"] == "unknown_outcome"
            assert len(sandbox.log.list_entries(operation)) == 1


async def test_a_renewal_that_brings_no_new_refresh_token_keeps_the_old_one(connect: Connect, home: Path) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        answer = {name: value for name, value in NEW_TOKENS.items() if not name.startswith("refresh_token")}
        recorder.answer("/api/v2/token/refresh", data=answer)
        good(await client.call_tool(RENEW, {}))
    assert stored(home)["access_token"] == NEW_TOKENS["access_token"]
    assert stored(home)["refresh_token"] == REFRESH_TOKEN


@pytest.mark.parametrize("expiry", ["4102444800", None, "soon", 4102444800.5, {}], ids=str)
async def test_a_pair_with_an_odd_expiry_is_stored_all_the_same(connect: Connect, home: Path, expiry: Any) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        odd = {"access_token_expire_in": expiry, "refresh_token_expire_in": expiry, "granted_scopes": None}
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | odd)
        await client.call_tool(RENEW, {})
    assert stored(home)["access_token"] == NEW_TOKENS["access_token"]
    assert stored(home)["refresh_token"] == NEW_TOKENS["refresh_token"]


@pytest.mark.parametrize("duration", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
async def test_an_expiry_may_be_written_as_a_duration_or_in_milliseconds(
    connect: Connect, home: Path, *, duration: bool, as_text: bool
) -> None:
    """A week from now in seconds, or the moment in milliseconds: neither has the pair renewed at every call."""
    began = int(time.time())
    written = 604_800 if duration else (began + 604_800) * 1000
    expiry = str(written) if as_text else written
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        odd = {"access_token_expire_in": expiry, "refresh_token_expire_in": expiry}
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | odd)
        good(await client.call_tool(RENEW, {}))
        await client.call_tool(READ, {})
        await client.call_tool(READ, {})
        assert sum("/token/refresh" in request.target for request in recorder.requests) == 1
    for name in odd:
        assert began + 604_800 <= stored(home)[name] <= time.time() + 604_800


async def test_without_a_refresh_token_an_expired_token_says_how_to_sign_in(connect: Connect, sandbox: Sandbox) -> None:
    async with at_work(connect, sandbox, refresh_token="") as client:
        sandbox.expire_access_token()
        told = bad(await client.call_tool(READ, {}))
    assert told["error"] == "signed_out"
    assert "exchange_authorization_code" in told["hint"] or "login" in told["hint"]
    assert sandbox.log.list_entries(RENEW) == []


async def test_a_revoked_authorization_says_to_sign_in_again(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with at_work(connect, sandbox) as client:
        before = stored(home)
        sandbox.revoke()
        told = bad(await client.call_tool(READ, {}))
    assert (told["error"], told["code"]) == ("signed_out", 105001)
    assert "exchange_authorization_code" in told["hint"]
    assert stored(home) == before
    assert sandbox.log.list_entries(RENEW) == []


@pytest.mark.parametrize("shops_known", [True, False])
async def test_a_new_code_helps_although_the_environment_still_holds_a_revoked_pair(
    connect: Connect, sandbox: Sandbox, *, shops_known: bool
) -> None:
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        if shops_known:
            good(await client.call_tool(READ, {}))
        revoked = sandbox.accounts[0].access_token
        sandbox.revoke()
        assert bad(await client.call_tool(READ, {}))["code"] == 105001
        del sandbox.tokens._access[revoked]  # a new consent brings the revoked token back in the sandbox
        good(await call_agreed(client, "exchange_authorization_code", {"auth_code": sandbox.authorization_code()}))
        good(await client.call_tool(READ, {}))
        good(await client.call_tool(WRITE, reference(sandbox)))
        good(await client.call_tool("get_active_shops", {}))
    assert token_of(sandbox.log[-1]) == sandbox.accounts[0].access_token


async def test_a_missing_scope_is_named_with_what_to_do(connect: Connect, sandbox: Sandbox) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.accounts[0].granted_scopes.clear()
        told = bad(await client.call_tool("get_order_list", {"page_size": 1}))
    assert (told["error"], told["code"]) == ("not_permitted", 105005)
    assert "seller.order.info" in told["hint"]
    assert "exchange_authorization_code" in told["hint"] or "login" in told["hint"]


async def test_the_stored_pair_wins_over_the_environments_old_one_in_a_new_process(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with sandbox.serve() as url:
        old = keys(sandbox, url)
        for _ in range(3):
            sandbox.expire_access_token()
            async with connect(**old) as client:
                good(await client.call_tool(READ, {}))
                assert holds_newest(home, sandbox)
            async with connect(**old) as client:
                sandbox.log.clear()
                good(await client.call_tool(READ, {}))
                assert [token_of(entry) for entry in sandbox.log] == [sandbox.accounts[0].access_token]
    assert sandbox.tokens.renewals == 3


async def test_a_new_pair_in_the_environment_starts_anew(connect: Connect, sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        async with connect(**keys(sandbox, url)) as client:
            good(await client.call_tool(RENEW, {}))
            good(await client.call_tool(READ, {}))
        sandbox.tokens.issue(sandbox.accounts[0])
        async with connect(**keys(sandbox, url)) as client:
            sandbox.log.clear()
            good(await client.call_tool(READ, {}))
        assert {token_of(entry) for entry in sandbox.log} == {sandbox.accounts[0].access_token}


async def test_two_servers_with_pairs_of_their_own_keep_both_in_one_home(connect: Connect) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        both = [keys(sandbox, url, account) for account in (0, 1)]
        for turn in range(4):
            account = turn % 2
            sandbox.expire_access_token(account)
            async with connect(**both[account]) as client:
                shop = sandbox.accounts[account].shops[0].name
                told = good(await client.call_tool(READ, {"shop": shop}))
                assert told["shop"] == shop
    assert sandbox.tokens.renewals == 4


async def test_a_code_buys_an_account_with_its_shops_and_shows_no_token(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**signed_out) as client:
            told = bad(await client.call_tool(READ, {}))
            assert told["error"] == "signed_out"
            assert "exchange_authorization_code" in told["hint"] or "login" in told["hint"]
            assert sandbox.log == []
            code = sandbox.authorization_code()
            result = await call_agreed(client, "exchange_authorization_code", {"auth_code": code})
            good(await client.call_tool(READ, {}))
    account = sandbox.accounts[0]
    answer = good(result)["data"]
    assert (answer["seller"], answer["region"]) == (account.name, "GB")
    assert answer["scopes"] == account.granted_scopes
    assert [shop["id"] for shop in answer["shops"]] == [account.shops[0].id]
    assert holds_newest(home, sandbox)
    assert [shop["cipher"] for shop in stored(home)["shops"]] == [account.shops[0].cipher]
    text = json.dumps(reply(result))
    for secret in (code, account.access_token, account.refresh_token, sandbox.app_secret, account.shops[0].cipher):
        assert secret not in text


async def test_signing_in_anew_leaves_other_accounts_as_they_are(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**signed_out) as client:
            for account in (0, 1):
                code = {"auth_code": sandbox.authorization_code(account)}
                good(await call_agreed(client, "exchange_authorization_code", code))
            before = all_stored(home)[0]
            code = {"auth_code": sandbox.authorization_code(1)}
            good(await call_agreed(client, "exchange_authorization_code", code))
    first, second = sorted(all_stored(home), key=lambda account: bool(account["name"] == sandbox.accounts[1].name))
    assert first == before
    assert second["access_token"] == sandbox.accounts[1].access_token
    assert [shop["name"] for shop in second["shops"]] == ["Sandbox Tea Company"]


@pytest.mark.parametrize("why", ["used", "expired", "wrong"])
async def test_a_code_that_no_longer_works_is_explained(connect: Connect, home: Path, why: str) -> None:
    clock = Clock()
    sandbox = Sandbox(orders=20, clock=clock)
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": "", "runtime": clock.runtime}
        async with connect(**signed_out) as client:
            code = "GCP_never_given_out" if why == "wrong" else sandbox.authorization_code()
            if why == "used":
                good(await call_agreed(client, "exchange_authorization_code", {"auth_code": code}))
            clock.now += 31 * 60 if why == "expired" else 0
            before = (home / "accounts.json").read_bytes() if why == "used" else None
            told = bad(await call_agreed(client, "exchange_authorization_code", {"auth_code": code}))
    assert (told["error"], told["code"]) == ("signed_out", 36004004)
    assert "30 minutes" in told["hint"]
    assert "once" in told["hint"]
    assert code not in json.dumps(told)
    assert before is None or (home / "accounts.json").read_bytes() == before


async def test_a_renewal_asked_for_answers_seller_expiries_and_scopes(connect: Connect, sandbox: Sandbox) -> None:
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        answer = good(await client.call_tool(RENEW, {}))["data"]
    account = sandbox.accounts[0]
    assert (answer["seller"], answer["region"], answer["scopes"]) == (account.name, "GB", account.granted_scopes)
    for kind in ("access_token", "refresh_token"):
        expiry = datetime.fromisoformat(answer[f"{kind}_expires"])
        assert expiry.timestamp() == getattr(account, f"{kind}_expire_in")
    assert account.access_token not in json.dumps(answer)
    assert account.refresh_token not in json.dumps(answer)


async def test_two_renewals_asked_for_at_once_are_one(connect: Connect, sandbox: Sandbox) -> None:
    async with at_work(connect, sandbox) as client:
        gate = sandbox.faults.hold(RENEW)
        calls = [asyncio.create_task(client.call_tool(RENEW, {})) for _ in range(5)]
        await until(lambda: gate.arrived)
        gate.open()
        for result in await asyncio.gather(*calls):
            good(result)
    assert sandbox.tokens.renewals == 1


async def test_token_calls_are_unsigned_gets_on_the_auth_host_alone(connect: Connect) -> None:
    async with Recorder() as api, Recorder() as auth, connect(api_url=api.url, auth_url=auth.url) as client:
        good(await client.call_tool(RENEW, {}))
    assert api.requests == []
    [request] = auth.requests
    assert request.target.startswith(f"{TOKEN_PATH}/refresh?")
    assert "sign=" not in request.target
    assert ACCESS_TOKEN not in str(request)
