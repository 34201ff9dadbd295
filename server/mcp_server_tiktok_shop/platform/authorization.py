"""The auth host: codes and refresh tokens become token pairs. These calls are unsigned, and never repeated blindly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mcp_server_tiktok_shop.platform.envelope import Lost, open_envelope

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.http_transport import Network
    from mcp_server_tiktok_shop.state.accounts import Account, App

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class AuthHost:
    """Both calls answer `data` of a token answer, and raise Refused, Unreached or Lost."""

    network: Network
    url: str

    async def exchange(self, app: App, code: str, proxy: SecretStr | None = None) -> dict[str, Any]:
        query = {"auth_code": code, "grant_type": "authorized_code"}
        return await self._get("/api/v2/token/get", app, query, proxy)

    async def renew(self, app: App, account: Account) -> dict[str, Any]:
        query = {"refresh_token": account.refresh_token.get_secret_value(), "grant_type": "refresh_token"}
        return await self._get("/api/v2/token/refresh", app, query, account.proxy)

    async def _get(self, path: str, app: App, query: dict[str, str], proxy: SecretStr | None) -> dict[str, Any]:
        full = {"app_key": app.key, "app_secret": app.secret.get_secret_value(), **query}
        network = self.network.through(proxy)
        response = await network.request("GET", encoded(self.url + path, full), timeout=TIMEOUT)
        data = open_envelope(response.status_code, response.content, response.headers.get("retry-after")).data
        if not data.get("access_token"):
            raise Lost("a success without a token in it")
        return data


def encoded(url: str, query: dict[str, str]) -> str:
    """A URL with its query percent-encoded, so that the server reads back exactly the values that were signed."""
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    return f"{url}?{pairs}" if pairs else url
