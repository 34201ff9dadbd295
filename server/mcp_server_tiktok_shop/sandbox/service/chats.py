"""Conversations between buyers and the shop: their messages in order, what is unread, and the sessions of service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.ordering.buyers import buyer

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Json
    from mcp_server_tiktok_shop.sandbox.shop import Shop

BUYER, SERVICE, SHOP = "BUYER", "CUSTOMER_SERVICE", "SHOP"


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is JSON as text, its members depend on the type."""

    id: str
    index: int
    kind: str
    content: str
    time: int
    role: str


@dataclass(eq=False)
class Session:
    """One round of service: from a buyer's question until it is ended."""

    id: str
    begin_time: int
    end_time: int = 0


@dataclass(eq=False)
class Conversation:
    id: str
    buyer: int
    create_time: int
    messages: list[Message] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    unread: int = 0

    @property
    def session(self) -> Session | None:
        """The one that is not ended."""
        last = self.sessions[-1] if self.sessions else None
        return last if last and not last.end_time else None

    @property
    def latest_time(self) -> int:
        return self.messages[-1].time if self.messages else self.create_time

    def say(self, role: str, kind: str, content: str, now: int) -> Message:
        """Adds a message; the first of a buyer opens a session."""
        index = len(self.messages) + 1
        message = Message(make_id("72", self.id, "message", index), index, kind, content, now, role)
        self.messages.append(message)
        if role == BUYER:
            self.unread += 1
        if self.session is None:
            self.sessions.append(Session(make_id("74", self.id, "session", len(self.sessions)), now))
        return message


@dataclass(eq=False)
class Chats:
    conversations: dict[str, Conversation] = field(default_factory=dict)
    can_accept_chat: bool = True

    def of_buyer(self, number: int) -> Conversation | None:
        return next((c for c in self.conversations.values() if c.buyer == number), None)

    def open(self, shop: Shop, number: int, now: int) -> Conversation:
        found = self.of_buyer(number)
        if found is None:
            found = Conversation(make_id("75", shop.id, "conversation", number), number, now)
            self.conversations[found.id] = found
        return found


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
