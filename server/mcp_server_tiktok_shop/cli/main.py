"""The command `mcp-server-tiktok-shop`: serves an assistant, or helps a person to set it up and to look after it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop import __version__, logs
from mcp_server_tiktok_shop.app import App, build_app
from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.calls.results.truncation import to_json_text
from mcp_server_tiktok_shop.cli.client_configs import CLIENT_INSTRUCTIONS, build_client_config, find_launch_command
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.server import build_server, run_stdio
from mcp_server_tiktok_shop.settings import SETTINGS, SETTINGS_BY_NAME, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mcp_server_tiktok_shop.sandbox import Sandbox

USAGE_EXIT_CODE = 2


class _CommandError(click.ClickException):
    """A plain sentence on standard error, and exit code 2."""

    exit_code = USAGE_EXIT_CODE


def _add_setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for setting in reversed(SETTINGS):
        if setting.is_secret:
            continue
        help_text = f"{setting.help} [{setting.variable}]"
        if setting.is_switch:
            option = click.option(
                setting.flag, setting.name, is_flag=True, flag_value="true", default=None, help=help_text
            )
        else:
            option = click.option(setting.flag, setting.name, default=None, help=help_text)
        command = option(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@_add_setting_options
@click.version_option(__version__, prog_name="mcp-server-tiktok-shop")
@click.pass_context
def main(context: click.Context, /, **flags: str | None) -> None:
    """Serve a TikTok Shop to an assistant, over MCP on standard input and output.

    Try it without an account: mcp-server-tiktok-shop --sandbox. Use your own shop: mcp-server-tiktok-shop login.
    Secrets are given by environment variables (TIKTOK_SHOP_APP_SECRET, ...) or files
    (TIKTOK_SHOP_APP_SECRET_FILE), never by flags.
    """
    try:
        settings = read_settings(os.environ, flags)
    except SettingsError as error:
        raise _CommandError(str(error)) from None
    context.obj = settings
    explicit_flags = {name: text for name, text in flags.items() if text is not None and name != "sandbox"}
    context.meta["flags"] = [
        part
        for name, text in explicit_flags.items()
        for part in (
            [SETTINGS_BY_NAME[name].flag] if SETTINGS_BY_NAME[name].is_switch else [SETTINGS_BY_NAME[name].flag, text]
        )
    ]
    if context.invoked_subcommand is None:
        _serve(settings)
    gc.enable()  # off since the start, see __main__


def _serve(settings: Settings) -> None:
    if sys.stdin.isatty():
        message = (
            "Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.\n"
            "To set up a client: mcp-server-tiktok-shop config --client claude-desktop"
        )
        click.echo(message, err=True)
    server_app = _build_app(settings)
    logs.configure_logging(server_app.secrets, settings.log_level)
    server = build_server(
        server_app.dispatcher, server_app.secrets, list_shop=server_app.has_shop_choice, close=server_app.close
    )
    run_stdio(server, era=settings.era, close=server_app.close)


def _build_app(settings: Settings) -> App:
    try:
        return build_app(settings)
    except SettingsError as error:
        raise _CommandError(str(error)) from None


def _run_with_app(settings: Settings, action: Callable[[App], Coroutine[Any, Any, int]]) -> None:
    """Do a piece of work with all parts, tell a refusal in plain words, and end with its exit code."""
    server_app = _build_app(settings)
    logs.configure_logging(server_app.secrets, "WARNING" if settings.log_level == "INFO" else settings.log_level)

    async def run_action() -> int:
        try:
            return await action(server_app)
        except ShopError as error:
            message = " ".join(filter(None, (error.message, error.hint)))
            click.echo(f"Error: {server_app.secrets.redact_secrets(message)}", err=True)
            return 1
        except OSError as error:
            click.echo(f"Error: {error.strerror or type(error).__name__}: {error.filename or ''}", err=True)
            return 1
        finally:
            await server_app.close()

    sys.exit(asyncio.run(run_action()))


@main.command()
@click.option("--own-proxy", is_flag=True, help="Ask for a proxy that this account alone uses.")
@click.pass_obj
def login(settings: Settings, *, own_proxy: bool) -> None:
    """Sign in a seller: key, secret, consent, tokens, shops."""
    from mcp_server_tiktok_shop.cli.login import sign_in  # noqa: PLC0415

    _run_with_app(settings, lambda server_app: sign_in(server_app, own_proxy=own_proxy))


@main.command()
@click.argument("seller", required=False)
@click.option("--all", "every", is_flag=True, help="Forget every account, and the app's key and secret.")
@click.pass_obj
def logout(settings: Settings, seller: str | None, *, every: bool) -> None:
    """Forget a seller's tokens on this computer. The platform keeps the authorization until the seller ends it."""
    from mcp_server_tiktok_shop.cli.login import sign_out  # noqa: PLC0415

    _run_with_app(settings, lambda server_app: sign_out(server_app, seller, forget_all=every))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def shops(settings: Settings, *, as_json: bool) -> None:
    """Name the shops that this server can act on."""

    async def print_shops(server_app: App) -> int:
        rows = (await server_app.dispatcher.local_tools["list_shops"]({}, None, NON_INTERACTIVE_CALLER))["shops"]
        if as_json:
            click.echo(json.dumps({"shops": rows}, ensure_ascii=False, indent=2))
        for shop in () if as_json else rows:
            expires = shop.get("access_token_expires", "at an unknown time")
            account_text = f"account {shop.get('account', 'unnamed')}, token until {expires}"
            click.echo(f"{shop['name']}  {shop['region']}  {shop['id']}  ({account_text})")
        return 0

    _run_with_app(settings, print_shops)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def check(settings: Settings, *, as_json: bool) -> None:
    """Find out what is wrong, and what to do about it."""
    from mcp_server_tiktok_shop.cli.check import run_checks  # noqa: PLC0415

    _run_with_app(settings, lambda server_app: run_checks(server_app, as_json=as_json))


@main.command()
@click.argument("operation")
@click.option("--arguments", default="{}", help="A JSON object, or - to read it from standard input.")
@click.option("--indent", is_flag=True, help="JSON for people.")
@click.option("--yes", "agreed", is_flag=True, help="Do not ask before a write.")
@click.pass_obj
def call(settings: Settings, operation: str, arguments: str, *, indent: bool, agreed: bool) -> None:
    """Call an operation as an assistant would; exit code 1 if it is refused."""
    from mcp_server_tiktok_shop.cli.terminal import TerminalCaller  # noqa: PLC0415

    try:
        parsed_arguments = json.loads(sys.stdin.read() if arguments == "-" else arguments)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise _CommandError(f"--arguments is not JSON: {reason}") from None
    if not isinstance(parsed_arguments, dict):
        raise _CommandError("--arguments is not a JSON object")

    async def print_result(server_app: App) -> int:
        exit_code = 0
        try:
            result = await server_app.dispatcher.call(operation, parsed_arguments, TerminalCaller(assume_yes=agreed))
        except ShopError as error:
            result, exit_code = error.to_json(), 1
        click.echo(server_app.secrets.redact_secrets(json.dumps(result, indent=2) if indent else to_json_text(result)))
        return exit_code

    _run_with_app(settings, print_result)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="How many, newest last.")
@click.pass_obj
def journal(settings: Settings, *, as_json: bool, last: int) -> None:
    """Tell what was changed from here: every write that was sent, and what came of it."""
    from mcp_server_tiktok_shop.cli.terminal import format_audit_log  # noqa: PLC0415
    from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog  # noqa: PLC0415

    audit_log = FileAuditLog(settings.home_folder.audit_log_path)
    try:
        entries = asyncio.run(audit_log.read_entries())[-last:]
    except OSError as error:
        raise _CommandError(f"The journal {audit_log.path} can't be read: {error.strerror}.") from None
    if as_json:
        click.echo(json.dumps({"writes": entries}, ensure_ascii=False, indent=2))
        return
    for line in format_audit_log(entries) or ["Nothing was changed from here."]:
        click.echo(line)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def tools(settings: Settings, *, as_json: bool) -> None:
    """List every operation that this server does, by area."""
    dispatcher = _build_app(settings).dispatcher
    operations = [
        operation for operation in dispatcher.catalog.operations.values() if dispatcher.is_available(operation)
    ]
    if as_json:
        rows = [
            {"name": o.name, "area": o.area, "effect": o.effect, "summary": o.record["summary"]} for o in operations
        ]
        click.echo(json.dumps({"tools": rows}, ensure_ascii=False, indent=2))
        return
    for area in dict.fromkeys(operation.area for operation in operations):
        click.echo(f"\n{area}")
        for operation in operations:
            if operation.area == area:
                click.echo(f"  {operation.name}  ({operation.effect})  {operation.record['summary']}")


@main.command()
@click.option(
    "--client", type=click.Choice(list(CLIENT_INSTRUCTIONS)), required=True, help="The chat client to set up."
)
@click.option("--sandbox", is_flag=True, help="An entry on the simulated shop: nothing to fill in.")
@click.pass_context
def config(context: click.Context, /, client: str, *, sandbox: bool) -> None:
    """Print what to paste into a chat client's configuration, with the flags that stand before `config`."""
    settings: Settings = context.obj
    click.echo(CLIENT_INSTRUCTIONS[client], err=True)
    launch_command = [*find_launch_command(), *context.meta["flags"]]
    client_config = build_client_config(
        client,
        sandbox=sandbox or settings.sandbox,
        is_signed_in=_has_stored_app(settings),
        launch_command=launch_command,
    )
    click.echo(client_config)


def _has_stored_app(settings: Settings) -> bool:
    """Whether the store holds an app, so that a client's configuration needs none."""
    try:
        return _build_app(settings).store.read().app is not None
    except ShopError:
        return False


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--shops", type=click.Choice(["1", "3"]), default="1", show_default=True, help="3: two accounts.")
@click.option("--orders", type=click.IntRange(1, 200_000), default=300, show_default=True, help="In the main shop.")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Requests a second let in, by shop and operation."
)
def sandbox(port: int, shops: str, orders: int, rate: float | None) -> None:
    """Serve the simulated shop over HTTP on this computer, for any client."""
    from mcp_server_tiktok_shop.sandbox.serve import run  # noqa: PLC0415 - only where it is asked for

    def print_environment(base_url: str, shop: Sandbox) -> None:
        click.echo(f"The simulated shop answers on {base_url} until Ctrl-C. Its keys open nothing else:\n")
        for name, value in (("API_URL", base_url), ("AUTH_URL", base_url), ("APP_KEY", shop.app_key)):
            click.echo(f"TIKTOK_SHOP_{name}={value}")
        click.echo(f"TIKTOK_SHOP_APP_SECRET={shop.app_secret}")
        for account in shop.accounts:
            click.echo(f"\n# {account.name}: {', '.join(s.name for s in account.shops)}")
            click.echo(f"TIKTOK_SHOP_ACCESS_TOKEN={account.access_token}")
            click.echo(f"TIKTOK_SHOP_REFRESH_TOKEN={account.refresh_token}")

    try:
        run(port, shops=int(shops), orders=orders, requests_per_second=rate, on_ready=print_environment)
    except OSError as error:
        raise _CommandError(f"Port {port} can't be served: {error.strerror}") from None


@main.command()
def demo() -> None:
    """Watch an assistant's session against the simulated shop."""
    from mcp_server_tiktok_shop.cli.demo import play_demo  # noqa: PLC0415

    sys.exit(play_demo(find_launch_command()))
