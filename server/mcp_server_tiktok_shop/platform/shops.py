"""Which shop a call is for: chosen by name, id or region, never guessed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.tokens import SIGN_IN
from mcp_server_tiktok_shop.time_zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import CipherRule
    from mcp_server_tiktok_shop.platform.tokens import Tokens
    from mcp_server_tiktok_shop.state.accounts import Account, Asset, Shop

NAME_IT = "Name one of them as `shop`."


@dataclass(frozen=True, slots=True)
class Target:
    """Whose token a call uses, and the shop or category asset it is for, if any."""

    account: Account
    shop: Shop | None
    asset: Asset | None = None

    def zone(self, override: ZoneInfo | None) -> ZoneInfo:
        return override or zone_of(self.shop.region if self.shop else self.account.region)


class Shops:
    """The shops of all accounts. `fetch` asks the platform for the shops of one account.

    `pinned` is the one shop that this server is for, by name, id or unique region: no other can be reached or seen.
    """

    def __init__(
        self, tokens: Tokens, fetch: Callable[[Account], Awaitable[tuple[Shop, ...]]], pinned: str | None = None
    ) -> None:
        self._tokens = tokens
        self._fetch = fetch
        self.pinned = pinned
        self._fetching = asyncio.Lock()

    async def known(self) -> list[Target]:
        """Every shop that a call can be for."""
        every = await self._every()
        return every if self.pinned is None else [_pinned(self.pinned, every)]

    async def pinned_id(self) -> str | None:
        """The id of the one shop that this server is for; None where it is for all."""
        if self.pinned is None:
            return None
        (target,) = await self.known()
        return target.shop.id if target.shop else None

    async def _every(self) -> list[Target]:
        """Every shop once, under its newest authorization; fetched where the store has none yet."""
        found: dict[str, Target] = {}
        ended: ShopError | None = None
        for account in (await self._accounts()).values():
            try:
                kept = account if account.shops is not None else await self._fetched_once(account)
            except ShopError as error:
                if error.kind != "signed_out":
                    raise
                ended = error  # an authorization that has ended opens nothing; another one may
                continue
            for shop in kept.shops or ():
                found.pop(shop.id, None)
                found[shop.id] = Target(kept, shop)
        if ended is not None and not found:
            raise ended
        return list(found.values())

    async def _fetched_once(self, account: Account) -> Account:
        """The account with its shops, asked for once however many calls wait for them."""
        async with self._fetching:
            stored = (await self._tokens.accounts()).get(account.id, account)
            return stored if stored.shops is not None else await self.refetched(stored)

    async def refetched(self, account: Account) -> Account:
        """The account with its shops as the platform lists them now, and stored so."""
        shops = await self._fetch(account)
        return await self._tokens.change(account.id, shops=shops) or account

    async def choose(self, wanted: str | None, rule: CipherRule) -> Target:
        """The shop named, or the only one; for an operation without cipher, the account whose token to use.

        Raises:
            ShopError: `shop_required` with the shops to choose from, or `signed_out`.

        """
        accounts = await self._accounts()
        if wanted is None and rule == "never" and len(accounts) == 1 and self.pinned is None:
            return Target(next(iter(accounts.values())), None)
        known = await self.known()
        if wanted is not None:
            chosen = _named(wanted, known)  # of a pinned server, only its own shop is known
        elif len(known) == 1:
            (chosen,) = known
        elif not known:
            raise _none()
        else:
            why = "several shops" if rule != "never" else "several accounts, and this operation acts on one of them"
            raise _which(f"There are {why}: say which is meant.", known)
        return chosen if rule != "never" else Target(chosen.account, None)

    async def again(self, target: Target) -> Target:
        """The same target with its cipher asked for anew."""
        account = await self.refetched(target.account)
        for shop in account.shops or ():
            if target.shop is not None and shop.id == target.shop.id:
                return Target(account, shop)
        return Target(account, target.shop)

    async def _accounts(self) -> dict[str, Account]:
        accounts = await self._tokens.accounts()
        if not accounts:
            told = "No seller has signed in: there is no access token."
            raise ShopError("signed_out", told, hint=SIGN_IN)
        return accounts


def _pinned(name: str, every: list[Target]) -> Target:
    """The shop that the server is for; what others there are is not told."""
    try:
        return _named(name, every)
    except ShopError:
        told = f"This server is pinned to the shop {name!r}, and no signed-in account opens one shop of that name."
        hint = "The person who runs the server can correct --shop (TIKTOK_SHOP_SHOP) or sign in that shop."
        raise ShopError("shop_required", told, hint=hint) from None


def _named(wanted: str, known: list[Target]) -> Target:
    shops = [(target, target.shop) for target in known if target.shop is not None]
    text = wanted.strip().casefold()
    for match in (
        [target for target, shop in shops if shop.id == wanted.strip()],
        [target for target, shop in shops if shop.name.casefold() == text],
        [target for target, shop in shops if shop.region.casefold() == text],
    ):
        if len(match) == 1:
            return match[0]
        if match:
            raise _which(f"Several shops go by {wanted!r}.", match)
    if not known:
        raise _none()
    raise _which(f"There is no shop {wanted!r}.", known)


def _which(message: str, known: Iterable[Target]) -> ShopError:
    shops: list[dict[str, Any]] = [target.shop.told() for target in known if target.shop is not None]
    return ShopError("shop_required", message, hint=NAME_IT + " Names, ids and unique regions count.", shops=shops)


def _none() -> ShopError:
    told = "The authorization opens no shop."
    hint = "See get_authorized_shops; if it is empty, the seller must authorize the app with an active shop."
    return ShopError("shop_required", told, hint=hint, shops=[])
