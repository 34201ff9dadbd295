"""What is told to directories holds: each trial of `docs/listing.md` comes out so, and every tool says what it does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.test_documents import PAGES

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

TRIALS = PAGES["docs/listing.md"].partition("## Trials")[2].partition("## Tools")[0]
ROW = re.compile(r"^\| (?P<ask>[A-Z][^|]+) \| (?P<calls>`[^|]+`) \| (?P<outcome>[^|]+) \|$", re.MULTILINE)
CALL = re.compile(r"`(\w+) (\{.*?\})`(?= )")
WORKING, REFUSED = (ROW.findall(part) for part in TRIALS.split("### What should be refused"))


async def play(client: Client, calls: str) -> list[dict[str, Any]]:
    """The answers of a row's calls, each with the token of the one before."""
    answers: list[dict[str, Any]] = []
    for tool, arguments in CALL.findall(f"{calls} "):
        filled = arguments.replace("<confirm>", answers[-1].get("confirm", "") if answers else "")
        result = await client.call_tool(tool, json.loads(filled))
        answers.append(json.loads(result.content[0].text) | {"is_error": result.is_error})  # type: ignore[union-attr]
    return answers


def test_there_are_as_many_trials_as_directories_ask_for() -> None:
    assert len(WORKING) == 5
    assert len(REFUSED) == 3


@pytest.mark.parametrize(("ask", "calls", "outcome"), WORKING)
async def test_what_should_work_does(connect: Connect, ask: str, calls: str, outcome: str) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(), confirm="asks") as client:
        answers = await play(client, calls)
    assert answers
    assert not [answer for answer in answers if answer["is_error"]], ask
    for answer in answers[:-1]:
        assert answer["status"] == "confirmation_required"
        assert answer["preview"]["to_do"] > 0
    text = json.dumps(answers[-1])
    if "`agrees`" in outcome:
        totals = answers[-1]["data"]["totals"]
        assert totals["rows"][0][totals["columns"].index("agrees")] is True
    if "seven rows" in outcome:
        assert len(answers[-1]["data"]["table"]["rows"]) == 7
    if "PDF" in outcome:
        assert ".pdf" in text
    if "kind by kind" in outcome:
        kinds = {row[0] for row in answers[-1]["data"]["kinds"]["rows"]}
        assert {"parcels_to_ship", "cancellations", "returns", "chats"} <= kinds


@pytest.mark.parametrize(("ask", "calls", "outcome"), REFUSED)
async def test_what_should_be_refused_is(connect: Connect, ask: str, calls: str, outcome: str) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(), confirm="asks") as client:
        (answer,) = await play(client, calls)
        changes = json.loads((await client.call_tool("list_changes", {})).content[0].text)  # type: ignore[union-attr]
    assert answer["is_error"], ask
    assert outcome.startswith(f"`{answer['error']}`")
    assert changes["data"]["writes"] == 0


async def test_every_tool_has_a_title_and_says_what_it_does(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5), toolsets="all", confirm="asks") as client:
        tools = (await client.list_tools()).tools
    assert len(tools) > 300
    for tool in tools:
        assert tool.annotations is not None, tool.name
        told = tool.annotations.model_dump()
        assert told["title"]
        hints = {name: told[name] for name in told if name != "title"}
        assert len(hints) == 4
        assert None not in hints.values(), tool.name
        assert not (hints["read_only_hint"] and hints["destructive_hint"]), tool.name
        assert re.fullmatch(r"[a-z0-9_]{1,40}", tool.name)
