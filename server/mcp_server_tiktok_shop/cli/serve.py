"""The command `serve`: serves MCP on standard input and output, or over HTTP to the assistants of this computer."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.cli.app_runner import build_server_app, load_team_opener
from mcp_server_tiktok_shop.cli.client_configs.blocks import SANDBOX_SERVER_NAME, SERVER_NAME, RemoteServer, build_block
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
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
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None
    url = make_url(host, listener.getsockname()[1])
    if settings.database:
        _serve_teams(settings, listener, url, is_token_new=is_token_new)
    else:
        _serve_computer(settings, listener, url, is_token_new=is_token_new)


def _serve_computer(settings: Settings, listener: socket.socket, url: str, *, is_token_new: bool) -> None:
    """Serve with the state that lies in the files of this computer."""
    from mcp_server_tiktok_shop.protocol.http import build_http_app, build_web_server  # noqa: PLC0415 - help needs no server

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
        _print_block(output, SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME, url, token)
    server_app.secrets.register_secrets(token)
    port = listener.getsockname()[1]
    way_on = f"Other clients: mcp-server-tiktok-shop config --client NAME --http --port {port}"
    output.print_line(f"The token lies in {token_path}. {way_on}", err=True)
    _prepare_collector()
    with suppress(KeyboardInterrupt):  # the server has ended in order by then
        web_server = build_web_server(build_http_app(server_app.build_server(), token, port))
        asyncio.run(web_server.serve(sockets=[listener]))


def _serve_teams(settings: Settings, listener: socket.socket, url: str, *, is_token_new: bool) -> None:
    """Serve with the state that lies in a database, as one of any number of replicas."""
    open_team_state = load_team_opener(settings)
    from mcp_server_tiktok_shop.protocol.http import build_http_app, build_web_server  # noqa: PLC0415
    from mcp_server_tiktok_shop.state.postgres.server_secrets import get_shared_token  # noqa: PLC0415
    from mcp_server_tiktok_shop.teams import TenantApps  # noqa: PLC0415

    async def serve() -> None:
        async with open_team_state(settings) as state:
            token, is_new = await get_shared_token(state.database, state.cipher, is_renewed=is_token_new)
            apps = TenantApps(state, token)
            logs.configure_logging(apps, settings.log_level)
            output = Output.from_settings(settings)
            output.print_line(f"Serving MCP on {url} for tenant {settings.tenant}, until Ctrl-C.", err=True)
            if is_new or output.is_at_terminal:
                _print_block(output, SERVER_NAME, url, token)
            output.print_line("The token lies in the database; every server there lets it in.", err=True)
            http_app = build_http_app(apps.build_server(), token, listener.getsockname()[1], state)
            _prepare_collector()
            await build_web_server(http_app).serve(sockets=[listener])

    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve())
        except SettingsError as error:
            raise CommandError(str(error)) from None
        except ShopError as error:
            raise CommandError(f"{error.message} {error.hint}") from None


def _print_block(output: Output, name: str, url: str, token: str) -> None:
    block = build_block(CLIENTS[BLOCK_CLIENT], RemoteServer(name, url, token))
    output.print_line(FORMATS[CLIENTS[BLOCK_CLIENT].format].render(block))


def _prepare_collector() -> None:
    from mcp_server_tiktok_shop.protocol.server import GC_THRESHOLDS  # noqa: PLC0415 - help needs no server

    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
