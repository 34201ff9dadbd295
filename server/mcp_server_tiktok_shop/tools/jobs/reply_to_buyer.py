"""Writes to a buyer in the chat of an order, of a name or of an id, which is opened where there is none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.chat_messages import BUYER_ROLE, find_people_messages, name_sender, read_message
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.parcels import TO_SHIP_STATUSES, find_deadline, read_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.jobs.job import Outcome
    from mcp_server_tiktok_shop.catalog.operation import Json

SEND_OPERATION, OPEN_OPERATION = "send_message", "create_conversation"
SUBJECT_ARGUMENTS = ("order_id", "conversation_id", "buyer")
NEW_CONVERSATION = "new"  # stands for the id of a chat that is opened before
MAX_SHOWN_MESSAGES = 3
MAX_CANDIDATES = 5
SESSION_DAYS, DAY_S = 89, 24 * 3600  # how far back the platform finds chats by name: 90 days at most
ORDERS_PAGE = 20  # of a buyer's orders, the latest, that are looked at
MAX_SHOWN_ORDERS = 3


class Chat(Struct, frozen=True):
    """The chat that is meant; `id` is empty where it is still to be opened with the buyer of `user_id`."""

    id: str
    user_id: str = ""
    order_id: str = ""
    nickname: str = ""
    can_send: bool = True


class ReplyToBuyerJob(Job, frozen=True):
    """The tool `reply_to_buyer`; `clock` gives Unix seconds."""

    clock: Callable[[], float]

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """The message, beneath what was written last; and the chat to be opened, if there is none.

        Raises:
            ShopError: What is given names no chat, or several.

        """
        chat = await self._find_chat(values, context)
        names = {"order": chat.order_id, "nickname": chat.nickname}
        names = {name: value for name, value in names.items() if value}
        text = values["text"]
        if not chat.id:
            opened = JobItem("user", chat.user_id, names, will_be="a chat is opened")
            message = JobItem(
                "message",
                chat.user_id,
                names,
                "no chat yet",
                text,
                is_relative=True,
                parameters={"text": text},
                has_words=True,
            )
            return Plan((opened, message))
        state = await context.read_state(SEND_OPERATION, {"conversation_id": chat.id})
        messages = next((_describe_messages(item.data) for item in state.items if not item.problem), [])
        reason = "" if chat.can_send else "TikTok doesn't let the shop write in this chat now"
        names |= {f"message_{number}": line for number, line in enumerate(messages[:-1], 1)}
        item = JobItem(
            "conversation",
            chat.id,
            names,
            f"newest: {messages[-1]}" if messages else "nothing was written yet",
            "" if reason else text,
            reason,
            is_relative=True,  # what was sent is never sent again by itself
            parameters={"text": text},
            has_words=True,
            details={"buyers_orders": await _describe_orders(chat, context)},
        )
        return Plan((item,), state)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """The message in its chat, which is opened first where need be."""
        steps = []
        for item in items:
            if item.noun == "user":
                steps.append(Step(OPEN_OPERATION, {"buyer_user_id": item.id}, (item,)))
                continue
            conversation_id = item.id if item.noun == "conversation" else NEW_CONVERSATION
            arguments = {"conversation_id": conversation_id, "type": "TEXT", "content": item.parameters["text"]}
            steps.append(Step(SEND_OPERATION, arguments, (item,)))
        return steps

    def complete_step(self, step: Step, outcomes: Mapping[str, Outcome]) -> Step:
        """The message with the id of the chat that was opened for it."""
        if step.arguments.get("conversation_id") != NEW_CONVERSATION:
            return step
        opened = [outcome.now for outcome in outcomes.values() if outcome.item.noun == "user"]
        conversation_id = next((str(now["conversation"]) for now in opened if isinstance(now, dict)), "")
        if not conversation_id:
            message = "The chat was opened, but TikTok did not tell its id."
            raise ShopError("platform", message, hint="The message was not sent: call it again, and the chat is found.")
        return Step(step.operation, step.arguments | {"conversation_id": conversation_id}, step.items)

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """The chat that was opened, or what was sent in which chat."""
        chat = next((str(thing["conversation"]) for thing in state if "conversation" in thing), "")
        if item.noun == "user":
            return {"conversation": chat} if chat else None
        sent: Json = {"sent": item.parameters["text"]}
        return sent | ({"conversation": chat} if chat and item.noun == "message" else {})

    async def _find_chat(self, values: Json, context: JobContext) -> Chat:
        given = [name for name in SUBJECT_ARGUMENTS if values.get(name)]
        if len(given) != 1:
            message = "give order_id, conversation_id or buyer, one of them"
            problem = Problem(given[-1] if given else "order_id", message)
            raise ShopError("invalid_arguments", f"{message}: nothing was sent.", problems=(problem,))
        if "conversation_id" in given:
            return Chat(values["conversation_id"])
        if "order_id" in given:
            return await _find_chat_of_order(values["order_id"], context)
        return await self._find_chat_by_name(values["buyer"], context)

    async def _find_chat_by_name(self, name: str, context: JobContext) -> Chat:
        """The chat of the only buyer who goes by a name, among those who wrote within the platform's days."""
        now = int(self.clock())
        arguments = {"buyer_nickname": name, "begin_time_ge": now - SESSION_DAYS * DAY_S, "begin_time_lt": now + 1}
        rows = await context.read_rows("search_sessions", arguments | {"page_size": 20})
        chats = {str(row["conversation_id"]): row for row in reversed(rows) if row.get("conversation_id")}
        if len(chats) == 1:
            (chat_id, row) = next(iter(chats.items()))
            return Chat(chat_id, nickname=str(row.get("buyer_nickname", "")))
        candidates = [f"{chat_id} (last of {row.get('begin_time')})" for chat_id, row in chats.items()]
        allowed = ", ".join(candidates[:MAX_CANDIDATES]) or "an order_id, or a conversation_id of get_conversations"
        message = f"{len(chats)} buyers of that name have a chat" if chats else "no buyer of that name has a chat"
        hint = "Name the chat by its conversation_id, or by an order_id."
        problem = Problem("buyer", message, allowed)
        raise ShopError("invalid_arguments", f"{message}: nothing was sent.", hint=hint, problems=(problem,))


async def _find_chat_of_order(order_id: str, context: JobContext) -> Chat:
    """The chat with the buyer of an order, there already or not.

    Raises:
        ShopError: `not_found`: there is no such order here, or it does not tell its buyer.

    """
    orders = await read_orders([order_id], context)
    user_id = str(orders.get(order_id, {}).get("user_id") or "")
    if not user_id:
        message = f"This shop has no order {order_id}" if order_id not in orders else f"Order {order_id} names no buyer"
        raise ShopError("not_found", f"{message}: nothing was sent.", hint="Take the id from get_order_list.")

    def find_buyer(row: Json) -> Json | None:
        people = [person for person in row.get("participants") or () if isinstance(person, dict)]
        return next((person for person in people if str(person.get("user_id")) == user_id), None)

    rows = await context.read_rows("get_conversations", {"page_size": 20}, until=find_buyer)
    for row in rows:
        if (buyer := find_buyer(row)) is not None and row.get("id"):
            can_send = row.get("can_send_message") is not False
            return Chat(str(row["id"]), user_id, order_id, str(buyer.get("nickname", "")), can_send)
    return Chat("", user_id, order_id)


def _describe_messages(data: Json) -> list[str]:
    """What people wrote last, the newest at the end: who, when, and the words."""
    messages = find_people_messages(data)[:MAX_SHOWN_MESSAGES][::-1]
    return [f"{name_sender(m)}, {m.get('create_time', '')}: {read_message(m)}" for m in messages]


async def _describe_orders(chat: Chat, context: JobContext) -> str:
    """The buyer's orders, those with a parcel to ship first, or that none is known."""
    try:
        user_id = chat.user_id or await _find_user_id(chat.id, context)
        if not user_id:
            return "not known: TikTok doesn't tell who this chat is with"
        rows = (await context.read("get_order_list", {"buyer_user_id": user_id, "page_size": ORDERS_PAGE})).get(
            "orders"
        )
    except ShopError as error:
        return f"not known: {error.message.rstrip('.')}"
    orders = [row for row in rows or () if isinstance(row, dict) and row.get("id")]
    if not orders:
        return "none"
    orders.sort(key=lambda order: (order.get("status") not in TO_SHIP_STATUSES, order["id"] != chat.order_id))
    shown = [f"{order['id']} {_describe_status(order)}" for order in orders[:MAX_SHOWN_ORDERS]]
    more = len(orders) - MAX_SHOWN_ORDERS
    return ", ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


async def _find_user_id(chat_id: str, context: JobContext) -> str:
    """The buyer's user id, by which orders name them; nothing where the chat does not tell it."""

    def is_chat(row: Json) -> bool:
        return str(row.get("id")) == chat_id

    rows = await context.read_rows("get_conversations", {"page_size": 20}, until=is_chat)
    row = next(filter(is_chat, rows), {})
    people = [person for person in row.get("participants") or () if isinstance(person, dict)]
    return next((str(p.get("user_id") or "") for p in people if p.get("role") == BUYER_ROLE), "")


def _describe_status(order: Json) -> str:
    deadline = find_deadline(order) if order.get("status") in TO_SHIP_STATUSES else None
    return f"{order.get('status')}" + (f" (ship by {deadline.isoformat()})" if deadline else "")
