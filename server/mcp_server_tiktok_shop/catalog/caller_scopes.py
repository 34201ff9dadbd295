"""The scopes of a caller's access token, and which of them an operation requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import CallerScope, Operation

READ_SCOPE: CallerScope = "shop:read"  # without it nothing at all is answered
WRITE_SCOPE: CallerScope = "shop:write"
ADMIN_SCOPE: CallerScope = "shop:admin"
CALLER_SCOPES = (READ_SCOPE, WRITE_SCOPE, ADMIN_SCOPE)


def find_scope(operation: Operation) -> CallerScope:
    """The scope that a call wants: what its record names, else by whether it changes the shop.

    What writes files here alone changes nothing at the shop, and is a reader's, as it is on a read-only server.
    """
    if operation.caller_scope is not None:
        return operation.caller_scope
    return WRITE_SCOPE if operation.changes_shop else READ_SCOPE
