"""Says what a code of the platform means for the one who called, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Kind, ShopError
from mcp_server_tiktok_shop.platform.envelope import THROTTLE_CODE, THROTTLED, Refused

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

KINDS: dict[int, Kind] = {
    105001: "signed_out",
    105002: "signed_out",
    105005: "not_permitted",
    36009033: "not_permitted",
    36009043: "not_permitted",
    36009044: "not_permitted",
    36009009: "not_found",
}
# 36009004 covers a dozen faults; the words of the message tell which.
OVERLOADED = 36009004
BY_WORDS: dict[str, str] = {
    "page_token": "A page token holds for the same arguments, and not for long: begin again without it.",
    "page token": "A page token holds for the same arguments, and not for long: begin again without it.",
    "app_key": "The app key is not known to the platform: check TIKTOK_SHOP_APP_KEY.",
    "timestamp": "The clock of this computer is off: the platform accepts 5 minutes behind to 30 seconds ahead. "
    "Set it right; check_connection tells the difference.",
    "access-token": "The access token is not one the platform knows here: sign in again.",
    "access_token": "The access token is not one the platform knows here: sign in again.",
    "shop_id": "The shop does not match the token: list_shops names the shops that do.",
}
Meaning = Callable[[int], "Json"]
AGAIN = ("backoff", "transient", "poll")
QUOTA = "quota"  # used up for the hour or the day: waiting seconds does not help


def refusal(operation: Operation, error: Refused, known: Json) -> ShopError:
    """The error for a refused call; `known` is what the catalog knows of its code."""
    kind: Kind = KINDS.get(error.code, "platform")
    if error.status == THROTTLED or error.code == THROTTLE_CODE or known.get("retry") == QUOTA:
        kind = "rate_limited"
    more: dict[str, Any] = {}
    if error.retry_after is not None:
        more["retry_after_seconds"] = round(error.retry_after, 1)
    retryable = known.get("retry") in AGAIN
    hint = known.get("hint") or ""
    if error.code == OVERLOADED:
        words = error.message.casefold()
        word = next((word for word in BY_WORDS if word in words), "")
        hint = BY_WORDS.get(word, hint)
        kind = "signed_out" if word.startswith("access") else kind
    if error.code == 105005 and (scopes := operation.record.get("scope")):  # noqa: PLR2004
        hint = f"{hint} The scope for {operation.name} is {' or '.join(scopes)}.".strip()
    if not hint and kind == "platform" and not retryable:
        hint = f"Correct what the message names; describe_operation tells what {operation.name} takes."
    meaning = known.get("meaning")
    said = error.message.split(" For more details")[0].strip().rstrip(".")
    parts = [f"The platform refused {operation.name}", f"{said}" if said else "", f"({meaning})" if meaning else ""]
    message = ": ".join(filter(None, parts[:2])) + (f" {parts[2]}" if parts[2] else "") + "."
    return ShopError(
        kind, message, hint=hint, retryable=retryable, code=error.code, request_id=error.request_id, **more
    )
