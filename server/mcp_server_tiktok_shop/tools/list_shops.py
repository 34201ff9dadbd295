"""Lists the shops that a call can be for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.platform.shops import describe_unusable_shops

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.state.accounts import Account


class ListShopsTool(Struct, frozen=True):
    """The tool `list_shops`; `zone` is the time zone set for all shops, if one is."""

    shops: ShopResolver
    zone: ZoneInfo | None

    async def __call__(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        """Each shop with its region, currency, time zone and account, and until when that account is signed in."""
        rows = []
        for target in await self.shops.list_targets():
            if target.shop is None:
                continue
            zone = target.resolve_zone(self.zone)
            row = target.shop.to_json() | {"time_zone": zone.key}
            if target.account.name:
                row["account"] = target.account.name
            rows.append(row | describe_sign_in_end(target.account, zone))
        unusable = describe_unusable_shops(await self.shops.list_unusable_shops())
        return {"shops": rows} | ({"note": unusable} if unusable else {})


def describe_sign_in_end(account: Account, zone: ZoneInfo) -> Json:
    """Until when a seller is signed in, where that is known: then the shops are closed until they sign in anew."""
    if not account.sign_in_end:
        return {}
    return {"signed_in_until": datetime.fromtimestamp(account.sign_in_end, zone).isoformat()}
