"""Errors about missing or refused tokens, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import HTTP_TOO_MANY_REQUESTS, THROTTLE_CODE

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.platform.envelope import ApiError

SIGN_IN_HINT = (
    "The seller must authorize the app again: run `mcp-server-tiktok-shop login` in a terminal, or open the link of "
    "get_authorization_url and pass the address it leads to to exchange_authorization_code within 30 minutes."
)


def make_renewal_error(error: ApiError, interrupted_at: int) -> ShopError:
    """Why a renewal was refused; `interrupted_at` is when an earlier one was cut off, 0 where none was."""
    if error.status == HTTP_TOO_MANY_REQUESTS or error.code == THROTTLE_CODE:  # the pair is untouched
        details: dict[str, Any] = {}
        if error.retry_after is not None:
            details["retry_after_seconds"] = round(error.retry_after, 1)
        return ShopError(
            "rate_limited",
            "The auth host refuses more renewals for now.",
            hint="Nothing is lost: wait a minute, then call again.",
            retryable=True,
            code=error.code,
            request_id=error.request_id,
            **details,
        )
    message = f"The platform refused to renew the access token: {error.message}"
    if interrupted_at:
        message += " (an earlier renewal was cut off before its answer came, so the stored pair is out of date)"
    return ShopError("signed_out", message, hint=SIGN_IN_HINT, code=error.code, request_id=error.request_id)


def make_not_configured_error() -> ShopError:
    """There is no app, and what to do about it."""
    return ShopError(
        "not_configured",
        "No TikTok Shop app is configured: TIKTOK_SHOP_APP_KEY or TIKTOK_SHOP_APP_SECRET is empty or missing.",
        hint=(
            "Run `mcp-server-tiktok-shop login` in a terminal. Or set both in the client's configuration (the secret "
            "also by TIKTOK_SHOP_APP_SECRET_FILE) and sign in with exchange_authorization_code, or with "
            "TIKTOK_SHOP_ACCESS_TOKEN and TIKTOK_SHOP_REFRESH_TOKEN. To try without an account, start the server "
            "with --sandbox."
        ),
    )
