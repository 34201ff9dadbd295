#!/usr/bin/env bash
# "multipleOf": 0.01 in an output schema: the server's check passes a price that the client's check refuses.
#
# Library: mcp 2.3.0 with pydantic 2.14.4 and jsonschema 4.26.0; jsonschema-rs 0.60.3
# Guess:   a tool whose pydantic model says multiple_of=0.01 publishes that in its output schema, and what the model
#          accepts the schema accepts: both come from one line. 19.99 is a multiple of 0.01.
# Really:  pydantic allows for the rounding of floats, and so does jsonschema-rs; jsonschema, with which the SDK's
#          client checks each structured result, divides floats and asks for a whole number. Of the prices from 0.01
#          to 100.00 it refuses every seventh; pydantic and jsonschema-rs none. The call has been carried out by
#          then, and the caller gets a RuntimeError instead of the result. The TypeScript SDK's client (1.32.2)
#          refuses 19.99 as well, but only if it has listed the tools before.
# Matters: MCP servers of shops. A test with 10.00 or 2.50 passes, a write goes through, and some prices fail after it.
# Seen:    2026-11-28: 1363 of 10,000 prices refused.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
  mcp==2.3.0 pydantic==2.14.4 jsonschema==4.26.0 jsonschema-rs==0.60.3

"$dir/venv/bin/python" - <<'PY'
from typing import Annotated

import anyio
import jsonschema
import jsonschema_rs
from mcp import Client
from mcp.server import MCPServer
from pydantic import BaseModel, Field, TypeAdapter

Price = Annotated[float, Field(multiple_of=0.01)]
SCHEMA = {"type": "number", "multipleOf": 0.01}


class Item(BaseModel):
    price: Price


server = MCPServer("shop", log_level="ERROR")
calls = []


@server.tool()
def set_price(price: float) -> Item:
    calls.append(price)
    return Item(price=price)


async def ask(price):
    async with Client(server) as client:
        try:
            return (await client.call_tool("set_price", {"price": price})).structured_content
        except RuntimeError as error:
            return str(error).splitlines()[0]


def refused(is_valid):
    return sum(not is_valid(pennies / 100) for pennies in range(1, 10_001))


def pydantic_valid(price, adapter=TypeAdapter(Price)):
    return adapter.validate_python(price) == price


answers = [anyio.run(ask, price) for price in (2.50, 19.99)]
print(*answers, sep="\n")
print("the tool ran for", calls)
assert answers == [
    {"price": 2.5},
    "Invalid structured content returned by tool set_price: 19.99 is not a multiple of 0.01",
]
assert calls == [2.5, 19.99]

counts = {
    "pydantic": refused(pydantic_valid),
    "jsonschema-rs": refused(jsonschema_rs.validator_for(SCHEMA).is_valid),
    "jsonschema": refused(jsonschema.Draft202012Validator(SCHEMA).is_valid),
}
print("refused of 10,000 prices:", counts)
assert counts["pydantic"] == counts["jsonschema-rs"] == 0
assert counts["jsonschema"] == 1363
PY
