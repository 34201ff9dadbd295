"""Serves what `bare.py` does over HTTP, without sessions, to who has an access token that our own verifier lets in."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from bench.bare import call_tool, list_tools
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.protocol.oauth.access_tokens import AccessTokenVerifier, TokenRefusalError
from mcp_server_tiktok_shop.protocol.oauth.signing_keys import SigningKeys


class BareVerifier:
    """Our verifier as the SDK asks one."""

    def __init__(self, issuer: str, audience: str) -> None:
        keys = SigningKeys(HttpTransport(proxy=None, loopback=True), issuer, "", time.monotonic)
        self._verifier = AccessTokenVerifier(keys, issuer, audience)

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            grant = await self._verifier.verify(token.encode())
        except TokenRefusalError:
            return None
        return AccessToken(token=token, client_id=grant.user, scopes=sorted(grant.scopes))


async def main() -> None:
    issuer, audience, port = (os.environ[f"BENCH_{name}"] for name in ("ISSUER", "AUDIENCE", "PORT"))
    server: Server[Any] = Server("bare", version="0.1", on_list_tools=list_tools, on_call_tool=call_tool)
    auth = AuthSettings(
        issuer_url=AnyHttpUrl(issuer),
        resource_server_url=AnyHttpUrl(audience),
        required_scopes=["shop:read"],
        validate_token_resource=False,  # the verifier does
    )
    app = server.streamable_http_app(
        stateless_http=True, json_response=True, auth=auth, token_verifier=BareVerifier(issuer, audience)
    )
    logging.disable(logging.INFO)  # as ours, it writes no line for each request
    config = uvicorn.Config(app, port=int(port), log_config=None, access_log=False, server_header=False, ws="none")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main())
