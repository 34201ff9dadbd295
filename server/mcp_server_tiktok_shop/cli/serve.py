"""The command `serve`: serves MCP on standard input and output, or over HTTP."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.cli.app_runner import build_server_app, load_team_opener
from mcp_server_tiktok_shop.cli.client_configs.blocks import SANDBOX_SERVER_NAME, SERVER_NAME, RemoteServer, build_block
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.operator_view import OperatorView, open_listener, prepare_operating, prepare_view
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.cli.setting_options import ENVIRONMENT_META_KEY
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.protocol.address import DEFAULT_HOST, DEFAULT_PORT, MCP_PATH, join_address, make_url
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS, WEBHOOK_PATH
from mcp_server_tiktok_shop.state.files.bearer_token import get_bearer_token

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.protocol.http import Authorizer
    from mcp_server_tiktok_shop.protocol.sign_in_callback import SignInCallback
    from mcp_server_tiktok_shop.protocol.webhooks import WebhookReceiver
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.teams.tenant_apps import TenantApps

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
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Tell Prometheus at /metrics on this port of the same address what happens (extra `team`). Off by default.",
)
@click.option(
    "--access-log",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write a line of JSON for each call to this file, or with - to standard error: who, which tool, what came of "
    "it, how long; no arguments. Off by default.",
)
@click.pass_obj
def serve_assistants(
    settings: Settings,
    /,
    *,
    over_http: bool,
    host: str,
    port: int,
    new_token: bool,
    metrics_port: int | None,
    access_log: Path | None,
) -> None:
    """Serve assistants until Ctrl-C; over HTTP any number of them at once.

    Over HTTP this computer alone is served, and only who bears the token that is made at the first start and kept in
    the home folder. `config --client NAME --http` prints what a chat client wants. With --http-issuer whoever that
    identity provider gave an access token is served instead. Traces and metrics are sent where
    OTEL_EXPORTER_OTLP_ENDPOINT says (extra `team`).
    """
    if over_http:
        _check_address(settings, host, is_token_new=new_token)
        listener = open_listener(host, port)
        view = prepare_view(host, metrics_port, access_log, click.get_current_context().meta[ENVIRONMENT_META_KEY])
        if settings.database:
            _serve_teams(settings, listener, view, host, is_token_new=new_token)
        elif settings.http_issuer:
            _serve_signed_in(settings, listener, view, host)
        else:
            _serve_computer(settings, listener, view, make_url(host, _get_port(listener)), is_token_new=new_token)
        return
    if metrics_port is not None or access_log is not None:
        raise CommandError("--metrics-port and --access-log are for a server that many use: they go with --http")
    from mcp_server_tiktok_shop.cli.stdio import serve_stdio  # noqa: PLC0415 - help needs no server

    serve_stdio(settings)


def _check_address(settings: Settings, host: str, *, is_token_new: bool) -> None:
    if settings.http_issuer and is_token_new:
        raise CommandError("--new-token makes a token of this server's own, and with --http-issuer it lets in none")
    if host not in LOOPBACK_HOSTS and not settings.http_issuer:
        raise CommandError(
            f"{host} can be reached from other computers: set --http-issuer and --http-url, so that people sign in, or "
            f"take one of {', '.join(LOOPBACK_HOSTS)}"
        )
    if host not in LOOPBACK_HOSTS and not settings.http_url:
        raise CommandError("--http-url is missing: the address by which clients elsewhere reach this server")


def _get_port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _serve_computer(
    settings: Settings, listener: socket.socket, view: OperatorView, url: str, *, is_token_new: bool
) -> None:
    """Serve who bears the token of this computer."""
    from mcp_server_tiktok_shop.protocol.http import SharedToken  # noqa: PLC0415 - help needs no server

    token_path = settings.home_folder.bearer_token_path
    is_first = is_token_new or not token_path.exists()
    try:
        token = get_bearer_token(token_path, is_renewed=is_token_new)
    except ShopError as error:
        raise CommandError(f"{error.message} {error.hint}") from None
    server_app = build_server_app(settings, metrics=view.observer)
    logs.configure_logging(server_app.guard, settings.log_level)
    output = Output(server_app.guard)
    output.print_line(f"Serving MCP on {url} for this computer, until Ctrl-C.", err=True)
    if is_first or output.is_at_terminal:  # who starts a server may see its token, and a log that is kept may not
        _print_block(output, SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME, url, token)
    server_app.secrets.register_secrets(token)
    way_on = f"Other clients: mcp-server-tiktok-shop config --client NAME --http --port {_get_port(listener)}"
    output.print_line(f"The token lies in {token_path}. {way_on}", err=True)
    _run(server_app, SharedToken(token), listener, view)


def _serve_signed_in(settings: Settings, listener: socket.socket, view: OperatorView, host: str) -> None:
    """Serve who has an access token of the operator's identity provider."""
    public_url = settings.http_url or f"http://{join_address(host, _get_port(listener))}"
    server_app = build_server_app(settings, metrics=view.observer)
    logs.configure_logging(server_app.guard, settings.log_level)
    resource_server = _build_resource_server(settings, public_url, server_app.operations)
    Output(server_app.guard).print_line(
        f"Serving MCP on {public_url}{MCP_PATH} for who signs in at {settings.http_issuer}, until Ctrl-C. "
        f"It listens on port {_get_port(listener)}.",
        err=True,
    )
    _run(server_app, resource_server, listener, view, public_url)


def _serve_teams(
    settings: Settings, listener: socket.socket, view: OperatorView, host: str, *, is_token_new: bool
) -> None:
    """Serve with the state that lies in a database, as one of any number of replicas."""
    open_team_state = load_team_opener(settings)
    from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.readiness import Readiness  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.web_server import build_web_server  # noqa: PLC0415
    from mcp_server_tiktok_shop.state.postgres.server_secrets import get_shared_token  # noqa: PLC0415
    from mcp_server_tiktok_shop.teams.tenant_apps import TenantApps  # noqa: PLC0415

    async def serve() -> None:
        async with open_team_state(settings) as state:
            output = Output.from_settings(settings)
            port, token, is_token_shown = _get_port(listener), "", False
            if not settings.http_issuer:
                token, is_new = await get_shared_token(state.database, state.cipher, is_renewed=is_token_new)
                is_token_shown = is_new or output.is_at_terminal
            apps = TenantApps.from_state(state, token, view.observer)
            logs.configure_logging(apps, settings.log_level)
            public_url = settings.http_url
            if settings.http_issuer:
                public_url = public_url or f"http://{join_address(host, port)}"
                authorizer: Authorizer = _build_resource_server(settings, public_url, apps.offer.operations)
            else:
                authorizer = SharedToken(token)
            url = f"{public_url}{MCP_PATH}" if public_url else make_url(host, port)
            output.print_line(f"Serving MCP on {url} for {_describe_callers(settings)}, until Ctrl-C.", err=True)
            if is_token_shown:
                _print_block(output, SERVER_NAME, url, token)
            if token:
                output.print_line("The token lies in the database; every server there lets it in.", err=True)
            advised = {} if state.redis is None else {"redis": state.find_redis_fault}
            required = {"database": state.database.find_fault, "identity_provider": authorizer.find_fault}
            operating, listeners = prepare_operating(Readiness(required, advised), listener, view, output)
            mcp_server = apps.build_server(view.open_log(apps))
            callback = _make_callback(apps, public_url, port)
            webhooks = open_team_webhooks(apps, port, output)
            http_app = build_http_app(mcp_server, authorizer, port, public_url, operating, webhooks, callback=callback)
            _prepare_collector()
            try:
                await build_web_server(http_app, operating.drain).serve(sockets=listeners)
            finally:
                await asyncio.gather(authorizer.close(), view.close())

    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve())
        except SettingsError as error:
            raise CommandError(str(error)) from None
        except ShopError as error:
            raise CommandError(f"{error.message} {error.hint}") from None


def _describe_callers(settings: Settings) -> str:
    return "the tenant that each token names" if settings.http_tenant_claim else f"tenant {settings.tenant}"


def _make_callback(apps: TenantApps, public_url: str, port: int) -> SignInCallback:
    """What takes sellers back who came by a link of `tenant sign-in-link`."""
    from mcp_server_tiktok_shop.protocol.sign_in_callback import SignInCallback  # noqa: PLC0415 - help needs no server
    from mcp_server_tiktok_shop.teams.tenant_sign_in import TenantSignIn  # noqa: PLC0415

    return SignInCallback(public_url, port, TenantSignIn(apps), apps.metrics)


def _build_resource_server(settings: Settings, public_url: str, operations: OperationDirectory) -> Authorizer:
    from mcp_server_tiktok_shop.protocol.oauth.resource_server import build_resource_server  # noqa: PLC0415

    return build_resource_server(
        settings.http_issuer,
        public_url,
        audience=settings.http_audience,
        jwks_url=settings.http_jwks_url,
        tenant_claim=settings.http_tenant_claim,
        proxy=settings.proxy,
        operations=operations,
    )


def _print_block(output: Output, name: str, url: str, token: str) -> None:
    from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS  # noqa: PLC0415 - most starts print none

    block = build_block(CLIENTS[BLOCK_CLIENT], RemoteServer(name, url, token))
    output.print_line(FORMATS[CLIENTS[BLOCK_CLIENT].format].render(block))


def _prepare_collector() -> None:
    from mcp_server_tiktok_shop.protocol.server import GC_THRESHOLDS  # noqa: PLC0415 - help needs no server

    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def _run(
    server_app: App, authorizer: Authorizer, listener: socket.socket, view: OperatorView, public_url: str = ""
) -> None:
    from mcp_server_tiktok_shop.protocol.http import build_http_app  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.readiness import Readiness  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.web_server import build_web_server  # noqa: PLC0415

    access_log = view.open_log(server_app.guard)
    readiness = Readiness(
        required={
            "state": server_app.find_home_fault,
            "app": server_app.find_app_fault,
            "identity_provider": authorizer.find_fault,
        },
        advised={"account": server_app.find_account_fault},
    )
    operating, listeners = prepare_operating(readiness, listener, view, Output(server_app.guard))

    async def serve() -> None:
        mcp_server = server_app.build_server(access_log=access_log)
        port = _get_port(listener)
        async with take_webhooks(server_app, port) as webhooks:
            http_app = build_http_app(mcp_server, authorizer, port, public_url, operating, webhooks)
            try:
                await build_web_server(http_app, operating.drain).serve(sockets=listeners)
            finally:
                await asyncio.gather(authorizer.close(), view.close())

    _prepare_collector()
    with suppress(KeyboardInterrupt):  # the server has ended in order by then
        asyncio.run(serve())


@asynccontextmanager
async def take_webhooks(server_app: App, port: int) -> AsyncIterator[WebhookReceiver | None]:
    """What takes notifications, where it is set where they come; the simulated shop sends its own."""
    url = server_app.settings.http_webhook_url
    if not url:
        yield None
        return
    from mcp_server_tiktok_shop.protocol.webhooks import SoleInbox, WebhookReceiver  # noqa: PLC0415 - where wanted

    worker = server_app.notification_worker
    worker.start()
    inbox = SoleInbox(server_app.tokens.list_apps, server_app.notifications, worker.wake)
    receiver = WebhookReceiver(url, port, inbox, server_app.metrics)
    Output(server_app.guard).print_line(_describe_webhooks(url), err=True)
    sending = server_app.send_webhooks(f"http://{DEFAULT_HOST}:{port}") if server_app.send_webhooks else nullcontext()
    async with sending:
        yield receiver


def open_team_webhooks(apps: TenantApps, port: int, output: Output) -> WebhookReceiver | None:
    """What takes notifications for all tenants, where it is set where they come; it goes when the apps are closed."""
    url = apps.state.settings.http_webhook_url
    if not url:
        return None
    from mcp_server_tiktok_shop.protocol.webhooks import WebhookReceiver  # noqa: PLC0415 - where they are wanted

    output.print_line(_describe_webhooks(url), err=True)
    return WebhookReceiver(url, port, apps.open_inbox(), apps.metrics)


def _describe_webhooks(url: str) -> str:
    return f"Webhooks that come by {url} are taken at {WEBHOOK_PATH}."
