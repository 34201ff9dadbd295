"""Takes a person at the terminal through signing in a seller's account, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from mcp_server_tiktok_shop import proxies
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.account_store import FileStore
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT, App

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.app import Parts
    from mcp_server_tiktok_shop.state.accounts import Account


async def sign_in(parts: Parts, *, own_proxy: bool) -> int:
    """Ask for what is missing, show the link, take the answer, store what follows."""
    _make_room(parts)
    app = _asked_app(parts)
    proxy = _asked_proxy() if own_proxy else None
    click.echo("\nOpen this address, sign in as the seller, and agree:\n")
    click.echo(f"  {parts.sign_in.link(app.service_id, app.region)}\n")
    click.echo("You are sent to your app's redirect address. It may not show a page; its address holds the code.")
    pasted = click.prompt("Paste that whole address, or the code", hide_input=False)
    account = await parts.sign_in.finish(pasted, app=app, proxy=proxy)
    click.echo(f"\nSigned in: {account.name or account.id}.")
    for shop in account.shops or ():
        click.echo(f"  {shop.label}  {shop.region}  {shop.id}")
    if not account.shops:
        click.echo("  The authorization opens no shop yet.")
    click.echo("\nSet up your chat client with: mcp-server-tiktok-shop config --client claude-desktop")
    return 0


def _make_room(parts: Parts) -> None:
    """A store that can't be read is kept aside before a new one is made."""
    if isinstance(parts.store, FileStore) and (aside := parts.store.set_aside()):
        click.echo(f"The old store could not be read; it is kept as {aside}.", err=True)


def _asked_app(parts: Parts) -> App:
    """The app as set, as stored, or as typed: the secret without echo."""
    settings, kept = parts.settings, parts.store.now().app
    key = settings.app_key or (kept.key if kept else "") or click.prompt("App key").strip()
    secret = settings.app_secret.get_secret_value()
    if not secret and kept is not None and kept.key == key:
        secret = kept.secret.get_secret_value()
    secret = secret or click.prompt("App secret", hide_input=True).strip()
    if not key or not secret:
        raise ShopError("not_configured", "An app key and an app secret are needed.")
    parts.secrets.learn(secret)
    service_id = settings.service_id or (kept.service_id if kept else "")
    service_id = service_id or click.prompt("Service id (Partner Center shows it beside the app key)").strip()
    region = settings.region or (kept.region if kept else "")
    if not region:
        choice = click.Choice(["us", "row"])
        region = click.prompt("Is the shop in the United States (us) or elsewhere (row)?", type=choice, default="row")
    return App(key=key, secret=SecretStr(secret), service_id=service_id, region=region)


def _asked_proxy() -> SecretStr:
    text = click.prompt(f"Proxy for this account ({proxies.FORMS})", hide_input=True)
    try:
        proxies.parse(text)
    except ValueError as error:
        raise ShopError("not_configured", f"The proxy {error}.") from None
    return SecretStr(text)


async def sign_out(parts: Parts, seller: str | None, *, every: bool) -> int:
    """Forget one account by its seller's name or a shop's, the only one, or all."""
    if every:
        async with parts.store.held() as held:
            held.app, held.accounts = None, {}
            await held.save()
        click.echo("Forgot every account, and the app's key and secret.")
        return 0
    accounts = [a for a in parts.store.now().accounts.values() if not a.id.startswith(ENVIRONMENT)]
    chosen = accounts if seller is None else [account for account in accounts if _goes_by(account, seller)]
    if len(chosen) != 1:
        names = ", ".join(account.name or account.id for account in accounts) or "none"
        hint = f"Signed in: {names}. Name one of them, or use --all."
        raise ShopError("not_found", "Which account is meant is not clear.", hint=hint)
    await parts.tokens.forget(chosen[0].id)
    click.echo(f"Forgot the tokens of {chosen[0].name or chosen[0].id} on this computer.")
    return 0


def _goes_by(account: Account, name: str) -> bool:
    names = {account.id, account.name, *(n for shop in account.shops or () for n in (shop.id, shop.name))}
    return name.casefold() in {n.casefold() for n in names if n}
