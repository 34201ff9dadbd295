"""What a gateway, proxy or firewall answers in the platform's place is named at once, with its status and host."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import reply
from tests.platform.test_retries import Waits, strict
from tests.platform.test_tokens import READ, RENEW, WRITE, at_work, done, good, reference
from tests.platform.worker import keys, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Connect

PAGE = b"<!doctype html>\n<html><title>Blocked</title>internal-7</html>"
EXCHANGE = "exchange_authorization_code"


@dataclass
class Gateway:
    """A real HTTP server that gives every request the same answer."""

    status: str = "403 Forbidden"
    body: bytes = PAGE
    location: str | None = None
    host: str = ""
    lines: list[str] = field(default_factory=list)

    def count(self, tool: str) -> int:
        """How often the tool's own request came; what is looked up before a write is none."""
        return sum(line.startswith("POST ") is (tool == WRITE) for line in self.lines)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.lines.append(head.splitlines()[0])
            location = f"location: {self.location}\r\n" if self.location else ""
            lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
            await reader.readexactly(int(lengths[0]) if lengths else 0)
            headers = f"content-length: {len(self.body)}\r\n{location}connection: close\r\n"
            writer.write(f"HTTP/1.1 {self.status}\r\n{headers}\r\n".encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Gateway]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        async with server:
            self.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@asynccontextmanager
async def behind(connect: Connect, sandbox: Sandbox, gateway: Gateway, **more: Any) -> AsyncIterator[Any]:
    """A client of a server that knows its shops, with the gateway where the platform was."""
    async with sandbox.serve() as url, gateway.serve():
        ours = keys(sandbox, url)
        async with connect(**ours) as client:
            good(await client.call_tool(READ, {}))
        gateway.lines.clear()
        async with connect(**(ours | {"api_url": gateway.url} | more)) as client:
            yield client


REFUSALS = {
    "a firewall's 403": Gateway("403 Forbidden"),
    "a page that is not there": Gateway("404 Not Found"),
    "nothing at all": Gateway("404 Not Found", b""),
    "JSON that is no envelope": Gateway("401 Unauthorized", b'{"message":"Forbidden"}'),
    "JSON with another code": Gateway("403 Forbidden", b'{"code":"Forbidden","message":"internal-7"}'),
    "a request that took too long": Gateway("408 Request Timeout"),
    "a sign-in page": Gateway("302 Found", b"", "https://login.example/start?token=internal-7"),
    "another address": Gateway("307 Temporary Redirect", PAGE, "http://login.example"),
    "an address that is none": Gateway("308 Permanent Redirect", b"", "http://[internal-7"),
    "no address": Gateway("301 Moved Permanently", PAGE),
}


@pytest.mark.parametrize("tool", [READ, WRITE])
@pytest.mark.parametrize("how", REFUSALS)
async def test_a_refusal_on_the_way_is_named_at_once_and_not_repeated(
    connect: Connect, sandbox: Sandbox, waits: Waits, how: str, tool: str
) -> None:
    gateway = REFUSALS[how]
    async with behind(connect, sandbox, gateway, runtime=waits.runtime) as client:
        arguments = reference(sandbox) if tool == WRITE else {}
        told = strict(await client.call_tool(tool, arguments))
        assert gateway.count(tool) == 1
        again = strict(await client.call_tool(tool, arguments))  # a write that surely was not done may go out anew
    assert gateway.count(tool) == 2
    assert waits.slept == []
    assert (told["error"], told["retryable"]) == (again["error"], again["retryable"]) == ("network", False)
    assert f"{gateway.host} answered HTTP {gateway.status[:3]}" in told["message"]
    assert ("login.example" in told["message"]) is ("login.example" in (gateway.location or ""))
    assert "internal-7" not in json.dumps(told)
    assert "TIKTOK_SHOP_API_URL" in told["hint"]


async def test_a_page_in_the_place_of_an_answer_is_named_at_once_and_leaves_a_write_unclear(
    connect: Connect, sandbox: Sandbox, waits: Waits
) -> None:
    gateway = Gateway("200 OK")
    async with behind(connect, sandbox, gateway, runtime=waits.runtime) as client:
        told = strict(await client.call_tool(READ, {}))
        assert len(gateway.lines) == 1
        unclear = strict(await client.call_tool(WRITE, reference(sandbox)))
    assert gateway.count(WRITE) == 1
    assert waits.slept == []
    assert (told["error"], told["retryable"], unclear["error"]) == ("network", False, "unknown_outcome")
    for each in (told, unclear):
        assert f"{gateway.host} answered HTTP 200 with an HTML page" in each["message"]


async def test_a_gateway_that_is_overloaded_is_asked_again_and_named_where_it_stays_so(
    connect: Connect, sandbox: Sandbox, waits: Waits
) -> None:
    gateway = Gateway("503 Service Unavailable")
    async with behind(connect, sandbox, gateway, runtime=waits.runtime) as client:
        told = strict(await client.call_tool(READ, {}))
        assert len(gateway.lines) > 2
        unclear = strict(await client.call_tool(WRITE, reference(sandbox)))
    assert gateway.count(WRITE) == 1
    assert (told["error"], told["retryable"], unclear["error"]) == ("network", True, "unknown_outcome")
    for each in (told, unclear):
        assert f"{gateway.host} answered HTTP 503 with an HTML page" in each["message"]


@pytest.mark.parametrize("how", ["a firewall's 403", "a sign-in page"])
async def test_a_renewal_refused_on_the_way_is_named_at_once_and_spends_nothing(
    connect: Connect, sandbox: Sandbox, home: Path, how: str
) -> None:
    gateway = REFUSALS[how]
    async with sandbox.serve() as url, gateway.serve():
        ours = keys(sandbox, url)
        async with connect(**ours) as client:
            good(await client.call_tool(READ, {}))
            before = stored(home)
        gateway.lines.clear()
        async with connect(**(ours | {"auth_url": gateway.url})) as client:
            told = strict(await client.call_tool(RENEW, {}))
            assert len(gateway.lines) == 1
        assert (told["error"], told["retryable"]) == ("network", False)
        assert f"{gateway.host} answered HTTP {gateway.status[:3]}" in told["message"]
        assert stored(home) == before  # no mark of a renewal that was cut off
        async with connect(**ours) as client:
            good(await client.call_tool(RENEW, {}))


async def test_a_code_refused_on_the_way_is_unused(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    gateway = REFUSALS["a firewall's 403"]
    code = {"auth_code": sandbox.authorization_code()}
    async with sandbox.serve() as url, gateway.serve():
        signed_out = keys(sandbox, url) | {"access_token": "", "refresh_token": ""}
        async with connect(**(signed_out | {"auth_url": gateway.url})) as client:
            told = strict(await client.call_tool(EXCHANGE, code))
        assert (told["error"], told["retryable"]) == ("network", False)
        assert f"{gateway.host} answered HTTP 403" in told["message"]
        assert "unused" in told["hint"]
        assert not (home / "accounts.json").exists()
        async with connect(**signed_out) as client:
            good(await client.call_tool(EXCHANGE, code))


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required"])
async def test_a_proxy_that_refuses_the_platform_is_named_at_once_and_not_asked_again(
    connect: Connect, sandbox: Sandbox, waits: Waits, status: str
) -> None:
    proxy = Gateway(status)
    async with sandbox.serve() as url:
        ours = keys(sandbox, url)
        async with connect(**ours) as client:
            good(await client.call_tool(READ, {}))
        far = {"api_url": "https://api.example", "auth_url": "https://auth.example"}
        async with proxy.serve(), connect(**(ours | far), proxy=proxy.url, runtime=waits.runtime) as client:
            told = strict(await client.call_tool(READ, {}))
    assert proxy.lines == ["CONNECT api.example:443 HTTP/1.1"]
    assert waits.slept == []
    assert (told["error"], told["retryable"]) == ("network", False)
    assert f"(HTTP {status[:3]}): {proxy.url}" in told["message"]


def partly(*failures: tuple[int, str]) -> dict[str, Any]:
    """A success in which single orders failed."""
    errors = [
        {"code": code, "message": "A passing fault." if code == 36009003 else "No.", "detail": {"order_id": order_id}}
        for code, order_id in failures
    ]
    data = {"code": 0, "message": "Success", "request_id": "r-1", "data": {"errors": errors}}
    return {"status": 200, "body": json.dumps(data).encode(), "content_type": "application/json", "when": "after"}


async def test_an_item_of_a_batch_that_met_a_passing_fault_may_have_been_done(
    connect: Connect, sandbox: Sandbox
) -> None:
    orders = list(sandbox.state.main.orders.values())[:3]
    entries = [
        {
            "id": order.id,
            "external_order": {
                "id": f"B-{order.id}",
                "platform": "SHOPIFY",
                "line_items": [{"id": "1", "origin_id": order.lines[0].id}],
            },
        }
        for order in orders
    ]
    first, second, third = (order.id for order in orders)
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, **partly((36009003, first), (12019150, second)))
        told = good(await client.call_tool(WRITE, {"orders": entries}))
        assert [failure.get("outcome") for failure in told["failed"]] == ["unknown", None]
        assert told["done"] == [third]
        assert [entry["id"] for entry in told["again"]["orders"]] == [second]
        assert strict(await client.call_tool(WRITE, {"orders": entries}))["error"] == "unknown_outcome"
        assert done(sandbox, WRITE) == 1
        sandbox.faults.add(WRITE, **partly((36009003, first)))
        lost = strict(await client.call_tool(WRITE, {"orders": entries[:1]}))
        assert (lost["error"], lost["code"], lost["request_id"]) == ("unknown_outcome", 36009003, "r-1")
        assert "unknown" in lost["message"]
        assert strict(await client.call_tool(WRITE, {"orders": entries[:1]}))["error"] == "unknown_outcome"
        assert done(sandbox, WRITE) == 2
        changes = good(await client.call_tool("list_changes", {"period": "today"}))["data"]["changes"]
    outcomes = [row[changes["columns"].index("outcome")] for row in changes["rows"]]
    assert outcomes == ["unknown", "partly done"]  # the newest first


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([{"code": 4242, "message": "No."}], "platform"),
        ([{"code": 4242}], "platform"),
        ([{"code": "x"}], "unknown_outcome"),
        ([None], "unknown_outcome"),
        ({"code": 4242}, "platform"),
        ("failed", "unknown_outcome"),
    ],
)
async def test_a_batch_that_failed_whole_says_what_to_do_however_little_came_with_it(
    connect: Connect, sandbox: Sandbox, errors: Any, kind: str
) -> None:
    answer = {"code": 0, "message": "Success", "data": {"errors": errors}}
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, status=200, body=json.dumps(answer).encode(), content_type="application/json")
        told = strict(await client.call_tool(WRITE, reference(sandbox)))
    assert told["error"] == kind
    assert ("look" in told["hint"]) == (kind == "unknown_outcome")
    assert not told["message"].rstrip().endswith(":")


@pytest.mark.parametrize(
    ("code", "kind"), [("0", None), (0.0, None), ("98001004", "platform"), (98001004.0, "platform")]
)
async def test_a_code_in_another_form_is_the_code_that_it_says(
    connect: Connect, sandbox: Sandbox, code: Any, kind: str | None
) -> None:
    """A write whose answer can be read was done, or was refused: its outcome is known."""
    answer = {"code": code, "message": "m", "data": {}, "request_id": "r-1"}
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, status=200, body=json.dumps(answer).encode(), content_type="application/json")
        told = reply(await client.call_tool(WRITE, reference(sandbox)))
    assert (told.get("error"), told.get("code"), told["request_id"]) == (kind, 98001004 if kind else None, "r-1")


@pytest.mark.parametrize("code", [None, True, "", "-1", "zero", "\u0660", "9" * 5000, [0], {"0": 0}, 0.5])
async def test_what_is_no_code_leaves_the_outcome_of_a_write_unknown(
    connect: Connect, sandbox: Sandbox, code: Any
) -> None:
    answer = {"code": code, "message": "m", "data": {}, "request_id": "r-1"}
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(WRITE, status=200, body=json.dumps(answer).encode(), content_type="application/json")
        told = strict(await client.call_tool(WRITE, reference(sandbox)))
    assert told["error"] == "unknown_outcome"


@pytest.mark.parametrize("request_id", [["a"], {"a": "b"}, True, 7 * 10**18, "x" * 100_000, None])
@pytest.mark.parametrize("code", [0, 98001004])
async def test_a_request_id_is_a_short_text_or_none(
    connect: Connect, sandbox: Sandbox, request_id: Any, code: int
) -> None:
    envelope = {"code": code, "message": "m", "data": {"orders": []}, "request_id": request_id}
    async with at_work(connect, sandbox) as client:
        sandbox.faults.add(READ, status=200, body=json.dumps(envelope).encode(), content_type="application/json")
        told = reply(await client.call_tool(READ, {}))
    if isinstance(request_id, str | int) and request_id is not True:
        assert told["request_id"] == str(request_id)[:100]
    else:
        assert "request_id" not in told


@pytest.mark.parametrize(
    "text",
    ["https://shop.example/back", "https://shop.example/back?state=abc&locale=en", "code=&state=abc", "?state=abc"],
)
async def test_an_address_without_a_code_is_not_sent_as_one(connect: Connect, sandbox: Sandbox, text: str) -> None:
    async with sandbox.serve() as url, connect(**keys(sandbox, url)) as client:
        told = strict(await client.call_tool(EXCHANGE, {"auth_code": text}))
        assert (told["error"], told["problems"][0]["argument"]) == ("invalid_arguments", "auth_code")
        assert "no code" in told["message"]
    assert sandbox.log.list_entries(EXCHANGE) == []


ODD_DATA = {"a list": [{"id": "1"}], "a text": "done", "a number": 5, "no": False}


@pytest.mark.parametrize("how", ODD_DATA)
async def test_data_of_another_form_is_not_told_as_nothing_found(
    connect: Connect, sandbox: Sandbox, waits: Waits, how: str
) -> None:
    body = json.dumps({"code": 0, "message": "Success", "request_id": "20261129", "data": ODD_DATA[how]}).encode()
    gateway = Gateway("200 OK", body)
    async with behind(connect, sandbox, gateway, runtime=waits.runtime) as client:
        told = strict(await client.call_tool(READ, {}))
        assert (told["error"], told["retryable"]) == ("platform", False)
        assert "not an object" in told["message"]
        done_result = await client.call_tool(WRITE, reference(sandbox))
    assert waits.slept == []
    assert "1 in data" in good(done_result)["note"]
    assert gateway.count(WRITE) == 1


@pytest.mark.parametrize("code", [True, False])
async def test_a_truth_value_is_no_code(connect: Connect, sandbox: Sandbox, waits: Waits, *, code: bool) -> None:
    gateway = Gateway("200 OK", json.dumps({"code": code, "message": "?", "data": {}}).encode())
    async with behind(connect, sandbox, gateway, runtime=waits.runtime) as client:
        told = strict(await client.call_tool(WRITE, reference(sandbox)))
    assert told["error"] == "unknown_outcome"
    assert gateway.count(WRITE) == 1


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("The 'timestamp' is earlier than 5 minutes", "clock"),
        ("param 'timestamp' is lesser than 0", "clock"),
        ("param 'body.video_info.cover_timestamp_ms' is out of range", "argument that the message names"),
        ("param body.timestamp is missing", "argument that the message names"),
        ("The 'x-tts-access-token' is invalid", "sign in"),
        ("param body.access_token_note is missing", "argument that the message names"),
        ("param shop_id is invalid", "list_shops"),
        ("param body.shop_ids is invalid", "argument that the message names"),
    ],
)
async def test_a_refusal_at_the_door_is_explained_by_whole_names(
    connect: Connect, sandbox: Sandbox, waits: Waits, message: str, hint: str
) -> None:
    body = json.dumps({"code": 36009004, "message": message, "request_id": "1", "data": None}).encode()
    async with behind(connect, sandbox, Gateway("400 Bad Request", body), runtime=waits.runtime) as client:
        told = strict(await client.call_tool(READ, {}))
    assert hint in told["hint"]
    assert (told["error"] == "signed_out") is (hint == "sign in")
