"""How conversations look over the wire: who takes part, and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.ordering.buyers import buyer
from mcp_server_tiktok_shop.sandbox.service.chats import BUYER, SHOP

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.service.chats import Conversation, Message
    from mcp_server_tiktok_shop.sandbox.shop import Shop


def sender(shop: Shop, conversation: Conversation, role: str) -> Json:
    """Who speaks: the buyer, or somebody of the shop."""
    if role == BUYER:
        person = buyer(shop.region, conversation.buyer)
        return {
            "im_user_id": make_id("70", "im", person.user_id),
            "role": BUYER,
            "nickname": person.first_name.lower(),
            "avatar": "",
        }
    return {"im_user_id": make_id("70", "im", shop.id, role), "role": role, "nickname": shop.name, "avatar": ""}


def participants(shop: Shop, conversation: Conversation, platform: str) -> list[Json]:
    """Buyer and shop; the two operations that show them name the platform differently."""
    person = buyer(shop.region, conversation.buyer)
    return [
        sender(shop, conversation, BUYER) | {"user_id": person.user_id, platform: "TIKTOK_SHOP"},
        sender(shop, conversation, SHOP),
    ]


def shown(shop: Shop, conversation: Conversation, message: Message) -> Json:
    return {
        "id": message.id,
        "type": message.kind,
        "content": message.content,
        "create_time": message.time,
        "is_visible": True,
        "sender": sender(shop, conversation, message.role),
        "index": str(message.index),
    }
