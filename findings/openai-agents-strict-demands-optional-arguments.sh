#!/usr/bin/env bash
# With strict schemas, the OpenAI Agents SDK makes a tool's optional arguments required and gives no way to say "none".
#
# Library: openai-agents 0.24.0 (with mcp 2.3.0), mcp_config {"convert_schemas_to_strict": True}
# Guess:   OpenAI's strict mode wants all properties required and has optional ones written as a union with null; a
#          conversion to strict does that, and leaves out the nulls in the call.
# Really:  all properties are put in "required" and their types stay as they were: the model must make up a value for
#          each filter that it does not want. Arguments of the wrong kind are not held back either: nulls that a model
#          sends all the same go to the server as they are.
# Matters: MCP servers of shops: a search with ten optional filters is called with ten filters, and finds nothing.
#          An answer that is empty looks like a shop without orders, not like an error.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openai-agents==0.24.0 mcp==2.3.0

cat > "$dir/server.py" <<'PY'
import json
import sys

TOOL = {
    "name": "search_orders",
    "inputSchema": {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "status": {"type": "string", "enum": ["PAID", "SHIPPED"]},
            "buyer_id": {"type": "string"},
        },
        "required": ["query"],
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
    known = message["method"] in {"initialize", "tools/list", "tools/call"}
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if known:
        reply["result"] = answer(message["method"], message.get("params", {}))
    else:
        reply["error"] = {"code": -32601, "message": "Method not found"}
    print(json.dumps(reply), flush=True)
PY

OPENAI_AGENTS_DISABLE_TRACING=1 "$dir/venv/bin/python" - "$dir/server.py" <<'PY'
import asyncio
import json
import sys

from agents import Agent, RunContextWrapper
from agents.mcp import MCPServerStdio, MCPUtil
from agents.tool_context import ToolContext


async def main():
    async with MCPServerStdio({"command": sys.executable, "args": [sys.argv[1]]}) as server:
        listed = (await server.list_tools())[0].input_schema
        [tool] = await MCPUtil.get_function_tools(server, True, RunContextWrapper(None), Agent(name="shop"))
        call = json.dumps({"query": "tea", "status": None, "buyer_id": None})
        context = ToolContext(context=None, tool_name=tool.name, tool_call_id="1", tool_arguments=call)
        sent = await tool.on_invoke_tool(context, call)
    print("as listed:   ", json.dumps(listed))
    print("to the model:", json.dumps(tool.params_json_schema))
    print("nulls sent:  ", sent["text"])
    assert listed["required"] == ["query"]
    assert tool.strict_json_schema
    assert tool.params_json_schema["required"] == ["query", "status", "buyer_id"]
    assert tool.params_json_schema["properties"] == listed["properties"]
    assert json.loads(sent["text"]) == json.loads(call)


asyncio.run(main())
PY
