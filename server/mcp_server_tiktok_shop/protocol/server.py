"""Speaks MCP: lists the tools, runs them, and lets no exception reach the wire. The only importer of `mcp`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server import Server
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.calls.caller import Asked
from mcp_server_tiktok_shop.calls.results.truncation import written
from mcp_server_tiktok_shop.catalog.schemas import listing
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.logs import one_line
from mcp_server_tiktok_shop.protocol.client import Client, question
from mcp_server_tiktok_shop.protocol.instructions import instructions
from mcp_server_tiktok_shop.protocol.resources import Shelf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, PaginatedRequestParams

    from mcp_server_tiktok_shop.calls.dispatch import Assistant
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.logs import Secrets

# Answers are trees of small objects that die young: look for cycles less often than Python does by itself.
COLLECT = (20_000, 20, 20)
LAST_WORDS = 40.0  # seconds that a renewal under way may take when the process is told to end

log = logging.getLogger(__name__)


def serve(
    assistant: Assistant, secrets: Secrets, *, list_shop: bool, close: Callable[[], Awaitable[None]]
) -> Server[Any]:
    """The MCP server for an assistant. `close` is awaited when it ends."""
    tools = ListToolsResult(tools=list_tools(assistant, list_shop=list_shop))

    async def on_list_tools(
        _ctx: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return tools

    async def on_call_tool(
        ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        began = time.monotonic()
        outcome = "ok"
        told: dict[str, Any] = {}
        try:
            told = await assistant.run(params.name, params.arguments or {}, Client(ctx, params, secrets.hide))
            text = written(told)
        except Asked as asked:
            return question(secrets.hide(asked.question), asked.state)
        except ShopError as error:
            told, outcome = assistant.answers.refused(error), error.kind
            text = written(told)
        except Exception:  # the SDK would put its text on the wire
            log.exception("%s failed in a way that is a fault of this server", one_line(params.name))
            internal = ShopError("internal", "The server failed in a way it should not; its log says how.")
            told, outcome = internal.told(), internal.kind
            text = written(told)
        text = secrets.hide(text)
        inner = f"({one_line(str((params.arguments or {}).get('name', '')))})" if params.name.startswith("run_") else ""
        log.info(
            "%s%s shop=%s outcome=%s code=%s request_id=%s ms=%d bytes=%d",
            one_line(params.name),
            inner,
            one_line(str(told.get("shop"))),
            outcome,
            told.get("code", 0),
            one_line(str(told.get("request_id"))),
            (time.monotonic() - began) * 1000,
            len(text),
        )
        return CallToolResult(content=[TextContent(text=text)], is_error=outcome != "ok")

    shelf = Shelf(assistant, secrets)

    @asynccontextmanager
    async def lifespan(_server: Server[Any]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await close()

    return Server(
        "tiktok-shop",
        version=__version__,
        title="TikTok Shop",
        instructions=instructions(assistant),
        lifespan=lifespan,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
        on_list_resources=shelf.resources,
        on_list_resource_templates=shelf.templates,
        on_read_resource=shelf.read,
        on_list_prompts=shelf.prompts,
        on_get_prompt=shelf.prompt,
        on_completion=shelf.complete,
    )


def list_tools(assistant: Assistant, *, list_shop: bool) -> list[Tool]:
    """The tools that this server offers, as a client lists them."""
    listed = (assistant.catalog.operations[name] for name in assistant.listed)
    hidden = set() if list_shop else {"shop"}
    return [_tool(operation, hidden | assistant.pointless(operation)) for operation in filter(assistant.offers, listed)]


def _tool(operation: Operation, without: set[str]) -> Tool:
    return Tool(
        name=operation.name,
        description=operation.description,
        input_schema=listing(operation, without=without),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=operation.effect == "read",
            destructive_hint=operation.effect == "destructive",
            idempotent_hint=operation.effect == "read",
            open_world_hint=operation.asks_platform or operation.runs is not None or operation.takes_shop,
        ),
    )


async def serve_stdio(server: Server[Any], *, era: str, close: Callable[[], Awaitable[None]]) -> None:
    """Serve one client on standard input and output until it goes away, or the process is told to end."""
    _end_on_signals(close)
    async with stdio_server() as (reading, writing):
        options = server.create_initialization_options()
        if era == "legacy":
            async with server.lifespan(server) as state:
                await serve_loop(server, reading, writing, lifespan_state=state, init_options=options)
        else:
            await server.run(reading, writing, options)


def _end_on_signals(close: Callable[[], Awaitable[None]]) -> None:
    """End at once, but after what must be stored: the thread that waits for input can't be stopped otherwise."""
    loop = asyncio.get_running_loop()

    async def end(code: int) -> None:
        try:
            await asyncio.wait_for(close(), LAST_WORDS)
        finally:
            os._exit(code)

    ending: list[asyncio.Task[None]] = []

    def told_to_end(number: int) -> None:
        ending.append(loop.create_task(end(128 + number)))

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, told_to_end, number)
        except NotImplementedError:  # Windows: Python's own handling
            return


def run_stdio(server: Server[Any], *, era: str, close: Callable[[], Awaitable[None]]) -> None:
    gc.freeze()  # what was imported and read stays; see __main__
    gc.set_threshold(*COLLECT)
    gc.enable()
    asyncio.run(serve_stdio(server, era=era, close=close))
