"""The writes that were sent and whose outcome is not entered yet: each runs to its end, whoever leaves before it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class WritesUnderWay(Struct, frozen=True):
    """Each is bounded by the deadline of its request to the platform; a job of several by that of its call.

    Once the process `is_ending`, a job begins none of the writes that it has left.
    """

    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_ending(self) -> bool:
        return self._end.is_set()

    async def run(self, write: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises. Where the caller is cut off it goes on without them."""
        task = asyncio.create_task(write)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return await asyncio.shield(task)

    async def wait(self) -> None:
        """Wait until there is none: the process must not end before."""
        self._end.set()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _finish(self, task: asyncio.Task[Any]) -> None:
        """A write whose caller is gone may fail without a word: what came of it is entered."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()
