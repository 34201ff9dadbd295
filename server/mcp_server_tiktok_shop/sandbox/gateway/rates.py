"""How many requests a second are let in: a bucket for each shop and operation, as the platform counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

TOO_MANY_REQUESTS_CODE = 36009002


@dataclass
class Bucket:
    remaining: float
    update_time: float


@dataclass
class Rates:
    """`per_second` None lets everything in. A bucket holds what a second brings, so a short burst passes.

    Every second refusal tells how long to wait: on the real platform it is there or it is not.
    """

    per_second: float | None = None
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict, repr=False)
    _refused: int = 0

    def check(self, shop_id: str, operation: str, now: float) -> None:
        rate = self.per_second
        if rate is None:
            return
        capacity = max(1.0, rate)
        bucket = self._buckets.setdefault((shop_id, operation), Bucket(capacity, now))
        bucket.remaining = min(capacity, bucket.remaining + max(0.0, now - bucket.update_time) * rate)
        bucket.update_time = now
        if bucket.remaining >= 1:
            bucket.remaining -= 1
            return
        self._refused += 1
        wait = ceil((1 - bucket.remaining) / rate) if self._refused % 2 == 0 else None
        raise RefusalError(TOO_MANY_REQUESTS_CODE, "Too many requests.", 429, wait)
