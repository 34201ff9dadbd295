"""A server that can't start says why to the client that started it, and not on a log alone that nobody opens."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client, MCPError, StdioServerParameters

from tests.keys import APP_SECRET
from tests.protocol.test_server import INITIALIZE, MODERN, environment, process
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

WRONG_STARTS: list[tuple[list[str], dict[str, str], str]] = [
    (["--confirm", "maybe"], {}, "--confirm is not one of asks, all, none, person"),
    (["--sandbox"], {"toolsets": "nope"}, "nope is not a toolset"),
    (["--sandbox"], {"redonly": "1"}, "TIKTOK_SHOP_REDONLY is not a setting"),
    ([], {"app_secret_file": "/no/such/file"}, "TIKTOK_SHOP_APP_SECRET_FILE"),
    (["--sandbx"], {}, "--sandbx"),
    (["--shop"], {}, "--shop"),
    (["start"], {}, "start"),
]


@pytest.mark.parametrize(("arguments", "settings", "sentence"), WRONG_STARTS)
async def test_the_first_request_is_answered_with_the_sentence(
    home: Path, arguments: list[str], settings: dict[str, str], sentence: str
) -> None:
    async with process(home, *arguments, **settings) as server:
        answer = await server.ask("initialize", INITIALIZE)
        assert answer["jsonrpc"] == "2.0"
        assert sentence in answer["error"]["message"]
        assert answer["error"]["code"] == -32603
        assert await asyncio.wait_for(server.process.wait(), PATIENCE_S) == 2  # though standard input stays open
        log = await server.errors()
        assert answer["error"]["message"] in log
        assert "Traceback" not in log


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_shows_the_sentence(home: Path, mode: Any) -> None:
    command = ["-m", "mcp_server_tiktok_shop", "--confirm", "maybe"]
    server = StdioServerParameters(command=sys.executable, args=command, env=environment(home))
    refusal = pytest.RaisesExc(MCPError, match="--confirm is not one of")
    with pytest.RaisesGroup(refusal, flatten_subgroups=True):
        async with Client(server, mode=mode):
            pass


async def test_a_client_that_looks_first_is_told_at_both_requests(home: Path) -> None:
    async with process(home, "--confirm", "maybe") as server:
        await server.send("notifications/cancelled", {"requestId": 0}, notify=True)
        looked = await server.ask("server/discover", MODERN)
        await asyncio.sleep(0.1)
        opened = await server.ask("initialize", INITIALIZE)
        assert looked["error"] == opened["error"]
        assert await asyncio.wait_for(server.process.wait(), PATIENCE_S) == 2


async def test_a_client_that_only_looks_is_not_waited_for(home: Path) -> None:
    async with process(home, "--confirm", "maybe") as server:
        await server.ask("server/discover", MODERN)
        assert await asyncio.wait_for(server.process.wait(), PATIENCE_S) == 2


@pytest.mark.parametrize("before", [b"", b"nonsense\n[]\n{}\n\xff\n", b'{"method": "x"}'])
async def test_the_process_ends_with_a_client_that_asks_nothing(home: Path, before: bytes) -> None:
    async with process(home, "--confirm", "maybe") as server:
        assert server.process.stdin is not None
        server.process.stdin.write(before)
        await server.end()
        assert server.process.returncode == 2
        assert server.lines == []
        assert "--confirm" in await server.errors()


@pytest.mark.parametrize("arguments", [["tools"], ["call", "list_shops"], ["check"]])
@pytest.mark.parametrize("wrong", [["--confirm", "maybe"], ["--sandbx"]])
async def test_a_persons_command_waits_for_no_client(home: Path, wrong: list[str], arguments: list[str]) -> None:
    async with process(home, *wrong, *arguments) as command:
        assert await asyncio.wait_for(command.process.wait(), PATIENCE_S) == 2  # standard input stays open
        assert command.process.stdout is not None
        assert await command.process.stdout.read() == b""


@pytest.mark.parametrize("flag", [["--app-secret", APP_SECRET], [f"--app-secret={APP_SECRET}"]])
async def test_a_secret_in_the_wrong_place_is_not_told(home: Path, flag: list[str]) -> None:
    async with process(home, *flag) as server:
        answer = await server.ask("initialize", INITIALIZE)
        assert "--app-secret" in answer["error"]["message"]
        assert APP_SECRET not in json.dumps(answer)
        await server.process.wait()
        assert APP_SECRET not in await server.errors()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind here")
async def test_a_person_at_a_terminal_gets_the_prompt_back(home: Path) -> None:
    terminal, end = os.openpty()
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "mcp_server_tiktok_shop", "--confirm", "maybe"),
        stdin=end,
        stderr=asyncio.subprocess.PIPE,
        env=environment(home),
    )
    _, log = await asyncio.wait_for(started.communicate(), PATIENCE_S)
    os.close(terminal)
    os.close(end)
    assert started.returncode == 2
    assert b"--confirm" in log
