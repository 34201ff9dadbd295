#!/usr/bin/env bash
# Rows that the model is given are gone once the same answer has a chart too.
#
# Library: pydantic-ai-slim 2.68.0 (with fastmcp-slim 3.4.11)
# Guess:   of text and structured content one is a copy of the other, and a client shows the model one of them. A
#          picture is a copy of neither, so that an answer with rows and a chart arrives as rows and a chart.
# Really:  where all blocks are text, the model gets the structured content and no block, not even a note that is in no
#          other place. With one picture among them it is the other way round: all blocks, and no structured content. So
#          a tool that draws a chart on request loses its numbers on request.
# Matters: MCP servers that answer with structured rows, notes and charts. What must be seen has to stand in both;
#          clients such as langchain-mcp-adapters show the model the blocks in any case.
# Seen:    2026-11-30. @mastra/mcp 2.0.0 gives structured content alone, with a picture too.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "pydantic-ai-slim[mcp]==2.68.0" fastmcp-slim==3.4.11

cat > "$dir/server.py" <<'PY'
import json
import sys

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
NOTE = {"type": "text", "text": "2 orders were left out"}
CHART = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
ROWS = {"rows": [{"sku": "TEA-1", "orders": 3}]}
ANSWERS = {
    "rows": {"content": [NOTE], "structuredContent": ROWS},
    "rows_and_chart": {"content": [NOTE, CHART], "structuredContent": ROWS},
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ANSWERS]}
    return ANSWERS[params["name"]]


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] in {"initialize", "tools/list", "tools/call"}:
        reply["result"] = answer(message["method"], message.get("params") or {})
    else:
        reply["error"] = {"code": -32601, "message": "Method not found"}
    print(json.dumps(reply), flush=True)
PY

"$dir/venv/bin/python" - "$dir/server.py" <<'PY'
import asyncio
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.test import TestModel


async def call(tool):
    toolset = MCPToolset(StdioTransport(sys.executable, sys.argv[1:]))
    run = await Agent(TestModel(call_tools=[tool]), toolsets=[toolset]).run("How many orders?")
    parts = [part for message in run.all_messages() for part in message.parts]
    [returned] = [part.content for part in parts if isinstance(part, ToolReturnPart)]
    return returned


rows = asyncio.run(call("rows"))
note, chart = asyncio.run(call("rows_and_chart"))
print("rows:          ", rows)
print("rows and chart:", repr(note), chart.media_type)
assert rows == {"rows": [{"sku": "TEA-1", "orders": 3}]}
assert (note, chart.media_type) == ("2 orders were left out", "image/png")
PY
