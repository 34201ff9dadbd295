"""How many requests a second are let in: a bucket for each shop and operation, as the platform counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from mcp_server_tiktok_shop.sandbox.refusals import Refusal

TOO_MANY = 36009002


@dataclass
class Bucket:
    left: float
    seen: float


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
        most = max(1.0, rate)
        bucket = self._buckets.setdefault((shop_id, operation), Bucket(most, now))
        bucket.left = min(most, bucket.left + max(0.0, now - bucket.seen) * rate)
        bucket.seen = now
        if bucket.left >= 1:
            bucket.left -= 1
            return
        self._refused += 1
        wait = ceil((1 - bucket.left) / rate) if self._refused % 2 == 0 else None
        raise Refusal(TOO_MANY, "Too many requests.", 429, wait)
