"""Lists tools as a client sees them, from the operations' records: names, words, schemas, annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema
from mcp_server_tiktok_shop.catalog.toolsets import REACHING_TOOLS
from mcp_server_tiktok_shop.protocol.board.page import BOARD_URI

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.calls.confirmation_rule import ConfirmationRule
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

# Every client is told of the board: a list may not differ by connection, hosts that know no apps pass over it, and no
# model reads it. The older key, `ui/resourceUri`, is not written beside it: the stable specification reads this one.
BOARD_LINK = {"ui": {"resourceUri": BOARD_URI}}


def list_tools(
    operations: OperationDirectory, names: Iterable[str], confirmation_rule: ConfirmationRule, *, list_shop: bool
) -> list[Json]:
    """Those of the named tools that this server does, in that order, as they stand on the wire.

    Arguments that nothing here asks for are left out of the schemas: `shop` without `list_shop`, and `confirm` where
    no token is ever given out, or a tool takes it alone. They are accepted all the same. That tool is left out where
    nothing is asked about.
    """
    always_hidden = set() if list_shop else {"shop"}
    return [
        _to_tool(
            operation,
            always_hidden | (set() if confirmation_rule.lists_token(operation) else {"confirm"}),
            shows_board=operation.shows_board or confirmation_rule.may_show_preview(operation),
        )
        for operation in filter(operations.policy.is_available, map(operations.get, names))
        if operation.delegates_to != "confirmed" or confirmation_rule.policy != "none"
    ]


def _to_tool(operation: Operation, hidden_arguments: set[str], *, shows_board: bool) -> Json:
    """A tool by the names of the protocol, in the order in which the SDK writes them."""
    meta = _build_search_meta(operation) | (BOARD_LINK if shows_board else {})
    return ({"_meta": meta} if meta else {}) | {
        "annotations": {
            "destructiveHint": operation.effect == "destructive",
            "idempotentHint": operation.effect == "read",
            "openWorldHint": operation.uses_platform or operation.delegates_to is not None or operation.takes_shop,
            "readOnlyHint": operation.effect == "read",
            "title": operation.title,
        },
        "description": operation.description,
        "inputSchema": build_tool_schema(operation, hidden_arguments=hidden_arguments),
        "name": operation.name,
    }


def _build_search_meta(operation: Operation) -> Json:
    """What clients that defer tools read, as Claude Code names it: load this one always, or find it by these words."""
    if operation.name in REACHING_TOOLS:
        return {"anthropic/alwaysLoad": True}
    return {"anthropic/searchHint": operation.search_hint} if operation.search_hint else {}
