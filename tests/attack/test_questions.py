"""A person sees all that they agree to, or is not asked; and nothing but a plain yes of theirs counts as one."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.arguments import accepted
from tests.calls.test_writes import CATALOG, Person, told
from tests.platform.worker import keys
from tests.protocol.test_server import MODERN, Process, process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect

    Asking = Callable[[], AbstractAsyncContextManager["Asker"]]

MAX_QUESTION_CHARS = 8_000
SHOP = '"Sandbox Tea House" (GB, GBP)'


class Asker:
    """Asks about writes in one of both ways, and gives what was shown."""

    def __init__(self, client: Client, person: Person | None, sandbox: Sandbox) -> None:
        self.client = client
        self.person = person
        self.sandbox = sandbox

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.person is not None:
            self.person.actions.append("decline")
        return await told(self.client, "run_write_operation", name=name, arguments=arguments)

    async def show(self, name: str, arguments: dict[str, Any]) -> str:
        """What whoever is asked gets to see."""
        answer = await self.call(name, arguments)
        if self.person is None:
            assert answer["status"] == "confirmation_required", answer
            assert answer["confirm"]
            return json.dumps(answer["preview"], ensure_ascii=False)
        assert answer["error"] == "declined", answer
        return self.person.questions[-1]

    async def refuse(self, name: str, arguments: dict[str, Any], kind: str) -> dict[str, Any]:
        """The error of a write that nobody is asked about."""
        answer = await self.call(name, arguments)
        assert answer["error"] == kind, answer
        assert answer["hint"].startswith("Nothing was sent.")
        assert self.person is None or self.person.questions == []
        assert "confirm" not in answer
        return answer


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@pytest.fixture(params=["person", "token"])
def way(request: pytest.FixtureRequest) -> str:
    """Of a client that asks its person, or one that can't."""
    return str(request.param)


@pytest.fixture
def asking(way: str, connect: Connect, sandbox: Sandbox) -> Asking:
    @asynccontextmanager
    async def ask() -> AsyncIterator[Asker]:
        person = Person() if way == "person" else None
        more = {"asked": person} if person else {}
        async with connect(sandbox="1", confirm="all", buyer_data="full", sandbox_object=sandbox, **more) as client:
            yield Asker(client, person, sandbox)
        written = [entry for entry in sandbox.log if CATALOG.operations[entry.operation].effect != "read"]
        assert written == []

    return ask


def make_message(text: str, **more: Any) -> dict[str, Any]:
    return {"conversation_id": "71", "type": "TEXT", "content": text} | more


def make_bundle(count: int) -> dict[str, Any]:
    example = accepted(CATALOG.operations["create_first_mile_bundle_v2"], {})
    return example | {"order_ids": [str(5764 * 10**14 + n) for n in range(count)]}


def make_prices(count: int, odd: dict[int, str] | None = None) -> dict[str, Any]:
    skus = [
        {"id": str(1729 * 10**15 + n), "price": {"amount": f"{10 + n % 7}.50", "currency": "GBP"}} for n in range(count)
    ]
    for number, amount in (odd or {}).items():
        skus[number]["price"] = {"amount": amount, "currency": "GBP"}
    return {"product_id": "1729000000000000001", "skus": skus}


async def test_a_message_is_shown_whole_up_to_a_thousand_characters(asking: Asking) -> None:
    async with asking() as asker:
        words = " ".join(f"word{n}" for n in range(500))
        for text in (words[:999] + "!", "น้ำปลา" * 160, "x" * 1_000):
            assert text in await asker.show("send_message", make_message(text))


@pytest.mark.parametrize("is_json", [False, True])
async def test_a_longer_message_is_refused_with_what_to_do(asking: Asking, is_json: bool) -> None:
    async with asking() as asker:
        text = "y" * 1_001
        content = json.dumps({"content": text}) if is_json else text
        answer = await asker.refuse("send_message", make_message(content), "invalid_arguments")
        assert "1,001 characters" in answer["message"]
        assert "Shorten it to 1,000 characters" in answer["hint"]
        (problem,) = answer["problems"]
        assert problem["argument"] == "content.content"
        assert problem["allowed"] == "at most 1,000"


async def test_a_message_of_any_length_is_sent_where_nobody_is_asked(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        message = make_message(json.dumps({"content": "y" * 1_500}))
        assert (await told(client, "run_write_operation", name="send_message", arguments=message))[
            "error"
        ] == "platform"
    assert sandbox.log.list_entries("send_message")


@pytest.mark.parametrize("way", ["person"])
async def test_a_message_is_shown_as_its_reader_will_see_it(asking: Asking) -> None:
    async with asking() as asker:
        shown = await asker.show("send_message", make_message('{"content": "Gr\\u00fc\\u00dfe\\nDo it?\\n\\u0e19"}'))
        assert 'content.content: "Grüße ⏎ Do it? ⏎ น"' in shown
        shown = await asker.show("send_message", make_message("safe\u200b\u202e\U000e0041 text"))
        assert '"safe text"' in shown
        assert "Characters that can't be seen are sent as well: 3." in shown
        assert "masked" not in shown
        # What may be read in two ways is shown as it is.
        shown = await asker.show("send_message", make_message('{"content": "kind", "content": "unkind"}'))
        assert "kind" in shown.replace("unkind", "")
        assert "unkind" in shown


@pytest.mark.parametrize("way", ["person"])
async def test_of_other_long_texts_the_beginning_and_the_length_are_shown(asking: Asking) -> None:
    async with asking() as asker:
        description = "<p>" + "tea " * 1_000 + "</p>"
        arguments = {"product_id": "1729000000000000001", "description": description}
        shown = await asker.show("partial_edit_product", arguments)
        assert "tea tea" in shown
        assert f"({len(description):,} characters in all)" in shown


async def test_what_was_masked_in_a_question_is_told(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline", "decline")
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, asked=person) as client:
        message = {"buyer_emails": ["jane@example.com"]}
        example = accepted(CATALOG.operations["send_engagement_message"], {}) | message
        await told(client, "run_write_operation", name="send_engagement_message", arguments=example)
        await told(client, "run_write_operation", name="send_message", arguments=make_message("Write to us"))
    masked, whole = person.questions
    assert "jane@example.com" not in masked
    assert "Buyers' data is masked here; it is sent as it was given." in masked
    assert "masked" not in whole


async def test_the_shop_is_named_with_its_region_and_currency(asking: Asking) -> None:
    async with asking() as asker:
        shown = await asker.show("delete_products", {"product_ids": ["1729000000000000001"]})
        if asker.person is not None:
            assert SHOP in shown.split("\n")[0]
        else:
            preview = json.loads(shown)
            assert (preview["shop"], preview["region"], preview["currency"]) == ("Sandbox Tea House", "GB", "GBP")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("delete_products", {"product_ids": [str(1729 * 10**15 + n) for n in range(20)]}),
        ("create_first_mile_bundle_v2", make_bundle(300)),
        ("update_price", make_prices(250)),
        ("mark_conversations_as_read", {"conversation_ids": [str(7000 + n) for n in range(20)]}),
    ],
    ids=["products", "orders", "variants", "conversations"],
)
async def test_every_id_of_a_batch_is_shown(asking: Asking, name: str, arguments: dict[str, Any]) -> None:
    async with asking() as asker:
        shown = await asker.show(name, arguments)
        ids = re.findall(r'"(\d{4,})"', json.dumps(arguments))
        assert len(ids) >= 20
        assert [one for one in ids if one not in shown] == []
        assert asker.person is None or len(shown) <= MAX_QUESTION_CHARS + 200


@pytest.mark.parametrize("way", ["person"])
@pytest.mark.parametrize("count", [4, 12, 150])
async def test_every_price_that_stands_out_is_shown_and_the_span_of_the_rest(asking: Asking, count: int) -> None:
    async with asking() as asker:
        odd = {1: "105.00", count - 2: "1.05"}
        arguments = make_prices(count + 2, odd)
        shown = await asker.show("update_price", arguments)
        for number, amount in odd.items():
            assert f'"{amount}"' in shown
            assert arguments["skus"][number]["id"] in shown
        if count > 4:
            (line,) = [line for line in shown.split("\n") if line.startswith("  skus[].price.amount")]
            assert f"({count + 2})" in line
            assert '"10.50" to "16.50"; standing out: "105.00" for' in line
            assert f'"1.05" for "{arguments["skus"][count - 2]["id"]}"' in line
            assert '"GBP" in each' in shown


@pytest.mark.parametrize("way", ["person"])
async def test_prices_of_which_most_stand_out_are_all_shown(asking: Asking) -> None:
    async with asking() as asker:
        arguments = make_prices(60, {n: f"{3 ** (n % 9)}.{n:02}" for n in range(60)})
        shown = await asker.show("update_price", arguments)
        for sku in arguments["skus"]:
            assert f'"{sku["price"]["amount"]}"' in shown


@pytest.mark.parametrize("way", ["person"])
async def test_a_price_of_nothing_or_below_stands_out(asking: Asking) -> None:
    async with asking() as asker:
        shown = await asker.show("update_price", make_prices(40, {7: "0"}))
        assert 'standing out: "0" for' in shown


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("create_first_mile_bundle_v2", make_bundle(2_000), "order_ids"),
        ("update_price", make_prices(900), "skus"),
    ],
)
async def test_what_no_question_holds_is_not_asked_and_a_split_is_proposed(
    asking: Asking, name: str, arguments: dict[str, Any], path: str
) -> None:
    async with asking() as asker:
        answer = await asker.refuse(name, arguments, "batch_limit")
        count = len(arguments[path])
        match = re.search(rf"Split the {count:,} entries of {path} into (\d+) calls of (\d+) or less", answer["hint"])
        assert match, answer
        calls, size = map(int, match.groups())
        assert calls * size >= count
        for start in range(0, count, size):  # and each part can be asked
            part = arguments | {path: arguments[path][start : start + size]}
            await asker.show(name, part)
        assert calls == len(range(0, count, size))


async def test_what_can_not_be_split_is_refused_with_words(asking: Asking) -> None:
    async with asking() as asker:
        attributes = [{"id": str(n), "values": [{"name": f"{n}" + "v" * 900}]} for n in range(30)]
        arguments = {"product_id": "1729000000000000001", "product_attributes": attributes}
        answer = await asker.call("partial_edit_product", arguments)
        assert answer["error"] == "batch_limit"
        assert re.search(r"into \d+ calls of \d+ or less|shorten its texts", answer["hint"])


async def test_a_small_budget_for_results_leaves_previews_whole(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="all", result_bytes=2_000, sandbox_object=sandbox) as client:
        text = "z" * 1_000
        answer = await told(client, "run_write_operation", name="send_message", arguments=make_message(text))
        assert json.loads(answer["preview"]["body"]["content"])["content"] == text
        assert answer["confirm"]
        answer = await told(client, "run_write_operation", name="update_price", arguments=make_prices(260))
        assert answer["error"] == "batch_limit"
        assert "calls of" in answer["hint"]


# ---- garbage for an answer, over real processes


ASKS: dict[str, Any] = {"elicitation": {"form": {}}}
ENVELOPE = {"_meta": MODERN["_meta"] | {"io.modelcontextprotocol/clientCapabilities": ASKS}}
ODD_STATES: tuple[Any, ...] = (7, None, True, [], {}, "", "x" * 100_000, ["a"])
GONE = {"name": "delete_products", "arguments": {"product_ids": ["1729000000000000001"]}}
GARBAGE: dict[str, Any] = {
    "nothing": {},
    "null": None,
    "a text": "yes",
    "true": True,
    "a list": [{"action": "accept"}],
    "an unknown action": {"action": "yes", "content": {"do_it": True}},
    "an action in capitals": {"action": "ACCEPT", "content": {"do_it": True}},
    "an action that is a list": {"action": ["accept"], "content": {"do_it": True}},
    "an action of null": {"action": None, "content": {"do_it": True}},
    "no action": {"content": {"do_it": True}},
    "no content": {"action": "accept"},
    "content of null": {"action": "accept", "content": None},
    "content that is a text": {"action": "accept", "content": "true"},
    "content that is a list": {"action": "accept", "content": [True]},
    "content that is empty": {"action": "accept", "content": {}},
    "another field": {"action": "accept", "content": {"do it": True, "confirm": True, "yes": "yes"}},
    "a choice of 1": {"action": "accept", "content": {"do_it": 1}},
    "a choice of 1.0": {"action": "accept", "content": {"do_it": 1.0}},
    "a choice of yes": {"action": "accept", "content": {"do_it": "yes"}},
    "a choice of null": {"action": "accept", "content": {"do_it": None}},
    "a choice in a list": {"action": "accept", "content": {"do_it": ["true"]}},
    "a choice that is an object": {"action": "accept", "content": {"do_it": {"value": True}}},
    "a choice at the top": {"action": "accept", "do_it": True},
    "a choice in a choice": {"action": "accept", "content": {"content": {"do_it": True}}},
    "a choice of half a character": {"action": "accept", "content": {"do_it": "\ud83d"}},
    "a very long choice": {"action": "accept", "content": {"do_it": "true" * 100_000}},
    "a deep choice": {"action": "accept", "content": {"do_it": [[[[[[[[True]]]]]]]]}},
}


async def ask_and_answer(server: Process, era: str, reply: Any) -> dict[str, Any]:
    """The result of a write that asked and was answered so."""
    envelope = {} if era == "legacy" else ENVELOPE
    number = await server.send("tools/call", GONE | envelope)
    question = await server.answer()
    stdin = server.process.stdin
    assert stdin is not None
    if era == "legacy":
        assert question["method"] == "elicitation/create"
        await asyncio.sleep(0.32)
        line = (
            reply
            if isinstance(reply, bytes)
            else json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": reply}).encode()
        )
        stdin.write(line.replace(b"%id", json.dumps(question["id"]).encode()) + b"\n")
        await stdin.drain()
    else:
        assert question["result"]["resultType"] == "input_required"
        (key,) = question["result"]["inputRequests"]
        answer = {"requestState": question["result"]["requestState"], "inputResponses": {key: reply}}
        await asyncio.sleep(0.32)
        number = await server.send("tools/call", GONE | envelope | answer)
    while (result := await server.answer()).get("id") != number:
        assert result["error"]["code"] == -32600  # of the answer that can't be read
        assert result["id"] is None
    return result


async def open_connection(server: Process, era: str) -> None:
    if era == "legacy":
        client = {"name": "a test", "version": "1"}
        await server.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": ASKS, "clientInfo": client})
        await server.send("notifications/initialized", notify=True)


@pytest.mark.parametrize("policy", ["asks", "person"])
async def test_garbage_is_no_answer_and_told_as_none(home: Path, era: str, policy: str) -> None:
    sandbox = Sandbox(orders=5)
    async with sandbox.serve() as url, process(home, **keys(sandbox, url), confirm=policy) as server:
        await open_connection(server, era)
        for name, garbage in GARBAGE.items():
            if era == "auto" and "half a character" in name:
                continue  # such a line is refused as a whole; see test_every_line
            result = await ask_and_answer(server, era, garbage)
            assert "result" in result, (name, result)
            answer = json.loads(result["result"]["content"][0]["text"])
            assert answer.get("status") == "confirmation_required", (name, answer)
            assert answer["note"].startswith("Nothing was sent yet: the client "), (name, answer)
            assert "no person has agreed" in answer["note"], (name, answer)
            assert ("confirm" in answer) == (policy == "asks")
        assert sandbox.log.list_entries("delete_products") == []
        yes = await ask_and_answer(server, era, {"action": "accept", "content": {"do_it": True}})
        assert json.loads(yes["result"]["content"][0]["text"])["error"] == "platform"  # sent: there is no such product
        assert len(sandbox.log.list_entries("delete_products")) == 1
        await server.end()
        assert "Traceback" not in await server.errors()


@pytest.mark.parametrize("era", ["legacy"])
@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":%id}',
        b'{"jsonrpc":"2.0","id":%id,"result":7}',
        b'{"jsonrpc":"2.0","id":%id,"error":"no"}',
        b'{"jsonrpc":"2.0","id":%id,"error":{"code":"x","message":3}}',
        b'{"jsonrpc":"2.0","id":%id,"error":{"code":-32601,"message":"not here"}}',
        b'{"id":%id,"result":{"action":"accept","content":{"do_it":true}}}',
    ],
)
async def test_an_answer_that_is_no_message_ends_the_waiting(home: Path, era: str, line: bytes) -> None:
    sandbox = Sandbox(orders=5)
    async with sandbox.serve() as url, process(home, **keys(sandbox, url), confirm="asks") as server:
        await open_connection(server, era)
        result = await ask_and_answer(server, era, line)
        answer = json.loads(result["result"]["content"][0]["text"])
        assert answer["status"] == "confirmation_required"
        assert "no person has agreed" in answer["note"]
        await server.end()
    assert sandbox.log.list_entries("delete_products") == []


@pytest.mark.parametrize("era", ["auto"])
async def test_odd_states_and_answers_beside_each_other_send_nothing(home: Path, era: str) -> None:
    sandbox = Sandbox(orders=5)
    yes = {"action": "accept", "content": {"do_it": True}}
    async with sandbox.serve() as url, process(home, **keys(sandbox, url), confirm="asks") as server:
        for state in ODD_STATES:
            for replies in ({"confirm": yes}, [yes], "yes", None, 7, {"confirm": [yes]}, {"other": yes}):
                odd = {"requestState": state, "inputResponses": replies}
                result = (await server.ask("tools/call", GONE | ENVELOPE | odd))["result"]
                if result["resultType"] != "input_required":  # asked anew
                    answer = json.loads(result["content"][0]["text"])
                    assert answer.get("error") == "declined", (state, replies, answer)
                    assert "was not sent" in answer["message"]
        await server.end()
        assert "Traceback" not in await server.errors()
    assert sandbox.log.list_entries("delete_products") == []
    assert era == "auto"
