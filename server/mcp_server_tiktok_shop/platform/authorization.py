"""Token calls to the auth host: codes and refresh tokens become token pairs; unsigned, never blindly repeated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from mcp_server_tiktok_shop.platform.envelope import UnknownOutcomeError, parse_response

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.envelope import RedactWords
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp

REQUEST_TIMEOUT_S = 30.0
PLAIN_TEXT = re.compile(r"[A-Za-z0-9_.~-]*")  # which stays as it is in a URL


class AuthTransport(Struct, frozen=True):
    """Sends token calls to the auth host at `url`, once each.

    Both answer the `data` of a token answer: `access_token`, `refresh_token`, `access_token_expire_in` and
    `refresh_token_expire_in` in Unix seconds, `open_id`, `seller_name`, `seller_base_region`, `granted_scopes`.
    Both raise `ApiError`, `ConnectError` or `UnknownOutcomeError`.
    """

    transport: HttpTransport
    url: str
    redact_words: RedactWords

    async def exchange_code(self, app: PartnerApp, code: str, proxy: SecretStr | None = None) -> dict[str, Any]:
        """The pair for an authorization code, which works once and for 30 minutes."""
        query = {"auth_code": code, "grant_type": "authorized_code"}
        return await self._get("/api/v2/token/get", app, query, proxy)

    async def renew_pair(self, app: PartnerApp, account: Account) -> dict[str, Any]:
        """The pair that takes the place of the account's; its old refresh token is spent with that."""
        query = {"refresh_token": account.refresh_token.get_secret_value(), "grant_type": "refresh_token"}
        return await self._get("/api/v2/token/refresh", app, query, account.proxy)

    async def _get(self, path: str, app: PartnerApp, query: dict[str, str], proxy: SecretStr | None) -> dict[str, Any]:
        full_query = {"app_key": app.key, "app_secret": app.secret.get_secret_value(), **query}
        transport = self.transport.for_proxy(proxy)
        response = await transport.request("GET", encode_url(self.url + path, full_query), timeout=REQUEST_TIMEOUT_S)
        data = parse_response(response, redact_words=self.redact_words).data
        if not isinstance(token := data.get("access_token"), str) or not token.strip():
            raise UnknownOutcomeError("a success without a token in it")
        return data | {"access_token": token.strip()}


def encode_url(url: str, query: dict[str, str]) -> str:
    """A URL with its query percent-encoded, so that the server reads back exactly the values that were signed."""
    pairs = "&".join([f"{_quote(name)}={_quote(value)}" for name, value in query.items()])
    return f"{url}?{pairs}" if pairs else url


def _quote(text: str) -> str:
    return text if PLAIN_TEXT.fullmatch(text) is not None else quote(text, safe="")  # mostly plain
