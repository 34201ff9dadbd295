"""What a client meets: errors it can read, nothing that leaks, a clean wire, and a process that ends when it should."""

# ruff: noqa: ASYNC240 - a test may wait for its disk
from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET, REFRESH_TOKEN, reply
from tests.waits import PATIENCE_S, until
from tests.wire.recorder import TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.conftest import Connect

SECRET = "s3cret-in-an-exception"
MODERN = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "a test", "version": "1"},
}


NOTHING: tuple[dict[str, Any] | None, ...] = (None, {})

# ---- errors that a model can read


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("get_orders_list", "get_order_list"),
        ("getOrderList", "get_order_list"),
        ("list_shop", "list_shops"),
        ("delete_product", "delete_products"),
        ("resize_label", "resize_pdf"),
    ],
)
async def test_an_unknown_tool_is_told_the_nearest_names(connect: Connect, wrong: str, right: str) -> None:
    async with connect(sandbox=True) as client:
        result = await client.call_tool(wrong, {})
    told = reply(result)
    assert result.is_error
    assert told["error"] == "not_found"
    assert wrong in told["message"]
    if right == "resize_pdf":
        assert told["hint"]
    else:
        assert right in told["hint"]


async def test_a_tool_like_no_other_is_still_answered(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for name in ("x" * 5000, "", "工具", "../../etc/passwd", "get_order_list\n", "{}"):
            result = await client.call_tool(name, {})
            told = reply(result)
            assert result.is_error
            assert told["error"] == "not_found"
            assert told["hint"]
            assert len(json.dumps(told)) < 1000


async def test_a_read_only_server_names_no_write_as_the_nearest(connect: Connect) -> None:
    async with connect(sandbox=True, read_only=True) as client:
        told = reply(await client.call_tool("create_produkt", {}))
    assert "create_product?" not in told["hint"]
    assert "create_product " not in told["hint"]


async def test_no_arguments_are_no_fault(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for arguments in NOTHING:
            result = await client.call_tool("get_warehouse_list", arguments)
            assert not result.is_error, reply(result)
        result = await client.call_tool("get_order_detail", None)
    assert result.is_error
    assert reply(result)["problems"][0]["argument"] == "ids"


async def test_every_result_is_one_json_object_in_one_text(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for name, arguments in (
            ("list_shops", {}),
            ("get_order_list", {"page_size": 3}),
            ("get_order_list", {"page_size": 300}),
            ("nothing", {}),
        ):
            result = await client.call_tool(name, arguments)
            assert result.structured_content is None
            (content,) = result.content
            assert content.type == "text"
            told = json.loads(content.text)
            assert content.text == json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            assert ("error" in told) is bool(result.is_error)


async def test_an_error_has_all_that_an_error_has(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        for name, arguments in (
            ("nothing", {}),
            ("get_order_detail", {}),
            ("get_order_detail", {"ids": [str(n) for n in range(1, 60)]}),
            ("get_order_detail", {"ids": ["1"], "shop": "Nowhere"}),
            ("resize_pdf", {}),
            ("upload_product_image", {}),
            ("ship_package", {"package_id": "1"}),
            ("get_price_detail", {"order_id": "123"}),
        ):
            result = await client.call_tool(name, arguments)
            told = reply(result)
            assert result.is_error, name
            assert {"error", "message", "hint", "retryable"} <= told.keys(), (name, told)
            assert isinstance(told["retryable"], bool)


# ---- nothing internal leaks


@pytest.mark.parametrize("fault", [ValueError, KeyError, RuntimeError, OSError, RecursionError, AssertionError])
async def test_the_text_of_an_exception_never_reaches_the_wire(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: type[Exception]
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise fault(SECRET)

    monkeypatch.setattr(HttpTransport, "request", broken)
    with caplog.at_level(logging.CRITICAL):
        async with connect(api_url="https://api.example", auth_url="https://auth.example") as client:
            result = await client.call_tool("get_order_detail", {"ids": ["1"]})
    told = reply(result)
    assert result.is_error
    assert told["error"] == "internal"
    assert SECRET not in str(result)
    assert "Traceback" not in str(result)
    assert fault.__name__ not in str(result)


async def test_a_group_of_exceptions_is_caught_as_well(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise ExceptionGroup(SECRET, [ValueError(SECRET)])

    monkeypatch.setattr(HttpTransport, "request", broken)
    async with connect(api_url="https://api.example", auth_url="https://auth.example") as client:
        result = await client.call_tool("get_order_detail", {"ids": ["1"]})
    assert reply(result)["error"] == "internal"
    assert SECRET not in str(result)


async def test_a_fault_of_this_server_says_what_to_do_about_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise ValueError(SECRET)

    monkeypatch.setattr(HttpTransport, "request", broken)
    async with connect(api_url="https://api.example", auth_url="https://auth.example") as client:
        told = reply(await client.call_tool("get_order_detail", {"ids": ["1"]}))
    assert told["error"] == "internal"
    assert "list_changes" in told["hint"]  # whether a write was done, before it is sent again
    assert "log" in told["hint"]


async def test_a_broken_clock_or_disk_says_nothing_of_itself(connect: Connect, home: Path, tmp_path: Path) -> None:
    def stopped() -> float:
        raise RuntimeError(SECRET)

    async with connect(runtime=Runtime(stopped, time.monotonic), api_url="https://api.example") as client:
        result = await client.call_tool("get_order_detail", {"ids": ["1"]})
    assert result.is_error
    assert SECRET not in str(result)
    (tmp_path / "label.pdf").write_bytes(b"%PDF-1.4")
    (home / "sandbox").mkdir(parents=True)
    (home / "sandbox" / "labels").write_text("a file where a folder should be")
    async with connect(sandbox=True, files=tmp_path) as client:
        result = await client.call_tool("resize_pdf", {"source": "label.pdf"})
    assert result.is_error
    assert "Traceback" not in str(result)


async def test_what_the_platform_echoes_is_taken_out_of_results_and_errors(connect: Connect) -> None:
    """A platform that repeats a token in an answer or a message does not make this server repeat it."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        told = f"bad token {ACCESS_TOKEN}, secret {APP_SECRET}, cipher {TEA['cipher']}"
        recorder.answer("/order/", code=98001004, message=told)
        refused = await client.call_tool("get_order_detail", {"ids": ["1"]})
        recorder.answer("/order/", data={"echo": told, "orders": [{"x": {"access_token": ACCESS_TOKEN}}]})
        answered = await client.call_tool("get_order_detail", {"ids": ["1"]})
    for result in (refused, answered):
        text = str(result)
        assert ACCESS_TOKEN not in text
        assert APP_SECRET not in text
        assert REFRESH_TOKEN not in text
        assert TEA["cipher"] not in text
    assert reply(answered)["data"]["echo"].startswith("bad token [hidden]")


# ---- without a key


EMPTY = {"app_key": "", "app_secret": "", "access_token": "", "refresh_token": ""}


@pytest.mark.parametrize("missing", ["app_key", "app_secret"])
async def test_without_key_or_secret_tools_are_listed_and_calls_say_what_is_missing(
    connect: Connect, missing: str
) -> None:
    async with connect(**{missing: ""}) as client:
        assert len((await client.list_tools()).tools) > 20
        for name, arguments in (
            ("get_order_detail", {"ids": ["1"]}),
            ("list_shops", {}),
            ("get_authorized_shops", {}),
            ("exchange_authorization_code", {"auth_code": "abcdef"}),
            ("refresh_access_token", {}),
        ):
            result = await client.call_tool(name, arguments)
            told = reply(result)
            assert result.is_error, name
            assert told["error"] == "not_configured", (name, told)
            assert f"TIKTOK_SHOP_{missing.upper()}" in told["message"], name
            assert "sign in" in told["hint"], name
            assert "--sandbox" in told["hint"], name


async def test_a_check_of_the_connection_says_what_is_missing_too(connect: Connect) -> None:
    async with Recorder() as recorder, connect(**EMPTY, api_url=recorder.url, auth_url=recorder.url) as client:
        told = reply(await client.call_tool("check_connection", {}))
    assert told["data"]["platform"]["reached"] is True
    text = json.dumps(told)
    assert "TIKTOK_SHOP_APP_KEY" in text
    assert "--sandbox" in text


async def test_the_sandbox_is_never_chosen_silently(connect: Connect) -> None:
    async with connect(**EMPTY) as client:
        told = reply(await client.call_tool("get_warehouse_list", {}))
    assert told["error"] == "not_configured"
    assert "sandbox" not in told


async def test_with_a_key_and_no_token_a_call_says_how_to_sign_in(connect: Connect) -> None:
    async with connect(access_token="", refresh_token="") as client:
        told = reply(await client.call_tool("get_warehouse_list", {}))
    assert told["error"] == "signed_out"
    assert "exchange_authorization_code" in told["hint"]


# ---- the network


async def test_nothing_goes_out_before_a_tool_is_called(connect: Connect) -> None:
    async with Recorder() as recorder:
        async with connect(api_url=recorder.url, auth_url=recorder.url) as client:
            await client.list_tools()
            await client.call_tool("no_such_tool", {})
            await client.call_tool("get_order_detail", {"ids": []})
            assert recorder.requests == []
            await client.call_tool("get_order_detail", {"ids": ["1"]})
        assert len(recorder.requests) == 2  # which shop, and the call


async def test_calls_in_parallel_are_all_answered(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        for number in range(40):
            recorder.answer(f"/order/202407/orders/{number}/", data={"order_id": str(number)})
        calls = [client.call_tool("get_price_detail", {"order_id": str(number)}) for number in range(40)]
        results = await asyncio.gather(*calls)
    assert all(not result.is_error for result in results), [reply(r) for r in results if r.is_error][:1]
    assert len(recorder.calls) == 40


async def test_a_slow_call_holds_nobody_up(connect: Connect) -> None:
    from mcp_server_tiktok_shop.sandbox import Sandbox

    sandbox = Sandbox()
    gate = sandbox.faults.hold("get_warehouse_list")
    async with connect(sandbox=True, sandbox_object=sandbox) as client:
        slow = asyncio.create_task(client.call_tool("get_warehouse_list", {}))
        await until(lambda: gate.waiting)
        for _ in range(3):
            assert (await client.call_tool("get_shipping_providers", {"delivery_option_id": "1"})).content
        assert not slow.done()
        gate.open()
        assert not (await slow).is_error


# ---- the process

END_S = 25.0  # far more than what hangs is given, far less than a call's own deadline
UNHURRIED = (str(Path(__file__).with_name("unhurried_server.py")),)


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIKTOK_SHOP_")}
    return kept | {"TIKTOK_SHOP_HOME": str(home)} | {f"TIKTOK_SHOP_{k.upper()}": v for k, v in more.items()}


class Process:
    """The server as a client starts it, spoken to in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._id = 0

    async def send(self, method: str, params: Mapping[str, Any] | None = None, *, notify: bool = False) -> int:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        if not notify:
            self._id += 1
            message["id"] = self._id
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        await self.process.stdin.drain()
        return self._id

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)
        self.lines.append(line.decode())
        told: dict[str, Any] = json.loads(line)
        return told

    async def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        wanted = await self.send(method, params)
        while (told := await self.answer()).get("id") != wanted:
            pass
        return told

    async def initialize(self) -> dict[str, Any]:
        told = await self.ask("initialize", INITIALIZE)
        await self.send("notifications/initialized", notify=True)
        return told

    async def call(self, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        told = await self.ask("tools/call", {"name": name, "arguments": arguments or {}})
        (content,) = told["result"]["content"]
        answer: dict[str, Any] = json.loads(content["text"])
        return answer

    async def end(self) -> None:
        """Close standard input as a client does that goes away, and wait until the process is gone."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), END_S)
        self.lines += [line for line in (await self.process.stdout.read()).decode().split("\n") if line]

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@asynccontextmanager
async def process(home: Path, *arguments: str, **more: str) -> AsyncIterator[Process]:
    async with launch(("-m", "mcp_server_tiktok_shop"), home, *arguments, **more) as launched:
        yield launched


@asynccontextmanager
async def launch(program: tuple[str, ...], home: Path, *arguments: str, **more: str) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, **more),
        limit=2**26,
    )
    try:
        yield Process(started)
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


async def test_standard_output_holds_json_rpc_alone_and_the_log_no_secret(home: Path) -> None:
    keys = {
        "app_key": APP_KEY,
        "app_secret": APP_SECRET,
        "access_token": ACCESS_TOKEN,
        "refresh_token": REFRESH_TOKEN,
    }
    async with Recorder() as recorder:
        recorder.answer("/order/", code=36009003, status=500, message=f"no {ACCESS_TOKEN}")
        recorder.answer("/product/", code=98001004, message=f"no {TEA['cipher']}")
        urls = {"api_url": recorder.url, "auth_url": recorder.url}
        async with process(home, log_level="debug", **keys, **urls) as server:
            await server.initialize()
            assert (await server.ask("tools/list"))["result"]["tools"]
            assert (await server.call("get_product", {"product_id": "17"}))["error"] == "platform"
            assert (await server.call("get_product", {"product_id": "not/an id", "x": 1}))["error"] == (
                "invalid_arguments"
            )
            code = {"auth_code": "TTP_a-code-to-be-kept-secret"}
            told = await server.call("exchange_authorization_code", code)
            told = await server.call("exchange_authorization_code", code | {"confirm": told["confirm"]})
            assert "error" not in told, told
            await server.call("refresh_access_token", {})
            assert (await server.call("create_packages", {"order_id": "buyer-4711", "orders": []})).get("error")
            await server.end()
            log = await server.errors()
        assert len(recorder.requests) >= 4
    for line in server.lines:
        assert json.loads(line)["jsonrpc"] == "2.0"
    secrets = [APP_SECRET, ACCESS_TOKEN, REFRESH_TOKEN, TEA["cipher"], "TTP_a-code", "GCP_a_new", "sign="]
    for secret in secrets:
        assert secret not in log, secret
        assert secret not in "".join(server.lines), secret
    # One line a call, and none of its arguments.
    calls = [line for line in log.splitlines() if "outcome=" in line]
    assert len(calls) == 6
    assert "not/an id" not in log
    assert "buyer-4711" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("arguments", [["--sandbox"], ["--sandbox", "--era", "legacy"]])
async def test_the_process_ends_when_the_client_goes_away(home: Path, arguments: list[str]) -> None:
    async with launch(UNHURRIED, home, *arguments) as server:
        await server.initialize()
        assert "error" not in await server.call("get_warehouse_list")
        await server.call("resize_pdf", {"source": "nothing.pdf"})
        left = children(server.process.pid)
        await server.end()
        assert server.process.returncode == 0
    assert left == []


async def test_the_process_ends_when_the_client_goes_away_before_saying_anything(home: Path) -> None:
    async with launch(UNHURRIED, home, "--sandbox") as server:
        await asyncio.sleep(1.5)
        await server.end()
        assert server.process.returncode == 0


async def test_the_process_ends_though_a_call_is_still_under_way(home: Path) -> None:
    """A platform that takes its time must not keep the server of a client that is gone."""

    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        await reader.read()
        writer.close()

    host = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{host.sockets[0].getsockname()[1]}"
    keys = {"app_key": APP_KEY, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN}
    async with launch(UNHURRIED, home, api_url=url, auth_url=url, **keys) as server:
        await server.initialize()
        await server.send("tools/call", {"name": "get_order_detail", "arguments": {"ids": ["1"]}})
        await asked.wait()
        await server.end()
        assert "Traceback" not in await server.errors()
    host.close()
    await host.wait_closed()


async def test_a_legacy_server_refuses_to_be_discovered_and_can_still_be_initialized(home: Path) -> None:
    async with process(home, "--sandbox", "--era", "legacy") as server:
        told = await server.ask("server/discover", MODERN)
        assert told["error"]["code"] == -32601
        told = await server.initialize()
        assert told["result"]["protocolVersion"] == "2025-11-25"
        assert told["result"]["serverInfo"]["name"] == "tiktok-shop"
        assert told["result"]["instructions"]
        assert (await server.ask("tools/list"))["result"]["tools"]
        shop = (await server.call("list_shops"))["data"]["shops"][0]
        assert shop["region"] == "GB"
        await server.end()


async def test_a_server_of_both_eras_can_be_discovered(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        told = await server.ask("server/discover", MODERN)
        assert "2026-07-28" in json.dumps(told["result"])
        told = await server.ask("tools/call", {"name": "list_shops", "arguments": {}} | MODERN)
        assert not told["result"].get("isError")
        await server.end()


async def test_an_answer_of_four_megabytes_passes_whole(home: Path) -> None:
    keys = {"app_key": APP_KEY, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN}
    title = '茶 & thé \u2028 "quoted" \\ ' * 10
    products = [{"id": str(1729592969712207000 + n), "title": title} for n in range(11_000)]
    async with Recorder() as recorder:
        recorder.answer("/product/", data={"products": products, "total_count": len(products)})
        large = {"result_bytes": "4000000"}
        async with process(home, api_url=recorder.url, auth_url=recorder.url, **keys, **large) as server:
            await server.initialize()
            told = await server.call("search_products", {"fields": ["*"]})
            assert len(server.lines[-1]) > 3_500_000
            assert [product["id"] for product in told["data"]["products"]] == [product["id"] for product in products]
            assert "error" not in await server.call("get_warehouse_list")
            await server.end()


async def test_calls_in_parallel_over_pipes_are_all_answered(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        await server.initialize()
        asked = {await server.send("tools/call", {"name": "get_warehouse_list", "arguments": {}}) for _ in range(32)}
        answered: dict[int, dict[str, Any]] = {}
        while asked - answered.keys():
            told = await server.answer()
            answered[told["id"]] = told
        assert all(not told["result"].get("isError") for told in answered.values())
        await server.end()


async def test_nonsense_on_standard_input_does_not_end_the_server(home: Path) -> None:
    async with process(home, "--sandbox") as server:
        await server.initialize()
        assert server.process.stdin is not None
        server.process.stdin.write(b"hello\n{}\n[]\n\n\xff\xfe\n")
        await server.send("tools/call", {"name": 7})
        await server.send("tools/call", {"name": "list_shops", "arguments": []})
        assert "error" not in await server.call("list_shops")
        await server.end()
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.lines)


async def test_the_server_starts_where_the_home_cannot_be_used(home: Path) -> None:
    """A home that is a file, or a store that cannot be read: each call says so, and nothing is thrown away."""
    home.write_text("a file where a folder should be")
    keys = {"app_key": APP_KEY, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN}
    async with process(home, **keys) as server:
        await server.initialize()
        told = await server.call("get_warehouse_list")
        assert told["error"] != "internal", told
        await server.end()
        assert "Traceback" not in await server.errors()


async def test_a_damaged_store_is_told_and_kept(connect: Connect, home: Path) -> None:
    home.mkdir()
    for content in ("{", "[]", '{"version": 99, "accounts": []}', '{"version": 1, "accounts": [{"id": 7}]}'):
        (home / "accounts.json").write_text(content)
        async with connect() as client:
            assert (await client.list_tools()).tools
            told = reply(await client.call_tool("get_warehouse_list", {}))
        assert told["error"] == "not_configured"
        assert "accounts.json" in told["message"]
        assert (home / "accounts.json").read_text() == content


def test_every_kind_of_error_is_one_that_is_declared() -> None:
    """The kinds in the code are those that were promised, so that a client can act on them."""
    from typing import get_args

    import mcp_server_tiktok_shop
    from mcp_server_tiktok_shop.errors import ErrorKind

    root = Path(mcp_server_tiktok_shop.__file__).parent
    used = set()
    for path in root.rglob("*.py"):
        used |= set(re.findall(r'ShopError\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert used <= set(get_args(ErrorKind))
