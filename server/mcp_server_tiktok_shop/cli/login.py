"""Takes a person at the terminal through signing in a seller's account, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from mcp_server_tiktok_shop import proxies
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT_ID_PREFIX, PartnerApp
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.app import App
    from mcp_server_tiktok_shop.state.accounts import Account


async def sign_in(server_app: App, *, own_proxy: bool) -> int:
    """Ask for what is missing, show the link, take the answer, store what follows."""
    _set_aside_unreadable_store(server_app)
    app = _prompt_for_app(server_app)
    proxy = _prompt_for_proxy() if own_proxy else None
    click.echo("\nOpen this address, sign in as the seller, and agree:\n")
    click.echo(f"  {await server_app.sign_in.create_link(app.service_id, app.region)}\n")
    click.echo("You are sent to your app's redirect address. It may not show a page; its address holds the code.")
    redirect_or_code = click.prompt("Paste that whole address, or the code", hide_input=False)
    account = await server_app.sign_in.finish(redirect_or_code, app=app, proxy=proxy)
    click.echo(f"\nSigned in: {account.name or account.id}.")
    for shop in account.shops or ():
        click.echo(f"  {shop.label}  {shop.region}  {shop.id}")
    if not account.shops:
        click.echo("  The authorization opens no shop yet.")
    click.echo("\nSet up your chat client with: mcp-server-tiktok-shop config --client claude-desktop")
    return 0


def _set_aside_unreadable_store(server_app: App) -> None:
    """A store that can't be read is kept aside before a new one is made."""
    if isinstance(server_app.store, FileAccountStore) and (backup_path := server_app.store.quarantine_damaged_file()):
        click.echo(f"The old store could not be read; it is kept as {backup_path}.", err=True)


def _prompt_for_app(server_app: App) -> PartnerApp:
    """The app as set, as stored, or as typed: the secret without echo."""
    settings, stored_app = server_app.settings, server_app.store.read().app
    key = settings.app_key or (stored_app.key if stored_app else "") or click.prompt("App key").strip()
    secret = settings.app_secret.get_secret_value()
    if not secret and stored_app is not None and stored_app.key == key:
        secret = stored_app.secret.get_secret_value()
    secret = secret or click.prompt("App secret", hide_input=True).strip()
    if not key or not secret:
        raise ShopError("not_configured", "An app key and an app secret are needed.")
    server_app.secrets.register_secrets(secret)
    service_id = settings.service_id or (stored_app.service_id if stored_app else "")
    service_id = service_id or click.prompt("Service id (Partner Center shows it beside the app key)").strip()
    region = settings.region or (stored_app.region if stored_app else "")
    if not region:
        choice = click.Choice(["us", "row"])
        region = click.prompt("Is the shop in the United States (us) or elsewhere (row)?", type=choice, default="row")
    return PartnerApp(key=key, secret=SecretStr(secret), service_id=service_id, region=region)


def _prompt_for_proxy() -> SecretStr:
    text = click.prompt(f"Proxy for this account ({proxies.FORMATS_HINT})", hide_input=True)
    try:
        proxies.parse_proxy(text)
    except ValueError as error:
        raise ShopError("not_configured", f"The proxy {error}.") from None
    return SecretStr(text)


async def sign_out(server_app: App, seller: str | None, *, forget_all: bool) -> int:
    """Forget one account by its seller's name or a shop's, the only one, or all."""
    if forget_all:
        async with server_app.store.edit() as transaction:
            transaction.app, transaction.accounts = None, {}
            await transaction.save()
        click.echo("Forgot every account, and the app's key and secret.")
        return 0
    accounts = [a for a in server_app.store.read().accounts.values() if not a.id.startswith(ENVIRONMENT_ID_PREFIX)]
    matches = accounts if seller is None else [account for account in accounts if _has_name(account, seller)]
    if len(matches) != 1:
        names = ", ".join(account.name or account.id for account in accounts) or "none"
        hint = f"Signed in: {names}. Name one of them, or use --all."
        raise ShopError("not_found", "Which account is meant is not clear.", hint=hint)
    await server_app.tokens.remove_account(matches[0].id)
    click.echo(f"Forgot the tokens of {matches[0].name or matches[0].id} on this computer.")
    return 0


def _has_name(account: Account, name: str) -> bool:
    names = {account.id, account.name, *(n for shop in account.shops or () for n in (shop.id, shop.name))}
    return name.casefold() in {n.casefold() for n in names if n}
