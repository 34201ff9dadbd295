"""Whether a server can take calls, and what it lacks, in words that name no person and no place."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from msgspec import Struct, field
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    ReadinessCheck = Callable[[], Awaitable[str]]

CHECK_TIMEOUT_S = 5.0
FRESH_S = 1.0  # for which an answer is given again: whoever asks without end causes no more work


class Readiness(Struct):
    """Checks by what they look at; each answers why that is missing, with nothing where it is there.

    Without what is `required` no call can succeed. What is `advised` may come by a call itself.
    """

    required: Mapping[str, ReadinessCheck]
    advised: Mapping[str, ReadinessCheck]
    monotonic: Callable[[], float] = time.monotonic
    _missing: dict[str, str] = field(default_factory=dict)
    _checked_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tell(self, _request: Request) -> Response:
        """200 where nothing is missing that is required, else 503; and what is missing."""
        async with self._lock:
            if self.monotonic() - self._checked_at >= FRESH_S:
                checks = {**self.advised, **self.required}
                reasons = await asyncio.gather(*map(_run, checks.values()))
                self._missing = {name: why for name, why in zip(checks, reasons, strict=True) if why}
                self._checked_at = self.monotonic()
        is_ready = not self._missing.keys() & self.required.keys()
        content = {"status": "ready" if is_ready else "not ready", "missing": self._missing}
        return JSONResponse(content, 200 if is_ready else 503)


async def _run(check: ReadinessCheck) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return f"This could not be told within {CHECK_TIMEOUT_S:.0f} s."
