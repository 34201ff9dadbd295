#!/usr/bin/env bash
# The .data of a FastMCP client's result leaves out fields that the answer has, and adds fields that it has not.
#
# Library: fastmcp 4.2.3 (client)
# Guess:   .data is the structured content as Python objects: more handy than .structured_content, the same facts.
# Really:  it is an object of a class built from the output schema. What the schema does not name is dropped without a
#          word, inside lists too, though an open schema allows it and .structured_content has it; what the answer
#          left out is there as None; "order-id" becomes order_id, and a URL is rewritten to normal form.
# Matters: MCP servers over a shop API that gains fields every month: a test by .data says that a field is missing
#          which is on the wire, or that an absent field is null, which in a shop API may mean "cleared".
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check fastmcp==4.2.3

"$dir/venv/bin/python" - <<'PY'
import asyncio
from dataclasses import asdict

from fastmcp import Client, FastMCP
from fastmcp.tools import ToolResult

TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"sku": TEXT}}
SCHEMA = {
    "type": "object",
    "properties": {
        "order-id": TEXT,
        "note": TEXT,
        "link": {"type": "string", "format": "uri"},
        "items": {"type": "array", "items": ITEM},
    },
}
ORDER = {
    "order-id": "1",
    "link": "https://Shop.test/1",
    "status": "PAID",
    "items": [{"sku": "A", "gift": True}],
}
server = FastMCP("shop")


@server.tool(output_schema=SCHEMA)
def get_order() -> ToolResult:
    return ToolResult(structured_content=ORDER)


async def main():
    async with Client(server) as client:
        result = await client.call_tool("get_order")
    print("structured_content:", result.structured_content)
    print("data:              ", result.data)
    assert result.structured_content == ORDER
    assert asdict(result.data).keys() == {"order_id", "note", "link", "items"}
    assert result.data.note is None
    assert str(result.data.link) == "https://shop.test/1"
    assert [asdict(item) for item in result.data.items] == [{"sku": "A"}]


asyncio.run(main())
PY
