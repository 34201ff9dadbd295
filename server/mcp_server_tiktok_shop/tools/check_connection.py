"""Finds out why calls fail: whether the hosts are reached, the clock is right, key and sign-in are accepted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.envelope import Lost, Unreached
from mcp_server_tiktok_shop.platform.shops import Target

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import Platform, Rim
    from mcp_server_tiktok_shop.platform.http_transport import Network
    from mcp_server_tiktok_shop.platform.tokens import Tokens
    from mcp_server_tiktok_shop.state.accounts import Account

PATIENCE = 10.0
BEHIND, AHEAD = -300, 30  # what the platform accepts of a request's timestamp, in seconds


@dataclass(frozen=True, slots=True)
class Connection:
    """Asks both hosts for nothing in particular: any HTTP answer tells that they are reached, and what time it is."""

    network: Network
    api_url: str
    auth_url: str
    tokens: Tokens
    platform: Platform
    active_shops: Operation
    rim: Rim

    async def __call__(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        accounts, refused = await self._accounts()
        # Where accounts go their own ways, the first of them is tried: there may be no other way out.
        network = self.network.through(accounts[0].proxy) if accounts else self.network
        platform, auth = await asyncio.gather(*(self._reached(network, url) for url in (self.api_url, self.auth_url)))
        ahead = platform.pop("ahead", None)
        auth.pop("ahead", None)
        told: Json = {"platform": platform, "auth_host": auth} | self._clock(ahead)
        if not platform["reached"]:
            told["sign_in"] = {"accepted": False, "message": "Not tried: the platform is not reached."}
        elif refused is not None:
            told["sign_in"] = {"accepted": False} | refused.told()
        else:
            told["sign_in"] = await self._sign_in(accounts)
        told["ok"] = bool(auth["reached"] and told["sign_in"]["accepted"] and "clock_advice" not in told)
        return told

    async def _accounts(self) -> tuple[list[Account], ShopError | None]:
        """The accounts to look at: of a pinned server its own alone."""
        try:
            accounts = list((await self.tokens.accounts()).values())
            if not accounts or self.platform.shops.pinned is not None:
                accounts = [target.account for target in await self.platform.shops.known()]
        except ShopError as error:
            return [], error
        return accounts, None

    async def _reached(self, network: Network, url: str) -> Json:
        told: Json = {"url": url} | ({"proxy": way} if (way := network.way(url)) else {})
        began = self.rim.monotonic()
        try:
            response = await network.request("GET", url + "/", timeout=PATIENCE)
        except (Unreached, Lost) as error:
            return told | {"reached": False, "reason": str(error)}
        except ShopError as error:
            return told | {"reached": False, "reason": error.message}
        took = self.rim.monotonic() - began
        told |= {"reached": True, "milliseconds": round(took * 1000)}
        try:
            theirs = parsedate_to_datetime(response.headers.get("date", "")).timestamp() + 0.5  # it has whole seconds
        except ValueError:
            return told
        return told | {"ahead": self.rim.clock() - took / 2 - theirs}

    def _clock(self, ahead: float | None) -> Json:
        if ahead is None:
            return {"clock_seconds_ahead": None}
        seconds = round(ahead)
        if BEHIND < ahead < AHEAD:
            return {"clock_seconds_ahead": seconds}
        side = "ahead" if seconds > 0 else "behind"
        told = f"This computer's clock is {abs(seconds)} s {side}: set it right. "
        return {
            "clock_seconds_ahead": seconds,
            "clock_advice": f"{told}The platform accepts 300 s behind to 30 s ahead.",
        }

    async def _sign_in(self, accounts: list[Account]) -> Json:
        """Key, signature and each account's token are tried by asking for its shops anew."""
        active: set[str] = set()
        failed: list[Json] = []
        for account in accounts:
            try:
                kept = await self.platform.shops.refetched(account)
                active |= await self._active(kept)
            except ShopError as error:
                failed.append({"account": account.name or account.id} | error.told())
        told: Json = {"accepted": not failed}
        if failed:
            told |= {k: v for k, v in failed[0].items() if k in ("message", "hint")} | {"failed": failed}
        if len(failed) < len(accounts):
            shops = [target.shop for target in await self.platform.shops.known() if target.shop is not None]
            told["shops"] = [shop.told() | {"active": shop.id in active} for shop in shops]
        return told

    async def _active(self, account: Account) -> set[str]:
        """The shops of the account that are open for business, as the platform tells it."""
        call = bind(self.active_shops, {}, ZoneInfo("UTC"))
        answer = await self.platform.call(call, Target(account, None))
        return {str(shop.get("id")) for shop in answer.data.get("shops") or ()}
