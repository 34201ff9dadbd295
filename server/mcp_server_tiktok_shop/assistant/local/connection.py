"""Finds out why calls fail: whether the hosts are reached, the clock is right, key and sign-in are accepted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tiktok.envelope import Lost, Unreached
from mcp_server_tiktok_shop.tiktok.shops import Target

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.tiktok.accounts import Account
    from mcp_server_tiktok_shop.tiktok.network import Network
    from mcp_server_tiktok_shop.tiktok.platform import Platform, Rim
    from mcp_server_tiktok_shop.tiktok.shops import Shops
    from mcp_server_tiktok_shop.tiktok.tokens import Tokens

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

    @property
    def shops(self) -> Shops:
        return self.platform.shops

    async def __call__(self, _values: Json, _shop: str | None) -> Json:
        platform, auth = await asyncio.gather(self._reached(self.api_url), self._reached(self.auth_url))
        told: Json = {"platform": platform, "auth_host": auth}
        told |= self._clock(platform.pop("ahead", None))
        if platform["reached"]:
            told["sign_in"] = await self._sign_in()
        else:
            told["sign_in"] = {"accepted": False, "message": "Not tried: the platform is not reached."}
        return told

    async def _reached(self, url: str) -> Json:
        told: Json = {"url": url} | ({"proxy": way} if (way := self.network.way(url)) else {})
        began = self.rim.monotonic()
        try:
            response = await self.network.request("GET", url + "/", timeout=PATIENCE)
        except (Unreached, Lost) as error:
            return told | {"reached": False, "reason": str(error)}
        took = self.rim.monotonic() - began
        told |= {"reached": True, "milliseconds": round(took * 1000)}
        if date := response.headers.get("date"):
            theirs = parsedate_to_datetime(date).timestamp() + 0.5  # the header has whole seconds
            told["ahead"] = self.rim.clock() - took / 2 - theirs
        return told

    def _clock(self, ahead: float | None) -> Json:
        if ahead is None:
            return {"clock": "unknown: the platform told no time"}
        seconds = round(ahead)
        if BEHIND < ahead < AHEAD:
            return {"clock_seconds_ahead": seconds}
        told = f"This computer's clock is {abs(seconds)} s {'ahead' if seconds > 0 else 'behind'}: set it right. "
        return {"clock_seconds_ahead": seconds, "clock": told + "The platform accepts 300 s behind to 30 s ahead."}

    async def _sign_in(self) -> Json:
        """Key, signature and token are tried by asking for the shops anew."""
        try:
            accounts = await self.tokens.accounts()
            if not accounts:
                await self.shops.known()  # says how to sign in
            active: set[str] = set()
            for account in accounts.values():
                await self.shops.refetched(account)
                active |= await self._active(account)
            known = await self.shops.known()
        except ShopError as error:
            return {"accepted": False} | error.told()
        shops = [target.shop for target in known if target.shop is not None]
        return {"accepted": True, "shops": [shop.told() | {"active": shop.id in active} for shop in shops]}

    async def _active(self, account: Account) -> set[str]:
        """The shops of the account that are open for business, as the platform tells it."""
        call = bind(self.active_shops, {}, ZoneInfo("UTC"))
        answer = await self.platform.call(call, Target(account, None))
        return {str(shop.get("id")) for shop in answer.data.get("shops") or ()}
