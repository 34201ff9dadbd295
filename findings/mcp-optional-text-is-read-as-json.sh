#!/usr/bin/env bash
# MCPServer takes the text of an optional argument for JSON; that of a required one it leaves alone.
#
# Library: mcp 2.3.0 (MCPServer), both protocol eras
# Guess:   `text: str | None = None` accepts the strings that `text: str` accepts, and None besides.
# Really:  since clients send lists and objects as JSON text, MCPServer decodes a str for each argument whose type is
#          not exactly str, and passes on what comes out if that is null, a list or an object. With `str | None` the
#          text "null" arrives as None, and "[1]" or '{"a": 1}' is refused as "Input should be a valid string".
# Matters: MCP servers of shops. A seller's note, a reply to a buyer or a product attribute is optional text, and some
#          platforms want JSON as text in such a field: refused here, and "null" as a value clears the field.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0 pydantic==2.14.4

"$dir/venv/bin/python" - <<'PY'
import anyio
from mcp import Client
from mcp.server import MCPServer

server = MCPServer("shop", log_level="ERROR")


@server.tool()
def required(text: str) -> str:
    return repr(text)


@server.tool()
def optional(text: str | None = None) -> str:
    return repr(text)


async def ask(mode):
    seen = {}
    async with Client(server, mode=mode) as client:
        for text in ("hello", "12", "null", "[1]", '{"a": 1}'):
            for tool in ("required", "optional"):
                result = await client.call_tool(tool, {"text": text})
                words = result.content[0].text.splitlines()
                seen[tool, text] = words[2].strip().partition(" [")[0] if result.is_error else words[0]
                print(f"{mode:6} {tool} {text:9} -> {seen[tool, text]}")
    return seen


for mode in ("auto", "legacy"):
    seen = anyio.run(ask, mode)
    assert all(words == repr(text) for (tool, text), words in seen.items() if tool == "required")
    assert seen["optional", "hello"] == "'hello'"
    assert seen["optional", "12"] == "'12'"
    assert seen["optional", "null"] == "None"
    assert seen["optional", "[1]"] == seen["optional", '{"a": 1}'] == "Input should be a valid string"
PY
