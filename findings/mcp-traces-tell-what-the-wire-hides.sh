#!/usr/bin/env bash
# With OpenTelemetry switched on, a server sends its collector the words that it keeps from the client.
#
# Library: mcp 2.3.0 with opentelemetry-sdk 1.45.2
# Guess:   the spans that every server of the SDK makes name methods and tools; an error's text stays in the server, as
#          it does on the wire of 2026-07-28, where it reads "Internal server error".
# Really:  of an error that leaves a handler the span holds the text, as its status, and the whole traceback, as an
#          event. It is called by whatever name the caller gave as the tool's, of any length, known or not.
# Matters: whoever sets a TracerProvider for the process, as instrumentation by an agent or an operator does, sends
#          customers' data and secrets in exceptions to a third party; and callers fill its index with names they make up.
# Seen:    2026-11-29
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0 opentelemetry-sdk==1.45.2

"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging

from mcp import Client, MCPError
from mcp.server import Server
from mcp.types import ListToolsResult
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SECRET = "the address of a buyer, token 4711"
MADE_UP = "x" * 10_000
logging.disable()
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)


async def list_tools(ctx, params):
    return ListToolsResult(tools=[])


async def call_tool(ctx, params):
    raise ValueError(SECRET)


async def main():
    wire = ""
    async with Client(Server("shop", on_list_tools=list_tools, on_call_tool=call_tool)) as client:
        try:
            await client.call_tool(MADE_UP, {})
        except MCPError as error:
            wire = error.error.message
    (span,) = [s for s in exporter.get_finished_spans() if s.kind is trace.SpanKind.SERVER and "tools/call" in s.name]
    seen = {
        "on the wire": wire,
        "status of the span": span.status.description,
        "in its traceback": SECRET in str([dict(event.attributes) for event in span.events]),
        "characters of its name": len(span.name),
    }
    print(seen)
    assert seen == {
        "on the wire": "Internal server error",
        "status of the span": SECRET,
        "in its traceback": True,
        "characters of its name": len("tools/call ") + len(MADE_UP),
    }


asyncio.run(main())
PY
