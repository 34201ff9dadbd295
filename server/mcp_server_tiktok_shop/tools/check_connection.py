"""Checks the connection: whether hosts are reached, the clock is right, app key and tokens are accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues
from mcp_server_tiktok_shop.platform.envelope import ConnectError, UnknownOutcomeError, parse_http_date
from mcp_server_tiktok_shop.platform.shops import Target, describe_unusable_shops
from mcp_server_tiktok_shop.tools.list_shops import describe_sign_in_end

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.client import PlatformClient, Runtime
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account

PROBE_TIMEOUT_S = 10.0
ACTIVE_SHOPS_OPERATION = "get_active_shops"
MIN_CLOCK_OFFSET_S, MAX_CLOCK_OFFSET_S = -300, 30  # within which the platform accepts a request's timestamp


class CheckConnectionTool(Struct, frozen=True):
    """The tool `check_connection`. Any HTTP answer of a host shows that it is reached, and what time it is there.

    `zone` is the time zone set for all shops, if one is.
    """

    transport: HttpTransport
    api_url: str
    auth_url: str
    tokens: TokenProvider
    platform: PlatformClient
    operations: OperationDirectory
    runtime: Runtime
    zone: ZoneInfo | None

    async def __call__(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        """A report: `platform`, `auth_host`, `clock_seconds_ahead`, `sign_in` with the shops, and `ok` of it all.

        Where the sign-in was not tried, nothing says that it is `accepted` or not.
        """
        accounts, accounts_error = await self._load_accounts()
        # Where accounts have proxies of their own, the first one is tried: there may be no other way out.
        proxies = [account.proxy for account in accounts if not account.proxy_fault]
        account_transport = self.transport.for_proxy(proxies[0]) if proxies else self.transport
        api_host, auth_host = await asyncio.gather(
            *(self._probe_host(account_transport, url) for url in (self.api_url, self.auth_url))
        )
        clock_offset = api_host.pop("ahead", None)
        auth_host.pop("ahead", None)
        result: Json = {"platform": api_host, "auth_host": auth_host} | self._report_clock(clock_offset)
        if not api_host["reached"]:
            result["sign_in"] = {"message": "Not tried: the platform is not reached."}
        elif accounts_error is not None:
            result["sign_in"] = {"accepted": False} | accounts_error.to_json()
        else:
            result["sign_in"] = await self._check_sign_in(accounts)
        result["ok"] = bool(auth_host["reached"] and result["sign_in"].get("accepted") and "clock_advice" not in result)
        return result

    async def _load_accounts(self) -> tuple[list[Account], ShopError | None]:
        """The accounts to check (on a pinned server its own alone), or why there are none."""
        try:
            accounts = list((await self.tokens.load_accounts()).values())
            if not accounts or self.platform.shops.pinned is not None:
                accounts = [target.account for target in await self.platform.shops.list_targets()]
        except ShopError as error:
            return [], error
        return accounts, None

    async def _probe_host(self, transport: HttpTransport, url: str) -> Json:
        """Whether a host is reached and how fast, or why not; `ahead` is our clock minus the host's, in seconds."""
        result: Json = {"url": url} | ({"proxy": proxy} if (proxy := transport.describe_proxy(url)) else {})
        started_at = self.runtime.monotonic()
        try:
            response = await transport.request("GET", url + "/", timeout=PROBE_TIMEOUT_S)
        except (ConnectError, UnknownOutcomeError) as error:
            return result | {"reached": False, "reason": str(error)}
        except ShopError as error:
            return result | {"reached": False, "reason": error.message}
        elapsed = self.runtime.monotonic() - started_at
        result |= {"reached": True, "milliseconds": round(elapsed * 1000)}
        if (host_time := parse_http_date(response.headers.get("date", ""))) is None:
            return result
        # The header has whole seconds: on average half a second has passed.
        return result | {"ahead": self.runtime.clock() - elapsed / 2 - (host_time + 0.5)}

    def _report_clock(self, clock_offset: float | None) -> Json:
        if clock_offset is None:
            return {"clock_seconds_ahead": None}
        seconds = round(clock_offset)
        if MIN_CLOCK_OFFSET_S < clock_offset < MAX_CLOCK_OFFSET_S:
            return {"clock_seconds_ahead": seconds}
        direction = "ahead" if seconds > 0 else "behind"
        message = f"This computer's clock is {abs(seconds)} s {direction}: set it right. "
        return {
            "clock_seconds_ahead": seconds,
            "clock_advice": f"{message}The platform accepts 300 s behind to 30 s ahead.",
        }

    async def _check_sign_in(self, accounts: list[Account]) -> Json:
        """Try key, signature and each account's token by asking for its shops anew."""
        active_shop_ids: set[str] = set()
        failed: list[Json] = []
        for account in accounts:
            try:
                refreshed_account = await self.platform.shops.refetch_shops(account)
                active_shop_ids |= await self._fetch_active_shop_ids(refreshed_account)
            except ShopError as error:
                name = {"account": account.name or account.id} if self._names_shops else {}
                failed.append(name | error.to_json())
        result: Json = {"accepted": not failed}
        if failed:
            result |= {k: v for k, v in failed[0].items() if k in ("message", "hint")} | {"failed": failed}
        if len(failed) < len(accounts) and self._names_shops:
            is_known = self._tells_active_shops
            result["shops"] = [
                shop.to_json()
                | ({"active": shop.id in active_shop_ids} if is_known else {})
                | describe_sign_in_end(target.account, target.resolve_zone(self.zone))
                for target in await self.platform.shops.list_targets()
                if (shop := target.shop) is not None
            ]
            if unusable := describe_unusable_shops(await self.platform.shops.list_unusable_shops()):
                result["note"] = unusable
        return result

    @property
    def _names_shops(self) -> bool:
        """Whether this server was started to name shops and accounts at all."""
        return self.operations.are_available(["list_shops"])

    @property
    def _tells_active_shops(self) -> bool:
        """A pinned server asks, too: of what is answered it tells its own shop alone."""
        return not self.operations.policy.is_excluded(ACTIVE_SHOPS_OPERATION)

    async def _fetch_active_shop_ids(self, account: Account) -> set[str]:
        """The ids of the account's shops that are open for business; none where this server may not ask."""
        if not self._tells_active_shops:
            return set()
        call = bind(self.operations.get(ACTIVE_SHOPS_OPERATION), {}, ZoneInfo("UTC"))
        response = await self.platform.call(call, Target(account, None))
        rows = SkippedValues().select_objects(response.data.get("shops"), "shops")
        return {str(shop.get("id")) for shop in rows}
