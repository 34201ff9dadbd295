"""The platform's notifications: taken by their signature alone, each once, and what they are about is read again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.cli.serve import take_webhooks
from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.metrics import NO_METRICS
from mcp_server_tiktok_shop.platform import webhooks as notifications
from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app
from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from tests.conftest import CATALOG
from tests.protocol.test_http import BEARER, CONTENT, TOKEN
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.metrics import Metrics

HOST = "shops.example.com"
URL = f"https://{HOST}/webhooks/tiktok"
DAY_S = 86400
AT_ONCE = 40
STATUS = "SELECT status FROM orders WHERE id = '{}'"
# Published beside the description of the signature.
VECTOR = (
    b'{"type":1,"tts_notification_id":"7380066284010030890","shop_id":"7495540735365777507","timestamp":1718305585,'
    b'"data":{"is_on_hold_order":true,"order_id":"576653688135258178","order_status":"UNPAID","update_time":1718305585}}'
)
VECTOR_SIGNATURE = b"5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05"


@dataclass
class Served:
    """A server that takes notifications, and the simulated shop that sends them."""

    port: int
    sandbox: Sandbox
    app: App
    http: httpx2.AsyncClient

    @property
    def shop(self) -> Any:
        return self.sandbox.state.main

    def write(self, kind: object = 1, **more: Any) -> bytes:
        content = {"type": kind, "tts_notification_id": "7380066284010030890", "shop_id": self.shop.id, "data": {}}
        return json.dumps(content | more).encode()

    async def send(self, body: bytes, *, method: str = "POST", **headers: Any) -> httpx2.Response:
        named = {"Host": HOST, "Authorization": self.sandbox.webhook_sender.sign(body)} | headers
        sent = [(name.encode(), v if isinstance(v, bytes) else v.encode()) for name, v in named.items() if v]
        url = f"http://127.0.0.1:{self.port}/webhooks/tiktok"
        return await self.http.request(method, url, content=body, headers=sent)

    async def count(self) -> int:
        return sum((await self.app.notifications.count_types()).values())

    async def ask(self, sql: str) -> Any:
        """The first cell of an answer of the local copy that may be a day old."""
        result = await self.app.dispatcher.call("query_shop", {"sql": sql, "max_age": DAY_S})
        return result["data"]["result"]["rows"][0][0]

    async def register(self, *events: str) -> None:
        for event in events:
            await self.app.dispatcher.call("update_shop_webhook", {"address": URL, "event_type": event})

    async def settle(self) -> None:
        """Wait until everything that came was followed up."""
        await until(self.app.notifications.list_pending, [])


@asynccontextmanager
async def serve(
    home: Path, sandbox: Sandbox | None = None, metrics: Metrics = NO_METRICS, **more: str
) -> AsyncIterator[Served]:
    environment = {
        "TIKTOK_SHOP_HOME": str(home),
        "TIKTOK_SHOP_SANDBOX": "true",
        "TIKTOK_SHOP_CONFIRM": "none",
        "TIKTOK_SHOP_HTTP_WEBHOOK_URL": URL,
    }
    sandbox = sandbox or Sandbox(orders=40)
    app = build_app(read_settings(environment | more), sandbox=sandbox, catalog=CATALOG, metrics=metrics)
    app.notification_worker.refresh_pause_s = 0.05
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with (
        take_webhooks(app, port) as webhooks,
        httpx2.AsyncClient(timeout=PATIENCE_S) as http,
        run_web_server(build_http_app(app.build_server(), SharedToken(TOKEN), port, webhooks=webhooks), listener),
    ):
        yield Served(port, sandbox, app, http)


@pytest.fixture
async def served(home: Path) -> AsyncIterator[Served]:
    async with serve(home) as it:
        yield it


def sign(key: str, secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), key.encode() + body, hashlib.sha256).hexdigest().encode()


# ---- who is let in


def test_the_published_signature_is_right_and_that_of_any_app_of_ours_counts() -> None:
    app = PartnerApp.model_validate({"key": "abcdef", "secret": "123"})
    other = PartnerApp.model_validate({"key": "abcdeg", "secret": "124"})
    for apps in ([app], [app, other], [other, app]):
        assert notifications.is_signed(VECTOR_SIGNATURE, VECTOR, apps)
    assert not notifications.is_signed(VECTOR_SIGNATURE, VECTOR, [other])
    assert not notifications.is_signed(VECTOR_SIGNATURE, VECTOR, [])
    assert not notifications.is_signed(VECTOR_SIGNATURE, VECTOR + b" ", [app])


async def test_a_signed_notification_is_answered_with_200_and_nothing_else(served: Served) -> None:
    response = await served.send(served.write())
    assert (response.status_code, response.content) == (200, b"")
    assert await served.app.notifications.count_types() == {1: 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "0" * 64},
        {"Authorization": "é".encode("latin-1")},
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": "", "TikTok-Signature": "t=1718305585,s=5dec0f11"},
    ],
)
async def test_without_the_right_signature_nothing_is_taken(served: Served, headers: dict[str, Any]) -> None:
    response = await served.send(served.write(), **headers)
    assert response.status_code == 401
    assert response.json()["error"].startswith("The signature")
    assert served.shop.id not in response.text
    assert await served.count() == 0


async def test_a_signature_is_of_its_body_to_the_byte_and_in_lower_case(served: Served) -> None:
    body = served.write()
    signature = served.sandbox.webhook_sender.sign(body)
    assert (await served.send(body + b"\n", Authorization=signature)).status_code == 401
    assert (await served.send(body, Authorization=signature.upper())).status_code == 401
    assert (await served.send(body, Authorization=f"Bearer {signature}")).status_code == 401
    twice = [("Host", HOST), ("Authorization", signature), ("Authorization", signature)]
    url = f"http://127.0.0.1:{served.port}/webhooks/tiktok"
    assert (await served.http.post(url, content=body, headers=twice)).status_code == 401
    assert await served.count() == 0


async def test_the_secret_that_was_stored_at_sign_in_counts_beside_that_of_the_settings(served: Served) -> None:
    async with served.app.store.edit() as transaction:
        transaction.app = PartnerApp.model_validate({"key": "another", "secret": "another-secret"})
        await transaction.save()
    body = served.write()
    assert (await served.send(body, Authorization=sign("another", "another-secret", body))).status_code == 200


async def test_hosts_and_pages_are_refused_as_elsewhere(served: Served) -> None:
    body = served.write()
    assert (await served.send(body, Host="evil.example")).status_code == 421
    assert (await served.send(body, Origin=f"https://{HOST}")).status_code == 403
    assert (await served.send(body, Host=f"127.0.0.1:{served.port}")).status_code == 200
    assert (await served.send(body, Host=f"{HOST}:443")).status_code == 200


async def test_the_address_of_webhooks_opens_nothing_else(served: Served) -> None:
    url = f"http://127.0.0.1:{served.port}"
    public = {"Host": HOST}
    assert (await served.http.post(f"{url}/mcp", headers=public, json={})).status_code == 401
    assert (await served.http.post(f"{url}/mcp", headers=public | BEARER, json={})).status_code in (400, 421)
    assert (await served.http.post(f"{url}/webhooks", headers=public, json={})).status_code == 401
    assert (await served.send(b"", method="GET")).status_code == 405


async def test_without_its_setting_there_is_no_such_address(home: Path) -> None:
    async with serve(home, TIKTOK_SHOP_HTTP_WEBHOOK_URL="") as served:
        local = f"127.0.0.1:{served.port}"
        body = served.write()
        assert (await served.send(body, Host=local)).status_code == 401
        assert (await served.send(body, Host=local, Authorization=f"Bearer {TOKEN}")).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://shops.example.com/webhooks/tiktok",
        "https://shops.example.com:8443/webhooks/tiktok",
        "https://127.0.0.1/webhooks/tiktok",
        "https://localhost/webhooks/tiktok",
        "https://shops.example.com",
        "https://shops.example.com/webhooks/tiktok?x=1",
    ],
)
def test_an_address_that_the_platform_does_not_take_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="TIKTOK_SHOP_HTTP_WEBHOOK_URL"):
        read_settings({"TIKTOK_SHOP_HTTP_WEBHOOK_URL": url})


# ---- what is taken


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'"text"',
        b"{}",
        b'{"type": true}',
        b'{"type": "one"}',
        b'{"type": -1}',
        b'{"type": 1.5}',
        b'{"type": 1, "tts_notification_id": "' + b"7" * 200 + b'"}',
        b"[" * 100_000,
    ],
)
async def test_what_is_signed_and_no_notification_is_refused_in_words(served: Served, body: bytes) -> None:
    response = await served.send(body)
    assert response.status_code == 400
    assert response.json()["error"]
    assert await served.count() == 0


async def test_a_body_that_is_too_long_is_not_read(served: Served) -> None:
    response = await served.send(served.write(data={"more": "x" * 300_000}))
    assert response.status_code == 413
    assert await served.count() == 0


async def test_a_body_that_does_not_come_is_not_waited_for(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"POST /webhooks/tiktok HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n{{".encode())
    answer = await asyncio.wait_for(reader.read(), 20)  # other bodies have 30 seconds
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_one_that_comes_again_is_answered_and_taken_once(served: Served) -> None:
    body = served.write()
    responses = await asyncio.gather(*(served.send(body) for _ in range(10)))
    assert {response.status_code for response in responses} == {200}
    assert await served.count() == 1
    assert (await served.send(served.write(12))).status_code == 200
    assert await served.app.notifications.count_types() == {1: 1}  # the id alone counts


@pytest.mark.parametrize("absent", ["", None, 0])
async def test_one_without_an_id_is_known_by_its_text(served: Served, absent: object) -> None:
    first, other = (served.write(3, tts_notification_id=absent, timestamp=moment) for moment in (1, 2))
    for body in (first, other, first):
        assert (await served.send(body)).status_code == 200
    assert await served.count() == 2


async def test_ids_and_types_may_be_numbers_or_texts(served: Served) -> None:
    body = served.write("1", shop_id=int(served.shop.id), tts_notification_id=7380066284010030890)
    assert (await served.send(body)).status_code == 200
    assert (await served.send(served.write())).status_code == 200
    assert await served.app.notifications.count_types() == {1: 1}


async def test_what_is_not_known_is_kept_and_counted_and_nothing_is_read_for_it(served: Served) -> None:
    await served.ask("SELECT count(*) FROM orders")
    served.sandbox.log.clear()
    for number, kind in enumerate((9999, 9999, 6, 1)):
        shop_id = "7000000000000000001" if kind == 1 else served.shop.id
        body = served.write(kind, tts_notification_id=str(number), shop_id=shop_id)
        assert (await served.send(body)).status_code == 200
    await served.settle()
    assert await served.app.notifications.count_types() == {9999: 2, 6: 1, 1: 1}
    assert served.sandbox.log == []


async def test_where_it_can_not_be_stored_the_platform_is_asked_to_send_it_again(served: Served, home: Path) -> None:
    def block() -> None:
        (home / "sandbox").mkdir(parents=True, exist_ok=True)
        (home / "sandbox" / "notifications").write_text("no folder")

    def give_way() -> None:
        (home / "sandbox" / "notifications").unlink()

    block()
    response = await served.send(served.write())
    assert response.status_code == 503
    assert str(home) not in response.text
    give_way()
    assert (await served.send(served.write())).status_code == 200


# ---- what becomes of it


async def test_what_happened_is_in_the_next_answer_however_old_that_may_be(served: Served) -> None:
    order = next(o for o in served.shop.orders.values() if o.get_status(int(served.sandbox.now())) == "UNPAID")
    assert await served.ask(STATUS.format(order.id)) == "UNPAID"
    order.cancel_time = order.touched_time = int(served.sandbox.now())  # by its buyer
    served.shop.mark_changed()
    assert await served.ask(STATUS.format(order.id)) == "UNPAID"
    data = {"order_id": order.id, "order_status": "CANCEL"}
    await served.send(served.write(data=data))
    await served.settle()
    assert await served.ask(STATUS.format(order.id)) == "CANCELLED"


async def test_the_copy_is_fresh_before_anybody_asks_and_only_what_may_have_changed_is_read(served: Served) -> None:
    await served.ask("SELECT count(*) FROM orders")
    await served.ask("SELECT count(*) FROM products")
    served.sandbox.log.clear()
    await served.send(served.write())
    await served.settle()
    assert {entry.operation for entry in served.sandbox.log} == {"get_order_list"}
    served.sandbox.log.clear()
    await served.ask("SELECT count(*) FROM orders")
    assert served.sandbox.log == []


async def test_a_shop_without_a_copy_is_not_read(served: Served) -> None:
    served.sandbox.log.clear()
    await served.send(served.write())
    await served.settle()
    assert served.sandbox.log == []


async def test_what_a_seller_is_notified_of_counts_for_the_sellers_shops(served: Served) -> None:
    await served.ask("SELECT count(*) FROM inventory")
    served.sandbox.log.clear()
    (account,) = served.sandbox.accounts
    body = served.write(24, shop_id="", seller_open_id=account.open_id)
    assert (await served.send(body)).status_code == 200
    await served.settle()
    assert "inventory_search" in {entry.operation for entry in served.sandbox.log}


async def test_a_payload_is_not_believed(served: Served) -> None:
    """What it says of a status is no more than a hint to look."""
    order = next(iter(served.shop.orders.values()))
    before = await served.ask(STATUS.format(order.id))
    for number, status in enumerate(("DELIVERED", "CANCEL", "NEVER_HEARD_OF", 7)):
        data = {"order_id": order.id, "order_status": status, "update_time": number}
        await served.send(served.write(tts_notification_id=str(number), data=data))
    await served.settle()
    assert await served.ask(STATUS.format(order.id)) == before


async def test_a_server_takes_up_what_the_one_before_left(home: Path) -> None:
    sandbox = Sandbox(orders=40)
    async with serve(home, sandbox) as served:
        await served.app.notification_worker.close()  # as when it is killed behind its answer
        assert (await served.send(served.write())).status_code == 200
        assert len(await served.app.notifications.list_pending()) == 1
    async with serve(home, sandbox) as served:
        await served.settle()
        assert await served.count() == 1


async def test_how_many_wait_is_told_to_who_operates_the_server(home: Path) -> None:
    metrics, sandbox = PrometheusMetrics(), Sandbox(orders=40)

    def count() -> float | None:
        return metrics.registry.get_sample_value("mcp_tiktok_shop_pending_notifications")

    async with serve(home, sandbox) as served:
        await served.app.notification_worker.close()
        for number in range(3):
            await served.send(served.write(tts_notification_id=str(number)))
    sandbox.faults.add("get_authorized_shops", times=None, status=500, code=36009009, message="Away.")
    async with serve(home, sandbox, metrics):
        await until(count, 3.0)
        sandbox.faults.clear()
    async with serve(home, sandbox, metrics):
        await until(count, 0.0)


async def test_while_the_platform_is_away_they_are_taken_and_the_copy_counts_as_old(served: Served) -> None:
    await served.ask("SELECT count(*) FROM orders")
    served.sandbox.faults.add("get_order_list", times=None, status=403, code=105005, message="Access denied.")
    assert (await served.send(served.write())).status_code == 200
    await served.settle()
    served.sandbox.faults.clear()
    served.sandbox.log.clear()
    await served.ask("SELECT count(*) FROM orders")
    assert "get_order_list" in {entry.operation for entry in served.sandbox.log}


async def test_many_at_once_are_answered_while_the_copy_is_read_though_the_platform_answers_none_of_it(
    served: Served,
) -> None:
    await served.ask("SELECT count(*) FROM orders")
    gate = served.sandbox.faults.hold(times=None)
    places = asyncio.Semaphore(AT_ONCE)

    async def send(number: int) -> None:
        body = served.write((1, 5, 11, 12)[number // 2 % 4], tts_notification_id=str(number // 2))
        async with places:
            assert (await served.send(body)).status_code == 200

    await send(0)
    await until(lambda: gate.waiting)
    await asyncio.gather(*(send(number) for number in range(1, 300)))
    assert await served.count() == 150
    gate.open()
    await served.settle()


# ---- the simulated shop sends them


async def test_an_order_that_ships_and_a_request_to_cancel_are_notified_signed_twice_and_in_no_order(
    served: Served,
) -> None:
    await served.register("ORDER_STATUS_CHANGE", "CANCELLATION_STATUS_CHANGE", "PRODUCT_STATUS_CHANGE")
    now = int(served.sandbox.now())
    waiting = [o for o in served.shop.orders.values() if o.get_status(now) == "AWAITING_SHIPMENT" and o.packages]
    asked = "SELECT count(*) FROM orders WHERE status = 'AWAITING_COLLECTION'"
    before = await served.ask(asked)
    package = waiting[0].packages[0]
    await served.app.dispatcher.call("ship_package", {"package_id": package.id, "handover_method": "DROP_OFF"})
    products = [p.id for p in served.shop.products.values() if p.status == "ACTIVATE"][:4]
    await served.app.dispatcher.call("deactivate_products", {"product_ids": products})
    sent = served.sandbox.webhook_sender.deliveries

    await until(lambda: len({delivery.notice.id for delivery in sent}) >= 5)
    await served.settle()
    assert {delivery.status for delivery in sent} == {200}
    ids = [delivery.notice.id for delivery in sent]
    assert len(ids) > len(set(ids))
    assert await served.count() == len(set(ids))
    bodies = [json.loads(delivery.notice.body) for delivery in sent]
    assert {body["type"] for body in bodies} >= {1, 5}
    paused = list(dict.fromkeys(str(body["data"]["product_id"]) for body in bodies if body["type"] == 5))
    assert paused == [product_id for product_id in reversed(served.shop.products) if product_id in products]
    assert await served.ask(asked) == before + 1


async def test_what_was_not_answered_is_sent_again(home: Path) -> None:
    moment = [time.time()]
    sandbox = Sandbox(orders=40, clock=lambda: moment[0])
    async with serve(home, sandbox) as served:
        await served.register("PRODUCT_STATUS_CHANGE")
        served.shop.webhooks["PRODUCT_STATUS_CHANGE"] = type(served.shop.webhooks["PRODUCT_STATUS_CHANGE"])(
            f"https://{HOST}/webhooks/elsewhere", 1, 1
        )
        product = next(p for p in served.shop.products.values() if p.status == "ACTIVATE")
        await served.app.dispatcher.call("deactivate_products", {"product_ids": [product.id]})
        sent = sandbox.webhook_sender.deliveries

        await until(lambda: len(sent), 1)
        assert sent[0].status == 401
        await asyncio.sleep(0.5)
        assert len(sent) == 1
        moment[0] += 121
        await until(lambda: len(sent), 2)
        assert sent[1].notice == sent[0].notice


async def test_the_simulated_shop_sends_to_this_computer_alone() -> None:
    with pytest.raises(ValueError, match="this computer"):
        async with Sandbox(orders=0).send_webhooks("https://shops.example.com"):
            await asyncio.sleep(0.1)


# ---- the command


@contextmanager
def run_server(home: Path) -> Iterator[str]:
    """The command in a process of its own, with the simulated shop behind it; gives where it listens."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("TIKTOK_SHOP_")}
    settings = {"HOME": str(home), "SANDBOX": "true", "CONFIRM": "none", "HTTP_WEBHOOK_URL": URL, "TOOLSETS": "all"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_server_tiktok_shop", "serve", "--http", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {f"TIKTOK_SHOP_{name}": value for name, value in settings.items()},
    )
    try:
        assert process.stderr is not None
        words = ""
        while "are taken at" not in words:
            line = process.stderr.readline()
            assert line, words
            words += line
        (origin,) = re.findall(r"(http://\S+)/mcp", words)
        yield origin
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=PATIENCE_S)[1]
        assert "Traceback" not in told, told
    finally:
        process.kill()
        process.wait()


def test_the_command_takes_what_its_simulated_shop_sends(home: Path) -> None:
    with run_server(home) as origin, httpx2.Client(timeout=PATIENCE_S) as http:
        token = (home / "sandbox" / "http-token.txt").read_text(encoding="ascii")

        def call(name: str, **arguments: Any) -> Any:
            message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call"}
            params = {"name": name, "arguments": arguments}
            headers = CONTENT | {"Authorization": f"Bearer {token}"}
            response = http.post(f"{origin}/mcp", headers=headers, json=message | {"params": params})
            return json.loads(response.json()["result"]["content"][0]["text"])["data"]

        unsigned = http.post(f"{origin}/webhooks/tiktok", content=VECTOR, headers={"Host": HOST})
        assert unsigned.status_code == 401
        call("update_shop_webhook", address=URL, event_type="PRODUCT_STATUS_CHANGE")
        products = call("search_products", status="ACTIVATE", page_size=3)["products"]
        call("deactivate_products", product_ids=[product["id"] for product in products])
        folder = home / "sandbox" / "notifications"
        deadline = time.monotonic() + PATIENCE_S
        while len([path for path in folder.glob("*") if path.is_file()]) < len(products):
            assert time.monotonic() < deadline
            time.sleep(0.1)
