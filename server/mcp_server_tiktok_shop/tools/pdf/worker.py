"""Resizes PDFs in a process of its own, started by `python -m`: jobs come by standard input, until that ends."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.composer import resize_pages
from mcp_server_tiktok_shop.tools.pdf.messages import read_message, write_message
from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import BinaryIO

Job = tuple[dict[str, Any], list[bytes]]
MAX_MEMORY_BYTES = 2**30  # of addresses, where the system can hold a process to it
MAX_TRACE_CHARS = 4000


def run() -> None:
    """Do jobs as long as they come. When the server is gone, whatever is under way ends with it."""
    _limit_memory()
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no reply
    sys.excepthook = lambda kind, error, trace: _report_fault(replies, kind, error, trace)
    threading.Thread(target=_receive_jobs, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        write_message(replies, *_resize(*jobs.get()))


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return
    with suppress(OSError, ValueError):  # a lower limit is set already, or the system knows none
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def _receive_jobs(stream: BinaryIO, jobs: queue.SimpleQueue[Job]) -> None:
    try:
        while True:
            jobs.put(read_message(stream))
    except (EOFError, MemoryError):
        os._exit(0)


def _resize(header: dict[str, Any], files: list[bytes]) -> Job:
    """The reply to a job: the new file and what there is to say of it, or which argument is wrong."""
    page_format = PageFormat(header["paper"], header["scale"], header["name"], header["sheet"])
    try:
        resized = resize_pages(dict(zip(header["arguments"], files, strict=True)), page_format)
    except ShopError as error:
        return {"problem": error.problems[0].to_json()}, []
    except MemoryError:
        return {"out_of_memory": True}, []
    return resized.to_json(), [resized.content]


def _report_fault(
    replies: BinaryIO, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A fault of this program ends the worker; the server's log says what it was."""
    text = "".join(traceback.format_exception(kind, error, trace))
    with suppress(OSError):
        write_message(replies, {"fault": text[-MAX_TRACE_CHARS:]}, [])


if __name__ == "__main__":
    run()
