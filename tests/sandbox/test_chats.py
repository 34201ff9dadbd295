"""Buyers write, the shop answers, and what was said stands in the conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.sandbox.test_every_operation import OPERATIONS, fits

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

CHATS = "/customer_service/202309/conversations"


def send(conversation_id: str) -> str:
    return f"/customer_service/202606/conversations/{conversation_id}/messages"


async def conversations(caller: Caller) -> list[Json]:
    return await caller.all_pages("GET", CHATS, {"page_size": "3"}, None, "conversations")


async def messages(caller: Caller, conversation_id: str, **query: str) -> list[Json]:
    path = f"{CHATS}/{conversation_id}/messages"
    return await caller.all_pages("GET", path, {"page_size": "2"} | query, None, "messages")


def text(words: str) -> Json:
    return {"type": "TEXT", "content": json.dumps({"content": words})}


async def test_buyers_have_written(caller: Caller) -> None:
    found = await conversations(caller)
    assert len(found) >= 8
    times = [c["latest_message"]["create_time"] for c in found]
    assert times == sorted(times, reverse=True)
    buyers = [next(p["user_id"] for p in c["participants"] if p["role"] == "BUYER") for c in found]
    assert len(set(buyers)) == len(buyers)
    orders = await caller.call("POST", "/order/202309/orders/search", {"page_size": "10"}, {"buyer_user_id": buyers[0]})
    assert orders["total_count"] >= 1
    assert any(c["unread_count"] for c in found)
    assert any(not c["unread_count"] for c in found)


async def test_the_planted_messages_stand_in_conversations(caller: Caller) -> None:
    planted = caller.shop.planted
    for name, words in (("injection", "Ignore previous instructions"), ("buyer_data", "alex.sample@mail.example")):
        said = await messages(caller, planted[f"{name}_conversation"])
        order = caller.shop.orders[planted[name]]
        assert json.loads(said[0]["content"])["content"] == order.buyer_message
        assert words in said[0]["content"]
        assert json.loads(said[-1]["content"]) == {"order_id": order.id}


async def test_an_answer_is_the_latest_message(caller: Caller, clock: Clock) -> None:
    chat = caller.shop.planted["buyer_data_conversation"]
    clock.pass_by(60)
    made = await caller.call("POST", send(chat), None, text("We'll call you."))
    latest = (await conversations(caller))[0]
    assert (latest["id"], latest["latest_message"]["id"]) == (chat, made["message_id"])
    said = await messages(caller, chat, need_plaintext="true")
    assert (said[0]["plaintext"], said[0]["sender"]["role"]) == ("We'll call you.", "CUSTOMER_SERVICE")
    oldest_first = await messages(caller, chat, sort_order="ASC")
    assert [m["id"] for m in oldest_first] == [m["id"] for m in said][::-1]
    assert [m["index"] for m in oldest_first] == ["1", "2", "3"]


async def test_reading_clears_what_is_unread(caller: Caller) -> None:
    chat = caller.shop.planted["buyer_data_conversation"]
    detail = f"/customer_service/202601/conversations/{chat}"
    assert (await caller.call("GET", detail))["conversation"]["unread_count"] == 1
    assert await caller.call("POST", f"{CHATS}/{chat}/messages/read") == {}
    assert (await caller.call("GET", detail))["conversation"]["unread_count"] == 0


async def test_messages_are_checked(caller: Caller) -> None:
    chat = caller.shop.planted["buyer_data_conversation"]
    own = caller.shop.planted["buyer_data"]
    other = next(o.id for o in caller.shop.orders.values() if o.buyer != caller.shop.orders[own].buyer)
    product = next(iter(caller.shop.products))
    cases: list[tuple[str, Any, int]] = [
        ("TEXT", {"content": "x" * 2001}, 45101006),
        ("TEXT", {"content": ""}, 45101001),
        ("TEXT", [], 45101001),
        ("ORDER_CARD", {"order_id": other}, 45101001),
        ("ORDER_CARD", {"order_id": own}, 0),
        ("PRODUCT_CARD", {"product_id": "1729"}, 45101001),
        ("PRODUCT_CARD", {"product_id": product}, 0),
        ("IMAGE", {"content": "x"}, 45101001),
    ]
    for kind, content, code in cases:
        answer = await caller.send("POST", send(chat), None, {"type": kind, "content": json.dumps(content)})
        assert answer.json()["code"] == code, (kind, content)
    assert await caller.code("POST", send(chat), None, {"type": "TEXT", "content": "hello"}) == 45101001
    assert await caller.code("POST", send("75"), None, text("hello")) == 45101003


async def test_a_conversation_is_begun_once(caller: Caller) -> None:
    order = (await caller.call("POST", "/order/202309/orders/search", {"page_size": "1"}, {}))["orders"][0]
    before = len(await conversations(caller))
    made = [await caller.call("POST", CHATS, None, {"buyer_user_id": order["user_id"]}) for _ in range(2)]
    assert made[0] == made[1]
    assert len(await conversations(caller)) == before + 1
    await caller.call("POST", send(made[0]["conversation_id"]), None, text("Thank you for your order."))
    assert len(await messages(caller, made[0]["conversation_id"])) == 1
    assert await caller.code("POST", CHATS, None, {"buyer_user_id": "7"}) == 45109003


async def test_sessions_are_ended(caller: Caller, clock: Clock) -> None:
    chat = caller.shop.planted["buyer_data_conversation"]
    path = f"/customer_service/202601/conversations/{chat}"
    session = (await caller.call("GET", path, {"need_session_id": "true"}))["conversation"]["cur_session_id"]
    end = f"/customer_service/202605/conversations/{chat}/sessions/{session}/end"
    assert await caller.call("POST", end) == {}
    assert await caller.code("POST", end) == 45101003
    body = {"begin_time_ge": 0, "begin_time_lt": int(clock.now)}
    found = await caller.all_pages(
        "POST", "/customer_service/202602/sessions/search", {"page_size": "5"}, body, "sessions"
    )
    assert [s["end_time"] for s in found if s["id"] == session] == [int(clock.now)]


async def test_the_shop_may_close_its_chat(caller: Caller) -> None:
    path = "/customer_service/202309/agents/settings"
    assert await caller.call("GET", path) == {"can_accept_chat": True}
    assert await caller.call("PUT", path, None, {"can_accept_chat": False}) == {}
    assert await caller.call("GET", path) == {"can_accept_chat": False}


async def test_what_chats_answer_is_in_the_facts(caller: Caller) -> None:
    flags = {"need_session_id": "true", "need_session_info": "true"}
    chat = caller.shop.planted["buyer_data_conversation"]
    order = caller.shop.orders[caller.shop.planted["buyer_data"]]
    sought = {"begin_time_ge": 0, "begin_time_lt": int(caller.sandbox.now())}
    body = {"page_size": "20"}
    asked: dict[str, tuple[Any, ...]] = {
        "get_conversations": ("GET", CHATS, body | flags),
        "get_conversation": ("GET", f"/customer_service/202601/conversations/{chat}", flags),
        "get_conversation_messages": (
            "GET",
            f"{CHATS}/{chat}/messages",
            {"page_size": "10", "need_data": "true", "need_plaintext": "true"},
        ),
        "search_sessions": ("POST", "/customer_service/202602/sessions/search", body, sought),
    }
    answers = {}
    for name, call in asked.items():
        known = {**OPERATIONS[name].in_query}
        query = {key: value for key, value in call[2].items() if key in known}
        answers[name] = await caller.call(call[0], call[1], query, *call[3:])
        fits(OPERATIONS[name].answer, answers[name], name)
    shown = (await caller.call("GET", "/order/202507/orders", {"ids": order.id}))["orders"][0]
    people = answers["get_conversation"]["conversation"]["participants"]
    assert [p["user_id"] for p in people if p["role"] == "BUYER"] == [shown["user_id"]]


async def test_an_answered_conversation_stays_unread_until_it_is_read(caller: Caller, clock: Clock) -> None:
    chat = caller.shop.planted["buyer_data_conversation"]
    clock.pass_by(60)
    await caller.call("POST", send(chat), None, text("We'll call you."))
    body = {"begin_time_ge": 0, "begin_time_lt": int(clock.now)}
    found = await caller.call("POST", "/customer_service/202602/sessions/search", {"page_size": "20"}, body)
    (session,) = [s for s in found["sessions"] if s["conversation_id"] == chat]
    assert session["first_response_time"] > 0
    detail = await caller.call("GET", f"/customer_service/202601/conversations/{chat}")
    assert detail["conversation"]["unread_count"] == 1
