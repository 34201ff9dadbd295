"""The command `serve`: serves MCP on standard input and output, or over HTTP."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
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
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.http import Authorizer
    from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics
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
    identity provider gave an access token is served instead.
    """
    if over_http:
        _check_address(settings, host, is_token_new=new_token)
        listener = _open_listener(host, port)
        view = _prepare_view(host, metrics_port, access_log)
        if settings.http_issuer:
            _serve_signed_in(settings, listener, view, host)
        else:
            _serve_computer(settings, listener, view, make_url(host, _get_port(listener)), is_token_new=new_token)
        return
    if metrics_port is not None or access_log is not None:
        raise CommandError("--metrics-port and --access-log are for a server that many use: they go with --http")
    from mcp_server_tiktok_shop.cli.stdio import serve_stdio  # noqa: PLC0415 - help needs no server

    serve_stdio(settings)


@dataclass(frozen=True, slots=True)
class OperatorView:
    """How who operates a server sees what it does; `metrics` are told at a listener of their own."""

    metrics: PrometheusMetrics | None
    listener: socket.socket | None
    access_log_path: Path | None

    def open_log(self, server_app: App) -> AccessLog | None:
        if self.access_log_path is None:
            return None
        from mcp_server_tiktok_shop.protocol.access_log import open_access_log  # noqa: PLC0415 - help needs no server

        path = None if str(self.access_log_path) == "-" else self.access_log_path
        try:
            return open_access_log(path, server_app.guard.guard_log_text)
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from None


def _prepare_view(host: str, metrics_port: int | None, access_log_path: Path | None) -> OperatorView:
    if metrics_port is None:
        return OperatorView(None, None, access_log_path)
    try:
        from mcp_server_tiktok_shop.protocol.prometheus import PrometheusMetrics  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        raise CommandError("--metrics-port wants the extra `team`: install mcp-server-tiktok-shop[team]") from None
    return OperatorView(PrometheusMetrics(), _open_listener(host, metrics_port), access_log_path)


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


def _open_listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None


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
    server_app = build_server_app(settings, metrics=view.metrics)
    logs.configure_logging(server_app.guard, settings.log_level)
    output = Output(server_app.guard)
    output.print_line(f"Serving MCP on {url} for this computer, until Ctrl-C.", err=True)
    if is_first or output.is_at_terminal:  # who starts a server may see its token, and a log that is kept may not
        name = SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME
        block = build_block(CLIENTS[BLOCK_CLIENT], RemoteServer(name, url, token))
        output.print_line(FORMATS[CLIENTS[BLOCK_CLIENT].format].render(block))
    server_app.secrets.register_secrets(token)
    way_on = f"Other clients: mcp-server-tiktok-shop config --client NAME --http --port {_get_port(listener)}"
    output.print_line(f"The token lies in {token_path}. {way_on}", err=True)
    _run(server_app, SharedToken(token), listener, view)


def _serve_signed_in(settings: Settings, listener: socket.socket, view: OperatorView, host: str) -> None:
    """Serve who has an access token of the operator's identity provider."""
    from mcp_server_tiktok_shop.protocol.oauth.resource_server import build_resource_server  # noqa: PLC0415

    public_url = settings.http_url or f"http://{join_address(host, _get_port(listener))}"
    server_app = build_server_app(settings, metrics=view.metrics)
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
        f"It listens on port {_get_port(listener)}.",
        err=True,
    )
    _run(server_app, resource_server, listener, view, public_url)


def _run(
    server_app: App, authorizer: Authorizer, listener: socket.socket, view: OperatorView, public_url: str = ""
) -> None:
    from mcp_server_tiktok_shop.protocol.http import build_http_app  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.operating import METRICS_PATH, Operating  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.readiness import Readiness  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.server import GC_THRESHOLDS  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.web_server import build_web_server  # noqa: PLC0415

    access_log = view.open_log(server_app)
    readiness = Readiness(
        required={
            "state": server_app.find_home_fault,
            "app": server_app.find_app_fault,
            "identity_provider": authorizer.find_fault,
        },
        advised={"account": server_app.find_account_fault},
    )
    operating = Operating(readiness)
    listeners = [listener]
    if view.metrics is not None and view.listener is not None:
        host, metrics_port = view.listener.getsockname()[:2]
        operating = Operating(
            readiness, metrics=view.metrics, tell_metrics=view.metrics.tell, metrics_port=metrics_port
        )
        listeners.append(view.listener)
        text = f"Metrics are told at http://{join_address(host, metrics_port)}{METRICS_PATH}."
        Output(server_app.guard).print_line(text, err=True)

    async def serve() -> None:
        mcp_server = server_app.build_server(access_log=access_log)
        port = _get_port(listener)
        async with take_webhooks(server_app, port) as webhooks:
            http_app = build_http_app(mcp_server, authorizer, port, public_url, operating, webhooks)
            try:
                await build_web_server(http_app, operating.drain).serve(sockets=listeners)
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
