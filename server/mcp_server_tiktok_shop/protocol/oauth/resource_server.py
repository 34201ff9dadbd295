"""The OAuth 2.1 resource server: whom it lets in, and what it tells a client that must sign in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_server_tiktok_shop.catalog.caller_scopes import ADMIN_SCOPE, CALLER_SCOPES, READ_SCOPE, find_scope
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.protocol.address import MCP_PATH
from mcp_server_tiktok_shop.protocol.oauth.access_tokens import AccessTokenVerifier, NoTenantError, TokenRefusalError
from mcp_server_tiktok_shop.protocol.oauth.signing_keys import RETRY_S, KeysUnavailableError, SigningKeys
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request

    from mcp_server_tiktok_shop.catalog.operation import CallerScope
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.protocol.grants import Grant
    from mcp_server_tiktok_shop.proxies import Proxy

METADATA_PATH = f"/.well-known/oauth-protected-resource{MCP_PATH}"  # RFC 9728: the resource's path at the end
METADATA_MAX_AGE_S = 3600
# Any page may read what any client is told: it names nobody.
CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}
NO_BEARER_TEXT = (
    "This server requires an access token: `Authorization: Bearer …`. resource_metadata says who issues it."
)
NO_TENANT_TEXT = (
    "This access token is valid, but does not say whose shops it is for: whoever runs the identity provider has "
    "to put the claim {claim} into it."
)
AWAY_TEXT = (
    "Whether this access token is valid can't be determined now: its signing key is not known here, and the identity "
    "provider was not asked or did not answer. Try again in a while."
)


class ResourceServer(Struct, frozen=True):
    """Lets in who has a good token of `issuer` for the server at `public_url`; `scopes` are those of any use here."""

    verifier: AccessTokenVerifier
    issuer: str
    public_url: str
    scopes: frozenset[CallerScope]

    open_paths = frozenset((METADATA_PATH,))

    async def authorize(self, credentials: bytes | None) -> Grant | Response:
        """What the token of an `Authorization` header lets do, or the answer where it lets do nothing.

        A client that gets a 401 signs in anew. It must not for a provider that is away: a token by a key that is not
        known is answered with 503 then, and those by known keys are let in.
        """
        scheme, _, token = (credentials or b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return self._refuse(401, "", NO_BEARER_TEXT, self._list_first_scopes())
        try:
            grant = await self.verifier.verify(token.strip(b" "))
        except TokenRefusalError as refusal:
            return self._refuse(401, "invalid_token", f"{refusal}.", self._list_first_scopes())
        except NoTenantError:  # another sign-in would bring the same token: no 401
            return JSONResponse({"error": NO_TENANT_TEXT.format(claim=self.verifier.tenant_claim)}, 403)
        except KeysUnavailableError:
            return JSONResponse({"error": AWAY_TEXT}, 503, {"Retry-After": f"{RETRY_S:.0f}"})
        if READ_SCOPE not in grant.scopes:
            grant.missing_scope = READ_SCOPE
            return self.refuse_scope(grant)
        return grant

    def refuse_scope(self, grant: Grant) -> Response:
        """The answer to a call that wants a scope more; it names those that are there, which a client may lose else."""
        wanted_scopes = [scope for scope in CALLER_SCOPES if scope in grant.scopes or scope == grant.missing_scope]
        return self._refuse(403, "insufficient_scope", f"This wants the scope {grant.missing_scope}.", wanted_scopes)

    def make_routes(self) -> list[Route]:
        return [Route(METADATA_PATH, self._tell_metadata, methods=["GET", "OPTIONS"])]

    async def find_fault(self) -> str:
        return "" if await self.verifier.keys.are_known() else "The identity provider's keys could not be read yet."

    async def close(self) -> None:
        await self.verifier.keys.close()

    def _list_first_scopes(self) -> list[CallerScope]:
        """What a client asks for first: all that a seller's work wants, as tools that it may not use are not listed."""
        return [scope for scope in CALLER_SCOPES if scope in self.scopes and scope != ADMIN_SCOPE]

    async def _tell_metadata(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=CORS_HEADERS)
        metadata = {
            "resource": f"{self.public_url}{MCP_PATH}",
            "authorization_servers": [self.issuer],
            "scopes_supported": [scope for scope in CALLER_SCOPES if scope in self.scopes],
            "bearer_methods_supported": ["header"],
        }
        return JSONResponse(metadata, headers=CORS_HEADERS | {"Cache-Control": f"max-age={METADATA_MAX_AGE_S}"})

    def _refuse(self, status: int, error: str, description: str, scopes: Iterable[CallerScope]) -> Response:
        """A refusal as RFC 6750 and RFC 9728 have it; without `error` where there was no token."""
        fields = {"error": error, "error_description": description} if error else {}
        challenge = fields | {
            "resource_metadata": f"{self.public_url}{METADATA_PATH}",
            "scope": " ".join(scopes),
        }
        header = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in challenge.items())
        return JSONResponse(fields or {"error": description}, status, {"WWW-Authenticate": header})


def build_resource_server(
    issuer: str,
    public_url: str,
    *,
    audience: str,
    jwks_url: str,
    tenant_claim: str = "",
    proxy: Proxy | None,
    operations: OperationDirectory,
    monotonic: Callable[[], float] = time.monotonic,
) -> ResourceServer:
    """The resource server at `public_url`, for what it does; an empty `audience` is its own address, as clients ask.

    The identity provider is reached by the ways of all requests: `proxy`, certificates and no redirects.
    """
    is_local = urlsplit(jwks_url or issuer).hostname in LOOPBACK_HOSTS
    keys = SigningKeys(HttpTransport(proxy=proxy, loopback=is_local), issuer, jwks_url, monotonic)
    verifier = AccessTokenVerifier(keys, issuer, audience or f"{public_url}{MCP_PATH}", tenant_claim)
    scopes = frozenset(map(find_scope, operations.list_available()))
    return ResourceServer(verifier, issuer, public_url, scopes)
