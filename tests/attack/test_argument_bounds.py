"""Arguments of any size and shape are refused in words, at once: before any work, and never as a fault of ours."""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError
from mcp.types import PromptReference

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.attack.argument_makers import iter_calls
from tests.attack.reports import write_report
from tests.keys import reply
from tests.protocol.test_server import MODERN, process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp import Client

    from tests.conftest import Connect

SOAK = bool(os.environ.get("SOAK"))
CALLS = 5_000 if SOAK else 250  # in each of the two eras
MAX_SECONDS = 20.0  # of any call: most take a hundredth
MAX_GROWTH_MB = 150
READ = "get_order_list"


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a path of very many names": (READ, {"fields": [".".join(["orders"] * 100_000)]}),
    "a path of 21 names": (READ, {"fields": [".".join(["orders"] * 21)]}),
    "a path of 501 characters": (READ, {"fields": ["o" * 501]}),
    "very many paths": (READ, {"fields": ["orders.id"] * 20_000}),
    "many paths": (READ, {"fields": ["orders.id"] * 201}),
    "paths that are wrong, each in its own way": (READ, {"fields": [f"orders.nothing{n}" for n in range(200)]}),
    "a long id": ("get_order_detail", {"ids": ["1" * 100_000]}),
    "a long id in a path": ("get_product", {"product_id": "9" * 1_000_000}),
    "an id that is a very large number": ("get_product", {"product_id": 10**4000}),
    "very many ids": ("get_order_detail", {"ids": [str(10**17 + n) for n in range(60_000)]}),
    "a deep list": ("get_order_detail", {"ids": deep(150)}),
    "a deep list as text": ("get_order_detail", {"ids": "[" * 50_000 + "]" * 50_000}),
    "a long name": (READ, {"x" * 100_000: 1}),
    "very many names": (READ, {f"name{n}": 1 for n in range(40_000)}),
    "a long text": (READ, {"order_status": "y" * 1_000_000}),
    "a long time": (READ, {"create_time_ge": "9" * 100_000}),
    "a long number of pages": (READ, {"pages": "9" * 100_000}),
    "a long shop": (READ, {"shop": "s" * 300_000}),
    "a long path of a file": ("upload_product_image", {"image_path": "/a" * 50_000}),
    "a long base64": ("upload_product_image", {"image_base64": "A" * 1_900_000}),
    "a long source": ("resize_pdf", {"source": "../" * 100_000}),
    "a long source as a list": ("resize_pdf", {"source": ["a" * 5_000]}),
    "a long id of a result": ("read_result", {"id": "0" * 100_000}),
    "a long path in a result": ("read_result", {"id": "0123456789abcdef", "path": "a." * 90_000}),
    "a long query": ("find_operations", {"query": "order " * 30_000}),
    "a long name of an operation": ("describe_operation", {"name": "get_" * 40_000}),
    "a long path of an operation": ("describe_operation", {"name": "/order" * 30_000}),
    "a long nested name": ("run_read_operation", {"name": "n" * 150_000, "arguments": {}}),
    "long nested arguments": ("run_read_operation", {"name": READ, "arguments": {"fields": ["a." * 90_000]}}),
    "nested arguments as deep text": ("run_read_operation", {"name": READ, "arguments": '{"a":' * 30_000}),
    "a long period": ("get_report", {"report": "sales", "period": "2026-01-01.." * 10_000}),
    "a long order": ("get_report", {"report": "sales", "period": "today", "order": "y" * 100_000}),
    "a long report": ("get_report", {"report": "y" * 100_000}),
}


async def timed(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    told = reply(await client.call_tool(tool, arguments))
    return told, time.monotonic() - began


@pytest.mark.parametrize("how", REFUSED)
async def test_what_is_too_much_is_refused_at_once_and_says_what_is_allowed(connect: Connect, how: str) -> None:
    sandbox = Sandbox(orders=5)
    async with sandbox.serve() as url, connect(sandbox="1", sandbox_object=sandbox, toolsets="all") as client:
        assert url
        await client.call_tool(READ, {})  # so that only the arguments take time
        sandbox.log.clear()
        tool, arguments = REFUSED[how]
        told, seconds = await timed(client, tool, arguments)
        assert seconds < MAX_SECONDS
        assert told["error"] in ("invalid_arguments", "batch_limit", "not_found"), told["error"]
        assert told["hint"]
        assert len(json.dumps(told)) < 60_000
        assert not [entry for entry in sandbox.log if entry.operation != READ or "fields" not in arguments]


async def test_paths_at_their_limits_are_taken(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        fields = ["orders.id", *(["orders.status"] * 199)]
        assert "data" in (await timed(client, READ, {"fields": fields}))[0]
        told, _ = await timed(client, READ, {"fields": [".".join(["orders"] + ["x" * 23] * 19)]})
    assert told["error"] == "invalid_arguments"
    assert "does not have" in told["message"]


@asynccontextmanager
async def wire(home: Path, era: str, *arguments: str) -> AsyncIterator[Callable[[str, Any], Awaitable[dict[str, Any]]]]:
    """A server in a process of its own, and how to call its tools in lines, which pass what a client does not send."""
    async with process(home, "--sandbox", *arguments, confirm="none", log_level="error") as server:
        if era == "legacy":
            await server.initialize()
        envelope = {} if era == "legacy" else MODERN

        async def call(tool: str, arguments: Any) -> dict[str, Any]:
            told = await server.ask("tools/call", {"name": tool, "arguments": arguments} | envelope)
            (content,) = told["result"]["content"]
            answer: dict[str, Any] = json.loads(content["text"])
            return answer

        yield call
        await server.end()
        log = await server.errors()
        assert "Traceback" not in log, log[-3000:]


async def test_numbers_that_json_lacks_are_refused(home: Path, era: str) -> None:
    async with wire(home, era) as call:
        for number in (math.nan, math.inf, -math.inf):
            for tool, name in ((READ, "page_size"), (READ, "create_time_ge"), ("resize_pdf", "scale")):
                told = await call(tool, {name: number})
                assert told.get("error") == "invalid_arguments", told
                assert told["problems"][0]["argument"] == name
        told = await call(READ, {"page_size": 10**4000})
        assert told["error"] == "invalid_arguments"


def resident_mb(pid: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def find_server(home: Path) -> int:
    """The process of the server whose home this is."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"TIKTOK_SHOP_HOME={home}".encode() in environment.split(b"\0"):
                return int(entry.name)
    raise AssertionError("the server is not running")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell")
async def test_random_arguments_are_never_a_fault_of_ours_nor_take_long_nor_much_memory(home: Path, era: str) -> None:
    slowest: tuple[float, str] = (0.0, "")
    kinds: Counter[str] = Counter()
    async with wire(home, era, "--toolsets", "all") as call:
        copied: tuple[str, dict[str, Any]] = ("get_worklist", {})  # what makes the copy is no call's length
        for tool, arguments in ((READ, {}), ("search_products", {}), ("find_operations", {"query": "order"}), copied):
            assert "data" in await call(tool, arguments)
        before_mb = resident_mb(find_server(home))
        for tool, arguments in islice(iter_calls(era), CALLS):
            began = time.monotonic()
            told = await call(tool, arguments)
            slowest = max(slowest, (time.monotonic() - began, f"{tool} {str(arguments)[:300]}"))
            kinds[told.get("error", "ok")] += 1
            assert told.get("error") != "internal", (tool, str(arguments)[:2000], told)
        growth_mb = resident_mb(find_server(home)) - before_mb
    write_report(test="random arguments", era=era, calls=CALLS, slowest=slowest, growth_mb=growth_mb, kinds=kinds)
    assert slowest[0] < MAX_SECONDS, slowest
    assert growth_mb < MAX_GROWTH_MB, growth_mb
    assert {"ok", "invalid_arguments"} <= set(kinds)


async def test_prompts_completions_and_resources_have_bounds_as_well(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        began = time.monotonic()
        for arguments in (
            {"product": "{shop}" * 100_000, "shop": "{product}" * 100_000},
            {"product": "x" * 2_001},
            {"product": "tea", "p" * 100_000: "x"},
        ):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt("list-a-product", arguments)
            assert len(str(caught.value)) < 5_000
        with pytest.raises(MCPError):
            await client.get_prompt("p" * 1_000_000, {})
        with pytest.raises(MCPError):
            await client.read_resource("tiktok-shop://results/" + "0" * 1_000_000)
        reference = PromptReference(name="list-a-product")
        told = await client.complete(reference, {"name": "shop", "value": "s" * 1_000_000})
        assert told.completion.values == []
        filled = await client.get_prompt(
            "list-a-product", {"product": "{shop} {for_shop} \\1", "shop": "Tea {product}"}
        )
        assert time.monotonic() - began < MAX_SECONDS
    (message,) = filled.messages
    assert "{shop} {for_shop} \\1" in str(message.content.text)  # type: ignore[union-attr]
    assert "Tea {product}" in str(message.content.text)  # type: ignore[union-attr]
