"""Tokens lie in one file: its owner's alone, whole at any moment, never overwritten by who can't read it."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import READ, at_work, bad, good, holds_newest
from tests.platform.worker import all_stored, keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Connect

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
HOLD = "import sys, filelock; l = filelock.FileLock(sys.argv[1]); l.acquire(); print(flush=True); sys.stdin.read()"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}


def put(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "accounts.json").write_bytes(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
async def test_the_store_is_its_owners_alone(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    before = os.umask(0o000)
    try:
        async with at_work(connect, sandbox) as client:
            sandbox.expire_access_token()
            good(await client.call_tool(READ, {}))
            assert mode(home) == 0o700
            assert mode(home / "accounts.json") == 0o600
    finally:
        os.umask(before)


@posix
async def test_the_folder_is_its_owners_alone_whatever_is_written_there_first(
    connect: Connect, sandbox: Sandbox, home: Path, tmp_path: Path
) -> None:
    from pypdf import PdfWriter

    pages = PdfWriter()
    pages.add_blank_page(200, 300)
    content = io.BytesIO()
    pages.write(content)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "label.pdf").write_bytes(content.getvalue())
    before = os.umask(0o022)
    try:
        async with sandbox.serve() as url, connect(**keys(sandbox, url), files=folder) as client:
            good(await client.call_tool("resize_pdf", {"source": "label.pdf"}))
            good(await client.call_tool(READ, {}))
    finally:
        os.umask(before)
    assert mode(home / "accounts.json") == 0o600
    assert mode(home) == 0o700


async def test_nothing_is_left_beside_the_store(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with at_work(connect, sandbox) as client:
        for _ in range(3):
            sandbox.expire_access_token()
            good(await client.call_tool(READ, {}))
    assert set(files(home)) <= {"accounts.json", "accounts.lock"}


UNREADABLE = {
    "empty": b"",
    "half": b'{"version": 1, "app": null, "accounts": [{"id": "7", "access_token": "ROW_secret_in_a_file',
    "no object": b"[]",
    "no accounts": b'{"version": 1}',
    "null": b'{"version": 1, "accounts": null}',
    "an account that is none": b'{"version": 1, "accounts": [{"access_token": "ROW_secret_in_a_file"}]}',
    "other bytes": b"\xff\xfe\x00PK\x03\x04",
    "deep": b"[" * 100_000,
    "newer": b'{"version": 2, "accounts": [], "wallets": {"secret": "ROW_secret_in_a_file"}}',
}


@pytest.mark.parametrize("how", UNREADABLE)
async def test_a_file_that_cannot_be_read_is_reported_and_left_as_it_is(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    path = home / "accounts.json"
    put(home, UNREADABLE[how])
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        assert (await client.list_tools()).tools
        for tool in (READ, "refresh_access_token", "list_shops"):
            result = await client.call_tool(tool, {})
            told = bad(result)
            assert told["error"] == "not_configured"
            assert str(path) in told["message"]
            assert told["hint"]
            assert "ROW_secret_in_a_file" not in str(result)
    assert "newer" in told["message"] or "format" in told["message"] or how != "newer"
    assert sandbox.log == []
    assert path.read_bytes() == UNREADABLE[how]


@pytest.mark.parametrize("how", ["half", "newer"])
async def test_signing_in_anew_loses_neither_the_unreadable_file_nor_the_new_pair(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    put(home, UNREADABLE[how])
    async with sandbox.serve() as url:
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**signed_out) as client:
            code = {"auth_code": sandbox.authorization_code()}
            result = await client.call_tool("exchange_authorization_code", code)
    assert UNREADABLE[how] in files(home).values()
    if result.is_error:  # then nothing must have been spent
        assert sandbox.log.list_entries("exchange_authorization_code") == []
    else:
        assert holds_newest(home, sandbox)


@asynccontextmanager
async def lock_held(home: Path) -> AsyncIterator[None]:
    """Another process has the store's lock."""
    lock = str(home / "accounts.lock")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD, lock, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield
    finally:
        await process.communicate(b"")  # its input ends, and so does it


async def test_who_waits_for_another_process_keeps_nobody_else_waiting(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        sandbox.expire_access_token()
        async with lock_held(home):
            waiting = asyncio.create_task(client.call_tool(READ, {}))
            for _ in range(30):
                await asyncio.sleep(0.01)
                good(await client.call_tool("list_shops", {}))
            assert not waiting.done()
            assert sandbox.log.list_entries("refresh_access_token") == []
        good(await waiting)
    assert holds_newest(home, sandbox)


async def test_a_pair_that_another_process_stored_is_taken_over(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with sandbox.serve() as url:
        ours = keys(sandbox, url)
        async with connect(**ours) as one, connect(**ours) as other:
            good(await one.call_tool(READ, {}))
            good(await other.call_tool(READ, {}))
            sandbox.expire_access_token()
            good(await one.call_tool(READ, {}))
            sandbox.log.clear()
            good(await other.call_tool(READ, {}))
            assert [entry.code for entry in sandbox.log] == [0]
    assert sandbox.tokens.renewals == 1
    assert len(all_stored(home)) == 1
