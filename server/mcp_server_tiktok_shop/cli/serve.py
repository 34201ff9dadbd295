"""The command `serve`: serves MCP on standard input and output, or over HTTP."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.cli.client_configs.blocks import SANDBOX_SERVER_NAME, SERVER_NAME, RemoteServer, build_block
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.address import DEFAULT_HOST, DEFAULT_PORT, MCP_PATH, join_address, make_url
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS, WEBHOOK_PATH
from mcp_server_tiktok_shop.state.files.bearer_token import get_bearer_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.protocol.http import Authorizer
    from mcp_server_tiktok_shop.protocol.webhooks import WebhookReceiver
    from mcp_server_tiktok_shop.settings import Settings

BLOCK_CLIENT = "claude-code"  # whose form most clients take


@click.command("serve")
@click.option("--http", "over_http", is_flag=True, help="Over HTTP, instead of standard input and output.")
@click.option(
    "--host",
    default=DEFAULT_HOST,
    show_default=True,
    help="Address to listen on: this computer's own, or with --http-issuer any.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option("--new-token", is_flag=True, help="Make a new bearer token: the one before is let in no longer.")
@click.pass_obj
def serve_assistants(settings: Settings, /, *, over_http: bool, host: str, port: int, new_token: bool) -> None:
    """Serve assistants until Ctrl-C; over HTTP any number of them at once.

    Over HTTP this computer alone is served, and only who bears the token that is made at the first start and kept in
    the home folder. `config --client NAME --http` prints what a chat client wants. With --http-issuer whoever that
    identity provider gave an access token is served instead.
    """
    if over_http:
        _serve_http(settings, host, port, is_token_new=new_token)
        return
    from mcp_server_tiktok_shop.cli.stdio import serve_stdio  # noqa: PLC0415 - help needs no server

    serve_stdio(settings)


def _serve_http(settings: Settings, host: str, port: int, *, is_token_new: bool) -> None:
    if settings.http_issuer and is_token_new:
        raise CommandError("--new-token makes a token of this server's own, and with --http-issuer it lets in none")
    if host not in LOOPBACK_HOSTS and not settings.http_issuer:
        raise CommandError(
            f"{host} can be reached from other computers: set --http-issuer and --http-url, so that people sign in, or "
            f"take one of {', '.join(LOOPBACK_HOSTS)}"
        )
    if host not in LOOPBACK_HOSTS and not settings.http_url:
        raise CommandError("--http-url is missing: the address by which clients elsewhere reach this server")
    listener = _open_listener(host, port)
    port = listener.getsockname()[1]
    if settings.http_issuer:
        _serve_signed_in(settings, listener, settings.http_url or f"http://{join_address(host, port)}")
    else:
        _serve_computer(settings, listener, make_url(host, port), is_token_new=is_token_new)


def _open_listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None


def _serve_computer(settings: Settings, listener: socket.socket, url: str, *, is_token_new: bool) -> None:
    """Serve who bears the token of this computer."""
    from mcp_server_tiktok_shop.protocol.http import SharedToken  # noqa: PLC0415 - help needs no server

    token_path = settings.home_folder.bearer_token_path
    is_first = is_token_new or not token_path.exists()
    try:
        token = get_bearer_token(token_path, is_renewed=is_token_new)
    except ShopError as error:
        raise CommandError(f"{error.message} {error.hint}") from None
    server_app = build_server_app(settings)
    logs.configure_logging(server_app.guard, settings.log_level)
    output = Output(server_app.guard)
    output.print_line(f"Serving MCP on {url} for this computer, until Ctrl-C.", err=True)
    if is_first or output.is_at_terminal:  # who starts a server may see its token, and a log that is kept may not
        name = SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME
        block = build_block(CLIENTS[BLOCK_CLIENT], RemoteServer(name, url, token))
        output.print_line(FORMATS[CLIENTS[BLOCK_CLIENT].format].render(block))
    server_app.secrets.register_secrets(token)
    way_on = f"Other clients: mcp-server-tiktok-shop config --client NAME --http --port {listener.getsockname()[1]}"
    output.print_line(f"The token lies in {token_path}. {way_on}", err=True)
    _run(server_app, SharedToken(token), listener)


def _serve_signed_in(settings: Settings, listener: socket.socket, public_url: str) -> None:
    """Serve who has an access token of the operator's identity provider."""
    from mcp_server_tiktok_shop.protocol.oauth.resource_server import build_resource_server  # noqa: PLC0415

    server_app = build_server_app(settings)
    logs.configure_logging(server_app.guard, settings.log_level)
    resource_server = build_resource_server(
        settings.http_issuer,
        public_url,
        audience=settings.http_audience,
        jwks_url=settings.http_jwks_url,
        proxy=settings.proxy,
        operations=server_app.operations,
    )
    Output(server_app.guard).print_line(
        f"Serving MCP on {public_url}{MCP_PATH} for who signs in at {settings.http_issuer}, until Ctrl-C. "
        f"It listens on port {listener.getsockname()[1]}.",
        err=True,
    )
    _run(server_app, resource_server, listener, public_url)


def _run(server_app: App, authorizer: Authorizer, listener: socket.socket, public_url: str = "") -> None:
    from mcp_server_tiktok_shop.protocol.http import build_http_app, build_web_server  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.server import GC_THRESHOLDS  # noqa: PLC0415

    async def serve() -> None:
        port = listener.getsockname()[1]
        async with take_webhooks(server_app, port) as webhooks:
            http_app = build_http_app(server_app.build_server(), authorizer, port, public_url, webhooks)
            try:
                await build_web_server(http_app).serve(sockets=[listener])
            finally:
                await authorizer.close()

    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
    with suppress(KeyboardInterrupt):  # the server has ended in order by then
        asyncio.run(serve())


@asynccontextmanager
async def take_webhooks(server_app: App, port: int) -> AsyncIterator[WebhookReceiver | None]:
    """What takes notifications, where it is set where they come; the simulated shop sends its own."""
    url = server_app.settings.http_webhook_url
    if not url:
        yield None
        return
    from mcp_server_tiktok_shop.protocol.webhooks import WebhookReceiver  # noqa: PLC0415 - where they are wanted

    worker = server_app.notification_worker
    worker.start()
    receiver = WebhookReceiver(url, port, server_app.tokens.list_apps, server_app.notifications, worker.wake)
    Output(server_app.guard).print_line(f"Webhooks that come by {url} are taken at {WEBHOOK_PATH}.", err=True)
    sending = server_app.send_webhooks(f"http://{DEFAULT_HOST}:{port}") if server_app.send_webhooks else nullcontext()
    async with sending:
        yield receiver
