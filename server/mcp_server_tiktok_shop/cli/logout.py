"""The command `logout`: removes an account's tokens, or everything, from this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.cli.app_runner import run_with_app
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT_ID_PREFIX, normalize_name

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.accounts import Account


@click.command("logout")
@click.argument("seller", required=False)
@click.option("--all", "forget_all", is_flag=True, help="Forget every account, and the app's key and secret.")
@click.pass_obj
def log_out(settings: Settings, seller: str | None, *, forget_all: bool) -> None:
    """Forget a seller's tokens on this computer. The platform keeps the authorization until the seller ends it."""

    async def sign_out(server_app: App, output: Output) -> int:
        if forget_all:
            await _remove_everything(server_app, output)
        else:
            await _remove_account(server_app, output, seller)
        return 0

    run_with_app(settings, sign_out)


async def _remove_everything(server_app: App, output: Output) -> None:
    async with server_app.store.edit() as transaction:
        transaction.app, transaction.accounts = None, {}
        await transaction.save()
    output.print_line("Forgot every account, and the app's key and secret.")


async def _remove_account(server_app: App, output: Output, seller: str | None) -> None:
    """Remove the account of this seller, or of a shop of this name; without a name, the only account."""
    accounts = [a for a in server_app.store.read().accounts.values() if not a.id.startswith(ENVIRONMENT_ID_PREFIX)]
    matches = accounts if seller is None else [account for account in accounts if _has_name(account, seller)]
    if len(matches) != 1:
        names = ", ".join(account.name or account.id for account in accounts) or "none"
        hint = f"Signed in: {names}. Name one of them, or use --all."
        raise ShopError("not_found", "Which account is meant is not clear.", hint=hint)
    (account,) = matches
    await server_app.tokens.remove_account(account.id)
    output.print_line(f"Forgot the tokens of {account.name or account.id} on this computer.")


def _has_name(account: Account, name: str) -> bool:
    names = {account.id, account.name, *(n for shop in account.shops or () for n in (shop.id, *shop.list_names()))}
    return normalize_name(name) in {normalize_name(n) for n in names if n}
