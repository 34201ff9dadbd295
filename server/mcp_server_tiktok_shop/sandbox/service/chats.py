"""Conversations between buyers and the shop: their messages in order, what is unread, and the sessions of service."""

from __future__ import annotations

from dataclasses import dataclass, field

from mcp_server_tiktok_shop.sandbox.ids import make_id

BUYER_ROLE, SERVICE_ROLE, SHOP_ROLE = "BUYER", "CUSTOMER_SERVICE", "SHOP"


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

    def add_message(self, role: str, kind: str, content: str, now: int) -> Message:
        """Adds a message; the first of a buyer opens a session."""
        index = len(self.messages) + 1
        message = Message(make_id("72", self.id, "message", index), index, kind, content, now, role)
        self.messages.append(message)
        if role == BUYER_ROLE:
            self.unread += 1
        if self.session is None:
            self.sessions.append(Session(make_id("74", self.id, "session", len(self.sessions)), now))
        return message


@dataclass(eq=False)
class Chats:
    conversations: dict[str, Conversation] = field(default_factory=dict)
    can_accept_chat: bool = True

    def find_by_buyer(self, number: int) -> Conversation | None:
        return next((c for c in self.conversations.values() if c.buyer == number), None)

    def open_conversation(self, shop_id: str, number: int, now: int) -> Conversation:
        conversation = self.find_by_buyer(number)
        if conversation is None:
            conversation = Conversation(make_id("75", shop_id, "conversation", number), number, now)
            self.conversations[conversation.id] = conversation
        return conversation
