#!/usr/bin/env bash
# Asks the MCP Inspector what it thinks of the tools, and has it call one, on the simulated shop.
set -euo pipefail
server=$1
export npm_config_loglevel=error
inspector=(npx --yes @modelcontextprotocol/inspector@2 --cli "$server" --sandbox)
export TIKTOK_SHOP_LOG_LEVEL=error
count='import json, sys; d = json.load(sys.stdin); print(len(d.get("tools", d.get("result", {}).get("tools", []))), "tools")'
for era in legacy modern; do
  for toolsets in default all; do
    echo "== tools/list, strict, $era, toolsets $toolsets"
    "${inspector[@]}" --toolsets "$toolsets" --method tools/list --strict --protocol-era "$era" --format json |
      python3 -c "$count"
  done
  echo "== tools/call get_order_list, $era"
  "${inspector[@]}" --method tools/call --tool-name get_order_list --tool-args-json '{"page_size": 1}' \
    --protocol-era "$era" | head -c 300
  echo
done
