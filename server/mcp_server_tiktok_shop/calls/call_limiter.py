"""Limits the calls per minute of a server, or of one tenant, with marks shared by all its processes."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.stores import RateMarks, RateMarkStore

MINUTE_S = 60.0
ROUNDING_S = 1e-3  # what is lost where many small intervals are added to a moment


class CallLimiter(Struct, frozen=True):
    """Lets in `calls_a_minute` calls of `owner`, 0: as many as come.

    After a quiet minute as many may come at once; from then on one is let in whenever its share of a minute has gone
    by (the generic cell rate algorithm). The marks of one limit say nothing of another.
    """

    marks: RateMarkStore
    owner: str
    calls_a_minute: int

    async def admit(self) -> None:
        """Let one call in.

        Raises:
            ShopError: `rate_limited`, with the seconds after which one is let in again.

        """
        if not self.calls_a_minute:
            return
        interval, now = MINUTE_S / self.calls_a_minute, self.marks.now()
        key = ("calls a minute", self.owner, str(self.calls_a_minute))
        before = await self.marks.update(key, partial(reserve_call, interval=interval, now=now))
        if (wait := estimate_call_wait(before, interval, now)) > 0:
            seconds = ceil(wait)
            message = f"The {self.calls_a_minute} calls a minute allowed here are used up."
            hint = f"Nothing was done. Try again in {seconds} s, and do more with one call: batches, pages, reports."
            raise ShopError("rate_limited", message, hint=hint, retryable=True, retry_after_seconds=seconds)


def reserve_call(marks: RateMarks, interval: float, now: float) -> RateMarks:
    """The marks after a call at this moment; as they are where none is let in."""
    if estimate_call_wait(marks, interval, now) > 0:
        return marks
    interval = max(interval, marks.base_interval)
    used_up_at = max(marks.next_send_at, now) + interval
    return replace(marks, next_send_at=used_up_at, base_interval=interval, expires_at=used_up_at)


def estimate_call_wait(marks: RateMarks, interval: float, now: float) -> float:
    """Seconds until a call is let in, 0 where one is.

    A process that must keep to its share finds a wider interval in the marks than its own.
    """
    debt = max(0.0, marks.next_send_at - now) + max(interval, marks.base_interval) - MINUTE_S
    return debt if debt > ROUNDING_S else 0.0
