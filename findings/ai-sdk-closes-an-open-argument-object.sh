#!/usr/bin/env bash
# A tool that takes free keys is offered to the model as a tool that takes none.
#
# Library: @ai-sdk/mcp 2.0.99 (npm), tools() without schemas of one's own
# Guess:   the input schema of an MCP tool is passed to the model as the server listed it.
# Really:  tools() sets additionalProperties to false at the root of every input schema, also over a schema there.
#          {"type": "object", "additionalProperties": {"type": "string"}} reaches the model as an object with no
#          properties that admits none: the only call left is {}. Named properties are not touched.
# Matters: MCP servers whose tools take a map, such as attribute id to value of a product, or filters by field name:
#          such a tool works in every other client and is called without arguments here. Put the map in a property.
# Seen:    2026-11-28. openai-agents 0.24.0 and langchain-mcp-adapters 0.3.2 passed the same schema on whole.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" @ai-sdk/mcp@2.0.99

cat > "$dir/server.py" <<'PY'
import json
import sys

TOOL = {"name": "set_attributes", "inputSchema": {"type": "object", "additionalProperties": {"type": "string"}}}


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

cat > "$dir/client.mjs" <<'JS'
import assert from "node:assert";
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";

const transport = new Experimental_StdioMCPTransport({ command: "python3", args: [process.argv[2]] });
const client = await createMCPClient({ transport });
const listed = (await client.listTools()).tools[0].inputSchema;
const shown = await (await client.tools()).set_attributes.inputSchema.jsonSchema;
await client.close();
console.log("as listed:   ", JSON.stringify(listed));
console.log("to the model:", JSON.stringify(shown));
assert.deepEqual(listed, { type: "object", additionalProperties: { type: "string" } });
assert.deepEqual(shown, { type: "object", additionalProperties: false, properties: {} });
JS
node "$dir/client.mjs" "$dir/server.py"
