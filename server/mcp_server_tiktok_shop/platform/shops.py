"""Shop resolution: which shop a call is for, chosen by name, id or region and never guessed."""

from __future__ import annotations

import asyncio
from operator import is_
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.region_names import find_region
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT
from mcp_server_tiktok_shop.state.accounts import assign_display_names, normalize_name
from mcp_server_tiktok_shop.time_zones import get_region_zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import CipherRule
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account, Asset, AuthorizedShops, Shop

NAME_SHOP_HINT = "Give one of `shops` as `shop`: its name, its id, or its region where no other has it."
CONNECT_SHOP_HINT = "A shop that is not among them is connected by get_authorization_url."


class Target(Struct, frozen=True):
    """Whose token a call uses, and the shop or category asset it is for, if any."""

    account: Account
    shop: Shop | None
    asset: Asset | None = None

    def resolve_zone(self, override: ZoneInfo | None) -> ZoneInfo:
        """The zone in which days begin: the override, or that of the shop's region, or of the account's."""
        return override or get_region_zone(self.shop.region if self.shop else self.account.region)


class ShopSource(Protocol):
    """Where an account's shops are looked up."""

    async def fetch_shops(self, account: Account) -> AuthorizedShops:
        """The shops that the account's authorization opens now, as the platform lists them.

        Raises:
            ShopError: Why the platform lists none.

        """


class ShopResolver:
    """The shops of all accounts, from the account store or from `source`.

    `pinned` is the one shop that this server is for, by name, id or unique region: no other can be reached or seen.
    """

    def __init__(
        self,
        tokens: TokenProvider,
        source: ShopSource,
        pinned: str | None = None,
    ) -> None:
        self._tokens = tokens
        self._source = source
        self.pinned = pinned
        self._fetch_lock = asyncio.Lock()
        self._last_listing: tuple[tuple[Account, ...], tuple[Target, ...]] = ((), ())

    async def list_targets(self) -> list[Target]:
        """Every shop that a call can be for, by a name of its own: all of all accounts, or the pinned one.

        Raises:
            ShopError: `signed_out` where there is no account; `shop_required` where the pinned shop is not among them.

        """
        targets = await self._list_all_targets()
        return targets if self.pinned is None else [_find_pinned(self.pinned, targets)]

    async def resolve_pinned_id(self) -> str | None:
        """The id of the pinned shop; None where none is pinned. Raises as `list_targets`."""
        if self.pinned is None:
            return None
        (target,) = await self.list_targets()
        return target.shop.id if target.shop else None

    async def _list_all_targets(self) -> list[Target]:
        """Every shop once, under its newest authorization; fetched where the store has none yet.

        Of the very accounts that the last listing was of, its outcome.
        """
        accounts = tuple((await self._require_accounts()).values())
        last_accounts, last_targets = self._last_listing
        if len(accounts) == len(last_accounts) and all(map(is_, accounts, last_accounts)):
            return list(last_targets)
        targets = await self._find_all_targets(accounts)
        if all(account.shops is not None for account in accounts):
            self._last_listing = (accounts, tuple(targets))
        return targets

    async def _find_all_targets(self, accounts: Iterable[Account]) -> list[Target]:
        targets_by_shop_id: dict[str, Target] = {}
        sign_in_error: ShopError | None = None
        for account in accounts:
            try:
                fetched_account = account if account.shops is not None else await self._fetch_once(account)
            except ShopError as error:
                if error.kind != "signed_out" and not account.proxy_fault:
                    raise
                sign_in_error = error  # an authorization that has ended, or lost its proxy, opens nothing; another may
                continue
            for shop in fetched_account.shops or ():
                targets_by_shop_id.pop(shop.id, None)
                targets_by_shop_id[shop.id] = Target(fetched_account, shop)
        if sign_in_error is not None and not targets_by_shop_id:
            raise sign_in_error
        targets = list(targets_by_shop_id.values())
        shops = assign_display_names([target.shop for target in targets if target.shop is not None])
        return [replace(target, shop=shop) for target, shop in zip(targets, shops, strict=True)]

    async def list_account_shops(self, account: Account) -> list[Shop]:
        """The account's shops that this server may name, by the names they have among all."""
        ids = {shop.id for shop in account.shops or ()}
        try:
            targets = await self.list_targets()
        except ShopError:  # of a pinned server whose own shop is not among them
            return []
        return [target.shop for target in targets if target.shop is not None and target.shop.id in ids]

    async def list_unusable_shops(self) -> list[str]:
        """The shops that the platform lists so that no call can be made for them, and what each lacks.

        A pinned server knows of none: others may be among them.
        """
        if self.pinned is not None:
            return []
        return [text for account in (await self._require_accounts()).values() for text in account.unusable_shops]

    async def _fetch_once(self, account: Account) -> Account:
        """The account with its shops, asked for once however many calls wait for them."""
        async with self._fetch_lock:
            stored = (await self._tokens.load_accounts()).get(account.id, account)
            return stored if stored.shops is not None else await self.refetch_shops(stored)

    async def refetch_shops(self, account: Account) -> Account:
        """The account with its shops as the platform lists them now; they are stored.

        Raises:
            ShopError: Why the platform lists none.

        """
        found = await self._source.fetch_shops(account)
        update = {"shops": found.shops, "unusable_shops": found.unusable}
        return await self._tokens.update_account(account.id, **update) or account

    async def choose(self, name_or_id: str | None, rule: CipherRule) -> Target:
        """The shop of that name, id or region, or the only one; None in its place where `rule` forbids a cipher.

        Then the target is the account whose token to use.

        Raises:
            ShopError: `shop_required` with the shops to choose from, or `signed_out`.

        """
        if name_or_id is None and rule == "never" and self.pinned is None:
            accounts = await self._require_accounts()
            if len(accounts) == 1:
                return Target(next(iter(accounts.values())), None)
        targets = await self.list_targets()
        if name_or_id is not None:
            chosen = await self._find(name_or_id, targets)
        elif len(targets) == 1:
            (chosen,) = targets
        elif not targets:
            raise _no_shop_error(await self.list_unusable_shops())
        else:
            reason = "several shops" if rule != "never" else "several accounts, and this operation acts on one of them"
            raise _shop_required_error(f"There are {reason}: say which is meant.", targets)
        return chosen if rule != "never" else Target(chosen.account, None)

    async def _find(self, name_or_id: str, targets: list[Target]) -> Target:
        """The target of that name, id or region; of a pinned server, only its own shop is known."""
        try:
            return _find_by_name(name_or_id, targets)
        except ShopError as error:
            if self.pinned is None and targets:
                error.hint = f"{error.hint} {CONNECT_SHOP_HINT}"
            if unusable := describe_unusable_shops(await self.list_unusable_shops()):
                error.hint = f"{error.hint} {unusable}"
            raise

    async def refresh_cipher(self, target: Target) -> Target:
        """The same target with its cipher fetched anew, once however many calls met the old one.

        As it was where the shop is no longer listed.
        """
        async with self._fetch_lock:
            account = (await self._tokens.load_accounts()).get(target.account.id, target.account)
            found = _find_in_account(account, target)
            if found is None or found.cipher == (target.shop and target.shop.cipher):
                account = await self.refetch_shops(account)
                found = _find_in_account(account, target)
        if found is None or target.shop is None:
            return Target(account, target.shop)
        return Target(account, found.model_copy(update={"display_name": target.shop.display_name}))

    async def _require_accounts(self) -> dict[str, Account]:
        accounts = await self._tokens.load_accounts()
        if not accounts:
            message = "No seller has signed in: there is no access token."
            raise ShopError("signed_out", message, hint=SIGN_IN_HINT)
        return accounts


def _find_in_account(account: Account, target: Target) -> Shop | None:
    """The target's shop as the account knows it."""
    return next((shop for shop in account.shops or () if target.shop is not None and shop.id == target.shop.id), None)


def _find_pinned(name: str, targets: list[Target]) -> Target:
    """The shop that the server is for; an error does not name the others."""
    try:
        return _find_by_name(name, targets)
    except ShopError:
        message = f"This server is pinned to the shop {name!r}, and no signed-in account opens one shop of that name."
        hint = "The person who runs the server can correct --shop (TIKTOK_SHOP_SHOP) or sign in that shop."
        raise ShopError("shop_required", message, hint=hint) from None


def _find_by_name(name_or_id: str, targets: list[Target]) -> Target:
    shops = [(target, target.shop) for target in targets if target.shop is not None]
    text = normalize_name(name_or_id)
    for match in (
        [target for target, shop in shops if shop.id == name_or_id.strip()],
        [target for target, shop in shops if normalize_name(shop.label) == text],
        [target for target, shop in shops if text in map(normalize_name, shop.list_names())],
        [target for target, shop in shops if shop.region and shop.region.upper() == find_region(name_or_id)],
    ):
        if len(match) == 1:
            return match[0]
        if match:
            raise _shop_required_error(f"Several shops go by {name_or_id!r}.", match)
    if not targets:
        raise _no_shop_error([])
    raise _shop_required_error(f"There is no shop {name_or_id!r}.", targets)


def _shop_required_error(message: str, targets: Iterable[Target]) -> ShopError:
    shops: list[dict[str, Any]] = [target.shop.to_json() for target in targets if target.shop is not None]
    return ShopError("shop_required", message, hint=NAME_SHOP_HINT, shops=shops)


def _no_shop_error(unusable: list[str]) -> ShopError:
    message = "The authorization opens no shop."
    if unusable:  # by their names, which are others' words
        return ShopError("shop_required", message, hint=describe_unusable_shops(unusable), shops=[], untrusted=["hint"])
    hint = "See get_authorized_shops; if it is empty, the seller must authorize the app with an active shop."
    return ShopError("shop_required", message, hint=hint, shops=[])


def describe_unusable_shops(unusable: list[str]) -> str:
    """A sentence on the shops that were passed over; empty where there are none."""
    if not unusable:
        return ""
    return f"Passed over, since TikTok lists it so: {'; '.join(unusable)}. check_connection asks for the shops anew."
