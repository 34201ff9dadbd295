#!/usr/bin/env bash
# An AI SDK client and a Python SDK server over stdio: whether they connect is decided by the first second.
#
# Library: @ai-sdk/mcp 2.0.99 (npm) with a server on mcp 2.3.0 (PyPI)
# Guess:   both speak both eras of the protocol, and what is written to a pipe waits for its reader. A server that
#          takes long to start is connected late.
# Really:  the client asks server/discover first and waits one second; then it falls back to initialize. The server,
#          once up, reads both from the pipe: the discover pins the connection to 2026-07-28, and the initialize behind
#          it is refused: "connection is serving the 2026-07-28 protocol; the initialize handshake is not
#          accepted". Each side keeps to its rules; the connection fails. It works with protocolVersionDiscovery: false.
# Matters: MCP servers. Importing the SDK takes half a second, without compiled files two; so the first start after an
#          installation fails, the second works, and on a busy machine it is chance.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
npm install --silent --prefix "$dir" @ai-sdk/mcp@2.0.99

cat > "$dir/server.py" <<'PY'
import time

time.sleep(3)  # stands for a slow start

from mcp.server import MCPServer

server = MCPServer("shop", log_level="ERROR")


@server.tool()
def get_order(order_id: str) -> str:
    return order_id


server.run()
PY

cat > "$dir/client.mjs" <<'JS'
import assert from "node:assert";
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";

async function connect(options) {
  const [command, server] = process.argv.slice(2);
  const transport = new Experimental_StdioMCPTransport({ command, args: [server], stderr: "ignore" });
  try {
    const client = await createMCPClient({ ...options, transport });
    const tools = Object.keys(await client.tools());
    await client.close();
    return `connected: ${tools}`;
  } catch (error) {
    return error.message;
  }
}

const usual = await connect({});
const without = await connect({ protocolVersionDiscovery: false });
console.log("as it comes:      ", usual);
console.log("without discovery:", without);
assert.equal(usual, "connection is serving the 2026-07-28 protocol; the initialize handshake is not accepted");
assert.equal(without, "connected: get_order");
JS
node "$dir/client.mjs" "$dir/venv/bin/python" "$dir/server.py"
