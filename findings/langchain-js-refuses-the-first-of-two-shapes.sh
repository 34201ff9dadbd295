#!/usr/bin/env bash
# Of an argument with two shapes, the client knows the second and refuses the first before the server is asked.
#
# Library: @langchain/mcp-adapters 1.1.4 with @langchain/core 1.4.0 (npm)
# Guess:   oneOf is passed to the model as the server listed it, or, for models that can't take it, is loosened to what
#          admits all of its branches.
# Really:  the branches that are objects are merged into one: properties of all, the later over the earlier, required
#          what all require. Of "kind": "PICKUP" with a slot or "kind": "DROP_OFF" with a place there is left a kind
#          that is DROP_OFF: the model is told nothing of pickup, and a valid call with it is refused as "did not match
#          expected schema". Of a text or an object there is left the object.
# Matters: MCP servers whose arguments have shapes by kind: ways to ship, discounts, reasons to refund. Put the kind in
#          an enum and the fields of all kinds beside it, optional, and let the server check what goes together.
# Seen:    2026-11-30. langchain-mcp-adapters 0.3.2 (PyPI) passes the same schema on whole.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" @langchain/mcp-adapters@1.1.4 @langchain/core@1.4.0

cat > "$dir/server.py" <<'PY'
import json
import sys

SHAPES = [
    {"kind": {"const": "PICKUP"}, "slot": {"type": "string"}},
    {"kind": {"const": "DROP_OFF"}, "place": {"type": "string"}},
]
HANDOVER = {"oneOf": [{"type": "object", "properties": shape, "required": list(shape)} for shape in SHAPES]}
NOTE = {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"text": {"type": "string"}}}]}
SCHEMA = {"type": "object", "properties": {"handover": HANDOVER, "note": NOTE}}


def answer(method, params):
    if method == "initialize":
        server = {"name": "shop", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [{"name": "ship_order", "inputSchema": SCHEMA}]}
    return {"content": [{"type": "text", "text": "shipped"}]}


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

cat > "$dir/client.mjs" <<'JS'
import assert from "node:assert";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";

const client = new MultiServerMCPClient({ mcpServers: { shop: { command: "python3", args: [process.argv[2]] } } });
const [ship] = await client.getTools();
console.log("to the model:", JSON.stringify(ship.schema.properties));
assert.deepEqual(ship.schema.properties.handover, {
  type: "object",
  properties: { kind: { const: "DROP_OFF" }, slot: { type: "string" }, place: { type: "string" } },
  required: ["kind"],
});
assert.deepEqual(ship.schema.properties.note, { type: "object", properties: { text: { type: "string" } } });

const call = (given) => ship.invoke(given).catch(({ message }) => message.split("\n")[0]);
const REFUSED = "Received tool input did not match expected schema";
const CALLS = [
  [{ handover: { kind: "PICKUP", slot: "09:00" } }, REFUSED],
  [{ handover: { kind: "DROP_OFF", place: "Leeds" } }, "shipped"],
  [{ note: "ring twice" }, REFUSED],
  [{ note: { text: "ring twice" } }, "shipped"],
];
for (const [given, expected] of CALLS) {
  const told = await call(given);
  console.log(JSON.stringify(given), told);
  assert.equal(told, expected);
}
await client.close();
JS
node "$dir/client.mjs" "$dir/server.py"
