"""Tries a server as a client would: its tools, a question in SQL, a skill, on the simulated shop."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from mcp import Client, StdioServerParameters

from mcp_server_tiktok_shop.protocol.skills import load_skills

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUESTION = "SELECT count(*) AS orders FROM orders"


class TrialError(Exception):
    """A server that was started from a package does not do what the source does."""


async def try_server(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Start the server by its command and use it.

    Returns:
        What was found, in a line.

    Raises:
        TrialError: It answers otherwise than it should.

    """
    started_at = time.monotonic()
    parameters = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment))
    async with Client(parameters) as client:
        tools = (await client.list_tools()).tools
        seconds = time.monotonic() - started_at
        result = await client.call_tool("query_shop", {"sql": QUESTION})
        answer = json.loads(result.content[0].text)  # type: ignore[union-attr]
        if result.is_error or not answer.get("sandbox"):
            raise TrialError(f"query_shop answered {answer}")
        orders = answer["data"]["result"]["rows"][0][0]
        for skill in load_skills().values():
            (content,) = (await client.read_resource(skill.uri)).contents
            if content.text != skill.text:  # type: ignore[union-attr]
                raise TrialError(f"{skill.uri} is not the file of the source")
        prompts = (await client.list_prompts()).prompts
    if not tools or not orders or len(prompts) != len(load_skills()):
        raise TrialError(f"{len(tools)} tools, {orders} orders, {len(prompts)} prompts")
    return f"{len(tools)} tools after {seconds:.1f} s, {orders} orders by SQL, {len(prompts)} skills"
