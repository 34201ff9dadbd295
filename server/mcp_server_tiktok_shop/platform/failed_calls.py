"""Judges a call that failed: whether and when it may go out again, and what its caller reads about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import (
    BACKOFF_CLASS,
    HTTP_SERVER_ERROR,
    HTTP_TOO_MANY_REQUESTS,
    QUOTA_CLASS,
    TRANSIENT_CLASS,
)
from mcp_server_tiktok_shop.platform.backoff import (
    compute_connect_delay,
    compute_throttle_delay,
    compute_transient_delay,
)
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError, UnusableAnswerError
from mcp_server_tiktok_shop.platform.error_codes import UNKNOWN_OUTCOME_HINT, map_api_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup
    from mcp_server_tiktok_shop.platform.rate_limits import RateLimitDeadlineError

    CallFailure: TypeAlias = ApiError | ConnectError | UnknownOutcomeError

GATEWAY_HINT = (
    "Nothing was done, and the same call would meet the same: a gateway, proxy, firewall or a network's sign-in page. "
    "Look at the network, at the proxy, and at TIKTOK_SHOP_API_URL where it is set; check_connection helps."
)


class FailureRules(Struct, frozen=True):
    """What follows from a failure, by `error_codes`, what is known of the platform's codes.

    Reads are repeated on what passes; a write only where it surely was not done. `jitter` gives a number from 0 to 1.
    """

    error_codes: ErrorCodeLookup
    jitter: Callable[[], float]

    def is_throttled(self, error: ApiError) -> bool:
        """Whether it was one too many for now, and surely not done."""
        retry_class = self._find_retry_class(error)
        return retry_class != QUOTA_CLASS and (error.status == HTTP_TOO_MANY_REQUESTS or retry_class == BACKOFF_CLASS)

    def compute_retry_delay(self, call: ApiCall, failure: CallFailure, attempt: int) -> float | None:
        """Seconds until a call may be repeated, besides its wait for a permit; None where it must not be."""
        if not isinstance(failure, ApiError) and not failure.is_transient:
            return None
        jitter = self.jitter()
        if isinstance(failure, ConnectError):
            return compute_connect_delay(attempt, jitter)
        if isinstance(failure, ApiError):
            if self.is_throttled(failure):
                return compute_throttle_delay(attempt, jitter, failure.retry_after)
            retry_class = self._find_retry_class(failure)
            if retry_class != TRANSIENT_CLASS and (failure.status < HTTP_SERVER_ERROR or retry_class is not None):
                return None
        return compute_transient_delay(attempt, jitter, failure.retry_after) if call.is_read else None

    def map_failure(self, call: ApiCall, failure: CallFailure) -> ShopError:
        """The error that a caller reads about a call that is not repeated."""
        if isinstance(failure, ApiError):
            return self._map_refusal(call, failure)
        if isinstance(failure, UnknownOutcomeError) and not call.is_read:
            return _make_unknown_outcome(call, str(failure))
        return _map_transport_failure(failure)

    def map_missed_turn(
        self, call: ApiCall, deadline_error: RateLimitDeadlineError, failure: CallFailure | None
    ) -> ShopError:
        """Why a call was not sent, or not again: what went wrong before (`failure`), if anything did."""
        wait_s = round(deadline_error.estimated_wait + 0.05, 1)
        if failure is not None:
            error = self.map_failure(call, failure)
            error.details.setdefault("retry_after_seconds", wait_s)
            return error
        name = call.operation.name
        message = f"{name} was not sent: too many such calls wait for the platform, and its turn did not come."
        hint = "Nothing was done. Repeat it later, with fewer calls at once and fuller batches and pages."
        return ShopError("rate_limited", message, hint=hint, retryable=True, retry_after_seconds=wait_s)

    def _map_refusal(self, call: ApiCall, refusal: ApiError) -> ShopError:
        is_fault = refusal.status >= HTTP_SERVER_ERROR or self._find_retry_class(refusal) == TRANSIENT_CLASS
        if is_fault and not call.is_read:
            reason = f"the platform answered with a fault ({refusal.message})"
            return _make_unknown_outcome(call, reason, refusal)
        error = map_api_error(call.operation, refusal, self.error_codes.lookup_error_code(refusal.code))
        if error.retryable and not call.is_read and not self.is_throttled(refusal):
            error.retryable = False  # it may have been done: only a read can say
        return error

    def _find_retry_class(self, error: ApiError) -> str | None:
        retry_class: str | None = self.error_codes.lookup_error_code(error.code).get("retry")
        return retry_class


def _map_transport_failure(failure: ConnectError | UnknownOutcomeError) -> ShopError:
    if isinstance(failure, UnusableAnswerError):
        return ShopError("platform", f"The platform answered, but {failure}.", hint=failure.hint)
    if not failure.is_transient:
        message = f"Something on the way answered in the platform's place: {failure}."
        return ShopError("network", message, hint=GATEWAY_HINT)
    is_lost = isinstance(failure, UnknownOutcomeError)
    outcome = "was reached, but its answer was lost" if is_lost else "was not reached"
    hint = "Try again in a moment; check_connection tells what is in the way."
    return ShopError("network", f"The platform {outcome}: {failure}.", hint=hint, retryable=True)


def _make_unknown_outcome(call: ApiCall, reason: str, refusal: ApiError | None = None) -> ShopError:
    message = f"{call.operation.name} was sent, but whether it was done is unknown: {reason}."
    code, request_id = (refusal.code, refusal.request_id) if refusal is not None else (None, None)
    return ShopError("unknown_outcome", message, hint=UNKNOWN_OUTCOME_HINT, code=code, request_id=request_id)
