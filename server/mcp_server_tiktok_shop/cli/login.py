"""The command `login`: guides a person at a terminal through signing in a seller's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from mcp_server_tiktok_shop import proxies
from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_app
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.setting_texts import parse_credential
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings

BEGIN_WORDS = (
    "This asks for what is not set yet of the app (key, secret, service id) and for where its shops are, then for the "
    "seller's consent. TikTok checks all of it at the end, when it gives the tokens; until then nothing is stored."
)
ENDED_WORDS = "Not signed in, and nothing was stored: the input ended before all was given. Run login again."


@click.command("login")
@click.option("--own-proxy", is_flag=True, help="Ask for a proxy that this account alone uses.")
@click.pass_obj
def log_in(settings: Settings, *, own_proxy: bool) -> None:
    """Sign in a seller: key, secret, consent, tokens, shops."""

    async def sign_in_whole(server_app: App, output: Output) -> int:
        try:
            return await sign_in(server_app, output, own_proxy=own_proxy)
        except click.Abort:
            output.print_line(f"\n{ENDED_WORDS}", err=True)
            return FAILURE_EXIT_CODE

    run_with_app(settings, sign_in_whole)


async def sign_in(server_app: App, output: Output, *, own_proxy: bool) -> int:
    """Ask for what is missing, print the authorization link, take the code, and store what it is exchanged for."""
    _set_aside_unreadable_store(server_app, output)
    output.print_line(BEGIN_WORDS)
    app = _prompt_for_app(server_app)
    proxy = _prompt_for_proxy() if own_proxy else None
    output.print_line("\nOpen this address, sign in as the seller, and agree:\n")
    output.print_line(f"  {await server_app.sign_in.create_link(app.service_id, app.region)}\n")
    output.print_line(
        "You are sent to your app's redirect address. It may not show a page; its address holds the code."
    )
    redirect_or_code = click.prompt("Paste that whole address, or the code", hide_input=False)
    account = await server_app.sign_in.finish(redirect_or_code, app=app, proxy=proxy)
    output.print_line(f"\nSigned in: {account.name or account.id}.")
    for shop in await server_app.platform.shops.list_account_shops(account):
        output.print_line(f"  {shop.label}  {shop.region}  {shop.id}")
    if not account.shops:
        output.print_line("  The authorization opens no shop yet.")
    output.print_line("\nSet up your chat client with: mcp-server-tiktok-shop config --client claude-desktop")
    return 0


def _set_aside_unreadable_store(server_app: App, output: Output) -> None:
    """A store that can't be read is renamed before a new one takes its place: nothing in it is lost."""
    if isinstance(server_app.store, FileAccountStore) and (backup_path := server_app.store.quarantine_damaged_file()):
        output.print_line(f"The old store could not be read; it is kept as {backup_path}.", err=True)


def _prompt_for_app(server_app: App) -> PartnerApp:
    """The app from settings, store or prompts, in this order; the secret is typed without echo."""
    settings, stored_app = server_app.settings, server_app.store.read().app
    key = settings.app_key or (stored_app.key if stored_app else "") or _prompt_for_credential("App key")
    secret = settings.app_secret.get_secret_value()
    if not secret and stored_app is not None and stored_app.key == key:
        secret = stored_app.secret.get_secret_value()
    secret = secret or _prompt_for_credential("App secret", hide_input=True)
    if not key or not secret:
        raise ShopError("not_configured", "An app key and an app secret are needed.")
    server_app.secrets.register_secrets(secret)
    service_id = settings.service_id or (stored_app.service_id if stored_app else "")
    service_id = service_id or _prompt_for_credential("Service id (Partner Center shows it beside the app key)")
    region = settings.region or (stored_app.region if stored_app else "")
    if not region:
        choice = click.Choice(["us", "row"])
        region = click.prompt("Is the shop in the United States (us) or elsewhere (row)?", type=choice, default="row")
    return PartnerApp(key=key, secret=SecretStr(secret), service_id=service_id, region=region)


def _prompt_for_credential(label: str, *, hide_input: bool = False) -> str:
    """A key, secret or id as it was typed or pasted; asked for again where it can't be one."""

    def parse(text: str) -> str:
        try:
            return parse_credential(text)
        except ValueError as error:
            raise click.UsageError(f"It {error}.") from None

    return str(click.prompt(label, hide_input=hide_input, value_proc=parse))


def _prompt_for_proxy() -> SecretStr:
    text = click.prompt(f"Proxy for this account ({proxies.FORMATS_HINT})", hide_input=True)
    try:
        proxies.parse_proxy(text)
    except ValueError as error:
        raise ShopError("not_configured", f"The proxy {error}.") from None
    return SecretStr(text)
