"""Ends the process soon after its client has gone, whatever hangs; only a token pair under way is waited for."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

EXIT_TIMEOUT_S = 4.0  # from the end of the client's input, within which all that can end in order has ended
MIN_ANSWER_S = 2.0  # for what was asked before that end, where the server was still being loaded
PAIR_TIMEOUT_S = 40.0  # as long as a renewal may take: its pair would be lost, and with it the sign-in
POLL_INTERVAL_S = 0.1


class ExitDeadline(Struct, frozen=True):
    """Ends the process after `EXIT_TIMEOUT_S`, or when `wait_for_pairs` is over, after `PAIR_TIMEOUT_S` at most.

    A call cut off, a file half-read or a pipe that nobody empties must not keep it: who started it is gone.
    """

    wait_for_pairs: Callable[[], Coroutine[Any, Any, None]]

    def start(self, end_s: float) -> None:
        """Count from the moment `end_s`, by the monotonic clock, at which the client was gone.

        Called on the event loop, which may be the one that hangs: so it is a thread that counts.
        """
        pairs = asyncio.get_running_loop().create_task(self.wait_for_pairs())
        threading.Thread(target=_exit_late, args=(pairs, end_s), name="exit", daemon=True).start()


def _exit_late(pairs: asyncio.Task[None], end_s: float) -> None:
    time.sleep(max(MIN_ANSWER_S, end_s + EXIT_TIMEOUT_S - time.monotonic()))
    while not pairs.done() and time.monotonic() - end_s < PAIR_TIMEOUT_S:
        time.sleep(POLL_INTERVAL_S)
    os._exit(0)  # without a word: the log may be the pipe that nobody empties
