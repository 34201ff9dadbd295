"""Finds the chats meant by orders, ids or a name, whether they can be written to, and what the buyers ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.chat_messages import BUYER_ROLE
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.order_reads import read_orders
from mcp_server_tiktok_shop.tools.jobs.order_words import find_buyer
from mcp_server_tiktok_shop.tools.jobs.parcels import TO_SHIP_STATUSES, find_deadline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_CANDIDATES = 5
SESSION_DAYS, DAY_S = 89, 24 * 3600  # how far back the platform finds chats by name: 90 days at most
ORDERS_PAGE = 20  # of a buyer's orders, the latest, that are looked at
MAX_SHOWN_ORDERS = 3
CLOSED_REASON = "TikTok doesn't let the shop write in this chat now"
UNKNOWN_ORDER, NAMELESS_ORDER = "this shop has no order {id}", "order {id} names no buyer"


class Chat(Struct, frozen=True):
    """A chat that is meant; `id` is empty where it is still to be opened with the buyer of `user_id`.

    `order_ids` are those by which it was found.
    """

    id: str
    user_id: str = ""
    order_ids: tuple[str, ...] = ()
    nickname: str = ""
    can_send: bool = True

    @property
    def names(self) -> Json:
        """What a person knows it by."""
        names = {"order": ", ".join(self.order_ids), "nickname": self.nickname}
        return {name: value for name, value in names.items() if value}


class FoundChats(Struct, frozen=True):
    """The chats that are meant, and why what else was named has none, by its id; some of that is not here at all."""

    chats: tuple[Chat, ...]
    problems: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


async def find_chats_by_id(ids: Sequence[str], context: JobContext) -> list[Chat]:
    """The chats of these ids, with their buyers as far as the list of chats tells them.

    Of a call for several shops only those that the list has: others may be another shop's.

    Raises:
        ShopError: The list can't be read, and the call is for several shops.

    """
    distinct_ids = list(dict.fromkeys(ids))
    try:
        rows = await _read_chats(context, chat_ids=distinct_ids)
    except ShopError:
        if context.has_other_shops:
            raise
        rows = []  # whose chat it is need not be known to write in it
    found = {str(row.get("id")): _make_chat(row) for row in rows}
    if context.has_other_shops:
        return [found[chat_id] for chat_id in distinct_ids if chat_id in found]
    return [found.get(chat_id) or Chat(chat_id) for chat_id in distinct_ids]


async def find_chats_of_orders(order_ids: Sequence[str], context: JobContext) -> FoundChats:
    """The chats with the buyers of orders, each once, there already or not; and why others have none, by order.

    Raises:
        ShopError: `not_found`: none of them is an order here that tells its buyer, and the call is for this shop alone.

    """
    orders = await read_orders(order_ids, context)
    ids_by_user: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    for order_id in dict.fromkeys(order_ids):
        if user_id := str(orders.get(order_id, {}).get("user_id") or ""):
            ids_by_user.setdefault(user_id, []).append(order_id)
        else:
            problems[order_id] = (NAMELESS_ORDER if order_id in orders else UNKNOWN_ORDER).format(id=order_id)
    missing = tuple(order_id for order_id in problems if order_id not in orders)
    if not ids_by_user and context.has_other_shops:
        return FoundChats((), problems, missing)
    if not ids_by_user:
        reasons = "; ".join(problems.values())
        message = f"{reasons[0].upper()}{reasons[1:]}: nothing was sent."
        raise ShopError("not_found", message, hint="Take the id from get_order_list.")
    rows = await _read_chats(context, user_ids=list(ids_by_user))
    chats = {chat.user_id: chat for chat in map(_make_chat, reversed(rows)) if chat.id}
    names = {user_id: find_buyer(orders[ids[0]]) for user_id, ids in ids_by_user.items()}
    found = [
        replace(chats.get(user_id) or Chat("", user_id, nickname=names[user_id]), order_ids=tuple(ids))
        for user_id, ids in ids_by_user.items()
    ]
    return FoundChats(tuple(found), problems, missing)


async def find_chat_by_name(name: str, now: int, context: JobContext) -> Chat | None:
    """The chat of the only buyer who goes by a name, among those who wrote within the platform's days.

    None where there is none, and the call is for other shops as well.

    Raises:
        ShopError: `invalid_arguments`: there is none, or there are several.

    """
    arguments = {"buyer_nickname": name, "begin_time_ge": now - SESSION_DAYS * DAY_S, "begin_time_lt": now + 1}
    rows = await context.read_rows("search_sessions", arguments | {"page_size": 20})
    found = {str(row["conversation_id"]): row for row in reversed(rows) if row.get("conversation_id")}
    if len(found) == 1:
        (chat_id,) = found
        chat = next(iter(await find_chats_by_id([chat_id], context)), Chat(chat_id))
        return chat if chat.nickname else replace(chat, nickname=str(found[chat_id].get("buyer_nickname", "")))
    if not found and context.has_other_shops:
        return None
    candidates = [f"{chat_id} (last of {row.get('begin_time')})" for chat_id, row in found.items()]
    allowed = ", ".join(candidates[:MAX_CANDIDATES]) or "order_ids, or conversation_ids of get_conversations"
    message = f"{len(found)} buyers of that name have a chat" if found else "no buyer of that name has a chat"
    hint = "Name the chat by its id in conversation_ids, or by an order."
    problem = Problem("buyer", message, allowed)
    raise ShopError("invalid_arguments", f"{message}: nothing was sent.", hint=hint, problems=(problem,))


async def describe_orders(chat: Chat, context: JobContext) -> str:
    """The buyer's orders, those with a parcel to ship first, or that none is known."""
    if not chat.user_id:
        return "not known: TikTok doesn't tell who this chat is with"
    try:
        data = await context.read("get_order_list", {"buyer_user_id": chat.user_id, "page_size": ORDERS_PAGE})
    except ShopError as error:
        return f"not known: {error.message.rstrip('.')}"
    orders = [row for row in data.get("orders") or () if isinstance(row, dict) and row.get("id")]
    if not orders:
        return "none"
    orders.sort(key=lambda order: (order.get("status") not in TO_SHIP_STATUSES, order["id"] not in chat.order_ids))
    shown = [f"{order['id']} {_describe_status(order)}" for order in orders[:MAX_SHOWN_ORDERS]]
    more = len(orders) - MAX_SHOWN_ORDERS
    return ", ".join([*shown, *([f"and {more} more orders"] if more > 0 else [])])


async def _read_chats(
    context: JobContext, chat_ids: Collection[str] = (), user_ids: Collection[str] = ()
) -> list[Json]:
    """The chats of these ids or buyers, in the list's order, of no more pages than it takes to find all of them."""
    missing = {*chat_ids, *user_ids}

    def is_last(row: Json) -> bool:
        missing.difference_update((str(row.get("id")), str(_find_buyer(row).get("user_id"))))
        return not missing

    rows = await context.read_rows("get_conversations", {"page_size": 20}, until=is_last)
    return [row for row in rows if str(row.get("id")) in chat_ids or str(_find_buyer(row).get("user_id")) in user_ids]


def _make_chat(row: Json) -> Chat:
    buyer = _find_buyer(row)
    can_send = row.get("can_send_message") is not False
    user_id, nickname = (str(buyer.get(name) or "") for name in ("user_id", "nickname"))
    return Chat(str(row.get("id") or ""), user_id, nickname=nickname, can_send=can_send)


def _find_buyer(row: Json) -> Json:
    people = [person for person in row.get("participants") or () if isinstance(person, dict)]
    return next((person for person in people if person.get("role") == BUYER_ROLE), {})


def _describe_status(order: Json) -> str:
    deadline = find_deadline(order) if order.get("status") in TO_SHIP_STATUSES else None
    return f"{order.get('status')}" + (f" (ship by {deadline.isoformat()})" if deadline else "")
