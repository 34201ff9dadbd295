"""The command `mcp-server-tiktok-shop`: serves an assistant, or helps a person to set it up and to look after it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop import __version__, log
from mcp_server_tiktok_shop.assembly import Parts, put_together
from mcp_server_tiktok_shop.assistant.answering.budget import written
from mcp_server_tiktok_shop.assistant.caller import NOBODY
from mcp_server_tiktok_shop.assistant.server import run_stdio, serve
from mcp_server_tiktok_shop.clients import CLIENTS, block, command
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.settings import BY_NAME, SETTINGS, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mcp_server_tiktok_shop.sandbox import Sandbox

WRONG_USE = 2


class _Spoken(click.ClickException):
    """A plain sentence on standard error, and exit code 2."""

    exit_code = WRONG_USE


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

    Try it without an account: mcp-server-tiktok-shop --sandbox. Use your own shop: mcp-server-tiktok-shop login.
    Secrets are given by environment variables (TIKTOK_SHOP_APP_SECRET, ...) or files
    (TIKTOK_SHOP_APP_SECRET_FILE), never by flags.
    """
    try:
        settings = read_settings(os.environ, flags)
    except SettingsError as error:
        raise _Spoken(str(error)) from None
    context.obj = settings
    given = {name: text for name, text in flags.items() if text is not None and name != "sandbox"}
    context.meta["flags"] = [
        part
        for name, text in given.items()
        for part in ([BY_NAME[name].flag] if BY_NAME[name].switch else [BY_NAME[name].flag, text])
    ]
    if context.invoked_subcommand is None:
        _serve(settings)
    gc.enable()  # off since the start, see __main__


def _serve(settings: Settings) -> None:
    if sys.stdin.isatty():
        told = (
            "Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.\n"
            "To set up a client: mcp-server-tiktok-shop config --client claude-desktop"
        )
        click.echo(told, err=True)
    parts = _parts(settings)
    log.set_up(parts.secrets, settings.log_level)
    server = serve(parts.assistant, parts.secrets, list_shop=parts.lists_shop, close=parts.close)
    run_stdio(server, era=settings.era, close=parts.close)


def _parts(settings: Settings) -> Parts:
    try:
        return put_together(settings)
    except SettingsError as error:
        raise _Spoken(str(error)) from None


def _run(settings: Settings, work: Callable[[Parts], Coroutine[Any, Any, int]]) -> None:
    """Do a piece of work with all parts, tell a refusal in plain words, and end with its exit code."""
    parts = _parts(settings)
    log.set_up(parts.secrets, "WARNING" if settings.log_level == "INFO" else settings.log_level)

    async def whole() -> int:
        try:
            return await work(parts)
        except ShopError as error:
            told = " ".join(filter(None, (error.message, error.hint)))
            click.echo(f"Error: {parts.secrets.hide(told)}", err=True)
            return 1
        except OSError as error:
            click.echo(f"Error: {error.strerror or type(error).__name__}: {error.filename or ''}", err=True)
            return 1
        finally:
            await parts.close()

    sys.exit(asyncio.run(whole()))


@main.command()
@click.option("--own-proxy", is_flag=True, help="Ask for a proxy that this account alone uses.")
@click.pass_obj
def login(settings: Settings, *, own_proxy: bool) -> None:
    """Sign in a seller: key, secret, consent, tokens, shops."""
    from mcp_server_tiktok_shop.signing_in import sign_in  # noqa: PLC0415

    _run(settings, lambda parts: sign_in(parts, own_proxy=own_proxy))


@main.command()
@click.argument("seller", required=False)
@click.option("--all", "every", is_flag=True, help="Forget every account, and the app's key and secret.")
@click.pass_obj
def logout(settings: Settings, seller: str | None, *, every: bool) -> None:
    """Forget a seller's tokens on this computer. The platform keeps the authorization until the seller ends it."""
    from mcp_server_tiktok_shop.signing_in import sign_out  # noqa: PLC0415

    _run(settings, lambda parts: sign_out(parts, seller, every=every))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def shops(settings: Settings, *, as_json: bool) -> None:
    """Name the shops that this server can act on."""

    async def work(parts: Parts) -> int:
        told = (await parts.assistant.local["list_shops"]({}, None, NOBODY))["shops"]
        if as_json:
            click.echo(json.dumps({"shops": told}, ensure_ascii=False, indent=2))
        for shop in () if as_json else told:
            expires = shop.get("access_token_expires", "at an unknown time")
            told_by = f"account {shop.get('account', 'unnamed')}, token until {expires}"
            click.echo(f"{shop['name']}  {shop['region']}  {shop['id']}  ({told_by})")
        return 0

    _run(settings, work)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def check(settings: Settings, *, as_json: bool) -> None:
    """Find out what is wrong, and what to do about it."""
    from mcp_server_tiktok_shop.doctor import examine  # noqa: PLC0415

    _run(settings, lambda parts: examine(parts, as_json=as_json))


@main.command()
@click.argument("operation")
@click.option("--arguments", default="{}", help="A JSON object, or - to read it from standard input.")
@click.option("--indent", is_flag=True, help="JSON for people.")
@click.option("--yes", "agreed", is_flag=True, help="Do not ask before a write.")
@click.pass_obj
def call(settings: Settings, operation: str, arguments: str, *, indent: bool, agreed: bool) -> None:
    """Call an operation as an assistant would; exit code 1 if it is refused."""
    from mcp_server_tiktok_shop.terminal import Terminal  # noqa: PLC0415

    try:
        given = json.loads(sys.stdin.read() if arguments == "-" else arguments)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise _Spoken(f"--arguments is not JSON: {why}") from None
    if not isinstance(given, dict):
        raise _Spoken("--arguments is not a JSON object")

    async def work(parts: Parts) -> int:
        failed = 0
        try:
            told = await parts.assistant.run(operation, given, Terminal(agreed=agreed))
        except ShopError as error:
            told, failed = error.told(), 1
        click.echo(parts.secrets.hide(json.dumps(told, indent=2) if indent else written(told)))
        return failed

    _run(settings, work)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="How many, newest last.")
@click.pass_obj
def journal(settings: Settings, *, as_json: bool, last: int) -> None:
    """Tell what was changed from here: every write that was sent, and what came of it."""
    from mcp_server_tiktok_shop.terminal import journal_lines  # noqa: PLC0415
    from mcp_server_tiktok_shop.tiktok.journal import Journal  # noqa: PLC0415

    try:
        entries = Journal(settings.journal).entries()[-last:]
    except OSError as error:
        raise _Spoken(f"The journal {settings.journal} can't be read: {error.strerror}.") from None
    if as_json:
        click.echo(json.dumps({"writes": entries}, ensure_ascii=False, indent=2))
        return
    for line in journal_lines(entries) or ["Nothing was changed from here."]:
        click.echo(line)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def tools(settings: Settings, *, as_json: bool) -> None:
    """List every operation that this server does, by area."""
    assistant = _parts(settings).assistant
    offered = [operation for operation in assistant.catalog.operations.values() if assistant.offers(operation)]
    if as_json:
        rows = [{"name": o.name, "area": o.area, "effect": o.effect, "summary": o.record["summary"]} for o in offered]
        click.echo(json.dumps({"tools": rows}, ensure_ascii=False, indent=2))
        return
    for area in dict.fromkeys(operation.area for operation in offered):
        click.echo(f"\n{area}")
        for operation in offered:
            if operation.area == area:
                click.echo(f"  {operation.name}  ({operation.effect})  {operation.record['summary']}")


@main.command()
@click.option("--client", type=click.Choice(list(CLIENTS)), required=True, help="The chat client to set up.")
@click.option("--sandbox", is_flag=True, help="An entry on the simulated shop: nothing to fill in.")
@click.pass_context
def config(context: click.Context, /, client: str, *, sandbox: bool) -> None:
    """Print what to paste into a chat client's configuration, with the flags that stand before `config`."""
    settings: Settings = context.obj
    click.echo(CLIENTS[client], err=True)
    start = [*command(), *context.meta["flags"]]
    told = block(client, sandbox=sandbox or settings.sandbox, signed_in=_signed_in(settings), start=start)
    click.echo(told)


def _signed_in(settings: Settings) -> bool:
    """Whether the store holds an app, so that a client's configuration needs none."""
    try:
        return _parts(settings).store.now().app is not None
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

    def ready(base_url: str, shop: Sandbox) -> None:
        click.echo(f"The simulated shop answers on {base_url} until Ctrl-C. Its keys open nothing else:\n")
        for name, value in (("API_URL", base_url), ("AUTH_URL", base_url), ("APP_KEY", shop.app_key)):
            click.echo(f"TIKTOK_SHOP_{name}={value}")
        click.echo(f"TIKTOK_SHOP_APP_SECRET={shop.app_secret}")
        for account in shop.accounts:
            click.echo(f"\n# {account.name}: {', '.join(s.name for s in account.shops)}")
            click.echo(f"TIKTOK_SHOP_ACCESS_TOKEN={account.access_token}")
            click.echo(f"TIKTOK_SHOP_REFRESH_TOKEN={account.refresh_token}")

    try:
        run(port, shops=int(shops), orders=orders, requests_per_second=rate, on_ready=ready)
    except OSError as error:
        raise _Spoken(f"Port {port} can't be served: {error.strerror}") from None


@main.command()
def demo() -> None:
    """Watch an assistant's session against the simulated shop."""
    from mcp_server_tiktok_shop.demo import play  # noqa: PLC0415

    sys.exit(play(command()))
