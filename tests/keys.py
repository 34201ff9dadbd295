"""Keys that mean nothing, and how tests read a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from mcp import Client

APP_KEY = "6fk2test1"
APP_SECRET = "5d0c1b7e9a3f48c2test0f6e1d2c3b4a5968"
ACCESS_TOKEN = "ROW_testaccesstoken00000001"
REFRESH_TOKEN = "ROW_testrefreshtoken0000001"


def reply(result: Any) -> dict[str, Any]:
    """The one text of a result, as the object it is."""
    (content,) = result.content
    told: dict[str, Any] = json.loads(content.text)
    return told


async def call_agreed(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    """The result of a call, made anew with the `confirm` of its question: as a model does once the person agreed."""
    result = await client.call_tool(tool, arguments)
    told = reply(result)
    token = told.get("confirm") or told.get("data", {}).get("confirm")
    return await client.call_tool(tool, arguments | {"confirm": token}) if token else result


async def sign_in_address(client: Client, code: str) -> str:
    """The address that the link of this server leads back to; the server must know its service id."""
    link = reply(await client.call_tool("get_authorization_url", {}))["data"]["url"]
    return f"https://seller.example/back?code={code}&state={parse_qs(urlsplit(link).query)['state'][0]}"
