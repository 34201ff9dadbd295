"""Error mapping: what an API error means for the one who called, and what to do next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from mcp_server_tiktok_shop.errors import ErrorKind, ShopError
from mcp_server_tiktok_shop.platform.api_codes import (
    AUTHORIZATION_INACTIVE_CODE,
    AUTHORIZATION_WITHDRAWN_CODE,
    GENERIC_INVALID_CODE,
    HTTP_TOO_MANY_REQUESTS,
    IP_NOT_ALLOWED_CODE,
    QUOTA_CLASS,
    RETRYABLE_CLASSES,
    SCOPE_MISSING_CODE,
    SELLER_INACTIVE_CODE,
    SHOP_INACTIVE_CODE,
    THROTTLE_CODE,
    TOKEN_EXPIRED_CODE,
    UNKNOWN_PATH_CODE,
)

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.envelope import ApiError

KIND_BY_CODE: dict[int, ErrorKind] = {
    AUTHORIZATION_WITHDRAWN_CODE: "signed_out",
    TOKEN_EXPIRED_CODE: "signed_out",
    AUTHORIZATION_INACTIVE_CODE: "signed_out",
    SCOPE_MISSING_CODE: "not_permitted",
    IP_NOT_ALLOWED_CODE: "not_permitted",
    SHOP_INACTIVE_CODE: "not_permitted",
    SELLER_INACTIVE_CODE: "not_permitted",
    UNKNOWN_PATH_CODE: "not_found",
}
# What to do about GENERIC_INVALID_CODE, by words of its message.
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
UNKNOWN_OUTCOME_HINT = (
    "Do not repeat it yet: look first with a read (the order, product or package concerned) whether it took."
)
# As whole names: `body.start_timestamp` is an argument, and no matter of the clock.
HINT_WORDS_PATTERN = re.compile(rf"(?<![\w.])(?:{'|'.join(HINT_BY_MESSAGE)})(?!\w)")


class ErrorCodeLookup(Protocol):
    """What is known of the platform's codes."""

    def lookup_error_code(self, code: int) -> Json:
        """`meaning`, `hint`, `retry` (the retry class) and `not_here` of a code; nothing where it is unknown."""


def make_correction_hint(operation: Operation) -> str:
    """What to do about a refusal whose code says nothing of that."""
    return f"Correct what the message names; describe_operation tells what {operation.name} takes."


def map_api_error(operation: Operation, error: ApiError, code_info: Json) -> ShopError:
    """The error that a caller reads about a refused call.

    `code_info` is what `lookup_error_code` answers of its code. Where the platform named a Retry-After, the error has
    `retry_after_seconds`.
    """
    kind: ErrorKind = KIND_BY_CODE.get(error.code, "platform")
    if error.status == HTTP_TOO_MANY_REQUESTS or error.code == THROTTLE_CODE or code_info.get("retry") == QUOTA_CLASS:
        kind = "rate_limited"
    details: dict[str, Any] = {}
    if error.retry_after is not None:
        details["retry_after_seconds"] = round(error.retry_after, 1)
    retryable = code_info.get("retry") in RETRYABLE_CLASSES
    hint = code_info.get("hint") or ""
    marker = ""
    if error.code == GENERIC_INVALID_CODE:
        match = HINT_WORDS_PATTERN.search(error.message.casefold())
        marker = match[0] if match else ""
        hint = HINT_BY_MESSAGE.get(marker, hint)
        kind = "signed_out" if marker.startswith("access") else kind
    if error.code == SCOPE_MISSING_CODE and (scopes := operation.record.get("scope")):
        hint = f"{hint} The scope for {operation.name} is {' or '.join(scopes)}.".strip()
    if not hint and kind == "platform" and not retryable:
        hint = make_correction_hint(operation)
    if error.code == GENERIC_INVALID_CODE and not marker and (markets := operation.record.get("regions")):
        hint += f" TikTok offers it to shops in {', '.join(markets)} alone; list_shops tells where each one is."
    meaning = code_info.get("meaning")
    reason = error.message.split(" For more details")[0].strip().rstrip(".")
    parts = [f"The platform refused {operation.name}", f"{reason}" if reason else "", f"({meaning})" if meaning else ""]
    message = ": ".join(filter(None, parts[:2])) + (f" {parts[2]}" if parts[2] else "") + "."
    return ShopError(
        kind,
        message,
        hint=hint,
        retryable=retryable,
        code=error.code,
        request_id=error.request_id,
        is_not_here=bool(code_info.get("not_here")),
        **details,
    )
