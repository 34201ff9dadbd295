"""Waits for what has to come about, however slow the machine is: no test says how long that takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp_server_tiktok_shop.platform.client import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S: Final = 60.0  # after which it won't come about: far more than any of it takes, on any machine
TRUE: Final = object()  # whatever counts as true


async def until(
    look: Callable[[], Any], wanted: object = TRUE, patience: float = PATIENCE_S, pause: float = 0.01
) -> None:
    """Until what `look` gives, or what it gives is awaited for, is as wanted."""
    end = time.monotonic() + patience
    while True:
        seen = look()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen if wanted is TRUE else seen == wanted:
            return
        assert time.monotonic() < end, f"it did not come about: {seen!r}"
        await asyncio.sleep(pause)


@dataclass
class LeapingClock:
    """A monotonic clock that leaps when it is told to: the time of a call is up at once, and not on a slow machine."""

    passed_s: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed_s

    @property
    def runtime(self) -> Runtime:
        return Runtime(time.time, self)

    def leap(self, seconds: float, data: Any = None) -> Any:
        """So much later; gives the data, so that an answer's edit can be made of it."""
        self.passed_s += seconds
        return data
