"""Reads what people wrote in a chat, and who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.question_values import expand_json_texts
from mcp_server_tiktok_shop.calls.value_texts import parse_json_object

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

BUYER_ROLE = "BUYER"
# What people send, and not what the platform notes between it.
MESSAGE_TYPES = frozenset(
    (
        *("TEXT", "IMAGE", "VIDEO", "EMOTICONS", "PRODUCT_CARD", "ORDER_CARD", "LOGISTICS_CARD", "COUPON_CARD"),
        "RETURN_REFUND_CARD",
    )
)


def find_people_messages(data: Json) -> list[Json]:
    """What people wrote in a chat, of an answer of `get_conversation_messages`, in its order."""
    messages = data.get("messages")
    rows = messages if isinstance(messages, list) else []
    return [message for message in rows if isinstance(message, dict) and message.get("type") in MESSAGE_TYPES]


def read_message(message: Json) -> str:
    """The words of a message, or its kind where it has none."""
    content = message.get("content")
    parsed = expand_json_texts(parse_json_object(content) or {}) if isinstance(content, str) else {}
    return str(parsed.get("content") or content or message.get("type", ""))


def name_sender(message: Json) -> str:
    """Who wrote it: `buyer`, or anyone of the `shop`."""
    sender = message.get("sender")
    role = sender.get("role") if isinstance(sender, dict) else ""
    return "buyer" if role == BUYER_ROLE else "shop"
