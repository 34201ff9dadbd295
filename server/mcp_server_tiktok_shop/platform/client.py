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
from mcp_server_tiktok_shop.metrics import watch_request
from mcp_server_tiktok_shop.platform.api_codes import (
    BACKOFF_CLASS,
    HTTP_SERVER_ERROR,
    HTTP_TOO_MANY_REQUESTS,
    INVALID_CIPHER_CODE,
    QUOTA_CLASS,
    TOKEN_EXPIRED_CODE,
    TRANSIENT_CLASS,
)
from mcp_server_tiktok_shop.platform.backoff import (
    compute_connect_delay,
    compute_throttle_delay,
    compute_transient_delay,
)
from mcp_server_tiktok_shop.platform.category_assets import AssetResolver
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError, UnusableAnswerError
from mcp_server_tiktok_shop.platform.error_codes import UNKNOWN_OUTCOME_HINT, map_api_error
from mcp_server_tiktok_shop.platform.rate_limits import RateLimitDeadlineError, RateLimitKey
from mcp_server_tiktok_shop.platform.shops import ShopResolver, Target
from mcp_server_tiktok_shop.state.accounts import Account, Asset, AuthorizedShops

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup
    from mcp_server_tiktok_shop.platform.rate_limits import Permit, RateLimiter
    from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.stores import WriteMarks

CALL_TIMEOUT_S = 45.0  # one deadline for all that belongs to a call: many clients give up after 60 s
GATEWAY_HINT = (
    "Nothing was done, and the same call would meet the same: a gateway, proxy, firewall or a network's sign-in page. "
    "Look at the network, at the proxy, and at TIKTOK_SHOP_API_URL where it is set; check_connection helps."
)

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
    """The platform as the rest of the server sees it.

    `error_codes` says what is known of the platform's codes; `write_marks` tell who keeps a copy of a shop that it
    may be stale. Moments named `deadline` are the monotonic clock's.
    """

    def __init__(
        self,
        api: ApiTransport,
        tokens: TokenProvider,
        runtime: Runtime,
        rate_limiter: RateLimiter,
        error_codes: ErrorCodeLookup,
        discovery: DiscoveryOperations,
        write_marks: WriteMarks,
        metrics: Metrics,
        call_timeout_s: float = CALL_TIMEOUT_S,
        pinned_shop: str | None = None,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        self._error_codes = error_codes
        self._discovery = discovery
        self._write_marks = write_marks
        self._metrics = metrics
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
        failure: ApiError | ConnectError | UnknownOutcomeError | None = None
        target = await self._ensure_token(target, deadline)
        while True:
            try:
                return await self._attempt(call, target, deadline)
            except RateLimitDeadlineError as deadline_error:
                raise self._deadline_error(call, deadline_error, failure) from None
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
            delay = self._compute_retry_delay(call, failure, attempt)
            if delay is None or self._runtime.monotonic() + delay >= deadline:
                raise self._to_error(call, failure)
            if delay:
                attempt += 1
                await self._runtime.sleep(delay)

    def new_deadline(self) -> float:
        """The moment by which a call that begins now must be done."""
        return self._runtime.monotonic() + self._call_timeout_s

    def time_remaining(self, deadline: float) -> float:
        """Seconds until a deadline; negative where it has passed."""
        return deadline - self._runtime.monotonic()

    async def _attempt(self, call: ApiCall, target: Target, deadline: float) -> ApiResponse:
        key = RateLimitKey(target.account.id, target.shop.id if target.shop else "", call.operation.name)
        with watch_request(self._metrics, call.operation.name, self._runtime.monotonic) as request:
            async with self._rate_limiter.acquire(key, deadline) as permit:
                await self._mark_write(call, target)
                if (time_remaining := deadline - self._runtime.monotonic()) <= 0:
                    raise ConnectError("the deadline passed before it could be sent")
                request.begin()
                try:
                    response = await self._api.send(self._tokens.app, call, target, timeout=time_remaining)
                    request.outcome = "ok"
                except ConnectError:
                    request.outcome = "not_reached"
                    raise
                except UnknownOutcomeError as error:
                    request.outcome = "answer_lost"
                    self._report_to_rate_limiter(permit, error)
                    raise
                except ApiError as error:
                    request.outcome = "throttled" if self._is_throttled(error) else "refused"
                    request.span.set(status=error.status, code=error.code)
                    self._report_to_rate_limiter(permit, error)
                    raise
                finally:
                    await self._mark_write(call, target)  # what was read while it was under way may lack it
                    request.end()
                permit.record_success()
                return response

    async def _mark_write(self, call: ApiCall, target: Target) -> None:
        if target.shop is not None and not _is_read(call):
            await self._write_marks.mark(target.shop.id, call.operation.area)

    def _report_to_rate_limiter(self, permit: Permit, error: ApiError | UnknownOutcomeError) -> None:
        """Record what the platform's refusal says about the rate it takes."""
        if error.retry_after:
            permit.apply_retry_after(error.retry_after)
        if isinstance(error, ApiError):
            if self._is_throttled(error):
                permit.record_throttle()
            else:
                permit.record_success()

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

    def _is_throttled(self, error: ApiError) -> bool:
        """Whether it was one too many for now, and surely not done."""
        retry_class = self._error_codes.lookup_error_code(error.code).get("retry")
        return retry_class != QUOTA_CLASS and (error.status == HTTP_TOO_MANY_REQUESTS or retry_class == BACKOFF_CLASS)

    def _compute_retry_delay(
        self, call: ApiCall, failure: ApiError | ConnectError | UnknownOutcomeError, attempt: int
    ) -> float | None:
        """Seconds until a call may be repeated, besides its wait for a permit; None where it must not be."""
        if not isinstance(failure, ApiError) and not failure.is_transient:
            return None
        jitter = self._runtime.jitter()
        if isinstance(failure, ConnectError):
            return compute_connect_delay(attempt, jitter)
        if isinstance(failure, ApiError):
            if self._is_throttled(failure):
                return compute_throttle_delay(attempt, jitter, failure.retry_after)
            retry_class = self._error_codes.lookup_error_code(failure.code).get("retry")
            if retry_class != TRANSIENT_CLASS and (failure.status < HTTP_SERVER_ERROR or retry_class is not None):
                return None
        return compute_transient_delay(attempt, jitter, failure.retry_after) if _is_read(call) else None

    def _to_error(self, call: ApiCall, failure: ApiError | ConnectError | UnknownOutcomeError) -> ShopError:
        if not isinstance(failure, ApiError):
            return self._transport_error(call, failure)
        code_info = self._error_codes.lookup_error_code(failure.code)
        unknown = failure.status >= HTTP_SERVER_ERROR or code_info.get("retry") == TRANSIENT_CLASS
        if unknown and not _is_read(call):
            reason = f"the platform answered with a fault ({failure.message})"
            return self._unknown_outcome_error(call, reason, failure.code, failure.request_id)
        error = map_api_error(call.operation, failure, code_info)
        if error.retryable and not _is_read(call) and not self._is_throttled(failure):
            error.retryable = False  # it may have been done: only a read can say
        return error

    def _deadline_error(
        self,
        call: ApiCall,
        deadline_error: RateLimitDeadlineError,
        failure: ApiError | ConnectError | UnknownOutcomeError | None,
    ) -> ShopError:
        """Why a call was not sent, or not again: what went wrong before, if anything did."""
        wait_s = round(deadline_error.estimated_wait + 0.05, 1)
        if failure is not None:
            error = self._to_error(call, failure)
            error.details.setdefault("retry_after_seconds", wait_s)
            return error
        message = (
            f"{call.operation.name} was not sent: too many such calls wait for the platform, and its turn did not come."
        )
        hint = "Nothing was done. Repeat it later, with fewer calls at once and fuller batches and pages."
        return ShopError("rate_limited", message, hint=hint, retryable=True, retry_after_seconds=wait_s)

    def _transport_error(self, call: ApiCall, error: ConnectError | UnknownOutcomeError) -> ShopError:
        if isinstance(error, UnknownOutcomeError) and not _is_read(call):
            return self._unknown_outcome_error(call, str(error))
        if isinstance(error, UnusableAnswerError):
            return ShopError("platform", f"The platform answered, but {error}.", hint=error.hint)
        if not error.is_transient:
            message = f"Something on the way answered in the platform's place: {error}."
            return ShopError("network", message, hint=GATEWAY_HINT)
        outcome = (
            "was reached, but its answer was lost" if isinstance(error, UnknownOutcomeError) else "was not reached"
        )
        hint = "Try again in a moment; check_connection tells what is in the way."
        message = f"The platform {outcome}: {error}."
        return ShopError("network", message, hint=hint, retryable=True)

    def _unknown_outcome_error(
        self, call: ApiCall, reason: str, code: int | None = None, request_id: str | None = None
    ) -> ShopError:
        message = f"{call.operation.name} was sent, but whether it was done is unknown: {reason}."
        return ShopError("unknown_outcome", message, hint=UNKNOWN_OUTCOME_HINT, code=code, request_id=request_id)

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


def _is_read(call: ApiCall) -> bool:
    return call.operation.effect == "read"
