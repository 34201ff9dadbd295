"""A new token pair reaches the disk whatever else its answer holds, and whatever the disk does meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.state.files import private_files
from tests.attack.disks import empty, fill, find_servers, needs_limits, needs_root, refuse_writing, small_disk
from tests.attack.reports import write_report
from tests.keys import REFRESH_TOKEN, call_agreed, reply, sign_in_address
from tests.platform.test_retries import strict
from tests.platform.test_tokens import READ, RENEW, at_work, good, holds_newest, token_of
from tests.platform.worker import keys, started, stored, waiting
from tests.waits import until
from tests.wire.recorder import NEW_TOKENS, Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

SOAK = bool(os.environ.get("SOAK"))
RENEWALS = 200 if SOAK else 6
ODD_ANSWERS = 2000 if SOAK else 60
SEED = int(os.environ.get("SOAK_SEED", "11"))
NOW = int(time.time())
HALF = "half a character: \ud83d, and \U0001f375"
ODD: dict[str, dict[str, Any]] = {
    "scopes: a number": {"granted_scopes": 7},
    "scopes: a text": {"granted_scopes": "seller.order.info, seller.shop.info"},
    "scopes: an object": {"granted_scopes": {"seller.order.info": True}},
    "scopes: a mixture": {"granted_scopes": [1, None, ["x"], "seller.order.info", {}]},
    "scopes: half a character": {"granted_scopes": [HALF]},
    "a name that is a list": {"seller_name": ["Leaf", "Kettle"]},
    "a name that is an object": {"seller_name": {"text": "Leaf"}},
    "a name of a megabyte": {"seller_name": "x" * 2**20},
    "a name with half a character": {"seller_name": HALF},
    "a name with what ends a line": {"seller_name": 'Leaf\u2028\x00\r\n"}'},
    "a region that is true": {"seller_base_region": True},
    "a region with half a character": {"seller_base_region": "\udc00"},
    "a refresh token that is none": {"refresh_token": ["x"]},
    "past": {"access_token_expire_in": NOW - 3600, "refresh_token_expire_in": NOW - 1},
    "relative": {"access_token_expire_in": 604800, "refresh_token_expire_in": 604800},
    "a short life": {"access_token_expire_in": 300},
    "milliseconds": {"access_token_expire_in": (NOW + 604800) * 1000, "refresh_token_expire_in": NOW * 1000},
    "microseconds": {"access_token_expire_in": NOW * 10**6},
    "negative": {"access_token_expire_in": -1},
    "true": {"access_token_expire_in": True},
    "not a number": {"access_token_expire_in": "NaN"},
    "endless": {"access_token_expire_in": "1e999"},
    "a list": {"access_token_expire_in": [NOW]},
}


@pytest.mark.parametrize("how", ODD)
async def test_a_pair_is_stored_whatever_else_its_answer_holds(connect: Connect, home: Path, how: str) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | ODD[how])
        first = await client.call_tool(RENEW, {})
        for _ in range(4):
            good(await client.call_tool(READ, {}))
    good(first)
    kept = stored(home)
    assert kept["access_token"] == NEW_TOKENS["access_token"]
    if not how.startswith("a refresh token"):
        assert kept["refresh_token"] == NEW_TOKENS["refresh_token"]
    # It is renewed at no later call, and an expiry that makes no sense is unknown.
    assert len([request for request in recorder.requests if "/token/refresh" in request.target]) == 1
    assert kept["access_token_expire_in"] == 0 or kept["access_token_expire_in"] > NOW
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        good(await client.call_tool(READ, {}))  # another process reads the store
    tokens = {request.header("x-tts-access-token") for request in recorder.calls}
    assert tokens - {None} == {NEW_TOKENS["access_token"]}


@pytest.mark.parametrize(
    "token", ["TTP_\u00fc", "TTP_\u200b", "TTP_a\nx-b: c", "TTP a", "TTP_\x00", "TTP_\x7f", "TTP_\ud83d"]
)
async def test_an_access_token_that_no_header_carries_is_named_and_nothing_sent(
    connect: Connect, home: Path, token: str
) -> None:
    """Its pair is kept: the refresh token beside it is the only one that still works."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        good(await client.call_tool(READ, {}))
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | {"access_token": token}, times=1)
        await client.call_tool(RENEW, {})
        assert stored(home)["refresh_token"] == NEW_TOKENS["refresh_token"]
        sent = len(recorder.calls)
        for tool, arguments in [(READ, {}), ("activate_products", {"product_ids": ["1729592969712207008"]})]:
            told = strict(await client.call_tool(tool, arguments))
            assert told["error"] == "signed_out"
            assert "refresh_access_token" in told["hint"]
        assert len(recorder.calls) == sent
        good(await client.call_tool(RENEW, {}))
        good(await client.call_tool(READ, {}))


@pytest.mark.parametrize("token", ["", None, 7, "TTP_\ud83d"])
async def test_the_refresh_token_stays_where_none_came_that_can_be_sent(
    connect: Connect, home: Path, token: Any
) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | {"refresh_token": token}, times=1)
        good(await client.call_tool(RENEW, {}))
        assert stored(home)["refresh_token"] == REFRESH_TOKEN
        good(await client.call_tool(RENEW, {}))
        assert stored(home)["refresh_token"] == NEW_TOKENS["refresh_token"]


async def test_spaces_around_an_access_token_are_no_part_of_it(connect: Connect, home: Path) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | {"access_token": " GCP_spaced\r\n"}, times=1)
        good(await client.call_tool(RENEW, {}))
        good(await client.call_tool(READ, {}))
    assert stored(home)["access_token"] == "GCP_spaced"


async def test_any_character_of_a_name_survives(connect: Connect, home: Path) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | {"seller_name": HALF})
        good(await client.call_tool(RENEW, {}))
    assert stored(home)["name"] == HALF


def make_odd_value(drawn: random.Random, depth: int = 0) -> Any:
    values: list[Any] = [
        *(None, True, 0, -1, 2**70, 1.5, "", HALF, "\x00", "x" * drawn.randrange(5000), [], {}),
        "".join(chr(drawn.choice((drawn.randrange(0x20), drawn.randrange(0x11000)))) for _ in range(20)),
    ]
    if depth < 3:
        values += [[make_odd_value(drawn, depth + 1)], {str(drawn.random()): make_odd_value(drawn, depth + 1)}]
    return drawn.choice(values)


async def test_random_answers_lose_no_pair(connect: Connect, home: Path) -> None:
    drawn = random.Random(SEED)
    names = [name for name in NEW_TOKENS if name not in ("access_token", "refresh_token")] + ["more"]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        for number in range(ODD_ANSWERS):
            pair = {"access_token": f"GCP_new_access_{number:06}", "refresh_token": f"GCP_new_refresh_{number:06}"}
            odd = {name: make_odd_value(drawn) for name in drawn.sample(names, drawn.randint(1, 4))}
            recorder.answer("/api/v2/token/refresh", data=NEW_TOKENS | odd | pair, times=1)
            result = await client.call_tool(RENEW, {})
            kept = stored(home)
            assert {name: kept[name] for name in pair} == pair, (odd, reply(result))
            assert not result.is_error, (odd, reply(result))


@needs_limits
@pytest.mark.parametrize("moment", ["a later call", "by itself", "the end"])
async def test_a_disk_that_was_full_during_the_renewal_alone_has_the_pair_before_the_process_ends(
    home: Path, era: str, moment: str
) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        async with started(home, settings, era) as client:
            good(await client.call_tool(READ, {}))
            (pid,) = find_servers(home)
            sandbox.expire_access_token()
            gate = sandbox.faults.hold(RENEW)
            call = asyncio.create_task(client.call_tool(READ, {}))
            await until(lambda: gate.waiting)
            assert stored(home)["renewing_since"]
            refuse_writing(pid, refuse=True)
            gate.open()
            good(await call)
            assert sandbox.tokens.renewals == 1
            assert not holds_newest(home, sandbox)
            good(await client.call_tool(READ, {}))  # from memory
            refuse_writing(pid, refuse=False)
            if moment == "a later call":
                good(await client.call_tool(READ, {}))
                await until(lambda: holds_newest(home, sandbox))
            elif moment == "by itself":
                await until(lambda: holds_newest(home, sandbox))
        assert holds_newest(home, sandbox)
        async with started(home, settings, era) as client:
            good(await client.call_tool(READ, {}))
    assert sandbox.tokens.renewals == 1
    assert stored(home)["renewing_since"] == 0


@needs_limits
@pytest.mark.parametrize("era", ["auto"])
async def test_what_signing_in_brought_reaches_a_disk_that_was_full(home: Path, era: str) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": "", "confirm": "none"}
        async with started(home, signed_out | {"service_id": "7"}, era) as client:
            address = await sign_in_address(client, sandbox.authorization_code())
            (pid,) = find_servers(home)
            gate = sandbox.faults.hold("exchange_authorization_code")
            call = asyncio.create_task(client.call_tool("exchange_authorization_code", {"auth_code": address}))
            await until(lambda: gate.waiting)
            refuse_writing(pid, refuse=True)
            gate.open()
            await call
            assert not (home / "accounts.json").exists() or b"ROW_" not in (home / "accounts.json").read_bytes()
            good(await client.call_tool(READ, {}))
            refuse_writing(pid, refuse=False)
        assert holds_newest(home, sandbox)


@needs_limits
@pytest.mark.parametrize("era", ["auto"])
async def test_a_yes_that_a_full_disk_keeps_from_being_taken_is_asked_for_again(home: Path, era: str) -> None:
    """The code is spent when the question is put: only a no may cost the pair that it brought."""
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": "", "confirm": "none"}
        async with started(home, signed_out, era) as client:
            code = {"auth_code": sandbox.authorization_code()}
            asked = reply(await client.call_tool("exchange_authorization_code", code))
            (pid,) = find_servers(home)
            refuse_writing(pid, refuse=True)
            told = reply(await client.call_tool("exchange_authorization_code", code | {"confirm": asked["confirm"]}))
            assert told["error"], told
            refuse_writing(pid, refuse=False)
            good(await call_agreed(client, "exchange_authorization_code", code))
        assert holds_newest(home, sandbox)
    assert len(sandbox.log.list_entries("exchange_authorization_code")) == 1


async def test_what_a_disk_does_not_give_back_is_not_put_in_the_place_of_the_store(
    connect: Connect, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(orders=20)
    sync = os.fsync
    lossy: list[bool] = []

    def sync_half(descriptor: int) -> None:
        sync(descriptor)
        if lossy and sandbox.tokens.renewals and os.fstat(descriptor).st_size > 100:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)

    monkeypatch.setattr(f"{private_files.__name__}.os.fsync", sync_half)
    async with at_work(connect, sandbox) as client:
        lossy.append(True)
        sandbox.expire_access_token()
        good(await client.call_tool(READ, {}))
        kept = stored(home)  # the old one, whole, and marked
        assert kept["renewing_since"]
        assert kept["refresh_token"] != sandbox.accounts[0].refresh_token
        lossy.clear()
        good(await client.call_tool(READ, {}))
        await until(lambda: holds_newest(home, sandbox))
    assert sandbox.tokens.renewals == 1


@needs_limits
async def test_renewals_on_a_disk_that_fills_and_empties_at_random_lose_no_pair(home: Path, era: str) -> None:
    """The process may be refused any writing at any moment, and ends while it can."""
    sandbox, drawn = Sandbox(orders=20), random.Random(SEED)
    delayed = 0

    async def turn(pid: int) -> None:
        while True:
            refuse_writing(pid, refuse=drawn.random() < 0.5)
            await asyncio.sleep(drawn.uniform(0.005, 0.08))

    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        for _ in range(RENEWALS // 4 + 1):
            async with started(home, settings, era) as client:
                good(await client.call_tool(READ, {}))
                (pid,) = find_servers(home)
                for _ in range(4):
                    sandbox.expire_access_token()
                    sandbox.faults.add(RENEW, delay=drawn.uniform(0, 0.1))
                    renewals = sandbox.tokens.renewals
                    turning = asyncio.create_task(turn(pid))
                    while sandbox.tokens.renewals == renewals:  # it is refused where it can't be marked
                        told = reply(await client.call_tool(READ, {}))
                        assert told.get("error") in (None, "not_configured"), told
                    turning.cancel()
                    delayed += not holds_newest(home, sandbox)
                    if drawn.random() < 0.5:
                        good(await client.call_tool(READ, {}))
                refuse_writing(pid, refuse=False)
            assert holds_newest(home, sandbox)
    assert sandbox.tokens.renewals >= RENEWALS
    assert delayed  # else nothing was tried


@needs_root
@pytest.mark.parametrize("era", ["auto"])
async def test_renewals_on_a_small_disk_with_kills_lose_no_pair(connect: Connect, tmp_path: Path) -> None:
    """The disk is really full now and then, and any process may be killed: room for the pair was taken before."""
    if not SOAK:
        pytest.skip("it takes minutes: SOAK=1")
    sandbox, drawn = Sandbox(orders=20), random.Random(SEED)
    counts = {"stored": 0, "marked": 0, "refused": 0, "killed": 0}

    async def turn(disk: Path) -> None:
        while True:
            (fill if drawn.random() < 0.5 else empty)(disk)
            await asyncio.sleep(drawn.uniform(0.002, 0.03))

    with small_disk(tmp_path / "disk", 128 * 1024) as disk:
        async with sandbox.serve() as url:
            while counts["stored"] + counts["marked"] < RENEWALS:
                home = disk / "home"
                sandbox.tokens.issue(sandbox.accounts[0])
                settings = keys(sandbox, url)
                async with waiting() as worker:
                    async with connect(home=home, **settings) as client:
                        good(await client.call_tool(READ, {}))
                    before = stored(home)["refresh_token"]
                    sandbox.expire_access_token()
                    sandbox.log.clear()
                    sandbox.faults.add(RENEW, delay=drawn.uniform(0, 0.05))
                    turning = asyncio.create_task(turn(disk))
                    worker.begin(home, settings, [(READ, {})] * 3, in_turn=True)
                    if drawn.random() < 0.5:
                        counts["killed"] += 1
                        await asyncio.sleep(drawn.uniform(0, 0.4))
                        await worker.kill()
                        await asyncio.sleep(0.06)  # what the dead one had sent still arrives
                        await until(lambda: not sandbox.app.in_flight)
                    else:
                        await worker.end()
                    turning.cancel()
                    sandbox.faults.clear()
                    empty(disk)
                newest, kept = sandbox.accounts[0], stored(home)
                has_newest = kept["refresh_token"] == newest.refresh_token
                was_used = any(token_of(entry) == newest.access_token for entry in sandbox.log.list_entries(READ))
                if newest.refresh_token == before:
                    counts["refused"] += 1
                    assert has_newest
                elif has_newest:
                    counts["stored"] += 1
                else:  # it was killed while the answer was on its way
                    counts["marked"] += 1
                    assert kept["renewing_since"], json.dumps(counts)
                assert has_newest or not was_used, "a pair that had arrived is lost"
                shutil.rmtree(home)
    write_report(test="renewals on a small disk", **counts)
    assert min(counts.values()), counts
