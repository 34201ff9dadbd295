"""A client may look before it settles on an era of the protocol, in any order, at a fast start and at a slow one."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest, RequestParams

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.protocol.eras import serve_connection
from mcp_server_tiktok_shop.settings import read_settings
from tests.protocol.test_server import INITIALIZE, MODERN, Process, process
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

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


class Pipe:
    """A connection without a process: the same requests, through the same loops."""

    def __init__(
        self, requests: MemoryObjectSendStream[Any], answers: MemoryObjectReceiveStream[SessionMessage]
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._id = 0

    async def send(self, method: str, params: Mapping[str, Any] | None) -> int:
        self._id += 1
        message = JSONRPCRequest(jsonrpc="2.0", id=self._id, method=method, params=dict(params or {}))
        await self._requests.send(SessionMessage(message))
        return self._id

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return (await self._answers.receive()).message.model_dump(by_alias=True, exclude_none=True)

    async def ask(self, method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
        wanted = await self.send(method, params)
        answer = await self.answer()
        assert answer["id"] == wanted
        return answer


@asynccontextmanager
async def connection(home: Path, discover: Any = None) -> AsyncIterator[Pipe]:
    server = build_app(read_settings({"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_SANDBOX": "1"})).build_server()
    if discover is not None:
        server.add_request_handler("server/discover", RequestParams, discover)
    requests, incoming = anyio.create_memory_object_stream[Any](8)
    outgoing, answers = anyio.create_memory_object_stream[SessionMessage](8)
    async with anyio.create_task_group() as tasks, requests, answers, server.lifespan(server) as state:
        options = server.create_initialization_options()
        tasks.start_soon(
            partial(serve_connection, server, incoming, outgoing, lifespan_state=state, init_options=options)
        )
        yield Pipe(requests, answers)
        requests.close()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", LATER_VERSION),
        ("server/discover", LATER_VERSION),
        ("server/discover", {}),
        ("no/such/method", MODERN),
        ("tools/call", {"name": 7} | MODERN),
        ("ping", {}),
        ("tools/list", {}),
        ("initialize", {"protocolVersion": 7}),
    ],
)
@pytest.mark.parametrize("then", [("initialize", INITIALIZE), ("tools/list", MODERN)])
async def test_what_did_not_work_settles_nothing(
    home: Path, method: str, params: dict[str, Any], then: tuple[str, dict[str, Any]]
) -> None:
    async with connection(home) as pipe:
        assert "error" in await pipe.ask(method, params) or method == "ping"
        assert "result" in await pipe.ask(*then)


async def test_the_handshake_does_not_wait_for_a_look_that_is_under_way(home: Path) -> None:
    done = asyncio.Event()

    async def discover_slowly(_context: Any, _params: Any) -> dict[str, Any]:
        await done.wait()
        return {"supportedVersions": ["2026-07-28"], "capabilities": {}, "resultType": "complete", "ttlMs": 0} | {
            "cacheScope": "private"
        }

    async with connection(home, discover_slowly) as pipe:
        looked = await pipe.send("server/discover", MODERN)
        assert (await pipe.ask("initialize", INITIALIZE))["result"]["protocolVersion"] == "2025-11-25"
        done.set()
        late = await pipe.answer()
        assert late["id"] == looked
        assert late["result"]["supportedVersions"]
        assert (await pipe.ask("tools/list", {}))["result"]["tools"]
        assert (await pipe.ask("tools/list", MODERN))["error"]["code"] == -32600


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
