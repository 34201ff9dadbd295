"""What `/metrics` tells is sent by OpenTelemetry as well: the same numbers of the same registry."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import WRITE, reference
from tests.platform.worker import keys
from tests.protocol.otlp_receiver import receive_otlp
from tests.protocol.test_operating import SIGNALS, Served, make_call, read_result, serve
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from pathlib import Path

READ = "get_order_list"
COUNTS_OF_PROCESS = ("process_", "python_gc_")  # which go on between two looks


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


async def make_calls(served: Served, sandbox: Sandbox) -> None:
    """Something of everything that is counted."""
    read_result(await served.post(make_call(READ)))
    read_result(await served.post(make_call(READ, no_such_argument=1)))
    read_result(await served.post(make_call("made_up")))
    asked = read_result(await served.post(make_call(WRITE, **reference(sandbox))))
    read_result(await served.post(make_call("confirm_write", token=asked["confirm"])))
    read_result(await served.post(make_call("query_shop", sql="select count(*) from orders")))
    sandbox.expire_access_token()
    read_result(await served.post(make_call(READ)))
    assert (await served.post(make_call(READ), "wrong")).status_code == 401


async def test_what_is_sent_is_to_the_number_what_metrics_tell(home: Path, sandbox: Sandbox) -> None:
    async with receive_otlp() as receiver, sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "all"}
        async with serve(home, settings, "--metrics-port", "0", variables=receiver.variables) as served:
            await make_calls(served, sandbox)
            expected = {
                key: value
                for key, value in (await served.read_samples()).items()
                if not key[0].endswith("_created") and not key[0].startswith(COUNTS_OF_PROCESS)
            }
            await until(lambda: expected.items() <= receiver.read_samples().items())
            samples = receiver.read_samples()
    assert {name for name, _ in expected} >= {
        *("calls_total", "call_seconds_bucket", "refusals_total", "platform_requests_total", "platform_seconds_sum"),
        *("pace_wait_seconds_count", "renewals_total", "confirmations_total", "copy_age_seconds_bucket", "version"),
    }
    assert samples["process_resident_memory_bytes", ""] > 0
    assert samples["calls_total", f"{READ} ok"] == 2
    assert [bound for name, bound in samples if name == "pace_wait_seconds_bucket"] == [
        bound for name, bound in expected if name == "pace_wait_seconds_bucket"
    ]
    assert receiver.metrics["mcp_tiktok_shop_call_seconds"].unit == "s"
    assert receiver.metrics["mcp_tiktok_shop_calls"].sum.is_monotonic
    assert receiver.resource["service.name"] == "mcp-server-tiktok-shop"
    assert sandbox.accounts[0].shops[0].id.encode() not in b"".join(receiver.bodies)


@SIGNALS
async def test_what_was_counted_last_is_sent_at_the_end_and_wants_no_port(home: Path, sandbox: Sandbox) -> None:
    async with receive_otlp() as receiver, sandbox.serve() as url:
        variables = receiver.variables | {"OTEL_METRIC_EXPORT_INTERVAL": "600000", "OTEL_TRACES_EXPORTER": "none"}
        async with serve(home, keys(sandbox, url), variables=variables) as served:
            read_result(await served.post(make_call(READ)))
            assert (await served.post(make_call(READ), "wrong")).status_code == 401
            assert not receiver.bodies
            served.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(served.process.wait(), PATIENCE_S) == 0
    samples = receiver.read_samples()
    assert samples["calls_total", f"{READ} ok"] == samples["refusals_total", "401"] == 1
    assert not receiver.spans


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}, "they are cumulative"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "often"}, "OpenTelemetry refuses its settings"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "OpenTelemetry refuses its settings"),
    ],
)
async def test_what_can_not_be_followed_is_told_and_traces_are_sent(
    home: Path, sandbox: Sandbox, variables: dict[str, str], words: str
) -> None:
    async with (
        receive_otlp() as receiver,
        sandbox.serve() as url,
        serve(home, keys(sandbox, url), variables=receiver.variables | variables) as served,
    ):
        read_result(await served.post(make_call(READ)))
        await receiver.wait_for(f"tools/call {READ}")
    assert f"No metrics are sent: {words}" in "".join(served.lines)
    assert not receiver.metrics
