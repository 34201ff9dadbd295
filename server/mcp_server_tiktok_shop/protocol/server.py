"""Serves MCP: finds what answers a request and lets no exception reach the wire, over standard input and output."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mcp import MCPError
from mcp.server import Server
from mcp.server.runner import serve_loop
from mcp.types import INTERNAL_ERROR, PaginatedRequestParams
from msgspec import Struct

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.logs import to_one_line
from mcp_server_tiktok_shop.protocol.call_handler import INTERNAL_MESSAGE, make_internal_error, name_operation
from mcp_server_tiktok_shop.protocol.call_spans import open_call_span
from mcp_server_tiktok_shop.protocol.client_exit import ExitDeadline
from mcp_server_tiktok_shop.protocol.client_view import ClientView, TenantInstructions
from mcp_server_tiktok_shop.protocol.edge import to_protocol_error, to_tool_result
from mcp_server_tiktok_shop.protocol.eras import serve_connection
from mcp_server_tiktok_shop.protocol.first_answers import SERVER_EXTENSIONS, SERVER_NAME, SERVER_TITLE
from mcp_server_tiktok_shop.protocol.grants import find_grant
from mcp_server_tiktok_shop.protocol.odd_replies import drop_odd_replies
from mcp_server_tiktok_shop.protocol.skill_extension import GetSkillParams
from mcp_server_tiktok_shop.protocol.stdio import connect_client
from mcp_server_tiktok_shop.protocol.tenancy import find_tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, CallToolResult, InputRequiredResult, ListToolsResult

    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard, SafeText
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.protocol.call_handler import CallHandler
    from mcp_server_tiktok_shop.protocol.client_pipes import FirstReader
    from mcp_server_tiktok_shop.protocol.resources import ResourceProvider

# Results are trees of small objects that die young: look for cycles less often than Python does by itself.
GC_THRESHOLDS = (20_000, 20, 20)
SHUTDOWN_TIMEOUT_S = 40.0  # for a token renewal under way when the process has to end

McpServer = Server[Any]
Params = TypeVar("Params")
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class RequestHandlers(Struct, frozen=True):
    """What answers the requests of one tenant."""

    call_handler: CallHandler
    resource_provider: ResourceProvider
    view: ClientView


class HandlerLookup(Protocol):
    """Finds what answers a tenant's requests."""

    def open(self, tenant_id: str | None) -> AbstractAsyncContextManager[RequestHandlers]:
        """The handlers for as long as a request lasts; None where the request names no tenant.

        Raises:
            ShopError: There is no such tenant, or it can't be found out now.

        """


class SoleHandlers(Struct, frozen=True):
    """The handlers of a server with one tenant alone, whatever a request names."""

    handlers: RequestHandlers

    @asynccontextmanager
    async def open(self, _tenant_id: str | None) -> AsyncIterator[RequestHandlers]:
        yield self.handlers


def contain_errors(
    handler: Callable[[ServerRequestContext[Any, Any], Params], Awaitable[Answer]], guard: OutgoingGuard
) -> Callable[[ServerRequestContext[Any, Any], Params], Awaitable[Answer]]:
    """The handler of requests that are no tool calls: what it raises reaches the client as guarded words alone."""

    async def answer(ctx: ServerRequestContext[Any, Any], params: Params) -> Answer:
        try:
            return await handler(ctx, params)
        except MCPError:  # made by `edge`, of guarded words
            raise
        except ShopError as error:
            raise to_protocol_error(guard.guard_error(error)) from None
        except Exception:
            log.exception("a request failed in a way that is a fault of this server")
            raise to_protocol_error(guard.guard_text(INTERNAL_MESSAGE), code=INTERNAL_ERROR) from None

    return answer


def build_server(
    instructions: SafeText,
    lookup: HandlerLookup,
    guard: OutgoingGuard,
    close: Callable[[], Awaitable[None]],
    metrics: Metrics,
    catalog: Catalog,
) -> McpServer:
    """The MCP server for one assistant or many, over any transport. `close` is awaited when it ends.

    `instructions` are told, and `guard` guards what is said, where it is not known which handlers are to answer.
    `metrics` trace the calls, by the names of the `catalog`.
    """

    async def call_tool(
        ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        tenant_id = find_tenant(ctx)
        with open_call_span(metrics, ctx, name_operation(params, catalog)) as span:
            try:
                async with lookup.open(tenant_id) as handlers:
                    span.set(**({} if tenant_id is None else {"tenant": tenant_id}))  # there is one of this name
                    result = await handlers.call_handler.call_tool(ctx, params, span)
            except ShopError as error:
                log.info("%s outcome=%s", to_one_line(params.name), error.kind)
                refusal = error
            except Exception:
                log.exception("%s failed in a way that is a fault of this server", to_one_line(params.name))
                refusal = make_internal_error()
            else:
                return result
            span.set(outcome=refusal.kind)
            span.fail(refusal.kind)
            return to_tool_result(guard.guard_json(refusal.to_json()), is_error=True)

    def provide(
        select: Callable[[RequestHandlers], Callable[[ServerRequestContext[Any, Any], Params], Awaitable[Answer]]],
    ) -> Callable[[ServerRequestContext[Any, Any], Params], Awaitable[Answer]]:
        async def answer(ctx: ServerRequestContext[Any, Any], params: Params) -> Answer:
            async with lookup.open(find_tenant(ctx)) as handlers:
                return await select(handlers)(ctx, params)

        return contain_errors(answer, guard)

    async def list_tools(
        ctx: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        async with lookup.open(find_tenant(ctx)) as handlers:
            return handlers.view.tool_listing.list_for(find_grant(ctx))

    async def read_instructions(ctx: ServerRequestContext[Any, Any]) -> SafeText:
        async with lookup.open(find_tenant(ctx)) as handlers:
            return handlers.view.instructions

    @asynccontextmanager
    async def lifespan(_server: McpServer) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await close()

    server: McpServer = Server(
        SERVER_NAME,
        version=__version__,
        title=SERVER_TITLE,
        instructions=instructions.text,
        lifespan=lifespan,
        # No argument of ours is sent as a header beside the call: else the SDK lists all tools before each call.
        get_tool_input_schema=lambda _name: None,
        on_list_tools=contain_errors(list_tools, guard),
        on_call_tool=call_tool,
        on_list_resources=provide(lambda handlers: handlers.resource_provider.list_resources),
        on_list_resource_templates=provide(lambda handlers: handlers.resource_provider.list_resource_templates),
        on_read_resource=provide(lambda handlers: handlers.resource_provider.read_resource),
        on_list_prompts=provide(lambda handlers: handlers.resource_provider.list_prompts),
        on_get_prompt=provide(lambda handlers: handlers.resource_provider.get_prompt),
        on_completion=provide(lambda handlers: handlers.resource_provider.complete),
    )
    server.add_request_handler(
        "skills/list", PaginatedRequestParams, provide(lambda handlers: handlers.view.skill_extension.list_skills)
    )
    server.add_request_handler(
        "skills/get", GetSkillParams, provide(lambda handlers: handlers.view.skill_extension.get_skill)
    )
    server.extensions = {name: dict(extension) for name, extension in SERVER_EXTENSIONS.items()}
    server.middleware += [drop_odd_replies, TenantInstructions(read_instructions)]
    return server


async def serve_stdio(
    server: McpServer,
    reader: FirstReader,
    *,
    close: Callable[[], Awaitable[None]],
    wait_for_pairs: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Serve the client whose first lines `reader` has until it goes away, or a signal ends the process.

    `wait_for_pairs` ends when no token pair is under way any more, which the process must not end before.
    """
    _shut_down_on_signals(close)
    reader.finish()
    options = server.create_initialization_options()
    answers = reader.answers
    serve = partial(serve_connection, era=answers.era) if answers.serves_envelopes else serve_loop
    on_end = ExitDeadline(wait_for_pairs).start
    async with connect_client(reader, on_end) as connection, server.lifespan(server) as state:
        await serve(server, connection, connection, lifespan_state=state, init_options=options)


def _shut_down_on_signals(close: Callable[[], Awaitable[None]]) -> None:
    """On a signal close and exit at once: the thread that waits for input can't be stopped otherwise."""
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


def run_stdio(
    server: McpServer,
    reader: FirstReader,
    *,
    close: Callable[[], Awaitable[None]],
    wait_for_pairs: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Run `serve_stdio` in a process of its own, with the garbage collector set for it."""
    gc.freeze()  # what was imported and read stays; see __main__
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
    asyncio.run(serve_stdio(server, reader, close=close, wait_for_pairs=wait_for_pairs))
