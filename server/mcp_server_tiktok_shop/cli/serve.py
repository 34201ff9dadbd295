"""The command `serve`: serves MCP on standard input and output, or over HTTP to the assistants of this computer."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress
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
from mcp_server_tiktok_shop.protocol.address import DEFAULT_HOST, DEFAULT_PORT, make_url
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS
from mcp_server_tiktok_shop.state.files.bearer_token import get_bearer_token

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.settings import Settings

BLOCK_CLIENT = "claude-code"  # whose form most clients take


@click.command("serve")
@click.option("--http", "over_http", is_flag=True, help="Over HTTP, instead of standard input and output.")
@click.option(
    "--host", type=click.Choice(LOOPBACK_HOSTS), default=DEFAULT_HOST, show_default=True, help="This computer's own."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option("--new-token", is_flag=True, help="Make a new bearer token: the one before is let in no longer.")
@click.pass_obj
def serve_assistants(settings: Settings, /, *, over_http: bool, host: str, port: int, new_token: bool) -> None:
    """Serve assistants until Ctrl-C; over HTTP any number of them at once.

    Over HTTP this computer alone is served, and only who bears the token that is made at the first start and kept in
    the home folder. `config --client NAME --http` prints what a chat client wants.
    """
    if over_http:
        _serve_http(settings, host, port, is_token_new=new_token)
        return
    from mcp_server_tiktok_shop.cli.stdio import serve_stdio  # noqa: PLC0415 - help needs no server

    serve_stdio(settings)


def _serve_http(settings: Settings, host: str, port: int, *, is_token_new: bool) -> None:
    from mcp_server_tiktok_shop.protocol.http import build_http_app, build_web_server  # noqa: PLC0415 - help needs no server
    from mcp_server_tiktok_shop.protocol.server import GC_THRESHOLDS  # noqa: PLC0415

    token_path = settings.home_folder.bearer_token_path
    is_first = is_token_new or not token_path.exists()
    try:
        token = get_bearer_token(token_path, is_renewed=is_token_new)
    except ShopError as error:
        raise CommandError(f"{error.message} {error.hint}") from None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None
    port = listener.getsockname()[1]
    server_app = build_server_app(settings)
    logs.configure_logging(server_app.guard, settings.log_level)
    output = Output(server_app.guard)
    url = make_url(host, port)
    output.print_line(f"Serving MCP on {url} for this computer, until Ctrl-C.", err=True)
    if is_first or output.is_at_terminal:  # who starts a server may see its token, and a log that is kept may not
        name = SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME
        block = build_block(CLIENTS[BLOCK_CLIENT], RemoteServer(name, url, token))
        output.print_line(FORMATS[CLIENTS[BLOCK_CLIENT].format].render(block))
    server_app.secrets.register_secrets(token)
    way_on = f"Other clients: mcp-server-tiktok-shop config --client NAME --http --port {port}"
    output.print_line(f"The token lies in {token_path}. {way_on}", err=True)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
    with suppress(KeyboardInterrupt):  # the server has ended in order by then
        web_server = build_web_server(build_http_app(server_app.build_server(), token, port))
        asyncio.run(web_server.serve(sockets=[listener]))
