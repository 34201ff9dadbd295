#!/usr/bin/env bash
# Of an answer in several blocks the model is shown the first; a refusal looks like an answer, rows alone a failure.
#
# Library: smolagents 1.26.0 with mcpadapt 0.1.19 (PyPI), MCPClient(structured_output=False)
# Guess:   the text blocks of an answer are joined, isError makes the call an error, and an answer that is rows alone
#          (structuredContent) or empty is a result.
# Really:  the first block is all: a note before the rows hides the rows, a chart before them hides them too. The log
#          has a line "returned multiple content", which the model does not see. A refused call comes back as its text,
#          as if it had been carried out. An answer with structuredContent and no block raises "returned an empty
#          content".
# Matters: MCP servers that put a warning, a page note or a picture beside the rows. Put all that must be seen into the
#          first block, as text, repeat structuredContent there, and say in the text itself that something failed.
# Seen:    2026-11-30. dspy 3.4.1 gives all text blocks and, where there is one, no picture and no link.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "smolagents[mcp]==1.26.0" mcpadapt==0.1.19 mcp==1.30.0

cat > "$dir/server.py" <<'PY'
import json
import sys

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
CHART = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
NOTE = {"type": "text", "text": "2 orders were left out"}
ROWS = {"type": "text", "text": '{"rows": [{"sku": "TEA-1", "orders": 3}]}'}
ANSWERS = {
    "rows": {"content": [ROWS]},
    "note_and_rows": {"content": [NOTE, ROWS]},
    "chart_and_rows": {"content": [CHART, ROWS]},
    "refused": {"content": [{"type": "text", "text": "order 12 is shipped already"}], "isError": True},
    "rows_without_text": {"content": [], "structuredContent": {"rows": []}},
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        schema = {"type": "object", "properties": {}}
        return {"tools": [{"name": name, "description": name, "inputSchema": schema} for name in ANSWERS]}
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
import sys

from mcp import StdioServerParameters
from smolagents import MCPClient

EXPECTED = {
    "rows": '{"rows": [{"sku": "TEA-1", "orders": 3}]}',
    "note_and_rows": "2 orders were left out",
    "chart_and_rows": "PngImageFile",
    "refused": "order 12 is shipped already",
    "rows_without_text": "ValueError: tool rows_without_text returned an empty content",
}


def call(tool):
    try:
        told = tool()
    except ValueError as error:
        return f"ValueError: {error}"
    return told if isinstance(told, str) else type(told).__name__


with MCPClient(StdioServerParameters(command=sys.executable, args=sys.argv[1:]), structured_output=False) as tools:
    for tool in tools:
        told = call(tool)
        print(f"{tool.name:18}", told)
        assert told == EXPECTED[tool.name]
    assert len(tools) == len(EXPECTED)
PY
