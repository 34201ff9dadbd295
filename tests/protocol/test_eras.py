"""A client may look before it settles on an era of the protocol, in any order, whether the server starts fast or slow."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.protocol.test_server import INITIALIZE, MODERN, Process, process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LATER_VERSION = {"_meta": MODERN["_meta"] | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}}
HANDSHAKE = (("initialize", INITIALIZE),)
PROBE = (("server/discover", MODERN),)
LIST_SHOPS = {"name": "list_shops", "arguments": {}}


async def ask_all(server: Process, requests: tuple[tuple[str, Mapping[str, Any]], ...], *, slow: bool) -> list[Any]:
    """What is answered, in the order of the requests; `slow` sends all before the server has read any."""
    if not slow:
        return [await server.ask(method, params) for method, params in requests]
    os.kill(server.process.pid, signal.SIGSTOP)
    ids = [await server.send(method, params) for method, params in requests]
    await asyncio.sleep(0.3)
    os.kill(server.process.pid, signal.SIGCONT)
    answers = [await server.answer() for _ in requests]
    return sorted(answers, key=lambda answer: ids.index(answer["id"]))


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
async def test_a_client_that_only_looked_can_still_shake_hands(home: Path, slow: bool) -> None:
    async with process(home, "--sandbox") as server:
        looked, opened = await ask_all(server, PROBE + HANDSHAKE, slow=slow)
        assert "2026-07-28" in looked["result"]["supportedVersions"]
        assert opened["result"]["protocolVersion"] == "2025-11-25"
        await server.send("notifications/initialized", notify=True)
        assert (await server.ask("tools/list"))["result"]["tools"]
        assert (await server.call("list_shops"))["data"]["shops"]
        await server.end()
        assert server.process.returncode == 0


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
async def test_a_client_that_shook_hands_stays_in_its_era_though_it_looks(home: Path, slow: bool) -> None:
    async with process(home, "--sandbox") as server:
        opened, looked = await ask_all(server, HANDSHAKE + PROBE, slow=slow)
        assert opened["result"]["protocolVersion"] == "2025-11-25"
        assert looked["error"]["code"] == -32600
        assert (await server.call("list_shops"))["data"]["shops"]
        await server.end()


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
@pytest.mark.parametrize("looks", [0, 1, 3])
async def test_a_call_of_the_later_era_works_at_once_and_settles_it(home: Path, slow: bool, looks: int) -> None:
    async with process(home, "--sandbox") as server:
        *looked, called = await ask_all(server, PROBE * looks + (("tools/call", LIST_SHOPS | MODERN),), slow=slow)
        assert all("2026-07-28" in answer["result"]["supportedVersions"] for answer in looked)
        assert not called["result"].get("isError")
        refused = await server.ask("initialize", INITIALIZE)
        assert refused["error"]["code"] == -32022
        assert (await server.ask("tools/list", MODERN))["result"]["tools"]
        assert (await server.ask("server/discover", MODERN))["result"]
        await server.end()


async def test_a_client_that_gave_up_on_its_look_can_shake_hands(home: Path) -> None:
    """The look is taken back, and `initialize` and what follows on it come in one piece."""
    async with process(home, "--sandbox") as server:
        looked = await server.send("server/discover", MODERN)
        await server.send("notifications/cancelled", {"requestId": looked, "reason": "took too long"}, notify=True)
        opened = await server.send("initialize", INITIALIZE)
        await server.send("notifications/initialized", notify=True)
        listed = await server.send("tools/list")
        answers: dict[int, dict[str, Any]] = {}
        while listed not in answers:
            answer = await server.answer()
            answers[answer["id"]] = answer
        assert answers[opened]["result"]["protocolVersion"] == "2025-11-25"
        assert answers[listed]["result"]["tools"]
        await server.end()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", LATER_VERSION),
        ("server/discover", LATER_VERSION),
        ("no/such/method", MODERN),
        ("tools/call", {"name": 7} | MODERN),
        ("ping", {}),
        ("tools/list", {}),
        ("initialize", {"protocolVersion": 7}),
    ],
)
async def test_what_was_refused_settles_nothing(home: Path, method: str, params: dict[str, Any]) -> None:
    for then in (HANDSHAKE, (("tools/list", MODERN),)):
        async with process(home, "--sandbox") as server:
            first, second = await ask_all(server, ((method, params), *then), slow=False)
            assert "error" in first or method == "ping"
            assert "result" in second, second
            await server.end()


async def test_every_call_at_once_is_answered_in_the_later_era(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        requests = (("tools/call", {"name": "get_warehouse_list", "arguments": {}} | MODERN),) * 16
        answers = await ask_all(server, PROBE + requests, slow=True)
        assert all(not answer["result"].get("isError") for answer in answers)
        await server.end()


@pytest.mark.parametrize("requests", [(), PROBE], ids=["silent", "looked"])
async def test_the_process_ends_with_a_client_that_settled_on_nothing(home: Path, requests: Any) -> None:
    async with process(home, "--sandbox") as server:
        await ask_all(server, requests, slow=False)
        await server.end()
        assert server.process.returncode == 0
        assert "Traceback" not in await server.errors()
