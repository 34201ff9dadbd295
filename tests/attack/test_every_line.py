"""Every line on standard input gets an answer or an error, whatever it is; only a notification gets none."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.attack.argument_makers import make_value
from tests.attack.reports import write_report
from tests.attack.test_argument_bounds import find_server, resident_mb
from tests.attack.test_process_end import KEYS, silent_host
from tests.protocol.test_server import INITIALIZE, MODERN, Process, process
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOAK = bool(os.environ.get("SOAK"))
REQUESTS = 5_000 if SOAK else 200  # in each of the two eras
SEED = int(os.environ.get("SOAK_SEED", "10"))
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
LONG = b"x" * 5_000_000
LINES: dict[str, tuple[bytes, Any, int | None]] = {  # a line, and the id and error code of its answer
    "words": (b"hello", None, PARSE_ERROR),
    "a byte that is no text": (b"\xff\xfe", None, PARSE_ERROR),
    "a NUL": (b"\0", None, PARSE_ERROR),
    "UTF-16": ('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16-le"), None, PARSE_ERROR),
    "bytes that are no text in a good request": (
        b'{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"list_shops","arguments":{"shop":"\xe9"}}}',
        41,
        PARSE_ERROR,
    ),
    "an id before bytes that are no text in half a line": (
        b'{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"\xff',
        "a-1",
        PARSE_ERROR,
    ),
    "half a line": (b'{"jsonrpc":"2.0","id":42,"method":"tools/ca', 42, PARSE_ERROR),
    "half a line with another id in it": (b'{"jsonrpc":"2.0","method":"x","params":{"id":42}', None, PARSE_ERROR),
    "two in a line": (b'{"jsonrpc":"2.0","id":1,"method":"ping"}{"a":1}', 1, PARSE_ERROR),
    "a comment": (b'{"jsonrpc":"2.0","id":1,"method":"ping"} // now', 1, PARSE_ERROR),
    "single quotes": (b"{'jsonrpc':'2.0','id':1,'method':'ping'}", None, PARSE_ERROR),
    "half a character": (
        rb'{"jsonrpc":"2.0","id":43,"method":"tools/call","params":{"name":"list_shops","arguments":{"shop":"\ud83d"}}}',
        43,
        INVALID_REQUEST,
    ),
    "half a character in the method": (rb'{"jsonrpc":"2.0","id":44,"method":"\ud83d"}', 44, INVALID_REQUEST),
    "half a character in the id": (rb'{"jsonrpc":"2.0","id":"\ud83d","method":"ping"}', None, INVALID_REQUEST),
    "deep": (b'{"jsonrpc":"2.0","id":45,"method":"ping","params":{"a":' + b"[" * 300 + b"]" * 300 + b"}}", 45, -32600),
    "very deep": (b'{"method":"ping","params":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b',"id":46}', 46, -32700),
    "very deep and never closed": (b"[" * 500_000, None, PARSE_ERROR),
    "too long": (b'{"jsonrpc":"2.0","id":47,"method":"ping","params":{"a":"' + LONG + b'"}}', 47, INVALID_REQUEST),
    "too long, its id last": (
        b'{"method":"ping","params":{"a":"' + LONG + b'"},"jsonrpc":"2.0","id":"48"}',
        "48",
        -32600,
    ),
    "too long and nothing else": (LONG, None, INVALID_REQUEST),
    "too long, of blanks": (b" " * 5_000_000, None, INVALID_REQUEST),
    "a number": (b"7", None, INVALID_REQUEST),
    "a text": (b'"ping"', None, INVALID_REQUEST),
    "null": (b"null", None, INVALID_REQUEST),
    "an empty object": (b"{}", None, INVALID_REQUEST),
    "an empty batch": (b"[]", None, INVALID_REQUEST),
    "a batch of nonsense": (b'[1,{},"x",[]]', None, INVALID_REQUEST),
    "a batch of one": (b'[{"jsonrpc":"2.0","id":49,"method":"ping"}]', 49, INVALID_REQUEST),
    "another version": (b'{"jsonrpc":"1.0","id":50,"method":"ping"}', 50, INVALID_REQUEST),
    "no version": (b'{"id":51,"method":"ping"}', 51, INVALID_REQUEST),
    "no version and no id": (b'{"method":"ping"}', None, INVALID_REQUEST),
    "no method": (b'{"jsonrpc":"2.0","id":52,"params":{}}', 52, INVALID_REQUEST),
    "nothing but an id": (b'{"jsonrpc":"2.0","id":52}', None, INVALID_REQUEST),
    "a method that is a number": (b'{"jsonrpc":"2.0","id":53,"method":7}', 53, INVALID_REQUEST),
    "a method that is a number and no id": (b'{"jsonrpc":"2.0","method":7}', None, INVALID_REQUEST),
    "a method that is null": (b'{"jsonrpc":"2.0","id":54,"method":null}', 54, INVALID_REQUEST),
    "an unknown method": (b'{"jsonrpc":"2.0","id":55,"method":"tools/destroy"}', 55, UNKNOWN_METHOD),
    "an empty method": (b'{"jsonrpc":"2.0","id":56,"method":""}', 56, UNKNOWN_METHOD),
    "parameters in a list": (b'{"jsonrpc":"2.0","id":57,"method":"tools/list","params":[1]}', 57, INVALID_PARAMS),
    "parameters in a text": (b'{"jsonrpc":"2.0","id":58,"method":"tools/list","params":"x"}', 58, INVALID_PARAMS),
    "an id of null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None, INVALID_REQUEST),
    "an id with a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, INVALID_REQUEST),
    "an id of true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None, INVALID_REQUEST),
    "an id in a list": (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', None, INVALID_REQUEST),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', None, INVALID_REQUEST),
    "an id of NaN": (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', None, INVALID_REQUEST),
    "a very long id": (b'{"jsonrpc":"2.0","id":"' + b"i" * 100_000 + b'","method":"ping"}', None, INVALID_REQUEST),
    "a very large id": (b'{"jsonrpc":"2.0","id":1' + b"0" * 4_000 + b',"method":"ping"}', None, INVALID_REQUEST),
    "an endless id": (b'{"jsonrpc":"2.0","id":1' + b"0" * 40_000 + b',"method":"ping"}', None, PARSE_ERROR),
    "an id of nothing": (b'{"jsonrpc":"2.0","id":"","method":"ping"}', "", None),
    "an id of blanks and signs": ('{"jsonrpc":"2.0","id":" é\\n\\u0000\\"","method":"ping"}'.encode(), ' é\n\0"', None),
    "an id below nothing": (b'{"jsonrpc":"2.0","id":-1,"method":"ping"}', -1, None),
    "an id beyond what a browser holds": (b'{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', 2**53 + 1, None),
    "a byte order mark": (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":59,"method":"ping"}\r', 59, None),
    "blanks around": (b' \t{ "jsonrpc":"2.0",\r"id":60,"method":"ping"} \r', 60, None),
    "more than is known": (b'{"jsonrpc":"2.0","id":61,"method":"ping","more":[1],"result":{}}', 61, None),
    "an answer that can't be read": (b'{"jsonrpc":"2.0","id":62,"result":[1]}', None, INVALID_REQUEST),
    "an answer without an id": (b'{"jsonrpc":"2.0","result":{}}', None, INVALID_REQUEST),
}
UNANSWERED: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \t \r",
    "a notification": b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    "an unknown one": b'{"jsonrpc":"2.0","method":"notifications/nothing"}',
    "one with odd parameters": b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[1]}',
    "one that cancels what is not there": (
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"' + b"9" * 5_000 + b'"}}'
    ),
    "one that cancels nonsense": b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[[1]]}}',
    "progress of nothing": b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":true}}',
    "a request in the place of one": b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"list_shops"}}',
    "an answer to nothing": b'{"jsonrpc":"2.0","id":7,"result":{}}',
    "an error to nothing": b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}',
}


def make_request(era: str, request_id: Any, method: str, params: dict[str, Any]) -> bytes:
    """A request of an era, as a line without its end."""
    if era == "auto":
        params = params | MODERN | {"_meta": MODERN["_meta"] | params.get("_meta", {})}
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode()


class Wire:
    """A server in a process of its own, spoken to in bytes."""

    def __init__(self, server: Process, era: str) -> None:
        self.server = server
        self.era = era

    async def write(self, *lines: bytes) -> None:
        stdin = self.server.process.stdin
        assert stdin is not None
        stdin.write(b"".join(line + b"\n" for line in lines))
        await stdin.drain()

    async def read_until(self, request_id: Any) -> list[dict[str, Any]]:
        """The answers before that to a request, which was written last."""
        answers: list[dict[str, Any]] = []
        while (answer := await self.server.answer()).get("id") != request_id:
            answers.append(answer)
        return answers

    async def wait_until_loaded(self) -> None:
        """Until the SDK answers, which is loaded while a client asks what it asks first."""
        await self.write(make_request(self.era, "first", "prompts/list", {}))
        await self.read_until("first")

    async def ask(self, *lines: bytes) -> list[dict[str, Any]]:
        """What is answered to some lines: a good request behind them tells that all was."""
        await self.write(*lines)
        await asyncio.sleep(0.05 if sum(map(len, lines)) < 100_000 else 0.5)  # errors are written beside results
        answers: list[dict[str, Any]] = []
        for request_id in ("last", "very last"):
            await self.write(make_request(self.era, request_id, "tools/list", {}))
            answers += await self.read_until(request_id)
        return answers


@asynccontextmanager
async def connected(home: Path, era: str, *arguments: str) -> AsyncIterator[Wire]:
    async with process(home, "--sandbox", *arguments) as server:
        if era == "legacy":
            await server.initialize()
        yield Wire(server, era)
        await server.end()
        assert server.process.returncode == 0
        assert "Traceback" not in await server.errors()


def check(answers: list[dict[str, Any]], request_id: Any, code: int | None, name: str) -> None:
    (answer,) = answers
    assert answer["jsonrpc"] == "2.0"
    assert "id" in answer
    assert answer["id"] == request_id, (name, answer)
    assert type(answer["id"]) is type(request_id)
    if code is None:
        assert "result" in answer, (name, answer)
    else:
        assert answer["error"]["code"] == code, (name, answer)
        assert answer["error"]["message"]
        assert len(json.dumps(answer)) < 1_000


async def test_every_line_is_answered_once_with_what_is_wrong_and_its_id(home: Path, era: str) -> None:
    async with connected(home, era) as wire:
        for name, (line, request_id, code) in LINES.items():
            if era == "auto" and b'"ping"' in line and code is None:
                continue  # that era has no ping; the next test sends these before any era is settled
            if era == "auto" and code in (UNKNOWN_METHOD, INVALID_PARAMS):
                code = None  # noqa: PLW2901 - what lacks its envelope is refused for that
                answers = await wire.ask(line)
                assert [("error" in answer, answer["id"]) for answer in answers] == [(True, request_id)], name
                continue
            check(await wire.ask(line), request_id, code, name)


@pytest.mark.parametrize("arguments", [(), ("--era", "legacy")])
async def test_a_line_before_all_is_answered_and_does_not_stand_in_the_way(home: Path, arguments: tuple[str]) -> None:
    """Nothing here settles an era, as little as a client that has not yet asked anything."""
    async with process(home, "--sandbox", *arguments) as server:
        wire = Wire(server, "legacy")
        for name, (line, request_id, code) in LINES.items():
            await wire.write(line)
            check([await server.answer()], request_id, code, name)
        for number, (method, params) in enumerate((("tools/list", {}), ("tools/call", {"name": "list_shops"}))):
            await wire.write(make_request("legacy", number, method, params))  # before `initialize`
            answer = await server.answer()
            assert (answer["id"], answer["error"]["code"]) == (number, INVALID_PARAMS)
        for line in UNANSWERED.values():
            await wire.write(line)
        assert (await server.initialize())["result"]["protocolVersion"] == "2025-11-25"
        assert (await server.ask("initialize", INITIALIZE))["id"]
        assert (await server.call("list_shops"))["data"]["shops"]
        await server.end()
        assert "Traceback" not in await server.errors()


async def test_a_notification_is_never_answered(home: Path, era: str) -> None:
    async with connected(home, era) as wire:
        for name, line in UNANSWERED.items():
            assert await wire.ask(line) == [], name
        assert await wire.ask(*UNANSWERED.values()) == []


async def test_each_request_of_a_batch_is_refused_by_its_id(home: Path, era: str) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "2", "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 5, "result": {}},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
    ]
    async with connected(home, era) as wire:
        answers = await wire.ask(json.dumps(batch).encode())
        assert [answer["id"] for answer in answers] == [1, "2"]
        assert all("one" in answer["error"]["message"].lower() for answer in answers)
        many = [{"jsonrpc": "2.0", "id": number, "method": "ping"} for number in range(60_000)]
        await wire.write(json.dumps(many).encode())
        assert {(await wire.server.answer())["id"] for _ in range(1_000)} == set(range(1_000))


async def test_what_stands_between_nonsense_is_answered_as_ever(home: Path, era: str) -> None:
    """All in one piece, as a client writes that does not wait."""
    drawn = random.Random(SEED)
    nonsense = [line for line, _, code in LINES.values() if code is not None and len(line) < 100_000]
    lines, wanted = [], set()
    for number in range(1_000, 1_060):
        lines += drawn.choices([*nonsense, *UNANSWERED.values()], k=3)
        lines.append(make_request(era, number, "tools/call", {"name": "list_shops", "arguments": {}}))
        wanted.add(number)
    async with connected(home, era) as wire:
        await wire.write(*lines)
        done: Counter[int] = Counter()
        while not wanted <= done.keys():
            answer = await wire.server.answer()
            if answer["id"] in wanted:
                assert not answer["result"].get("isError")
                done[answer["id"]] += 1
        assert set(done.values()) == {1}


METHODS = [
    *("tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list", "prompts/list"),
    *("prompts/get", "completion/complete", "ping", "server/discover", "logging/setLevel", "resources/subscribe"),
    *("resources/unsubscribe", "subscriptions/listen", "sampling/createMessage", "roots/list", "tasks/get"),
    *("elicitation/create", "notifications/initialized", "rpc.discover", "TOOLS/LIST", "tools/list ", "é" * 500),
]
PARAMS: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "list_shops", "arguments": {}},
    "resources/read": {"uri": "tiktok-shop://toolsets"},
    "prompts/get": {"name": "list-a-product", "arguments": {"product": "tea"}},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "list-a-product"},
        "argument": {"name": "shop", "value": "s"},
    },
}
META_NAMES = ["progressToken", *MODERN["_meta"], "io.modelcontextprotocol/clientInfo", "x"]


def make_odd_request(drawn: random.Random, era: str, number: int) -> bytes:
    """A request with odd parameters of any method: right ones with one thing changed, or others altogether."""
    method = drawn.choice(METHODS)
    params: Any = dict(PARAMS.get(method, {}))
    for _ in range(drawn.randint(0, 2)):
        names = [*params, "cursor", "inputResponses", "requestState", "task", "_meta", "name", "uri"]
        params[drawn.choice(names)] = make_value(drawn)
    if isinstance(params.get("_meta", {}), dict) and era == "auto":
        params["_meta"] = dict(MODERN["_meta"])
        if drawn.random() < 0.3:
            params["_meta"][drawn.choice(META_NAMES)] = make_value(drawn)
    if drawn.random() < 0.05:
        params = make_value(drawn)
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


async def test_every_random_request_is_answered_by_its_id_and_none_is_a_fault_of_ours(home: Path, era: str) -> None:
    drawn = random.Random(f"{SEED}{era}")
    codes: Counter[Any] = Counter()
    slowest = 0.0
    async with connected(home, era, "--toolsets", "all") as wire:
        await wire.ask()
        number = 0
        while number < REQUESTS:
            line = make_odd_request(drawn, era, number)
            if len(line) > 1_000_000:
                continue
            began = time.monotonic()
            await wire.write(line)
            answer = await wire.server.answer()
            slowest = max(slowest, time.monotonic() - began)
            assert answer.get("id") == number, (line[:500], str(answer)[:500])
            codes[answer.get("error", {}).get("code", "result")] += 1
            assert answer.get("error", {}).get("code") not in (0, -32603), (line[:500], answer)
            assert '"error":"internal"' not in json.dumps(answer).replace("\\", "").replace(" ", ""), line[:500]
            number += 1
    write_report(test="random requests", era=era, requests=number, slowest=slowest, codes=codes)
    assert slowest < 30
    assert {"result", UNKNOWN_METHOD, INVALID_PARAMS} <= codes.keys()


# ---- the end of the input


@pytest.mark.parametrize("how", ["half a line", "a whole line without its end", "too long a line without its end"])
async def test_the_last_line_is_answered_though_it_has_no_end(home: Path, era: str, how: str) -> None:
    whole = make_request(era, 7, "tools/list", {})
    line = {"half a line": whole[:45], "a whole line without its end": whole}.get(how, whole[:-1] + b" " * 5_000_000)
    async with process(home, "--sandbox") as server:
        if era == "legacy":
            await server.initialize()
        assert server.process.stdin is not None
        server.process.stdin.write(line)
        await server.process.stdin.drain()
        await server.end()
    answers = [json.loads(line) for line in server.lines]
    (answer,) = [answer for answer in answers if answer["id"] == 7]
    assert ("error" in answer) is (how != "a whole line without its end") or answer["error"]["code"] == -32000


async def test_requests_under_way_at_the_end_are_answered(home: Path, era: str) -> None:
    async with silent_host() as url, process(home, api_url=url, auth_url=url, **KEYS) as server:
        if era == "legacy":
            await server.initialize()
        wire = Wire(server, era)
        calls = {"name": "get_order_detail", "arguments": {"ids": ["1"]}}
        await wire.write(*(make_request(era, number, "tools/call", calls) for number in range(10, 18)))
        await asyncio.sleep(0.5)
        await server.end()
    answered = Counter(json.loads(line)["id"] for line in server.lines)
    assert {number: answered[number] for number in range(10, 18)} == dict.fromkeys(range(10, 18), 1)


async def test_a_client_that_reads_no_answer_to_its_nonsense_does_not_keep_the_process(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        await server.initialize()
        assert server.process.stdin is not None
        assert server.process.stdout is not None
        pipe = server.process.stdout._transport  # type: ignore[attr-defined]
        pipe.pause_reading()
        try:
            server.process.stdin.write(b"nonsense\n" * 3_000)
            await server.process.stdin.drain()
            await asyncio.sleep(0.5)
            server.process.stdin.close()
            await until(lambda: server.process.returncode is not None)
        finally:
            pipe.resume_reading()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell")
async def test_a_line_of_any_length_takes_no_more_memory_than_one_that_is_taken(home: Path) -> None:
    async with connected(home, "legacy") as wire:
        await wire.wait_until_loaded()
        before_mb = resident_mb(find_server(home))
        assert wire.server.process.stdin is not None
        for _ in range(100):
            wire.server.process.stdin.write(b"x" * 1_000_000)
            await wire.server.process.stdin.drain()
        (answer,) = await wire.ask(b"")
        assert answer["error"]["code"] == INVALID_REQUEST
        assert resident_mb(find_server(home)) - before_mb < 30
