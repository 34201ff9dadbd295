"""How conversations look over the wire: who takes part, and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_buyer
from mcp_server_tiktok_shop.sandbox.service.chats import BUYER_ROLE, SHOP_ROLE

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.service.chats import Conversation, Message
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop


def render_sender(shop: SimulatedShop, conversation: Conversation, role: str) -> Json:
    """Who speaks: the buyer, or somebody of the shop."""
    if role == BUYER_ROLE:
        person = make_buyer(shop.region, conversation.buyer)
        return {
            "im_user_id": make_id("70", "im", person.user_id),
            "role": BUYER_ROLE,
            "nickname": person.first_name.lower(),
            "avatar": "",
        }
    return {"im_user_id": make_id("70", "im", shop.id, role), "role": role, "nickname": shop.name, "avatar": ""}


def render_participants(shop: SimulatedShop, conversation: Conversation, platform: str) -> list[Json]:
    """Buyer and shop; the two operations that show them name the platform differently."""
    person = make_buyer(shop.region, conversation.buyer)
    return [
        render_sender(shop, conversation, BUYER_ROLE) | {"user_id": person.user_id, platform: "TIKTOK_SHOP"},
        render_sender(shop, conversation, SHOP_ROLE),
    ]


def render_message(shop: SimulatedShop, conversation: Conversation, message: Message) -> Json:
    return {
        "id": message.id,
        "type": message.kind,
        "content": message.content,
        "create_time": message.time,
        "is_visible": True,
        "sender": render_sender(shop, conversation, message.role),
        "index": str(message.index),
    }
