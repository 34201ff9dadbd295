"""What was done is told as done, and not done again: whatever fails after it, whoever asks, whatever a clock says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.calls import writes
from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog
from mcp_server_tiktok_shop.state.process_identity import LocalProcesses
from tests.platform.test_tokens import DAY, READ, WRITE, at_work, bad, done, good, reference
from tests.platform.worker import INHERITED, ROOT, Worker, environment, keys, started, waiting
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Connect

SOAK = bool(os.environ.get("SOAK"))
SERVERS, WRITES = (8, 40) if SOAK else (4, 8)
linux = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and what a pipe holds are Linux's")
FAULTS_AFTERWARDS = {
    "the answer can't be normalized": (ResultBuilder, "normalize"),
    "the result can't be built": (ResultBuilder, "to_result"),
    "the ids can't be collected": (writes, "collect_made_ids"),
    "the amounts can't be collected": (writes, "collect_amounts"),
    "the audit log can't be written": (FileAuditLog, "_append"),
}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


def break_after_sending(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, place: Any, name: str) -> None:
    whole = getattr(place, name)

    def fail(*arguments: Any, **more: Any) -> Any:
        if done(sandbox, WRITE):
            raise RuntimeError("a fault of ours")
        return whole(*arguments, **more)

    monkeypatch.setattr(place, name, fail)


@pytest.mark.parametrize("what", FAULTS_AFTERWARDS)
async def test_a_write_that_was_done_is_told_so_whatever_fails_afterwards(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        break_after_sending(monkeypatch, sandbox, *FAULTS_AFTERWARDS[what])
        told = good(await client.call_tool(WRITE, arguments))
        monkeypatch.undo()
        again = bad(await client.call_tool(WRITE, arguments))
    assert done(sandbox, WRITE) == 1
    assert told["request_id"]
    assert told["request_id"] == again["request_id"]
    assert again["error"] == "already_done"
    assert "repeat: true" in again["hint"]
    if "can't be normalized" in what or "can't be built" in what:
        assert told["note"].startswith("Done")


async def test_a_fault_of_ours_while_it_is_sent_leaves_it_unknown(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = reference(sandbox)
    whole = ApiTransport.send

    async def send_and_fail(*given: Any, **more: Any) -> Any:
        await whole(*given, **more)
        raise ValueError("a fault of ours")

    async with at_work(connect, sandbox) as client:
        monkeypatch.setattr(ApiTransport, "send", send_and_fail)
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
        monkeypatch.undo()
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
    assert done(sandbox, WRITE) == 1


ODD_DATA: dict[str, Any] = {
    "a list": [1],
    "a text": "done",
    "nested": {"errors": [{"code": {}, "detail": [[]]}, None, 7]},
    "errors that are none": {"errors": "none"},
    "half a character": {"orders": [{"id": "\ud83d", "\udc00": "\ud83d"}]},
    "numbers beyond all bounds": {"orders": [{"id": 10**400, "x": -(10**30)}]},
    "a request id that is none": None,
}


@pytest.mark.parametrize("how", ODD_DATA)
async def test_a_success_with_an_odd_answer_is_no_fault(connect: Connect, sandbox: Sandbox, how: str) -> None:
    request_id: Any = {"a": 1} if "request id" in how else "2026"
    envelope = {"code": 0, "message": "Success", "request_id": request_id, "data": ODD_DATA[how]}
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, status=200, body=json.dumps(envelope).encode(), when="after")
        result = await client.call_tool(WRITE, arguments)
        assert '"internal"' not in str(result.content)
        again = bad(await client.call_tool(WRITE, arguments))
    assert again["error"] in ("already_done", "unknown_outcome")
    assert done(sandbox, WRITE) == 1


async def test_an_equal_write_is_held_back_for_ten_seconds_and_goes_again_where_it_is_meant(connect: Connect) -> None:
    clock = Moved()
    sandbox = Sandbox(orders=20, clock=clock.wall)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        first = good(await client.call_tool(WRITE, arguments))
        clock.pass_seconds(9)
        refused = bad(await client.call_tool(WRITE, arguments))
        good(await client.call_tool(WRITE, reference(sandbox, "A-2")))  # another one is none of it
        good(await client.call_tool(WRITE, {**arguments, "repeat": True}))
        assert done(sandbox, WRITE) == 3
        clock.pass_seconds(11)
        good(await client.call_tool(WRITE, arguments))
    assert (refused["error"], refused["request_id"]) == ("already_done", first["request_id"])
    assert not refused["retryable"]


@pytest.mark.parametrize("era", ["auto"])
async def test_several_servers_that_are_given_the_same_writes_do_each_once(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    work = [(WRITE, reference(sandbox, f"A-{number}")) for number in range(WRITES)]
    async with sandbox.serve() as url, AsyncExitStack() as stack:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with connect(**settings) as client:
            good(await client.call_tool(READ, {}))
        workers = await asyncio.gather(*(stack.enter_async_context(waiting()) for _ in range(SERVERS)))
        for number, worker in enumerate(workers):
            worker.begin(home, settings, work if number % 2 else work[::-1], in_turn=number % 3 == 0)
        told = [json.loads(text) for worker in workers for text in (await worker.end())[0]]
    assert done(sandbox, WRITE) == WRITES
    assert sum("error" not in answer for answer in told) == WRITES
    assert {answer["error"] for answer in told if "error" in answer} <= {"already_done", "unknown_outcome"}


# ---- processes


@asynccontextmanager
async def waiting_in_a_namespace() -> AsyncIterator[Worker]:
    """A worker that sees no process but its own, as in a container; a wrapper is its parent."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("only root can make a namespace of processes")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(unshare, "--pid", "--fork", "--mount-proc", "--kill-child"),
        *(sys.executable, "-m", "tests.platform.worker"),
        cwd=ROOT,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=2**26,
    )
    try:
        assert process.stdout is not None
        if await process.stdout.readline() != b"ready\n":
            pytest.skip("this machine lets nobody make a namespace")
        yield Worker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@linux
async def test_a_server_in_another_namespace_is_not_taken_for_ended(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    arguments = reference(sandbox)
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with connect(**settings) as client, waiting_in_a_namespace() as worker:
            good(await client.call_tool(READ, {}))
            gate = sandbox.faults.hold(WRITE)
            worker.begin(home, settings, [(WRITE, arguments)])
            await until(lambda: gate.waiting)
            refused = bad(await client.call_tool(WRITE, {**arguments, "repeat": True}))
            gate.open()
            (text,), _ = await worker.end()
    assert refused["error"] == "unknown_outcome"
    assert "under way" in refused["message"]
    assert "error" not in json.loads(text)
    assert done(sandbox, WRITE) == 1


@linux
async def test_a_process_is_known_by_boot_namespace_number_and_beginning() -> None:
    processes = LocalProcesses()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    place, _, own = processes.own_name.rpartition("/")
    host, boot, namespace = place.split("/")
    assert boot
    assert namespace
    assert not processes.is_dead(processes.own_name)
    assert processes.is_dead(f"{place}/{process.pid}.1")
    assert processes.is_dead(f"{place}/{own.partition('.')[0]}.1")  # its number was given to another one
    ended = f"{process.pid}.1"
    elsewhere = [f"other/{boot}/{namespace}", f"{host}/other/{namespace}", f"{host}/{boot}/pid:[1]"]
    names = [f"{other}/{ended}" for other in elsewhere]
    names += [f"{host}/{process.pid}", "h/1", "", "/", f"{place}/{10**30}.1", f"{place}/x", "\ud83d"]
    for name in names:  # of an earlier version, too: it may have been in another container
        assert not processes.is_dead(name), name


# ---- clocks


class Moved:
    """A clock that is set, and one that never is."""

    def __init__(self) -> None:
        self.set_ahead = 0.0
        self.passed = 0.0

    def wall(self) -> float:
        return time.time() + self.passed + self.set_ahead

    def pass_seconds(self, seconds: float) -> None:
        self.passed += seconds

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.wall, lambda: time.monotonic() + self.passed)


@pytest.mark.parametrize("jump", [DAY, -DAY, 3600, -3600, 400 * DAY], ids=str)
async def test_a_clock_that_is_set_opens_no_unknown_write_again_and_blocks_none_for_ever(
    connect: Connect, jump: float
) -> None:
    clock = Moved()
    sandbox = Sandbox(orders=20, clock=clock.wall)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        sandbox.faults.add(WRITE, cut="after")
        bad(await client.call_tool(WRITE, arguments))
        clock.set_ahead = jump
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
        good(await client.call_tool(WRITE, reference(sandbox, "A-2")))  # which cleans the records up
        clock.set_ahead = 0
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
        clock.set_ahead = jump
        clock.pass_seconds(601)
        good(await client.call_tool(WRITE, arguments))


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=str)
async def test_a_clock_that_is_set_lets_no_repeat_through_while_the_first_is_in_flight(
    connect: Connect, jump: float
) -> None:
    clock = Moved()
    sandbox = Sandbox(orders=20)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        gate = sandbox.faults.hold(WRITE)
        first = asyncio.create_task(client.call_tool(WRITE, arguments))
        await until(lambda: gate.waiting)
        clock.set_ahead = jump
        assert bad(await client.call_tool(WRITE, {**arguments, "repeat": True}))["error"] == "unknown_outcome"
        gate.open()
        good(await first)
    assert done(sandbox, WRITE) == 1


@pytest.mark.parametrize("ahead", [300, 3 * DAY, 10**12], ids=str)
async def test_a_record_from_before_the_machine_was_started_blocks_ten_minutes_at_most(
    connect: Connect, home: Path, ahead: float
) -> None:
    clock = Moved()
    sandbox = Sandbox(orders=20, clock=clock.wall)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        sandbox.faults.add(WRITE, cut="after")
        bad(await client.call_tool(WRITE, arguments))
        path = home / "unknown.json"
        ((fingerprint, record),) = json.loads(path.read_bytes()).items()
        record |= {"until": time.time() + ahead, "until_boot": "another", "sent_boot": "another"}
        path.write_text(json.dumps({fingerprint: record}))
        for _ in range(3):
            assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
            clock.pass_seconds(min(ahead, 600) / 3 - 1)
        clock.pass_seconds(10)
        good(await client.call_tool(WRITE, arguments))


# ---- a client that does not read


class Mute:
    """A client that speaks to a server and listens only when told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def send(self, method: str, number: int | None = None, **params: Any) -> None:
        assert self.process.stdin is not None
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def listen(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S))
        return message

    async def initialize(self) -> None:
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "mute", "version": "1"}}
        self.send("initialize", 0, **about)
        await self.listen()
        self.send("notifications/initialized")


@asynccontextmanager
async def mute_client(home: Path, settings: dict[str, str]) -> AsyncIterator[Mute]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcp_server_tiktok_shop"),
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
        env=inherited | environment(home, settings),
    )
    try:
        yield Mute(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@linux
async def test_what_a_client_did_not_read_is_not_done_again(sandbox: Sandbox, home: Path, era: str) -> None:
    """Sent, done, not listened to; the server is killed, and a new one gets the same writes half a minute later."""
    work = [reference(sandbox, f"A-{number}") for number in range(12)]
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with mute_client(home, settings) as mute:
            await mute.initialize()
            output = mute.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
            output.pause_reading()
            for number, arguments in enumerate(work, 1):
                mute.send("tools/call", number, name=WRITE, arguments=arguments)
            await until(lambda: done(sandbox, WRITE) == len(work))
            await asyncio.sleep(2)  # longer than an answer takes that is read
            records = json.loads((home / "unknown.json").read_bytes())
            mute.process.kill()
            output.resume_reading()
        left = [record["until"] - time.time() for record in records.values()]
        assert len(left) == len(work)
        assert min(left) > 500
        assert {record["done"] for record in records.values()} == {"done"}
        async with started(home, settings, era) as client:
            for arguments in work:
                told = bad(await client.call_tool(WRITE, arguments))
                assert told["error"] == "already_done"
                assert told["request_id"]
            good(await client.call_tool(WRITE, {**work[0], "repeat": True}))
    assert done(sandbox, WRITE) == len(work) + 1


async def test_what_a_client_has_read_is_held_back_for_a_moment_alone(sandbox: Sandbox, home: Path, era: str) -> None:
    arguments = reference(sandbox)

    def list_remaining_seconds() -> list[float]:
        return [record["until"] - time.time() for record in json.loads((home / "unknown.json").read_bytes()).values()]

    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with started(home, settings, era) as client:
            good(await client.call_tool(WRITE, arguments))
            await until(lambda: max(list_remaining_seconds()) <= 10)
            good(await client.call_tool(WRITE, reference(sandbox, "A-2")))
        assert max(list_remaining_seconds(), default=0) <= 10  # and one that leaves at once after it has read
