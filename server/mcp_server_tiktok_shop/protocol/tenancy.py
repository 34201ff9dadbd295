"""The tenant of a request, from where its sender was checked to where its handlers are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from starlette.types import Scope

TENANT_KEY = "mcp_server_tiktok_shop.tenant"  # of a request's ASGI scope


def attach_tenant(scope: Scope, tenant_id: str) -> Scope:
    """The ASGI scope of a request that is for a tenant: to be set by what checked who sends it, and by nothing else."""
    return {**scope, TENANT_KEY: tenant_id}


def find_tenant(context: ServerRequestContext[Any, Any]) -> str | None:
    """The tenant that a request is for; None where nothing said one, as over standard input."""
    tenant_id: str | None = None if context.request is None else context.request.scope.get(TENANT_KEY)
    return tenant_id
