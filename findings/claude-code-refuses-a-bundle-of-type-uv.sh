#!/usr/bin/env bash
# An .mcpb of server type "uv": the format's own tool finds it valid, Claude Code refuses it; as "python" it runs.
#
# Tools:   @anthropic-ai/mcpb 2.1.2, @anthropic-ai/claude-code 2.1.197 (Node 22 by npm), uv 0.11.33 (PyPI)
# Guess:   manifest 0.4 brought the type "uv" for Python servers, "mcpb validate" and "mcpb pack" take it, so every
#          program of the same maker that loads bundles does. A bundle of type "python" is for Python without uv.
# Really:  Claude Code loads bundles that a plugin names in "mcpServers", and knows three types: python, node, binary.
#          One of type "uv" is left out without a word of "claude mcp list", which says that no server is configured;
#          the reason stands in the debug log alone. What is started is "mcp_config" of the manifest in any case: with
#          the type "python" and the very same command, uv, it is connected.
# Matters: one bundle cannot serve both programs under its right type. Ship Claude Code a plugin with .mcp.json.
# Seen:    2026-11-29: the first bundle not configured, the second one connected.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.11.33
npm install --silent --no-fund --no-audit --prefix "$dir/tools" @anthropic-ai/mcpb@2.1.2 @anthropic-ai/claude-code@2.1.197
export HOME="$dir/home" PATH="$dir/tools/node_modules/.bin:$dir/venv/bin:$PATH"
mkdir -p "$HOME" "$dir/market/.claude-plugin" "$dir/market/shop/.claude-plugin" "$dir/bundle"

cat >"$dir/bundle/server.py" <<'PY'
import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        result = {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "shop", "version": "1"},
        }
    else:
        result = {"tools": []}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
PY
cat >"$dir/market/.claude-plugin/marketplace.json" <<'JSON'
{"name": "market", "owner": {"name": "nobody"}, "plugins": [{"name": "shop", "source": "./shop", "description": "A shop"}]}
JSON
cat >"$dir/market/shop/.claude-plugin/plugin.json" <<'JSON'
{"name": "shop", "version": "1.0.0", "description": "A shop", "mcpServers": "./shop.mcpb"}
JSON

list_servers() { # of a bundle of the server type $1, under the manifest version $2
  cat >"$dir/bundle/manifest.json" <<JSON
{
  "manifest_version": "$2", "name": "shop", "version": "1.0.0", "description": "A shop", "author": {"name": "nobody"},
  "server": {
    "type": "$1", "entry_point": "server.py",
    "mcp_config": {"command": "uv", "args": ["run", "--no-project", "\${__dirname}/server.py"]}
  }
}
JSON
  mcpb validate "$dir/bundle" >/dev/null
  mcpb pack "$dir/bundle" "$dir/market/shop/shop.mcpb" >/dev/null
  claude plugin marketplace add "$dir/market" >/dev/null
  claude plugin install shop@market >/dev/null
  claude mcp list 2>&1
  claude plugin uninstall shop@market >/dev/null
  claude plugin marketplace remove market >/dev/null
}

as_uv="$(list_servers uv 0.4)"
as_python="$(list_servers python 0.3)"
printf 'uv:     %s\npython: %s\n' "$as_uv" "$as_python"
grep -q "No MCP servers configured" <<<"$as_uv"
grep -q "plugin:shop:shop: uv run .* Connected" <<<"$as_python"
