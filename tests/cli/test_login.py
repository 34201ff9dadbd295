"""From nothing to a working server: `login` in a terminal, and the same inside a chat."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import stat
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_tokens import bad, good
from tests.platform.worker import INHERITED, ROOT, all_stored, environment, started
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Connect

EXCHANGE = "exchange_authorization_code"
READ = "get_warehouse_list"
SERVICE = "7123456789012345678"
PROMPT = "or the code"
LINK = re.compile(r"^ *(http\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and all that it showed."""

    code: int
    out: str
    err: str

    @property
    def shown(self) -> str:
        return self.out + self.err


@dataclass
class Dialogue:
    """A command in a process of its own, without a terminal: what it asks is answered through a pipe."""

    process: asyncio.subprocess.Process
    said: str = ""

    async def asked(self, words: str) -> str:
        """All it has said once these words were among it."""
        assert self.process.stdout is not None
        while words not in self.said:
            chunk = await asyncio.wait_for(self.process.stdout.read(4096), PATIENCE_S)
            assert chunk, f"it ended without {words!r}: {await self.ended()}"
            self.said += chunk.decode()
        return self.said

    def answer(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())

    async def ended(self) -> Ran:
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        assert self.process.returncode is not None
        return Ran(self.process.returncode, self.said + out.decode(), err.decode())


async def begun(home: Path, *arguments: str, **settings: str) -> Dialogue:
    """Start the command with these settings and no others."""
    return await python(home, settings, "-m", "mcp_server_tiktok_shop", *arguments)


async def python(home: Path, settings: dict[str, str], *arguments: str) -> Dialogue:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env=inherited | {"PYTHONUTF8": "1"} | environment(home, settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # without a terminal: getpass would ask at the developer's
    )
    return Dialogue(process)


async def run(home: Path, *arguments: str, typed: str | bytes = "", **settings: str) -> Ran:
    """The command from its start to its end inside this process, with all that is typed given at once."""
    ours = {name: None for name in os.environ if name.upper().startswith("TIKTOK_SHOP_")}
    return await asyncio.to_thread(_invoked, arguments, typed, ours | environment(home, settings))


ONE_AT_A_TIME = threading.Lock()  # a command takes the standard streams


def _invoked(arguments: tuple[str, ...], typed: str | bytes, given: dict[str, str | None]) -> Ran:
    with ONE_AT_A_TIME, logging_kept():
        done = CliRunner().invoke(main, arguments, typed, given, prog_name="mcp-server-tiktok-shop")
    fault = done.exception if not isinstance(done.exception, SystemExit) else None
    told = "".join(traceback.format_exception(fault)) if fault is not None else ""
    return Ran(done.exit_code, done.stdout, done.stderr + told)


@contextmanager
def logging_kept() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def hosts(url: str) -> dict[str, str]:
    return {"api_url": url, "auth_url": url}


def app(sandbox: Sandbox, url: str) -> dict[str, str]:
    """Everything `login` would ask for but the code."""
    given = {"app_key": sandbox.app_key, "app_secret": sandbox.app_secret}
    return hosts(url) | given | {"service_id": SERVICE, "region": "us"}


async def consented(link: str, choice: str = "Authorize", seller: str = "") -> str:
    """The address that the seller is sent to after a choice on the consent page."""
    import httpx2

    async with httpx2.AsyncClient(trust_env=False) as browser:
        page = (await browser.get(link)).raise_for_status().text
    ways = re.findall(r'<a href="([^"]+)">(\w+)</a>\s*([^<]*)', page)
    return next(unescape(way) for way, label, who in ways if label == choice and who.startswith(seller))


def secrets_of(sandbox: Sandbox) -> set[str]:
    """What must not be shown as things stand: take it before and after what makes new ones."""
    secrets = {sandbox.app_secret}
    for account in sandbox.accounts:
        secrets |= {account.access_token, account.refresh_token, *(shop.cipher for shop in account.shops)}
    return secrets


def plain(ran: Ran, *secrets: str) -> None:
    """A person can read it: no traceback, no secret."""
    assert "Traceback" not in ran.shown, ran.shown
    for secret in secrets:
        assert secret not in ran.shown


def refused(ran: Ran, *words: str) -> str:
    plain(ran)
    assert ran.code == 1, ran.shown
    (told,) = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    for word in words:
        assert word.casefold() in told.casefold(), told
    return told


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def kept_aside(home: Path) -> Path:
    (aside,) = home.glob("accounts.*.json")
    return aside


def modes(home: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in (home, *sorted(home.glob("*.json")))]


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=20)


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


# ---- in a terminal


async def test_a_seller_gets_from_nothing_to_a_working_server(sandbox: Sandbox, url: str, home: Path) -> None:
    login = await begun(home, "login", log_level="debug", **hosts(url))
    await login.asked("App key")
    for text in (sandbox.app_key, sandbox.app_secret, SERVICE, "us"):
        login.answer(text)
    (link,) = LINK.findall(await login.asked(PROMPT))
    assert link.startswith(f"{url}/open/authorize?")
    query = parse_qs(urlsplit(link).query)
    assert query["service_id"] == [SERVICE]
    assert len(query["state"][0]) >= 16
    back = await consented(link, seller=sandbox.accounts[0].name)
    (code,) = parse_qs(urlsplit(back).query)["code"]
    login.answer(back)
    ran = await login.ended()

    assert ran.code == 0, ran.shown
    plain(ran, code, *secrets_of(sandbox))
    for text in (sandbox.accounts[0].name, "Sandbox Tea House", "Sandbox Tea House DE", sandbox.state.main.id):
        assert text in ran.out
    (account,) = all_stored(home)
    assert account["access_token"] == sandbox.accounts[0].access_token
    assert account["refresh_token"] == sandbox.accounts[0].refresh_token
    assert [shop["cipher"] for shop in account["shops"]] == [shop.cipher for shop in sandbox.accounts[0].shops]
    if os.name != "nt":
        assert modes(home) == [0o700, 0o600, 0o600]

    async with started(home, hosts(url), "auto") as client:  # a configuration that holds no key and no secret
        told = good(await client.call_tool("get_order_list", {"shop": "GB"}))
        assert told["data"]["orders"]
        assert len(good(await client.call_tool("list_shops", {}))["data"]["shops"]) == 2


async def test_a_bare_code_is_enough_and_a_link_has_a_state_of_its_own(sandbox: Sandbox, url: str, home: Path) -> None:
    given = app(sandbox, url)
    states = []
    for account in (0, 1):
        ran = await run(home, "login", typed=f"  {sandbox.authorization_code(account)} \n", **given)
        assert ran.code == 0, ran.shown
        assert "App key" not in ran.out
        states += parse_qs(urlsplit(LINK.findall(ran.out)[0]).query)["state"]
    assert len(set(states)) == 2
    # The second account stands beside the first.
    assert [account["access_token"] for account in all_stored(home)] == [a.access_token for a in sandbox.accounts]
    assert json.loads((home / "accounts.json").read_bytes())["app"] == {
        "key": sandbox.app_key,
        "secret": sandbox.app_secret,
        "service_id": SERVICE,
        "region": "us",
    }


async def test_signing_in_anew_updates_the_shops_of_that_account_only(sandbox: Sandbox, url: str, home: Path) -> None:
    for account in (0, 1):
        code = sandbox.authorization_code(account)
        assert (await run(home, "login", typed=f"{code}\n", **app(sandbox, url))).code == 0
    for shop in sandbox.state.shops:
        shop.name = f"{shop.name} renamed"
    sandbox.log.clear()
    # Nothing is asked for but the code: the app is in the store.
    ran = await run(home, "login", typed=f"{sandbox.authorization_code(0)}\n", **hosts(url))
    assert ran.code == 0, ran.shown
    kept = {a["name"]: a for a in all_stored(home)}
    assert len(kept) == 2
    first, second = (kept[account.name] for account in sandbox.accounts)
    assert [shop["name"] for shop in first["shops"]] == ["Sandbox Tea House renamed", "Sandbox Tea House DE renamed"]
    assert [shop["name"] for shop in second["shops"]] == ["Sandbox Tea Company"]
    assert first["access_token"] == sandbox.accounts[0].access_token
    assert second["access_token"] == sandbox.accounts[1].access_token
    assert {e.headers.get("x-tts-access-token") for e in sandbox.log} <= {None, sandbox.accounts[0].access_token}


async def test_an_address_with_a_wrong_state_is_refused_and_spends_nothing(
    sandbox: Sandbox, url: str, home: Path
) -> None:
    code = sandbox.authorization_code()
    pasted = f"{url}/callback?code={code}&state=of-somebody-else"
    ran = await run(home, "login", typed=f"{pasted}\n", **app(sandbox, url))
    assert code not in refused(ran, "state")
    assert not (home / "accounts.json").exists()
    assert sandbox.log.list_entries(EXCHANGE) == []
    assert (await run(home, "login", typed=f"{code}\n", **app(sandbox, url))).code == 0


async def test_a_declined_consent_is_explained(sandbox: Sandbox, url: str, home: Path) -> None:
    login = await begun(home, "login", **app(sandbox, url))
    (link,) = LINK.findall(await login.asked(PROMPT))
    back = await consented(link, "Decline")
    assert "error=auth_denied" in back
    login.answer(back)
    refused(await login.ended(), "did not agree", "nothing was stored")
    assert not (home / "accounts.json").exists()
    assert sandbox.log.list_entries(EXCHANGE) == []


async def test_a_code_that_was_used_is_explained(sandbox: Sandbox, url: str, home: Path) -> None:
    code = sandbox.authorization_code()
    sandbox.tokens.exchange(code)
    ran = await run(home, "login", typed=f"{code}\n", **app(sandbox, url))
    assert code not in refused(ran, "code", "30 minutes", "once")
    assert not (home / "accounts.json").exists()
    assert len(sandbox.log.list_entries(EXCHANGE)) == 1  # never sent twice: it may have been spent


async def test_a_wrong_secret_is_told_and_not_kept(sandbox: Sandbox, url: str, home: Path) -> None:
    code, wrong = sandbox.authorization_code(), "0123456789abcdef-wrong"
    typed = f"{sandbox.app_key}\n{wrong}\n{SERVICE}\nrow\n{code}\n"
    ran = await run(home, "login", typed=typed, **hosts(url))
    refused(ran, "app_secret")
    plain(ran, wrong)
    assert code not in ran.err
    assert not (home / "accounts.json").exists()


async def test_a_missing_scope_is_named(sandbox: Sandbox, url: str, home: Path) -> None:
    sandbox.accounts[0].granted_scopes.clear()
    ran = await run(home, "login", typed=f"{sandbox.authorization_code()}\n", **app(sandbox, url))
    refused(ran, "seller.authorization.info", "again")
    plain(ran, *secrets_of(sandbox))


async def test_a_dead_auth_host_leaves_the_code_unused(sandbox: Sandbox, url: str, home: Path) -> None:
    code = sandbox.authorization_code()
    ran = await run(home, "login", typed=f"{code}\n", **(app(sandbox, url) | {"auth_url": nowhere()}))
    refused(ran, "not reached", "unused")
    plain(ran, sandbox.app_secret)
    assert code not in ran.err
    assert not (home / "accounts.json").exists()


@pytest.mark.parametrize("content", [b'{"version": 1, "accounts": [{"id', b'{"version": 9, "accounts": []}'])
async def test_an_unreadable_store_is_kept_aside_and_reported(
    sandbox: Sandbox, url: str, home: Path, content: bytes
) -> None:
    put(home / "accounts.json", content)
    ran = await run(home, "login", typed=f"{sandbox.authorization_code()}\n", **app(sandbox, url))
    assert ran.code == 0, ran.shown
    assert len(all_stored(home)) == 1
    aside = kept_aside(home)
    assert aside.read_bytes() == content
    assert str(aside) in ran.err


@pytest.mark.parametrize("content", [b"[]", b'{"a-state": "soon"}'])
async def test_spoilt_notes_of_links_keep_nobody_from_signing_in(
    sandbox: Sandbox, url: str, home: Path, content: bytes
) -> None:
    put(home / "sign-ins.json", content)
    ran = await run(home, "login", typed=f"{sandbox.authorization_code()}\n", **app(sandbox, url))
    plain(ran)
    assert ran.code == 0, ran.shown


async def test_a_home_that_is_no_folder_is_a_plain_error(sandbox: Sandbox, url: str, home: Path) -> None:
    put(home, b"not a folder")
    code = sandbox.authorization_code()
    refused(await run(home, "login", typed=f"{code}\n", **app(sandbox, url)), str(home))
    assert sandbox.log.list_entries(EXCHANGE) == []


async def test_whoever_gives_up_halfway_has_changed_nothing(sandbox: Sandbox, url: str, home: Path) -> None:
    ran = await run(home, "login", typed=f"{sandbox.app_key}\n{sandbox.app_secret}\n", **hosts(url))
    assert ran.code == 1
    plain(ran, sandbox.app_secret)
    assert ran.out.startswith("This asks for what is not set yet"), (
        "before the first question stands what is checked, and when"
    )
    assert "Not signed in, and nothing was stored" in ran.shown
    assert not (home / "accounts.json").exists()
    assert sandbox.log == []


TERMINAL = """
import os, runpy, sys
os.open(sys.argv.pop(1), os.O_RDWR)  # the first terminal that a session opens becomes its own
runpy.run_module("mcp_server_tiktok_shop", run_name="__main__", alter_sys=True)
"""


@dataclass
class Screen:
    """What a terminal shows, read as it comes."""

    number: int
    shown: str = ""
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self) -> None:
        self.shown += os.read(self.number, 4096).decode()
        self.more.set()

    async def shows(self, words: str) -> None:
        while words not in self.shown:
            await asyncio.wait_for(self.more.wait(), PATIENCE_S)
            self.more.clear()

    def type(self, text: str) -> None:
        os.write(self.number, f"{text}\n".encode())


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
async def test_the_secret_is_typed_without_echo(sandbox: Sandbox, url: str, home: Path) -> None:
    import termios

    near, far = os.openpty()
    screen = Screen(near)
    loop = asyncio.get_running_loop()
    loop.add_reader(near, screen.read)
    try:
        login = await python(home, hosts(url), "-c", TERMINAL, os.ttyname(far), "login")
        login.answer(sandbox.app_key)
        await screen.shows("App secret")
        # Echo is off once the prompt stands; what was typed before is dropped.
        await until(lambda: not termios.tcgetattr(far)[3] & termios.ECHO)
        screen.type(sandbox.app_secret)
        for text in (SERVICE, "us", sandbox.authorization_code()):
            login.answer(text)
        ran = await login.ended()
    finally:
        loop.remove_reader(near)
        os.close(near)
        os.close(far)
    assert ran.code == 0, ran.shown
    plain(ran, sandbox.app_secret)
    assert sandbox.app_secret not in screen.shown
    assert json.loads((home / "accounts.json").read_bytes())["app"]["secret"] == sandbox.app_secret


# ---- inside a chat


def unsigned(sandbox: Sandbox, url: str) -> dict[str, str]:
    return app(sandbox, url) | {"access_token": "", "refresh_token": ""}


async def test_a_chat_signs_in_with_the_whole_address(connect: Connect, sandbox: Sandbox, url: str) -> None:
    texts = []
    async with connect(**unsigned(sandbox, url)) as client:
        assert bad(await client.call_tool(READ, {}))["error"] == "signed_out"
        link = good(await client.call_tool("get_authorization_url", {}))["data"]["url"]
        back = await consented(link, seller=sandbox.accounts[0].name)
        result = await client.call_tool(EXCHANGE, {"auth_code": back})
        told = good(result)["data"]
        texts.append(str(reply(result)))
        assert told["seller"] == sandbox.accounts[0].name
        assert [shop["region"] for shop in told["shops"]] == ["GB", "DE"]
        good(await client.call_tool(READ, {"shop": "DE"}))
        again = await client.call_tool(EXCHANGE, {"auth_code": back})
        assert bad(again)["code"] == 36004004
        texts.append(str(reply(again)))
    (code,) = parse_qs(urlsplit(back).query)["code"]
    for text in texts:
        for secret in (code, *secrets_of(sandbox)):
            assert secret not in text


async def test_what_was_pasted_hides_nothing_but_what_is_secret_in_it(
    connect: Connect, sandbox: Sandbox, url: str
) -> None:
    """The address of a redirect page begins like any other; only the code and state in it are secret."""
    async with connect(**unsigned(sandbox, url)) as client:
        link = good(await client.call_tool("get_authorization_url", {}))["data"]["url"]
        good(await client.call_tool(EXCHANGE, {"auth_code": await consented(link)}))
        told = good(await client.call_tool("check_connection", {}))["data"]
    assert told["platform"]["url"] == url


async def test_a_chat_explains_a_code_that_expired(connect: Connect, sandbox: Sandbox, url: str) -> None:
    code = sandbox.authorization_code()
    sandbox.clock_skew = 1801
    async with connect(**unsigned(sandbox, url)) as client:
        told = bad(await client.call_tool(EXCHANGE, {"auth_code": code}))
    assert (told["error"], told["code"]) == ("signed_out", 36004004)
    assert "30 minutes" in told["hint"]
    assert code not in str(told)
    assert len(sandbox.log.list_entries(EXCHANGE)) == 1


def strange(back: str) -> str:
    return re.sub(r"state=[^&]*", "state=of-somebody-else", back)


async def declined(link: str) -> str:
    return await consented(link, "Decline")


async def misled(link: str) -> str:
    return strange(await consented(link))


@pytest.mark.parametrize(("answer", "kind"), [(declined, "declined"), (misled, "invalid_arguments")])
async def test_a_chat_refuses_what_is_no_consent_and_spends_nothing(
    connect: Connect, sandbox: Sandbox, url: str, home: Path, answer: Callable[[str], Any], kind: str
) -> None:
    async with connect(**unsigned(sandbox, url)) as client:
        link = good(await client.call_tool("get_authorization_url", {}))["data"]["url"]
        told = bad(await client.call_tool(EXCHANGE, {"auth_code": await answer(link)}))
        assert told["error"] == kind
        assert told["hint"]
        assert sandbox.log.list_entries(EXCHANGE) == []
        assert not (home / "accounts.json").exists()
        good(await client.call_tool(EXCHANGE, {"auth_code": await consented(link)}))
