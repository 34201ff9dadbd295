"""Signing in and staying so from inside a chat: whose tokens, how long, for what; never a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tiktok.envelope import Lost, Refused, Unreached
from mcp_server_tiktok_shop.tiktok.tokens import SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tiktok.authorization import AuthHost
    from mcp_server_tiktok_shop.tiktok.refusals import Meaning
    from mcp_server_tiktok_shop.tiktok.shops import Shops
    from mcp_server_tiktok_shop.tiktok.tokens import Tokens


@dataclass(frozen=True, slots=True)
class SignIn:
    tokens: Tokens
    auth: AuthHost
    shops: Shops
    meaning: Meaning
    learn: Callable[[str], None]

    async def exchange(self, values: Json, _shop: str | None) -> Json:
        """Turn an authorization code into a stored token pair, and find the shops it opens."""
        code: str = values["auth_code"].strip()
        self.learn(code)
        try:
            data = await self.auth.exchange(self.tokens.app, code)
        except Refused as error:
            known = self.meaning(error.code)
            told = f"The platform refused the authorization code: {error.message}"
            hint = known.get("hint") or SIGN_IN
            raise ShopError("signed_out", told, hint=hint, code=error.code, request_id=error.request_id) from None
        except Unreached as error:
            told = f"The auth host was not reached: {error}."
            raise ShopError("network", told, hint="The code is unused: try again.", retryable=True) from None
        except Lost as error:
            told = f"The code was sent, but the answer was lost ({error}). A code works once."
            raise ShopError("unknown_outcome", told, hint=SIGN_IN) from None
        account = await self.tokens.adopt(data)
        account = await self.shops.refetched(account)
        return account.told() | {"shops": [shop.told() for shop in account.shops or ()]}

    async def renew(self, _values: Json, shop: str | None) -> Json:
        """Renew the token pair of the account that `shop` belongs to, or of the only one."""
        target = await self.shops.choose(shop, "never")
        account = await self.tokens.renewed(target.account.id, target.account.access_token)
        return account.told()
