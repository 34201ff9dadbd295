"""No write happens unseen: it is shown, asked about, refused without a yes, and written down."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.state.files.audit_log import MAX_FILE_BYTES, FileAuditLog
from tests.calls.arguments import accepted
from tests.keys import reply
from tests.wire.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from tests.conftest import Connect

CATALOG = Catalog()
SENDING = [o for o in CATALOG.operations.values() if o.is_platform_write and not o.record.get("refused")]
ASKING = [o for o in SENDING if o.effect == "destructive" or o.record["asks"]]


YES: dict[str, Any] = {"do_it": True}


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Person:
    """Somebody who reads what the client asks and then answers, and what they were asked.

    Reading takes real time, or that of a clock.
    """

    def __init__(self, *actions: str, reading_s: float = 0.32, clock: Clock | None = None) -> None:
        self.actions = list(actions)
        self.reading_s = reading_s
        self.clock = clock
        self.questions: list[str] = []
        self.forms: list[Any] = []

    async def __call__(self, _context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        self.forms.append(params.requested_schema)
        if self.clock is None:
            await asyncio.sleep(self.reading_s)
        else:
            self.clock.now += self.reading_s
        action = self.actions.pop(0)
        return ElicitResult(action=action, content=YES if action == "accept" else None)  # type: ignore[arg-type]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


async def told(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    answer: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    assert bool(result.is_error) == ("error" in answer)
    return answer


async def a_product(client: Client) -> dict[str, Any]:
    found = await told(client, "search_products", status="ACTIVATE", page_size=10)
    product: dict[str, Any] = next(p for p in found["data"]["products"] if len(p["skus"]) == 1)
    return product


async def price_change(client: Client, amount: str = "9.99") -> dict[str, Any]:
    product = await a_product(client)
    sku = {"id": product["skus"][0]["id"], "price": {"amount": amount, "currency": "GBP"}}
    return {"product_id": product["id"], "skus": [sku]}


def writes(sandbox: Sandbox) -> list[str]:
    return [e.operation for e in sandbox.log if CATALOG.operations[e.operation].effect != "read"]


async def test_a_write_that_asks_is_shown_first_and_sent_with_the_token(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        change = await price_change(client)
        refused = await told(client, "run_write_operation", name="update_price", arguments=change)
        assert refused["status"] == "confirmation_required"
        assert writes(sandbox) == []
        assert refused["preview"]["body"]["skus"] == change["skus"]
        assert refused["preview"]["shop"] == sandbox.accounts[0].shops[0].name
        assert any("title" in line for line in refused["preview"]["now"])
        done = await told(
            client, "run_write_operation", name="update_price", arguments=change, confirm=refused["confirm"]
        )
    assert "error" not in done
    assert writes(sandbox) == ["update_price"]


async def test_what_waits_for_a_yes_is_stored_under_the_names_of_earlier_versions(connect: Connect, home: Path) -> None:
    """A server that was updated in between takes the token that the one before gave out."""
    async with connect(sandbox="1", confirm="asks") as client:
        change = await price_change(client)
        refused = await told(client, "run_write_operation", name="update_price", arguments=change)
    stored = json.loads((home / "sandbox" / "confirmations.json").read_text(encoding="utf-8"))
    key = hashlib.sha256(refused["confirm"].encode()).hexdigest()  # nobody who reads the file can send the write
    assert stored.keys() == {key}
    assert stored[key].keys() >= {"mark", "way", "until"}
    assert stored[key]["way"] == "model"


async def test_a_token_holds_once_and_for_the_exact_arguments(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        change = await price_change(client)
        other = {**change, "skus": [{**change["skus"][0], "price": {"amount": "8.99", "currency": "GBP"}}]}
        token = (await told(client, "run_write_operation", name="update_price", arguments=change))["confirm"]
        for arguments in (other, change):  # for others first; and with that it is used up
            again = await told(
                client, "run_write_operation", name="update_price", arguments={**arguments, "confirm": token}
            )
            assert again["status"] == "confirmation_required"
            assert again["confirm"] != token
        assert writes(sandbox) == []
        token = (await told(client, "run_write_operation", name="update_price", arguments=change))["confirm"]
        first = await told(client, "run_write_operation", name="update_price", arguments={**change, "confirm": token})
        assert "error" not in first
        once_more = {**change, "confirm": token, "repeat": True}
        second = await told(client, "run_write_operation", name="update_price", arguments=once_more)
    assert second["status"] == "confirmation_required"
    assert writes(sandbox) == ["update_price"]


async def test_a_token_is_for_one_shop(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    (one, two, *_) = [shop.name for account in sandbox.accounts for shop in account.shops]
    async with connect(sandbox="1", sandbox_shops="3", confirm="asks", sandbox_object=sandbox) as client:
        arguments = {"product_ids": ["1729000000000000001"]}
        token = (await told(client, "delete_products", **arguments, shop=one))["confirm"]
        other = await told(client, "delete_products", **arguments, shop=two, confirm=token)
    assert other["status"] == "confirmation_required"
    assert writes(sandbox) == []


async def test_a_token_is_dead_after_ten_minutes(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    runtime = Runtime(clock, clock)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, runtime=runtime) as client:
        arguments = {"product_ids": ["1729000000000000001"]}
        token = (await told(client, "delete_products", **arguments))["confirm"]
        clock.now += 601
        late = await told(client, "delete_products", **arguments, confirm=token)
    assert late["status"] == "confirmation_required"
    assert writes(sandbox) == []


async def test_the_person_is_asked_and_a_yes_sends(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("accept")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        change = await price_change(client)
        done = await told(client, "run_write_operation", name="update_price", arguments=change)
    assert "error" not in done
    assert writes(sandbox) == ["update_price"]
    (question,) = person.questions
    assert sandbox.accounts[0].shops[0].name in question
    assert "update_price" in question
    assert '"9.99"' in question
    assert change["product_id"] in question
    assert "title" in question


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_anything_but_a_yes_sends_nothing(connect: Connect, sandbox: Sandbox, action: str) -> None:
    person = Person(action)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        refused = await told(client, "delete_products", product_ids=["1729000000000000001"])
    assert refused["error"] == "declined"
    assert len(person.questions) == 1
    assert writes(sandbox) == []


async def test_a_token_does_not_stand_for_a_person_who_can_be_asked(connect: Connect, sandbox: Sandbox) -> None:
    arguments = {"product_ids": ["1729000000000000001"]}
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        token = (await told(client, "delete_products", **arguments))["confirm"]
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        refused = await told(client, "delete_products", **arguments, confirm=token)
    assert refused["error"] == "declined"
    assert writes(sandbox) == []


async def test_what_others_wrote_can_not_pose_as_the_question(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    hostile = 'x"\nDo it?\nShop: "another"\u202e\u200b' + "y" * 200
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, asked=person) as client:
        refused = await told(
            client,
            "run_write_operation",
            name="send_message",
            arguments={"conversation_id": "71", "type": "TEXT", "content": hostile},
        )
    assert refused["error"] == "declined", refused
    (question,) = person.questions
    lines = question.split("\n")
    assert lines[0] == 'Write to buyer at "Sandbox Tea House" (GB, GBP)'
    assert [line for line in lines if line.startswith("Shop:")] == []
    assert lines.count("Do it?") == 1
    assert lines[-1] == "Do it?"
    assert all(len(line) <= 130 for line in lines if "content.content" not in line)
    assert "\u202e" not in question
    assert "\u200b" not in question


async def test_only_a_person_confirms_where_the_server_says_so(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="person", sandbox_object=sandbox) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        refused = await told(client, "delete_products", product_ids=["1729000000000000001"], confirm="abc")
    assert refused["status"] == "confirmation_required"
    assert "confirm" not in refused
    assert "--confirm" in refused["note"]
    assert "token" in refused["note"]
    assert "confirm_write" in tools  # for a yes that comes late
    assert writes(sandbox) == []


@pytest.mark.parametrize("mode", ["asks", "all", "person"])
@pytest.mark.parametrize("person", [None, "decline"])
async def test_nothing_is_sent_without_the_confirmation_that_the_mode_asks_for(
    connect: Connect, mode: str, person: str | None
) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, orders=20, clock=clock)
    asked = Person(*["decline"] * len(SENDING), clock=clock) if person else None
    more: dict[str, Any] = {"asked": asked} if asked else {}
    more["runtime"] = Runtime(clock, time.monotonic)
    async with connect(sandbox="1", confirm=mode, sandbox_object=sandbox, **more) as client:
        for operation in ASKING if mode == "asks" else SENDING:
            if operation.is_multipart or operation.adds_account:  # a wrong code leads to no account to ask about
                continue
            arguments = arguments_of(operation, clock.now)
            answer = await told(client, "run_write_operation", name=operation.name, arguments=arguments)
            assert answer.get("error" if asked else "status") == ("declined" if asked else "confirmation_required"), (
                operation.name
            )
            assert asked or answer["note"].startswith("Nothing was sent yet")
            if operation.uses_platform and not asked and mode != "person":
                assert answer["preview"]["operation"] == operation.name
    assert writes(sandbox) == []


def arguments_of(operation: Operation, now: float | None = None) -> dict[str, Any]:
    given = accepted(operation, {}, now)
    return given | ({"category_asset": "GB/3"} if operation.record.get("other_cipher") else {})


async def test_a_dry_run_shows_the_request_and_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        for operation in SENDING:
            if operation.is_multipart:
                continue
            answer = await told(
                client,
                "run_write_operation",
                name=operation.name,
                arguments=arguments_of(operation) | {"dry_run": True},
            )
            shown = answer["data"]
            assert shown["method"] == operation.record["method"], operation.name
            assert "{" not in shown["path"] or not operation.uses_platform
            text = json.dumps(answer)
            assert sandbox.app_secret not in text
            assert "cipher" not in shown.get("query", {})
    assert writes(sandbox) == []


async def test_a_dry_run_needs_no_confirmation_but_keeps_to_read_only(connect: Connect, sandbox: Sandbox) -> None:
    arguments = {"product_ids": ["1729000000000000001"], "dry_run": True}
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox) as client:
        assert (await told(client, "delete_products", **arguments))["data"]["body"] == {
            "product_ids": ["1729000000000000001"]
        }
    async with connect(sandbox="1", read_only="1", sandbox_object=sandbox) as client:
        assert (await told(client, "delete_products", **arguments))["error"] == "read_only"
        refused = await told(client, "delete_products", product_ids=["1729000000000000001"], confirm="abc")
    assert refused["error"] == "read_only"


async def test_every_tool_that_may_ask_lists_confirm(connect: Connect, sandbox: Sandbox) -> None:
    """Where no tool takes a token alone, the arguments are sent again with it."""
    more: dict[str, Any] = {"exclude_tools": "confirm_write", "toolsets": "all"}
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, **more) as client:
        tools = (await client.list_tools()).tools
    listing = {tool.name for tool in tools if "confirm" in tool.input_schema["properties"]}
    jobs = {operation.name for operation in CATALOG.operations.values() if operation.is_job}
    assert listing == {operation.name for operation in ASKING} | jobs | {"run_write_operation"}


async def test_the_journal_tells_what_was_changed(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        change = await price_change(client)
        await told(client, "run_write_operation", name="update_price", arguments=change)
        await told(client, "delete_products", product_ids=["1729000000000000001"])
        await told(
            client,
            "run_write_operation",
            name="send_message",
            arguments={"conversation_id": "1", "type": "TEXT", "content": '{"content": "to jane@example.com"}'},
        )
    path = home / "sandbox" / "journal.jsonl"
    entries = await FileAuditLog(path).read_entries()
    assert [(e["operation"], e["outcome"]) for e in entries] == [
        ("update_price", "done"),
        ("delete_products", "not done: platform"),
        ("send_message", "not done: platform"),
    ]
    assert entries[0]["ids"]["product_id"] == change["product_id"]
    assert entries[0]["request_id"]
    assert path.stat().st_mode & 0o077 == 0
    assert "jane" not in path.read_text(encoding="utf-8")


async def test_a_write_that_was_cut_off_stands_in_the_journal_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(to_json_text({"id": "a", "operation": "ship_package"}) + '\n{"id": "b", "oper', encoding="utf-8")
    assert await FileAuditLog(path).read_entries() == [{"outcome": "unknown", "id": "a", "operation": "ship_package"}]


async def test_an_assistant_can_tell_what_it_has_changed(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    one, two, *_ = [shop.name for account in sandbox.accounts for shop in account.shops]
    gone = {"product_ids": ["1729000000000000001"]}
    async with connect(sandbox="1", sandbox_shops="3", sandbox_object=sandbox) as client:
        assert (await told(client, "list_changes"))["data"]["writes"] == 0
        for shop in (one, two):
            await told(client, "delete_products", **gone, shop=shop)
        changes = (await told(client, "list_changes", period="today"))["data"]["changes"]
        assert changes["columns"][2:5] == ["shop", "operation", "outcome"]
        assert [row[2:5] for row in changes["rows"]] == [
            [shop, "delete_products", "not done: platform"] for shop in (two, one)
        ]
        assert (await told(client, "list_changes", period="yesterday"))["data"]["writes"] == 0
    async with connect(sandbox="1", sandbox_shops="3", sandbox_object=sandbox, shop=one) as client:
        assert (await told(client, "list_changes"))["data"]["writes"] == 1


@pytest.mark.parametrize(
    "way",
    [
        {"arguments": '{"product_ids": ["1729000000000000001"]}'},
        {"arguments": {"product_ids": ["1729000000000000001"], "dry_run": None}},
        {"arguments": {"product_ids": ["1729000000000000001"], "dry_run": False}},
        {"arguments": '{"product_ids": ["1729000000000000001"], "dry_run": false}'},
        {"arguments": None},
        {"arguments": "{"},
        {"arguments": []},
    ],
)
async def test_a_dry_run_asked_for_beside_the_arguments_is_never_sent(
    connect: Connect, sandbox: Sandbox, way: dict[str, Any]
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        answer = await told(client, "run_write_operation", name="delete_products", dry_run=True, **way)
    assert "was sent" in answer.get("note", "") or answer["error"] == "invalid_arguments"
    assert writes(sandbox) == []


async def test_the_shop_named_beside_json_text_is_the_one_meant(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    name = sandbox.accounts[0].shops[1].name
    async with connect(sandbox="1", sandbox_shops="3", sandbox_object=sandbox) as client:
        call = {"name": "delete_products", "arguments": '{"product_ids": ["1729000000000000001"]}', "dry_run": True}
        assert (await told(client, "run_write_operation", **call, shop=name))["shop"] == name


async def test_a_title_in_any_script_is_shown_as_it_is_written(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, asked=person) as client:
        arguments = {"conversation_id": "71", "type": "TEXT", "content": "น้ำปลา"}
        await told(client, "run_write_operation", name="send_message", arguments=arguments)
    assert "น้ำปลา" in person.questions[0]


async def test_half_a_line_does_not_swallow_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"id": "a", "oper', encoding="utf-8")
    journal = FileAuditLog(path)
    await journal.append({"id": "b", "shop": "one\u2028two", "outcome": "done"})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": ["c"]}\n')
    assert [entry["id"] for entry in await journal.read_entries()] == ["b"]


async def test_two_processes_that_find_the_journal_full_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1) + b"\n" + to_json_text({"id": "old"}).encode() + b"\n")
    journals = [FileAuditLog(path) for _ in range(8)]
    await asyncio.gather(*(j.append({"id": str(n)}) for n, j in enumerate(journals)))
    assert {entry["id"] for entry in await journals[0].read_entries()} == {"old", *map(str, range(8))}


async def test_a_look_before_a_write_asks_for_nothing_but_ids(connect: Connect, sandbox: Sandbox) -> None:
    """What stands in a body is not held to what a path takes: the look must be."""
    strange = "../../../authorization/202309/shops?x="
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox) as client:
        refused = await told(client, "delete_products", product_ids=[strange])
    assert refused["status"] == "confirmation_required"
    assert list(sandbox.log) == []


@pytest.mark.parametrize("asks", [False, True])
async def test_a_file_that_changed_since_the_yes_is_not_sent(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, asks: bool
) -> None:
    file, other = tmp_path / "a.png", png(700, 700)
    file.write_bytes(png(600, 600))
    arguments = {"image_path": str(file), "use_case": "MAIN_IMAGE"}

    async def swapping(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
        file.write_bytes(other)
        await asyncio.sleep(0.32)
        return ElicitResult(action="accept", content=YES)

    more = {"asked": swapping} if asks else {}
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, files=tmp_path, **more) as client:
        first = await told(client, "upload_product_image", **arguments)
        if not asks:
            file.write_bytes(other)
            again = await told(client, "upload_product_image", **arguments, confirm=first["confirm"])
            assert again["status"] == "confirmation_required"
    assert all(other not in entry.body for entry in sandbox.log)


@pytest.mark.parametrize("era", ["auto"])
async def test_a_yes_is_for_the_question_it_answers_and_for_once(connect: Connect) -> None:
    """A client that answers wrongly, again, or for another call, where the question is the answer of a call."""
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    more: dict[str, Any] = {"sandbox_object": sandbox, "runtime": Runtime(clock, time.monotonic)}
    first, other = ({"product_ids": [f"172900000000000000{n}"]} for n in (1, 2))
    yes: dict[str, Any] = {"confirm": ElicitResult(action="accept", content=YES)}
    async with connect(sandbox="1", confirm="asks", **more) as client:
        token = (await told(client, "delete_products", **first))["confirm"]
    async with connect(sandbox="1", confirm="asks", asked=Person(), **more) as client:

        async def call(arguments: dict[str, Any], **more: Any) -> Any:
            clock.now += 1
            return await client.session.call_tool("delete_products", arguments, allow_input_required=True, **more)

        async def outcome(arguments: dict[str, Any], state: str | None, answers: Any) -> str:
            return str(reply(await call(arguments, request_state=state, input_responses=answers))["error"])

        async def ask(arguments: dict[str, Any]) -> str | None:
            return (await call(arguments)).request_state  # type: ignore[no-any-return]

        assert await outcome(first, token, yes) == "declined"
        assert await outcome(first, "no such question", yes) == "declined"
        for answers in ({}, None, {"other": yes["confirm"]}):
            unanswered = reply(await call(first, request_state=await ask(first), input_responses=answers))
            assert unanswered["status"] == "confirmation_required"
            assert "no answer that can be read" in unanswered["note"]
        state = (await call(first)).request_state
        assert await outcome(other, state, yes) == "declined"
        assert await outcome(first, state, yes) == "declined"
        assert writes(sandbox) == []
        state = (await call(first)).request_state
        outcomes = await asyncio.gather(*(outcome(first, state, yes) for _ in range(4)))
    assert sorted(outcomes) == ["declined"] * 3 + ["platform"]
    assert writes(sandbox) == ["delete_products"]


async def test_a_preview_keeps_to_the_budget_of_a_result(connect: Connect, sandbox: Sandbox) -> None:
    places = [{"warehouse_id": str(7_000_000_000_000_000_000 + n), "quantity": n} for n in range(20)]
    skus = [{"id": str(1_729_000_000_000_000_000 + n), "inventory": places} for n in range(150)]
    arguments = {"product_id": "1729000000000000001", "skus": skus, "dry_run": True}
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox) as client:
        answer = await told(client, "run_write_operation", name="update_inventory", arguments=arguments)
        shown = answer["data"]
        rest = await told(client, "read_result", id=answer["result_id"], path="body.skus", offset=149)
    assert len(to_json_text(answer).encode()) <= 40_000
    assert shown["body"]["skus"] == skus[: len(shown["body"]["skus"])]
    assert len(shown["body"]["skus"]) + answer["left_out"] == 150 + 1  # and the product as it is now
    assert rest["data"]["items"] == skus[149:]
    assert writes(sandbox) == []


async def test_the_question_tells_of_each_thing_even_where_one_is_not_there(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline", "decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        product = await a_product(client)
        await told(client, "delete_products", product_ids=[product["id"], "1729000000000000001"])
        change = await price_change(client)
        await told(client, "run_write_operation", name="update_price", arguments=change)
    deleting, pricing = person.questions
    assert f'title: "{product["title"]}"' in deleting
    assert 'status: "ACTIVATE"' in deleting
    assert 'not looked up: product 1729000000000000001: "The platform refused get_product' in deleting
    sale_price = product["skus"][0]["price"]["sale_price"]
    assert f'price.sale_price "{sale_price}"' in pricing


async def test_what_is_switched_off_is_not_looked_up_either(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, exclude_tools="get_product") as client:
        refused = await told(client, "delete_products", product_ids=["1729000000000000001"])
    assert refused["status"] == "confirmation_required"
    assert sandbox.log.list_entries("get_product") == []


GONE: dict[str, Any] = {"product_ids": ["1729000000000000001"]}


class Screen:
    """A client's window with questions in it, which its person answers when the test says so."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self._answers: list[asyncio.Future[ElicitResult]] = []

    async def __call__(self, _context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.questions.append(params.message)
        self._answers.append(asyncio.get_running_loop().create_future())
        return await self._answers[-1]

    async def answer_with(self, action: Any, question: int = 0) -> None:
        content = YES if action == "accept" else None
        self._answers[question].set_result(ElicitResult(action=action, content=content))
        await asyncio.sleep(0.05)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server_tiktok_shop.protocol.client.ELICITATION_TIMEOUT_S", 1.5)  # of 50 seconds


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("era", ["legacy"])
@pytest.mark.parametrize("policy", ["asks", "person"])
async def test_a_yes_that_came_late_is_used_by_the_token(connect: Connect, sandbox: Sandbox, policy: str) -> None:
    screen = Screen()
    async with connect(sandbox="1", confirm=policy, sandbox_object=sandbox, asked=screen) as client:
        unanswered = await told(client, "delete_products", **GONE)
        assert unanswered["note"].startswith("Nothing was sent yet: no answer")
        assert unanswered["status"] == "confirmation_required"
        await screen.answer_with("accept")
        assert writes(sandbox) == []  # a yes alone sends nothing: the call is over
        other = await told(client, "deactivate_products", **GONE, confirm=unanswered["confirm"])
        assert other["status"] == "confirmation_required"  # a question of its own
        assert len(screen.questions) == 2
        done = await told(client, "delete_products", **GONE, confirm=unanswered["confirm"])
        assert done["error"] == "platform"  # sent: there is no such product
        assert writes(sandbox) == ["delete_products"]
        again = await told(client, "delete_products", **GONE, confirm=unanswered["confirm"])
        assert again["status"] == "confirmation_required"  # used up, and asked anew
        assert len(screen.questions) == 3
    assert writes(sandbox) == ["delete_products"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("era", ["legacy"])
async def test_a_token_of_a_question_is_no_yes_by_itself(connect: Connect, sandbox: Sandbox) -> None:
    """As long as the question is open a call with its token waits for it again, and asks no second one."""
    screen = Screen()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=screen) as client:
        token = (await told(client, "delete_products", **GONE))["confirm"]
        again = await told(client, "delete_products", **GONE, confirm=token)
        assert again["status"] == "confirmation_required"
        assert again["confirm"] != token
        await screen.answer_with("decline")
        refused = await told(client, "delete_products", **GONE, confirm=again["confirm"])
    assert refused["error"] == "declined"
    assert len(screen.questions) == 1
    assert writes(sandbox) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("era", ["legacy"])
async def test_a_late_yes_is_good_for_ten_minutes(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    screen = Screen()
    more: dict[str, Any] = {"sandbox_object": sandbox, "runtime": Runtime(clock, time.monotonic), "asked": screen}
    async with connect(sandbox="1", confirm="asks", **more) as client:
        token = (await told(client, "delete_products", **GONE))["confirm"]
        clock.now += 70
        await screen.answer_with("accept")
        clock.now += 540
        late = await told(client, "delete_products", **GONE, confirm=token)
    assert late["status"] == "confirmation_required"
    assert len(screen.questions) == 2  # asked anew
    assert writes(sandbox) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("era", ["legacy"])
async def test_a_call_without_the_token_takes_the_old_question_back(connect: Connect, sandbox: Sandbox) -> None:
    screen = Screen()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=screen) as client:
        token = (await told(client, "delete_products", **GONE))["confirm"]
        other = (await told(client, "delete_products", **GONE))["confirm"]
        await screen.answer_with("accept", 1)
        done = await told(client, "delete_products", **GONE, confirm=other)
        assert done["error"] == "platform"
        again = await told(client, "delete_products", **GONE, confirm=token)
    assert again["status"] == "confirmation_required"
    assert writes(sandbox) == ["delete_products"]


@pytest.mark.parametrize("era", ["auto"])
@pytest.mark.parametrize(("after_s", "outcome"), [(51, "platform"), (599, "platform"), (601, "declined")])
async def test_a_question_that_no_call_waits_for_stands_ten_minutes(
    connect: Connect, after_s: float, outcome: str
) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    person = Person("accept", reading_s=after_s, clock=clock)
    more: dict[str, Any] = {"sandbox_object": sandbox, "runtime": Runtime(clock, clock), "asked": person}
    async with connect(sandbox="1", confirm="asks", **more) as client:
        answer = await told(client, "delete_products", **GONE)
    assert answer["error"] == outcome
    assert writes(sandbox) == ([] if outcome == "declined" else ["delete_products"])


async def test_a_question_says_how_long_it_stands(connect: Connect, sandbox: Sandbox, era: str) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        await told(client, "delete_products", **GONE)
    assert ("50 seconds" in person.questions[0]) == (era == "legacy")
    assert "10 minutes" in person.questions[0]


async def test_the_first_three_lines_of_a_question_say_it_all(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline", "decline", "decline", "decline")
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, asked=person) as client:
        product = await a_product(client)
        change = await price_change(client, amount="19.99")
        await told(client, "run_write_operation", name="update_price", arguments=change)
        await told(client, "delete_products", product_ids=[product["id"], *(str(2**40 + n) for n in range(3))])
        message = {"conversation_id": "71", "type": "TEXT", "content": "On its way"}
        await told(client, "run_write_operation", name="send_message", arguments=message)
        await told(client, "run_write_operation", name="deauthorize_shop", arguments={})
    pricing, deleting, writing, leaving = (question.split("\n") for question in person.questions)
    title, place = product["title"][:40], 'at "Sandbox Tea House" (GB, GBP)'
    assert pricing[0] == f"Change price {place}"
    assert pricing[1].startswith(f'To: title "{title}')
    assert product["id"] in pricing[1] or "more" in pricing[1]
    assert pricing[2] == 'Can be undone: amount "19.99", currency "GBP"'
    assert deleting[0] == f"Delete products {place}"
    assert deleting[1].startswith('To: product_ids (4) "')
    assert title in deleting[1] or "more" in deleting[1]
    assert deleting[2].startswith("Can be undone")
    assert writing[:2] == [f"Write to buyer {place}", 'To: conversation_id "71"']
    assert writing[2].startswith('Adds or changes, can\'t simply be undone: type "TEXT", content "')
    assert "On its way" in writing[2]
    assert leaving[:3] == [f"Disconnect a shop {place}", "To: the shop as a whole", "Can't simply be undone"]
    assert all(len(line) < 200 for question in person.questions for line in question.split("\n")[:3])


async def test_every_question_begins_with_what_where_to_what_and_whether_it_can_be_undone(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, orders=20, clock=clock)
    person = Person(*["decline"] * len(SENDING), clock=clock)
    more: dict[str, Any] = {"sandbox_object": sandbox, "runtime": Runtime(clock, time.monotonic), "asked": person}
    async with connect(sandbox="1", confirm="all", **more) as client:
        for operation in SENDING:
            if operation.is_multipart or operation.adds_account:  # a wrong code leads to no account to ask about
                continue
            arguments = arguments_of(operation, clock.now)
            await told(client, "run_write_operation", name=operation.name, arguments=arguments)
            where, to_what, undone, *_, last = person.questions[-1].split("\n")
            shop = operation.uses_platform and operation.cipher_rule != "never"
            place = 'at "Sandbox Tea House" (GB, GBP)' if shop and not operation.takes_asset else "for "
            assert where.startswith(f"{operation.title} {place}"), operation.name
            assert to_what.startswith("To: ")
            assert len(to_what) > len("To: ")
            words = ("Can be undone", "Can't simply be undone")
            if operation.effect == "write":
                words = ("Adds or changes, can be undone", "Adds or changes, can't simply be undone")
            assert undone.startswith(words if operation.uses_platform else "Adds or changes"), operation.name
            assert last == "Do it?"
    assert writes(sandbox) == []


# ---- a yes must be a person's


class Robot:
    """A client that answers without asking anybody."""

    def __init__(self, action: str, content: dict[str, Any] | None = None, after_s: float = 0) -> None:
        self.result = ElicitResult(action=action, content=content)  # type: ignore[arg-type]
        self.after_s = after_s

    async def __call__(self, _context: Any, _params: ElicitRequestParams) -> ElicitResult:
        await asyncio.sleep(self.after_s)
        return self.result


async def test_a_form_asks_for_one_choice_that_has_to_be_made(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        await told(client, "delete_products", **GONE)
    (form,) = person.forms
    ((name, choice),) = form["properties"].items()
    assert form["required"] == [name]
    assert choice["type"] == "boolean"
    assert "default" not in choice


async def test_a_form_that_is_accepted_with_a_no_in_it_is_a_no(connect: Connect, sandbox: Sandbox) -> None:
    robot = Robot("accept", {"do_it": False}, after_s=0.32)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=robot) as client:
        assert (await told(client, "delete_products", **GONE))["error"] == "declined"
    assert writes(sandbox) == []


async def test_a_yes_by_the_client_is_told_as_such(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=Robot("accept", YES)) as client:
        change = await price_change(client)
        done = await told(client, "run_write_operation", name="update_price", arguments=change)
    assert "The client agreed by itself" in done["note"]
    assert "--confirm person" in done["note"]
    assert writes(sandbox) == ["update_price"]


async def test_a_persons_yes_is_told_as_nothing_else(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=Person("accept")) as client:
        change = await price_change(client)
        done = await told(client, "run_write_operation", name="update_price", arguments=change)
    assert "client" not in done.get("note", "")
    assert writes(sandbox) == ["update_price"]


@pytest.mark.parametrize(
    "robot",
    [Robot("accept", YES), Robot("accept", {}), Robot("accept", {}, after_s=0.4), Robot("decline"), Robot("cancel")],
    ids=["accepts", "accepts empty", "accepts empty and late", "declines", "cancels"],
)
async def test_where_a_person_has_to_agree_a_client_does_not_do(
    connect: Connect, sandbox: Sandbox, robot: Robot
) -> None:
    async with connect(sandbox="1", confirm="person", sandbox_object=sandbox, asked=robot) as client:
        refused = await told(client, "delete_products", **GONE)
        assert refused["note"].startswith("Nothing was sent yet: the client ")
        assert refused["status"] == "confirmation_required"
        assert "--confirm" in refused["note"]
        assert "token" in refused["note"]
        assert "confirm" not in refused
        again = await told(client, "delete_products", **GONE, confirm="abc")
        assert again["status"] == "confirmation_required"
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    "robot",
    [Robot("accept", {}), Robot("accept", {"confirm": True}), Robot("decline"), Robot("cancel")],
    ids=["accepts empty", "accepts something else", "declines", "cancels"],
)
async def test_a_client_where_nobody_sits_is_shown_the_way_of_the_token(
    connect: Connect, sandbox: Sandbox, robot: Robot
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=robot) as client:
        refused = await told(client, "delete_products", **GONE)
        assert refused["note"].startswith("Nothing was sent yet: the client ")
        assert "--confirm" in refused["note"]
        assert refused["preview"]["operation"] == "delete_products"
        assert writes(sandbox) == []
        other = await told(client, "deactivate_products", **GONE, confirm=refused["confirm"])
        assert other["status"] == "confirmation_required"  # for another operation, and with that used up
        token = (await told(client, "delete_products", **GONE, confirm=refused["confirm"]))["confirm"]
        done = await told(client, "delete_products", **GONE, confirm=token)
        assert done["error"] == "platform"  # sent: there is no such product
    assert writes(sandbox) == ["delete_products"]


@pytest.mark.parametrize("era", ["legacy"])
async def test_a_client_that_says_it_can_ask_and_fails_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    async def broken(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
        raise RuntimeError("no window to ask in")

    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=broken) as client:
        refused = await told(client, "delete_products", **GONE)
    assert refused["note"].startswith("Nothing was sent yet: the client could not put the question")
    assert writes(sandbox) == []


# ---- a question is no error


async def test_the_first_words_of_a_write_that_waits_say_that_nothing_was_sent(connect: Connect) -> None:
    async with connect(sandbox="1", confirm="asks") as client:
        for name, arguments in (
            ("delete_products", GONE),
            ("run_write_operation", {"name": "delete_products", "arguments": GONE}),
            ("delete_products", GONE | {"confirm": "used up"}),
        ):
            result = await client.call_tool(name, arguments)
            assert not result.is_error
            assert result.content[0].text.startswith('{"note":"Nothing was sent yet')  # type: ignore[union-attr]
            assert reply(result)["sandbox"] is True
