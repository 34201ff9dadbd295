"""What assistants meet over HTTP: the same server in both eras, for who bears the token and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.protocol.address import make_url
from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.keys import reply
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

TOKEN = "a-token-of-this-test-0123456789"
LIST_TOOLS = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {}}
CONTENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Served:
    """A server that is served over HTTP on a port of this computer."""

    port: int
    sandbox: Sandbox

    @property
    def url(self) -> str:
        return make_url("127.0.0.1", self.port)

    @asynccontextmanager
    async def connect(self, era: str, **more: Any) -> AsyncIterator[Client]:
        async with (
            httpx2.AsyncClient(headers=BEARER, timeout=PATIENCE_S) as http_client,
            Client(streamable_http_client(self.url, http_client=http_client), mode=era, **more) as client,
        ):
            yield client


@asynccontextmanager
async def serve(home: Path, sandbox: Sandbox | None = None, **more: str) -> AsyncIterator[Served]:
    environment = {"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_SANDBOX": "true"}
    sandbox = sandbox or Sandbox(orders=40)
    app = build_app(read_settings(environment | more), sandbox=sandbox, catalog=CATALOG)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with run_web_server(build_http_app(app.build_server(), SharedToken(TOKEN), port), listener):
        yield Served(port, sandbox)


@pytest.fixture
async def served(home: Path) -> AsyncIterator[Served]:
    async with serve(home) as it:
        yield it


# ---- the same server


async def test_tools_and_results_are_those_of_standard_input_and_output(served: Served, era: str, connect: Any) -> None:
    async with served.connect(era) as client:
        tools = await client.list_tools()
        orders = reply(await client.call_tool("get_order_list", {"page_size": 3}))
    assert len(orders["data"]["orders"]) == 3
    async with connect(sandbox=True, confirm="asks", sandbox_object=served.sandbox) as client:
        assert [tool.model_dump() for tool in (await client.list_tools()).tools] == [
            t.model_dump() for t in tools.tools
        ]


async def test_many_assistants_are_served_at_once(served: Served, era: str) -> None:
    async def ask() -> int:
        async with served.connect(era) as client:
            return len(reply(await client.call_tool("get_order_list", {"page_size": 5}))["data"]["orders"])

    assert await asyncio.gather(*(ask() for _ in range(12))) == [5] * 12


async def test_a_write_is_asked_about_in_the_way_that_each_era_has(served: Served, era: str) -> None:
    questions: list[str] = []

    async def agree(_context: Any, params: Any) -> ElicitResult:
        questions.append(params.message)
        await asyncio.sleep(0.4)  # as long as a person takes at least
        return ElicitResult(action="accept", content={"do_it": True})

    product = next(p for p in served.sandbox.accounts[0].shops[0].products.values() if p.status == "ACTIVATE")
    async with served.connect(era, elicitation_callback=agree) as client:
        told = reply(await client.call_tool("delete_products", {"product_ids": [product.id]}))
        if era == "legacy":  # what a client of that era can do is not known where nothing is kept between requests
            assert told["status"] == "confirmation_required"
            assert questions == []
            told = reply(await client.call_tool("confirm_write", {"token": told["confirm"]}))
        else:
            assert product.id in questions[0]
    assert "error" not in told
    assert product.status == "DELETED"


async def test_a_question_is_answered_once_also_after_the_server_was_started_anew(home: Path) -> None:
    async def never(_context: Any, _params: Any) -> ElicitResult:
        raise AssertionError

    sandbox = Sandbox(orders=40)
    product, other = [p for p in sandbox.accounts[0].shops[0].products.values() if p.status == "ACTIVATE"][:2]
    yes = {"confirm": ElicitResult(action="accept", content={"do_it": True})}

    async def call(served: Served, product_id: str, **more: Any) -> Any:
        async with served.connect("auto", elicitation_callback=never) as client:
            arguments = {"product_ids": [product_id], "repeat": True}
            return await client.session.call_tool("delete_products", arguments, allow_input_required=True, **more)

    async with serve(home, sandbox) as served:
        states = [(await call(served, item.id)).request_state for item in (product, other)]
        await asyncio.sleep(0.35)  # as long as a person takes at least
        refused = reply(await call(served, product.id, request_state=states[1], input_responses=yes))
        assert refused["error"] == "declined"
    async with serve(home, sandbox) as served:
        answers = [
            await call(served, item.id, request_state=state, input_responses=yes)
            for item, state in zip((product, product, other), (states[0], *states), strict=True)
        ]
    assert [answer.is_error for answer in answers] == [False, True, True]
    assert {reply(answer)["error"] for answer in answers[1:]} == {"declined"}
    assert (product.status, other.status) == ("DELETED", "ACTIVATE")


# ---- who is let in


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer é".encode("latin-1")},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "OPTIONS"])
async def test_nobody_is_answered_without_the_token(served: Served, method: str, headers: Any) -> None:
    async with httpx2.AsyncClient() as client:
        response = await client.request(method, served.url, headers=CONTENT | headers, content=json.dumps(LIST_TOOLS))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert TOKEN not in response.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "shop.example"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Origin": "https://shop.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_host_gets_nothing_even_with_the_token(
    served: Served, headers: dict[str, str], status: int
) -> None:
    async with httpx2.AsyncClient(headers=CONTENT | BEARER) as client:
        response = await client.post(served.url, headers=headers, json=LIST_TOOLS)
        assert response.status_code == status
        own = await client.post(served.url, headers={"Origin": f"http://localhost:{served.port}"}, json=LIST_TOOLS)
        assert own.status_code == 200


async def test_health_is_told_to_all_and_says_nothing_else(served: Served) -> None:
    async with httpx2.AsyncClient() as client:
        response = await client.get(f"http://127.0.0.1:{served.port}/healthz")
        elsewhere = await client.get(f"http://127.0.0.1:{served.port}/metrics", headers=BEARER)
    assert set(response.json()) == {"status", "version"}
    assert elsewhere.status_code == 404


# ---- what is no message


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "Batches"),
        (json.dumps([LIST_TOOLS, LIST_TOOLS]).encode(), "Batches"),
        (b'"tools/list"', "object"),
        (b'{"jsonrpc": "1.0", "id": 7, "method": "tools/list"}', "2.0"),
        (b'{"jsonrpc": "2.0", "id": null, "method": "tools/list"}', "`id`"),
        (b'{"jsonrpc": "2.0", "id": 7, "method": 4}', "`method`"),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": []}', "`params`"),
        (b"[" * 100_000, ""),
    ],
)
async def test_what_is_no_message_is_refused_in_words(served: Served, content: bytes, word: str) -> None:
    async with httpx2.AsyncClient(headers=CONTENT | BEARER) as client:
        response = await client.post(served.url, content=content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert word in error["message"]
    assert "validation error" not in error["message"].lower()


async def test_what_is_too_long_is_not_read(served: Served) -> None:
    async def send_parts() -> AsyncIterator[bytes]:
        yield b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "'
        for _ in range(80):
            yield b"x" * 2**16

    async with httpx2.AsyncClient(headers=CONTENT | BEARER) as client:
        response = await client.post(served.url, content=send_parts())
    assert response.status_code == 413
    assert "MiB" in response.json()["error"]["message"]


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("DELETE", 405), ("PUT", 405)])
async def test_other_methods_are_refused_and_no_stream_stays_open(served: Served, method: str, status: int) -> None:
    async with httpx2.AsyncClient(headers=CONTENT | BEARER, timeout=PATIENCE_S) as client:
        assert (await client.request(method, served.url)).status_code == status


# ---- the command


@contextmanager
def run_server(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("TIKTOK_SHOP_")}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "mcp_server_tiktok_shop", "--sandbox", "serve", "--http", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"TIKTOK_SHOP_HOME": str(home)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def read_until_ready(process: subprocess.Popen[str]) -> str:
    """What standard error says up to where the token lies."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if "The token lies in" in line:
            return "".join(lines)
    pytest.fail("".join(lines))


def test_the_first_start_makes_a_token_and_prints_a_block_that_works(home: Path) -> None:
    with run_server(home) as process:
        words = read_until_ready(process)
        process.send_signal(signal.SIGTERM)
        block = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    (entry,) = block["mcpServers"].values()
    assert entry["url"] in words
    token = entry["headers"]["Authorization"].removeprefix("Bearer ")
    token_path = home / "sandbox" / "http-token.txt"
    assert token_path.read_text() == token
    assert stat.S_IMODE(token_path.stat().st_mode) == 0o600
    assert token not in words

    with run_server(home) as process:
        words = read_until_ready(process)
        (url,) = re.findall(r"http://\S+/mcp", words)
        response = httpx2.post(url, headers=CONTENT | {"Authorization": f"Bearer {token}"}, json=LIST_TOOLS)
        assert response.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=PATIENCE_S)[0] == ""  # a log that is kept somewhere does not get it

    with run_server(home, "--new-token") as process:
        words = read_until_ready(process)
        (url,) = re.findall(r"http://\S+/mcp", words)
        response = httpx2.post(url, headers=CONTENT | {"Authorization": f"Bearer {token}"}, json=LIST_TOOLS)
        assert response.status_code == 401


def test_a_port_that_is_taken_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with run_server(home, "--port", port) as process:
            words = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 2
    assert f"Port {port} can't be served" in words
    assert "Traceback" not in words


def test_calls_under_way_end_before_the_process_does(home: Path) -> None:
    with run_server(home) as process:
        (url,) = re.findall(r"http://\S+/mcp", read_until_ready(process))
        token = (home / "sandbox" / "http-token.txt").read_text()
        call = LIST_TOOLS | {"method": "tools/call", "params": {"name": "get_worklist", "arguments": {}}}
        with (
            httpx2.Client(headers=CONTENT | {"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as client,
            client.stream("POST", url, json=call) as response,
        ):
            process.send_signal(signal.SIGTERM)
            assert response.status_code == 200
            assert '\\"data\\"' in response.read().decode()
        process.wait(timeout=PATIENCE_S)
