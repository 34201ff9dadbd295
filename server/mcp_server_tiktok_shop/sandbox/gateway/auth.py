"""The auth host: tokens for codes and refresh tokens by unsigned GET, and the page on which a seller consents."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mcp_server_tiktok_shop.sandbox.gateway.wire import Reply
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.gateway.tokens import Account, Tokens
    from mcp_server_tiktok_shop.sandbox.json_types import Json

CONSENT_PATHS = ("/open/authorize", "/oauth/authorize")
GRANTS = {"exchange_authorization_code": "authorized_code", "refresh_access_token": "refresh_token"}
# No source tells the platform's code for a wrong key, secret or grant type: this one is near, and ours.
NOT_ACCEPTED = 36004001
HTML = "text/html; charset=utf-8"


def answer(operation: str, query: Mapping[str, str], tokens: Tokens, app_key: str, app_secret: str) -> Json:
    """A token call's data; refusals come with HTTP 200, as on the real auth host."""
    if query.get("app_key") != app_key or query.get("app_secret") != app_secret:
        raise Refusal(NOT_ACCEPTED, "Invalid 'app_key' or 'app_secret'.")
    if query.get("grant_type") != GRANTS[operation]:
        raise Refusal(NOT_ACCEPTED, f"Invalid 'grant_type': expected '{GRANTS[operation]}'.")
    if operation == "exchange_authorization_code":
        return tokens.exchange(query.get("auth_code", "")).told()
    return tokens.renew(query.get("refresh_token", "")).told()


def consent(query: Mapping[str, str], accounts: list[Account], tokens: Tokens, redirect_url: str) -> Reply:
    """The page with its two ways out, once for each seller of the sandbox; every view makes new codes."""
    if not query.get("service_id") and not query.get("app_key"):
        return Reply(400, _page("<p>The parameter 'service_id' is missing.</p>"), HTML)
    state = query.get("state", "")
    links = []
    for account in accounts:
        back = urlencode({"code": tokens.code(account), "state": state})
        links.append(f'<p><a href="{escape(_joined(redirect_url, back))}">Authorize</a> {escape(account.name)}</p>')
    refused = urlencode({"code": "null", "error": "auth_denied", "state": state})
    links.append(f'<p><a href="{escape(_joined(redirect_url, refused))}">Decline</a></p>')
    return Reply(200, _page("<h1>Let this app into your shop?</h1>" + "".join(links)), HTML)


def landing() -> Reply:
    """Where the links of the consent page lead, unless another redirect URL was set."""
    return Reply(200, _page("<p>Copy the address of this page and paste it where it was asked for.</p>"), HTML)


def _joined(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _page(content: str) -> bytes:
    return f"<!doctype html><meta charset=utf-8><title>Simulated TikTok Shop</title>{content}".encode()
