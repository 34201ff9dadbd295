"""The recorder is the witness of every test beside it: it must keep what came, byte for byte."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .recorder import COFFEE, NEW_TOKENS, SHOPS_PATH, TEA, Recorder


async def speak(recorder: Recorder, *requests: bytes) -> list[tuple[int, dict[str, str], dict[str, Any]]]:
    """Send raw requests over one connection, and give status, headers and JSON of each answer."""
    host, port = recorder.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answers = []
    for request in requests:
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:-2])
        body = await reader.readexactly(int(headers["content-length"]))
        answers.append((int(head[0].split(" ")[1]), headers, json.loads(body)))
    writer.close()
    await writer.wait_closed()
    return answers


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def test_a_request_is_kept_as_it_came() -> None:
    raw = b"POST /a%2Fb?x=%C3%A9+1&x=2 HTTP/1.1\r\nHost: x\r\nX-Odd: \xe9\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n"
    async with Recorder() as recorder:
        await speak(recorder, raw)
    [request] = recorder.requests
    assert request.method == "POST"
    assert request.target == "/a%2Fb?x=%C3%A9+1&x=2"
    assert request.headers == (("Host", "x"), ("X-Odd", "\xe9"), ("Content-Length", "4"))
    assert request.body == b"\x00\xff\r\n"


async def test_a_chunked_body_is_put_together() -> None:
    raw = (
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;note=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    )
    async with Recorder() as recorder:
        await speak(recorder, raw, get("/next"))
    assert recorder.requests[0].body == b"abc0123456789"
    assert recorder.requests[1].target == "/next"


async def test_one_connection_carries_many_requests() -> None:
    async with Recorder() as recorder:
        await speak(recorder, *(get(f"/{number}") for number in range(5)))
    assert [request.target for request in recorder.requests] == ["/0", "/1", "/2", "/3", "/4"]


async def test_an_unknown_path_succeeds_with_nothing() -> None:
    async with Recorder() as recorder:
        [(status, _, envelope)] = await speak(recorder, get("/a"))
    assert status == 200
    assert len(envelope.pop("request_id")) == 34
    assert envelope == {"code": 0, "message": "Success", "data": {}}


async def test_the_shops_are_one_two_or_none_as_told() -> None:
    for shops in ([TEA], [TEA, COFFEE], []):
        async with Recorder(shops=shops) as recorder:
            [(_, _, envelope)] = await speak(recorder, get(SHOPS_PATH + "?app_key=1"))
        assert envelope["data"] == {"shops": shops}
        assert recorder.shop_calls == recorder.requests
        assert recorder.calls == []


async def test_both_token_calls_answer_a_pair() -> None:
    async with Recorder() as recorder:
        answers = await speak(recorder, get("/api/v2/token/get"), get("/api/v2/token/refresh"))
    assert [envelope["data"] for _, _, envelope in answers] == [NEW_TOKENS, NEW_TOKENS]


async def test_an_answer_can_be_told_for_a_path_and_for_a_number_of_times() -> None:
    async with Recorder() as recorder:
        recorder.answer("/order", data={"orders": []})
        recorder.answer("/order", code=36009002, message="slow", status=429, headers={"Retry-After": "0"}, times=1)
        first, second, other = await speak(recorder, get("/order/1"), get("/order/2"), get("/a"))
    assert (first[0], first[1]["Retry-After"], first[2]["code"], first[2]["message"]) == (
        429,
        "0",
        36009002,
        "slow",
    )
    assert (second[0], second[2]["data"]) == (200, {"orders": []})
    assert other[2]["data"] == {}


async def test_ending_does_not_wait_for_a_client_that_stays() -> None:
    async with Recorder() as recorder:
        host, port = recorder.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        await asyncio.sleep(0)
    writer.close()
