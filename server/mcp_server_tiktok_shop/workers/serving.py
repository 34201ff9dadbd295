"""The worker's side: does jobs from standard input, within its memory limit, until that ends."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.workers.messages import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import BinaryIO

Job = tuple[dict[str, Any], list[bytes]]
MAX_TRACE_CHARS = 4000


def serve_jobs(do_job: Callable[[dict[str, Any], list[bytes]], Job], max_memory_bytes: int | None) -> None:
    """Do jobs as long as they come. When the server is gone, whatever is under way ends with it.

    `max_memory_bytes` are bytes of addresses, where the system can hold a process to them; None for no limit.
    """
    if max_memory_bytes is not None:
        _limit_memory(max_memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it reaches the server, too, which ends its workers
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no reply
    sys.excepthook = lambda kind, error, trace: _report_fault(replies, kind, error, trace)
    threading.Thread(target=_receive_jobs, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        write_message(replies, *do_job(*jobs.get()))


def _limit_memory(max_memory_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return
    with suppress(OSError, ValueError):  # a lower limit is set already, or the system knows none
        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))


def _receive_jobs(stream: BinaryIO, jobs: queue.SimpleQueue[Job]) -> None:
    try:
        while True:
            jobs.put(read_message(stream))
    except (EOFError, MemoryError):
        os._exit(0)


def _report_fault(
    replies: BinaryIO, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A fault of this program ends the worker; the server's log says what it was."""
    text = "".join(traceback.format_exception(kind, error, trace))
    with suppress(OSError):
        write_message(replies, {"fault": text[-MAX_TRACE_CHARS:]}, [])
