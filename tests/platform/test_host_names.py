"""Hosts' addresses are looked up without a call waiting for more than its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.errors import RequestError
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_connections import JSON, answer_well, ask, serving
from tests.platform.test_retries import strict
from tests.platform.test_tokens import READ, good
from tests.platform.worker import keys
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Connect

HANGING = "api.hanging.test"


class NameServer:
    """Answers as this computer's own, but not for `HANGING` until it is released; then there is no such name."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.lookups = 0
        self._look_up = socket.getaddrinfo

    def __call__(self, host: Any, *arguments: Any, **more: Any) -> Any:
        if host not in (HANGING, HANGING.encode()):
            return self._look_up(host, *arguments, **more)
        self.lookups += 1
        self.released.wait(4 * PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    yield server
    server.released.set()


@pytest.mark.parametrize("era", ["auto"])
async def test_a_name_server_that_hangs_keeps_no_other_work_waiting_and_no_call_beyond_its_deadline(
    connect: Connect, name_server: NameServer
) -> None:
    sandbox = Sandbox(orders=20)
    async with sandbox.serve() as url:
        ours = keys(sandbox, url)
        async with connect(**ours) as client:
            good(await client.call_tool(READ, {}))
        async with connect(**(ours | {"api_url": f"https://{HANGING}"}), call_timeout_s=1.0) as client:
            reads = [asyncio.create_task(client.call_tool(READ, {})) for _ in range(40)]
            await until(lambda: name_server.lookups)
            async with asyncio.timeout(PATIENCE_S):
                good(await client.call_tool("list_changes", {"period": "today"}))
                told = [strict(await read)["error"] for read in reads]
            assert set(told) <= {"network", "rate_limited"}
    assert name_server.lookups


async def test_who_asks_for_a_name_meanwhile_shares_the_answer(name_server: NameServer) -> None:
    transport = HttpTransport(loopback=True)
    calls = [asyncio.create_task(ask(transport, f"http://{HANGING}:1")) for _ in range(50)]
    await asyncio.sleep(0.3)
    calls.pop().cancel()  # which takes it from nobody else
    async with serving(answer_well) as platform:
        assert await ask(transport, platform.url) == JSON
        assert await ask(transport, platform.url.replace("127.0.0.1", "localhost")) == JSON
    assert not any(call.done() for call in calls)
    name_server.released.set()
    for call in calls:
        with pytest.raises(RequestError, match="its name can't be resolved"):
            await call
    assert name_server.lookups == 1
    await transport.close()
