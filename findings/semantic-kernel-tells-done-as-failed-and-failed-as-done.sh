#!/usr/bin/env bash
# A call that was carried out and answers with a link is told as failed; one that was refused is told as an answer.
#
# Library: semantic-kernel 1.45.0 with mcp 1.30.0 (PyPI), MCPStdioPlugin
# Guess:   isError decides whether a call failed: with it the function raises, or its result says so; without it there
#          is a result, and a block that the client can't use is left out of it.
# Really:  isError is not looked at: "order not found" comes back as a plain result. A resource_link in the answer makes
#          the call raise "Failed to call tool 'ship_order'" instead, though the server has shipped by then; the text
#          beside the link is lost. The same answer without the link arrives.
# Matters: MCP servers of shops: writes whose answer links to a label or a file. An agent that reads "failed" does it
#          again, and one that counts exceptions sees none where orders were refused. Give a file's place as text as
#          well, and say in the text that something failed.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile semantic-kernel==1.45.0 mcp==1.30.0

# Writes down which calls it has carried out.
cat > "$dir/server.py" <<'PY'
import json
import sys

SHIPPED = {"type": "text", "text": "shipped"}
LABEL = {"type": "resource_link", "uri": "file:///labels/1.pdf", "name": "1.pdf", "mimeType": "application/pdf"}
ANSWERS = {
    "ship_order": {"content": [SHIPPED, LABEL]},
    "ship_without_label": {"content": [SHIPPED]},
    "cancel_order": {"content": [{"type": "text", "text": "order not found"}], "isError": True},
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ANSWERS]}
    with open(sys.argv[1], "a", encoding="utf-8") as done:
        done.write(params["name"] + "\n")
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

"$dir/venv/bin/python" - "$dir/server.py" "$dir/done" <<'PY'
import asyncio
import logging
import pathlib
import sys

from semantic_kernel import Kernel
from semantic_kernel.connectors.mcp import MCPStdioPlugin
from semantic_kernel.exceptions import KernelInvokeException

logging.disable()


async def main():
    seen = {}
    async with MCPStdioPlugin(name="shop", command=sys.executable, args=sys.argv[1:]) as plugin:
        kernel = Kernel()
        kernel.add_plugin(plugin)
        for name in ("ship_order", "ship_without_label", "cancel_order"):
            try:
                seen[name] = str(await kernel.invoke(plugin_name="shop", function_name=name))
            except KernelInvokeException as error:
                seen[name] = f"raised: {error.__cause__}"
    return seen


seen = asyncio.run(main())
done = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").split()
for name, told in seen.items():
    print(f"{name:19} {told}")
print("reached the server:", *done)
assert seen == {
    "ship_order": "raised: Failed to call tool 'ship_order'.",
    "ship_without_label": "shipped",
    "cancel_order": "order not found",
}
assert done == list(seen)
PY
