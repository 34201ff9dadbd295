"""Customer service over the wire: conversations, messages, sessions, and whether the shop takes chats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_user_id
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.service import chat_json, chats
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.service.chats import Conversation, Message

BAD_CONTENT_CODE = 45101001
UNKNOWN_CONVERSATION_CODE = 45101003
MAX_TEXT_CHARS = 2000
# What the content of each type must hold.
CONTENT_MEMBERS = {
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
    matches = SortedItems.sort(call.shop.chats.conversations.values(), lambda c: (c.latest_time, c.id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=True)
    return pages.render_page(page, "conversations", lambda c: _render_conversation(call, c), counted=False)


def _render_conversation(call: Call, conversation: Conversation) -> Json:
    payload = _render_head(call, conversation, "buyer_platform") | {"can_send_message": True}
    if conversation.messages:
        payload["latest_message"] = chat_json.render_message(call.shop, conversation, conversation.messages[-1])
    return payload


def _render_head(call: Call, conversation: Conversation, platform: str) -> Json:
    people = chat_json.render_participants(call.shop, conversation, platform)
    payload: Json = {
        "id": conversation.id,
        "participant_count": len(people),
        "participants": people,
        "create_time": conversation.create_time,
        "unread_count": conversation.unread,
    }
    session = conversation.session
    if session and call.arguments.get("need_session_id"):
        payload["cur_session_id"] = session.id
    if session and call.arguments.get("need_session_info"):
        payload["cur_session"] = {"id": session.id, "phase": "ONGOING"}
    return payload


def get_conversation(call: Call) -> Json:
    return {"conversation": _render_head(call, _require_conversation(call), "platform")}


def _require_conversation(call: Call) -> Conversation:
    conversation = call.shop.chats.conversations.get(call.arguments["conversation_id"])
    if conversation is None:
        raise RefusalError(UNKNOWN_CONVERSATION_CODE, "Invalid 'conversation_id': the shop has no such conversation.")
    return conversation


def create_conversation(call: Call) -> Json:
    """With a buyer of the shop; where there is one already, it is given."""
    buyers: dict[str, int] = call.shop.get_or_build("buyers", call.now, lambda: _list_buyers(call))
    number = buyers.get(call.arguments["buyer_user_id"])
    if number is None:
        raise RefusalError(45109003, "Invalid 'buyer_user_id': this buyer never ordered from the shop.")
    return {"conversation_id": call.shop.chats.open_conversation(call.shop.id, number, call.now).id}


def _list_buyers(call: Call) -> dict[str, int]:
    numbers = {order.buyer for order in call.shop.orders.values()}
    return {make_user_id(call.shop.region, number): number for number in numbers}


def get_conversation_messages(call: Call) -> Json:
    conversation = _require_conversation(call)
    matches = SortedItems.sort(conversation.messages, lambda message: (message.index, message.id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=call.arguments["sort_order"] == "DESC")
    payload = pages.render_page(page, "messages", lambda m: _render_message(call, conversation, m), counted=False)
    return payload | {"unsupported_msg_tips": ""}


def _render_message(call: Call, conversation: Conversation, message: Message) -> Json:
    payload = chat_json.render_message(call.shop, conversation, message)
    if call.arguments.get("need_data"):
        payload["data"] = message.content
    if call.arguments.get("need_plaintext"):
        payload["plaintext"] = str(json.loads(message.content).get("content", f"[{message.kind}]"))
    return payload


def mark_buyer_messages_as_read(call: Call) -> Json:
    _require_conversation(call).unread = 0
    return {}


def send_message(call: Call) -> Json:
    conversation, arguments = _require_conversation(call), call.arguments
    _check_content(call, conversation, arguments["type"], arguments["content"])
    role = arguments.get("sender_role", chats.SERVICE_ROLE)
    message = conversation.add_message(role, arguments["type"], arguments["content"], call.now)
    return {"message_id": message.id}


def _check_content(call: Call, conversation: Conversation, kind: str, content: str) -> None:
    try:
        parsed: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise RefusalError(BAD_CONTENT_CODE, "Invalid 'content': JSON as text is expected.") from None
    member = CONTENT_MEMBERS.get(kind, "content")
    value = parsed.get(member) if isinstance(parsed, dict) else None
    if not isinstance(value, str) or not value:
        raise RefusalError(BAD_CONTENT_CODE, f"Invalid 'content': a message of type '{kind}' needs '{member}' in it.")
    if kind == "TEXT" and len(value) > MAX_TEXT_CHARS:
        raise RefusalError(45101006, f"Invalid 'content': at most {MAX_TEXT_CHARS} characters can be sent.")
    if member == "product_id" and value not in call.shop.products:
        raise RefusalError(BAD_CONTENT_CODE, f"Invalid 'content': the shop has no product '{value}'.")
    if member == "coupon_id" and value not in call.shop.promotions.coupons:
        raise RefusalError(BAD_CONTENT_CODE, f"Invalid 'content': the shop has no coupon '{value}'.")
    if member == "order_id":
        order = call.shop.orders.get(value)
        if order is None or order.buyer != conversation.buyer:
            raise RefusalError(BAD_CONTENT_CODE, f"Invalid 'content': this buyer has no order '{value}'.")


def search_sessions(call: Call) -> Json:
    arguments = call.arguments
    nickname = arguments.get("buyer_nickname", "").casefold()
    found = [
        (conversation, session)
        for conversation in call.shop.chats.conversations.values()
        for session in conversation.sessions
        if arguments["begin_time_ge"] <= session.begin_time < arguments["begin_time_lt"]
        and nickname in chat_json.render_sender(call.shop, conversation, chats.BUYER_ROLE)["nickname"]
    ]
    matches = SortedItems.sort(found, lambda pair: (pair[1].begin_time, pair[1].id))
    page = pages.paginate(matches, arguments, call.page_scope, descending=True)
    return pages.render_page(page, "sessions", lambda pair: _render_session(call, *pair), counted=False)


def _render_session(call: Call, conversation: Conversation, session: chats.Session) -> Json:
    end = session.end_time or call.now
    messages = [m for m in conversation.messages if session.begin_time <= m.time <= end]
    answer = next((m.time for m in messages if m.role != chats.BUYER_ROLE), 0)
    return {
        "id": session.id,
        "conversation_id": conversation.id,
        "begin_time": session.begin_time,
        "end_time": session.end_time,
        "buyer_nickname": chat_json.render_sender(call.shop, conversation, chats.BUYER_ROLE)["nickname"],
        "chat_tags": [],
        "first_response_late": not answer and call.now > session.begin_time + DAY_S,
        "first_response_time": answer - session.begin_time if answer else 0,
    }


def end_session(call: Call) -> Json:
    conversation = _require_conversation(call)
    session = next((s for s in conversation.sessions if s.id == call.arguments["session_id"]), None)
    if session is None:
        raise RefusalError(UNKNOWN_CONVERSATION_CODE, "Invalid 'session_id': the conversation has no such session.")
    if session.end_time:
        raise RefusalError(UNKNOWN_CONVERSATION_CODE, f"The session '{session.id}' is ended already.")
    session.end_time = call.now
    return {}
