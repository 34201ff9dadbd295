"""Traces tell an operator where the time of a call went, and nothing of what was in it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from mcp_server_tiktok_shop.cli.telemetry import METRICS, TRACES, TelemetryKind
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import RENEW, WRITE, reference
from tests.platform.worker import INHERITED, ROOT, environment, keys
from tests.protocol.otlp_receiver import OtlpReceiver, ReceivedSpan, receive_otlp
from tests.protocol.test_operating import CONTENT, SIGNALS, Served, make_call, read_result, serve
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

READ = "get_order_list"
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"
OTHER_TRACEPARENT = "00-11111111111111111111111111111111-2222222222222222-01"
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
CANARY = "canary-4711"
PACKAGE = "mcp_server_tiktok_shop"


@asynccontextmanager
async def serve_traced(home: Path, sandbox: Sandbox, **more: str) -> AsyncIterator[tuple[Served, OtlpReceiver]]:
    async with receive_otlp() as receiver, sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"} | more
        async with serve(home, settings, variables=receiver.variables) as served:
            yield served, receiver


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


async def post(served: Served, message: dict[str, Any], **headers: str) -> httpx2.Response:
    bearer = {"Authorization": f"Bearer {served.token}"}
    async with httpx2.AsyncClient(headers=CONTENT | bearer | headers, timeout=PATIENCE_S) as client:
        return await client.post(f"{served.origin}/mcp", json=message)


def list_children(receiver: OtlpReceiver, parent: ReceivedSpan) -> list[ReceivedSpan]:
    return [span for span in receiver.spans if (span.trace_id, span.parent_id) == (parent.trace_id, parent.id)]


async def test_a_call_is_a_span_with_its_requests_below_it(home: Path, sandbox: Sandbox) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        read_result(await post(served, make_call(READ)))
        (call,) = await receiver.wait_for(f"tools/call {READ}")
        assert (call.kind, call.parent_id, call.is_error) == ("server", "", False)
        assert call.attributes == {
            "mcp.method.name": "tools/call",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": READ,
            "mcp.protocol.version": "2025-03-26",
            "tiktok_shop.outcome": "ok",
        }
        requests = list_children(receiver, call)
        assert {request.name for request in requests} == {"get_authorized_shops", READ}
        for request in requests:
            assert request.kind == "client"
            assert request.attributes["tiktok_shop.operation"] == request.name
            assert request.attributes["tiktok_shop.outcome"] == "ok"
            assert 0 <= request.attributes["tiktok_shop.pace_wait_s"] <= request.seconds <= call.seconds
        assert receiver.resource["service.name"] == "mcp-server-tiktok-shop"
        assert receiver.resource["service.version"]


async def test_the_sdk_makes_no_spans_beside_these(home: Path, sandbox: Sandbox) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        await post(served, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
        read_result(await post(served, make_call("list_shops")))
        await receiver.wait_for("tools/call list_shops")
        await asyncio.sleep(0.5)
    assert {span.name for span in receiver.spans} == {"tools/call list_shops", "get_authorized_shops"}


PARENTS: list[tuple[dict[str, Any], str, str]] = [  # `_meta` and header of a call, and the span that it is below
    ({"traceparent": TRACEPARENT}, "", SPAN_ID),
    ({}, TRACEPARENT, SPAN_ID),
    ({"traceparent": TRACEPARENT}, OTHER_TRACEPARENT, SPAN_ID),
    ({"traceparent": ["no text"]}, TRACEPARENT, SPAN_ID),
    ({"traceparent": "no such thing"}, "", ""),
    ({"traceparent": TRACEPARENT + "x" * 100_000}, "", ""),
]


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_call_belongs_to_the_trace_of_who_made_it(home: Path, sandbox: Sandbox, version: str) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        for number, (meta, header, parent_id) in enumerate(PARENTS):
            message = make_call("list_shops")
            message["params"]["_meta"] = (MODERN_META if version == "2026-07-28" else {}) | meta
            headers = {"MCP-Protocol-Version": version, "Mcp-Method": "tools/call", "Mcp-Name": "list_shops"}
            read_result(await post(served, message, **headers, **({"traceparent": header} if header else {})))
            call = (await receiver.wait_for("tools/call list_shops", number + 1))[-1]
            assert call.parent_id == parent_id, (meta, header)
            assert (call.trace_id == TRACE_ID) is bool(parent_id)
            assert call.attributes["mcp.protocol.version"] == version
    assert all(TRACE_ID not in str(entry.headers) for entry in sandbox.log), "TikTok is told of no trace"


async def test_who_makes_a_call_says_whether_it_is_traced(home: Path, sandbox: Sandbox) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        read_result(await post(served, make_call("list_shops"), traceparent=f"00-{TRACE_ID}-{SPAN_ID}-00"))
        read_result(await post(served, make_call(READ)))
        await receiver.wait_for(f"tools/call {READ}")
    assert not receiver.list_spans("tools/call list_shops")


async def test_errors_are_told_by_their_kind_alone(home: Path, sandbox: Sandbox) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        sandbox.faults.add(READ, status=500, code=36009003, message=f"{CANARY} broke", times=20)
        await post(served, make_call(READ))
        (call,) = await receiver.wait_for(f"tools/call {READ}")
        requests = [span for span in list_children(receiver, call) if span.name == READ]
    assert call.is_error
    assert call.attributes["error.type"] == call.attributes["tiktok_shop.outcome"]
    assert len(requests) > 1
    for request in requests:
        assert request.is_error
        assert request.attributes["error.type"] == request.attributes["tiktok_shop.outcome"] == "refused"
        assert request.attributes["http.response.status_code"] == 500
        assert request.attributes["tiktok_shop.code"] == 36009003
    assert CANARY.encode() not in b"".join(receiver.bodies)
    assert sum(span.event_count for span in receiver.spans) == 0  # where exceptions would stand


async def test_renewals_and_what_is_read_for_the_local_copy_are_spans(home: Path, sandbox: Sandbox) -> None:
    async with serve_traced(home, sandbox) as (served, receiver):
        read_result(await post(served, make_call("list_shops")))
        sandbox.expire_access_token()
        read_result(await post(served, make_call("query_shop", sql="SELECT count(*) FROM orders")))
        (call,) = await receiver.wait_for("tools/call query_shop")
        (renewal,) = await receiver.wait_for("renew_token")
        copies = await receiver.wait_for("copy orders")
    assert sandbox.log.list_entries(RENEW)
    assert renewal.attributes == {"tiktok_shop.outcome": "ok"}
    assert renewal.trace_id == call.trace_id
    assert {copy.attributes["tiktok_shop.step"] for copy in copies} <= {"backfill", "freshen"}
    below = [span for copy in copies for span in list_children(receiver, copy)]
    assert all(copy.parent_id == call.id for copy in copies)
    assert READ in {span.name for span in below}


async def test_nothing_of_arguments_answers_or_secrets_is_in_a_trace(home: Path, sandbox: Sandbox) -> None:
    order = next(iter(sandbox.state.main.orders.values()))
    shop = sandbox.accounts[0].shops[0]
    async with serve_traced(home, sandbox) as (served, receiver):
        read_result(await post(served, make_call("get_order_list", fields=["*"])))
        read_result(await post(served, make_call(WRITE, **reference(sandbox, CANARY))))
        for name in (CANARY, "x" * 100_000, "run_read_operation"):
            await post(served, make_call(name, name=CANARY, arguments={"order_id": CANARY}))
        await post(served, make_call("list_shops"), tracestate=f"vendor={CANARY}", baggage=f"user={CANARY}")
        await receiver.wait_for("tools/call list_shops")
        calls = await receiver.wait_for("tools/call unknown", 3)
        sent = b"".join(receiver.bodies)
    assert len(calls) == 3
    for text in (
        *(CANARY, "xxxxx", order.id, order.lines[0].id, shop.id, shop.name, shop.cipher, served.token),
        *(sandbox.app_key, sandbox.app_secret, sandbox.accounts[0].access_token, sandbox.accounts[0].refresh_token),
    ):
        assert text.encode() not in sent


@SIGNALS
async def test_the_last_spans_are_sent_at_the_end(home: Path, sandbox: Sandbox) -> None:
    async with receive_otlp() as receiver, sandbox.serve() as url:
        variables = receiver.variables | {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
        async with serve(home, keys(sandbox, url), variables=variables) as served:
            read_result(await post(served, make_call("list_shops")))
            served.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(served.process.wait(), PATIENCE_S) == 0
    assert receiver.list_spans("tools/call list_shops")


# ---- asked for or not


@pytest.mark.parametrize("kind", [TRACES, METRICS])
@pytest.mark.parametrize(
    ("variables", "is_wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "  "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_{}_ENDPOINT": "http://collector:4318/v1/any"}, True),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://collector:4318/v1/any"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_{}_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_{}_EXPORTER": "otlp"}, True),
    ],
)
def test_what_is_counted_and_traced_is_sent_where_the_environment_names_whither(
    variables: dict[str, str], is_wanted: bool, kind: TelemetryKind
) -> None:
    assert kind.is_wanted({name.format(kind.name.upper()): text for name, text in variables.items()}) is is_wanted


def test_what_sends_is_loaded_only_where_it_is_asked_for(home: Path) -> None:
    """The modules that a server over HTTP has loaded when it serves, without the variables and with them."""
    code = (
        "import os, sys; from mcp_server_tiktok_shop.cli.operator_view import prepare_view; "
        "from mcp_server_tiktok_shop.cli.app_runner import build_server_app; "
        "from mcp_server_tiktok_shop.settings import read_settings; "
        "from mcp_server_tiktok_shop.protocol import http, server, web_server; "
        "view = prepare_view('127.0.0.1', None, None, os.environ); "
        "build_server_app(read_settings(os.environ), metrics=view.observer).build_server(); "
        "print('\\n'.join(sys.modules))"
    )
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ = inherited | environment(home, {"sandbox": "true"})

    def load(**variables: str) -> set[str]:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], env=environ | variables, capture_output=True, text=True, check=True, cwd=ROOT
        )
        return set(done.stdout.split())

    senders = {"opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests", "urllib3"}
    of_traces, of_metrics = {"opentelemetry.sdk.trace"}, {"opentelemetry.sdk.metrics", "prometheus_client"}
    assert not (senders | of_traces | of_metrics) & load()
    assert senders | of_traces | of_metrics <= load(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    metrics_alone = load(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://127.0.0.1:9")
    assert senders | of_metrics <= metrics_alone
    assert f"{PACKAGE}.protocol.traces" not in metrics_alone
    traces_alone = load(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9")
    assert not {"prometheus_client", f"{PACKAGE}.protocol.metrics_export"} & traces_alone


async def test_a_protocol_that_is_not_spoken_is_told_and_the_server_serves(home: Path, sandbox: Sandbox) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    async with sandbox.serve() as url, serve(home, keys(sandbox, url), variables=variables) as served:
        read_result(await post(served, make_call("list_shops")))
    for kind in ("traces", "metrics"):
        assert f"No {kind} are sent: they are sent by http/protobuf alone" in "".join(served.lines)


@SIGNALS
async def test_calls_go_on_and_the_server_ends_while_nobody_takes_what_it_sends(home: Path, sandbox: Sandbox) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={CANARY}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_METRIC_EXPORT_INTERVAL": "50",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
    }
    async with sandbox.serve() as url, serve(home, keys(sandbox, url), variables=variables) as served:
        for _ in range(5):
            read_result(await post(served, make_call("list_shops")))
            await asyncio.sleep(0.1)
        served.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.process.wait(), PATIENCE_S) in (0, -signal.SIGTERM)
    assert CANARY not in "".join(served.lines)
    assert "Traceback" not in "".join(served.lines)
