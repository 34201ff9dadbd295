"""The board is one page without network, tied to the tools whose answers it shows, for every client alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from mcp.types import TextResourceContents

from mcp_server_tiktok_shop.protocol.board.page import BOARD_URI

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

READS = {"get_worklist", "query_shop", "get_report", "get_profit", "resize_pdf"}
WRITES = {
    *("run_write_operation", "ship_orders", "cancel_orders", "decide_returns", "reply_to_buyer"),
    *("create_product", "change_prices", "change_stock", "pause_products", "resume_products"),
    "exchange_authorization_code",
}
MAX_PAGE_BYTES = 60_000


async def read_page(client: Client) -> TextResourceContents:
    contents = (await client.read_resource(BOARD_URI)).contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents


async def list_board_tools(client: Client) -> set[str]:
    tools = (await client.list_tools()).tools
    return {tool.name for tool in tools if (tool.meta or {}).get("ui") == {"resourceUri": BOARD_URI}}


async def test_the_page_is_an_app_of_one_file_that_declares_no_origin(connect: Connect) -> None:
    async with connect(sandbox="true") as client:
        page = await read_page(client)
    assert page.mime_type == "text/html;profile=mcp-app"
    assert page.uri == BOARD_URI
    assert page.meta is not None
    assert set(page.meta["ui"]["csp"]) == {"connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"}
    assert not any(page.meta["ui"]["csp"].values())
    assert page.text.startswith("<!doctype html>")
    assert len(page.text.encode()) <= MAX_PAGE_BYTES


async def test_the_page_fetches_nothing_and_makes_no_markup_of_text(connect: Connect) -> None:
    async with connect(sandbox="true") as client:
        text = (await read_page(client)).text
    assert set(re.findall(r"https?://[^\s\"'`)]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"\s(?:src|href)=|@import|url\(", text)
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML"
    assert not re.findall(rf"{markup}|eval\(|new Function|fetch\(|XMLHttp|WebSocket", text)
    assert text.count("<script>") == text.count("</script>") == 1
    assert "{scripts}" not in text
    assert "{board.css}" not in text


async def test_tools_lead_to_the_board_where_it_shows_their_answers(connect: Connect) -> None:
    async with connect(sandbox="true", confirm="asks") as client:
        assert await list_board_tools(client) == READS | WRITES


@pytest.mark.parametrize(("settings", "tools"), [({"confirm": "none"}, READS), ({"read_only": "true"}, READS)])
async def test_where_nothing_is_asked_about_no_write_leads_to_it(
    connect: Connect, settings: dict[str, str], tools: set[str]
) -> None:
    async with connect(sandbox="true", **settings) as client:
        assert await list_board_tools(client) <= tools


async def test_the_board_is_not_offered_to_a_person_as_a_resource(connect: Connect) -> None:
    async with connect(sandbox="true") as client:
        listed = (await client.list_resources()).resources
    assert BOARD_URI not in {resource.uri for resource in listed}
