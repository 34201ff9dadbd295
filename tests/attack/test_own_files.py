"""What stands oddly in the files of the home is passed over and told by `check`: it stops no tool."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_undo import list_rows
from tests.cli.test_login import run
from tests.keys import call_agreed
from tests.platform.test_tokens import READ, WRITE, bad, done, good, reference
from tests.platform.worker import keys, stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

ODD_LINES = [
    *("null", "7", '"text"', "[]", "{}", '{"id":7}', '{"id":"a"', "\ufffd\x00", "[" * 50_000),
    *('{"id":"b","time":7}', '{"id":"c","time":"yesterday"}', '{"id":"d","time":"2026-11-01T00:00:00"}'),
    *('{"id":"e","operation":[]}', '{"id":"f","outcome":{}}', '{"id":"g","ids":"all"}', '{"id":"h","made":[1]}'),
    *('{"id":"m","job":7}', '{"id":"n","job_name":{}}', '{"id":"o","pictures":"x"}'),
    *('{"id":"i","shop":{"name":"x"}}', '{"id":"j","code":"x"}', '{"id":"k","shop_id":7}', '{"id":"l","account":[]}'),
]
SOON = time.time() + 36_000  # from when this is read in: the tests before it take their time
ODD_RECORDS: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a list": [],
    "a text": "x",
    "no expiry": {"sent": 1, "process": "h/1", "key": "k"},
    "an expiry that is a text": {"until": "soon"},
    "an expiry that is true": {"until": True},
    "an expiry beyond all bounds": {"until": 1e300},
    "fields of wrong types": {
        "until": SOON,
        "until_uptime": "x",
        "until_boot": 7,
        "sent": "then",
        "process": [],
        "key": {},
        "lost": "x",
        "done": [],
        "request_id": 7,
        "operation": None,
    },
    "a moment beyond all bounds": {"until": SOON, "sent": 10**30, "process": f"h/{10**30}", "key": "k"},
}
ODD_PROXIES: dict[str, Any] = {
    "a number": 7,
    "a list": ["x"],
    "an object": {},
    "no proxy": "hidden-words",
    "true": True,
}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


async def findings(home: Path, settings: dict[str, str]) -> dict[str, str]:
    """What `check` finds to be wrong, by its subject."""
    ran = await run(home, "check", "--json", **settings)
    report = json.loads(ran.out)["findings"]
    return {finding["about"]: f"{finding['told']} {finding['advice']}" for finding in report if not finding["well"]}


async def test_odd_lines_of_the_journal_are_passed_over_and_told(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with connect(**settings) as client:
            good(await client.call_tool(WRITE, reference(sandbox, "A-1")))
            assert await findings(home, settings) == {}
            journal = home / "journal.jsonl"
            with journal.open("a", encoding="utf-8") as lines:
                lines.write("\n".join(ODD_LINES) + "\n")
            good(await client.call_tool(WRITE, reference(sandbox, "A-2")))
            changes = good(await client.call_tool("list_changes", {"period": "today"}))["data"]
        assert [row["outcome"] for row in list_rows(changes)] == ["done", "done"]
        printed = await run(home, "journal", **settings)
        assert printed.code == 0
        assert len([line for line in printed.out.splitlines() if not line.startswith(" ")]) == 2
        assert f"{len(ODD_LINES)} lines" in (await findings(home, settings))["journal"]


@pytest.mark.parametrize("how", ODD_RECORDS)
async def test_an_odd_record_stops_no_write_and_is_told(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "asks"}
        async with connect(**settings) as client:
            good(await client.call_tool(READ, {}))
            for name in ("unknown.json", "confirmations.json"):
                (home / name).write_text(json.dumps({"odd": ODD_RECORDS[how]}))
            told = await findings(home, settings)
            good(await client.call_tool(WRITE, reference(sandbox)))
            assert bad(await client.call_tool(WRITE, {**reference(sandbox), "confirm": "odd"}))["error"]
    is_sound = how in ("fields of wrong types", "a moment beyond all bounds")
    assert set(told) == (set() if is_sound else {"unknown writes", "confirmations"}), told
    assert done(sandbox, WRITE) == 1


@pytest.mark.parametrize("how", ODD_RECORDS)
async def test_an_odd_record_of_a_write_stands_for_it_and_not_for_ever(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    """It was made before something was sent: it says so, whatever became of it."""
    arguments = reference(sandbox)
    async with sandbox.serve() as url, connect(**keys(sandbox, url), confirm="none") as client:
        good(await client.call_tool(READ, {}))
        sandbox.faults.add(WRITE, cut="before")
        bad(await client.call_tool(WRITE, arguments))
        path = home / "unknown.json"
        (fingerprint,) = json.loads(path.read_bytes())
        path.write_text(json.dumps({fingerprint: ODD_RECORDS[how]}))
        refused = bad(await client.call_tool(WRITE, arguments))
        assert refused["error"] == "unknown_outcome"
        (record,) = json.loads(path.read_bytes()).values()
        assert time.time() < record["until"] <= time.time() + 600
        good(await client.call_tool(WRITE, {**arguments, "repeat": True}))


@pytest.mark.parametrize("how", ODD_PROXIES)
async def test_a_stored_proxy_that_is_none_stops_its_account_alone_and_is_told(
    connect: Connect, home: Path, how: str
) -> None:
    sandbox = Sandbox(shops=3, orders=20)
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"access_token": "", "refresh_token": "", "confirm": "none"}
        async with connect(**settings) as client:
            for account in (0, 1):
                code = {"auth_code": sandbox.authorization_code(account)}
                good(await call_agreed(client, "exchange_authorization_code", code))
            path = home / "accounts.json"
            contents = json.loads(path.read_bytes())
            ill, sound = contents["accounts"]
            ill["proxy"] = ODD_PROXIES[how]
            path.write_text(json.dumps(contents))
            refused = bad(await client.call_tool(READ, {"shop": ill["shops"][0]["name"]}))
            good(await client.call_tool(READ, {"shop": sound["shops"][0]["name"]}))
            good(await client.call_tool("list_shops", {}))
            good(await client.call_tool("check_connection", {}))
        told = await findings(home, settings)
    assert refused["error"] == "not_configured"
    assert "proxy" in refused["message"]
    assert "hidden-words" not in json.dumps([refused, told])
    assert ill["name"] in told["proxy"]


async def test_an_account_that_can_not_be_understood_is_passed_over_told_and_kept(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with sandbox.serve() as url:
        settings = keys(sandbox, url)
        async with connect(**settings) as client:
            good(await client.call_tool(READ, {}))
            path = home / "accounts.json"
            contents = json.loads(path.read_bytes())
            odd = {"id": ["x"], "access_token": "ROW_secret_in_a_file"}
            path.write_text(json.dumps(contents | {"accounts": [odd, *contents["accounts"]]}))
            good(await client.call_tool(READ, {}))
            sandbox.expire_access_token()
            good(await client.call_tool(READ, {}))
            assert odd in json.loads(path.read_bytes())["accounts"]
        told = await findings(home, settings)
        assert "1 account" in told["store"]
        assert "ROW_secret" not in json.dumps(told)
        path.write_text(json.dumps(contents))
        assert stored(home)
