"""Says what a code of the platform means for the one who called, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ErrorKind, ShopError
from mcp_server_tiktok_shop.platform.envelope import HTTP_TOO_MANY_REQUESTS, THROTTLE_CODE, ApiError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

KIND_BY_CODE: dict[int, ErrorKind] = {
    105001: "signed_out",
    105002: "signed_out",
    105005: "not_permitted",
    36009033: "not_permitted",
    36009043: "not_permitted",
    36009044: "not_permitted",
    36009009: "not_found",
}
# 36009004 covers a dozen faults; the words of the message tell which.
GENERIC_INVALID_CODE = 36009004
HINT_BY_MESSAGE: dict[str, str] = {
    "page_token": "A page token holds for the same arguments, and not for long: begin again without it.",
    "page token": "A page token holds for the same arguments, and not for long: begin again without it.",
    "app_key": "The app key is not known to the platform: check TIKTOK_SHOP_APP_KEY.",
    "timestamp": "The clock of this computer is off: the platform accepts 5 minutes behind to 30 seconds ahead. "
    "Set it right; check_connection tells the difference.",
    "access-token": "The access token is not one the platform knows here: sign in again.",
    "access_token": "The access token is not one the platform knows here: sign in again.",
    "shop_id": "The shop does not match the token: list_shops names the shops that do.",
}
ErrorCodeLookup = Callable[[int], "Json"]
RETRYABLE_CLASSES = ("backoff", "transient", "poll")
QUOTA_CLASS = "quota"  # used up for the hour or the day: waiting seconds does not help


def map_api_error(operation: Operation, error: ApiError, code_info: Json) -> ShopError:
    """The error for a refused call; `known` is what the catalog knows of its code."""
    kind: ErrorKind = KIND_BY_CODE.get(error.code, "platform")
    if error.status == HTTP_TOO_MANY_REQUESTS or error.code == THROTTLE_CODE or code_info.get("retry") == QUOTA_CLASS:
        kind = "rate_limited"
    details: dict[str, Any] = {}
    if error.retry_after is not None:
        details["retry_after_seconds"] = round(error.retry_after, 1)
    retryable = code_info.get("retry") in RETRYABLE_CLASSES
    hint = code_info.get("hint") or ""
    if error.code == GENERIC_INVALID_CODE:
        text = error.message.casefold()
        marker = next((marker for marker in HINT_BY_MESSAGE if marker in text), "")
        hint = HINT_BY_MESSAGE.get(marker, hint)
        kind = "signed_out" if marker.startswith("access") else kind
    if error.code == 105005 and (scopes := operation.record.get("scope")):  # noqa: PLR2004
        hint = f"{hint} The scope for {operation.name} is {' or '.join(scopes)}.".strip()
    if not hint and kind == "platform" and not retryable:
        hint = f"Correct what the message names; describe_operation tells what {operation.name} takes."
    meaning = code_info.get("meaning")
    reason = error.message.split(" For more details")[0].strip().rstrip(".")
    parts = [f"The platform refused {operation.name}", f"{reason}" if reason else "", f"({meaning})" if meaning else ""]
    message = ": ".join(filter(None, parts[:2])) + (f" {parts[2]}" if parts[2] else "") + "."
    return ShopError(
        kind, message, hint=hint, retryable=retryable, code=error.code, request_id=error.request_id, **details
    )
