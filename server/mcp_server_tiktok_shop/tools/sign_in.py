"""Signing in and staying so from inside a chat: whose tokens, how long, for what; never a token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.sign_in import CODE_LIFE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import Shops
    from mcp_server_tiktok_shop.platform.sign_in import SignIn
    from mcp_server_tiktok_shop.platform.tokens import Tokens


@dataclass(frozen=True, slots=True)
class SignInTools:
    """`service` gives the app's service id and region, empty where nobody said them."""

    sign_in: SignIn
    tokens: Tokens
    shops: Shops
    service: Callable[[], tuple[str, str]]

    async def link(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The address at which the seller agrees."""
        service_id, region = self.service()
        if not service_id:
            told = "The app's service id is not known, so its authorization link can't be made."
            hint = "Set TIKTOK_SHOP_SERVICE_ID, or open the link that Partner Center shows for the app."
            raise ShopError("not_configured", told, hint=hint)
        url = await asyncio.to_thread(self.sign_in.link, service_id, region)
        return {"url": url, "code_lives_minutes": CODE_LIFE // 60}

    async def exchange(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """Turn an authorization code into a stored token pair, and find the shops it opens."""
        account = await self.sign_in.finish(values["auth_code"])
        if account.shops is None:
            return account.told() | {"shops": "not fetched yet; list_shops asks for them"}
        return account.told() | {"shops": [s.told() for s in account.shops if s.id in await self._reachable()]}

    async def _reachable(self) -> set[str]:
        try:
            return {target.shop.id for target in await self.shops.known() if target.shop is not None}
        except ShopError:  # of a pinned server whose own shop is not among them
            return set()

    async def renew(self, _values: Json, shop: str | None, _caller: Caller) -> Json:
        """Renew the token pair of the account that `shop` belongs to, or of the only one."""
        target = await self.shops.choose(shop, "never")
        account = await self.tokens.renewed(target.account.id, target.account.access_token)
        return account.told()
