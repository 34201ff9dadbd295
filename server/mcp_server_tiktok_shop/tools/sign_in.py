"""Signs in sellers from inside a chat and renews their tokens; no token is ever in a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_TTL_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.platform.sign_in import SignIn
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.stores import AccountStore


@dataclass(frozen=True, slots=True)
class SignInTools:
    """The tools `get_authorization_url`, `exchange_authorization_code` and `refresh_access_token`.

    `service_id` and `region` are the app's as they were set; where empty, those stored at sign-in count.
    """

    sign_in: SignIn
    tokens: TokenProvider
    shops: ShopResolver
    store: AccountStore
    service_id: str
    region: str

    async def get_authorization_url(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The URL at which the seller authorizes the app, and for how many minutes its code is good.

        Raises:
            ShopError: `not_configured` where the app's service id is not known.

        """
        service_id, region = self._read_app_service()
        if not service_id:
            message = "The app's service id is not known, so its authorization link can't be made."
            hint = "Set TIKTOK_SHOP_SERVICE_ID, or open the link that Partner Center shows for the app."
            raise ShopError("not_configured", message, hint=hint)
        url = await self.sign_in.create_link(service_id, region)
        return {"url": url, "code_lives_minutes": OAUTH_STATE_TTL_S // 60}

    def _read_app_service(self) -> tuple[str, str]:
        """The app's service id and region; empty where they are neither set nor stored."""
        stored_app = self.store.read().app
        return (
            self.service_id or (stored_app.service_id if stored_app else ""),
            self.region or (stored_app.region if stored_app else ""),
        )

    async def exchange_authorization_code(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """Turn an authorization code into a stored token pair: the account, and the shops that it opens."""
        account = await self.sign_in.finish(values["auth_code"])
        if account.shops is None:
            return account.to_json() | {"shops": "not fetched yet; list_shops asks for them"}
        return account.to_json() | {"shops": [shop.to_json() for shop in await self.shops.list_account_shops(account)]}

    async def refresh_access_token(self, _values: Json, shop: str | None, _caller: Caller) -> Json:
        """Renew the token pair of the account that `shop` belongs to, or of the only one: the account, renewed."""
        target = await self.shops.choose(shop, "never")
        account = await self.tokens.renew(target.account.id, target.account.access_token)
        return account.to_json()
