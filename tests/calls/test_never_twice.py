"""A write whose outcome is unknown is not done twice: not by this call, another one, another process, or a restart."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_tokens import WRITE, Clock, at_work, bad, done, good, reference
from tests.platform.worker import keys, waiting
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

LOST: dict[str, dict[str, Any]] = {
    "cut after it ran": {"cut": "after"},
    "cut before it ran": {"cut": "before"},
    "an internal fault": {"status": 500, "code": 36009003, "when": "after"},
    "an upstream timeout": {"status": 200, "code": 36009007, "when": "after"},
    "half an envelope": {"body": b'{"code":0,"message":"Succ', "when": "after"},
    "empty": {"empty": True, "when": "after"},
}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


@pytest.mark.parametrize("how", LOST)
async def test_the_same_write_is_refused_after_its_answer_was_lost(
    connect: Connect, sandbox: Sandbox, how: str
) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, **LOST[how])
        lost = bad(await client.call_tool(WRITE, arguments))
        again = bad(await client.call_tool(WRITE, arguments))
        other = good(await client.call_tool(WRITE, reference(sandbox, "A-2")))
    assert lost["error"] == again["error"] == "unknown_outcome"
    assert lost["sent_at"] == again["sent_at"]
    assert "A-1" in json.dumps(lost["sent"])
    assert "repeat" in again["hint"]
    assert not again["retryable"]
    assert other["data"] is not None
    sent = [entry for entry in sandbox.log.list_entries(WRITE) if b"A-1" in entry.body]
    assert len(sent) == 1


async def test_repeat_sends_it_again_and_a_known_outcome_ends_the_matter(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, cut="before")
        bad(await client.call_tool(WRITE, arguments))
        good(await client.call_tool(WRITE, {**arguments, "repeat": True}))
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "already_done"
        good(await client.call_tool(WRITE, {**arguments, "repeat": True}))
    assert done(sandbox, WRITE) == 2


async def test_after_ten_minutes_it_may_be_sent_again(connect: Connect) -> None:
    clock = Clock()
    sandbox = Sandbox(orders=20, clock=clock)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        sandbox.faults.add(WRITE, cut="after")
        bad(await client.call_tool(WRITE, arguments))
        clock.now += 599
        bad(await client.call_tool(WRITE, arguments))
        clock.now += 2
        good(await client.call_tool(WRITE, arguments))


async def test_a_restarted_server_refuses_it_too(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, cut="after")
        bad(await client.call_tool(WRITE, arguments))
    assert done(sandbox, WRITE) == 1
    async with at_work(connect, sandbox) as client:
        sandbox.log.clear()
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
    assert sandbox.log.list_entries(WRITE) == []


@pytest.mark.parametrize("era", ["auto"])
async def test_a_server_that_is_killed_in_the_middle_leaves_it_refused(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    arguments = reference(sandbox)
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"}
        async with connect(**settings) as client:
            good(await client.call_tool("list_shops", {}))
        gate = sandbox.faults.hold(WRITE)
        async with waiting() as worker:
            worker.begin(home, settings, [(WRITE, arguments)])
            marks = home / "unknown.json"
            await until(lambda: marks.exists() and b"sent" in marks.read_bytes())
            await until(lambda: gate.waiting)
            await worker.kill()
        gate.open()
        await until(lambda: not sandbox.app.in_flight)
        async with connect(**settings) as client:
            refused = bad(await client.call_tool(WRITE, arguments))
            sandbox.faults.clear()
            if sys.platform != "win32":  # there nobody can tell that the process is gone
                good(await client.call_tool(WRITE, {**arguments, "repeat": True}))
    assert refused["error"] == "unknown_outcome"
    assert "cut off" in refused["message"]


async def test_a_write_cancelled_in_flight_runs_to_its_end_and_is_known(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        gate = sandbox.faults.hold(WRITE)
        call = asyncio.create_task(client.call_tool(WRITE, arguments))
        await until(lambda: gate.waiting)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "unknown_outcome"
        gate.open()
        async with asyncio.timeout(PATIENCE_S):
            while (error := bad(await client.call_tool(WRITE, arguments))["error"]) != "already_done":
                assert error == "unknown_outcome"  # it is under way
    assert done(sandbox, WRITE) == 1


async def test_two_calls_at_once_send_the_same_write_once(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        gate = sandbox.faults.hold(WRITE)
        calls = [asyncio.create_task(client.call_tool(WRITE, arguments)) for _ in range(2)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        gate.open()
        first, second = await asyncio.gather(*calls)
    assert sorted((bool(first.is_error), bool(second.is_error))) == [False, True]
    assert done(sandbox, WRITE) == 1


async def test_a_refused_write_may_be_sent_again_at_once(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, code=98001004)
        assert bad(await client.call_tool(WRITE, arguments))["error"] == "platform"
        good(await client.call_tool(WRITE, arguments))


async def test_the_idempotency_key_is_filled_in_and_kept_over_the_repeat(connect: Connect, sandbox: Sandbox) -> None:
    call = {"name": "approve_return", "arguments": {"return_id": "4035000000000000001", "decision": "APPROVE_REFUND"}}
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add("approve_return", cut="before")
        bad(await client.call_tool("run_write_operation", call))
        bad(await client.call_tool("run_write_operation", {**call, "repeat": True}))
        bad(await client.call_tool("run_write_operation", call))
    first, repeated, new = (
        parse_qs(entry.query)["idempotency_key"][0] for entry in sandbox.log.list_entries("approve_return")
    )
    assert first == repeated != new


async def test_a_batch_tells_item_by_item_and_what_to_send_again(connect: Connect, sandbox: Sandbox) -> None:
    good_one = next(p.id for p in sandbox.state.main.products.values() if p.status == "ACTIVATE")
    unknown = "1729000000000000001"
    async with at_work(connect, sandbox) as client:
        told = good(await client.call_tool("delete_products", {"product_ids": [good_one, unknown]}))
    assert told["done"] == [good_one]
    assert [item["id"] for item in told["failed"]] == [unknown]
    assert told["failed"][0]["message"]
    assert told["again"] == {"product_ids": [unknown]}


async def test_a_ledger_that_can_not_be_read_lets_nothing_through(
    connect: Connect, sandbox: Sandbox, home: Path
) -> None:
    async with at_work(connect, sandbox) as client:
        (home / "unknown.json").write_text("{", encoding="utf-8")
        refused = bad(await client.call_tool(WRITE, reference(sandbox)))
    assert refused["error"] == "not_configured"
    assert done(sandbox, WRITE) == 0


async def test_of_two_repeats_at_once_one_is_sent(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, cut="before")
        bad(await client.call_tool(WRITE, arguments))
        gate = sandbox.faults.hold(WRITE)
        again = {**arguments, "repeat": True}
        calls = [asyncio.create_task(client.call_tool(WRITE, again)) for _ in range(3)]
        await until(lambda: gate.waiting and sum(call.done() for call in calls) == 2)
        gate.open()
        results = await asyncio.gather(*calls)
    assert sorted(bool(result.is_error) for result in results) == [False, True, True]
    assert done(sandbox, WRITE) == 1


async def test_a_write_under_way_is_not_repeated(connect: Connect, sandbox: Sandbox) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        gate = sandbox.faults.hold(WRITE)
        first = asyncio.create_task(client.call_tool(WRITE, arguments))
        await until(lambda: gate.waiting)
        assert bad(await client.call_tool(WRITE, {**arguments, "repeat": True}))["error"] == "unknown_outcome"
        gate.open()
        good(await first)
    assert done(sandbox, WRITE) == 1


async def test_a_write_that_a_kill_cut_off_may_be_repeated_a_minute_later(connect: Connect, home: Path) -> None:
    clock = Clock()
    sandbox = Sandbox(orders=20, clock=clock)
    arguments = reference(sandbox)
    async with at_work(connect, sandbox, runtime=clock.runtime) as client:
        sandbox.faults.add(WRITE, cut="before")
        bad(await client.call_tool(WRITE, arguments))
        marks = home / "unknown.json"
        entries = json.loads(marks.read_bytes())
        marks.write_text(json.dumps({mark: {**e, "lost": False} for mark, e in entries.items()}), encoding="utf-8")
        bad(await client.call_tool(WRITE, {**arguments, "repeat": True}))
        clock.now += 61
        good(await client.call_tool(WRITE, {**arguments, "repeat": True}))


@pytest.mark.parametrize("how", [{}, {"cut": "after"}, {"code": 98001004}])
async def test_a_ledger_that_breaks_after_sending_hides_no_outcome(
    connect: Connect, sandbox: Sandbox, home: Path, how: dict[str, Any]
) -> None:
    arguments = reference(sandbox)
    async with at_work(connect, sandbox) as client:
        gate = sandbox.faults.hold(WRITE, **how)
        call = asyncio.create_task(client.call_tool(WRITE, arguments))
        await until(lambda: gate.waiting)
        (home / "unknown.json").write_text("{", encoding="utf-8")
        gate.open()
        told = reply(await call)
    assert told.get("error") == {"cut": "unknown_outcome", "code": "platform"}.get(next(iter(how), ""))
    assert "Nothing was sent" not in json.dumps(told)


async def test_the_same_time_written_otherwise_is_the_same_write(connect: Connect, sandbox: Sandbox) -> None:
    promotion = {"title": "Sale", "activity_type": "FIXED_PRICE", "product_level": "PRODUCT"}
    times = [
        ("2027-01-05T00:00:00+00:00", 1799193600),
        ("2027-01-05T00:00", "2027-01-06"),
        (1799107200, "1799193600"),
    ]
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add("create_promotion_activity", cut="before")
        for begin, end in times:
            arguments = {**promotion, "begin_time": begin, "end_time": end}
            call = {"name": "create_promotion_activity", "arguments": arguments}
            assert bad(await client.call_tool("run_write_operation", call))["error"] == "unknown_outcome"
    assert len(sandbox.log.list_entries("create_promotion_activity")) == 1


async def test_another_idempotency_key_does_not_make_it_another_write(connect: Connect, sandbox: Sandbox) -> None:
    decision = {"return_id": "4035000000000000001", "decision": "APPROVE_REFUND"}
    calls = [decision | {"idempotency_key": "mine-1"}, decision | {"idempotency_key": "mine-2"}, decision]
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add("approve_return", cut="before")
        for arguments in calls:
            sent: dict[str, Any] = {"name": "approve_return", "arguments": arguments}
            assert bad(await client.call_tool("run_write_operation", sent))["error"] == "unknown_outcome"
        again = {"name": "approve_return", "arguments": calls[1], "repeat": True}
        bad(await client.call_tool("run_write_operation", again))
    keys_sent = [parse_qs(entry.query)["idempotency_key"][0] for entry in sandbox.log.list_entries("approve_return")]
    assert keys_sent == ["mine-1", "mine-1"]
