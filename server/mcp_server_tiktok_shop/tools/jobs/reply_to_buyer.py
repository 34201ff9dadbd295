"""Writes to buyers, one text or one each, in the chats of orders, ids or a name, opening chats where needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.chat_messages import find_people_messages, name_sender, read_message
from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.buyer_chats import (
    CLOSED_REASON,
    Chat,
    FoundChats,
    describe_orders,
    find_chat_by_name,
    find_chats_by_id,
    find_chats_of_orders,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.jobs.job import Outcome
    from mcp_server_tiktok_shop.catalog.operation import Json

SEND_OPERATION, OPEN_OPERATION = "send_message", "create_conversation"
SUBJECT_ARGUMENTS = ("order_ids", "conversation_ids", "buyer")
ITEMS = "items"  # each with its own text, and one of the ids that it goes by
ITEM_IDS = {"conversation_id": "conversation", "order_id": "order"}  # the noun of each
NEW_CONVERSATION = "new"  # stands for the id of a chat that is opened before
MAX_SHOWN_MESSAGES = 3  # of a chat that is the only one; of several the last
NO_CHAT_REASON = "this shop has no such chat"
UNREAD_REASON = "what was written last can't be read: {problem}"
Reply = tuple[Chat, str]  # a chat, and the text for it


class ReplyToBuyerJob(Job, frozen=True):
    """The tool `reply_to_buyer`; `clock` gives Unix seconds."""

    clock: Callable[[], float]

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """The message in each chat, beneath what was written last; and the chats to be opened, where there are none.

        Raises:
            ShopError: What is given names no chat, or a name several.

        """
        replies, problems = await self._find_replies(values, context)
        is_one = len(replies) == 1
        ids = [chat.id for chat, _ in replies if chat.id]
        state = await context.read_state(SEND_OPERATION, {"conversation_id": ids}) if ids else CurrentState()
        things = {item.id: item for item in state.items}
        orders = await describe_orders(replies[0][0], context) if is_one else ""
        items: list[JobItem] = []
        for chat, text in replies:
            if chat.id:
                items.append(_make_reply(chat, things.get(chat.id), text, orders, is_one=is_one))
            else:
                items += _open_chat(chat, text, orders)
        # A name is one buyer's: in two shops it may be two people's.
        names = {values["buyer"]: "buyer"} if values.get("buyer") and replies else {}
        return Plan((*items, *problems), state, found=names)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """The message in each chat, which is opened first where need be."""
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
        (message,) = step.items
        opened = outcomes.get(f"user {message.id}")
        now = opened.now if opened is not None and isinstance(opened.now, dict) else {}
        if not now.get("conversation"):
            text = "The chat could not be opened, or TikTok did not tell its id."
            raise ShopError("platform", text, hint="The message was not sent: call it again, and the chat is found.")
        return Step(step.operation, step.arguments | {"conversation_id": str(now["conversation"])}, step.items)

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """The chat that was opened, or what was sent in which chat."""
        chat = next((str(thing["conversation"]) for thing in state if "conversation" in thing), "")
        if item.noun == "user":
            return {"conversation": chat} if chat else None
        sent: Json = {"sent": item.parameters["text"]}
        return sent | ({"conversation": chat} if chat and item.noun == "message" else {})

    async def _find_replies(self, values: Json, context: JobContext) -> tuple[list[Reply], list[JobItem]]:
        """The chats that are meant, each with its text, and an item for each name that means none.

        Raises:
            ShopError: It is not said to whom or what, a chat would get two texts, or a name means several chats.

        """
        given = [name for name in (*SUBJECT_ARGUMENTS, ITEMS) if values.get(name)]
        if len(given) != 1 or (ITEMS in given) == ("text" in values):
            message = "give items, or text with order_ids, conversation_ids or buyer, one of them"
            problem = Problem(given[-1] if given else SUBJECT_ARGUMENTS[0], message)
            raise ShopError("invalid_arguments", f"{message}: nothing was sent.", problems=(problem,))
        if ITEMS in given:
            return await _find_own_replies(values[ITEMS], context)
        if "conversation_ids" in given:
            noun, found = "conversation", await _find_conversations(values["conversation_ids"], context)
        elif "order_ids" in given:
            noun, found = "order", await find_chats_of_orders(values["order_ids"], context)
        else:
            name = values["buyer"]
            chat = await find_chat_by_name(name, int(self.clock()), context)
            noun, found = "buyer", FoundChats((chat,)) if chat else FoundChats((), {name: NO_CHAT_REASON}, (name,))
        return [(chat, values["text"]) for chat in found.chats], _list_problems(noun, found)


async def _find_own_replies(entries: Sequence[Json], context: JobContext) -> tuple[list[Reply], list[JobItem]]:
    """The chats of entries that bring a text each, and an item for each id that means none.

    Raises:
        ShopError: An entry names no chat or two, or a chat would get two texts.

    """
    texts: dict[tuple[str, str], str] = {}
    for index, entry in enumerate(entries):
        named = [(name, entry[name]) for name in ITEM_IDS if entry.get(name)]
        if len(named) != 1:
            raise _refuse_item(index, f"has {len(named) or 'none'} of {', '.join(ITEM_IDS)}: give one")
        if texts.setdefault(named[0], entry["text"]) != entry["text"]:
            raise _refuse_item(index, f"has another text for {named[0][1]} than one before")
    replies: list[Reply] = []
    problems: list[JobItem] = []
    for argument, find in (("conversation_id", _find_conversations), ("order_id", find_chats_of_orders)):
        ids = [thing_id for name, thing_id in texts if name == argument]
        found = await find(ids, context) if ids else FoundChats(())
        problems += _list_problems(ITEM_IDS[argument], found)
        for chat in found.chats:
            own = {texts[argument, each] for each in (chat.order_ids if argument == "order_id" else (chat.id,))}
            others = {text for other, text in replies if chat.id and other.id == chat.id}
            if len(own | others) > 1:
                ids_text = ", ".join(chat.order_ids) or chat.id
                raise _refuse_item(0, f"and others have several texts for one buyer's chat ({ids_text}): give one")
            replies += [] if others else [(chat, text) for text in own]
    return replies, problems


def _refuse_item(index: int, message: str) -> ShopError:
    problem = Problem(f"{ITEMS}[{index}]", message)
    return ShopError("invalid_arguments", f"{problem.argument} {message}. Nothing was sent.", problems=(problem,))


async def _find_conversations(ids: Sequence[str], context: JobContext) -> FoundChats:
    """The chats of these ids; those of other shops are missing here."""
    chats = await find_chats_by_id(ids, context)
    missing = [i for i in dict.fromkeys(ids) if i not in {chat.id for chat in chats}]
    return FoundChats(tuple(chats), dict.fromkeys(missing, NO_CHAT_REASON), tuple(missing))


def _list_problems(noun: str, found: FoundChats) -> list[JobItem]:
    return [
        JobItem(noun, named, skip_reason=reason, is_missing=named in found.missing)
        for named, reason in found.problems.items()
    ]


def _make_reply(chat: Chat, thing: Item | None, text: str, orders: str, *, is_one: bool) -> JobItem:
    """The message in a chat that is there, beneath what was written last; `orders` where it is the only one."""
    messages = _describe_messages(thing.data) if thing is not None and not thing.problem else []
    problem = thing.problem.rstrip(".") if thing is not None else "not looked up"
    reason = UNREAD_REASON.format(problem=problem) if problem else "" if chat.can_send else CLOSED_REASON
    earlier = messages[-MAX_SHOWN_MESSAGES:-1] if is_one else []
    return JobItem(
        "conversation",
        chat.id,
        chat.names | {f"message_{number}": line for number, line in enumerate(earlier, 1)},
        f"newest: {messages[-1]}" if messages else "nothing was written yet",
        "" if reason else text,
        reason,
        is_relative=True,  # what was sent is never sent again by itself
        parameters={"text": text},
        has_words=True,
        details={"buyers_orders": orders} if orders else {},
    )


def _open_chat(chat: Chat, text: str, orders: str) -> list[JobItem]:
    """The chat that is opened with a buyer, and the message in it; `orders` where it is the only one."""
    opened = JobItem("user", chat.user_id, chat.names, will_be="a chat is opened")
    message = JobItem(
        "message",
        chat.user_id,
        chat.names,
        "no chat yet",
        text,
        is_relative=True,
        parameters={"text": text},
        has_words=True,
        details={"buyers_orders": orders} if orders else {},
    )
    return [opened, message]


def _describe_messages(data: Json) -> list[str]:
    """What people wrote, the newest at the end: who, when, and the words."""
    messages = find_people_messages(data)[::-1]
    return [f"{name_sender(m)}, {m.get('create_time', '')}: {read_message(m)}" for m in messages]
