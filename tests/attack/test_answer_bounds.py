"""Answers of any size and depth are read as far as may be and refused in words beyond; none holds up other calls."""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.wire.recorder import SHOPS_PATH, TEA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Connect

MB = 2**20
READ, WRITE = "get_order_list", "update_inventory"
WRITE_ARGUMENTS = {"product_id": "17", "skus": [{"id": "1", "inventory": [{"warehouse_id": "2", "quantity": 3}]}]}
ENVELOPE = '{"code":0,"message":"Success","request_id":"20261122093000","data":%s}'


@dataclass
class Host:
    """A host that answers every call but that for shops with one body, sent in pieces and as slowly as it is read."""

    pieces: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    sent_bytes: int = 0
    url: str = ""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length")), 0
                )
                await reader.readexactly(int(length))
                if SHOPS_PATH in head:
                    await self.send(writer, [(ENVELOPE % json.dumps({"shops": [TEA]})).encode()], {})
                else:
                    self.requests += 1
                    await self.send(writer, self.pieces, self.headers)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def send(self, writer: asyncio.StreamWriter, pieces: list[bytes], headers: dict[str, str]) -> None:
        lines = [
            "HTTP/1.1 200 OK",
            "transfer-encoding: chunked",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for piece in pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.sent_bytes += len(piece)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def host() -> AsyncIterator[Host]:
    made = Host()
    server = await asyncio.start_server(made.converse, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


def strict(result: Any) -> dict[str, Any]:
    """A result as a client that takes JSON at its word reads it."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    (content,) = result.content
    told: dict[str, Any] = json.loads(content.text, parse_constant=refuse)
    assert "Infinity" not in content.text
    assert "NaN" not in content.text
    assert told.get("error") != "internal", told
    return told


async def test_an_answer_larger_than_fifty_megabytes_is_given_up_and_told(connect: Connect) -> None:
    async with host() as platform, connect(api_url=platform.url, auth_url=platform.url) as client:
        platform.pieces = [b" " * MB] * 80
        told = strict(await client.call_tool(READ, {}))
        assert (told["error"], told["retryable"]) == ("platform", False)
        assert "50 MB" in told["message"]
        assert told["hint"]
        assert platform.requests == 1  # asking again would bring as much
        assert platform.sent_bytes < 70 * MB  # what is on its way included
        told = strict(await client.call_tool(WRITE, WRITE_ARGUMENTS))
        assert told["error"] == "unknown_outcome"
        assert platform.requests == 3  # a look at what it is about, and the write once


@pytest.mark.parametrize("times", [1, 2])
async def test_what_unpacks_to_more_than_fifty_megabytes_is_given_up_and_told(connect: Connect, times: int) -> None:
    packed = b" " * (100 * MB)
    for _ in range(times):
        packed = gzip.compress(packed, 1)
    async with host() as platform, connect(api_url=platform.url, auth_url=platform.url) as client:
        platform.pieces, platform.headers = [packed], {"content-encoding": ", ".join(["gzip"] * times)}
        told = strict(await client.call_tool(READ, {}))
        assert platform.requests == 1
    assert told["error"] == "platform"
    assert "50 MB" in told["message"]


def nest(levels: int, opening: str = "[", inner: str = "1", closing: str = "]") -> str:
    return opening * levels + inner + closing * levels


DEEP = {
    "lists": nest(500),
    "lists by the hundred thousand": nest(100_000),
    "objects": nest(500, '{"a":', "1", "}"),
    "both": nest(100, '[{"a":', "1", "}]"),
}


@pytest.mark.parametrize("how", DEEP)
async def test_an_answer_nested_too_deep_is_a_plain_error(connect: Connect, how: str) -> None:
    async with host() as platform, connect(api_url=platform.url, auth_url=platform.url) as client:
        platform.pieces = [(ENVELOPE % f'{{"orders":{DEEP[how]}}}').encode()]
        told = strict(await client.call_tool(READ, {}))
        assert (told["error"], told["retryable"]) == ("platform", False)
        assert "nested" in told["message"]
        assert platform.requests == 1
        assert strict(await client.call_tool(WRITE, WRITE_ARGUMENTS))["error"] == "unknown_outcome"


@pytest.mark.parametrize("arguments", [{}, {"fields": ["*"]}, {"fields": ["orders.a"]}, {"pages": "all"}])
async def test_an_answer_as_deep_as_may_be_is_shown_in_every_way(connect: Connect, arguments: dict[str, Any]) -> None:
    for order in (
        nest(60),
        nest(60, '{"a":', "1", "}"),
        nest(30, '[{"a":', '"x"', "}]"),
        nest(60, "[", '"' + "y" * 90_000 + '"'),
    ):
        async with host() as platform, connect(api_url=platform.url, auth_url=platform.url) as client:
            platform.pieces = [(ENVELOPE % f'{{"orders":[{{"id":"1","a":{order}}}]}}').encode()]
            told = strict(await client.call_tool(READ, arguments))
            assert "data" in told or told["error"] == "invalid_arguments", told
            if "result_id" in told:
                read = strict(await client.call_tool("read_result", {"id": told["result_id"], "path": "orders[0]"}))
                assert "data" in read


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "9" * 400 + ".5"]


@pytest.mark.parametrize("number", NUMBERS)
async def test_numbers_that_json_lacks_never_reach_a_result(connect: Connect, number: str) -> None:
    order = (
        f'{{"id":"1","create_time":{number},"odd":[{number},{{"n":{number}}}],"payment":{{"total_amount":{number}}}}}'
    )
    data = f'{{"orders":[{order}],"total_count":{number},"products":[{order}],"statements":[{order}],"list":{number}}}'
    async with host() as platform, connect(api_url=platform.url, auth_url=platform.url, toolsets="all") as client:
        platform.pieces = [(ENVELOPE % data).encode()]
        for tool, arguments in (
            (READ, {"fields": ["*"]}),
            (READ, {"pages": "all"}),
            ("get_report", {"report": "sales", "period": "2026-10"}),
            ("get_report", {"report": "settlements", "period": "2026-10"}),
            ("get_report", {"report": "stock"}),
            ("get_report", {"report": "payouts", "period": "2026-10"}),
            (WRITE, WRITE_ARGUMENTS),
        ):
            strict(await client.call_tool(tool, arguments))


async def test_a_large_answer_does_not_hold_up_other_calls(connect: Connect) -> None:
    """Seven megabytes are parsed, masked and cut while small calls go on."""
    order = {"buyer_message": "call me", "recipient_address": {"name": "Ann Other", "phone_number": "0123456789"}}
    orders = [{"id": str(n), **order} for n in range(65_000)]
    body = (ENVELOPE % json.dumps({"orders": orders})).encode()
    assert len(body) > 7 * MB
    async with host() as platform, connect(api_url=platform.url, auth_url=platform.url) as client:
        platform.pieces = [body]
        await client.call_tool("find_operations", {"query": "orders"})
        large = asyncio.ensure_future(client.call_tool(READ, {}))
        waits, large_began = [], time.monotonic()
        while not large.done():
            began = time.monotonic()
            strict(await client.call_tool("find_operations", {"query": "orders"}))
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.02)
        told, large_s = strict(await large), time.monotonic() - large_began
    assert told["left_out"]
    assert len(waits) >= 5
    assert statistics.median(waits) < large_s / 10, (waits, large_s)  # on a busy machine all of it takes longer
