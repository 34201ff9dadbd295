"""What a request's access token allows, from where it was checked to where a call is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.caller_scopes import CALLER_SCOPES, find_scope
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from starlette.types import Scope

    from mcp_server_tiktok_shop.catalog.operation import CallerScope, Operation

GRANT_KEY = "mcp_server_tiktok_shop.grant"  # of a request's ASGI scope


class Grant(Struct):
    """The scopes of one request, the subject of its token, `user`, and the tenant that it names, if one is asked for.

    `missing_scope` is the one that its call turned out to want, and that it has not.
    """

    scopes: frozenset[CallerScope] = frozenset(CALLER_SCOPES)
    user: str = ""
    tenant_id: str | None = None
    missing_scope: CallerScope | None = None

    def allows(self, operation: Operation) -> bool:
        return find_scope(operation) in self.scopes

    def ensure(self, operation: Operation) -> None:
        """Go on only where the scopes allow the operation.

        Raises:
            ShopError: `not_permitted`, and the missing scope is kept: over HTTP the client is told to ask for it.

        """
        if not self.allows(operation):
            self.missing_scope = find_scope(operation)
            message = f"{operation.name} requires the scope {self.missing_scope}, which this sign-in does not have."
            raise ShopError("not_permitted", message, hint="Nothing was sent. Sign in again with that scope.")


def attach_grant(scope: Scope, grant: Grant) -> Scope:
    """The ASGI scope of a request with its grant, and without the header that bore the token: nothing sees it on."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    return {**scope, "headers": headers, GRANT_KEY: grant}


def find_grant(context: ServerRequestContext[Any, Any]) -> Grant:
    """The grant of a request; all scopes where it came over standard input, from who started the server."""
    if context.request is None:
        return Grant()
    grant: Grant = context.request.scope[GRANT_KEY]
    return grant
