"""Failures happen when they are asked for, and the log tells what became of each request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from mcp_server_tiktok_shop.sandbox import KINDS, Sandbox
from tests.sandbox.client import Caller
from tests.waits import until

if TYPE_CHECKING:
    from tests.sandbox.client import Clock

SHOPS = "/authorization/202309/shops"
PRODUCTS = "/product/202309/products"
SEARCH = "/order/202309/orders/search"


async def shops(caller: Caller) -> httpx2.Response:
    return await caller.send("GET", SHOPS, cipher=None)


async def test_throttling_comes_as_often_as_planned(caller: Caller) -> None:
    caller.sandbox.faults.add(times=2, status=429, code=36009002, retry_after=1)
    for _ in range(2):
        response = await shops(caller)
        assert (response.status_code, response.json()["code"]) == (429, 36009002)
        assert response.headers["retry-after"] == "1"
    assert (await shops(caller)).json()["code"] == 0


async def test_faults_meet_an_operation_or_a_path(caller: Caller) -> None:
    faults = caller.sandbox.faults
    faults.add("get_order_list", times=None, status=503)
    faults.add("/authorization/", code=36009003, status=500)
    assert (await shops(caller)).status_code == 500
    assert (await shops(caller)).status_code == 200
    for _ in range(3):
        assert (await caller.send("POST", SEARCH, {"page_size": "1"}, {})).status_code == 503
    faults.clear()
    assert (await caller.send("POST", SEARCH, {"page_size": "1"}, {})).status_code == 200


@pytest.mark.parametrize(("cut", "left"), [("before", 40), ("after", 39)])
async def test_a_cut_connection_gives_no_answer_before_or_after_the_deed(caller: Caller, cut: Any, left: int) -> None:
    caller.sandbox.faults.add("delete_products", cut=cut)
    body = {"product_ids": [next(iter(caller.shop.products))]}
    with pytest.raises(httpx2.TransportError):
        await caller.send("DELETE", PRODUCTS, None, body)
    entry = caller.sandbox.log[-1]
    assert (entry.operation, entry.status, entry.code) == ("delete_products", None, None)
    assert entry.ran is (cut == "after")
    living = [p for p in caller.shop.products.values() if p.status != "DELETED"]
    assert len(living) == left
    assert (await shops(caller)).json()["code"] == 0


async def test_other_connections_live_on_when_one_is_cut(caller: Caller) -> None:
    caller.sandbox.faults.add("get_order_list", cut="after")
    calls = [caller.send("POST", SEARCH, {"page_size": "1"}, {}), *(shops(caller) for _ in range(8))]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[0], httpx2.TransportError)
    assert all(isinstance(a, httpx2.Response) and a.status_code == 200 for a in answers[1:])


async def test_answers_can_be_garbled(caller: Caller) -> None:
    faults = caller.sandbox.faults
    faults.add(body=b'{"code":', when="after")
    assert (await shops(caller)).text == '{"code":'
    faults.add(empty=True)
    assert (await shops(caller)).content == b""
    faults.add(content_type="text/html")
    response = await shops(caller)
    assert response.headers["content-type"] == "text/html"
    assert response.json()["code"] == 0
    faults.add(body=b"<html>", content_type="text/html", status=502)
    response = await shops(caller)
    assert (response.status_code, response.text) == (502, "<html>")


async def test_an_error_after_the_deed_leaves_the_deed_done(caller: Caller) -> None:
    caller.sandbox.faults.add(status=500, code=36009003, when="after")
    body = {"product_ids": [next(iter(caller.shop.products))]}
    assert (await caller.send("DELETE", PRODUCTS, None, body)).status_code == 500
    assert caller.sandbox.log[-1].ran
    assert next(iter(caller.shop.products.values())).status == "DELETED"


async def test_a_delay_is_only_a_delay(caller: Caller) -> None:
    caller.sandbox.faults.add(delay=0.15)
    start = asyncio.get_running_loop().time()
    assert (await shops(caller)).json()["code"] == 0
    assert asyncio.get_running_loop().time() - start >= 0.15


@pytest.mark.parametrize("how", [{}, {"status": 503}])
async def test_held_requests_wait_for_their_gate_and_hold_up_no_others(caller: Caller, how: dict[str, int]) -> None:
    gate = caller.sandbox.faults.hold("get_authorized_shops", times=2, **how)
    held = [asyncio.create_task(shops(caller)) for _ in range(2)]
    await until(lambda: gate.waiting == 2)
    assert (await shops(caller)).status_code == 200
    assert (await caller.send("POST", SEARCH, {"page_size": "1"}, {})).status_code == 200
    assert not any(call.done() for call in held)
    gate.open()
    assert [response.status_code for response in await asyncio.gather(*held)] == [how.get("status", 200)] * 2
    assert (gate.arrived, gate.waiting) == (2, 0)


async def test_who_does_not_wait_at_a_gate_gets_no_answer(caller: Caller) -> None:
    gate = caller.sandbox.faults.hold()
    with pytest.raises(httpx2.TimeoutException):
        await caller.http.get(f"{caller.base_url}{SHOPS}", timeout=0.1)
    await until(lambda: gate.arrived)
    assert (await shops(caller)).json()["code"] == 0


async def test_random_faults_repeat_with_their_seed(clock: Clock) -> None:
    rates = dict.fromkeys(("throttled", "internal", "internal_after", "empty", "malformed"), 0.12)

    async def run() -> list[str]:
        sandbox = Sandbox(orders=5, clock=clock)
        sandbox.faults.fail_at_random("soak", rates)
        transport = httpx2.ASGITransport(sandbox.app)
        async with httpx2.AsyncClient(transport=transport) as http:
            caller = Caller(sandbox, http, sandbox.base_url)
            for _ in range(60):
                await shops(caller)
        return [entry.fault for entry in sandbox.log]

    first = await run()
    assert first == await run()
    assert set(first) == {"", *rates}


async def test_what_random_can_do_is_named(caller: Caller) -> None:
    with pytest.raises(ValueError, match="frogs"):
        caller.sandbox.faults.fail_at_random(1, {"frogs": 0.5})
    with pytest.raises(ValueError, match="more than 1"):
        caller.sandbox.faults.fail_at_random(1, {"empty": 0.6, "slow": 0.6})


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_kind_of_fault_comes_over_the_wire(caller: Caller, kind: str) -> None:
    caller.sandbox.faults.fail_at_random(7, {kind: 1.0})
    try:
        response = await shops(caller)
    except httpx2.TransportError:
        assert kind.startswith("cut")
    else:
        good = response.status_code == 200 and response.content.startswith(b'{"code":0,"message":"Success"')
        assert good is (kind == "slow")
    entry = caller.sandbox.log[-1]
    assert entry.fault == kind
    assert entry.ran is (kind == "slow" or kind.endswith("_after"))


async def test_in_process_a_cut_is_an_error_of_the_connection(sandbox: Sandbox) -> None:
    sandbox.faults.add(cut="before")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(sandbox.app)) as http:
        with pytest.raises(ConnectionResetError):
            await http.get(f"{sandbox.base_url}{SHOPS}")


async def test_the_log_keeps_requests_as_they_came(caller: Caller) -> None:
    await caller.send("POST", SEARCH, {"page_size": "1"}, b'{ "order_status":"COMPLETED" }')
    entry = caller.sandbox.log[-1]
    assert (entry.method, entry.path, entry.operation) == ("POST", SEARCH, "get_order_list")
    assert entry.body == b'{ "order_status":"COMPLETED" }'
    assert "page_size=1" in entry.query
    assert entry.headers["content-type"] == "application/json"
    assert (entry.status, entry.code, entry.ran, entry.fault) == (200, 0, True, "")
    assert caller.sandbox.log.list_entries("get_order_list") == [entry]
    assert await caller.code("GET", "/nowhere") == 36009009
    assert (caller.sandbox.log[-1].code, caller.sandbox.log[-1].ran) == (36009009, False)


async def test_token_calls_can_fail_too(caller: Caller) -> None:
    caller.sandbox.faults.add("refresh_access_token", cut="after")
    account = caller.sandbox.accounts[0]
    old = account.refresh_token
    query = {
        "app_key": caller.sandbox.app_key,
        "app_secret": caller.sandbox.app_secret,
        "refresh_token": old,
        "grant_type": "refresh_token",
    }
    with pytest.raises(httpx2.TransportError):
        await caller.http.get(f"{caller.base_url}/api/v2/token/refresh", params=query)
    assert account.refresh_token != old


async def test_a_client_that_leaves_amid_its_body_changes_nothing(caller: Caller) -> None:
    _, port = caller.base_url.rsplit(":", 1)
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(f"DELETE {PRODUCTS} HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await shops(caller)).json()["code"] == 0
    assert [entry.operation for entry in caller.sandbox.log] == ["get_authorized_shops"]
