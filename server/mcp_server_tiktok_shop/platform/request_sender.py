"""Sends a call once: in its turn and before its deadline. Counts it, and marks the copies that it makes stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.metrics import watch_request
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.rate_limits import RateLimitKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.failed_calls import FailureRules
    from mcp_server_tiktok_shop.platform.rate_limits import Permit, RateLimiter
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.stores import WriteMarks


class RequestSender(Struct, frozen=True):
    """One request at a time of its turn. `write_marks` tell who keeps a copy of a shop that it may be stale.

    `monotonic` is the clock of deadlines.
    """

    api: ApiTransport
    tokens: TokenProvider
    rate_limiter: RateLimiter
    failure_rules: FailureRules
    write_marks: WriteMarks
    metrics: Metrics
    monotonic: Callable[[], float]

    async def send(self, call: ApiCall, target: Target, deadline: float) -> ApiResponse:
        """The answer of one request.

        Raises:
            RateLimitDeadlineError: Its turn did not come in time.
            ApiError, ConnectError, UnknownOutcomeError, ShopError: As `ApiTransport.send`.

        """
        key = RateLimitKey(target.account.id, target.shop.id if target.shop else "", call.operation.name)
        with watch_request(self.metrics, call.operation.name, self.monotonic) as request:
            async with self.rate_limiter.acquire(key, deadline) as permit:
                await self._mark_write(call, target)
                if (time_remaining := deadline - self.monotonic()) <= 0:
                    raise ConnectError("the deadline passed before it could be sent")
                request.begin()
                try:
                    response = await self.api.send(self.tokens.app, call, target, timeout=time_remaining)
                    request.outcome = "ok"
                except ConnectError:
                    request.outcome = "not_reached"
                    raise
                except UnknownOutcomeError as error:
                    request.outcome = "answer_lost"
                    self._report_to_rate_limiter(permit, error)
                    raise
                except ApiError as error:
                    request.outcome = "throttled" if self.failure_rules.is_throttled(error) else "refused"
                    request.span.set(status=error.status, code=error.code)
                    self._report_to_rate_limiter(permit, error)
                    raise
                finally:
                    await self._mark_write(call, target)  # what was read while it was under way may lack it
                    request.end()
                permit.record_success()
                return response

    async def _mark_write(self, call: ApiCall, target: Target) -> None:
        if target.shop is not None and not call.is_read:
            await self.write_marks.mark(target.shop.id, call.operation.area)

    def _report_to_rate_limiter(self, permit: Permit, error: ApiError | UnknownOutcomeError) -> None:
        """Record what the platform's refusal says about the rate it takes."""
        if error.retry_after:
            permit.apply_retry_after(error.retry_after)
        if isinstance(error, ApiError):
            if self.failure_rules.is_throttled(error):
                permit.record_throttle()
            else:
                permit.record_success()
