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
from mcp_server_tiktok_shop.calls.caller import ElicitationRequired
from mcp_server_tiktok_shop.calls.results.truncation import to_json_text
from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.logs import to_one_line
from mcp_server_tiktok_shop.protocol.client import McpCaller, to_input_required_result
from mcp_server_tiktok_shop.protocol.instructions import build_instructions
from mcp_server_tiktok_shop.protocol.resources import ResourceProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, PaginatedRequestParams

    from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.logs import SecretRedactor

# Answers are trees of small objects that die young: look for cycles less often than Python does by itself.
GC_THRESHOLDS = (20_000, 20, 20)
SHUTDOWN_TIMEOUT_S = 40.0  # seconds that a renewal under way may take when the process is told to end

log = logging.getLogger(__name__)


def build_server(
    dispatcher: ToolDispatcher, secrets: SecretRedactor, *, list_shop: bool, close: Callable[[], Awaitable[None]]
) -> Server[Any]:
    """The MCP server for an assistant. `close` is awaited when it ends."""
    tools = ListToolsResult(tools=list_tools(dispatcher, list_shop=list_shop))

    async def on_list_tools(
        _ctx: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return tools

    async def on_call_tool(
        ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        started_at = time.monotonic()
        outcome = "ok"
        result: dict[str, Any] = {}
        try:
            result = await dispatcher.call(
                params.name, params.arguments or {}, McpCaller(ctx, params, secrets.redact_secrets)
            )
            text = to_json_text(result)
        except ElicitationRequired as elicitation:
            return to_input_required_result(secrets.redact_secrets(elicitation.question), elicitation.state)
        except ShopError as error:
            result, outcome = dispatcher.result_builder.to_error_result(error), error.kind
            text = to_json_text(result)
        except Exception:  # the SDK would put its text on the wire
            log.exception("%s failed in a way that is a fault of this server", to_one_line(params.name))
            internal = ShopError("internal", "The server failed in a way it should not; its log says how.")
            result, outcome = internal.to_json(), internal.kind
            text = to_json_text(result)
        text = secrets.redact_secrets(text)
        nested_name = (
            f"({to_one_line(str((params.arguments or {}).get('name', '')))})" if params.name.startswith("run_") else ""
        )
        log.info(
            "%s%s shop=%s outcome=%s code=%s request_id=%s ms=%d bytes=%d",
            to_one_line(params.name),
            nested_name,
            to_one_line(str(result.get("shop"))),
            outcome,
            result.get("code", 0),
            to_one_line(str(result.get("request_id"))),
            (time.monotonic() - started_at) * 1000,
            len(text),
        )
        return CallToolResult(content=[TextContent(text=text)], is_error=outcome != "ok")

    resource_provider = ResourceProvider(dispatcher, secrets)

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
        instructions=build_instructions(dispatcher),
        lifespan=lifespan,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
        on_list_resources=resource_provider.list_resources,
        on_list_resource_templates=resource_provider.list_resource_templates,
        on_read_resource=resource_provider.read_resource,
        on_list_prompts=resource_provider.list_prompts,
        on_get_prompt=resource_provider.get_prompt,
        on_completion=resource_provider.complete,
    )


def list_tools(dispatcher: ToolDispatcher, *, list_shop: bool) -> list[Tool]:
    """The tools that this server offers, as a client lists them."""
    operations = (dispatcher.catalog.operations[name] for name in dispatcher.listed_tools)
    hidden_arguments = set() if list_shop else {"shop"}
    return [
        _to_tool(operation, hidden_arguments | dispatcher.hidden_server_arguments(operation))
        for operation in filter(dispatcher.is_available, operations)
    ]


def _to_tool(operation: Operation, hidden_arguments: set[str]) -> Tool:
    return Tool(
        name=operation.name,
        description=operation.description,
        input_schema=build_tool_schema(operation, hidden_arguments=hidden_arguments),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=operation.effect == "read",
            destructive_hint=operation.effect == "destructive",
            idempotent_hint=operation.effect == "read",
            open_world_hint=operation.uses_platform or operation.delegates_to is not None or operation.takes_shop,
        ),
    )


async def serve_stdio(server: Server[Any], *, era: str, close: Callable[[], Awaitable[None]]) -> None:
    """Serve one client on standard input and output until it goes away, or the process is told to end."""
    _shut_down_on_signals(close)
    async with stdio_server() as (read_stream, write_stream):
        options = server.create_initialization_options()
        if era == "legacy":
            async with server.lifespan(server) as state:
                await serve_loop(server, read_stream, write_stream, lifespan_state=state, init_options=options)
        else:
            await server.run(read_stream, write_stream, options)


def _shut_down_on_signals(close: Callable[[], Awaitable[None]]) -> None:
    """End at once, but after what must be stored: the thread that waits for input can't be stopped otherwise."""
    loop = asyncio.get_running_loop()

    async def shut_down(code: int) -> None:
        try:
            await asyncio.wait_for(close(), SHUTDOWN_TIMEOUT_S)
        finally:
            os._exit(code)

    shutdown_tasks: list[asyncio.Task[None]] = []

    def handle_signal(number: int) -> None:
        shutdown_tasks.append(loop.create_task(shut_down(128 + number)))

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, handle_signal, number)
        except NotImplementedError:  # Windows: Python's own handling
            return


def run_stdio(server: Server[Any], *, era: str, close: Callable[[], Awaitable[None]]) -> None:
    gc.freeze()  # what was imported and read stays; see __main__
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
    asyncio.run(serve_stdio(server, era=era, close=close))
