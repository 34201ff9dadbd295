"""The process ends within five seconds of its client, whatever is under way; only a token pair is stored first."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.protocol.client_exit import EXIT_TIMEOUT_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET
from tests.platform.worker import keys, stored
from tests.protocol.test_server import MODERN, process
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEYS = {"app_key": APP_KEY, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN}
WRITE = {"product_id": "17", "skus": [{"id": "1", "inventory": [{"warehouse_id": "2", "quantity": 3}]}]}
CALLS = {
    "a read": ("get_order_detail", {"ids": ["1"]}),
    "a write": ("update_inventory", WRITE),
    "many pages": ("get_order_list", {"pages": "all"}),
    "a report": ("get_report", {"report": "sales", "period": "2026-10"}),
    "a check": ("check_connection", {}),
    "a search": ("find_operations", {"query": "order"}),
}


@asynccontextmanager
async def silent_host() -> AsyncIterator[str]:
    """A host that takes every connection and never answers."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("how", CALLS)
async def test_no_call_keeps_the_process(home: Path, era: str, how: str) -> None:
    tool, arguments = CALLS[how]
    envelope = {} if era == "legacy" else MODERN
    async with silent_host() as url, process(home, api_url=url, auth_url=url, confirm="none", **KEYS) as server:
        if era == "legacy":
            await server.initialize()
        for _ in range(4):
            await server.send("tools/call", {"name": tool, "arguments": arguments} | envelope)
        await asyncio.sleep(0.5)
        await server.end()
        assert server.process.returncode == 0
        assert "Traceback" not in await server.errors()


async def test_a_client_that_reads_nothing_any_more_does_not_keep_the_process(home: Path) -> None:
    """Its pipe is full of answers when it goes."""
    async with process(home, "--sandbox") as server:
        await server.initialize()
        assert server.process.stdin is not None
        assert server.process.stdout is not None
        pipe = server.process.stdout._transport  # type: ignore[attr-defined]
        pipe.pause_reading()
        try:
            for _ in range(60):
                await server.send(
                    "tools/call", {"name": "get_order_list", "arguments": {"page_size": 50, "fields": ["*"]}}
                )
            await asyncio.sleep(2)
            server.process.stdin.close()
            await until(lambda: server.process.returncode is not None)
        finally:
            pipe.resume_reading()


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes")
async def test_a_thread_that_hangs_does_not_keep_the_process(home: Path) -> None:
    """A disk that does not answer: here a pipe that nobody writes to, in the place of a file in the home."""
    (home / "sandbox").mkdir(mode=0o700, parents=True)
    os.mkfifo(home / "sandbox" / "journal.jsonl", 0o600)
    async with process(home, "--sandbox") as server:
        await server.initialize()
        for _ in range(8):
            await server.send("tools/call", {"name": "list_changes", "arguments": {}})
        await asyncio.sleep(0.7)
        await server.end()
        assert server.process.returncode == 0


async def test_a_renewal_under_way_is_stored_before_the_process_ends(home: Path) -> None:
    """The pair that the platform has just given would be lost, and with it the sign-in: that is worth more seconds."""
    sandbox = Sandbox(orders=5)
    async with sandbox.serve() as url:
        async with process(home, **keys(sandbox, url)) as server:
            await server.initialize()
            assert "data" in await server.call("get_order_list")
            sandbox.expire_access_token()
            gate = sandbox.faults.hold("refresh_access_token")
            await server.send("tools/call", {"name": "get_order_list", "arguments": {}})
            await until(lambda: gate.waiting)
            end = asyncio.create_task(server.end())
            await asyncio.sleep(EXIT_TIMEOUT_S + 1)
            assert not end.done()
            gate.open()
            await end
            assert server.process.returncode == 0
        assert json.loads((home / "accounts.json").read_bytes())
        assert sandbox.tokens.renewals == 1
        assert stored(home)["renewing_since"] in (0, None)
        async with process(home, **keys(sandbox, url)) as server:
            await server.initialize()
            assert "data" in await server.call("get_order_list")
            await server.end()
        assert sandbox.tokens.renewals == 1
