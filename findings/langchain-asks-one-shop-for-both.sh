#!/usr/bin/env bash
# Of two shops that run the same server, an agent knows the one that was named last, and is not told of the other.
#
# Library: langchain-mcp-adapters 0.3.2 with langchain 1.5.2 (PyPI)
# Guess:   servers are given by name ("uk", "us"), so tools of one name are kept apart by it, or the second one raises,
#          as in @openai/agents ("Duplicate tool names found across MCP servers").
# Really:  the list holds both tools, under the same name. create_agent() keeps tools by name: the model is given one,
#          and the call goes to the server that stands last, whatever the question was. Nothing is logged.
#          tool_name_prefix=True makes uk_get_orders and us_get_orders of them.
# Matters: a seller with two shops or two accounts and a server for each: what is asked or changed "in the UK shop" is
#          done in the other. One server that knows all shops and takes the shop as an argument has no such twin.
# Seen:    2026-11-30. smolagents 1.26.0 lists both too, and its agents refuse them; @mastra/mcp 2.0.0 puts the server's
#          name before the tool's.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
  langchain-mcp-adapters==0.3.2 langchain==1.5.2 mcp==1.30.0

cat > "$dir/server.py" <<'PY'
import json
import sys

TOOL = {"name": "get_orders", "description": "Orders", "inputSchema": {"type": "object", "properties": {}}}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    return {"tools": [TOOL]} if method == "tools/list" else {"content": [{"type": "text", "text": sys.argv[1]}]}


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

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient

SHOPS = {shop: {"command": sys.executable, "args": [sys.argv[1], f"orders of {shop}"]} for shop in ("uk", "us")}


class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **_):
        self.metadata = {"given": [tool.name for tool in tools]}
        return self


async def ask(tool, **options):
    client = MultiServerMCPClient({shop: server | {"transport": "stdio"} for shop, server in SHOPS.items()}, **options)
    tools = await client.get_tools()
    print("listed:", [tool.name for tool in tools])
    call = AIMessage("", tool_calls=[{"name": tool, "args": {}, "id": "1"}])
    model = Model(messages=iter([call, AIMessage("done")]))
    agent = create_agent(model, tools)
    run = await agent.ainvoke({"messages": [("user", "Orders of the UK shop?")]})
    [told] = [message.text for message in run["messages"] if isinstance(message, ToolMessage)]
    given = model.metadata["given"]
    print("given to the model:", given, "told:", told)
    return given, told


assert asyncio.run(ask("get_orders")) == (["get_orders"], "orders of us")
assert asyncio.run(ask("uk_get_orders", tool_name_prefix=True)) == (["uk_get_orders", "us_get_orders"], "orders of uk")
PY
