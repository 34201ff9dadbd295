#!/usr/bin/env bash
# A call with one argument reaches the server with all the others too, as null.
#
# Library: mcp-use 1.7.1 (PyPI), its tools for LangChain
# Guess:   what the model leaves out is left out of the call: none of the properties is nullable in the tool's schema,
#          and a client that makes a pydantic model of it sends what was set.
# Really:  every optional property becomes "type or null, default null", so the model is told that null is a value, and
#          is sent with each call. "enum" is lost on the way: the model is not told which statuses there are.
# Matters: MCP servers of shops. One that checks calls by its own schema refuses every one of them; one that passes them
#          on edits a product with title null and price null. Read null as "not given", or refuse it by name.
# Seen:    2026-11-30. langchain-mcp-adapters 0.3.2 sends what was set and shows the schema as it is.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mcp-use==1.7.1 langchain-mcp-adapters==0.3.2 mcp==1.30.0

# Answers a call with the arguments as they came.
cat > "$dir/server.py" <<'PY'
import json
import sys

TOOL = {
    "name": "edit_product",
    "inputSchema": {
        "type": "object",
        "properties": {
            "product_id": {"type": "string"},
            "title": {"type": "string"},
            "price": {"type": "string"},
            "status": {"type": "string", "enum": ["ACTIVATE", "DEACTIVATE"]},
        },
        "required": ["product_id"],
    },
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [TOOL]}
    return {"content": [{"type": "text", "text": json.dumps(params["arguments"])}]}


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

cd "$dir" && HOME="$dir" MCP_USE_ANONYMIZED_TELEMETRY=false "$dir/venv/bin/python" - "$dir/server.py" <<'PY'
import asyncio
import json
import sys

from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp_use import MCPClient
from mcp_use.agents.adapters.langchain_adapter import LangChainAdapter

SERVER = {"command": sys.executable, "args": [sys.argv[1]]}
CALL = {"product_id": "1729384756012345678"}


async def call_by_mcp_use():
    client = MCPClient({"mcpServers": {"shop": SERVER}})
    await client.create_session("shop")
    [tool] = await LangChainAdapter().create_tools(client)
    sent = json.loads(await tool.ainvoke(CALL))
    await client.close_all_sessions()
    return sent, tool.args_schema.model_json_schema()["properties"]["status"]


async def call_by_langchain():
    [tool] = await MultiServerMCPClient({"shop": SERVER | {"transport": "stdio"}}).get_tools()
    [block] = await tool.ainvoke(CALL)
    return json.loads(block["text"]), tool.args_schema["properties"]["status"]


seen = {"mcp-use": asyncio.run(call_by_mcp_use()), "langchain-mcp-adapters": asyncio.run(call_by_langchain())}
for client, (sent, status) in seen.items():
    print(f"{client:23} sent {json.dumps(sent)}")
    print(f"{'':23} shown to the model: status {json.dumps(status)}")
sent, status = seen["mcp-use"]
assert sent == CALL | {"title": None, "price": None, "status": None}
assert status["anyOf"] == [{"type": "string"}, {"type": "null"}]
sent, status = seen["langchain-mcp-adapters"]
assert sent == CALL
assert status["enum"] == ["ACTIVATE", "DEACTIVATE"]
PY
