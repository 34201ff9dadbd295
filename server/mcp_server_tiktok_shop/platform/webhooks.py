"""The platform's notifications: checks their signature, and reads what they say."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import NestingError, TikTokShopServerError
from mcp_server_tiktok_shop.json_text import parse_json
from mcp_server_tiktok_shop.json_values import parse_count, read_text
from mcp_server_tiktok_shop.platform.signing import sign_webhook
from mcp_server_tiktok_shop.state.stores import Notification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.state.accounts import PartnerApp

MAX_ID_CHARS = 128


class NotificationError(TikTokShopServerError):
    """A text is no notification; the message says what is wrong with it."""


def is_signed(signature: bytes, body: bytes, apps: Iterable[PartnerApp]) -> bool:
    """Whether one of the apps signed the body. Which of them is not told: each is tried, and takes as long."""
    matches = [
        hmac.compare_digest(signature, sign_webhook(app.key, app.secret.get_secret_value(), body).encode())
        for app in apps
    ]
    return any(matches)


def parse_notification(body: bytes) -> Notification:
    """What a notification says of itself; where it has no id, its text is what tells it from others.

    Raises:
        NotificationError: It is none.

    """
    try:
        content = parse_json(body)
    except (ValueError, NestingError):
        raise NotificationError("The body is no JSON.") from None
    if not isinstance(content, dict):
        raise NotificationError("The body is no object.")
    kind = parse_count(content.get("type"))
    if kind is None or kind < 0:
        raise NotificationError("`type` is no number.")
    shop_id, seller_id = read_text(content, "shop_id"), read_text(content, "seller_open_id")
    notification_id = read_text(content, "tts_notification_id") or hashlib.sha256(body).hexdigest()
    if max(map(len, (notification_id, shop_id, seller_id))) > MAX_ID_CHARS:
        raise NotificationError(f"An id is longer than {MAX_ID_CHARS} characters.")
    return Notification(notification_id, kind, shop_id, seller_id)
