"""The auth host: tokens for codes and refresh tokens by unsigned GET, and the page on which a seller consents."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mcp_server_tiktok_shop.sandbox.gateway.http_messages import Reply
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount, TokenIssuer
    from mcp_server_tiktok_shop.sandbox.json_types import Json

CONSENT_PATHS = ("/open/authorize", "/oauth/authorize")
GRANT_PARAMETERS = {"exchange_authorization_code": "authorized_code", "refresh_access_token": "refresh_token"}
# No source tells the platform's code for a wrong key, secret or grant type: this one is near, and ours.
NOT_ACCEPTED_CODE = 36004001
HTML_TYPE = "text/html; charset=utf-8"


def answer_grant(operation: str, query: Mapping[str, str], tokens: TokenIssuer, app_key: str, app_secret: str) -> Json:
    """A token call's data; refusals come with HTTP 200, as on the real auth host."""
    if query.get("app_key") != app_key or query.get("app_secret") != app_secret:
        raise RefusalError(NOT_ACCEPTED_CODE, "Invalid 'app_key' or 'app_secret'.")
    if query.get("grant_type") != GRANT_PARAMETERS[operation]:
        raise RefusalError(NOT_ACCEPTED_CODE, f"Invalid 'grant_type': expected '{GRANT_PARAMETERS[operation]}'.")
    if operation == "exchange_authorization_code":
        return tokens.exchange(query.get("auth_code", "")).to_json()
    return tokens.renew(query.get("refresh_token", "")).to_json()


def render_consent_page(
    query: Mapping[str, str], accounts: list[SellerAccount], tokens: TokenIssuer, redirect_url: str
) -> Reply:
    """The page with its two ways out, once for each seller of the sandbox; every view makes new codes."""
    if not query.get("service_id") and not query.get("app_key"):
        return Reply(400, _render_page("<p>The parameter 'service_id' is missing.</p>"), HTML_TYPE)
    state = query.get("state", "")
    links = []
    for account in accounts:
        grant = urlencode({"code": tokens.issue_code(account), "state": state})
        links.append(f'<p><a href="{escape(_add_query(redirect_url, grant))}">Authorize</a> {escape(account.name)}</p>')
    denial = urlencode({"code": "null", "error": "auth_denied", "state": state})
    links.append(f'<p><a href="{escape(_add_query(redirect_url, denial))}">Decline</a></p>')
    return Reply(200, _render_page("<h1>Let this app into your shop?</h1>" + "".join(links)), HTML_TYPE)


def render_landing_page() -> Reply:
    """Where the links of the consent page lead, unless another redirect URL was set."""
    return Reply(
        200, _render_page("<p>Copy the address of this page and paste it where it was asked for.</p>"), HTML_TYPE
    )


def _add_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _render_page(content: str) -> bytes:
    return f"<!doctype html><meta charset=utf-8><title>Simulated TikTok Shop</title>{content}".encode()
