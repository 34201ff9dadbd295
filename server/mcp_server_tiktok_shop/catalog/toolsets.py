"""Selects the tools that a client lists; every other operation can still be called."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.loader import Catalog

ALWAYS_LISTED_TOOLS = (
    "list_shops",
    "find_operations",
    "describe_operation",
    "run_read_operation",
    "run_write_operation",
    "confirm_write",
    "read_result",
)
# Those of them that reach every operation and every part of a result: a client that loads tools as they are looked for
# should have these from the start.
REACHING_TOOLS = ALWAYS_LISTED_TOOLS[1:]
# A seller's day. What a job does in one call is not listed a second time as the operations that it is made of.
DEFAULT_TOOLS = (
    "get_worklist",
    "query_shop",
    "get_report",
    "get_profit",
    "ship_orders",
    "resize_pdf",
    "get_order_list",
    "get_order_detail",
    "cancel_orders",
    "decide_returns",
    "reply_to_buyer",
    "search_products",
    "get_product",
    "create_product",
    "change_prices",
    "change_stock",
    "pause_products",
    "resume_products",
    "list_changes",
    "save_result",
    "check_connection",
    "get_authorization_url",
    "exchange_authorization_code",
)


class UnknownToolError(SettingsError):
    """A toolset or tool that does not exist; the text names the nearest."""


def select_tools(catalog: Catalog, toolsets: Iterable[str], tools: Iterable[str]) -> tuple[str, ...]:
    """Select the names to list: those always there, then whole toolsets, then single tools, each once.

    A toolset is an area of the catalog, `default`, `all` or `none`. Excluded tools, and writes under read-only, are
    taken out of the list afterwards: exclusion wins over everything.

    Raises:
        UnknownToolError: One of them is no toolset or tool; the text names the nearest.

    """
    areas: dict[str, list[str]] = {}
    for operation in catalog.operations.values():
        areas.setdefault(operation.area, []).append(operation.name)
    tools_by_set = {
        **areas,
        "default": list(DEFAULT_TOOLS),
        "none": [],
        "all": [name for names in areas.values() for name in names],
    }
    set_tools = [name for toolset in toolsets for name in tools_by_set[_resolve_name(toolset, tools_by_set, "toolset")]]
    single_tools = [_resolve_name(tool, catalog.operations, "tool") for tool in tools]
    return tuple(dict.fromkeys((*ALWAYS_LISTED_TOOLS, *set_tools, *single_tools)))


def resolve_tool_names(catalog: Catalog, names: Iterable[str]) -> frozenset[str]:
    """The names, if each is a tool.

    Raises:
        UnknownToolError: One of them is no tool; the text names the nearest.

    """
    return frozenset(_resolve_name(name, catalog.operations, "tool") for name in names)


def _resolve_name(name: str, candidates: Iterable[str], kind: str) -> str:
    if name in (names := list(candidates)):
        return name
    suggestions = get_close_matches(name, names, n=1)
    did_you_mean = f"; did you mean {suggestions[0]}?" if suggestions else ""
    raise UnknownToolError(f"{name} is not a {kind}{did_you_mean}")
