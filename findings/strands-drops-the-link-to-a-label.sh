#!/usr/bin/env bash
# A link in a tool's answer, and a file in it, are taken out before the model sees the answer.
#
# Library: strands-agents 1.62.0 with mcp 2.1.1 (PyPI)
# Guess:   a block that a model can't take is written out as text (name and address of a link, name and type of a file)
#          or is at least named as left out.
# Really:  resource links, and embedded files that are neither text nor picture, are dropped; a line in the debug log is
#          all that says so. An answer that is a link alone arrives as a success with no content.
# Matters: MCP servers that hand out labels and exports as links, as the protocol suggests: the model answers that the
#          shop gave no label, and makes another. Give the place as text beside the link.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check strands-agents==1.62.0 mcp==2.1.1

cat > "$dir/server.py" <<'PY'
import json
import sys

TEXT = {"type": "text", "text": "1 label"}
LINK = {"type": "resource_link", "uri": "file:///labels/1.pdf", "name": "1.pdf", "mimeType": "application/pdf"}
FILE = {"type": "resource", "resource": {"uri": "file:///1.pdf", "mimeType": "application/pdf", "blob": "JVBERi0="}}
TABLE = {"type": "resource", "resource": {"uri": "file:///1.csv", "mimeType": "text/csv", "text": "sku,quantity"}}
ANSWERS = {"all_kinds": [TEXT, LINK, FILE, TABLE], "link_alone": [LINK]}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ANSWERS]}
    return {"content": ANSWERS[params["name"]]}


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

from mcp import StdioServerParameters, stdio_client
from strands.tools.mcp import MCPClient

server = StdioServerParameters(command=sys.executable, args=sys.argv[1:])
seen = {}
with MCPClient(lambda: stdio_client(server)) as client:
    for tool in client.list_tools_sync():
        result = client.call_tool_sync("1", tool.tool_name, {})
        seen[tool.tool_name] = result["status"], result["content"]
        print(f"{tool.tool_name:11} {result['status']} {result['content']}")
assert seen == {
    "all_kinds": ("success", [{"text": "1 label"}, {"text": "sku,quantity"}]),
    "link_alone": ("success", []),
}
PY
