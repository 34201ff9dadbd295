"""Clients that load tools only when they are looked for find ours by everyday words."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from tests.keys import reply

if TYPE_CHECKING:
    from mcp.types import Tool

    from tests.conftest import Connect

CATALOG = Catalog()
QUESTIONS_FILE = Path(__file__).parents[1] / "catalog" / "questions.json"
REACHING_TOOLS = {"find_operations", "describe_operation", "run_read_operation", "run_write_operation", "read_result"}
SEARCH_HINT, ALWAYS_LOAD, APP = "anthropic/searchHint", "anthropic/alwaysLoad", "ui"
MAX_HINT_CHARS = 80
# What sellers ask for, and the tools of the default list that do it, before what does it among all operations.
LISTED = {
    "orders today": "get_order_list",
    "new orders": "get_order_list",
    "find order": "get_order_list",
    "which orders are not shipped yet": "get_order_list get_worklist",
    "order details": "get_order_detail",
    "order status": "get_order_detail get_order_list",
    "ship order": "ship_orders ship_package",
    "ship parcel": "ship_orders ship_package batch_ship_packages",
    "print label": "ship_orders resize_pdf get_package_shipping_document",
    "shipping label": "ship_orders resize_pdf get_package_shipping_document",
    "label too big for the printer": "resize_pdf",
    "low stock": "get_report summarize_inventory",
    "out of stock": "get_report summarize_inventory get_worklist",
    "restock": "get_report change_stock update_inventory",
    "how much stock is left": "get_report",
    "fees": "get_report",
    "how much did I earn": "get_report get_profit",
    "how much did I sell": "get_report",
    "sales this week": "get_report",
    "revenue last month": "get_report",
    "best selling product": "get_report",
    "profit of one order": "get_profit",
    "what needs me now": "get_worklist",
    "what is late": "get_worklist",
    "payout does not add up": "get_report get_worklist",
    "add product": "create_product",
    "list a new item for sale": "create_product",
    "my products": "search_products",
    "find product by sku": "search_products",
    "which shops do I have": "list_shops",
    "connect my shop": "get_authorization_url",
    "log in": "get_authorization_url",
    "not working": "check_connection",
    "export to excel": "save_result",
    "change price": "change_prices update_price",
    "raise the price": "change_prices update_price",
    "update stock": "change_stock update_inventory",
    "message buyer": "reply_to_buyer send_message",
    "reply to customer message": "reply_to_buyer send_message",
    "approve return": "decide_returns approve_return",
    "return request": "decide_returns search_returns",
    "cancel order": "cancel_orders cancel_order",
    "stop selling a product": "pause_products deactivate_products",
    "take off sale": "pause_products deactivate_products",
    "sell it again": "resume_products activate_products",
    "what was changed": "list_changes",
    "undo": "list_changes",
}
# What sellers ask for as well, and the operations that are found for it: the default list holds none of them.
UNLISTED = {
    "refund return": "search_returns create_return",
    "refund": "search_returns create_return",
    "buy label": "create_packages",
    "packing slip": "get_package_shipping_document",
    "payout": "get_payments",
    "when do I get paid": "get_payments",
    "upload photo": "upload_product_image",
    "remove product": "delete_products",
    "deactivate product": "deactivate_products pause_products",
    "carrier": "get_shipping_providers",
    "courier": "get_shipping_providers",
    "warehouse": "get_warehouse_list",
    "shopify order number": "search_orders_by_external_reference",
    "discount the buyer got on an order": "get_price_detail",
    "create promotion": "create_promotion_activity",
}


class ToolIndex:
    """Plain BM25 over a tool's name, title, description and hint: no stems, no synonyms, no weights."""

    def __init__(self, tools: list[Tool], *, k1: float = 1.5, b: float = 0.75) -> None:
        self._counts = {tool.name: Counter(words(text_of(tool))) for tool in tools}
        self._matches = Counter(word for counts in self._counts.values() for word in counts)
        self._k1, self._b = k1, b

    def search(self, query: str) -> list[str]:
        """The names of the tools that share a word with the query, best first."""
        mean = sum(counts.total() for counts in self._counts.values()) / len(self._counts)
        scores: Counter[str] = Counter()
        for word in sorted(set(words(query))):  # sums of floats depend on the order
            found = self._matches[word]
            rarity = math.log(1 + (len(self._counts) - found + 0.5) / (found + 0.5))
            for name, counts in self._counts.items():
                saturation = counts[word] + self._k1 * (1 - self._b + self._b * counts.total() / mean)
                scores[name] += rarity * counts[word] * (self._k1 + 1) / saturation  # type: ignore[assignment]
        return [name for name, score in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])) if score > 0]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def meta(tool: Tool) -> dict[str, Any]:
    return tool.meta or {}


def text_of(tool: Tool) -> str:
    assert tool.annotations is not None
    return " ".join(map(str, (tool.name, tool.annotations.title, tool.description, meta(tool).get(SEARCH_HINT, ""))))


async def listed(connect: Connect, **more: Any) -> list[Tool]:
    async with connect(sandbox=True, **more) as client:
        return (await client.list_tools()).tools


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = json.loads(QUESTIONS_FILE.read_text(encoding="utf-8"))
    return asked


async def test_everyday_words_lead_to_the_right_tool(connect: Connect) -> None:
    index = ToolIndex(await listed(connect))
    found = {question: index.search(question)[:3] for question in LISTED}
    assert {q: names for q, names in found.items() if not {*names} & {*LISTED[q].split()}} == {}


async def test_they_do_so_in_full_sight_of_every_operation(connect: Connect) -> None:
    index = ToolIndex(await listed(connect, toolsets="all"))
    asked = LISTED | UNLISTED
    found = [question for question in asked if {*index.search(question)[:3]} & {*asked[question].split()}]
    assert len(found) / len(asked) >= 0.85, sorted(asked.keys() - found)
    missed = [q for q in UNLISTED if not {*index.search(q)[:3]} & {*UNLISTED[q].split()}]
    assert len(missed) <= len(UNLISTED) // 5, missed


async def test_what_is_not_listed_is_found_by_find_operations(connect: Connect) -> None:
    index = ToolIndex(await listed(connect))
    led = [question for question in UNLISTED if "find_operations" in index.search(question)[:3]]
    assert len(led) / len(UNLISTED) >= 0.9, UNLISTED.keys() - led
    async with connect(sandbox=True) as client:
        for question, names in UNLISTED.items():
            told = reply(await client.call_tool("find_operations", {"query": question, "limit": 3}))
            assert {operation["name"] for operation in told["data"]["operations"]} & {*names.split()}, question


async def test_what_is_listed_is_found_by_find_operations_too(connect: Connect) -> None:
    """A server can be started without its list; then this is the only way."""
    async with connect(sandbox=True, toolsets="none") as client:
        missed = []
        for question, names in LISTED.items():
            told = reply(await client.call_tool("find_operations", {"query": question}))
            if not {operation["name"] for operation in told["data"]["operations"]} & {*names.split()}:
                missed.append(question)
    assert len(missed) <= len(LISTED) // 10, missed


async def test_hints_help_where_all_is_listed(connect: Connect, questions: list[dict[str, Any]]) -> None:
    """Questions written before there were any hints: six of ten are answered by plain words, with the hints."""
    tools = await listed(connect, toolsets="all")
    index = ToolIndex(tools)
    found = sum(bool({*index.search(q["ask"])[:3]} & {*q["expect"]}) for q in questions)
    assert found / len(questions) >= 0.6


@pytest.mark.parametrize("more", [{}, {"toolsets": "all"}, {"toolsets": "none"}, {"read_only": True}])
async def test_the_five_that_reach_everything_are_loaded_at_once(connect: Connect, more: dict[str, Any]) -> None:
    tools = await listed(connect, **more)
    loaded = {tool.name for tool in tools if meta(tool).get(ALWAYS_LOAD)}
    assert loaded == REACHING_TOOLS & {tool.name for tool in tools}
    assert all(meta(tool)[ALWAYS_LOAD] is True for tool in tools if ALWAYS_LOAD in meta(tool))


async def test_a_hint_is_short_and_says_something_new(connect: Connect) -> None:
    for tool in await listed(connect, toolsets="all"):
        assert meta(tool).keys() <= {SEARCH_HINT, ALWAYS_LOAD, APP}, tool.name
        hint = meta(tool).get(SEARCH_HINT)
        if hint is None:
            continue
        assert hint == " ".join(hint.split())
        assert len(hint) <= MAX_HINT_CHARS, tool.name
        tool.meta = {}
        assert {*words(hint)} - {*words(text_of(tool))}, tool.name
