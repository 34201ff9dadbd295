"""Delivery: runs what has to wait until a client has its answer, as far as that can be known."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Action = Callable[[], Awaitable[None]]

WRITE_PAUSE_S = 1.0  # in which an answer that was given is in the pipe, unless the pipe is full
POLL_PAUSE_S = 0.25
LAST_POLLS = 2  # at the end of the process


class Delivery(Protocol):
    """Runs actions once the answer that they belong to is delivered."""

    async def run_after_delivery(self, actions: Sequence[Action]) -> None:
        """Run them when the answer that is now given has reached the client; comes back at once."""

    async def finish(self) -> None:
        """The client is gone: run those whose answers it had, and drop the others."""


class ImmediateDelivery:
    """Takes an answer for delivered as soon as it is given: where a transport says no more."""

    async def run_after_delivery(self, actions: Sequence[Action]) -> None:
        for action in actions:
            await action()

    async def finish(self) -> None:
        return


class PipeDelivery:
    """Watches the pipe or socket behind standard output: answers are delivered when the client has read it empty.

    Where the system can't tell what is unread, a pause has to do.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[Sequence[Action]] = []
        self._watch: asyncio.Task[None] | None = None

    async def run_after_delivery(self, actions: Sequence[Action]) -> None:
        if actions:
            self._waiting.append(actions)
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._run_when_read())

    async def _run_when_read(self) -> None:
        while waiting := list(self._waiting):
            await asyncio.sleep(WRITE_PAUSE_S)  # of those that came meanwhile nothing may be in the pipe yet
            while count_unread_bytes(self._descriptor):  # noqa: ASYNC110 - nobody tells when a pipe was read
                await asyncio.sleep(POLL_PAUSE_S)
            del self._waiting[: len(waiting)]
            await _run_all(waiting)

    async def finish(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for _ in range(LAST_POLLS if self._waiting else 0):
            await asyncio.sleep(POLL_PAUSE_S)
            if not count_unread_bytes(self._descriptor):
                waiting, self._waiting = self._waiting, []
                await _run_all(waiting)


async def _run_all(waiting: Sequence[Sequence[Action]]) -> None:
    for actions in waiting:
        for action in actions:
            await action()


def count_unread_bytes(descriptor: int) -> int:
    """How much the other end of a pipe or socket has not read; 0, too, where the system can't tell."""
    if sys.platform == "win32":
        return 0
    import fcntl  # noqa: PLC0415 - there is none on Windows
    import termios  # noqa: PLC0415

    count = bytearray(4)
    try:
        is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        fcntl.ioctl(descriptor, termios.TIOCOUTQ if is_socket else termios.FIONREAD, count)
    except OSError:
        return 0
    return int.from_bytes(count, sys.byteorder)
