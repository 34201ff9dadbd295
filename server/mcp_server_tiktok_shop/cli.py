"""The command `mcp-server-tiktok-shop`: puts the parts together and serves, or helps a person to set it up."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from mcp_server_tiktok_shop import __version__, log
from mcp_server_tiktok_shop.assistant.files import Files
from mcp_server_tiktok_shop.assistant.local.connection import Connection
from mcp_server_tiktok_shop.assistant.local.labels import Labels
from mcp_server_tiktok_shop.assistant.local.shop_list import ShopList
from mcp_server_tiktok_shop.assistant.local.sign_in import SignIn
from mcp_server_tiktok_shop.assistant.run import Assistant
from mcp_server_tiktok_shop.assistant.server import run_stdio, serve
from mcp_server_tiktok_shop.catalog.reader import Catalog
from mcp_server_tiktok_shop.clients import CLIENTS, block, command
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.settings import SETTINGS, Settings, SettingsError, read_settings
from mcp_server_tiktok_shop.tiktok.accounts import ENVIRONMENT, Account, Shop
from mcp_server_tiktok_shop.tiktok.authorization import App, AuthHost
from mcp_server_tiktok_shop.tiktok.documents import Documents, HandedOut
from mcp_server_tiktok_shop.tiktok.network import Network
from mcp_server_tiktok_shop.tiktok.platform import Platform, Rim
from mcp_server_tiktok_shop.tiktok.requests import ApiHost
from mcp_server_tiktok_shop.tiktok.store import FileStore, MemoryStore
from mcp_server_tiktok_shop.tiktok.tokens import Tokens, lineage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server import Server

    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.tiktok.store import Store

REAL = Rim(time.time, time.monotonic)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of."""

    assistant: Assistant
    tokens: Tokens
    network: Network
    secrets: log.Secrets
    one_shop: bool

    def server(self) -> Server[Any]:
        return serve(self.assistant, self.secrets, list_shop=not self.one_shop, close=self.close)

    async def close(self) -> None:
        await self.tokens.settle()
        await self.network.close()


def put_together(
    settings: Settings, *, rim: Rim = REAL, sandbox: Sandbox | None = None, deadline: float = 45.0
) -> Parts:
    """Everything that serves an assistant, by its settings.

    In sandbox mode `sandbox` is the simulated shop to use; one is made where none is given.
    """
    secrets = log.Secrets()
    network = Network(proxy=settings.proxy, loopback=settings.loopback)
    store: Store = FileStore(settings.home)
    if settings.sandbox:
        settings, store, network = _simulated(settings, rim, sandbox)
    app = _app(settings)
    secrets.learn(*(s.get_secret_value() for s in (settings.app_secret, settings.access_token, settings.refresh_token)))
    if settings.proxy is not None:
        secrets.learn(settings.proxy.password.get_secret_value())

    catalog = Catalog()
    auth = AuthHost(network, settings.auth_url)
    tokens = Tokens(store, auth, app, rim.clock, _given(settings), secrets.learn)
    api = ApiHost(network, settings.api_url, rim.clock)
    authorized_shops = catalog.operations["get_authorized_shops"]
    platform = Platform(api, tokens, rim, catalog.error, authorized_shops, deadline)

    made = (settings.state / "labels", settings.state / "files")
    files = Files((settings.folder, made[0]), settings.home, made)
    handed_out = HandedOut(settings.state / "documents.txt", rim.clock)
    documents = Documents(network, loopback=settings.loopback)
    sign_in = SignIn(tokens, auth, platform.shops, catalog.error, secrets.learn)
    local: dict[str, Any] = {}
    assistant = Assistant(
        catalog, platform, files, handed_out, local, settings.time_zone, settings.read_only, settings.sandbox
    )
    local |= {
        "check_connection": Connection(network, settings.api_url, settings.auth_url, tokens, platform.shops, rim),
        "exchange_authorization_code": sign_in.exchange,
        "list_shops": ShopList(platform.shops, settings.time_zone),
        "refresh_access_token": sign_in.renew,
        "resize_pdf": Labels(files, documents, handed_out, made[0], assistant.document, rim.clock),
    }
    return Parts(assistant, tokens, network, secrets, _knows_one_shop(settings, store))


def _app(settings: Settings) -> App | None:
    if not settings.app_key or not settings.app_secret.get_secret_value():
        return None
    return App(settings.app_key, settings.app_secret)


def _given(settings: Settings) -> Account | None:
    """The account that the environment's tokens make up."""
    if settings.sandbox or not settings.access_token.get_secret_value():
        return None
    return Account(
        id=ENVIRONMENT,
        app_key=settings.app_key,
        access_token=settings.access_token,
        refresh_token=settings.refresh_token,
        lineage=lineage(settings.access_token, settings.refresh_token),
    )


def _simulated(settings: Settings, rim: Rim, sandbox: Sandbox | None) -> tuple[Settings, Store, Network]:
    """The simulated shop in place of network, keys and store: nothing real is read or written."""
    application: Any = sandbox.app if sandbox is not None else None
    if sandbox is None:
        from mcp_server_tiktok_shop.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

        sandbox = Sandbox(shops=settings.sandbox_shops, clock=rim.clock)
        application = sandbox.app
    accounts = {
        account.open_id: Account(
            id=account.open_id,
            app_key=sandbox.app_key,
            name=account.name,
            region=account.region,
            access_token=SecretStr(account.access_token),
            access_token_expire_in=account.access_token_expire_in,
            refresh_token=SecretStr(account.refresh_token),
            refresh_token_expire_in=account.refresh_token_expire_in,
            granted_scopes=tuple(account.granted_scopes),
            shops=tuple(
                Shop(
                    id=s.id,
                    name=s.name,
                    region=s.region,
                    seller_type=s.seller_type,
                    code=s.code,
                    cipher=SecretStr(s.cipher),
                )
                for s in account.shops
            ),
        )
        for account in sandbox.accounts
    }
    simulated = replace(
        settings,
        app_key=sandbox.app_key,
        app_secret=SecretStr(sandbox.app_secret),
        access_token=SecretStr(""),
        refresh_token=SecretStr(""),
        proxy=None,
        api_url=sandbox.base_url,
        auth_url=sandbox.base_url,
    )
    return simulated, MemoryStore(accounts), Network(application=application)


def _knows_one_shop(settings: Settings, store: Store) -> bool:
    """Whether `shop` needs no mention, since there is but one."""
    try:
        accounts = store.now()
    except ShopError:  # an unreadable store: each call says so
        return False
    ours = [account for account in accounts.values() if account.app_key == settings.app_key]
    shops = {shop.id for account in ours for shop in account.shops or ()}
    return len(shops) == 1 and all(account.shops is not None for account in ours)


class _Spoken(click.ClickException):
    """A plain sentence on standard error, and exit code 2."""

    exit_code = 2


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for setting in reversed(SETTINGS):
        if setting.secret:
            continue
        told = f"{setting.help} [{setting.variable}]"
        if setting.switch:
            option = click.option(setting.flag, setting.name, is_flag=True, flag_value="true", default=None, help=told)
        else:
            option = click.option(setting.flag, setting.name, default=None, help=told)
        command = option(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@_options
@click.version_option(__version__, prog_name="mcp-server-tiktok-shop")
@click.pass_context
def main(context: click.Context, /, **flags: str | None) -> None:
    """Serve a TikTok Shop to an assistant, over MCP on standard input and output.

    Try it without an account: mcp-server-tiktok-shop --sandbox. Secrets are given by environment variables
    (TIKTOK_SHOP_APP_SECRET, ...) or files (TIKTOK_SHOP_APP_SECRET_FILE), never by flags.
    """
    try:
        settings = read_settings(os.environ, flags)
    except SettingsError as error:
        raise _Spoken(str(error)) from None
    context.obj = settings
    if context.invoked_subcommand is None:
        _serve(settings)


def _serve(settings: Settings) -> None:
    if sys.stdin.isatty():
        told = (
            "Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.\n"
            "To set up a client: mcp-server-tiktok-shop config --client claude-desktop"
        )
        click.echo(told, err=True)
    parts = put_together(settings)
    log.set_up(parts.secrets, settings.log_level)
    run_stdio(parts.server(), era=settings.era)


@main.command()
@click.option("--client", type=click.Choice(list(CLIENTS)), required=True, help="The chat client to set up.")
@click.option("--sandbox", is_flag=True, help="An entry on the simulated shop: nothing to fill in.")
@click.pass_obj
def config(settings: Settings, client: str, *, sandbox: bool) -> None:
    """Print what to paste into a chat client's configuration."""
    click.echo(CLIENTS[client], err=True)
    click.echo(block(client, sandbox=sandbox or settings.sandbox, start=command()))


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--shops", type=click.Choice(["1", "3"]), default="1", show_default=True, help="3: two accounts.")
@click.option("--orders", type=click.IntRange(1, 200_000), default=300, show_default=True, help="In the main shop.")
def sandbox(port: int, shops: str, orders: int) -> None:
    """Serve the simulated shop over HTTP on this computer, for any client."""
    from mcp_server_tiktok_shop.sandbox.serve import run  # noqa: PLC0415 - only where it is asked for

    def ready(base_url: str, shop: Sandbox) -> None:
        click.echo(f"The simulated shop answers on {base_url} until Ctrl-C. Its keys open nothing else:\n")
        account = shop.accounts[0]
        for name, value in (
            ("API_URL", base_url),
            ("AUTH_URL", base_url),
            ("APP_KEY", shop.app_key),
            ("APP_SECRET", shop.app_secret),
            ("ACCESS_TOKEN", account.access_token),
            ("REFRESH_TOKEN", account.refresh_token),
        ):
            click.echo(f"TIKTOK_SHOP_{name}={value}")

    run(port, shops=int(shops), orders=orders, on_ready=ready)


@main.command()
def demo() -> None:
    """Watch an assistant's session against the simulated shop."""
    from mcp_server_tiktok_shop.demo import play  # noqa: PLC0415

    raise SystemExit(play(command()))
