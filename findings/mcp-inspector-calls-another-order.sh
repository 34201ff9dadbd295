#!/usr/bin/env bash
# The MCP Inspector's command line rounds a long order id, though the tool's schema says that it is text.
#
# Library: @modelcontextprotocol/inspector 2.12.0 (npm), --cli
# Guess:   --tool-arg order_id=... is text on a command line, and the schema says "string": it is sent as that text.
# Really:  the value is read as JSON wherever it is JSON, whatever the schema says: 5761234567890123456 becomes a
#          number and, by way of a double, 5761234567890124000. Neither the tool nor its caller sees that digits
#          are lost: with a server that takes numbers for ids leniently it is a valid call about another order. "0012"
#          is not JSON and stays text, so short tests with a leading zero pass. Quotes inside the value help:
#          --tool-arg 'order_id="5761234567890123456"'.
# Matters: MCP servers of shops, whose ids have 18 or 19 digits; the Inspector is what one tries a tool with.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" @modelcontextprotocol/inspector@2.12.0

# Answers a call with the arguments as they came; Python keeps every digit of an integer.
cat > "$dir/server.py" <<'PY'
import json
import sys

TOOL = {
    "name": "get_order",
    "inputSchema": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
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

sent() {
  "$dir/node_modules/.bin/mcp-inspector" --cli python3 "$dir/server.py" \
    --method tools/call --tool-name get_order --tool-arg "order_id=$1" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["content"][0]["text"])'
}

check() {
  local seen
  seen="$(sent "$1")"
  echo "--tool-arg order_id=$1 sends $seen"
  [[ "$seen" == "$2" ]]
}

check 5761234567890123456 '{"order_id": 5761234567890124000}'
check 0012 '{"order_id": "0012"}'
check '"5761234567890123456"' '{"order_id": "5761234567890123456"}'
