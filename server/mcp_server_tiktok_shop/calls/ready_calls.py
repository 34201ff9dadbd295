"""Makes ready calls for an answer: of a tool by itself, or through the one that calls unlisted operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

WRITE_RUNNER, UNDO_JOB = "run_write_operation", "undo_job"


def make_write_call(operations: OperationDirectory, tool: str, arguments: Json) -> Json:
    """The call of a write, by the runner where there is one: the tool needs not be listed then."""
    if operations.are_available([WRITE_RUNNER]):
        return {"tool": WRITE_RUNNER, "arguments": {"name": tool, "arguments": arguments}}
    return {"tool": tool, "arguments": arguments}
