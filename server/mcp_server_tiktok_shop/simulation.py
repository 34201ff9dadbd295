"""Replaces network, keys and accounts by the simulated shop, so that nothing real is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from pydantic import SecretStr

from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.state.accounts import Account, Shop, StoredAccounts
from mcp_server_tiktok_shop.state.memory import InMemoryAccountStore

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import AccountStore


def build_simulation(
    settings: Settings, runtime: Runtime, sandbox: Sandbox | None
) -> tuple[Settings, AccountStore, HttpTransport, Sandbox]:
    """The settings, account store and transport of a run in the simulated shop: `sandbox`, or one made here."""
    if sandbox is None:
        from mcp_server_tiktok_shop.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

        sandbox = Sandbox(shops=settings.sandbox_shops, orders=settings.sandbox_orders, clock=runtime.clock)
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
                    id=shop.id,
                    name=shop.name,
                    region=shop.region,
                    seller_type=shop.seller_type,
                    code=shop.code,
                    cipher=SecretStr(shop.cipher),
                )
                for shop in account.shops
            ),
        )
        for account in sandbox.accounts
    }
    sandbox_settings = replace(
        settings,
        app_key=sandbox.app_key,
        app_secret=SecretStr(sandbox.app_secret),
        access_token=SecretStr(""),
        refresh_token=SecretStr(""),
        service_id="sandbox",
        proxy=None,
        api_url=sandbox.base_url,
        auth_url=sandbox.base_url,
    )
    return (
        sandbox_settings,
        InMemoryAccountStore(StoredAccounts(None, accounts)),
        HttpTransport(application=sandbox.app),
        sandbox,
    )
