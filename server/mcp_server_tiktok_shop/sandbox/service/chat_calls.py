"""Customer service over the wire: conversations, messages, sessions, and whether the shop takes chats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ordering.buyers import user_id
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.service import chat_json, chats
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.service.chats import Conversation, Message

BAD_CONTENT = 45101001
UNKNOWN_CONVERSATION = 45101003
LONGEST_TEXT = 2000
# What the content of each type must hold.
MEMBERS = {
    "TEXT": "content",
    "IMAGE": "url",
    "VIDEO": "url",
    "PRODUCT_CARD": "product_id",
    "ORDER_CARD": "order_id",
    "LOGISTICS_CARD": "order_id",
    "RETURN_REFUND_CARD": "order_id",
    "COUPON_CARD": "coupon_id",
}


def get_agent_settings(call: Call) -> Json:
    return {"can_accept_chat": call.shop.chats.can_accept_chat}


def update_agent_settings(call: Call) -> Json:
    call.shop.chats.can_accept_chat = call.arguments["can_accept_chat"]
    return {}


def get_conversations(call: Call) -> Json:
    """The one with the latest message first."""
    view = View.of(call.shop.chats.conversations.values(), lambda c: (c.latest_time, c.id))
    page = pages.cut(view, call.arguments, f"{call.operation.name}/{call.shop.id}", descending=True)
    return pages.answer(page, "conversations", lambda c: _listed(call, c), counted=False)


def _listed(call: Call, conversation: Conversation) -> Json:
    told = _head(call, conversation, "buyer_platform") | {"can_send_message": True}
    if conversation.messages:
        told["latest_message"] = chat_json.shown(call.shop, conversation, conversation.messages[-1])
    return told


def _head(call: Call, conversation: Conversation, platform: str) -> Json:
    people = chat_json.participants(call.shop, conversation, platform)
    told: Json = {
        "id": conversation.id,
        "participant_count": len(people),
        "participants": people,
        "create_time": conversation.create_time,
        "unread_count": conversation.unread,
    }
    session = conversation.session
    if session and call.arguments.get("need_session_id"):
        told["cur_session_id"] = session.id
    if session and call.arguments.get("need_session_info"):
        told["cur_session"] = {"id": session.id, "phase": "ONGOING"}
    return told


def get_conversation(call: Call) -> Json:
    return {"conversation": _head(call, _conversation(call), "platform")}


def _conversation(call: Call) -> Conversation:
    conversation = call.shop.chats.conversations.get(call.arguments["conversation_id"])
    if conversation is None:
        raise Refusal(UNKNOWN_CONVERSATION, "Invalid 'conversation_id': the shop has no such conversation.")
    return conversation


def create_conversation(call: Call) -> Json:
    """With a buyer of the shop; where there is one already, it is given."""
    buyers: dict[str, int] = call.shop.kept("buyers", call.now, lambda: _buyers(call))
    number = buyers.get(call.arguments["buyer_user_id"])
    if number is None:
        raise Refusal(45109003, "Invalid 'buyer_user_id': this buyer never ordered from the shop.")
    return {"conversation_id": call.shop.chats.open(call.shop.id, number, call.now).id}


def _buyers(call: Call) -> dict[str, int]:
    numbers = {order.buyer for order in call.shop.orders.values()}
    return {user_id(call.shop.region, number): number for number in numbers}


def get_conversation_messages(call: Call) -> Json:
    conversation = _conversation(call)
    view = View.of(conversation.messages, lambda message: (message.index, message.id))
    seal = f"{call.operation.name}/{call.shop.id}"
    page = pages.cut(view, call.arguments, seal, descending=call.arguments["sort_order"] == "DESC")
    told = pages.answer(page, "messages", lambda m: _message(call, conversation, m), counted=False)
    return told | {"unsupported_msg_tips": ""}


def _message(call: Call, conversation: Conversation, message: Message) -> Json:
    told = chat_json.shown(call.shop, conversation, message)
    if call.arguments.get("need_data"):
        told["data"] = message.content
    if call.arguments.get("need_plaintext"):
        told["plaintext"] = str(json.loads(message.content).get("content", f"[{message.kind}]"))
    return told


def mark_buyer_messages_as_read(call: Call) -> Json:
    _conversation(call).unread = 0
    return {}


def send_message(call: Call) -> Json:
    conversation, asked = _conversation(call), call.arguments
    _check(call, conversation, asked["type"], asked["content"])
    role = asked.get("sender_role", chats.SERVICE)
    message = conversation.say(role, asked["type"], asked["content"], call.now)
    return {"message_id": message.id}


def _check(call: Call, conversation: Conversation, kind: str, content: str) -> None:
    try:
        parsed: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise Refusal(BAD_CONTENT, "Invalid 'content': JSON as text is expected.") from None
    member = MEMBERS.get(kind, "content")
    value = parsed.get(member) if isinstance(parsed, dict) else None
    if not isinstance(value, str) or not value:
        raise Refusal(BAD_CONTENT, f"Invalid 'content': a message of type '{kind}' needs '{member}' in it.")
    if kind == "TEXT" and len(value) > LONGEST_TEXT:
        raise Refusal(45101006, f"Invalid 'content': at most {LONGEST_TEXT} characters can be sent.")
    if member == "product_id" and value not in call.shop.products:
        raise Refusal(BAD_CONTENT, f"Invalid 'content': the shop has no product '{value}'.")
    if member == "coupon_id" and value not in call.shop.promotions.coupons:
        raise Refusal(BAD_CONTENT, f"Invalid 'content': the shop has no coupon '{value}'.")
    if member == "order_id":
        order = call.shop.orders.get(value)
        if order is None or order.buyer != conversation.buyer:
            raise Refusal(BAD_CONTENT, f"Invalid 'content': this buyer has no order '{value}'.")


def search_sessions(call: Call) -> Json:
    asked = call.arguments
    wanted = asked.get("buyer_nickname", "").casefold()
    found = [
        (conversation, session)
        for conversation in call.shop.chats.conversations.values()
        for session in conversation.sessions
        if asked["begin_time_ge"] <= session.begin_time < asked["begin_time_lt"]
        and wanted in chat_json.sender(call.shop, conversation, chats.BUYER)["nickname"]
    ]
    view = View.of(found, lambda pair: (pair[1].begin_time, pair[1].id))
    page = pages.cut(view, asked, f"{call.operation.name}/{call.shop.id}", descending=True)
    return pages.answer(page, "sessions", lambda pair: _session(call, *pair), counted=False)


def _session(call: Call, conversation: Conversation, session: chats.Session) -> Json:
    until = session.end_time or call.now
    held = [m for m in conversation.messages if session.begin_time <= m.time <= until]
    answer = next((m.time for m in held if m.role != chats.BUYER), 0)
    return {
        "id": session.id,
        "conversation_id": conversation.id,
        "begin_time": session.begin_time,
        "end_time": session.end_time,
        "buyer_nickname": chat_json.sender(call.shop, conversation, chats.BUYER)["nickname"],
        "chat_tags": [],
        "first_response_late": not answer and call.now > session.begin_time + 24 * 3600,
        "first_response_time": answer - session.begin_time if answer else 0,
    }


def end_session(call: Call) -> Json:
    conversation = _conversation(call)
    session = next((s for s in conversation.sessions if s.id == call.arguments["session_id"]), None)
    if session is None:
        raise Refusal(UNKNOWN_CONVERSATION, "Invalid 'session_id': the conversation has no such session.")
    if session.end_time:
        raise Refusal(UNKNOWN_CONVERSATION, f"The session '{session.id}' is ended already.")
    session.end_time = call.now
    return {}
