#!/usr/bin/env bash
# Of a list of tools in two pages, a client offers the first page to the model and never asks for the second.
#
# Library: mcp-use 1.7.1, langchain-mcp-adapters 0.3.2 (PyPI)
# Guess:   tools/list has had a cursor since the first version of the protocol; a client that "lists the tools" follows
#          it, as langchain-mcp-adapters does, or says that there is more.
# Really:  mcp-use asks once and drops nextCursor. A tool on the second page is not there: nothing is logged, and the
#          model says that the shop can't be asked for it. Where the list has one page nothing shows.
# Matters: MCP servers with many tools, and gateways that put several servers together. List all tools in one page.
# Seen:    2026-11-30. llama-index-tools-mcp 0.6.0, semantic-kernel 1.45.0 and mcp-haystack 2.1.1 kept to the first page
#          too; pydantic-ai 2.68.0, @langchain/mcp-adapters 1.1.4 and @mastra/mcp 2.0.0 read on.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mcp-use==1.7.1 langchain-mcp-adapters==0.3.2 mcp==1.30.0

cat > "$dir/server.py" <<'PY'
import json
import sys

PAGES = {
    None: {"tools": [{"name": "search_orders", "inputSchema": {"type": "object"}}], "nextCursor": "2"},
    "2": {"tools": [{"name": "ship_order", "inputSchema": {"type": "object"}}]},
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    return PAGES[params.get("cursor")]


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

cd "$dir" && HOME="$dir" MCP_USE_ANONYMIZED_TELEMETRY=false "$dir/venv/bin/python" - "$dir/server.py" <<'PY'
import asyncio
import sys

from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp_use import MCPClient
from mcp_use.agents.adapters.langchain_adapter import LangChainAdapter

SERVER = {"command": sys.executable, "args": [sys.argv[1]]}


async def list_by_mcp_use():
    client = MCPClient({"mcpServers": {"shop": SERVER}})
    await client.create_session("shop")
    tools = await LangChainAdapter().create_tools(client)
    await client.close_all_sessions()
    return [tool.name for tool in tools]


async def list_by_langchain():
    client = MultiServerMCPClient({"shop": SERVER | {"transport": "stdio"}})
    return [tool.name for tool in await client.get_tools()]


first, whole = asyncio.run(list_by_mcp_use()), asyncio.run(list_by_langchain())
print("mcp-use:               ", first)
print("langchain-mcp-adapters:", whole)
assert first == ["search_orders"]
assert whole == ["search_orders", "ship_order"]
PY
