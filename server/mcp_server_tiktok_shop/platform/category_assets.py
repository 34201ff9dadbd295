"""Category asset resolution: which asset an affiliate partner's call is for, chosen like a shop, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.shops import Target
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account, Asset

# A seller's account is refused the question; another account may be a partner's.
NOT_A_PARTNER_KINDS = ("signed_out", "not_permitted", "platform")
NAME_ASSET_HINT = (
    "Name one of them as `category_asset`: its market, its category, or both; market/category_id is always unique."
)


class AssetSource(Protocol):
    """Where an account's category assets are looked up."""

    async def fetch_assets(self, account: Account) -> tuple[Asset, ...]:
        """The category assets that the account's authorization opens now, as the platform lists them.

        Raises:
            ShopError: Why the platform lists none.

        """


class AssetResolver:
    """The category assets of all accounts, from the account store or from `source`."""

    def __init__(self, tokens: TokenProvider, source: AssetSource) -> None:
        self._tokens = tokens
        self._source = source

    async def choose(self, asset_name: str | None, only_account: Account | None = None) -> Target:
        """The category asset of that name, or the only one; of `only_account`, where there is one, else of all.

        Raises:
            ShopError: `shop_required` with those to choose from; `signed_out`; or why the platform lists none.

        """
        targets = await self._list_targets(only_account)
        matches = [t for t in targets if asset_name is None or (t.asset is not None and t.asset.has_name(asset_name))]
        if len(matches) == 1:
            return matches[0]
        if not targets:
            message = "The authorization opens no category asset: these operations are for affiliate partners."
            hint = "For a seller's own shop find_operations knows other ways; else a partner must sign in."
            raise ShopError("shop_required", message, hint=hint, category_assets=[])
        message = (
            "There are several category assets"
            if asset_name is None
            else f"{asset_name!r} names not one category asset"
        )
        assets = [t.asset.to_json() for t in targets if t.asset is not None]
        raise ShopError(
            "shop_required", f"{message}: say which is meant.", hint=NAME_ASSET_HINT, category_assets=assets
        )

    async def _list_targets(self, only_account: Account | None) -> list[Target]:
        accounts = await self._tokens.load_accounts() if only_account is None else {only_account.id: only_account}
        if not accounts:
            raise ShopError("signed_out", "Nobody has signed in: there is no access token.", hint=SIGN_IN_HINT)
        targets: list[Target] = []
        not_a_partner_error: ShopError | None = None
        for account in accounts.values():
            try:
                fetched_account = account if account.assets is not None else await self._refetch_assets(account)
            except ShopError as error:
                if error.kind not in NOT_A_PARTNER_KINDS or error.retryable:
                    raise  # it may have one: nothing is guessed from what could not be asked
                not_a_partner_error = error
                continue
            targets += [Target(fetched_account, None, asset) for asset in fetched_account.assets or ()]
        if not targets and not_a_partner_error is not None:
            raise not_a_partner_error
        return targets

    async def refresh_cipher(self, target: Target) -> Target:
        """The same target with its cipher fetched anew; as it was where the asset is no longer listed."""
        account = await self._refetch_assets(target.account)
        for asset in account.assets or ():
            if target.asset is not None and asset.to_json() == target.asset.to_json():
                return Target(account, None, asset)
        return target

    async def _refetch_assets(self, account: Account) -> Account:
        assets = await self._source.fetch_assets(account)
        return await self._tokens.update_account(account.id, assets=assets) or account
