"""Lists tools as a client sees them: names, words, schemas and annotations, all from the operations' records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.types import Tool, ToolAnnotations

from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema
from mcp_server_tiktok_shop.catalog.toolsets import REACHING_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory


def list_tools(
    operations: OperationDirectory, names: Iterable[str], confirmation_gate: ConfirmationGate, *, list_shop: bool
) -> list[Tool]:
    """Those of the named tools that this server does, in that order.

    Arguments that nothing here asks for are left out of the schemas: `shop` without `list_shop`, and `confirm` where
    no token is ever given out, or a tool takes it alone. They are accepted all the same. That tool is left out where
    nothing is asked about.
    """
    always_hidden = set() if list_shop else {"shop"}
    return [
        _to_tool(operation, always_hidden | (set() if confirmation_gate.lists_token(operation) else {"confirm"}))
        for operation in filter(operations.policy.is_available, map(operations.get, names))
        if operation.delegates_to != "confirmed" or confirmation_gate.policy != "none"
    ]


def _to_tool(operation: Operation, hidden_arguments: set[str]) -> Tool:
    return Tool(
        name=operation.name,
        description=operation.description,
        input_schema=build_tool_schema(operation, hidden_arguments=hidden_arguments),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=operation.effect == "read",
            destructive_hint=operation.effect == "destructive",
            idempotent_hint=operation.effect == "read",
            open_world_hint=operation.uses_platform or operation.delegates_to is not None or operation.takes_shop,
        ),
        _meta=_build_meta(operation),
    )


def _build_meta(operation: Operation) -> dict[str, Any] | None:
    """What clients that defer tools read, as Claude Code names it: load this one always, or find it by these words."""
    if operation.name in REACHING_TOOLS:
        return {"anthropic/alwaysLoad": True}
    return {"anthropic/searchHint": operation.search_hint} if operation.search_hint else None
