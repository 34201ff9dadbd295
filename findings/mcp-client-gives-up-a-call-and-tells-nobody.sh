#!/usr/bin/env bash
# A call that the client has given up, by its own timeout or because it was cancelled, goes on in the server.
#
# Library: mcp 1.30.0 and 2.3.0 (PyPI), ClientSession
# Guess:   the protocol has notifications/cancelled for this, and asks for it after a timeout: a client that raises
#          "timed out" has told the server to stop.
# Really:  1.30.0 sends nothing, neither when read_timeout_seconds is over nor when the task around call_tool is
#          cancelled: the server reads the next request, and works on. 2.3.0 sends it in both cases. Many clients,
#          adapters of agent frameworks among them, are on the first line still.
# Matters: writes. The person presses stop, the client says "timed out", and the order is shipped a moment later; a
#          second try ships it again. A server can't count on being told: it needs a deadline of its own, and a way to
#          find out what became of a call.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT

cat > "$dir/server.py" <<'PY'
import json
import sys


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    return {"tools": [{"name": "ship_order", "inputSchema": {"type": "object"}}]}


with open(sys.argv[1], "a") as received:
    for line in sys.stdin:
        message = json.loads(line)
        print(message["method"], file=received, flush=True)
        if "id" not in message or message["method"] == "tools/call":
            continue
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] in {"initialize", "tools/list"}:
            reply["result"] = answer(message["method"], message.get("params") or {})
        else:
            reply["error"] = {"code": -32601, "message": "Method not found"}
        print(json.dumps(reply), flush=True)
PY

cat > "$dir/client.py" <<'PY'
import asyncio
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

server, received = sys.argv[1], Path(sys.argv[2])
OLD = version("mcp").startswith("1.")
SOON = timedelta(milliseconds=200) if OLD else 0.2


def count_calls():
    return received.read_text().split().count("tools/call")


async def main():
    parameters = StdioServerParameters(command=sys.executable, args=[server, str(received)])
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        [timed_out] = await asyncio.gather(
            session.call_tool("ship_order", {}, read_timeout_seconds=SOON), return_exceptions=True
        )
        cancelled = asyncio.create_task(session.call_tool("ship_order", {}))
        while count_calls() < 2:
            await asyncio.sleep(0.05)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        await session.list_tools()
        print("mcp", version("mcp"), "raised:", timed_out)
        assert isinstance(timed_out, Exception) and cancelled.cancelled()


asyncio.run(main())
methods = [method for method in received.read_text().split() if method in {"tools/call", "notifications/cancelled"}]
print("  received:", *methods)
given_up = ["tools/call"] if OLD else ["tools/call", "notifications/cancelled"]
assert methods == given_up * 2
PY

for version in 1.30.0 2.3.0; do
  python3 -m venv "$dir/$version"
  "$dir/$version/bin/pip" install --quiet --disable-pip-version-check "mcp==$version"
  "$dir/$version/bin/python" "$dir/client.py" "$dir/server.py" "$dir/received-$version"
done
