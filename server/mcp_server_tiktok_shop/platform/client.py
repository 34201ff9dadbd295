"""Platform client: one call from a bound request to its answer, with a fresh token, retries and one deadline."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import INVALID_CIPHER_CODE, TOKEN_EXPIRED_CODE
from mcp_server_tiktok_shop.platform.category_assets import AssetResolver
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.rate_limits import RateLimitDeadlineError
from mcp_server_tiktok_shop.platform.shops import ShopResolver, Target
from mcp_server_tiktok_shop.state.accounts import Account, Asset, AuthorizedShops

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.failed_calls import CallFailure, FailureRules
    from mcp_server_tiktok_shop.platform.request_sender import RequestSender
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider

CALL_TIMEOUT_S = 45.0  # one deadline for all that belongs to a call: many clients give up after 60 s

T = TypeVar("T")
UTC = ZoneInfo("UTC")


class DiscoveryOperations(Struct, frozen=True):
    """The operations that tell which shops and category assets an authorization opens, with their ciphers."""

    shops: Operation
    assets: Operation


class Runtime(Struct, frozen=True):
    """Clock, sleep and randomness, so that tests can stop time.

    `clock` gives Unix seconds, `monotonic` seconds of a clock that is never set, `jitter` a number from 0 to 1.
    """

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class PlatformClient:
    """The platform as the rest of the server sees it. Moments named `deadline` are the monotonic clock's."""

    def __init__(
        self,
        sender: RequestSender,
        tokens: TokenProvider,
        runtime: Runtime,
        failure_rules: FailureRules,
        discovery: DiscoveryOperations,
        call_timeout_s: float = CALL_TIMEOUT_S,
        pinned_shop: str | None = None,
    ) -> None:
        self._sender = sender
        self._tokens = tokens
        self._runtime = runtime
        self._failure_rules = failure_rules
        self._discovery = discovery
        self._call_timeout_s = call_timeout_s
        self.shops = ShopResolver(tokens, self, pinned_shop)
        self.assets = AssetResolver(tokens, self)

    async def call(self, call: ApiCall, target: Target, *, deadline: float | None = None) -> ApiResponse:
        """The platform's answer, by `deadline`; without one, within the call timeout from now.

        A token past its expiry is renewed once and a refused cipher fetched anew once: the call was surely not
        done, so a write goes out again too. Reads are repeated on what passes, as far as the deadline allows.
        What the platform throttled goes out again after a pause, when the rate limiter permits it; both count, too.

        Raises:
            ShopError: What the platform refused, or why it was not reached, or that the outcome is unknown.

        """
        deadline = self.new_deadline() if deadline is None else deadline
        repaired_codes: set[int] = set()
        attempt = 0
        failure: CallFailure | None = None
        target = await self._ensure_token(target, deadline)
        while True:
            try:
                return await self._sender.send(call, target, deadline)
            except RateLimitDeadlineError as deadline_error:
                raise self._failure_rules.map_missed_turn(call, deadline_error, failure) from None
            except ApiError as error:
                if error.code in (TOKEN_EXPIRED_CODE, INVALID_CIPHER_CODE) and error.code not in repaired_codes:
                    repaired_codes.add(error.code)
                    refreshed_target = await self._with_deadline(
                        deadline, self._refresh_credentials(call, target, error)
                    )
                    if refreshed_target is not None:
                        target = refreshed_target
                        continue
                failure = error
            except (ConnectError, UnknownOutcomeError) as error:
                failure = error
            delay = self._failure_rules.compute_retry_delay(call, failure, attempt)
            if delay is None or self._runtime.monotonic() + delay >= deadline:
                raise self._failure_rules.map_failure(call, failure)
            if delay:
                attempt += 1
                await self._runtime.sleep(delay)

    def new_deadline(self) -> float:
        """The moment by which a call that begins now must be done."""
        return self._runtime.monotonic() + self._call_timeout_s

    def time_remaining(self, deadline: float) -> float:
        """Seconds until a deadline; negative where it has passed."""
        return deadline - self._runtime.monotonic()

    async def _with_deadline(self, deadline: float, preparation: Coroutine[Any, Any, T]) -> T:
        """What comes before the call itself counts towards its deadline; a renewal runs on behind it."""
        try:
            return await asyncio.wait_for(preparation, deadline - self._runtime.monotonic())
        except TimeoutError:
            message = "The sign-in could not be renewed in time; the call was not sent."
            raise ShopError("network", message, hint="Try again in a moment.", retryable=True) from None

    async def _ensure_token(self, target: Target, deadline: float) -> Target:
        account = self._tokens.get_valid_account(target.account.id)
        if account is None:
            account = await self._with_deadline(deadline, self._tokens.ensure_fresh(target.account))
        return target if account is target.account else replace(target, account=account)

    async def _refresh_credentials(self, call: ApiCall, target: Target, error: ApiError) -> Target | None:
        """The target with a new token or cipher in the place of the refused one; None where that can't help."""
        if error.code == TOKEN_EXPIRED_CODE:
            account = await self._tokens.renew(target.account.id, target.account.access_token)
            return replace(target, account=account)
        if target.asset is not None:
            asset_target = await self.assets.refresh_cipher(target)
            return (
                asset_target
                if asset_target.asset is not None and asset_target.asset.cipher != target.asset.cipher
                else None
            )
        if target.shop is None or call.operation.cipher_rule == "never":
            return None
        shop_target = await self.shops.refresh_cipher(target)
        changed = shop_target.shop is not None and shop_target.shop.cipher != target.shop.cipher
        return shop_target if changed else None

    async def fetch_shops(self, account: Account) -> AuthorizedShops:
        """The shops that the account's authorization opens now. Raises as `call`."""
        return AuthorizedShops.from_rows(await self._fetch_list(account, self._discovery.shops, "shops"))

    async def fetch_assets(self, account: Account) -> tuple[Asset, ...]:
        """The category assets that the account's authorization opens now. Raises as `call`."""
        rows = await self._fetch_list(account, self._discovery.assets, "category_assets")
        assets = (Asset.from_row(row) for row in rows if isinstance(row, dict))
        return tuple(asset for asset in assets if asset is not None)

    async def _fetch_list(self, account: Account, operation: Operation, name: str) -> list[Any]:
        response = await self.call(bind(operation, {}, UTC), Target(account, None))
        rows = response.data.get(name) or []
        return rows if isinstance(rows, list) else [rows]
