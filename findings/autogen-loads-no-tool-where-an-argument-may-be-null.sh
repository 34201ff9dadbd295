#!/usr/bin/env bash
# One argument of one tool that may be null, written ["string", "null"], and no tool of the server is there.
#
# Library: autogen-ext 0.7.5 with mcp 1.30.0 (PyPI), mcp_server_tools()
# Guess:   "type": ["string", "null"] is what many schema libraries write for an optional text; a client passes it on,
#          or leaves out the one tool that it can't take, with a warning.
# Really:  each schema is made into a pydantic model when the tools are listed, and a list as type raises "unhashable
#          type: 'list'" out of mcp_server_tools(): neither the tool nor the argument is named, and the other tools are
#          lost with it. So does {"const": "GBP"} without a type beside it, with a message of its own. anyOf of string
#          and null, and a const with its type, load.
# Matters: MCP servers with many tools, of which one schema decides over all. Give each schema one type: nullable
#          arguments as anyOf, or not required and without null.
# Seen:    2026-11-30. McpWorkbench of the same version passes both schemas on as they are.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "autogen-ext[mcp]==0.7.5" mcp==1.30.0

cat > "$dir/server.py" <<'PY'
import json
import sys

note = json.loads(sys.argv[1])
TOOLS = [
    {"name": "search_orders", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "ship_order", "inputSchema": {"type": "object", "properties": {"note": note}}},
]


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    return {"tools": TOOLS}


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] in {"initialize", "tools/list"}:
        reply["result"] = answer(message["method"], message.get("params") or {})
    else:
        reply["error"] = {"code": -32601, "message": "Method not found"}
    print(json.dumps(reply), flush=True)
PY

"$dir/venv/bin/python" - "$dir/server.py" <<'PY'
import asyncio
import json
import sys

from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams, mcp_server_tools


def serve(schema):
    return StdioServerParams(command=sys.executable, args=[sys.argv[1], json.dumps(schema)], read_timeout_seconds=60)


async def load(schema):
    [tools] = await asyncio.gather(mcp_server_tools(serve(schema)), return_exceptions=True)
    return f"{type(tools).__name__}: {tools}" if isinstance(tools, Exception) else [tool.name for tool in tools]


async def list_by_workbench(schema):
    async with McpWorkbench(serve(schema)) as workbench:
        return [tool["name"] for tool in await workbench.list_tools()]


BOTH = ["search_orders", "ship_order"]
REFUSED = {
    '{"type": ["string", "null"]}': "TypeError: unhashable type: 'list'",
    '{"const": "GBP"}': (
        "UnsupportedKeywordError: Unsupported or missing type `None` for field `note` in `GeneratedModel`"
    ),
}
for schema, error in REFUSED.items():
    loaded = asyncio.run(load(json.loads(schema)))
    print(f"{schema:52}", loaded)
    assert loaded == error
    assert asyncio.run(list_by_workbench(json.loads(schema))) == BOTH
for schema in ('{"anyOf": [{"type": "string"}, {"type": "null"}]}', '{"type": "string", "const": "GBP"}'):
    loaded = asyncio.run(load(json.loads(schema)))
    print(f"{schema:52}", loaded)
    assert loaded == BOTH
PY
