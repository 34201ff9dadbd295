"""Which category asset an affiliate partner's call is for: chosen like a shop, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.shops import Target
from mcp_server_tiktok_shop.platform.tokens import SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.platform.tokens import Tokens
    from mcp_server_tiktok_shop.state.accounts import Account, Asset

# A seller's account is refused the question; another account may be a partner's.
NOT_A_PARTNER = ("signed_out", "not_permitted", "platform")
NAME_IT = (
    "Name one of them as `category_asset`: its market, its category, or both; market/category_id is always unique."
)


class Assets:
    """The category assets of all accounts. `fetch` asks the platform for those of one account."""

    def __init__(self, tokens: Tokens, fetch: Callable[[Account], Awaitable[tuple[Asset, ...]]]) -> None:
        self._tokens = tokens
        self._fetch = fetch

    async def choose(self, wanted: str | None, within: Account | None = None) -> Target:
        """The category asset named, or the only one; of one account, where it is given.

        Raises:
            ShopError: `shop_required` with those to choose from; `signed_out`; or why the platform shows none.

        """
        known = await self._known(within)
        meant = [t for t in known if wanted is None or (t.asset is not None and t.asset.goes_by(wanted))]
        if len(meant) == 1:
            return meant[0]
        if not known:
            told = "The authorization opens no category asset: these operations are for affiliate partners."
            raise ShopError("shop_required", told, category_assets=[])
        told = "There are several category assets" if wanted is None else f"{wanted!r} names not one category asset"
        assets = [t.asset.told() for t in known if t.asset is not None]
        raise ShopError("shop_required", f"{told}: say which is meant.", hint=NAME_IT, category_assets=assets)

    async def _known(self, within: Account | None) -> list[Target]:
        accounts = await self._tokens.accounts() if within is None else {within.id: within}
        if not accounts:
            raise ShopError("signed_out", "Nobody has signed in: there is no access token.", hint=SIGN_IN)
        found: list[Target] = []
        refused: ShopError | None = None
        for account in accounts.values():
            try:
                kept = account if account.assets is not None else await self._refetched(account)
            except ShopError as error:
                if error.kind not in NOT_A_PARTNER or error.retryable:
                    raise  # it may have one: nothing is guessed from what could not be asked
                refused = error
                continue
            found += [Target(kept, None, asset) for asset in kept.assets or ()]
        if not found and refused is not None:
            raise refused
        return found

    async def again(self, target: Target) -> Target:
        """The same target with its cipher asked for anew."""
        account = await self._refetched(target.account)
        for asset in account.assets or ():
            if target.asset is not None and asset.told() == target.asset.told():
                return Target(account, None, asset)
        return target

    async def _refetched(self, account: Account) -> Account:
        assets = await self._fetch(account)
        return await self._tokens.change(account.id, assets=assets) or account
